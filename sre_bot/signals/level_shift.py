"""How far many series have left their old level, all at once.

The statistic is a scan: of all stretches of the searched time, by the median of each, the one that lies farthest from
the median of the history, in units of the history's noise, times a power of its share of the searched time. So a short
fault is seen, a lasting one counts more, and it does not matter to the second when the alert fired.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]
    IntArray: TypeAlias = NDArray[np.int64]
    BoolArray: TypeAlias = NDArray[np.bool_]

PARTS = 32
"""The searched time is cut into at most this many parts, each told by its median; stretches are whole parts."""
LASTING = 0.5
"""A stretch counts by this power of its share of the searched time: 1 is the area, 0 the height alone."""
RELATIVE_FLOOR = 0.05
"""A shift is measured in no less than this share of the old level: a steady series is not sensitive for it."""
SPREAD_FLOOR = 0.3
"""… and in no less than this share of the standard deviation, for series that rest and burst."""
FROM_CONSTANT = 10.0
"""The shift of a series that was constantly zero and is not any more: there is no level to compare with."""
AT_A_TIME = 2048
"""Series are looked at in slices of so many, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class Shifts:
    """Of each series, arrays of equal length; NaN where there was nothing to compare.

    ``rise`` and ``fall`` are the strongest shifts up and down (both ≥ 0, in units of noise, weighted by how long
    they lasted). ``before`` is the median of the history; ``high`` and ``low`` are the levels of these two stretches,
    ``high_from`` and ``low_from`` the columns of the searched values from which on they hold. ``courses`` are the
    levels (series, parts) in the course of the searched time. ``from_zero`` tells which were constantly zero before.
    """

    rise: FloatArray
    fall: FloatArray
    before: FloatArray
    high: FloatArray
    low: FloatArray
    high_from: IntArray
    low_from: IntArray
    courses: FloatArray
    from_zero: BoolArray


def level_shifts(history: FloatArray, searched: FloatArray) -> Shifts:
    """The strongest shifts of each series.

    Args:
        history: (series, samples) of the time held for normal; NaN for no value.
        searched: (series, samples) of the time in which to look.
    """
    slices = [slice(start, start + AT_A_TIME) for start in range(0, max(len(history), 1), AT_A_TIME)]
    looked = [_level_shifts(history[part], searched[part]) for part in slices]
    return Shifts(*(np.concatenate([getattr(each, name) for each in looked]) for name in Shifts.__slots__))


def _level_shifts(history: FloatArray, searched: FloatArray) -> Shifts:
    low_quartile, before, high_quartile = quantiles(history, (0.25, 0.5, 0.75))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a series without any value has no deviation
        deviation = np.nanstd(history, axis=1)
    noise = np.maximum.reduce(
        [(high_quartile - low_quartile) / 1.349, RELATIVE_FLOOR * np.abs(before), SPREAD_FLOOR * deviation]
    )
    levels, starts, shares = _stretches(searched)
    away = levels - before[:, None]
    steady = ~(noise > 0)
    z = np.where(steady[:, None], np.sign(away) * FROM_CONSTANT, away / np.where(steady, 1.0, noise)[:, None])
    weighted = np.nan_to_num(z * shares[None, :] ** LASTING, nan=0.0)
    rows = np.arange(len(history))
    high, low = weighted.argmax(axis=1), weighted.argmin(axis=1)
    return Shifts(
        rise=np.maximum(weighted[rows, high], 0.0),
        fall=np.maximum(-weighted[rows, low], 0.0),
        before=before,
        high=levels[rows, high],
        low=levels[rows, low],
        high_from=_first_beyond(searched, before, levels[rows, high], starts[high]),
        low_from=_first_beyond(-searched, -before, -levels[rows, low], starts[low]),
        courses=levels[:, shares == shares.min()],
        from_zero=steady & (before == 0),
    )


def _first_beyond(searched: FloatArray, before: FloatArray, level: FloatArray, start: IntArray) -> IntArray:
    """The first column of the stretch beyond the middle of both levels, and not alone; else the stretch's first."""
    beyond = searched > (before + (level - before) / 2)[:, None]
    beyond[:, :-1] &= beyond[:, 1:]
    beyond &= np.arange(searched.shape[1])[None, :] >= start[:, None]
    return np.where(beyond.any(axis=1), beyond.argmax(axis=1), start)


def quantiles(values: FloatArray, shares: tuple[float, ...]) -> list[FloatArray]:
    """Quantiles of the finite values of each row, NaN where a row has none. ``np.nanquantile`` is far slower."""
    ordered = np.sort(values, axis=-1)
    counts = np.isfinite(values).sum(axis=-1)
    return [_at(ordered, counts, share) for share in shares]


def _at(ordered: FloatArray, counts: IntArray, share: float) -> FloatArray:
    place = share * np.maximum(counts - 1, 0)
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
    return np.asarray(low + (high - low) * (place - below), dtype=np.float64)


def _stretches(searched: FloatArray) -> tuple[FloatArray, IntArray, FloatArray]:
    """Levels (series, stretches) with the first column and the share of the searched time of each stretch."""
    samples = searched.shape[1]
    parts = min(PARTS, samples)
    edges = np.linspace(0, samples, parts + 1).astype(np.int64)
    medians = _medians_between(searched, edges)
    levels, firsts, shares = [], [], []
    length = parts
    while length >= 1:
        begins = np.arange(0, parts - length + 1, max(1, length // 2))
        windows = medians[:, begins[:, None] + np.arange(length)[None, :]]
        levels.append(quantiles(windows, (0.5,))[0] if length > 1 else medians)
        firsts.append(edges[begins])
        shares.append(np.full(len(begins), length / parts))
        length //= 2
    return np.concatenate(levels, axis=1), np.concatenate(firsts), np.concatenate(shares)


def _medians_between(values: FloatArray, edges: IntArray) -> FloatArray:
    """The median of the columns from each edge to the next."""
    widths = np.diff(edges)
    columns = edges[:-1, None] + np.arange(int(widths.max()))[None, :]
    blocks = values[:, np.minimum(columns, values.shape[1] - 1)]
    blocks[:, columns >= edges[1:, None]] = np.nan
    return quantiles(blocks, (0.5,))[0]
