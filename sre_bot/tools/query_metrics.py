"""The tool ``query_metrics``: PromQL at a moment or over a window, answered with facts."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sre_bot.errors import QueryRefusedError, SourceError
from sre_bot.incident import TimeWindow
from sre_bot.investigation import Link, Observation
from sre_bot.signals.series import on_grid
from sre_bot.tools.absence import why_no_data
from sre_bot.tools.crowd import crowd
from sre_bot.tools.metrics import chosen
from sre_bot.tools.promql import guarded
from sre_bot.tools.readings import chart, headline, instant_lines, point_lines, range_lines, ranked
from sre_bot.tools.text import quoted
from sre_bot.tools.tool import Tool
from sre_bot.tools.window import WindowArguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sre_bot.signals.series import QueryResult, Series
    from sre_bot.tools.metrics import Metrics
    from sre_bot.tools.promql import Query
    from sre_bot.tools.window import AskedWindow

DEFAULT_WINDOW = timedelta(hours=1)
MAX_STEPS = 300
"""Steps in the asked window; the window before it takes as many again."""
_STEPS = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400)

DESCRIPTION = (
    "Evaluate PromQL over a window (default: the last hour), or with instant=true at its end. A range answer is facts "
    "per series, those that moved first: min … max, mean, last, median of the window before, onset of a change with "
    "its levels before → after, sparkline; points=true adds thinned values. Use it to see whether, when and how much "
    "something changed; rate() counters and aggregate with sum by (…). Not for finding names (find_metrics) or alerts "
    "(list_alerts)."
)


class QueryArguments(WindowArguments):
    """Arguments of ``query_metrics``."""

    query: Annotated[str, Field(description="PromQL")]
    instant: bool = False
    points: bool = False
    source: Annotated[str | None, Field(description="which Prometheus; default the first")] = None


def query_metrics(sources: Sequence[Metrics]) -> Tool[QueryArguments]:
    """The tool over one Prometheus or several."""

    async def ask(arguments: QueryArguments, at: datetime) -> Observation:
        source = chosen(sources, arguments.source)
        asked = arguments.window(at, DEFAULT_WINDOW)
        query = guarded(arguments.query, source=source.name, end=asked.window.end, now=at)
        with _noting(asked):
            if arguments.instant:
                return await _instant(source, query, asked)
            return await _range(source, query, asked, points=arguments.points)

    return Tool("query_metrics", DESCRIPTION, QueryArguments, ask, tuple(source.name for source in sources))


async def _instant(source: Metrics, query: Query, asked: AskedWindow) -> Observation:
    result = await source.query(query.text, asked.window.end)
    series = [one for one in result.series if len(one.values)]
    if not series:
        return await _nothing(source, query, asked, result)
    lines = instant_lines(series, query.unit)
    head = f"At {asked.window.end:%Y-%m-%d %H:%M:%S}Z{asked.note}, {_counted(series, query)}:"
    content = "\n".join([head, *lines, *_warnings(source, result)])
    return Observation(f"{quoted(query.text, 80)}: {lines[0]}", content, links=_links(source, query, asked))


async def _range(source: Metrics, query: Query, asked: AskedWindow, *, points: bool) -> Observation:
    step = step_for(asked.window.duration)
    steps = max(1, asked.window.duration // step)
    doubled = TimeWindow(asked.window.end - 2 * steps * step, asked.window.end)
    result, notes = await _series(source, query.text, doubled, step)
    grid = {"start": doubled.start.timestamp(), "end": doubled.end.timestamp(), "step": step.total_seconds()}
    readings = await asyncio.to_thread(ranked, [on_grid(one, **grid) for one in result.series], steps)
    if not readings:
        return await _nothing(source, query, asked, result)
    head = (
        f"{asked}, every {step.total_seconds():g}s ({steps + 1} points), compared with as long before; "
        f"{_counted([reading.series for reading in readings], query)}:"
    )
    lines = [*notes, head, *range_lines(readings, query.unit), *(point_lines(readings) if points else [])]
    return Observation(
        f"{quoted(query.text, 80)}: {headline(readings, query.unit)}",
        "\n".join([*lines, *_warnings(source, result)]),
        links=_links(source, query, asked),
        charts=(chart(readings, query.text, query.unit),),
    )


async def _series(source: Metrics, promql: str, window: TimeWindow, step: timedelta) -> tuple[QueryResult, list[str]]:
    """The series of a query or, when they are too many to be sent, what stands for them and a sentence on that."""
    try:
        return await source.query_range(promql, window, step), []
    except QueryRefusedError:
        stand_in = await crowd(source, promql, window, step)
        if stand_in is None:
            raise
        result, sentence = stand_in
        return result, [sentence]


async def _nothing(source: Metrics, query: Query, asked: AskedWindow, result: QueryResult) -> Observation:
    """No data is an answer, not a failure and not zero."""
    why = await why_no_data(source, query, asked.window)
    content = "\n".join([f"No data, {asked}. No data is not zero.", *why, *_warnings(source, result)])
    return Observation(f"{quoted(query.text, 80)}: no data", content, links=_links(source, query, asked))


def step_for(length: timedelta) -> timedelta:
    """The smallest usual step that makes at most MAX_STEPS steps of a window."""
    seconds = next((s for s in _STEPS if length <= MAX_STEPS * timedelta(seconds=s)), _STEPS[-1])
    return timedelta(seconds=seconds)


def _counted(series: Sequence[Series], query: Query) -> str:
    unit = f", in {query.unit}" if query.unit else ""
    return f"{len(series)} series{unit}"


def _links(source: Metrics, query: Query, asked: AskedWindow) -> tuple[Link, ...]:
    return (Link(f"graph in {source.name}", source.graph_url(query.text, asked.window)),)


def _warnings(source: Metrics, result: QueryResult) -> list[str]:
    return [f"{source.name} warns (the answer may be partial): {quoted(warning, 200)}" for warning in result.warnings]


@contextlib.contextmanager
def _noting(asked: AskedWindow) -> Iterator[None]:
    """Adds the window to a source's error, for whoever reads it."""
    try:
        yield
    except SourceError as error:
        error.add_note(f"Window: {asked}")
        raise
