"""``name = value`` in the notations of shells, logs, JSON, YAML, TOML, XML, code and prose.

The *name* tells that its value may be a secret; the value must then look like one, the more so the less the name is
worth. A last noun decides about a name: ``api_token`` is one, ``token_count`` and ``password_file`` are not.
"""

from __future__ import annotations

import enum
import functools
import re
from typing import TYPE_CHECKING, Any

from sre_bot.redaction.pattern import PLACEHOLDER, STOP, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

FOREIGN = tuple(
    word.encode().decode("latin-1")
    for word in [
        "passwort",
        "kennwort",
        "wachtwoord",
        "contraseña",
        "contrasena",
        "senha",
        "parola",
        "parola_chiave",
        "mot_de_passe",
        "lösenord",
        "hasło",
        "haslo",
        "clave_secreta",
        "salasana",
        "heslo",
        "şifre",
        "пароль",
        "密码",
        "密碼",
        "口令",
        "パスワード",
        "비밀번호",
        "암호",
    ]
)
"""What a password is called elsewhere; each of the bytes of its UTF-8 as a character, as the rules have it."""

_PREFIX = r"(?:(?:api|access|secret|private|signing|encryption|account|license) )?"
_NAME = (
    rf"({_PREFIX}[A-Za-z0-9_.-]*?"
    r"(?:pass|pwd?|secret|token|cred|auth|jwt|otp|key|psk|cookie|_pat\b)[A-Za-z0-9_.-]*)"
)
_FOREIGN_NAME = rf"([A-Za-z0-9_.-]*(?:{'|'.join(FOREIGN)}))"
_QUOTE = r"(?:\\{0,3}[\"'`]|&(?:quot|apos|#3[49]|#x2[27]);|%2[27])"
_QUOTED = (
    r"[NBRUbru@]?(?:\\{1,3}[\"']([^\"'\\\n]+)\\{1,3}[\"']|&(?:quot|apos|#3[49]|#x2[27]);([^&\n]+)&"
    r"|%2[27]([^%\n]+)%2[27]"
    r"|\"((?:[^\"\\\n]|\\.)+)\"|'((?:[^'\\\n]|\\.)+)'|`([^`\n]+)`)"
)
"""A string: of a programming language, of JSON inside a string, of HTML, of an address."""

_WRAPPED = (
    r"(?:Secret\w*\(|\{\s*\"?value\"?\s*[:=]\s*|(?:Some|default|password)\(|[a-z]+\([0-9]+\) |!+[a-zA-Z:,._/]+ |&\w+ "
    r"|<!\[CDATA\[|\[\s?)?"
)

_IN_QUOTES = rule(_QUOTED)
_VALUE = rule(_WRAPPED + "(?:" + _QUOTED + r"|([^({\[" + STOP + r"][^" + STOP + r"]*))")
_WORD_BEHIND = rule(r"([^({\[" + STOP + r"][^" + STOP + r"]*)")
_REST_OF_LINE = rule(r"([^\s\"']\S*?)[,;]?\s*(?m:$)")

