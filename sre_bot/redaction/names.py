"""``name = value`` in the notations of shells, logs, JSON, YAML, TOML, XML, code and prose.

The *name* tells that its value may be a secret; the value must then look like one, the more so the less the name is
worth. A last noun decides about a name: ``api_token`` is one, ``token_count`` and ``password_file`` are not.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any

from sre_bot.redaction.pattern import PLACEHOLDER, STOP, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = (
    r"((?:(?:api|access|secret|private|signing|encryption|account|license) )?"
    r"[A-Za-z0-9_.-]*?(?:pass|pwd?|secret|token|cred|auth|jwt|otp|key)[A-Za-z0-9_.-]*)"
)
_QUOTE = r"(?:\\{0,3}[\"'`]|&quot;)"
_VALUE = rule(
    r"\\{1,3}[\"']([^\"'\\\n]+)\\{1,3}[\"']|&quot;([^&\n]+)&quot;"  # JSON inside a string, HTML
    r"|\"((?:[^\"\\\n]|\\.)+)\"|'((?:[^'\\\n]|\\.)+)'|`([^`\n]+)`"
    r"|([^({\[" + STOP + r"][^" + STOP + r"]*)"
)
_REST_OF_LINE = rule(r"([^\s\"']\S*?)[,;]?\s*(?m:$)")
_EQUALS = r"[ \t]*(?:=>|[:?=]?=|%3D|:|>)[ \t]*"
_FOR = r"\s+for\s+(?:user\s+)?\S+?:\s+"
_IS = r"\s+(?:is|was|to)(?:\s+now|\s+(?:re)?set\s+to|\s+changed\s+to)?:?\s+"
_WRAPPED = r"(?:Secret\w*\(|\{\s*\"?value\"?\s*[:=]\s*)?"
_PAIRS = (
    (rule(rf"(?i){_NAME}{_QUOTE}?[\])]?({_EQUALS}|{_FOR}|{_IS}){_WRAPPED}"), _VALUE),
    (rule(rf"(?i)\s--?{_NAME}(\s+)"), _VALUE),
    (
        rule(
            rf"(?i)\b(?:name|key){_QUOTE}?\s*[:=]\s*{_QUOTE}?{_NAME}{_QUOTE}?"
            rf"([\s,;]+{_QUOTE}?value{_QUOTE}?\s*[:=]\s*)"
        ),
        _VALUE,
    ),
    (rule(r"(?m)^[-+>\s]*(?:export\s+|set\s+|ENV\s+)?([A-Za-z0-9_]+)(=)"), _REST_OF_LINE),
)
"""Patterns of a name (group 1) with what joins it to its value (group 2), and of the value that follows."""

_GLANCE = 256
"""Bytes of a value that are read before it is known to be a secret: it bounds the work on ``key=key=key=…``."""


class _Need(enum.Enum):
    """How much a value must look like a secret, given how sure its name makes us; the value is the kind shown."""

    LITTLE = "password"
    SOME = "token"
    MUCH = "credential"


def _keys(owners: str) -> tuple[bytes, ...]:
    return tuple(f"{owner}key".encode() for owner in owners.split())


_PASSWORDS = (b"password", b"passwd", b"passphrase", b"passcode", b"pwd", b"otp")
_TOKENS = (
    *(b"token", b"secret", b"jwt"),
    *_keys(
        "api access account secret private client shared signing encrypt encryption master auth ssh admin hmac crypto"
    ),
    b"subscriptionkey",
)
_WEAK = (
    *(b"auth", b"authorization", b"credential", b"credentials", b"creds"),
    *_keys("app application license session function functions storage webhook ingest root"),
)
_TRIMMINGS = frozenset(
    b"value val string str plain plaintext raw base base64 b64 old new prev current prod dev staging test".split()
)
_OPAQUE = frozenset(
    b"page next continue continuation pagination resume sync cancel cancellation input output existing pull".split()
)
"""Before ``token`` or ``secret`` these make a cursor, a count or the name of an object, not a credential."""

_WORDS = frozenset(
    b"null nil none true false yes no on off undefined unset set empty missing invalid incorrect wrong bad expired "
    b"required optional failed failure rejected denied changed reset rotated updated created deleted revoked found not "
    b"must should is was for the and or string str int bytes bool object text default hidden masked filtered basic "
    b"bearer".split()
)
"""Words that follow ``password:`` and the like in messages."""

_NUMBER = re.compile(rb"[-+]?\d+(?:[.,:]\d+)*(?:[eE][-+]?\d+)?[a-zA-Z%]{0,2}|\d{4}-\d\d-\d\d.*")
_WORD = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DIGIT = re.compile(rb"\d")
_LETTER = re.compile(rb"[A-Za-z\x80-\xff]")
_SYMBOL = re.compile(rb"[!@#$%^*~+](?!$)")

_PASSWORD_LENGTH = 3
_PIN_LENGTH = 4
_TOKEN_LENGTH = 6
_LETTERS_LENGTH = 20
_CREDENTIAL_LENGTH = 16


def by_name(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of every secret that its name gives away."""
    for names, values in _PAIRS:
        position = 0
        while name := names.search(data, position):
            position = name.end()
            need = _need_of(name[1])
            value = need and (values.match(data, position, position + _GLANCE) or values.match(data, position))
            if need and value and _is_secret(value[value.lastindex], need, stated=_is_stated(data, name, value)):
                if value.end() == position + _GLANCE:
                    value = values.match(data, position)
                yield need.value, *value.span(value.lastindex)
                position = value.end()


def _need_of(name: bytes) -> _Need | None:
    """What a name tells of its value, None for nothing."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and (words[-1] in _TRIMMINGS or words[-1].isdigit()):
        words.pop()
    joined = b"".join(words)
    if joined.endswith(_PASSWORDS):
        return _Need.LITTLE
    if words[-2:-1] and words[-2] in _OPAQUE:
        return None
    if joined.endswith(_TOKENS) or words[-1:] in ([b"pass"], [b"pw"]):
        return _Need.SOME
    return _Need.MUCH if joined.endswith(_WEAK) else None


def _is_stated(data: bytes, name: Any, value: Any) -> bool:
    """Whether the notation leaves no doubt that what follows the name is its value; in a sentence it may be a word."""
    start, end = value.span(value.lastindex)
    joint = name[2]
    if start > value.start() or b"=" in joint or joint in {b":", b">"} or joint.isspace():
        return True
    indent = data[max(0, name.start() - 80) : name.start()].rpartition(b"\n")[2]
    return joint.strip() == b":" and not indent.strip(b" \t-+>") and data[end : end + 1] in {b"", b"\n", b"\r"}


def _is_secret(value: bytes, need: _Need, *, stated: bool) -> bool:
    """Whether a value is a secret rather than a placeholder, a word (``token: expired``) or a figure."""
    if PLACEHOLDER.fullmatch(value) or value.lower() in _WORDS:
        return False
    has_digit, has_letter = _DIGIT.search(value), _LETTER.search(value)
    if need is _Need.LITTLE and stated:
        return len(value) >= (_PASSWORD_LENGTH if has_letter else _PIN_LENGTH)
    if b" " in value or not has_letter or _NUMBER.fullmatch(value):
        return False
    if need is _Need.MUCH:
        return bool(has_digit) and len(value) >= _CREDENTIAL_LENGTH
    if has_digit or (stated and _SYMBOL.search(value)):
        return len(value) >= _TOKEN_LENGTH
    return stated and value.isalpha() and len(value) >= _LETTERS_LENGTH
