"""Where bad requests fail or lose their time, held against healthy ones of the same route."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.conclusion import named
from sre_bot.first_look.pace import LOOKBACK
from sre_bot.first_look.seen import Contrast
from sre_bot.incident import AlertState, TimeWindow
from sre_bot.signals.spans import TraceTree, differences, mean_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sre_bot.first_look.asking import Asking
    from sre_bot.incident import Alert, Span, TraceHead
    from sre_bot.investigation import Question
    from sre_bot.signals.spans import Step
    from sre_bot.tools.logs import Logs
    from sre_bot.tools.traces import Traces

MAX_SERVICES, MAX_FOUND, MAX_TREES = 3, 50, 3
"""Services whose traces are looked for, traces found of each, and traces of each sort that are looked into."""
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
    at, services = asked.question.asked_at, await asked.services(asking)
    told = await asyncio.gather(
        *(_contrast(store, name, at, asking) for name in services[:MAX_SERVICES] for store in stores)
    )
    known = [answer for answer in told if answer is not None]
    found = [contrast for answer in known for contrast in answer]
    return Traced(next((one for one in found if one.failed), next(iter(found), None)), bool(known))


async def _contrast(store: Traces, service: str, at: datetime, asking: Asking) -> list[Contrast] | None:
    """One contrast or none; None when the store did not answer."""
    window = TimeWindow.before(at, LOOKBACK)
    earlier = TimeWindow(window.start - LOOKBACK, at)
    failed, sample, older = await asyncio.gather(
        asking.ask(store.name, store.search(window, service, limit=MAX_FOUND, failed=True), None),
        asking.ask(store.name, store.search(window, service, limit=MAX_FOUND), None),
        asking.ask(store.name, store.search(earlier, service, limit=MAX_FOUND), None),
    )
    if failed is None or sample is None:
        return None
    bad_ids = {head.trace_id for head in failed}
    others = {head.trace_id: head for head in (*sample, *(older or ())) if head.trace_id not in bad_ids}
    bad, healthy = _sides(failed, list(others.values()))
    trees = await asyncio.gather(*(_tree(store, head, asking) for head in (*bad[:MAX_TREES], *healthy[:MAX_TREES])))
    here, there = trees[: len(bad[:MAX_TREES])], trees[len(bad[:MAX_TREES]) :]
    sides = [tree for tree in here if tree], [tree for tree in there if tree]
    found = contrast_of(*sides, heads=bad)
    return [found] if found else []


async def _tree(store: Traces, head: TraceHead, asking: Asking) -> TraceTree | None:
    spans = await asking.ask(store.name, store.spans(head.trace_id), ())
    return TraceTree(spans) if spans else None


def _sides(failed: Sequence[TraceHead], others: Sequence[TraceHead]) -> tuple[list[TraceHead], list[TraceHead]]:
    """The bad ones of the route that has most of them, first to last, and healthy ones of that route, latest first."""
    bad = list(failed) or _slow(others)
    if not bad:
        return [], []
    (route, _), *_ = Counter((head.service, head.name) for head in bad).most_common(1)
    ids = {head.trace_id for head in bad}
    bad = sorted((head for head in bad if (head.service, head.name) == route), key=lambda head: head.start)
    healthy = [head for head in others if head.trace_id not in ids and (head.service, head.name) == route]
    return bad, sorted(healthy, key=lambda head: head.start, reverse=True)


def _slow(heads: Sequence[TraceHead]) -> list[TraceHead]:
    """Those that take much longer than the faster half of their route."""
    slow = []
    for route in {(head.service, head.name) for head in heads}:
        same = sorted((head for head in heads if (head.service, head.name) == route), key=lambda head: head.duration)
        usual = same[(len(same) - 1) // 4].duration
        slow += [head for head in same if head.duration >= max(SLOWER * usual, usual + SLOWER_BY)]
    return slow


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
        trace_id=span.trace_id,
    )


def _slowest(bad: Sequence[TraceTree], healthy: Sequence[TraceTree]) -> tuple[TraceTree, Span]:
    """The step that takes most of the extra time, at its longest."""
    most = differences(bad, healthy)[0]
    steps = [(tree, s) for tree in bad for s in tree.spans.values() if (s.service, s.name) == (most.service, most.name)]
    return max(steps, key=lambda step: step[1].duration)


def _mean(durations: Sequence[timedelta]) -> timedelta:
    return sum(durations, timedelta()) / len(durations)


def _telling(span: Span, healthy: Sequence[Span]) -> Mapping[str, str]:
    """Attributes of a bad span that no healthy one has alike."""
    usual = {(key, value) for one in healthy for key, value in one.attributes.items()}
    return dict([pair for pair in span.attributes.items() if pair not in usual][:MAX_ATTRIBUTES])