_BLOCK = r"[ \t]*(?::[ \t]*[|>][-+]?[0-9]?|=[ \t]*<<[-~]?[\"']?\w+[\"']?)[ \t]*\r?\n[ \t]*"  # YAML, a here-document
_COLON = "：".encode().decode("latin-1")
_EQUALS = rf"[ \t]*(?:=>\s*|[-:?+.=]?=|->|:-|\|\|?|\?\?|%3D|{_COLON}|:|>\s*)[ \t]*|\t+"
_FOR = r"\s+for\s+(?:user\s+)?\S+?(?::\s+|\s+is:?\s+)"
_IS = r"\s+(?:is|was|to|lautet|est|es)(?:\s+now|\s+(?:re)?set\s+to|\s+changed\s+to)?:?\s+"
_TYPED = r":\s*[A-Za-z&*][\w.&*<>, \[\]]{0,40}=\s*|\s+(?:string|str|text|bytes|char|varchar)\s*=\s*"
_DIRECTIVE = (
    r"(?:ENV|ARG|SetEnv|setenv|set\s+-{1,2}\w+(?:\s+-{1,2}\w+)*|proxy_set_header|add_header|more_set_headers|fastcgi_param"
    r"|RequestHeader\s+set|set-header)"
)
_PAIRS: tuple[tuple[Any, Any, bool | None], ...] = (
    (rule(rf"(?i){_NAME}{_QUOTE}?[\])]?({_EQUALS})"), _VALUE, None),
    (rule(rf"(?i){_NAME}({_BLOCK}|{_FOR}|{_IS})"), _VALUE, None),
    (rule(rf"(?i){_FOREIGN_NAME}{_QUOTE}?[\])]?({_BLOCK}|{_EQUALS}|{_IS})"), _VALUE, None),
    (rule(rf"(?i)(?:^|[\s\"'\[,])--?{_NAME}(\s+|[\"'],\s*)"), _VALUE, True),
    (
        rule(
            rf"(?i)\b(?:name|key){_QUOTE}?\s*[:=]\s*{_QUOTE}?{_NAME}{_QUOTE}?"
            rf"([\s,;]+{_QUOTE}?value{_QUOTE}?\s*[:=]\s*)"
        ),
        _VALUE,
        True,
    ),
    (rule(r"(?m)^[-+>\s]*(?:export\s+|set\s+|ENV\s+)?([A-Za-z0-9_]+)(=)"), _REST_OF_LINE, True),
    (rule(rf"(?i){_QUOTE}{_NAME}{_QUOTE}(,\s*|%3A)"), _IN_QUOTES, False),
    (rule(r"(?i)\b((?:set|with)_?[a-z_]*(?:pass|secret|token|key)[a-z_]*|password)(\(\s*)"), _IN_QUOTES, False),
    (rule(rf"(?i){_NAME}({_TYPED})"), _IN_QUOTES, True),
    (rule(rf"(?i)\b{_DIRECTIVE}\s+{_NAME}(\s+)"), _VALUE, True),
    (rule(rf"(?i)\bvariable\s+\"{_NAME}\"\s*\{{([^}}]{{0,200}}?\bdefault\s*=\s*)"), _VALUE, True),
    (
        rule(r"(?i)\b((?:insecure-)?(?:password|passwd|passphrase|pwd|pass))([ \t]+(?:[057][ \t]+)?)"),
        _WORD_BEHIND,
        False,
    ),
    (rule(r"(?i)\b(?:use|using|with)\s+(?:the\s+)?(token|secret|key)(\s+)"), _WORD_BEHIND, False),
    (rule(rf"(?i)<{_NAME}(\s+value\s*=\s*)"), _IN_QUOTES, True),
)
"""Patterns of a name (group 1) with what joins it to its value (group 2); the pattern of the value that follows; and
whether the notation leaves no doubt that it is one (None: that depends, see ``_is_stated``)."""

_GLANCE = 256
"""Bytes of a value that are read before it is known to be a secret: it bounds the work on ``key=key=key=…``."""


class _Need(enum.Enum):
    """How much a value must look like a secret, given how sure its name makes us; the value is the kind shown."""

    LITTLE = "password"
    SOME = "token"
    MUCH = "credential"


NAME_KINDS = frozenset(need.value for need in _Need)


def _keys(owners: str) -> tuple[bytes, ...]:
    return tuple(f"{owner}key".encode() for owner in owners.split())


