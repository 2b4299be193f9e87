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

from sre_bot.signals.delays import lasts, schedules
from sre_bot.signals.sameness import CALL, conserves, only_adds
from sre_bot.signals.values_set import KEYWORDS, TOKEN, names, settings
from sre_bot.signals.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import timedelta


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
    PATTERN = "matches by another pattern"
    BUMP = "takes another version of what others made"


LONGEST_LINE, MOST_LINES = 400, 400
"""Of longer lines (minified, generated) and longer diffs only the beginning is compared."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A diff, read.

    ``told`` are its effects in words, such as ``maxConns: 50 → 10``; ``changed`` the words of what is really changed,
    ``all_words`` also those of lines that were only moved. ``is_known`` is whether there was a diff at all, and
    ``only_adds`` whether all that was there before is still there; ``is_conserving`` whether what it computes with,
    numbers, short strings and operators, is the same on both sides. ``is_small_bump`` is whether it takes other
    versions and does nothing else, of which none differs in more than its last number. ``lasts`` are lengths of time
    that it sets, and ``reschedules`` is whether it sets when something is to run.
    """

    effects: frozenset[Effect]
    told: tuple[str, ...]
    changed: frozenset[str]
    all_words: frozenset[str]
    is_known: bool
    only_adds: bool = False
    is_conserving: bool = True
    is_small_bump: bool = False
    lasts: frozenset[timedelta] = frozenset()
    reschedules: bool = False

    @property
    def restructures(self) -> bool:
        """Whether, as far as can be seen, it only puts things differently."""
        return self.is_known and self.is_conserving and not self.effects and not self.only_adds


def read_diff(diff: str) -> Reading:
    """What a unified diff (or one without headers) does; an empty one is not known."""
    lines = changed_lines(diff)
    removed = [text for sign, text in lines if sign == "-" and not _is_comment(text)]
    added = [text for sign, text in lines if sign == "+" and not _is_comment(text)]
    found = list(dict.fromkeys(settings(removed, added)))
    gone = list(dict.fromkeys(_guards_gone(removed, added)))
    told = [setting.told for setting in found] + [f"without {what}" for what in gone]
    effects = set[Effect]()
    effects |= {Effect.SETTING} if found else set()
    effects |= {Effect.GUARD} if gone else set()
    effects |= {Effect.CALLS} if _asks_more(removed, added) else set()
    effects |= {Effect.GROWTH} if _grows(added) else set()
    effects |= {Effect.SCHEMA} if any(_SCHEMA.search(line) for line in added) else set()
    effects |= {Effect.LOGIC} if _turns(removed, added) else set()
    effects |= {Effect.REMOVAL} if _removes(removed, added) else set()
    effects |= {Effect.WORK} if _more(_WORKS, removed, added) else set()
    effects |= {Effect.PATTERN} if _patterns(added) - _patterns(removed) and _patterns(removed) else set()
    effects |= {Effect.BUMP} if any(_BUMPED.search(line) for line in removed) else set()
    named = frozenset[str]().union(*(setting.words for setting in found), *(terms(what) for what in gone))
    named |= {"bump"} if Effect.BUMP in effects else frozenset[str]()
    return Reading(
        frozenset(effects),
        tuple(told),
        _net_words(removed, added) | named,
        terms("\n".join((*removed, *added))),
        bool(lines),
        only_adds(removed, added),
        conserves(removed, added),
        effects == {Effect.BUMP} and _is_small(removed, added),
        lasts(added) - lasts(removed),
        bool(schedules(removed) and schedules(added) - schedules(removed)),
    )


def changed_lines(diff: str) -> list[tuple[str, str]]:
    """The lines that a diff takes away (``-``) or adds (``+``), without its headers."""
    found = [(line[0], line[1 : LONGEST_LINE + 1]) for line in diff.splitlines() if _is_changed(line)]
    return found[:MOST_LINES]


def _is_changed(line: str) -> bool:
    return line[:1] in {"+", "-"} and line[:4] not in {"+++ ", "--- "} and bool(line[1:].strip())


def is_idle(diff: str) -> bool:
    """Whether a diff changes nothing that runs: comments, and versions of what only checks programs."""
    lines = changed_lines(diff)
    return bool(lines) and all(_is_comment(text) or _is_tool(text) for _, text in lines)


def _is_tool(line: str) -> bool:
    return _TOOLS.search(line) is not None and _VERSION.search(line) is not None


_COMMENT = re.compile(r"\s*($|//|\#\s|/\*|\*\s|\*/|--\s|;|<!--|COMMENT ON\s)")


def _is_comment(line: str) -> bool:
    return _COMMENT.match(line) is not None


