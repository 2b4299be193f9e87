"""Series as a model and a human read them: a line of facts each, the ones that moved first. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.signals.onset import median, robust_scale
from sre_bot.signals.series import MATERIAL, MATERIAL_FLOW, Series, SeriesFacts, Shape, facts, sparkline
from sre_bot.signals.units import format_value
from sre_bot.tools.buckets import Buckets
from sre_bot.tools.text import quoted, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_LINES = 12
"""So many series get a line of their own."""
MAX_EXAMINED = 200
"""So many series are examined for an onset; a few milliseconds each."""
MAX_VALUES = 20
"""So many series of an instant answer do."""
MAX_POINT_LINES, MAX_POINTS, MAX_ALL_POINTS = 8, 60, 320
MAX_NAMED = 24
"""So many series that are 0 throughout are named."""
SPARK = 16
_LABEL_VALUE, _LABELS = 48, 120
_UNKNOWN = Buckets()
_LATENCIES = frozenset({"seconds", "milliseconds"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One series over its window: ``series`` begins with the window before, the asked window at ``split``.

    ``facts`` is None when the series was one of too many and only glanced at. ``while_there`` are those of the part
    where a series that appeared or is gone had data.
    """

    series: Series
    split: int
    facts: SeriesFacts | None
    while_there: SeriesFacts | None = None

    @property
    def asked(self) -> Series:
        """The asked window alone."""
        return Series(self.series.labels, self.series.times[self.split :], self.series.values[self.split :])

    @property
    def end(self) -> float:
        """When the window ends, in unix seconds."""
        return float(self.series.times[-1])

    @property
    def moved(self) -> bool:
        """Whether it did anything but stay."""
        return self.facts is not None and self.facts.shape is not Shape.FLAT

    @property
    def strength(self) -> float:
        """How strongly it moved."""
        told = (self.facts, self.while_there) if self.moved else ()
        return max((abs(one.shift) for one in told if one is not None), default=0.0)

    @property
    def onset(self) -> float | None:
        """When it changed, in unix seconds: its level, if that changed, or else its being there."""
        if self.while_there is not None and self.while_there.onset is not None:
            return self.while_there.onset
        return self.facts.onset if self.facts is not None else None

    @property
    def zero(self) -> bool:
        """Whether it is 0 wherever it is anything."""
        return not self.series.values[np.isfinite(self.series.values)].any()

    @property
    def top(self) -> float:
        """Its largest finite value."""
        return float(np.nanmax(np.where(np.isfinite(self.series.values), self.series.values, -np.inf)))


def ranked(series: Sequence[Series], split: int, unit: str) -> list[Reading]:
    """Readings, the ones that moved most first, the rest by their largest value.

    A latency or a rate has moved when it did by MATERIAL_FLOW, anything else when it did by MATERIAL. Of more than
    MAX_EXAMINED series only those that vary most are examined; the others are taken for flat.
    """
    known = [one for one in series if np.isfinite(one.values).any()]
    varying = sorted(known, key=_variation, reverse=True) if len(known) > MAX_EXAMINED else known
    material = MATERIAL_FLOW if unit.endswith("/s") or unit in _LATENCIES else MATERIAL
    readings = [_examined(one, split, material) for one in varying[:MAX_EXAMINED]]
    readings += [Reading(one, split, None) for one in varying[MAX_EXAMINED:]]
    return sorted(readings, key=lambda r: (r.facts is not None, r.moved, r.strength, r.top), reverse=True)


def _examined(series: Series, split: int, material: float) -> Reading:
    told = facts(series, material=material)
    if told.shape not in {Shape.GONE, Shape.APPEARED}:
        return Reading(series, split, told)
    present = np.flatnonzero(np.isfinite(series.values))
    there = slice(int(present[0]), int(present[-1]) + 1)
    within = facts(Series(series.labels, series.times[there], series.values[there]), material=material)
    return Reading(series, split, told, within)


def _variation(series: Series) -> float:
    """How much the level varies along the series against the noise in its parts; quick to tell."""
    finite = np.isfinite(series.values)
    if not (finite[0] and finite[-1]):
        return math.inf
    parts = np.array_split(series.values[finite], 12)
    levels = [median(part) for part in parts if len(part)]
    noise = median(np.array([robust_scale(part) for part in parts if len(part)]))
    return (max(levels) - min(levels)) / (noise + 0.01 * abs(levels[0]) + 1e-12)


