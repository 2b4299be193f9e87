"""Changes that do not act at once: of when something runs, and of how long something lasts. Pure, and crude."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.signals.values_set import CRON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86400}
_UNIT = r"(seconds?|minutes?|hours?|days?|secs?|mins?)"
_FIRST = re.compile(rf"(\d+)\s*(?:\*\s*(?:\w+\.)?)?(?:{_UNIT}\b|([smh])\b)", re.IGNORECASE)
_LAST = re.compile(rf"(?:(?<=[a-z_])|\b){_UNIT}[\"']?\s*[(=:]\s*(\d+)\b", re.IGNORECASE)
_STRING = re.compile(r"\"([^\"]*)\"|'([^']*)'|:\s+([\d*@][^#]*)$")


def lasts(lines: Iterable[str]) -> frozenset[timedelta]:
    """Lengths of time that lines name: ``20 * time.Minute``, ``ofMinutes(20)``, ``ttl_seconds: 1200``, ``20m``."""
    return frozenset(length for line in lines for length in _lengths(line))


def _lengths(line: str) -> Iterator[timedelta]:
    for number, unit, letter in _FIRST.findall(line):
        yield _length(number, unit or letter)
    for unit, number in _LAST.findall(line):
        yield _length(number, unit)


def _length(number: str, unit: str) -> timedelta:
    plain = unit.lower()
    seconds = _UNITS[plain] if plain in _UNITS else _UNITS[plain.removesuffix("s")]
    return timedelta(seconds=min(int(number), 10**6) * seconds)


def schedules(lines: Iterable[str]) -> frozenset[str]:
    """When lines say that something is to run, in the words of cron."""
    strings = (next(filter(None, found), "").strip() for line in lines for found in _STRING.findall(line))
    return frozenset(text for text in strings if CRON.fullmatch(text))
