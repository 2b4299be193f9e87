"""How services do, out of one Prometheus or several: which signals there are, and what each shows."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look import conventions, discovery
from sre_bot.first_look.asking import Need
from sre_bot.first_look.environments import Narrowed, narrowed
from sre_bot.first_look.ground import ground_of, once, read_conditions
from sre_bot.first_look.hints import rules_of, thresholds, watched
from sre_bot.first_look.merging import merged
from sre_bot.first_look.pace import (
    LOOKBACK,
    POINTS,
    RATE_WINDOW_SCRAPES,
    UNKNOWN_SCRAPE,
    Grid,
    ask_range,
    pace_of,
    window_of,
)
from sre_bot.first_look.seen import Reading
from sre_bot.first_look.symptoms import course
from sre_bot.incident import ENVIRONMENT_LABELS, SERVICE_LABELS, AlertState, TimeWindow
from sre_bot.signals.series import Series
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sre_bot.first_look.asking import Asking
    from sre_bot.first_look.conditions import Condition
    from sre_bot.first_look.discovery import Signal
    from sre_bot.first_look.ground import Ground
    from sre_bot.first_look.pace import Pace
    from sre_bot.incident import Alert
    from sre_bot.signals.series import FloatArray
    from sre_bot.tools.metrics import Metrics, Rules
    from sre_bot.tools.promql import Threshold

MAX_NAME, MAX_NAMES = 120, 5
NOT_TOLD_APART = (
    "has no label that tells environments apart: name the one it is of as its environment in the configuration"
)


@dataclass(frozen=True, slots=True)
class Vitals:
    """What was told; ``window`` is what the readings cover, ``graph_urls`` go by place and PromQL.

    ``told_apart`` is whether anything told of the environment that was meant, ``thresholds`` beyond what alerts fire.
    """

    window: TimeWindow
    readings: tuple[Reading, ...] = ()
    services: frozenset[str] = frozenset()
    scrape: timedelta = UNKNOWN_SCRAPE
    graph_urls: Mapping[tuple[str, str], str] = field(default_factory=dict)
    told_apart: bool = False
    conditions: tuple[Condition, ...] = ()
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Prometheus.

    ``only`` is the environment that its series are to be narrowed to, None when all of them are meant; ``place`` is
    its name where there are several, else ""; ``environment`` the one whose data it holds, if it holds no other.
    ``rules`` tells what it alerts on; ``service_labels`` name services, the most telling first.
    """

    metrics: Metrics
    only: str | None = None
    place: str = ""
    environment: str = ""
    rules: Rules | None = None
    service_labels: tuple[str, ...] = SERVICE_LABELS


async def read_vitals(
    endpoints: Sequence[Endpoint],
    at: datetime,
    asking: Asking,
    alerts: Collection[asyncio.Task[Sequence[Alert] | None]],
) -> Vitals:
    """Discover, then read all signals at once, everywhere.

    Args:
        endpoints: each Prometheus there is.
        at: the moment as of which it is asked.
        asking: how long there is to wait.
        alerts: what fires, if it gets known in time: the window begins well before.
    """
    told = await asyncio.gather(*(_vitals_of(endpoint, at, asking, alerts) for endpoint in endpoints))
    if not told:
        return Vitals(TimeWindow.before(at, LOOKBACK))
    if len(told) == 1:
        return told[0]
    return Vitals(
        TimeWindow(min(one.window.start for one in told), at),
        merged([one.readings for one in sorted(told, key=lambda one: one.scrape)]),
        frozenset[str]().union(*(one.services for one in told)),
        max(one.scrape for one in told),
        {key: url for one in told for key, url in one.graph_urls.items()},
        any(one.told_apart for one in told),
        once(condition for one in told for condition in one.conditions),
        tuple(dict.fromkeys(threshold for one in told for threshold in one.thresholds)),
    )


