"""Lengths of time in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

_STEPS = ((129_600.0, 86_400.0, "day"), (5_400.0, 3_600.0, "hour"), (90.0, 60.0, "minute"), (0.0, 1.0, "second"))
"""From so many seconds on, so many of them make one."""
_HALVES = 3.0
"""Of few hours or days the half counts, too."""


def in_words(length: timedelta) -> str:
    """As a human says it: ``40 seconds``, ``12 minutes``, ``2.5 hours``, ``3 days``."""
    seconds = abs(length.total_seconds())
    factor, noun = next((factor, noun) for least, factor, noun in _STEPS if seconds >= least)
    count = seconds / factor
    halved = round(2 * count) / 2 if count < _HALVES and noun in {"hour", "day"} else float(round(count))
    return f"{halved:g} {noun if halved == 1 else f'{noun}s'}"
