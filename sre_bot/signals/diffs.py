"""What a diff does, as a reviewer would say it: sets another value, takes a check away, asks more, or nothing new.

Lines are compared as bags of words, without knowing the language: what is moved or renamed appears on both sides and
cancels out. That is crude, and it is meant to be: it orders suspects, it proves nothing.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.signals.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Effect(enum.StrEnum):
    """What a diff does that may break something."""

    SETTING = "sets another value"
    GUARD = "takes a check, a lock, a limit or a release away"
    CALLS = "adds queries or calls"
    GROWTH = "keeps more and more without a bound"
    SCHEMA = "changes a schema"
    LOGIC = "turns a condition"
    REMOVAL = "no longer does something"
    WORK = "works more, or more at a time"
    BUMP = "takes another version of what others made"


ALIKE = 0.6
"""Share of the smaller line's names from which two lines are one line, changed."""
LONGEST_LINE, MOST_LINES = 400, 400
"""Of longer lines (minified, generated) and longer diffs only the beginning is compared."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A diff, read.

    ``told`` are its effects in words, such as ``maxConns: 50 → 10``; ``changed`` the words of what is really changed,
    ``all_words`` also those of lines that were only moved. ``is_known`` is whether there was a diff at all.
    """

    effects: frozenset[Effect]
    told: tuple[str, ...]
    changed: frozenset[str]
    all_words: frozenset[str]
    is_known: bool

    @property
    def restructures(self) -> bool:
        """Whether, as far as can be seen, it only puts things differently."""
        return self.is_known and not self.effects


def read_diff(diff: str) -> Reading:
    """What a unified diff (or one without headers) does; an empty one is not known."""
    lines = changed_lines(diff)
    removed = [text for sign, text in lines if sign == "-" and not _is_comment(text)]
    added = [text for sign, text in lines if sign == "+" and not _is_comment(text)]
    settings = list(dict.fromkeys(_settings(removed, added)))
    gone = list(dict.fromkeys(_guards_gone(removed, added)))
    told = [setting.told for setting in settings] + [f"without {what}" for what in gone]
    effects = set[Effect]()
    effects |= {Effect.SETTING} if settings else set()
    effects |= {Effect.GUARD} if gone else set()
    effects |= {Effect.CALLS} if _asks_more(removed, added) else set()
    effects |= {Effect.GROWTH} if _grows(added) else set()
    effects |= {Effect.SCHEMA} if any(_SCHEMA.search(line) for line in added) else set()
    effects |= {Effect.LOGIC} if _turns(removed, added) else set()
    effects |= {Effect.REMOVAL} if _removes(removed, added) else set()
    effects |= {Effect.WORK} if _more(_WORKS, removed, added) else set()
    effects |= {Effect.BUMP} if any(_BUMPED.search(line) for line in removed) else set()
    named = frozenset[str]().union(*(setting.words for setting in settings), *(terms(what) for what in gone))
    return Reading(
        frozenset(effects),
        tuple(told),
        _net_words(removed, added) | named,
        terms("\n".join((*removed, *added))),
        bool(lines),
    )


def changed_lines(diff: str) -> list[tuple[str, str]]:
    """The lines that a diff takes away (``-``) or adds (``+``), without its headers."""
    found = [(line[0], line[1 : LONGEST_LINE + 1]) for line in diff.splitlines() if _is_changed(line)]
    return found[:MOST_LINES]


def _is_changed(line: str) -> bool:
    return line[:1] in {"+", "-"} and line[:4] not in {"+++ ", "--- "} and bool(line[1:].strip())


def is_comment_only(diff: str) -> bool:
    """Whether a diff changes comments and nothing else."""
    lines = changed_lines(diff)
    return bool(lines) and all(_is_comment(text) for _, text in lines)


_COMMENT = re.compile(r"\s*($|//|\#\s|/\*|\*\s|\*/|--\s|;|<!--)")


def _is_comment(line: str) -> bool:
    return _COMMENT.match(line) is not None


@dataclass(frozen=True, slots=True)
class _Setting:
    """What is set, to what before and after, and the words of both lines."""

    name: str
    old: str
    new: str
    words: frozenset[str]

    @property
    def told(self) -> str:
        return f"{self.name}: {self.old} → {self.new}"


_TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|#[0-9a-fA-F]{3,8}\b|\d+(?:\.\d+)?[a-zA-Z%]*|[A-Za-z_]\w*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_UNIT = re.compile(r"(nano|micro|milli)?seconds?|minutes?|hours?|days?|[kmgt]i?b", re.IGNORECASE)
_WORDS_OF_VALUES = frozenset({"true", "false", "on", "off", "yes", "no", "debug", "info", "warn", "trace", "null"})
_STYLE = re.compile(r"#[0-9a-fA-F]{3,8}|\d+(\.\d+)?(px|r?em|v[hw]|pt|deg)")
_VERSION = re.compile(r"v?\d+\.\d+[.\w+-]*|.*@v?\d+\.\d+.*|sha256:.*|v?\d{4}[.-]\d\d?.*")
_KEYWORDS = frozenset(("if", "for", "while", "return", "var", "let", "const", "func", "def", "new", "else", "in", "of"))