_PASSWORDS = (
    *(b"password", b"passwd", b"passphrase", b"passcode", b"pwd", b"otp"),
    *(word.encode("latin-1") for word in FOREIGN),
)
_TOKENS = (
    *(b"token", b"secret", b"jwt"),
    *_keys(
        "api access account secret private client shared signing encrypt encryption master auth ssh admin hmac crypto "
        "preshared unseal fernet subscription integration ingestion"
    ),
    *(b"authtok", b"psk"),
)
_WEAK = (
    *(b"auth", b"authorization", b"credential", b"credentials", b"creds", b"erlangcookie"),
    *_keys("app application license session function functions storage webhook ingest root routing service write sdk"),
    *_keys("connection newrelic datadog"),
)
_TRIMMINGS = frozenset(
    b"value val data string str plain plaintext raw base base64 b64 old new prev current prod dev staging test".split()
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
_DOTTED = re.compile(rb"(?:[A-Za-z]+\d{0,3}[._:/-])+[A-Za-z]*\d{0,3}")
"""A name of something, as in ``routing_key=orders.created.v2``."""
_METHOD = re.compile(rb"(?i)(?:s?sha|scram|argon|bcrypt|pbkdf|md|oauth|ntlmv|pkcs|rfc|base|aes|utf)[-_]?\d.{0,16}")
"""How a password is stored or sent."""
_CHECKSUM = re.compile(rb"(?i)(?:checksum|digest|hash)[/.]$")
_DIGIT = re.compile(rb"\d")
_LETTER = re.compile(rb"[A-Za-z\x80-\xff]")
_SYMBOL = re.compile(rb"[!@#$%^*~+](?!$)")

_PASSWORD_LENGTH = 3
_PIN_LENGTH = 4
_TOKEN_LENGTH = 6
_LETTERS_LENGTH = 20
_CREDENTIAL_LENGTH = 16


def by_name(data: bytes, original: bytes) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of every secret that its name gives away.

    Args:
        data: the text, with blanks in the place of escapes.
        original: the text as it is, of the same length; whether a value looks like a secret is seen there.
    """
    for names, values, stated in _PAIRS:
        position = 0
        while name := names.search(data, position):
            position = name.end()
            need = _need_of(name[1])
            value = need and (values.match(data, position, position + _GLANCE) or values.match(data, position))
            if not need or not value or _is_of_something_else(data, name):
                continue
            sure = _is_stated(data, name, value) if stated is None else stated
            if _is_secret(original[slice(*value.span(value.lastindex))], need, stated=sure):
                if value.end() == position + _GLANCE:
                    value = values.match(data, position)
                yield need.value, *value.span(value.lastindex)
                position = value.end()


@functools.lru_cache(maxsize=4096)
def _need_of(name: bytes) -> _Need | None:
    """What a name tells of its value, None for nothing."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and (words[-1] in _TRIMMINGS or words[-1].isdigit()):
        words.pop()
    joined = b"".join(words)
    if joined.endswith(_PASSWORDS) or name.lower().endswith(_PASSWORDS):
        return _Need.LITTLE
    if words[-2:-1] and words[-2] in _OPAQUE:
        return None
    if joined.endswith(_TOKENS) or words[-1:] in ([b"pass"], [b"pw"]):
        return _Need.SOME
    return _Need.MUCH if joined.endswith(_WEAK) or words[-1:] == [b"pat"] else None


def _is_of_something_else(data: bytes, name: Any) -> bool:
    """Whether the name is part of an ARN (``:secret:prod/db``), or the value is a checksum (``checksum/secret: …``)."""
    before = data[max(0, name.start(1) - 9) : name.start(1)]
    return _CHECKSUM.search(before) is not None or (before.endswith(b":") and name[2] == b":")


def _is_stated(data: bytes, name: Any, value: Any) -> bool:
    """Whether the notation leaves no doubt that what follows the name is its value; in a sentence it may be a word."""
    end, joint = value.end(value.lastindex), name[2]
    if value.lastindex < value.re.groups or b"=" in joint or b"\n" in joint or joint in {b":", b">"}:
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
    if b" " in value or not has_letter or _NUMBER.fullmatch(value) or (not stated and _METHOD.fullmatch(value)):
        return False
    if need is _Need.MUCH:
        return bool(has_digit) and len(value) >= _CREDENTIAL_LENGTH and not _DOTTED.fullmatch(value)
    if has_digit or (stated and _SYMBOL.search(value)):
        return len(value) >= _TOKEN_LENGTH
    return stated and value.isalpha() and len(value) >= _LETTERS_LENGTH
