"""Where bad requests fail or lose their time, held against healthy ones of the same route."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.conclusion import named
from sre_bot.first_look.pace import LOOKBACK, window_of
from sre_bot.first_look.seen import Contrast
from sre_bot.incident import AlertState, TimeWindow
from sre_bot.signals.spans import TraceTree, differences, mean_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sre_bot.first_look.asking import Asking
    from sre_bot.incident import Alert, Span, TraceHead
    from sre_bot.investigation import Question
    from sre_bot.signals.spans import Step
    from sre_bot.tools.logs import Logs
    from sre_bot.tools.traces import Traces

MAX_SERVICES, MAX_FOUND, MAX_TREES, MAX_ROUTES = 3, 50, 3, 3
"""Services whose traces are looked for, traces found of each, traces of each sort that are looked into, and other
routes of which one is, to learn who calls whom."""
SLOWER, SLOWER_BY = 2.0, timedelta(milliseconds=20)
"""Where none fails, requests that take so many times and so much longer than usual ones are bad."""
PEERS = ("peer.service", "server.address", "net.peer.name", "net.host.name", "db.name", "db.system", "http.host")
"""Attributes by which a span says whom it calls, most telling first."""
MAX_ATTRIBUTES = 12


@dataclass(frozen=True, slots=True)
class Traced:
    """Where bad requests differ, if there are any, and whether any store answered."""

    contrast: Contrast | None = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What tells which services' traces to look at: the question, names, who logs, and alerts if they come in time."""

    question: Question
    names: Mapping[str, str]
    loggers: Sequence[Logs]
    alerts: Collection[asyncio.Task[Sequence[Alert] | None]]

    async def services(self, asking: Asking) -> Sequence[str]:
        """Those that the question names, those with alerts, what fires first, and the channel's."""
        window = TimeWindow.before(self.question.asked_at, LOOKBACK)
        logging = (asking.ask(store.name, store.services(window), ()) for store in self.loggers)
        alerts, told = await asyncio.gather(asking.soon(self.alerts), asyncio.gather(*logging))
        alerts.sort(key=lambda alert: (alert.state is not AlertState.FIRING, alert.started_at))
        alerting = [alert.service for alert in alerts if alert.service]
        known = {*alerting, *self.names, *self.names.values(), *(name for names in told for name in names)}
        of_channel = self.question.scope.service
        return list(dict.fromkeys((*named(self.question.text, known), *alerting, *filter(None, [of_channel]))))


async def read_contrast(stores: Sequence[Traces], asked: Asked, asking: Asking) -> Traced:
    """Hold bad requests of the services asked about against healthy ones, in any stores."""
    if not stores:
        return Traced()
    services = await asked.services(asking)
    window = window_of(asked.question.asked_at, await asking.soon(asked.alerts), None)
    told = await asyncio.gather(
        *(_contrast(store, name, window, asking) for name in services[:MAX_SERVICES] for store in stores)
    )
    known = [answer for answer in told if answer is not None]
    found = [contrast for answer in known for contrast in answer]
    return Traced(next((one for one in found if one.failed), next(iter(found), None)), bool(known))


async def _contrast(store: Traces, service: str, window: TimeWindow, asking: Asking) -> list[Contrast] | None:
    """One contrast or none; None when the store did not answer."""
    failed, sample = await asyncio.gather(
        asking.ask(store.name, store.search(window, service, limit=MAX_FOUND, failed=True), None),
        asking.ask(store.name, store.search(window, service, limit=MAX_FOUND), None),
    )
    if failed is None or sample is None:
        return None
    route = _route(failed or sample)
    if route is None:
        return []
    failed_of_route, all_of_route = await _of_route(store, route, window, asking)
    bad, healthy = _sides([*failed, *failed_of_route], [*sample, *all_of_route], route)
    sides = bad[:MAX_TREES], healthy[:MAX_TREES], _other_routes([*failed, *sample], route)
    here, there, elsewhere = await asyncio.gather(*(_trees(store, heads, asking) for heads in sides))
    found = contrast_of(here, there, heads=bad)
    if found is None:
        return []
    edges = {*found.edges, *(edge for tree in elsewhere for edge in _edges(tree))}
    return [replace(found, edges=tuple(sorted(edges)))]


def _other_routes(heads: Sequence[TraceHead], route: tuple[str, str]) -> list[TraceHead]:
    """The latest trace of each of the other routes, the latest first."""
    latest = {(head.service, head.name): head for head in sorted(heads, key=lambda head: head.start)}
    latest.pop(route, None)
    return sorted(latest.values(), key=lambda head: head.start, reverse=True)[:MAX_ROUTES]


async def _of_route(
    store: Traces, route: tuple[str, str], window: TimeWindow, asking: Asking
) -> tuple[Sequence[TraceHead], Sequence[TraceHead]]:
    """The failed ones and any traces of a route, from before the window, too."""
    service, name = route
    wide = TimeWindow(window.start - LOOKBACK, window.end)
    nothing: Sequence[TraceHead] = ()
    return await asyncio.gather(
        asking.ask(store.name, store.search(wide, service, limit=MAX_FOUND, route=name, failed=True), nothing),
        asking.ask(store.name, store.search(wide, service, limit=MAX_FOUND, route=name), nothing),
    )


