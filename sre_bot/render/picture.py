"""A finding as one small PNG, readable on a phone and on light and dark screens.

Run as a program it reads a finding as JSON from its standard input and writes the PNG to its standard output: the
plotting library takes memory and holds the interpreter, so it never comes into the process that answers.
"""

from __future__ import annotations

import io
import sys
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from sre_bot.render.axis import is_written, time_ticks, value_text, value_ticks
from sre_bot.render.drawing import FINDING
from sre_bot.render.finding import is_drawn
from sre_bot.render.safe import clean_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sre_bot.investigation import Chart, ChartLine, ChartMark
    from sre_bot.render.finding import Finding

WIDTH, PANEL, HEAD = 4.8, 2.15, 0.45
"""Inches; at 200 dots each the picture is 960 wide, and on a phone about as wide as the screen."""
DOTS = 200
INK, SOFT, GRID, SHEET, MARK = "#1b1b20", "#5d5d69", "#e2e2e8", "#ffffff", "#3f3f4a"
COLOURS, DASHES = ("#0072b2", "#d55e00", "#009e73"), ("-", (0, (5, 1.5)), (0, (1.5, 1)))
"""Those of Okabe and Ito (https://jfly.uni-koeln.de/color/), and dashes for who cannot tell them apart."""
MAX_TITLE, MAX_PANEL_TITLE, MAX_NAME, MAX_LABEL = 56, 60, 40, 22
IN_A_ROW = 46
"""Names of lines stand side by side if they have no more letters than this."""
_ROOM = 1.25
"""So much higher than the data is a panel in which marks are labelled."""
_APART = 0.3
"""Nearer than this share of the width the labels of two marks would touch."""
_LETTER = 0.015
"""Share of the width that a letter of a label takes."""


def png(finding: Finding) -> bytes:
    """The picture, on a white sheet of its own, so that it reads on any background."""
    times = [time for panel in finding.panels for line in panel.lines for time in line.times]
    start, end = min(times), max(times)
    end = end if end > start else start + 60
    figure = Figure(
        figsize=(WIDTH, HEAD + PANEL * len(finding.panels)), dpi=DOTS, facecolor=SHEET, layout="constrained"
    )
    FigureCanvasAgg(figure)
    figure.suptitle(_text(finding.title, MAX_TITLE), x=0.02, ha="left", fontsize=9.5, fontweight="bold", color=INK)
    axes = figure.subplots(len(finding.panels), 1, sharex=True, squeeze=False)[:, 0]
    names = [*dict.fromkeys(line.name for panel in finding.panels for line in panel.lines)]
    for place, (panel, panel_axes) in enumerate(zip(finding.panels, axes, strict=True)):
        looks = [names.index(line.name) for line in panel.lines]
        _draw(panel_axes, panel, looks, (start, end), labelled=place == 0)
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # a box stands for it
        figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _draw(axes: Axes, chart: Chart, looks: Sequence[int], window: tuple[float, float], *, labelled: bool) -> None:
    """One panel; what bears the same name looks the same in all of them."""
    start, end = window
    drawn = [value for line in chart.lines for value in line.values if value is not None and is_drawn(value)]
    threshold = chart.threshold if chart.threshold is not None and is_drawn(chart.threshold) else None
    levels = [*drawn, *([threshold] if threshold is not None else [])]
    ticks = value_ticks(min(levels), max(levels), chart.unit, wanted=3)
    low, high = ticks[0].at, ticks[-1].at
    for number, line in zip(looks, chart.lines, strict=True):
        axes.plot(
            line.times,
            [_point(value) for value in line.values],
            color=COLOURS[number % len(COLOURS)],
            linestyle=DASHES[number % len(DASHES)],
            linewidth=2,
        )
    if threshold is not None:
        axes.axhline(threshold, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
        axes.text(
            start, threshold, f" alert at {value_text(threshold, chart.unit)}", fontsize=7, color=INK, va="bottom"
        )
    axes.set_xlim(start, end)
    axes.set_ylim(low, low + (high - low) * (_ROOM if labelled and chart.marks else 1.04))
    axes.yaxis.set_major_locator(FixedLocator([tick.at for tick in ticks]))
    axes.yaxis.set_major_formatter(FixedFormatter([tick.label for tick in ticks]))
    moments = time_ticks(start, end, wanted=5)
    axes.xaxis.set_major_locator(FixedLocator([tick.at for tick in moments]))
    axes.xaxis.set_major_formatter(FixedFormatter([tick.label for tick in moments]))
    axes.set_xlabel(f"UTC, {datetime.fromtimestamp(end, UTC):%-d %B}", fontsize=7, color=SOFT)
    axes.label_outer()
    axes.tick_params(labelsize=8, colors=SOFT, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
    _mark(axes, [mark for mark in chart.marks if start <= mark.time <= end], start, end, labelled=labelled)
    _name(axes, chart)


def _name(axes: Axes, chart: Chart) -> None:
    """What is drawn, above it: the title, and each line with its last value."""
    names = [_legend(line, chart.unit) for line in chart.lines]
    legend = axes.legend(
        axes.get_lines()[: len(names)],
        names,
        title=_title(chart),
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.1,
        borderpad=0.2,
        ncols=len(names) if sum(map(len, names)) <= IN_A_ROW else 1,
        fontsize=8,
        title_fontsize=8.5,
        frameon=False,
        labelcolor=INK,
    )
    legend.get_title().set_color(SOFT)


def _mark(axes: Axes, marks: Sequence[ChartMark], start: float, end: float, *, labelled: bool) -> None:
    """Vertical lines; their labels at the top of the first panel, where two are near to the left and to the right."""
    length, row, last = end - start, 0, start - end
    ordered = sorted(marks, key=lambda one: one.time)
    for place, mark in enumerate(ordered):
        axes.axvline(mark.time, color=MARK, linewidth=1, linestyle=(0, (3, 2)))
        following = ordered[place + 1].time if place + 1 < len(ordered) else end + length
        near, crowded = mark.time - last < _APART * length, following - mark.time < _APART * length
        label = _text(mark.label, MAX_LABEL)
        width = _LETTER * len(label) * length
        left = mark.time - width > start and (crowded or mark.time + width > end)
        row, last = (row + 1 if near and (left or crowded) else 0), mark.time
        if labelled:
            axes.annotate(
                label,
                (mark.time, 1),
                xycoords=("data", "axes fraction"),
                xytext=(-3 if left else 3, -2 - 9 * row),
                textcoords="offset points",
                ha="right" if left else "left",
                va="top",
                fontsize=7.5,
                color=MARK,
                bbox={"facecolor": SHEET, "edgecolor": "none", "alpha": 0.85, "pad": 0.8},
            )


def _point(value: float | None) -> float:
    return value if value is not None and is_drawn(value) else float("nan")


def _legend(line: ChartLine, unit: str) -> str:
    """The line's name and its last value."""
    last = next((value for value in reversed(line.values) if value is not None and is_drawn(value)), None)
    name = _text(line.name, MAX_NAME) or "value"
    return f"{name}  {value_text(last, unit)}" if last is not None else name


def _title(chart: Chart) -> str:
    unit = "" if is_written(chart.unit) else f", {chart.unit}"
    return _text(f"{chart.title}{unit}", MAX_PANEL_TITLE)


def _text(text: str, length: int) -> str:
    """One line; a dollar would begin a formula."""
    line = " ".join(clean_text(text).split())
    return (line if len(line) <= length else f"{line[: length - 1]}…").replace("$", r"\$")


def main() -> None:
    """From standard input to standard output."""
    sys.stdout.buffer.write(png(FINDING.validate_json(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