def _is_value(token: str) -> bool:
    plain = token.lower()
    return token[0] in "\"'`#" or token[0].isdigit() or plain in _WORDS_OF_VALUES or _UNIT.fullmatch(token) is not None


def _values(line: str) -> Counter[str]:
    """Numbers, units, switches and short strings of a line; not prose, colours, sizes on a screen or versions."""
    tokens = (token.strip("\"'`") for token in _TOKEN.findall(line) if _is_value(token))
    return Counter(t for t in tokens if t and " " not in t and not _STYLE.fullmatch(t) and not _is_version(line, t))


def _is_version(line: str, token: str) -> bool:
    """Versions are bumped; a number with one dot is one only where the line says so."""
    plain = token.count(".") == 1 and token.replace(".", "").isdigit()
    return _VERSION.fullmatch(token) is not None and (
        not plain or re.search(r"version|image|\bFROM\b", line) is not None
    )


def _names(line: str) -> frozenset[str]:
    """Identifiers outside of strings, without keywords."""
    found = {token for token in _TOKEN.findall(line) if _NAME.fullmatch(token) and not _is_value(token)}
    return frozenset(found - _KEYWORDS)


def _settings(removed: Sequence[str], added: Sequence[str]) -> Iterator[_Setting]:
    """Lines that stay but for a value that is nowhere among the other side's."""
    before, after = _sum(map(_values, removed)), _sum(map(_values, added))
    for line in removed:
        if _VERSIONED.search(line):
            continue
        old = [value for value in _values(line) if value not in after or after[value] < before[value]]
        for other in added if old else ():
            new = [value for value in _values(other) if value not in before or before[value] < after[value]]
            if new and (name := _shared_name(line, other)):
                yield _Setting(name, " ".join(old), " ".join(new), terms(line) | terms(other))
                break
    yield from _entries(removed, added)


_ENTRY = re.compile(r"\s*(?:-\s+|export\s+)?([\w.-]+)\s*(?::|=)\s*([^\s(){}\[\];,\"'`]+)\s*")


def _entries(removed: Sequence[str], added: Sequence[str]) -> Iterator[_Setting]:
    """Entries ``key: value`` of a file of configuration whose value is a bare word, and another one now."""
    old, new = (
        {m.group(1): m.group(2) for line in side if (m := _ENTRY.fullmatch(line)) and not _is_plain(m.group(2))}
        for side in (removed, added)
    )
    for key, value in old.items():
        if new.get(key, value) != value:
            yield _Setting(key, value, new[key], terms(f"{key} {value} {new[key]}"))


def _is_plain(value: str) -> bool:
    """Whether a value is none that matters here: a colour, a size on a screen, a version, or told of as a value."""
    return _is_value(value) or any(pattern.fullmatch(value) for pattern in (_STYLE, _VERSION))


_VERSIONED = re.compile(r"\s*(FROM\s|[\w./-]+\s+v\d+\.\d)|\bversion\b\s*[:=]", re.IGNORECASE)


def _shared_name(one: str, other: str) -> str | None:
    """What both lines are about, if they are the same line but for a value."""
    mine, its = _names(one), _names(other)
    shared = mine & its
    if not shared or len(shared) < ALIKE * min(len(mine), len(its)):
        return None
    return " ".join(token for token in dict.fromkeys(_TOKEN.findall(one)) if token in shared)


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    total = Counter[str]()
    for count in counts:
        total.update(count)
    return total


_CHECK = re.compile(
    r"(\w[\w.]*(?:\[\w+\]|\(\))*)\s*(?:==|!=|===|!==|is not|is)\s*(nil|None|null|undefined|NULL)\b|"
    r"([\w.]+)\.(?:isPresent|isEmpty|has_value|is_some|is_none|nonNull|exists)\b|(\w+)\?\."
)
_LOCK = re.compile(r"\b(?:\w*[mM]utex|\w*\.R?[lL]ock|synchronized|[sS]emaphore|atomic|FOR UPDATE|transaction)\b")
_RELEASE = re.compile(r"\b(?:\w+\.)?([cC]lose|[rR]elease|[dD]ispose|[uU]nsubscribe|[fF]lush|[eE]vict|clearInterval)\(")
_CONTROL = re.compile(
    r"time_?out|deadline|retry|retries|backoff|jitter|\blimit|evict|expir|\bttl|validat|verif|sanitiz|escape|authori"
    r"|permission|throttl|circuit|fallback|\bwhere\b|recover|\bcatch\b|\bexcept\b|dedup|idempoten|max_?(size|len|age)",
    re.IGNORECASE,
)
_ERRORS = frozenset({"err", "error", "e", "ex", "exc", "exception"})


def _guards_gone(removed: Sequence[str], added: Sequence[str]) -> Iterator[str]:
    """What kept things safe on the one side and is not on the other.

    That an error is handed on in fewer lines takes nothing away.
    """
    old, new = "\n".join(removed), "\n".join(added)
    yield from (f"the check of {what}" for what in _checked(old) - _checked(new))
    for what, pattern in (("a lock", _LOCK), ("a release", _RELEASE)):
        if len(pattern.findall(old)) > len(pattern.findall(new)):
            yield what
    lost = Counter(match.group().lower() for match in _CONTROL.finditer(old))
    lost -= Counter(match.group().lower() for match in _CONTROL.finditer(new))
    yield from lost


