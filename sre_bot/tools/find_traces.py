"""The tool ``find_traces``: failing or slow requests of a service, held against healthy ones of the same route."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sre_bot.errors import BadInputError, QueryRefusedError, SourceError
from sre_bot.incident import TimeWindow
from sre_bot.investigation import Observation
from sre_bot.signals.spans import TraceTree
from sre_bot.tools.gathering import all_failed, gathered, missing, unseen
from sre_bot.tools.schema import ShortText  # noqa: TC001 - pydantic reads annotations at run time
from sre_bot.tools.several import BY_ENVIRONMENT, OneOfSeveral, choice, others, source_in, those
from sre_bot.tools.text import estimated_tokens, quoted, stamp
from sre_bot.tools.tool import Arguments, Tool
from sre_bot.tools.trace_account import account, one_trace
from sre_bot.tools.window import WindowArguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.incident import TraceHead
    from sre_bot.tools.traces import Traces
    from sre_bot.tools.window import AskedWindow

DEFAULT_WINDOW = timedelta(hours=1)
MAX_TOKENS = 1_150
"""So much an answer costs at most."""
MAX_FOUND = 100
MAX_ROUTES, MAX_BAD, MAX_HEALTHY = 3, 3, 3
"""So many routes are told of, with so many bad and healthy traces each looked into."""
SLOW = 2.0
"""A trace is slow when it took so many times as long as usual ones of its route, and is among the slowest."""

DESCRIPTION = (
    "Traces through a service: the failing (else the slowest) ones against healthy ones of the same "
    "route: deepest failing span, time per service, calls more or fewer. Or one by its id, e.g. of a log line."
)


class TraceArguments(Arguments):
    """Arguments of ``find_traces``: a window as other tools take it, but by fewer words."""

    service: ShortText | None = None
    trace_id: ShortText | None = None
    last: Annotated[str | None, Field(description="default 1h")] = None
    end: str | None = None

    def window(self, at: datetime) -> AskedWindow:
        """The window as of ``at``. Raises BadInputError when it cannot be read."""
        return WindowArguments(last=self.last, end=self.end).window(at, DEFAULT_WINDOW)


@dataclass(frozen=True, slots=True)
class _Route:
    """Traces of one route, by their heads: the bad ones, and others to hold them against."""

    service: str
    name: str
    bad: tuple[TraceHead, ...]
    healthy: tuple[TraceHead, ...]


class TraceArgumentsOfSeveral(TraceArguments, OneOfSeveral):
    """The same with a choice."""


def find_traces(known: Sequence[Traces]) -> Tool[TraceArguments]:
    """The tool over stores of traces, at least one."""

    async def ask(arguments: TraceArguments, at: datetime) -> Observation:
        name = source_in(arguments)
        if arguments.trace_id:
            whose = known if name is None else those(known, name)
            return await _one(whose, arguments.trace_id, at)
        if not arguments.service:
            raise BadInputError("give a service or a trace_id")
        asked, sources = arguments.window(at), those(known, name)
        results, errors = await gathered(_look(source, asked.window, arguments.service) for source in sources)
        if errors and not results:
            raise all_failed(errors)
        notes = [*unseen(errors), *others(known, sources)]
        seen = _observed([part for result in results for part in result], notes, asked, arguments.service)
        return replace(seen, missing=missing(errors))

    kind = TraceArguments if len(known) == 1 else TraceArgumentsOfSeveral
    names = tuple(source.name for source in known)
    return Tool("find_traces", DESCRIPTION + choice(known, BY_ENVIRONMENT), kind, ask, names)


def _observed(
    parts: Sequence[tuple[str, list[str]]], notes: Sequence[str], asked: AskedWindow, service: str
) -> Observation:
    """The routes' accounts, each a headline and its lines, as far as there is room."""
    name = quoted(service, 60)
    if not parts:
        sentence = f"no trace through {name} was found: it had no requests, its name is another, or it is not traced"
        content = "\n".join([f"{asked}: {sentence}.", *notes])
        return Observation(f"Traces of {name}: none found", content)
    lines = [f"{asked}, traces through {name}:", *notes]
    for number, (headline, told) in enumerate(parts):
        more = [*lines, headline, *told]
        if estimated_tokens("\n".join(more)) > MAX_TOKENS:
            lines.append(f"+{len(parts) - number} more routes: ask for a service nearer to them.")
            break
        lines = more
    return Observation(f"Traces of {name}: {parts[0][0]}", "\n".join(lines))


async def _one(sources: Sequence[Traces], trace_id: str, at: datetime) -> Observation:
    """One trace, from the first source that has it. Raises SourceError when none has, or none that could be seen."""
    failures: list[SourceError] = []
    for source in sources:
        try:
            tree = TraceTree(await source.spans(trace_id))
        except SourceError as error:
            failures.append(error)
            continue
        lines = one_trace(tree, at)
        return Observation(f"Trace {quoted(trace_id, 40)}: {lines[0]}", "\n".join(lines))
    raise next((error for error in failures if not isinstance(error, QueryRefusedError)), failures[0])


