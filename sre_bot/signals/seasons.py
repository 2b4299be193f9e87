"""Whether a level is the usual one for this time of the day, or of the week. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.signals.onset import MIN_AFTER, median, robust_scale

if TYPE_CHECKING:
    from sre_bot.signals.series import Series

ALIKE = 0.2
"""Two days differ by this share of the level for no reason …"""
NOISE = 2.0
"""… and by so many standard deviations of the level then."""


@dataclass(frozen=True, slots=True)
class Season:
    """The level of now and of the same time in another season, and whether they are alike."""

    now: float
    then: float
    alike: bool


def compared(now: Series, then: Series, *, ago: float, since: float) -> Season | None:
    """The level of ``now`` from ``since`` on (unix seconds) with that of ``then``, ``ago`` seconds earlier.

    None when either has too few values there. Blind to the unit: both may be scaled alike.
    """
    levels = []
    for one, start in ((now, since), (then, since - ago)):
        inside = np.isfinite(one.values) & (one.times >= start) & (one.times <= start + now.times[-1] - since)
        if np.count_nonzero(inside) < MIN_AFTER:
            return None
        levels.append(one.values[inside])
    present, past = (median(level) for level in levels)
    slack = max(ALIKE * max(abs(present), abs(past)), NOISE * robust_scale(levels[1]))
    return Season(present, past, abs(present - past) <= slack)