def range_lines(readings: Sequence[Reading], unit: str, buckets: Buckets = _UNKNOWN) -> list[str]:
    """A line for each of the first series, one for all others, and one for those that are 0 throughout."""
    common, own = _common_labels([r.series.labels for r in readings])
    zero = [_labelled(labels) for reading, labels in zip(readings, own, strict=True) if reading.zero]
    apart = len(zero) > 1
    telling = [one for one in zip(readings, own, strict=True) if not (apart and one[0].zero)]
    lines = [f"all with {_labelled(common)}"] if common else []
    lines += [
        f"{_labelled(labels) or 'value'}: {_told(reading, unit, buckets)}" for reading, labels in telling[:MAX_LINES]
    ]
    rest = [reading for reading, _ in telling[MAX_LINES:]]
    if rest:
        moved = sum(reading.moved for reading in rest)
        unread = sum(reading.facts is None for reading in rest)
        told = f"{moved} moved less than these, {len(rest) - moved} flat" if moved else "all flat"
        glanced = f" ({unread} of them only glanced at: aggregate to be sure)" if unread else ""
        values = np.concatenate([reading.asked.values for reading in rest])
        lines.append(f"+{len(rest)} more series, {told}{glanced}, within {_range(values, unit)}")
    return [*lines, _zeros(zero, len(readings), " throughout")] if apart else lines


def instant_lines(series: Sequence[Series], unit: str, buckets: Buckets = _UNKNOWN) -> list[str]:
    """A line for each of the largest values, one for all others, and one for those that are 0."""
    largest = sorted(series, key=lambda one: -np.nan_to_num(one.values[-1], nan=-math.inf))
    common, own = _common_labels([one.labels for one in largest])
    zero = [_labelled(labels) for one, labels in zip(largest, own, strict=True) if one.values[-1] == 0]
    apart = len(zero) > 1
    valued = ((float(one.values[-1]), labels) for one, labels in zip(largest, own, strict=True))
    telling = [(value, labels) for value, labels in valued if not (apart and value == 0)]
    lines = [f"all with {_labelled(common)}"] if common else []
    lines += [
        f"{_labelled(labels) or 'value'}: {format_value(value, unit)}{_bucket(buckets, unit, value)}"
        for value, labels in telling[:MAX_VALUES]
    ]
    rest = np.array([value for value, _ in telling[MAX_VALUES:]])
    lines += [f"+{len(rest)} more series, within {_range(rest, unit)}"] if len(rest) else []
    return [*lines, _zeros(zero, len(series), "")] if apart else lines


def instant_headline(series: Sequence[Series], unit: str) -> str:
    """The largest value, in a few words."""
    largest = max(series, key=lambda one: float(np.nan_to_num(one.values[-1], nan=-math.inf)))
    name = f"{label_text(largest.labels)} " if largest.labels else ""
    others = f"; {len(series) - 1} more series" if len(series) > 1 else ""
    return f"{name}{format_value(float(largest.values[-1]), unit)}{others}"


def _zeros(names: Sequence[str], of: int, how: str) -> str:
    """One line for series that say nothing but that they are there."""
    head = f"all {of} series are 0{how}" if len(names) == of else f"{len(names)} of {of} series are 0{how}"
    more = f"; +{len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{head}: {'; '.join(names[:MAX_NAMED])}{more}"


