"""The picture of an answer: the series that moved most, with their onset."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sre_bot.investigation import Chart, ChartLine, ChartMark
from sre_bot.tools.readings import clock, label_text
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.tools.readings import Reading

MAX_CHART_LINES, MAX_CHART_POINTS = 6, 240


def chart(readings: Sequence[Reading], title: str, unit: str) -> Chart:
    """The first series of the asked window, with the onset of the one that moved most."""
    first = readings[0]
    lines = tuple(_chart_line(reading) for reading in readings[:MAX_CHART_LINES])
    onset = first.onset
    inside = onset is not None and onset >= first.asked.times[0]
    marks = (ChartMark(onset, f"onset {clock(onset, first.end)}"),) if onset is not None and inside else ()
    return Chart(quoted(title, 120), unit, lines, marks)


def _chart_line(reading: Reading) -> ChartLine:
    asked = reading.asked
    every = math.ceil(len(asked.values) / MAX_CHART_POINTS)
    times, values = asked.times[::-every][::-1], asked.values[::-every][::-1]
    drawn = tuple(float(value) if math.isfinite(value) else None for value in values)
    return ChartLine(label_text(asked.labels), tuple(float(time) for time in times), drawn)
