"""Series as a model and a human read them: a line of facts each, the ones that moved first. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.investigation import Chart, ChartLine, ChartMark
from sre_bot.signals.series import Series, SeriesFacts, Shape, facts, sparkline
from sre_bot.signals.units import format_value
from sre_bot.tools.text import quoted, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_LINES = 12
"""So many series get a line of their own."""
MAX_VALUES = 20
"""So many series of an instant answer do."""
MAX_CHART_LINES, MAX_CHART_POINTS = 6, 240
MAX_POINT_LINES, MAX_POINTS = 4, 60
SPARK = 16
_LABEL_VALUE, _LABELS = 48, 120


@dataclass(frozen=True, slots=True)
class Reading:
    """One series over its window: ``series`` begins with the window before, the asked window at ``split``."""

    series: Series
    split: int
    facts: SeriesFacts

    @classmethod
    def of(cls, series: Series, split: int) -> Reading:
        """Read a series on a regular grid."""
        return cls(series, split, facts(series))

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
        return self.facts.shape is not Shape.FLAT


def ranked(series: Sequence[Series], split: int) -> list[Reading]:
    """Readings, the ones that moved most first; the rest by their largest value."""
    readings = [Reading.of(one, split) for one in series]
    return sorted(readings, key=lambda r: (r.moved, abs(r.facts.shift) if r.moved else 0.0, _top(r)), reverse=True)


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
        flat = sum(not reading.moved for reading in rest)
        moved = "all flat" if flat == len(rest) else f"{len(rest) - flat} moved less than these, {flat} flat"
        values = np.concatenate([reading.asked.values for reading in rest])
        lines.append(f"+{len(rest)} more series, {moved}, within {_range(values, unit)}")
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
    lines = tuple(_chart_line(reading) for reading in readings[:MAX_CHART_LINES])
    onset = readings[0].facts.onset
    inside = onset is not None and onset >= readings[0].asked.times[0]
    marks = (ChartMark(onset, f"onset {clock(onset, readings[0].end)}"),) if onset is not None and inside else ()
    return Chart(quoted(title, 120), unit, lines, marks)


def headline(readings: Sequence[Reading], unit: str) -> str:
    """What the series that moved most did, in a few words."""
    first = readings[0]
    if not first.moved:
        values = np.concatenate([reading.asked.values for reading in readings])
        return f"{len(readings)} series, flat within {_range(values, unit)}"
    others = f"; {len(readings) - 1} more series" if len(readings) > 1 else ""
    name = f"{label_text(first.series.labels)} " if first.series.labels else ""
    return f"{name}{_movement(first, unit)}{others}"


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
    present = asked[np.isfinite(asked)]
    if len(present) == 0:
        return _movement(reading, unit) if reading.moved else "no finite values"
    told = (
        f"{_range(present, unit)} mean {format_value(float(present.mean()), unit)} "
        f"last {format_value(float(present[-1]), unit)}"
    )
    gaps = "" if len(present) == len(asked) else f" ({len(asked) - len(present)} of {len(asked)} points missing)"
    known = before[np.isfinite(before)]
    earlier = f"median before {format_value(float(np.median(known)), unit)}" if len(known) else "none before"
    movement = f"; {_movement(reading, unit)}" if reading.moved else "; flat"
    return f"{told}{gaps}, {earlier}{movement} |{sparkline(asked, SPARK)}|"


def _movement(reading: Reading, unit: str) -> str:
    """What it did and when: ``step 11:38:15 ±15s 0.1/s → 11.8/s``."""
    told = reading.facts
    before, after = format_value(told.before, unit), format_value(told.after, unit)
    if told.onset is None:
        return f"{told.shape} {before} → {after}"
    when = f"{clock(told.onset, reading.end)} ±{told.onset_uncertainty or 0:.0f}s"
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


def _top(reading: Reading) -> float:
    return reading.facts.maximum if math.isfinite(reading.facts.maximum) else -math.inf


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