async def _vitals_of(
    endpoint: Endpoint, at: datetime, asking: Asking, alerts: Collection[asyncio.Task[Sequence[Alert] | None]]
) -> Vitals:
    metrics = endpoint.metrics
    async with asyncio.TaskGroup() as group:
        grounding = group.create_task(ground_of(metrics, at, asking))
        with asking.finding_out():
            meant, pace, rules, _ = await asyncio.gather(
                _label_sets(endpoint, at, asking),
                pace_of(metrics, at, asking),
                rules_of(endpoint.rules, asking.patience),
                _soon(alerts, asking.patience),
            )
            known = [alert for task in alerts if task.done() for alert in task.result() or ()]
            grid, rate_window = _grid(at, known, pace)
            checking = group.create_task(
                _conditions(endpoint, grounding, grid, asking, rate_window=rate_window, meant=meant)
            )
            firing = {alert.name for alert in known if alert.state is AlertState.FIRING}
            signals = discovery.discover(
                meant.label_sets,
                f"{rate_window.total_seconds():.0f}s",
                meant.matchers,
                service_labels=endpoint.service_labels,
                hints=watched(rules, firing),
            )
            queries = list(dict.fromkeys(signal.promql for signal in signals))
            answers = await asyncio.gather(*(_golden(metrics, query, grid, asking) for query in queries))
    conditions = checking.result()
    found = _observed(signals, dict(zip(queries, answers, strict=True)), grid)
    return Vitals(
        grid.window,
        tuple(await _read(found, asking, endpoint)),
        frozenset(_clean(name) for name in discovery.services(meant.label_sets, endpoint.service_labels)),
        pace.scrape,
        {(endpoint.place, query): metrics.graph_url(query, grid.window) for query in _shown(signals, conditions)},
        meant.found,
        tuple(replace(one, place=endpoint.place, environment=endpoint.environment) for one in conditions),
        thresholds(rules, firing),
    )


def _grid(at: datetime, alerts: Sequence[Alert], pace: Pace) -> tuple[Grid, timedelta]:
    """The moments at which signals are evaluated, and the time over which rates are."""
    whole = window_of(at, alerts, pace.since)
    step = max(pace.scrape, timedelta(seconds=math.ceil(whole.duration.total_seconds() / POINTS)))
    rate_window = max(pace.scrape * RATE_WINDOW_SCRAPES, step)
    return Grid(TimeWindow(min(whole.start + rate_window, at), at), step), rate_window


async def _conditions(
    endpoint: Endpoint,
    grounding: asyncio.Task[Ground],
    grid: Grid,
    asking: Asking,
    *,
    rate_window: timedelta,
    meant: Narrowed,
) -> Sequence[Condition]:
    """What is wrong with the ground, once it is known what tells of it."""
    return await read_conditions(
        endpoint.metrics,
        await grounding,
        grid,
        asking,
        rate_window=rate_window,
        matchers=meant.matchers,
        service_labels=endpoint.service_labels,
    )


async def _golden(metrics: Metrics, query: str, grid: Grid, asking: Asking) -> Sequence[Series]:
    """The series of a golden signal."""
    found = await ask_range(metrics, query, grid, asking, Need.ESSENTIAL)
    if found:
        asking.told()
    return found


def _shown(signals: Sequence[Signal], conditions: Iterable[Condition]) -> Iterator[str]:
    yield from (signal.shown for signal in signals)
    yield from (condition.promql for condition in conditions)


async def _soon(tasks: Collection[asyncio.Task[Sequence[Alert] | None]], patience: float) -> None:
    """Wait a little for them to be done."""
    if tasks:
        await asyncio.wait(tasks, timeout=patience)