def point_lines(readings: Sequence[Reading]) -> list[str]:
    """The values themselves of the series that moved most, thinned; and how many series have none here."""
    telling = [reading for reading in readings if not reading.zero]
    shown = telling[:MAX_POINT_LINES]
    lines = [_points(reading, min(MAX_POINTS, MAX_ALL_POINTS // len(shown))) for reading in shown]
    rest = len(telling) - len(shown)
    if rest:
        lines.append(f"no points of {rest} more series, which moved less: ask for them alone")
    return lines


def _points(reading: Reading, at_most: int) -> str:
    every = math.ceil(len(reading.asked.values) / at_most)
    times, values = reading.asked.times[::every], reading.asked.values[::every]
    step = f" every {times[1] - times[0]:g}s" if len(times) > 1 else ""
    listed = ",".join("-" if math.isnan(value) else f"{value:.4g}" for value in values)
    return f"points of {label_text(reading.series.labels)} from {clock(times[0], reading.end)}{step}: {listed}"


def headline(readings: Sequence[Reading], unit: str) -> str:
    """What the series that moved most did, in a few words."""
    first = readings[0]
    if first.facts is None or not first.moved:
        values = np.concatenate([reading.asked.values for reading in readings])
        return f"{len(readings)} series, flat within {_range(values, unit)}"
    others = f"; {len(readings) - 1} more series" if len(readings) > 1 else ""
    name = f"{label_text(first.series.labels)} " if first.series.labels else ""
    return f"{name}{_moved(first, unit)}{others}"


def label_text(labels: Mapping[str, str]) -> str:
    """A label set for humans, its name first; bounded."""
    name = labels.get("__name__", "")
    rest = _labelled({key: value for key, value in labels.items() if key != "__name__"})
    return f"{name}{{{rest}}}" if name and rest else name or rest or "value"


def clock(moment: float, end: float) -> str:
    """Unix seconds as HH:MM:SS in UTC, with the date when it is not the window's last."""
    return stamp(datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(end, UTC))


def _told(reading: Reading, unit: str, buckets: Buckets) -> str:
    asked, before = reading.asked.values, reading.series.values[: reading.split]
    movement = _moved(reading, unit) + _bucket(buckets, unit, *_levels(reading))
    present = asked[np.isfinite(asked)]
    if len(present) == 0:
        return f"no data in this window; {movement}"
    mean, last = format_value(float(present.mean()), unit), format_value(float(present[-1]), unit)
    known = before[np.isfinite(before)]
    earlier = f", median before {format_value(median(known), unit)}" if len(known) else ""
    return (
        f"{_range(present, unit)} mean {mean} last {last}{_gaps(reading)}{earlier}; "
        f"{movement} |{sparkline(asked, SPARK)}|"
    )


def _gaps(reading: Reading) -> str:
    """Which points are missing, besides those before it appeared and after it was gone."""
    finite = np.isfinite(reading.series.values)
    gone = reading.facts is not None and reading.facts.shape is Shape.GONE
    present = np.flatnonzero(finite)
    end = int(present[-1]) + 1 if gone else len(finite)
    due = finite[max(reading.split, int(present[0])) : end]
    missing = int(np.count_nonzero(~due))
    return f" ({missing} of {len(due)} points missing)" if missing else ""


def _levels(reading: Reading) -> tuple[float, ...]:
    """The values that a reader takes away: both levels of a change, or the last."""
    told = reading.while_there or reading.facts
    if told is not None and told.shape is not Shape.FLAT:
        return (told.before, told.after)
    values = reading.series.values[np.isfinite(reading.series.values)]
    return (float(values[-1]),)


def _bucket(buckets: Buckets, unit: str, *values: float) -> str:
    around = dict.fromkeys(text for value in values if (text := buckets.around(value, unit)))
    return f" (in the bucket {' → '.join(around)})" if around else ""


def _moved(reading: Reading, unit: str) -> str:
    """What it did and when: ``step 11:38:15 ±15s 0.1/s → 11.8/s``."""
    told, within = reading.facts, reading.while_there
    if told is None or not reading.moved:
        return "flat"
    if within is None or told.onset is None:
        return _movement(told, reading.end, unit)
    when = f"{clock(told.onset, reading.end)} ±{told.onset_uncertainty or 0:.0f}s"
    inside = "" if within.shape is Shape.FLAT else _movement(within, reading.end, unit)
    if told.shape is Shape.GONE:
        return f"gone since {when}, was {format_value(within.last, unit)}{f' after a {inside}' if inside else ''}"
    values = reading.series.values
    first = format_value(float(values[np.isfinite(values)][0]), unit)
    return f"appeared {when} at {first}{f', then {inside}' if inside else ''}"


def _movement(told: SeriesFacts, end: float, unit: str) -> str:
    if told.period is not None:
        return f"periodic, every {format_value(told.period, 'seconds')}"
    dip = told.shape is Shape.SPIKE and told.after < told.before
    levels = f"{format_value(told.before, unit)} → {format_value(told.after, unit)}"
    when = "" if told.onset is None else f" {clock(told.onset, end)} ±{told.onset_uncertainty or 0:.0f}s"
    return f"{'dip' if dip else told.shape}{when} {levels}"


def _range(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], unit: str) -> str:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return "no finite values"
    low, high = format_value(float(finite.min()), unit), format_value(float(finite.max()), unit)
    return low if low == high else f"{low} … {high}"


def _common_labels(sets: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Labels that all sets of two or more share, and what is left of each set."""
    shared = set(sets[0].items()).intersection(*(one.items() for one in sets[1:])) if len(sets) > 1 else set()
    common = {key: value for key, value in (sets[0] if sets else {}).items() if (key, value) in shared}
    return common, [{key: value for key, value in one.items() if key not in common} for one in sets]


def _labelled(labels: Mapping[str, str]) -> str:
    text = ",".join(f"{key}={quoted(value, _LABEL_VALUE)}" for key, value in labels.items())
    return text if len(text) <= _LABELS else text[: _LABELS - 1] + "…"
