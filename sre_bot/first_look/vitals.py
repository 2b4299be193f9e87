"""How services do, out of a Prometheus: which signals there are, how often they are scraped, and what each shows."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look import conventions, discovery
from sre_bot.first_look.seen import Reading
from sre_bot.first_look.symptoms import course
from sre_bot.incident import AlertState, TimeWindow
from sre_bot.signals.series import Series, on_grid
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sre_bot.first_look.asking import Asking
    from sre_bot.first_look.discovery import Signal
    from sre_bot.incident import Alert
    from sre_bot.signals.series import FloatArray
    from sre_bot.tools.metrics import Metrics

LOOKBACK = timedelta(hours=1)
"""How far back signals are looked at, when what fires is younger than that."""
LEAD = timedelta(minutes=30)
"""How long before the oldest firing alert the signals begin …"""
MAX_LOOKBACK = timedelta(hours=12)
"""… unless it has fired for longer than this."""
POINTS = 240
PRESENCE = ((MAX_LOOKBACK, timedelta(seconds=60)), (timedelta(minutes=5), timedelta(seconds=1)))
"""Windows and steps in which to see since when there is data at all: coarse, and fine for what was just started."""
SCRAPE_WINDOWS = (10, 60, 300)
"""Seconds over which scrapes are counted to learn their interval."""
ENOUGH_SCRAPES = 4
SLOW_SHARE = 0.1
"""The interval is that of the targets scraped most rarely, but for this share of them: fewer may be new or broken."""
SCRAPES = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
"""Usual intervals, in seconds."""
UNKNOWN_SCRAPE = timedelta(seconds=60)
"""Taken when it cannot be learnt: a rate over five of them sees something at most intervals."""
RATE_WINDOW_SCRAPES = 5
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a Prometheus told; ``window`` is what the readings cover."""

    window: TimeWindow
    readings: tuple[Reading, ...] = ()
    services: frozenset[str] = frozenset()
    scrape: timedelta = UNKNOWN_SCRAPE
    graph_urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pace:
    """How often there are samples, and since when, as far as one would look back; None when that is not known."""

    scrape: timedelta
    since: datetime | None


async def read_vitals(
    metrics: Metrics | None, at: datetime, asking: Asking, alerts: Collection[asyncio.Task[Sequence[Alert] | None]]
) -> Vitals:
    """Discover, then read all signals at once.

    Args:
        metrics: the Prometheus, if there is one.
        at: the moment as of which it is asked.
        asking: how long there is to wait.
        alerts: what fires, if it gets known in time: the window begins well before.
    """
    if metrics is None:
        asking.note("prometheus", "not configured")
        return Vitals(TimeWindow.before(at, LOOKBACK))
    label_sets, pace, _ = await asyncio.gather(
        _label_sets(metrics, at, asking), _pace(metrics, at, asking), asyncio.wait(alerts, timeout=asking.patience)
    )
    known = [alert for task in alerts if task.done() for alert in task.result() or ()]
    whole = _window(at, known, pace.since)
    step = max(pace.scrape, timedelta(seconds=math.ceil(whole.duration.total_seconds() / POINTS)))
    rate_window = max(pace.scrape * RATE_WINDOW_SCRAPES, step)
    grid = _Grid(TimeWindow(min(whole.start + rate_window, at), at), step)
    signals = discovery.discover(label_sets, f"{rate_window.total_seconds():.0f}s")
    queries = list(dict.fromkeys(signal.promql for signal in signals))
    answers = await asyncio.gather(*(_range(metrics, query, grid, asking) for query in queries))
    found = _observed(signals, dict(zip(queries, answers, strict=True)), grid)
    return Vitals(
        grid.window,
        tuple(await _read(found, asking, metrics.name)),
        frozenset(_clean(name) for name in discovery.services(label_sets)),
        pace.scrape,
        {signal.shown: metrics.graph_url(signal.shown, grid.window) for signal in signals},
    )


async def _label_sets(metrics: Metrics, at: datetime, asking: Asking) -> Sequence[Mapping[str, str]]:
    found = await asking.ask(metrics.name, metrics.query(conventions.DISCOVERY, at), None)
    return [series.labels for series in found.series] if found else ()