async def _label_sets(endpoint: Endpoint, at: datetime, asking: Asking) -> Narrowed:
    """What metrics there are, of the environment that is meant; of all when there is nothing of that one."""
    metrics, only = endpoint.metrics, endpoint.only
    more = ENVIRONMENT_LABELS if only is not None else ()
    query = conventions.query_of(endpoint.service_labels, *more)
    found = [series.labels for series in await asking.series(metrics.name, metrics.query(query, at), Need.ESSENTIAL)]
    if only is None:
        return Narrowed(found)
    meant = narrowed(found, only)
    if not meant.found and found:
        there = ", ".join(_clean(name) for name in meant.there[:MAX_NAMES])
        why = f"has nothing of the environment {only} ({there})" if there else NOT_TOLD_APART
        asking.note(metrics.name, f"{why}; all that it has was looked at")
    return meant


@dataclass(frozen=True, slots=True)
class _Observed:
    """A reading before anyone has looked for what happened in it."""

    signal: Signal
    service: str
    peer: str | None
    series: Series
    statuses: Mapping[str, float]


def _observed(signals: Sequence[Signal], answers: Mapping[str, Sequence[Series]], grid: Grid) -> Iterator[_Observed]:
    """Each series of each signal, by service and peer."""
    for signal in signals:
        if signal.all_of:
            yield from _shares(signal, answers[signal.promql], answers.get(signal.all_of, ()), grid)
            continue
        for series in answers[signal.promql]:
            service, peer = _who(signal, series)
            if service:
                yield _Observed(signal, service, peer, grid.laid(series), {})


def _shares(
    signal: Signal, failures: Sequence[Series], everything: Sequence[Series], grid: Grid
) -> Iterator[_Observed]:
    """Failures as a share of all: 0 where requests were made and none failed, no value where none were made."""
    by_status: dict[tuple[str, str | None], dict[str, FloatArray]] = defaultdict(dict)
    for series in failures:
        status = _clean(series.labels.get(signal.status or "", ""))
        by_status[_who(signal, series)][status] = np.nan_to_num(grid.laid(series).values, posinf=0.0, neginf=0.0)
    for series in everything:
        service, peer = who = _who(signal, series)
        laid = grid.laid(series)
        total = np.where((laid.values > 0) & np.isfinite(laid.values), laid.values, np.nan)
        failed = sum(by_status[who].values(), start=np.zeros(len(total)))
        if service:
            statuses = _latest_shares(by_status[who])
            yield _Observed(signal, service, peer, Series(series.labels, laid.times, failed / total), statuses)


def _latest_shares(by_status: Mapping[str, FloatArray]) -> dict[str, float]:
    """What each status contributed to the last failures there were, the most frequent first."""
    failing = np.flatnonzero(sum(by_status.values(), start=np.zeros(1)))
    if not len(failing):
        return {}
    last = {status: float(values[failing[-1]]) for status, values in by_status.items() if values[failing[-1]] > 0}
    return {status: last[status] / sum(last.values()) for status in sorted(last, key=lambda s: (-last[s], s))}


def _who(signal: Signal, series: Series) -> tuple[str, str | None]:
    """The service, and whom it calls."""
    peer = series.labels.get(signal.peer, "") if signal.peer else ""
    return _name(series.labels.get(signal.service, "")), _name(peer) or None


def _name(label_value: str) -> str:
    return _clean(conventions.plain_name(label_value))


def _clean(label_value: str) -> str:
    return quoted(label_value, MAX_NAME)


async def _read(found: Iterable[_Observed], asking: Asking, endpoint: Endpoint) -> list[Reading]:
    """The readings; those that nobody had the time for are told of."""
    source, readings, unread = endpoint.metrics.name, [], 0
    for one in found:
        if asking.is_over:
            unread += 1
            continue
        facts = course(one.series, one.signal.sign, one.signal.unit)
        if facts.points:
            told = (one.signal, one.service, one.peer, one.series, facts, one.statuses)
            readings.append(Reading(*told, endpoint.place, endpoint.environment))
        await asyncio.sleep(0)  # others have to get on, too
    if unread:
        asking.note(source, f"{unread} series could not be read in time")
    return readings