_CHECK = re.compile(
    r"(\w[\w.]*(?:\[\w+\]|\(\))*)\s*(?:==|!=|===|!==|is not|is)\s*(nil|None|null|undefined|NULL)\b|"
    r"([\w.]+)\.(?:isPresent|isEmpty|has_value|is_some|is_none|nonNull|exists)\b|(\w+)\?\."
)
_LOCK = re.compile(r"\b(?:\w*[mM]utex|\w*\.R?[lL]ock|synchronized|[sS]emaphore|atomic|FOR UPDATE|transaction)\b")
_SCOPE = re.compile(
    r"^\s*(?:async\s+)?with\s.*:\s*$|\busing\s*[(\s]\s*(?:var|let|\w+\s+\w+\s*=)|\btry\s*\(|\bdefer\b|\bfinally\b|\bensure\b"
)
"""What gives something back at the end of a block."""
_RELEASE = re.compile(r"\b(?:\w+\.)?([cC]lose|[rR]elease|[dD]ispose|[uU]nsubscribe|[fF]lush|[eE]vict|clearInterval)\(")
_CONTROL = re.compile(
    r"time_?out|deadline|retry|retries|backoff|jitter|\blimit|evict|expir|\bttl|validat|verif|sanitiz|escape|authori"
    r"|permission|throttl|circuit|fallback|\bwhere\b|recover|\bcatch\b|\bexcept\b|dedup|idempoten|max_?(size|len|age)"
    r"|chunk|batch_?size|(page|fetch)_?size",
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
    scopes = [sum(_SCOPE.search(line) is not None for line in side) for side in (removed, added)]
    if scopes[0] > scopes[1] and len(_RELEASE.findall(old)) <= len(_RELEASE.findall(new)):
        yield "a release"
    lost = Counter(match.group().lower() for match in _CONTROL.finditer(old))
    lost -= Counter(match.group().lower() for match in _CONTROL.finditer(new))
    yield from lost


def _checked(text: str) -> frozenset[str]:
    """Names that are checked for being there."""
    names = (next(filter(None, (m.group(1), m.group(3), m.group(4))), "") for m in _CHECK.finditer(text))
    plain = (_OWN.sub("", name) for name in names)
    return frozenset(name for name in plain if name and name.lower() not in _ERRORS)


_OWN = re.compile(r"^(?:self|this)\.")
"""The same thing, once it belongs to an object."""


_ASKS = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|JOIN)\s|\b[qQ]uery\w*\(|\b[eE]xec\w*\(|\.(?:Get|Fetch|Find|Load|List|Do|Call)\w*\("
    r"|\.(?:get|fetch|find|load|query|request|send|publish|invoke)(?:_\w+|[A-Z]\w*)?\(|\bfetch\(|\brequests?\.\w+\("
)


_TAKEN = re.compile(r"\b(\w+)\.(?:[gG]et|[aA]cquire|[bB]orrow)\w*\(")
"""What is given back in the same diff (``Put``, ``release``) is taken from memory."""
_AT_HAND = re.compile(r"\b\w*(?:[hH]eaders?|[pP]ool|[oO]nce|[eE]nv|[cC]onfig|[pP]arams|[mM]ap|^os)(?:\(\))?\.\w+\(")
"""What is read from memory asks nobody."""


def _asks_more(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether more is asked of others than before."""
    given = frozenset(re.findall(r"\b(\w+)\.(?:[pP]ut|[rR]elease|[rR]eturn)\w*\(", "\n".join(added)))
    added = [_TAKEN.sub(lambda taken: "" if taken.group(1) in given else taken.group(), line) for line in added]
    return _more(_ASKS, *([_AT_HAND.sub("", line) for line in side] for side in (removed, added)))


def _more(pattern: re.Pattern[str], removed: Iterable[str], added: Iterable[str]) -> bool:
    counts = [sum(len(pattern.findall(line)) for line in side) for side in (removed, added)]
    return counts[1] > counts[0]


_WORKS = re.compile(
    r"\bregexp?\.|re\.compile|RegExp|Pattern\.compile|bcrypt|scrypt|pbkdf2|deep_?copy|\bsleep\(|\bgo func|Thread\("
    r"|fetch_?all\(|read_?all\(|readlines\(|\.collect\(|\.to_?(?:list|a)\("
    r"|\.f?(?:data)?sync\(|ThreadPool|Promise\.all|errgroup|synchronized|\.R?Lock\(\)|FOR UPDATE|while True|for \{"
    r"|setInterval",
    re.IGNORECASE,
)
_BUMPED = re.compile(r"\bv?\d+\.\d+\.\d+|^\s*FROM\s|[\^~]\d+\.\d+|==\s*\d+\.")
_VERSION = re.compile(r"(?<![\d.])v?(\d+\.\d+)(?:\.\d+)?(?![\d])")


def _is_small(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether each version that goes comes back but for what follows its second number."""
    old, new = (Counter(_VERSION.findall("\n".join(side))) for side in (removed, added))
    return bool(old) and old == new


_OPERATOR = re.compile(r"==|!=|<=|>=|&&|\|\||<|>|!|\band\b|\bor\b|\bnot\b|[-+*/%]")


def _turns(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether a line stays but for its operators, be they in a query."""
    plain = {_bare(line): _operators(line) for line in removed if names(line)}
    return any(_bare(line) in plain and plain[_bare(line)] != _operators(line) for line in added)


def _operators(line: str) -> list[str]:
    return _OPERATOR.findall(line) + [turned for query in _QUERY.findall(line) for turned in _COMPARED.findall(query)]


_QUERY = re.compile(r"[\"'`][^\"'`]*\b(?:WHERE|HAVING|ON)\s[^\"'`]*[\"'`]?", re.IGNORECASE)
_COMPARED = re.compile(r"<>|[<>!]?=|[<>]|\b(?:NOT|AND|OR|ASC|DESC)\b")


def _bare(line: str) -> tuple[str, ...]:
    unquoted = _QUERY.sub(lambda query: " ".join(re.findall(r"\w+", _COMPARED.sub(" ", query.group()))), line)
    return tuple(token for token in TOKEN.findall(unquoted) if token not in {"and", "or", "not"})


_PATTERN = re.compile(
    r"(?:^|[=(:,\s])/((?:[^/\\]|\\.)+)/[gimsuy]{0,5}(?=\s*[,;).\]}]|\s*$)|\"((?:[^\"\\]|\\.)+)\"|'((?:[^'\\]|\\.)+)'"
)
_IS_PATTERN = re.compile(r"\\[wWsSdDb]|\.[*+]|\[\^|\(\?[:=!<P]|[\])][*+]")


def _patterns(lines: Iterable[str]) -> frozenset[str]:
    """Regular expressions that are written out: between slashes, or as strings that look like one."""
    found = (next(filter(None, match.groups())) for line in lines for match in _PATTERN.finditer(line))
    return frozenset(text for text in found if _IS_PATTERN.search(text))


_CONVERSIONS = frozenset(
    ("list", "str", "int", "float", "set", "dict", "tuple", "bool", "string", "len", "range", "sorted", "make", "print")
)
"""Calls that do nothing but give something another form."""


_NOTHING = frozenset({"nil", "None", "null", "undefined", "self", "this"})
_ASSIGNED = re.compile(r"\b(\w+)(?:,\s*\w+)?\s*:?=(?!=)")


def _removes(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether calls are gone and none came in their place, or names; a helper that was extracted is a call."""
    old, new = (frozenset[str]().union(*map(names, side)) for side in (removed, added))
    lost = old - new - _ERRORS - _NOTHING - frozenset(_ASSIGNED.findall("\n".join(removed)))
    if added and lost and not new - old:
        return True
    gone, come = (frozenset(CALL.findall("\n".join(side))) - KEYWORDS - _CONVERSIONS for side in (removed, added))
    return bool(gone - come) and not come - gone


_KEEPS = re.compile(
    r"\bappend\(|\.(?:append|add|push|put|offer|set|subscribe|on|addListener|addEventListener)\(|\[\w+\]\s*=[^=]"
)
_SHARED = re.compile(
    r"^\s*var\s+\w+\s*(?:=\s*)?(?:\[\]|map\b|make\()|\bstatic\b.*(?:List|Map|Set|Queue)\b|\bglobal\s+\w"
    r"|^(?:export\s+)?(?:const|let|var)\s+\w+\s*=\s*(?:new\s+(?:Map|Set|Array)|\[\s*\]|\{\s*\})|^_?\w+\s*(?::[^=]+)?=\s*(?:\[\s*\]|\{\s*\}|dict\(|list\()"
    r"|self\.\w+\s*=\s*(?:\[\s*\]|\{\s*\})"
)
_TOOLS = re.compile(
    r"eslint|prettier|stylelint|husky|\bjest\b|mocha|vitest|pytest|mypy|\bruff\b|\bblack\b|flake8|golangci|checkstyle"
    r"|spotbugs|junit|testify|rubocop|rspec|@types/",
    re.IGNORECASE,
)
_BOUND = re.compile(r"\blru\b|max|limit|\bcap\b|evict|bounded|\bttl\b|expir|maxlen", re.IGNORECASE)


def _grows(added: Sequence[str]) -> bool:
    """Whether something that outlives a request is added to, and nothing in sight bounds it."""
    text = "\n".join(added)
    is_shared = any(_SHARED.search(line) for line in added)
    return is_shared and _KEEPS.search(text) is not None and _BOUND.search(text) is None


_SCHEMA = re.compile(
    r"\b(?:ALTER\s+TABLE|DROP\s+(?:TABLE|COLUMN|INDEX)|RENAME\s+(?:TO|COLUMN)|CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)"
    r"|ADD\s+CONSTRAINT|SET\s+NOT\s+NULL|LOCK\s+TABLE|VACUUM\s+FULL|REINDEX\s+(?!.*CONCURRENTLY)"
    r"|drop_column|rename_column|drop_table|op\.(?:alter_column|create_index|drop_\w+)|remove_(?:index|column)"
    r"|change_column|drop_index|add_index\b(?!.*concurrently))",
    re.IGNORECASE,
)


def _net_words(removed: Sequence[str], added: Sequence[str]) -> frozenset[str]:
    """Words of names that one side has more often than the other."""
    old, new = (Counter(word for line in side for word in terms(line)) for side in (removed, added))
    return frozenset((old - new) + (new - old))
