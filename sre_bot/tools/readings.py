"""Series as a model and a human read them: a line of facts each, the ones that moved first. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.investigation import Chart, ChartLine, ChartMark
from sre_bot.signals.onset import robust_scale
from sre_bot.signals.series import Series, SeriesFacts, Shape, facts, sparkline
from sre_bot.signals.units import format_value
from sre_bot.tools.text import quoted, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_LINES = 12
"""So many series get a line of their own."""
MAX_EXAMINED = 200
"""So many series are examined for an onset; a few milliseconds each."""
MAX_VALUES = 20
"""So many series of an instant answer do."""
MAX_CHART_LINES, MAX_CHART_POINTS = 6, 240
MAX_POINT_LINES, MAX_POINTS = 4, 60
SPARK = 16
_LABEL_VALUE, _LABELS = 48, 120


@dataclass(frozen=True, slots=True)
class Reading:
    """One series over its window: ``series`` begins with the window before, the asked window at ``split``.

    ``facts`` is None when the series was one of too many and only glanced at.
    """

    series: Series
    split: int
    facts: SeriesFacts | None

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
        return abs(self.facts.shift) if self.facts is not None and self.moved else 0.0

    @property
    def top(self) -> float:
        """Its largest finite value."""
        return float(np.nanmax(np.where(np.isfinite(self.series.values), self.series.values, -np.inf)))


def ranked(series: Sequence[Series], split: int) -> list[Reading]:
    """Readings, the ones that moved most first, the rest by their largest value.

    Of more than MAX_EXAMINED series only those that vary most are examined; the others are taken for flat.
    """
    known = [one for one in series if np.isfinite(one.values).any()]
    varying = sorted(known, key=_variation, reverse=True) if len(known) > MAX_EXAMINED else known
    readings = [Reading(one, split, facts(one)) for one in varying[:MAX_EXAMINED]]
    readings += [Reading(one, split, None) for one in varying[MAX_EXAMINED:]]
    return sorted(readings, key=lambda r: (r.facts is not None, r.moved, r.strength, r.top), reverse=True)


def _variation(series: Series) -> float:
    """How much the level varies along the series against the noise in its parts; quick to tell."""
    finite = np.isfinite(series.values)
    if not (finite[0] and finite[-1]):
        return math.inf
    parts = np.array_split(series.values[finite], 12)
    levels = [float(np.median(part)) for part in parts if len(part)]
    noise = float(np.median([robust_scale(part) for part in parts if len(part)]))
    return (max(levels) - min(levels)) / (noise + 0.01 * abs(levels[0]) + 1e-12)


def range_lines(readings: Sequence[Reading], unit: str) -> list[str]:
    """A line for each of the first series, and one for all others."""
    common, own = _common_labels([r.series.labels for r in readings])
    lines = [f"all with {_labelled(common)}"] if common else []
    lines += [
        f"{_labelled(labels) or 'value'}: {_told(reading, unit)}"
        for reading, labels in zip(readings[:MAX_LINES], own, strict=False)
    ]
    rest = readings[MAX_LINES:]
    if rest:
        moved = sum(reading.moved for reading in rest)
        unread = sum(reading.facts is None for reading in rest)
        told = f"{moved} moved less than these, {len(rest) - moved} flat" if moved else "all flat"
        glanced = f" ({unread} of them only glanced at: aggregate to be sure)" if unread else ""
        values = np.concatenate([reading.asked.values for reading in rest])
        lines.append(f"+{len(rest)} more series, {told}{glanced}, within {_range(values, unit)}")
    return lines


def instant_lines(series: Sequence[Series], unit: str) -> list[str]:
    """A line for each of the largest values, and one for all others."""
    largest = sorted(series, key=lambda one: -np.nan_to_num(one.values[-1], nan=-math.inf))
    common, own = _common_labels([one.labels for one in largest])
    lines = [f"all with {_labelled(common)}"] if common else []
    lines += [
        f"{_labelled(labels) or 'value'}: {format_value(float(one.values[-1]), unit)}"
        for one, labels in zip(largest[:MAX_VALUES], own, strict=False)
    ]
    rest = np.array([one.values[-1] for one in largest[MAX_VALUES:]])
    return [*lines, f"+{len(rest)} more series, within {_range(rest, unit)}"] if len(rest) else lines


def point_lines(readings: Sequence[Reading]) -> list[str]:
    """The values themselves of the first series, thinned."""
    lines = []
    for reading in readings[:MAX_POINT_LINES]:
        every = math.ceil(len(reading.asked.values) / MAX_POINTS)
        times, values = reading.asked.times[::every], reading.asked.values[::every]
        step = f" every {times[1] - times[0]:g}s" if len(times) > 1 else ""
        listed = ",".join("-" if math.isnan(value) else f"{value:.4g}" for value in values)
        lines.append(
            f"points of {label_text(reading.series.labels)} from {clock(times[0], reading.end)}{step}: {listed}"
        )
    return lines


def chart(readings: Sequence[Reading], title: str, unit: str) -> Chart:
    """The first series of the asked window, with the onset of the one that moved most."""
    first = readings[0]
    lines = tuple(_chart_line(reading) for reading in readings[:MAX_CHART_LINES])
    onset = first.facts.onset if first.facts is not None else None
    inside = onset is not None and onset >= first.asked.times[0]
    marks = (ChartMark(onset, f"onset {clock(onset, first.end)}"),) if onset is not None and inside else ()
    return Chart(quoted(title, 120), unit, lines, marks)


def headline(readings: Sequence[Reading], unit: str) -> str:
    """What the series that moved most did, in a few words."""
    first = readings[0]
    if first.facts is None or not first.moved:
        values = np.concatenate([reading.asked.values for reading in readings])
        return f"{len(readings)} series, flat within {_range(values, unit)}"
    others = f"; {len(readings) - 1} more series" if len(readings) > 1 else ""
    name = f"{label_text(first.series.labels)} " if first.series.labels else ""
    return f"{name}{_movement(first.facts, first.end, unit)}{others}"


def label_text(labels: Mapping[str, str]) -> str:
    """A label set for humans, its name first; bounded."""
    name = labels.get("__name__", "")
    rest = _labelled({key: value for key, value in labels.items() if key != "__name__"})
    return f"{name}{{{rest}}}" if name and rest else name or rest or "value"


def clock(moment: float, end: float) -> str:
    """Unix seconds as HH:MM:SS in UTC, with the date when it is not the window's last."""
    return stamp(datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(end, UTC))


