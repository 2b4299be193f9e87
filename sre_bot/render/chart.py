"""A chart as inline SVG: no script, nothing from elsewhere, readable in light and dark, with and without colour vision.

Colours and sizes come from the page's style sheet (``page.css``), by class and by CSS variable.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from sre_bot.render.axis import is_written, time_ticks, value_text, value_ticks
from sre_bot.render.safe import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sre_bot.investigation import Chart, ChartLine, ChartMark
    from sre_bot.render.axis import Tick

WIDTH, PLOT = 640, 170
LEFT, RIGHT, HEAD, BOTTOM, ROW = 72, 14, 10, 28, 19
LARGEST = 1e200
"""Beyond it (and for NaN and infinity) a value is a gap."""
MAX_LINES, MAX_MARKS = 6, 6
MAX_NAME, MAX_LABEL = 120, 28
_LETTER = 9.0
"""Width of a letter at the largest size, for telling which labels would touch."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where data lie on the drawing."""

    start: float
    end: float
    low: float
    high: float
    top: float

    def x(self, time: float) -> float:
        return LEFT + (time - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return self.top + (self.high - value) / (self.high - self.low) * PLOT


def chart_figure(chart: Chart) -> str:
    """The chart with its title and legend, as an HTML ``figure``."""
    caption = f"<figcaption>{_text(chart.title, MAX_NAME)}{_unit(chart.unit)}</figcaption>"
    shown = chart.lines[:MAX_LINES]
    legend = "".join(_entry(number, line, chart.unit) for number, line in enumerate(shown))
    rest = len(chart.lines) - len(shown)
    legend += f"<li>…({rest} more)</li>" if rest else ""
    return f'<figure class="chart">{caption}{chart_svg(chart)}<ul>{legend}</ul></figure>'


def chart_svg(chart: Chart) -> str:
    """The drawing alone, as an ``svg`` element; a sentence instead when there is nothing to draw."""
    lines = chart.lines[:MAX_LINES]
    points = [(time, value) for line in lines for time, value in _points(line) if value is not None]
    if not points:
        return "<p>No data to draw.</p>"
    times = [time for line in lines for time in line.times]
    ticks = value_ticks(min(value for _, value in points), max(value for _, value in points), chart.unit)
    start, end = min(times), max(times)
    rows = _rows(chart.marks, start, end)
    top = HEAD + ROW * (1 + max((row for _, row in rows), default=-1))
    frame = _Frame(start, end if end > start else start + 1, ticks[0].at, ticks[-1].at, top)
    height = top + PLOT + BOTTOM
    parts = [*_grid(frame, ticks, height), *_marks(frame, rows), *_lines(frame, lines)]
    said = escape(f"{clean_text(chart.title)}: {'; '.join(_spoken(line, chart.unit) for line in lines)}")
    head = f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{said}">'
    return f"{head}{''.join(parts)}</svg>"


def _points(line: ChartLine) -> Iterator[tuple[float, float | None]]:
    for time, value in zip(line.times, line.values, strict=False):
        yield time, value if value is not None and abs(value) < LARGEST else None


def _grid(frame: _Frame, ticks: Sequence[Tick], height: float) -> Iterator[str]:
    for tick in ticks:
        y = frame.y(tick.at)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{escape(tick.label)}</text>'
    for tick in time_ticks(frame.start, frame.end):
        x = min(max(frame.x(tick.at), LEFT + 12), WIDTH - RIGHT - 20)
        yield f'<text x="{x:.1f}" y="{height - 9:g}" text-anchor="middle">{tick.label}</text>'
    yield f'<text x="{LEFT - 7}" y="{height - 9:g}" text-anchor="end">UTC</text>'


def _rows(marks: Sequence[ChartMark], start: float, end: float) -> list[tuple[ChartMark, int]]:
    """The marks inside the window, each with the row in which its label touches no other."""
    ends: list[float] = []
    placed = []
    inside = sorted((mark for mark in marks if start <= mark.time <= end), key=lambda mark: mark.time)
    for mark in inside[:MAX_MARKS]:
        x = (mark.time - start) / ((end - start) or 1) * (WIDTH - LEFT - RIGHT)
        width = _LETTER * min(len(mark.label), MAX_LABEL) + 12
        left = x - width if x + width > WIDTH - LEFT - RIGHT else x
        row = next((row for row, reached in enumerate(ends) if reached <= left), len(ends))
        ends[row : row + 1] = [left + width]
        placed.append((mark, row))
    return placed


def _marks(frame: _Frame, rows: Sequence[tuple[ChartMark, int]]) -> Iterator[str]:
    for mark, row in rows:
        x, y = frame.x(mark.time), 15 + ROW * row
        flips = x + _LETTER * min(len(mark.label), MAX_LABEL) + 12 > WIDTH - RIGHT
        anchor, shift = ("end", -5) if flips else ("start", 5)
        yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 10:g}" y2="{frame.top + PLOT:g}"/>'
        label = _text(mark.label, MAX_LABEL)
        yield f'<text class="label" x="{x + shift:.1f}" y="{y:g}" text-anchor="{anchor}">{label}</text>'


def _lines(frame: _Frame, lines: Sequence[ChartLine]) -> Iterator[str]:
    for number, line in reversed([*enumerate(lines)]):  # the first one, which moved most, on top
        runs = [
            [(frame.x(time), frame.y(value)) for time, value in run if value is not None]
            for present, run in itertools.groupby(_points(line), key=lambda point: point[1] is not None)
            if present
        ]
        if len(lines) == 1:
            floor = f"{frame.y(frame.low):.1f}"
            areas = (f"M{run[0][0]:.1f} {floor}L{_path(run)}L{run[-1][0]:.1f} {floor}Z" for run in runs)
            yield f'<path class="area" d="{"".join(areas)}"/>'
        drawn = "".join(f"M{_path(run)}" + ("h0" if len(run) == 1 else "") for run in runs)
        yield f'<path style="stroke:var(--c{number})" d="{drawn}"/>'


def _path(run: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in run)


def _last(line: ChartLine) -> float | None:
    return next((value for _, value in reversed([*_points(line)]) if value is not None), None)


def _entry(number: int, line: ChartLine, unit: str) -> str:
    last = _last(line)
    value = "no data" if last is None else escape(value_text(last, unit))
    return f'<li><i style="color:var(--c{number})"></i>{_text(line.name or "value", MAX_NAME)} <b>{value}</b></li>'


def _spoken(line: ChartLine, unit: str) -> str:
    last = _last(line)
    return f"{clean_text(line.name) or 'value'} {'no data' if last is None else 'now ' + value_text(last, unit)}"


def _text(text: str, length: int) -> str:
    line = " ".join(clean_text(text).split())
    return escape(line if len(line) <= length else f"{line[: length - 1]}…")


def _unit(unit: str) -> str:
    """A unit that the ticks do not carry themselves."""
    return "" if is_written(unit) else f", {_text(unit, MAX_LABEL)}"
