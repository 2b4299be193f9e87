"""A range vector as arrays, and as a few facts."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sre_bot.signals.onset import MIN_AFTER, MIN_BEFORE, Onset, median, onset, robust_scale
from sre_bot.signals.shape import has_hit_limit, period_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

LAST_PART = 0.25
"""Without an onset, the last quarter of the points is compared with those before it."""
RELATIVE_FLOOR = 0.1
"""A shift is measured in no less than this share of the old level: a steady series is not sensitive for it."""
TINY_FLOOR = 0.01
"""… and in no less than this share of the largest value, so that 0 to anything is a shift of at most 100."""
MATERIAL = 0.01
"""A change of level smaller than this share of the larger level is no change to a human."""
MATERIAL_FLOW = 0.1
"""The same for latencies and rates, which waver by themselves. From 0 to anything is the whole of the level."""
CAME_OR_WENT = 10.0
"""The shift (up or down) of a series that came or went: there is no level to compare with."""
LINE_FIT = 0.9
"""Share of the (robust) variance that a straight line must explain to be called a ramp."""


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series: equally long ``times`` (unix seconds, ascending) and ``values`` (NaN = no value)."""

    labels: Mapping[str, str]
    times: FloatArray
    values: FloatArray


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query gave: an instant answer is series of length one. ``warnings`` are the server's (partial data …)."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MetricMetadata:
    """What a metric says of itself: ``kind`` is counter, gauge, histogram, summary or unknown."""

    kind: str
    help: str
    unit: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What a Prometheus evaluates all the time: an alert (``alerts``) or a metric of this name, by its PromQL."""

    name: str
    expression: str
    alerts: bool


class Shape(enum.StrEnum):
    """What a series did in its window."""

    FLAT = "flat"
    STEP = "step"
    RAMP = "ramp"
    SPIKE = "spike"
    GONE = "gone"
    APPEARED = "appeared"
    SATURATED = "saturated"
    """It rose or fell to a value that it has not left since: a limit."""
    PERIODIC = "periodic"
    """It went up and down all the time, and nothing else."""


STEADY = frozenset({Shape.FLAT, Shape.PERIODIC})
"""What is as it was."""


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What a human would say of a series, in its own unit; NaN where there is nothing to say it of.

    ``before`` and ``after`` are the medians of the old and the new level (of a spike: the level while it lasted), or
    of the first and the last part when nothing changed. ``onset`` is in unix seconds, true within
    ``onset_uncertainty`` seconds. ``shift`` is their difference in units of the old level's noise, signed:
    (after - before) / max(IQR / 1.349, 10 % of abs(before), a tiny floor). ``points`` counts the finite values.
    ``period`` is after how many seconds a periodic series repeats itself.
    """

    minimum: float
    maximum: float
    mean: float
    last: float
    before: float
    after: float
    onset: float | None
    shift: float
    shape: Shape
    points: int
    onset_uncertainty: float | None = None
    period: float | None = None


def facts(series: Series, *, baseline_until: float | None = None, material: float = MATERIAL) -> SeriesFacts:
    """The facts of one series.

    Args:
        series: on a regular grid with NaN for gaps (see ``on_grid``), or a series that came or went is not seen.
        baseline_until: unix seconds; when given, ``before`` and ``after`` are the medians before and from then on.
            Otherwise the change point found in the series divides them.
        material: the smallest change of level that is one, as a share of the larger level.
    """
    finite = np.isfinite(series.values)
    t, v = series.times[finite], series.values[finite]
    plain = _plain_facts(v)
    if len(v) == 0:
        return plain
    edge = _came_or_went(finite)
    if edge is not None:
        return _with_edge(plain, series.times, *edge)
    change = onset(t, v)
    old, new = _levels(t, v, change, baseline_until)
    before, after = median(old), median(new)
    plain = replace(plain, before=before, after=after, shift=_shift(old, before, after, v))
    if change is not None and not _is_material(_levels(t, v, change, None), material):
        change = None
    if _is_nothing_new(t, v, change) and (period := _period(series, material)) is not None:
        level = replace(plain, before=median(v), after=median(v), shift=0.0) if baseline_until is None else plain
        return replace(level, shape=Shape.PERIODIC, period=period)
    plain = replace(plain, shape=_shape(t, v, change, material))
    return plain if change is None else replace(plain, onset=change.time, onset_uncertainty=change.uncertainty_s)


def on_grid(series: Series, *, start: float, end: float, step: float) -> Series:
    """The series at ``start``, ``start + step`` … up to ``end``; NaN where it has no sample within half a step."""
    times = start + step * np.arange(int((end - start) / step + 1e-6) + 1, dtype=np.float64)
    values = np.full(len(times), np.nan)
    slots = np.rint((series.times - start) / step).astype(np.int64)
    inside = (slots >= 0) & (slots < len(times))
    values[slots[inside]] = series.values[inside]
    return Series(series.labels, times, values)


def _plain_facts(v: FloatArray) -> SeriesFacts:
    """The facts without any change; all NaN when there is no value."""
    known = len(v) > 0
    return SeriesFacts(
        minimum=float(v.min()) if known else math.nan,
        maximum=float(v.max()) if known else math.nan,
        mean=float(v.mean()) if known else math.nan,
        last=float(v[-1]) if known else math.nan,
        before=median(v) if known else math.nan,
        after=median(v) if known else math.nan,
        onset=None,
        shift=0.0,
        shape=Shape.FLAT,
        points=len(v),
    )