def _told(reading: Reading, unit: str) -> str:
    asked, before = reading.asked.values, reading.series.values[: reading.split]
    told = reading.facts
    movement = _movement(told, reading.end, unit) if told is not None and reading.moved else "flat"
    present = asked[np.isfinite(asked)]
    if len(present) == 0:
        return f"no data in this window; {movement}"
    mean, last = format_value(float(present.mean()), unit), format_value(float(present[-1]), unit)
    gaps = "" if len(present) == len(asked) else f" ({len(asked) - len(present)} of {len(asked)} points missing)"
    known = before[np.isfinite(before)]
    earlier = f"median before {format_value(float(np.median(known)), unit)}" if len(known) else "none before"
    levels = f"{_range(present, unit)} mean {mean} last {last}{gaps}, {earlier}"
    return f"{levels}; {movement} |{sparkline(asked, SPARK)}|"


def _movement(told: SeriesFacts, end: float, unit: str) -> str:
    """What it did and when: ``step 11:38:15 ±15s 0.1/s → 11.8/s``."""
    before, after = format_value(told.before, unit), format_value(told.after, unit)
    if told.onset is None:
        return f"{told.shape} {before} → {after}"
    when = f"{clock(told.onset, end)} ±{told.onset_uncertainty or 0:.0f}s"
    if told.shape is Shape.GONE:
        return f"gone since {when}, was {before}"
    if told.shape is Shape.APPEARED:
        return f"appeared {when} at {after}"
    return f"{told.shape} {when} {before} → {after}"


def _range(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], unit: str) -> str:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return "no finite values"
    low, high = format_value(float(finite.min()), unit), format_value(float(finite.max()), unit)
    return low if low == high else f"{low} … {high}"


def _chart_line(reading: Reading) -> ChartLine:
    asked = reading.asked
    every = math.ceil(len(asked.values) / MAX_CHART_POINTS)
    times, values = asked.times[::-every][::-1], asked.values[::-every][::-1]
    drawn = tuple(float(value) if math.isfinite(value) else None for value in values)
    return ChartLine(label_text(asked.labels), tuple(float(time) for time in times), drawn)


def _common_labels(sets: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Labels that all sets of two or more share, and what is left of each set."""
    shared = set(sets[0].items()).intersection(*(one.items() for one in sets[1:])) if len(sets) > 1 else set()
    common = {key: value for key, value in (sets[0] if sets else {}).items() if (key, value) in shared}
    return common, [{key: value for key, value in one.items() if key not in common} for one in sets]


def _labelled(labels: Mapping[str, str]) -> str:
    text = ",".join(f"{key}={quoted(value, _LABEL_VALUE)}" for key, value in labels.items())
    return text if len(text) <= _LABELS else text[: _LABELS - 1] + "…"
