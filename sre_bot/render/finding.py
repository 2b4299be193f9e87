"""Which series carry the finding of an answer: what is drawn as its one picture. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.investigation import Chart  # noqa: TC001 - pydantic reads this annotation at run time
from sre_bot.render.axis import value_text
from sre_bot.render.safe import clean_text
from sre_bot.render.summary import by_id, headline, since

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sre_bot.investigation import Answer, ChartLine, ChartMark

MAX_SERIES, MAX_PANELS = 3, 2
FIRST_LINES = 2
"""Of the first chart so many lines, if another chart has something to add."""
MAX_MARKS = 4
MAX_ALT = 600
LARGEST = 1e30
"""Beyond it a value is a gap: the plotting library loses its way, and nothing that is measured is so large."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Charts to draw below each other over the same time, and what they show in words; at most three series in all."""

    title: str
    panels: tuple[Chart, ...]
    alt: str


def finding_of(answer: Answer) -> Finding | None:
    """The series that the likeliest cause, then the first claims, rest on; None where those have nothing to draw."""
    named = _named(answer)
    panels: list[Chart] = []
    for chart in _charts(answer):
        if len(panels) < MAX_PANELS and all(one.title != chart.title for one in panels):
            panels.append(_cut(chart, named, MAX_SERIES))
    if not panels:
        return None
    if len(panels) == MAX_PANELS:
        first = _cut(panels[0], named, FIRST_LINES)
        panels = [first, _cut(panels[1], named, MAX_SERIES - len(first.lines))]
    title = headline(answer)
    return Finding(title, tuple(panels), _alt(answer, panels))


def _charts(answer: Answer) -> Iterator[Chart]:
    """Charts in the evidence of the likeliest cause, then of the first claims, in which something moves or alerts."""
    evidence, report = by_id(answer), answer.report
    claims = [*(one.claim for one in report.hypotheses[:1]), *report.what[:2], *report.impact[:1]]
    for cited in dict.fromkeys(one for claim in claims for one in claim.evidence if one in evidence):
        for chart in evidence[cited].observation.charts:
            lines = tuple(line for line in chart.lines if any(is_drawn(value) for value in line.values))
            if lines and (chart.threshold is not None or any(_movement(line) > 0 for line in lines)):
                yield replace(chart, lines=lines)


def is_drawn(value: float | None) -> bool:
    """Whether there is a point to draw."""
    return value is not None and math.isfinite(value) and abs(value) < LARGEST


def _named(answer: Answer) -> str:
    """What the foremost sentences are about."""
    report = answer.report
    best = report.hypotheses[:1]
    said = [*(one.service or "" for one in best), *(one.claim.text for one in best)]
    return " ".join((*said, *(claim.text for claim in report.what[:2])))


def _cut(chart: Chart, named: str, most: int) -> Chart:
    """At most so many lines: those that are spoken of, then those that move most; in their own order."""
    ranked = sorted(
        range(len(chart.lines)),
        key=lambda place: (not _is_named(chart.lines[place], named), -_movement(chart.lines[place]), place),
    )
    kept = sorted(ranked[:most])
    marks = sorted(chart.marks, key=lambda mark: mark.time)
    return replace(chart, lines=tuple(chart.lines[place] for place in kept), marks=tuple(marks[:MAX_MARKS]))


def _is_named(line: ChartLine, named: str) -> bool:
    return bool(line.name) and line.name in named


def _movement(line: ChartLine) -> float:
    """From its least to its largest value, in units of the data."""
    drawn = [value for value in line.values if value is not None and is_drawn(value)]
    return max(drawn) - min(drawn)


def _alt(answer: Answer, panels: Sequence[Chart]) -> str:
    """The picture for those who do not see it."""
    parts = [f"Chart of {'; and of '.join(_panel_in_words(panel) for panel in panels)}."]
    if began := since(answer):
        parts.append(f"It began at {began:%H:%M:%S} UTC.")
    marks: dict[str, ChartMark] = {mark.label: mark for panel in panels for mark in panel.marks}
    if labels := ", ".join(marks):
        parts.append(f"Marked: {labels}.")
    text = " ".join(clean_text(" ".join(parts)).split())
    return text if len(text) <= MAX_ALT else f"{text[: MAX_ALT - 1]}…"


def _panel_in_words(panel: Chart) -> str:
    lines = (f"{line.name or 'value'} {_course(line, panel.unit)}" for line in panel.lines)
    alert = "" if panel.threshold is None else f" (an alert fires at {value_text(panel.threshold, panel.unit)})"
    return f"{panel.title}{alert}: {', '.join(lines)}"


def _course(line: ChartLine, unit: str) -> str:
    drawn = [value for value in line.values if value is not None and is_drawn(value)]
    return f"from {value_text(drawn[0], unit)} to {value_text(drawn[-1], unit)}"