def _with_edge(plain: SeriesFacts, times: FloatArray, shape: Shape, index: int) -> SeriesFacts:
    step = median(np.diff(times))
    there = replace(plain, onset=float(times[index]), onset_uncertainty=step, shape=shape)
    if shape is Shape.GONE:
        return replace(there, after=math.nan, shift=-CAME_OR_WENT)
    return replace(there, before=math.nan, shift=CAME_OR_WENT)


def _came_or_went(finite: NDArray[np.bool_]) -> tuple[Shape, int] | None:
    """Whether the series is missing at one end for longer than its other gaps, and the index where that began."""
    present = np.flatnonzero(finite)
    first, last = int(present[0]), int(present[-1])
    longest_gap = int(np.diff(present).max(initial=1)) - 1
    if len(finite) - 1 - last > max(MIN_AFTER - 1, 2 * longest_gap):
        return Shape.GONE, last + 1
    if first > max(MIN_BEFORE - 1, 2 * longest_gap):
        return Shape.APPEARED, first
    return None


def _levels(
    t: FloatArray, v: FloatArray, change: Onset | None, baseline_until: float | None
) -> tuple[FloatArray, FloatArray]:
    """Old and new values; never empty."""
    if baseline_until is not None:
        divided = int(np.searchsorted(t, baseline_until))
        if 0 < divided < len(v):
            return v[:divided], v[divided:]
    elif change is not None:
        until = math.inf if change.until is None else change.until
        return v[t < change.time], v[(t >= change.time) & (t <= until)]
    divided = math.ceil(len(v) * (1 - LAST_PART))
    return v[:divided], v[min(divided, len(v) - 1) :]


def _shift(old: FloatArray, before: float, after: float, v: FloatArray) -> float:
    scale = max(robust_scale(old), RELATIVE_FLOOR * abs(before), TINY_FLOOR * float(np.abs(v).max()))
    return (after - before) / scale if scale > 0 else 0.0


def _is_material(levels: tuple[FloatArray, FloatArray], material: float) -> bool:
    before, after = (median(level) for level in levels)
    return abs(after - before) >= material * max(abs(before), abs(after))


def _shape(t: FloatArray, v: FloatArray, change: Onset | None, material: float) -> Shape:
    if change is None:
        enough = len(v) >= MIN_BEFORE + MIN_AFTER
        return Shape.RAMP if enough and _is_sloped(v, median(v), material) else Shape.FLAT
    if change.until is not None:
        return Shape.SPIKE
    old, new = _levels(t, v, change, None)
    if has_hit_limit(old, new):
        return Shape.SATURATED
    return Shape.RAMP if len(new) > MIN_AFTER and _is_sloped(new, median(old), material) else Shape.STEP


def _period(series: Series, material: float) -> float | None:
    """After how many seconds it repeats itself, unless that is no more than a human would notice."""
    v = series.values[np.isfinite(series.values)]
    if float(v.max() - v.min()) < material * float(np.abs(v).max()):
        return None
    points = period_of(series.values)
    return None if points is None else points * median(np.diff(series.times))


def _is_nothing_new(t: FloatArray, v: FloatArray, change: Onset | None) -> bool:
    """Whether a series that repeats itself only went, since its change, where it has been before."""
    if change is None:
        return True
    old, new = _levels(t, v, change, None)
    low, high = float(old.min()), float(old.max())
    slack = RELATIVE_FLOOR * (high - low)
    return low - slack <= float(new.min()) and float(new.max()) <= high + slack


def _is_sloped(v: FloatArray, level: float, material: float) -> bool:
    """Whether a line explains these values, and climbs by a good part of their distance from ``level``.

    The slope is the median over pairs half the window apart, so that a restart at the end does not hide a leak.
    """
    half = len(v) // 2
    slope = median(v[half:] - v[: len(v) - half]) / half
    spread = robust_scale(v)
    unexplained = robust_scale(v - slope * np.arange(len(v)))
    distance = abs(median(v) - level)
    climb = abs(slope) * (len(v) - 1)
    return unexplained**2 <= (1 - LINE_FIT) * spread**2 and climb >= max(distance / 2, material * abs(level)) > 0


_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: FloatArray, width: int = 24) -> str:
    """The course of the values in at most ``width`` characters, lowest to highest; a gap is a space."""
    if len(values) == 0:
        return ""
    finite = np.isfinite(values)
    starts = np.linspace(0, len(values), min(width, len(values)), endpoint=False).astype(np.int64)
    sums = np.add.reduceat(np.where(finite, values, 0.0), starts).tolist()
    counts = np.add.reduceat(finite, starts, dtype=np.int64).tolist()
    means = [total / count if count else math.nan for total, count in zip(sums, counts, strict=True)]
    known = [mean for mean in means if math.isfinite(mean)]
    if not known:
        return " " * len(means)
    low, span = min(known), max(known) - min(known)
    top = len(_BLOCKS) - 1
    return "".join(
        " " if math.isnan(mean) else _BLOCKS[round(top * (mean - low) / span) if span > 0 else 0] for mean in means
    )
