"""The tool ``query_metrics``: PromQL at a moment or over a window, answered with facts."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sre_bot.errors import QueryRefusedError, SourceError
from sre_bot.incident import TimeWindow
from sre_bot.investigation import Link, Observation
from sre_bot.signals.counters import rates
from sre_bot.signals.series import Series, on_grid
from sre_bot.tools.absence import why_no_data
from sre_bot.tools.beginning import beginning, first_value
from sre_bot.tools.buckets import CAVEAT, buckets_of
from sre_bot.tools.charts import chart
from sre_bot.tools.crowd import crowd
from sre_bot.tools.promql import guarded
from sre_bot.tools.readings import headline, instant_headline, instant_lines, point_lines, range_lines, ranked
from sre_bot.tools.several import OneOfSeveral, choice, chosen, others, source_in, told
from sre_bot.tools.text import quoted
from sre_bot.tools.tool import Tool
from sre_bot.tools.usual import usual
from sre_bot.tools.window import WindowArguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sre_bot.signals.series import QueryResult
    from sre_bot.tools.metrics import Metrics
    from sre_bot.tools.promql import Query
    from sre_bot.tools.window import AskedWindow

DEFAULT_WINDOW = timedelta(hours=1)
MAX_STEPS = 300
"""Steps in the asked window; the window before it takes as many again."""
_STEPS = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400)

DESCRIPTION = (
    "Evaluate PromQL over a window (default: last hour), or with instant=true at its end. A selector needs a "
    'metric name or an exact label; {__name__=~"a|b"} has none. A range answer is facts per series, those that '
    "moved first: min … max, mean, last, median before, onset of a change with levels before → after, "
    "sparkline; points=true adds values. Use it to see whether, when and how much something changed; rate() counters "
    "and aggregate. Not for names (find_metrics) or alerts."
)


class QueryArguments(WindowArguments):
    """Arguments of ``query_metrics``."""

    query: Annotated[str, Field(description="PromQL")]
    instant: bool = False
    points: bool = False


class QueryArgumentsOfSeveral(QueryArguments, OneOfSeveral):
    """The same with a choice."""


def query_metrics(sources: Sequence[Metrics]) -> Tool[QueryArguments]:
    """The tool over one Prometheus or several."""

    async def ask(arguments: QueryArguments, at: datetime) -> Observation:
        source = chosen(sources, source_in(arguments))
        asked = arguments.window(at, DEFAULT_WINDOW)
        query = guarded(arguments.query, source=source.name, end=asked.window.end, now=at)
        with _noting(asked):
            if arguments.instant:
                seen = await _instant(source, query, asked)
            else:
                seen = await _range(source, query, asked, points=arguments.points)
        return seen if len(sources) == 1 else _of_one(seen, source, sources)

    names = tuple(source.name for source in sources)
    kind = QueryArguments if len(sources) == 1 else QueryArgumentsOfSeveral
    return Tool("query_metrics", DESCRIPTION + choice(sources, "the first"), kind, ask, names)


def _of_one(seen: Observation, source: Metrics, sources: Sequence[Metrics]) -> Observation:
    """The answer of one of several, which says whose it is."""
    where = told([source])
    content = " ".join([f"Asked of {where}.", *others(sources, [source])])
    return replace(seen, summary=f"{where}: {seen.summary}", content=f"{content}\n{seen.content}")


async def _instant(source: Metrics, query: Query, asked: AskedWindow) -> Observation:
    result = await source.query(query.text, asked.window.end)
    series = [one for one in result.series if len(one.values)]
    if not series:
        return await _nothing(source, query, asked, result)
    lines = instant_lines(series, query.unit, await buckets_of(source, query, asked.window.end))
    head = f"At {asked.window.end:%Y-%m-%d %H:%M:%S}Z{asked.note}, {_counted(series, query)}:"
    content = "\n".join([head, *lines, *_caveats(query), *_warnings(source, result)])
    summary = f"{quoted(query.text, 80)}: {instant_headline(series, query.unit)}"
    return Observation(summary, content, links=_links(source, query, asked))


async def _range(source: Metrics, query: Query, asked: AskedWindow, *, points: bool) -> Observation:
    answer = await _answer(source, query, asked.window)
    if query.counter:
        answer, query = _rated(answer), replace(query, unit=f"{query.unit}/s")
    readings = await asyncio.to_thread(ranked, answer.series, answer.split, query.unit)
    if not readings:
        return await _nothing(source, query, asked, answer.result)
    buckets = await buckets_of(source, query, asked.window.end)
    seasons = await usual(source, query.text, readings, asked.window, query.unit)
    head = f"{asked}, {answer}; {_counted([reading.series for reading in readings], query)}:"
    facts = range_lines(readings, query.unit, buckets)
    lines = [*answer.notes, head, *facts, *seasons, *(point_lines(readings) if points else []), *_caveats(query)]
    return Observation(
        f"{quoted(query.text, 80)}: {headline(readings, query.unit)}",
        "\n".join([*lines, *_warnings(source, answer.result)]),
        links=_links(source, query, asked),
        charts=(chart(readings, query.text, query.unit),),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """Series on one grid, the asked window from ``split`` on; ``begin`` is set when there are no data before then."""

    result: QueryResult
    notes: Sequence[str]
    series: Sequence[Series]
    step: timedelta
    split: int
    begin: float | None = None

    def __str__(self) -> str:
        """How it was asked, and what it is compared with."""
        begin = "" if self.begin is None else f"data begin {datetime.fromtimestamp(self.begin, UTC):%H:%M:%S}"
        before = (
            f"compared with {'before' if begin else 'as long before'}" if self.split else "nothing before to compare"
        )
        points = len(self.series[0].times) - self.split
        told = ", ".join(part for part in (begin, before) if part)
        return f"every {self.step.total_seconds():g}s ({points} points), {told}"


async def _answer(source: Metrics, query: Query, window: TimeWindow) -> _Answer:
    """The window and as long before; what is younger than that, from its beginning and as closely as it deserves."""
    step = step_for(window.duration)
    steps = max(1, window.duration // step)
    doubled = TimeWindow(window.end - 2 * steps * step, window.end)
    answer = await _asked_for(source, query, doubled, step, steps)
    begun = await beginning(source, query, answer.series, step)
    if begun is None or begun.alone:
        return answer
    began = datetime.fromtimestamp(begun.time, UTC)
    finer = step_for(max(window.end - began, MAX_STEPS * begun.interval))
    if finer < step:
        closer = max(1, -(-(window.end - began + step) // finer))
        answer = await _asked_for(source, query, TimeWindow(window.end - closer * finer, window.end), finer, 0)
    return _from_its_beginning(answer)


async def _asked_for(source: Metrics, query: Query, window: TimeWindow, step: timedelta, split: int) -> _Answer:
    result, notes = await _series(source, query.text, window, step)
    grid = {"start": window.start.timestamp(), "end": window.end.timestamp(), "step": step.total_seconds()}
    return _Answer(result, notes, [on_grid(one, **grid) for one in result.series], step, split)


def _rated(answer: _Answer) -> _Answer:
    """A counter that nobody rated: how fast it grew, as its height tells nobody anything."""
    note = "A counter: told as its rate from point to point."
    return replace(answer, series=[rates(one) for one in answer.series], notes=[*answer.notes, note])


def _from_its_beginning(answer: _Answer) -> _Answer:
    first = min((index for one in answer.series if (index := first_value(one)) is not None), default=0)
    series = [Series(one.labels, one.times[first:], one.values[first:]) for one in answer.series]
    begin = float(answer.series[0].times[first]) if answer.series else None
    return replace(answer, series=series, split=max(0, answer.split - first), begin=begin)


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


def _caveats(query: Query) -> list[str]:
    return [CAVEAT] if query.interpolated and query.buckets else []


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
