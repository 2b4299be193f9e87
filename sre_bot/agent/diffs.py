"""What a diff sets: the values of each key that it removes, adds and leaves; whether a claim tells them so. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree
from sre_bot.agent.claims import is_common
from sre_bot.agent.named_units import in_name
from sre_bot.agent.quantities import quantities

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_KEPT_DIFFS = 64
_ASSIGNED = re.compile(
    r"([ +-])\s{0,80}(?:- )?[\"']?([a-z_][\w.-]{2,60})[\"']?(?:\s{0,20}:?=\s{0,20}|:\s{1,20}|\s{1,20})"
    r"[\"']?([^\s\"',;]{1,80})[\"']?[,;]?"
)
_ABOUT = r"(?:about |roughly |only |just |[\"'`“])?"
_VALUE = r"([\w.%/-]*[\w%])"
_MOVED = re.compile(
    rf"[\"'`”]?(?:'s)?(?: (?:of|for|in) [\w./-]+)?(?: (?:is|was|were|has been))?"
    rf"(?: (?:set|changed|raised|lowered|cut|reduced|increased|switched))?"
    rf"(?: from {_ABOUT}{_VALUE}[\"'`”]?(?: [a-z]{{1,12}})?)? to {_ABOUT}{_VALUE}"
)
_CHANGES = re.compile(
    r"\b(?:sets?|chang\w+|rais\w+|lower\w*|cuts?|reduc\w+|increas\w+|switch\w+|drops?|moves?|turn\w*)\b[^.;,]{0,40}$"
)
_NOT = re.compile(r"\b(?:not|never|no|without|unless|instead)\b|n't\b")
_LIKE_A_VALUE = re.compile(r"[\w.%/-]*[\d_./-][\w.%/-]*|true|false|on|off|yes|no|none|null")
_PART = re.compile(r"half|quarter|third|zero|one|two|three|four|five|six|seven|eight|nine|ten")


@dataclass(frozen=True, slots=True)
class _Values:
    """The (case-folded) values of one key, each with the sign of its line: removed, added, left as it was."""

    signed: frozenset[tuple[str, str]]

    def of(self, sign: str) -> frozenset[str]:
        """Those of one sign."""
        return frozenset(value for one, value in self.signed if one == sign)

    @property
    def moved(self) -> bool:
        """Whether the diff removes or adds one."""
        return any(sign != " " for sign, _ in self.signed)

    @property
    def all(self) -> frozenset[str]:
        """Whatever the diff shows."""
        return frozenset(value for _, value in self.signed)


def wrong_setting(text: str, reading: Reading, scope: Scope) -> str | None:
    """The first value that a clause gives to a key from or to which no cited diff changes it; None without any."""
    told = _told(tuple(one.everything for one in scope.exhibits if "\ndiff --git " in one.everything))
    folded = text.lower().replace("’", "'")
    for key, values in told.items() if told and not _NOT.search(folded) else ():
        for place in re.finditer(rf"(?<![\w./-]){re.escape(key)}(?![\w/-])", folded):
            match = _MOVED.match(folded, place.end())
            if match and (match[1] or _CHANGES.search(folded[: place.start()])):
                wrong = _wrong(key, values, match, reading)
                if wrong:
                    return f"{scope.ids} has {key} {wrong}"
    return None


@lru_cache(_KEPT_DIFFS)
def _told(diffs: tuple[str, ...]) -> Mapping[str, _Values]:
    found = defaultdict[str, set[tuple[str, str]]](set)
    for diff in diffs:
        _, _, files = diff.partition("\ndiff --git ")
        for line in files.splitlines():
            if match := _ASSIGNED.fullmatch(line):
                found[match[2]].add((match[1], match[3]))
    return {key: _Values(frozenset(values)) for key, values in found.items()}


def _wrong(key: str, values: _Values, match: re.Match[str], reading: Reading) -> str | None:
    for group, sign in ((1, "-"), (2, "+")):
        known = values.of(sign)
        if match[group] is None or not _is_value(match, group, key, values, reading):
            continue
        if not values.moved:
            return "unchanged"
        if not _is_one_of(match, group, key, known, reading):
            return f"{'from' if sign == '-' else 'to'} {', '.join(sorted(known)) or 'nothing'}"
    return None


def _is_value(match: re.Match[str], group: int, key: str, values: _Values, reading: Reading) -> bool:
    """Whether what stands there may be a value of the key: a number that measures the same, or a word like one."""
    number = _number(match.start(group), reading)
    if number:
        return any(one.dimension is number.dimension for one in _measured(key, values.all))
    word = match[group]
    ends = not re.match(r" [a-z]", match.string[match.end() :]) or group == 1
    plain = ends and word.isalpha() and not is_common(word) and not _PART.fullmatch(word)
    return bool(_LIKE_A_VALUE.fullmatch(word) and not word[0].isdigit()) or plain


def _is_one_of(match: re.Match[str], group: int, key: str, known: Iterable[str], reading: Reading) -> bool:
    number = _number(match.start(group), reading)
    if number:
        return match[group] in known or any(agree(number, one) for one in _measured(key, known))
    return match[group] in known


def _number(start: int, reading: Reading) -> Quantity | None:
    return next((one for one in reading.quantities if one.start == start), None)


def _measured(key: str, values: Iterable[str]) -> Iterator[Quantity]:
    """The values that are numbers, also in the unit that the key tells."""
    for value in values:
        yield from quantities(value, exact=True)
        yield from in_name(f"{key}: {value}")