def _checked(text: str) -> frozenset[str]:
    """Names that are checked for being there."""
    names = (next(filter(None, (m.group(1), m.group(3), m.group(4))), "") for m in _CHECK.finditer(text))
    return frozenset(name for name in names if name and name.lower() not in _ERRORS)


_ASKS = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|JOIN)\s|\b[qQ]uery\w*\(|\b[eE]xec\w*\(|\.(?:Get|Fetch|Find|Load|List|Do|Call)\w*\("
    r"|\.(?:get|fetch|find|load|query|request|send|publish|invoke)(?:_\w+|[A-Z]\w*)?\(|\bfetch\(|\brequests?\.\w+\("
)


_AT_HAND = re.compile(r"\b\w*(?:[hH]eaders?|[pP]ool|[oO]nce|[eE]nv|[cC]onfig|[pP]arams|[mM]ap|^os)(?:\(\))?\.\w+\(")
"""What is read from memory asks nobody."""


def _asks_more(removed: Sequence[str], added: Sequence[str]) -> bool:
    return _more(_ASKS, *([_AT_HAND.sub("", line) for line in side] for side in (removed, added)))


def _more(pattern: re.Pattern[str], removed: Iterable[str], added: Iterable[str]) -> bool:
    counts = [sum(len(pattern.findall(line)) for line in side) for side in (removed, added)]
    return counts[1] > counts[0]


_WORKS = re.compile(
    r"\bregexp?\.|re\.compile|RegExp|Pattern\.compile|bcrypt|scrypt|pbkdf2|deep_?copy|\bsleep\(|\bgo func|Thread\("
    r"|ThreadPool|Promise\.all|errgroup|synchronized|\.R?Lock\(\)|FOR UPDATE|while True|for \{|setInterval",
    re.IGNORECASE,
)
_BUMPED = re.compile(r"\bv?\d+\.\d+\.\d+|^\s*FROM\s|[\^~]\d+\.\d+|==\s*\d+\.")
_OPERATOR = re.compile(r"==|!=|<=|>=|&&|\|\||<|>|!|\band\b|\bor\b|\bnot\b|[-+*/%]")


def _turns(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether a line stays but for its operators."""
    plain = {_bare(line): _OPERATOR.findall(line) for line in removed if _names(line)}
    return any(_bare(line) in plain and plain[_bare(line)] != _OPERATOR.findall(line) for line in added)


def _bare(line: str) -> tuple[str, ...]:
    return tuple(token for token in _TOKEN.findall(line) if token not in {"and", "or", "not"})


_CALL = re.compile(r"([A-Za-z_]\w*)[ \t]*\(")


def _removes(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether calls are gone and none came in their place; a helper that was extracted is a call."""
    gone, come = (frozenset(_CALL.findall("\n".join(side))) - _KEYWORDS for side in (removed, added))
    return bool(gone - come) and not come - gone


_KEEPS = re.compile(
    r"\bappend\(|\.(?:append|add|push|put|offer|set|subscribe|on|addListener|addEventListener)\(|\[\w+\]\s*=[^=]"
)
_SHARED = re.compile(
    r"^\s*var\s+\w+\s*(?:=\s*)?(?:\[\]|map\b|make\()|\bstatic\b.*(?:List|Map|Set|Queue)\b|\bglobal\s+\w"
    r"|^(?:export\s+)?(?:const|let|var)\s+\w+\s*=\s*(?:new\s+(?:Map|Set|Array)|\[\s*\]|\{\s*\})|^_?\w+\s*(?::[^=]+)?=\s*(?:\[\s*\]|\{\s*\}|dict\(|list\()"
    r"|self\.\w+\s*=\s*(?:\[\s*\]|\{\s*\})"
)
_BOUND = re.compile(r"\blru\b|max|limit|\bcap\b|evict|bounded|\bttl\b|expir|maxlen", re.IGNORECASE)


def _grows(added: Sequence[str]) -> bool:
    """Whether something that outlives a request is added to, and nothing in sight bounds it."""
    text = "\n".join(added)
    is_shared = any(_SHARED.search(line) for line in added)
    return is_shared and _KEEPS.search(text) is not None and _BOUND.search(text) is None


_SCHEMA = re.compile(
    r"\b(?:ALTER\s+TABLE|DROP\s+(?:TABLE|COLUMN|INDEX)|RENAME\s+(?:TO|COLUMN)|CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)"
    r"|drop_column|rename_column|drop_table|op\.alter_column)",
    re.IGNORECASE,
)


def _net_words(removed: Sequence[str], added: Sequence[str]) -> frozenset[str]:
    """Words of names that one side has more often than the other."""
    old, new = (Counter(word for line in side for word in terms(line)) for side in (removed, added))
    return frozenset((old - new) + (new - old))
