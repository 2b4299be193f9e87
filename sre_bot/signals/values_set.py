"""Values that a diff sets: the lines that stay but for a number, a switch, a unit, a constant or a bare word.

Like all that `diffs` reads, lines are held against each other as bags of words, without knowing the language.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.signals.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ALIKE = 0.6
"""Share of the smaller line's names from which two lines are one line, changed."""
KEYWORDS = frozenset(("if", "for", "while", "return", "var", "let", "const", "func", "def", "new", "else", "in", "of"))
TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|#[0-9a-fA-F]{3,8}\b|\d+(?:\.\d+)?[a-zA-Z%]*|[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is set, to what before and after, and the words of both lines."""

    name: str
    old: str
    new: str
    words: frozenset[str]

    @property
    def told(self) -> str:
        """What was set, from what to what."""
        return f"{self.name}: {self.old} → {self.new}"


_NAME = re.compile(r"[A-Za-z_]\w*")
UNIT = re.compile(r"(nano|micro|milli)?seconds?|minutes?|hours?|days?|[kmgt]i?b", re.IGNORECASE)
_WORDS_OF_VALUES = frozenset({"true", "false", "on", "off", "yes", "no", "debug", "info", "warn", "trace", "null"})
_STYLE = re.compile(r"#[0-9a-fA-F]{3,8}|\d+(\.\d+)?(px|r?em|v[hw]|pt|deg)")
_VERSION = re.compile(r"v?\d+\.\d+[.\w+-]*|.*@v?\d+\.\d+.*|sha256:.*|v?\d{4}[.-]\d\d?.*")


CRON = re.compile(r"(?:@(?:hourly|daily|weekly|monthly|every \w+))|(?:[\d*/,?LW#-]+ ){4,5}[\w*/,?#-]+")
"""When something is to run, the one value that has spaces in it."""


def _is_value(token: str) -> bool:
    plain = token.lower()
    return token[0] in "\"'`#" or token[0].isdigit() or plain in _WORDS_OF_VALUES or UNIT.fullmatch(token) is not None


def values(line: str) -> Counter[str]:
    """Numbers, units, switches, schedules and short strings of a line.

    Not prose, colours, sizes on a screen or versions.
    """
    tokens = (token.strip("\"'`") for token in TOKEN.findall(line) if _is_value(token))
    plain = (token for token in tokens if token and (" " not in token or CRON.fullmatch(token)))
    return Counter(token for token in plain if not _STYLE.fullmatch(token) and not _is_version(line, token))


def _is_version(line: str, token: str) -> bool:
    """Versions are bumped; a number with one dot is one only where the line says so."""
    plain = token.count(".") == 1 and token.replace(".", "").isdigit()
    return _VERSION.fullmatch(token) is not None and (
        not plain or re.search(r"version|image|\bFROM\b", line) is not None
    )


def names(line: str) -> frozenset[str]:
    """Identifiers outside of strings, without keywords."""
    found = {token for token in TOKEN.findall(line) if _NAME.fullmatch(token) and not _is_value(token)}
    return frozenset(found - KEYWORDS)


def settings(removed: Sequence[str], added: Sequence[str]) -> Iterator[Setting]:
    """Lines that stay but for a value that is nowhere among the other side's."""
    before, after = _sum(map(values, removed)), _sum(map(values, added))
    for line in removed:
        if _VERSIONED.search(line):
            continue
        old = [value for value in values(line) if value not in after or after[value] < before[value]]
        for other in added if old else ():
            new = [value for value in values(other) if value not in before or before[value] < after[value]]
            if new and (name := _shared_name(line, other)):
                yield Setting(name, " ".join(old), " ".join(new), terms(line) | terms(other))
                break
    yield from _entries(removed, added)
    yield from _reassigned(removed, added)
    yield from _constants(removed, added)


_ENTRY = re.compile(r"\s*(?:-\s+|export\s+)?([\w.-]+)\s*(?::|=)\s*([^\s(){}\[\];,\"'`]+)\s*")


def _entries(removed: Sequence[str], added: Sequence[str]) -> Iterator[Setting]:
    """Entries ``key: value`` of a file of configuration whose value is a bare word, and another one now."""
    old, new = (
        {m.group(1): m.group(2) for line in side if (m := _ENTRY.fullmatch(line)) and not _is_plain(m.group(2))}
        for side in ([line for line in lines if not _VERSIONED.search(line)] for lines in (removed, added))
    )
    for key, value in old.items():
        if new.get(key, value) != value:
            yield Setting(key, value, new[key], terms(f"{key} {value} {new[key]}"))


def _is_plain(value: str) -> bool:
    """Whether a value is none that matters here: a colour, a size on a screen, a version, or told of as a value."""
    return _is_value(value) or any(pattern.fullmatch(value) for pattern in (_STYLE, _VERSION))


_VERSIONED = re.compile(
    r"\s*(FROM\s|[\w./-]+\s+v\d+\.\d|[\w.\[\]-]+\s*[=~]=\s*\d+\.\d)|\bversion\b\s*[:=>]", re.IGNORECASE
)


def _shared_name(one: str, other: str) -> str | None:
    """What both lines are about, if they are the same line but for a value."""
    mine, its = names(one), names(other)
    shared = mine & its
    if not shared or len(shared) < ALIKE * min(len(mine), len(its)):
        return None
    return " ".join(token for token in dict.fromkeys(TOKEN.findall(one)) if token in shared)


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    total = Counter[str]()
    for count in counts:
        total.update(count)
    return total


def _reassigned(removed: Sequence[str], added: Sequence[str]) -> Iterator[Setting]:
    """Lines that stay but for a value which another line had before: numbers of fields that change places."""
    old, new = _by_words(removed), _by_words(added)
    for words, line in old.items():
        before, after = values(line), values(new.get(words, line))
        gone, come = before - after, after - before
        if gone and come and not _VERSIONED.search(line):
            name = " ".join(word for word in words if word not in KEYWORDS)
            yield Setting(name, " ".join(gone), " ".join(come), terms(line))


def _by_words(lines: Sequence[str]) -> Mapping[tuple[str, ...], str]:
    """Each line by its words that are no values, where one line alone has these."""
    words = {line: tuple(token for token in TOKEN.findall(line) if not _is_value(token)) for line in lines}
    counted = Counter(words.values())
    return {found: line for line, found in words.items() if found and counted[found] == 1}


_CONSTANT = re.compile(r"\b([A-Za-z_]\w*)(?:\.|::)([A-Z]\w*)\b(?!\s*[(.{])|(?<![\w:\[])():([a-z_]\w*)\b")
"""A constant and what it is one of (``tls.VersionTLS12``); a symbol (``:strict``)."""


def _constants(removed: Sequence[str], added: Sequence[str]) -> Iterator[Setting]:
    """Lines that stay but for a constant, which is now another one of its kind."""
    before, after = (frozenset[tuple[str, str]]().union(*map(_constants_of, side)) for side in (removed, added))
    for line in removed:
        old = dict(_constants_of(line) - after)
        for other in added if old else ():
            new = dict(_constants_of(other) - before)
            kinds = sorted(old.keys() & new.keys())
            if kinds and (name := _shared_name(line, other)):
                was, now = (" ".join(side[kind] for kind in kinds) for side in (old, new))
                yield Setting(name, was, now, terms(line) | terms(other))
                break


def _constants_of(line: str) -> frozenset[tuple[str, str]]:
    found = ((m.group(1) or m.group(3) or "", m.group(2) or m.group(4)) for m in _CONSTANT.finditer(line))
    return frozenset((kind, name) for kind, name in found if not _is_value(name))
