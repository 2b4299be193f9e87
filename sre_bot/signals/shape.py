"""Shapes that need more than two levels to be told: what repeats itself, and what has run into a limit. Pure.

Both are blind to unit and offset, and skip values that are not finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sre_bot.signals.onset import CLIP, MIN_BEFORE, median, robust_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

MIN_CYCLES = 3
"""Twice may be chance."""
MIN_LAG = 4
"""Points of the shortest period: what goes up and down from point to point is noise."""
REPEATS = 0.5
"""Autocorrelation at the period and at twice the period …"""
APART = 0.1
"""… after it was no more than this between: a slow drift resembles itself, too, but at every lag."""
EVEN = 4.0
"""A half that varies this many times as much as the other: it began to repeat itself, which is news."""
KNOWN_SHARE = 0.8
"""Of fewer points than this share, the gaps would make the pattern."""
AT_LIMIT = 0.002
"""How close to the limit, as a share of the way there, a value is at it."""
MIN_AT_LIMIT = 8
"""Points that it must have stayed there …"""
STAYED = 0.9
"""… this share of them."""
MIN_DISTINCT = 4
"""A gauge that knew fewer values before is set by people, not limited."""


def period_of(values: FloatArray) -> int | None:
    """After how many points the values repeat themselves throughout, or None.

    Args:
        values: equally spaced; NaN are gaps.

    The autocorrelation must fall, rise again and stay up at twice the lag (as in ``acf`` of the time series textbooks;
    Box and Jenkins 1970). A pattern that only begins within the values is none.
    """
    finite = np.isfinite(values)
    if np.count_nonzero(finite) < max(KNOWN_SHARE * len(values), MIN_CYCLES * MIN_LAG):
        return None
    middle = median(values[finite])
    z = np.where(finite, values - middle, 0.0)
    spread = float(np.abs(z).mean())
    if not spread > 0 or not np.isfinite(spread):
        return None
    z = np.clip(z / spread, -CLIP, CLIP)
    halves = [float((half @ half) / len(half)) for half in np.array_split(z - z.mean(), 2)]
    if max(halves) > EVEN * min(halves):
        return None
    return _first_return(_autocorrelations(z - z.mean()))


def _autocorrelations(z: FloatArray) -> FloatArray:
    """At each lag up to that of MIN_CYCLES periods, each divided by as many products as it is the sum of."""
    spectrum = np.fft.rfft(z, 2 * len(z))
    sums = np.fft.irfft(spectrum * spectrum.conj(), 2 * len(z))[: len(z)]
    lags = 2 * (len(z) // MIN_CYCLES) + 1
    means = sums[:lags] / (len(z) - np.arange(lags))
    return np.asarray(means / means[0], dtype=np.float64)


def _first_return(acf: FloatArray) -> int | None:
    """The lag of the first peak after the autocorrelation fell, if it is one and there is another at twice the lag."""
    fallen = np.flatnonzero(acf < APART)
    if not len(fallen):
        return None
    if (acf[fallen[0] : MIN_LAG] >= REPEATS).any():
        return None
    start, end = max(int(fallen[0]), MIN_LAG), len(acf) // 2 + 1
    risen = np.flatnonzero(acf[start:end] >= REPEATS)
    if not len(risen):
        return None
    first = start + int(risen[0])
    below = np.flatnonzero(acf[first:end] < REPEATS)
    last = first + int(below[0]) if len(below) else end
    lag = first + int(np.argmax(acf[first:last]))
    around = acf[max(0, 2 * lag - 2) : 2 * lag + 3]
    return lag if len(around) and float(around.max()) >= REPEATS else None


def has_hit_limit(old: FloatArray, new: FloatArray) -> bool:
    """Whether values that moved freely went up (or down) to one value, and have stayed at exactly that since.

    Args:
        old: finite values before; they must have varied.
        new: finite values from the change on; the way up may be among them.
    """
    if len(old) < MIN_BEFORE or len(new) < MIN_AT_LIMIT or len(np.unique(old)) < MIN_DISTINCT:
        return False
    limit = float(new[-1])
    way = abs(limit - median(old))
    if not way > robust_scale(old):
        return False
    at = np.abs(new - limit) <= AT_LIMIT * way
    stayed = at[int(np.argmax(at)) :]
    beyond = max(float(new.max()), float(old.max())) > limit + AT_LIMIT * way
    under = min(float(new.min()), float(old.min())) < limit - AT_LIMIT * way
    return len(stayed) >= MIN_AT_LIMIT and float(stayed.mean()) >= STAYED and not (beyond and under)