async def _trees(store: Traces, heads: Sequence[TraceHead], asking: Asking) -> list[TraceTree]:
    told = await asyncio.gather(*(asking.ask(store.name, store.spans(head.trace_id), ()) for head in heads))
    return [TraceTree(spans) for spans in told if spans]


def _route(heads: Sequence[TraceHead]) -> tuple[str, str] | None:
    """The service and name of the roots of most traces, of the slowest ones among equals."""
    counts = Counter((head.service, head.name) for head in heads)
    slowest = {(head.service, head.name): head.duration for head in sorted(heads, key=lambda head: head.duration)}
    return max(counts, key=lambda route: (counts[route], slowest[route], route), default=None)


def _sides(
    failed: Sequence[TraceHead], found: Sequence[TraceHead], route: tuple[str, str]
) -> tuple[list[TraceHead], list[TraceHead]]:
    """The bad ones of a route, first to last (where none failed, the slow ones), and healthy ones, latest first."""
    broken, known = ({h.trace_id: h for h in heads if (h.service, h.name) == route} for heads in (failed, found))
    others = [head for head in known.values() if head.trace_id not in broken]
    bad = list(broken.values()) or _slow(others)
    ids = {head.trace_id for head in bad}
    healthy = [head for head in others if head.trace_id not in ids]
    return sorted(bad, key=lambda h: h.start), sorted(healthy, key=lambda h: h.start, reverse=True)


def _slow(heads: Sequence[TraceHead]) -> list[TraceHead]:
    """Those that take much longer than the faster ones of their route, as a quarter of them is usual at least."""
    same = sorted(heads, key=lambda head: head.duration)
    usual = same[(len(same) - 1) // 4].duration
    return [head for head in same if head.duration >= max(SLOWER * usual, usual + SLOWER_BY)]


def contrast_of(
    bad: Sequence[TraceTree], healthy: Sequence[TraceTree], *, heads: Sequence[TraceHead]
) -> Contrast | None:
    """The step in which bad traces of one route fail, or else lose their time, against healthy ones. Pure."""
    roots = [tree.root for tree in bad if tree.root is not None]
    if not roots:
        return None
    failures = [(tree, span) for tree in bad if (span := tree.deepest_failure()) is not None]
    tree, span = failures[0] if failures else _slowest(bad, healthy)
    step = span.service, span.name
    same = [one for each in healthy for one in each.spans.values() if (one.service, one.name) == step]
    here = mean_steps(bad)[step]
    there: Step | None = mean_steps(healthy).get(step) if healthy else None
    well = [one.root.duration for one in healthy if one.root is not None]
    return Contrast(
        route=roots[0].name,
        service=span.service,
        operation=span.name,
        failed=bool(failures),
        way=tuple(dict.fromkeys(one.service for one in tree.path(span))),
        first=min(head.start for head in heads),
        bad=len(heads),
        healthy=len(healthy),
        duration=span.duration,
        self_time=here.self_time,
        total=_mean([root.duration for root in roots]),
        calls=here.calls,
        error=span.message,
        peer=next((span.attributes[key] for key in PEERS if span.attributes.get(key)), None),
        healthy_self_time=there.self_time if there else None,
        healthy_total=_mean(well) if well else None,
        healthy_calls=(there.calls if there else 0.0) if healthy else None,
        attributes=_telling(span, same),
        unreached=_unreached(bad, healthy) if failures else (),
        trace_id=span.trace_id,
        edges=tuple(sorted({edge for each in (*bad, *healthy) for edge in _edges(each)})),
    )


def _edges(tree: TraceTree) -> Iterator[tuple[str, str]]:
    """Which service calls which."""
    for span in tree.spans.values():
        above = tree.spans.get(span.parent_id or "")
        if above is not None and above.service != span.service:
            yield above.service, span.service


def _slowest(bad: Sequence[TraceTree], healthy: Sequence[TraceTree]) -> tuple[TraceTree, Span]:
    """The step that takes most of the extra time, at its longest."""
    most = differences(bad, healthy)[0]
    steps = [(tree, s) for tree in bad for s in tree.spans.values() if (s.service, s.name) == (most.service, most.name)]
    return max(steps, key=lambda step: step[1].duration)


def _unreached(bad: Sequence[TraceTree], healthy: Sequence[TraceTree]) -> tuple[str, ...]:
    """Services that every healthy trace calls, and no bad one."""
    reached = {span.service for tree in bad for span in tree.spans.values()}
    called = [{span.service for span in tree.spans.values()} for tree in healthy]
    return tuple(sorted(set.intersection(*called) - reached)) if called else ()


def _mean(durations: Sequence[timedelta]) -> timedelta:
    return sum(durations, timedelta()) / len(durations)


def _telling(span: Span, healthy: Sequence[Span]) -> Mapping[str, str]:
    """Attributes of a bad span that no healthy one has alike."""
    usual = {(key, value) for one in healthy for key, value in one.attributes.items()}
    return dict([pair for pair in span.attributes.items() if pair not in usual][:MAX_ATTRIBUTES])