async def _pace(metrics: Metrics, at: datetime, asking: Asking) -> _Pace:
    """What the scrapes of all targets tell."""

    async def present(length: timedelta, step: timedelta) -> float:
        found = await _range(metrics, "count(up)", _Grid(TimeWindow.before(at, length), step), asking)
        return min((float(series.times[0]) for series in found), default=math.nan)

    async def count(length: int) -> float:
        scrapes = f"quantile({SLOW_SHARE}, count_over_time(up[{length}s]))"
        found = await asking.ask(metrics.name, metrics.query(scrapes, at), None)
        return float(found.series[0].values[-1]) if found and found.series else 0.0

    (long, recently), counts = await asyncio.gather(
        asyncio.gather(*(present(length, step) for length, step in PRESENCE)),
        asyncio.gather(*(count(length) for length in SCRAPE_WINDOWS)),
    )
    first = float(np.fmin(long, recently))
    age = math.inf if math.isnan(first) else at.timestamp() - first
    since = None if math.isnan(first) else datetime.fromtimestamp(first, UTC)
    return _Pace(_scrape_interval(counts, age), since)


def _scrape_interval(counts: Sequence[float], age: float) -> timedelta:
    """The usual interval that fits the samples in the longest of SCRAPE_WINDOWS which there is data for (``age`` s)."""
    told = [(length, count) for length, count in zip(SCRAPE_WINDOWS, counts, strict=True) if count >= ENOUGH_SCRAPES]
    if not told:
        return UNKNOWN_SCRAPE
    longest, count = next((pair for pair in reversed(told) if pair[0] <= age), told[0])
    length = min(longest, max(age, 1.0))
    # a window may have a sample at both ends, or at none
    fitting = [usual for usual in SCRAPES if length / (count + 1) < usual <= length / (count - 1)]
    return timedelta(seconds=min(fitting or SCRAPES, key=lambda usual: abs(math.log(usual * count / length))))


def _window(at: datetime, alerts: Sequence[Alert], since: datetime | None) -> TimeWindow:
    """From well before the trouble (but not from before there is data) until ``at``."""
    oldest = at - MAX_LOOKBACK
    firing = [a.started_at for a in alerts if a.state is AlertState.FIRING and oldest <= a.started_at <= at]
    start = max(min([at - LOOKBACK, *(began - LEAD for began in firing)]), oldest, since or oldest)
    return TimeWindow(min(start, at), at)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The moments at which signals are evaluated."""

    window: TimeWindow
    step: timedelta

    def laid(self, series: Series) -> Series:
        """The series at these moments, NaN where it has no value."""
        start, end = self.window.start.timestamp(), self.window.end.timestamp()
        return on_grid(series, start=start, end=end, step=self.step.total_seconds())


async def _range(metrics: Metrics, promql: str, grid: _Grid, asking: Asking) -> Sequence[Series]:
    found = await asking.ask(metrics.name, metrics.query_range(promql, grid.window, grid.step), None)
    return found.series if found else ()


@dataclass(frozen=True, slots=True)
class _Observed:
    """A reading before anyone has looked for what happened in it."""

    signal: Signal
    service: str
    peer: str | None
    series: Series
    statuses: Mapping[str, float]


def _observed(signals: Sequence[Signal], answers: Mapping[str, Sequence[Series]], grid: _Grid) -> Iterator[_Observed]:
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
    signal: Signal, failures: Sequence[Series], everything: Sequence[Series], grid: _Grid
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
    return _clean(series.labels.get(signal.service, "")), _clean(peer) or None


def _clean(label_value: str) -> str:
    return quoted(label_value, MAX_NAME)


async def _read(found: Iterable[_Observed], asking: Asking, source: str) -> list[Reading]:
    """The readings; those that nobody had the time for are told of."""
    readings = []
    unread = 0
    for one in found:
        if asking.is_over:
            unread += 1
            continue
        facts = course(one.series, one.signal.sign, one.signal.unit)
        if facts.points:
            readings.append(Reading(one.signal, one.service, one.peer, one.series, facts, one.statuses))
        await asyncio.sleep(0)  # others have to get on, too
    if unread:
        asking.note(source, f"{unread} series could not be read in time")
    return readings