async def _look(source: Traces, window: TimeWindow, service: str) -> list[tuple[str, list[str]]]:
    """Of each route with failing traces, or else the slowest: a headline, and what its traces tell."""
    failed, sample = await asyncio.gather(
        source.search(window, service, limit=MAX_FOUND, failed=True), source.search(window, service, limit=MAX_FOUND)
    )
    bad = {head.trace_id for head in failed}
    others = [head for head in sample if head.trace_id not in bad]
    if failed:
        routes = await _with_healthy(source, window, service, _routes(failed, others))
    else:
        earlier = await source.search(_before(window), service, limit=MAX_FOUND)
        routes = _slow([*others, *await _slower(source, window, service, others)], earlier)
    return list(await asyncio.gather(*(_told(source, route, window, failing=bool(failed)) for route in routes)))


def _routes(bad: Sequence[TraceHead], others: Sequence[TraceHead]) -> list[_Route]:
    """The routes with most bad traces."""
    counts = Counter((head.service, head.name) for head in bad)
    return [
        _Route(
            *route,
            bad=tuple(head for head in bad if (head.service, head.name) == route),
            healthy=tuple(head for head in others if (head.service, head.name) == route),
        )
        for route, _ in counts.most_common(MAX_ROUTES)
    ]


async def _with_healthy(source: Traces, window: TimeWindow, service: str, routes: list[_Route]) -> list[_Route]:
    """Where no healthy trace of a route is known, some from before the window."""

    async def completed(route: _Route) -> _Route:
        if route.healthy:
            return route
        wide = TimeWindow(_before(window).start, window.end)
        found, failed = await asyncio.gather(
            source.search(wide, service, limit=MAX_FOUND, route=route.name),
            source.search(wide, service, limit=MAX_FOUND, route=route.name, failed=True),
        )
        bad = {head.trace_id for head in (*failed, *route.bad)}
        healthy = tuple(head for head in found if head.trace_id not in bad and head.service == route.service)
        return _Route(route.service, route.name, route.bad, healthy)

    return list(await asyncio.gather(*map(completed, routes)))


async def _slower(source: Traces, window: TimeWindow, service: str, sample: Sequence[TraceHead]) -> Sequence[TraceHead]:
    """Where there are more traces than were found: those slower than nearly all of the sample."""
    if len(sample) < MAX_FOUND:
        return ()
    threshold = sorted(head.duration for head in sample)[len(sample) * 9 // 10]
    known = {head.trace_id for head in sample}
    found = await source.search(window, service, limit=MAX_FOUND, longer_than=threshold)
    return [head for head in found if head.trace_id not in known]


def _before(window: TimeWindow) -> TimeWindow:
    """What came before the window: as long as it, or an hour."""
    return TimeWindow(window.start - max(window.duration, DEFAULT_WINDOW), window.start)


def _slow(heads: Sequence[TraceHead], earlier: Sequence[TraceHead]) -> list[_Route]:
    """Per route its slowest traces against usual ones, the slowest route first.

    Usual are those of before, when they were faster, as when everything has become slow; else the middle ones of now.
    """
    found = []
    for route, same in _by_route(heads).items():
        past = _middle(_by_route(earlier).get(route, ()))
        usual = past if past and SLOW * past[-1].duration <= same[len(same) // 2].duration else _middle(same)
        slow = [head for head in same[-MAX_BAD:] if head.duration >= SLOW * usual[-1].duration]
        found.append(_Route(*route, bad=tuple(slow or same[-1:]), healthy=tuple(usual) if slow else ()))
    return sorted(found, key=lambda route: -route.bad[-1].duration)[:MAX_ROUTES]


def _by_route(heads: Iterable[TraceHead]) -> Mapping[tuple[str, str], Sequence[TraceHead]]:
    """The traces of each route, fastest first."""
    routes: dict[tuple[str, str], list[TraceHead]] = defaultdict(list)
    for head in sorted(heads, key=lambda head: head.duration):
        routes[head.service, head.name].append(head)
    return routes


def _middle(ordered: Sequence[TraceHead]) -> Sequence[TraceHead]:
    """The up to three in the middle."""
    half = len(ordered) // 2
    return ordered[max(0, half - 1) : half + 2]


async def _told(source: Traces, route: _Route, window: TimeWindow, *, failing: bool) -> tuple[str, list[str]]:
    bad, healthy = await asyncio.gather(
        _trees(source, _spread(route.bad, MAX_BAD)), _trees(source, _spread(route.healthy, MAX_HEALTHY))
    )
    times = sorted(head.start for head in route.bad)
    when = stamp(times[0], window.end) + (f" to {stamp(times[-1], window.end)}" if len(times) > 1 else "")
    number = f"{'at least ' if len(route.bad) >= MAX_FOUND else ''}{len(route.bad)}"
    what = f"{number} failing" if failing else "none failing; the slowest"
    headline = f"{quoted(route.name or 'unnamed', 80)} ({quoted(route.service or 'unknown', 60)}): {what}, {when}"
    return headline, account(bad, healthy)


def _spread(heads: Sequence[TraceHead], number: int) -> list[TraceHead]:
    """So many of them, from the first to the last."""
    ordered = sorted(heads, key=lambda head: head.start)
    if len(ordered) <= number:
        return ordered
    return [ordered[round(place * (len(ordered) - 1) / (number - 1))] for place in range(number)]


async def _trees(source: Traces, heads: Sequence[TraceHead]) -> list[TraceTree]:
    """Their trees; a trace that its store has no longer is left out. Raises SourceError when the store fails."""
    found, errors = await gathered(source.spans(head.trace_id) for head in heads)
    failures = [error for error in errors if not isinstance(error, QueryRefusedError)]
    if failures and not found:
        raise all_failed(failures)
    return [TraceTree(spans) for spans in found if spans]
