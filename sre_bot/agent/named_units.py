"""Values whose unit stands in a name or in code: ``deadline_ms=300``, ``300*time.Millisecond``. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.quantities import quantities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.agent.quantities import Quantity

_NUMBER = r"(\d{1,15}(?:\.\d{1,9})?)"
_IN_CODE = re.compile(
    rf"(?<![\w.]){_NUMBER}\s?\*\s?time\.(Millisecond|Second|Minute|Hour)\b"
    rf"|\btime\.(Millisecond|Second|Minute|Hour)\s?\*\s?{_NUMBER}(?![\w.])"
)
_ENDS = {"ms": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s", "seconds": "s"}
_ENDS |= {"min": "min", "minutes": "min", "hours": "h", "days": "d"}
_ENDS |= {"bytes": "B", "kb": "kB", "mb": "MB", "percent": "%", "pct": "%"}
_ENDS |= {f"per_{second}": "per second" for second in ("s", "sec", "second")}
_ENDS |= {f"per_{minute}": "per minute" for minute in ("min", "minute")}
_ENDED = "|".join(sorted(_ENDS, key=len, reverse=True))
_IN_NAME = re.compile(
    rf"\b[A-Za-z][\w.-]{{0,60}}?(?:_({_ENDED})|(?<=[a-z])(Ms|Millis|Milliseconds|Seconds|Minutes|Hours|Bytes))"
    rf"[\"']?\s?[:=]\s?[\"']?{_NUMBER}(?![\w%:-]|\.\d)"
)
_ALIKE = 12
"""What stands before both times in a diff is the same for so many characters when one replaces the other."""


def in_code(text: str) -> Iterator[Quantity]:
    """The durations that a line of code multiplies out."""
    for match in _IN_CODE.finditer(text):
        number, unit = (match[1], match[2]) if match[1] else (match[4], match[3])
        yield from _placed(f"{number} {unit.lower()}", match.start(), match.end())


def in_name(text: str) -> Iterator[Quantity]:
    """The values of settings and fields whose name ends in a unit, wherever they stand in a line."""
    for match in _IN_NAME.finditer(text):
        unit = _ENDS[(match[1] or match[2]).lower()]
        yield from _placed(f"{match[3]} {unit}", match.start(3), match.end(3))


def replaced(removed: str, added: str) -> Iterator[tuple[Quantity, Quantity]]:
    """Old and new durations of two lines of a diff, where the same call holds both."""
    for old in in_code(removed):
        before = removed[max(1, old.start - _ALIKE) : old.start]
        for new in in_code(added):
            if before.strip() and added[: new.start].endswith(before):
                yield old, new


def _placed(text: str, start: int, end: int) -> Iterator[Quantity]:
    for one in quantities(text, exact=True):
        yield replace(one, start=start, end=end)
