"""Ask every source at once, within a deadline, and hand what came back to the conclusion."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from sre_bot.errors import SourceError
from sre_bot.first_look import discovery
from sre_bot.incident import Alert, AlertState, Change, ChangeKind, TimeWindow
from sre_bot.investigation import MissingSource
from sre_bot.signals.series import Series, SeriesFacts, facts, on_grid
from sre_bot.tools.rollouts import rollouts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sre_bot.first_look.discovery import Signal
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts
    from sre_bot.tools.changes import Deploys, Repository
    from sre_bot.tools.metrics import Metrics

T = TypeVar("T")

LOOKBACK = timedelta(hours=1)
"""How far back signals are looked at, when the alerts are younger than that."""
LEAD = timedelta(minutes=30)
"""How long before the oldest firing alert the signals begin."""
MAX_LOOKBACK = timedelta(hours=12)
CHANGES_BACK = timedelta(hours=24)
"""How far before the signals changes are looked for: what breaks today may have been deployed yesterday."""
CARRIED_BACK = timedelta(hours=6)
"""How long before the signals begin a deploy may be to have its commits and their diffs looked at."""
DEPLOYS_BACK = timedelta(days=30)
"""How far back deploys are read, to know what ran before: a deploy carries all commits since the one before."""
MAX_EXPANDED, MAX_DIFFS = 16, 40
POINTS = 240
MAX_LABEL_SETS = 20_000
PRESENT = timedelta(seconds=90)
"""An Alertmanager knows only the present; a question about longer ago is not asked of it."""
PRESENCE = ((LOOKBACK, timedelta(seconds=15)), (timedelta(minutes=5), timedelta(seconds=1)))
"""Windows and steps in which to see since when there is data at all: coarse, and fine for what was just started."""
SCRAPE_WINDOWS = (10, 60, 300)
"""Seconds over which scrapes are counted to learn their interval."""
ENOUGH_SCRAPES = 4
RATE_WINDOW_SCRAPES = 5


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to look at; each may be absent."""

    metrics: Metrics | None = None
    alerts: CurrentAlerts | None = None
    history: AlertHistory | None = None
    repositories: tuple[Repository, ...] = ()
    deploys: Deploys | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One series of one signal: what ``service`` (calling ``peer``, if set) did, as a series and as facts."""

    signal: Signal
    service: str
    peer: str | None
    series: Series
    facts: SeriesFacts


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the sources gave."""

    at: datetime
    window: TimeWindow
    alerts: tuple[Alert, ...] = ()
    past_alerts: tuple[Alert, ...] = ()
    readings: tuple[Reading, ...] = ()
    services: frozenset[str] = frozenset()
    changes: tuple[Change, ...] = ()
    diffs: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[MissingSource, ...] = ()
    scrape: timedelta = timedelta(seconds=15)
    graph_urls: Mapping[str, str] = field(default_factory=dict)
    """Where a human sees each query, by PromQL."""


class Looker:
    """One look at all sources as of ``at``.

    Args:
        sources: what there is.
        at: the moment as of which everything is looked at.
        now: tells the present, to know whether ``at`` still is.
        deadline: seconds after which what has not answered is reported as not seen.
    """

    def __init__(self, sources: Sources, at: datetime, now: Callable[[], datetime], deadline: float) -> None:
        self._sources = sources
        self._at = at
        self._live = now() - at < PRESENT
        self._deadline = deadline
        self._missing: dict[str, str] = {}
        self._ends = 0.0

    async def look(self) -> Seen:
        """Ask; never raises for a source."""
        self._ends = asyncio.get_running_loop().time() + self._deadline
        wide = TimeWindow.before(self._at, LOOKBACK)
        alerts, past, changes, found = await asyncio.gather(
            self._alerts(), self._past_alerts(wide), self._changes(), self._discover(wide)
        )
        label_sets, data_since, scrape = found
        window = _window(self._at, alerts, data_since)
        rate_window = scrape * RATE_WINDOW_SCRAPES
        signals = discovery.discover(label_sets, _prometheus_duration(rate_window))
        window = TimeWindow(min(window.start + rate_window, self._at), self._at)
        read, (changes, diffs) = await asyncio.gather(
            asyncio.gather(*(self._read(signal, window, scrape) for signal in signals)), self._expand(changes, window)
        )
        metrics = self._sources.metrics
        return Seen(
            at=self._at,
            window=window,
            alerts=tuple(alerts),
            past_alerts=tuple(past),
            readings=tuple(reading for readings in read for reading in readings),
            services=discovery.services(label_sets),
            changes=tuple(changes),
            diffs=diffs,
            missing=tuple(MissingSource(source, why) for source, why in self._missing.items()),
            scrape=scrape,
            graph_urls={s.promql: metrics.graph_url(s.promql, window) for s in signals} if metrics else {},
        )

    async def _ask(self, source: str, answer: Awaitable[T], otherwise: T) -> T:
        """The answer, or ``otherwise`` and a note of what could not be seen."""
        try:
            async with asyncio.timeout_at(self._ends):
                return await answer
        except SourceError as error:
            self._missing.setdefault(source, error.message)
        except TimeoutError:
            self._missing.setdefault(source, f"did not answer within {self._deadline:g} s")
        return otherwise

    async def _alerts(self) -> Sequence[Alert]:
        if self._sources.alerts is None:
            self._missing["alertmanager"] = "not configured"
            return ()
        if not self._live:
            return ()
        return await self._ask(self._sources.alerts.name, self._sources.alerts.current(), ())

    async def _past_alerts(self, window: TimeWindow) -> Sequence[Alert]:
        if self._sources.history is None:
            return ()
        return await self._ask(self._sources.history.name, self._sources.history.history(window), ())

    async def _discover(self, window: TimeWindow) -> tuple[Sequence[Mapping[str, str]], datetime | None, timedelta]:
        metrics = self._sources.metrics
        if metrics is None:
            self._missing["prometheus"] = "not configured"
            return (), None, timedelta(seconds=60)
        label_sets, seen, counts = await asyncio.gather(
            self._ask(metrics.name, metrics.label_sets(discovery.SELECTORS, window, MAX_LABEL_SETS), ()),
            asyncio.gather(*(self._range(metrics, "count(up)", length, step) for length, step in PRESENCE)),
            asyncio.gather(*(self._instant(metrics, f"max(count_over_time(up[{n}s]))") for n in SCRAPE_WINDOWS)),
        )
        return label_sets, _data_since(seen), _scrape_interval(counts)

    async def _range(self, metrics: Metrics, promql: str, length: timedelta, step: timedelta) -> Sequence[Series]:
        window = TimeWindow.before(self._at, length)
        result = await self._ask(metrics.name, metrics.query_range(promql, window, step), None)
        return result.series if result else ()

    async def _instant(self, metrics: Metrics, promql: str) -> float:
        result = await self._ask(metrics.name, metrics.query(promql, self._at), None)
        return float(result.series[0].values[-1]) if result and result.series else 0.0

    async def _read(self, signal: Signal, window: TimeWindow, scrape: timedelta) -> list[Reading]:
        metrics = self._sources.metrics
        if metrics is None:
            return []
        step = max(scrape, window.duration / POINTS, timedelta(seconds=1))
        result = await self._ask(metrics.name, metrics.query_range(signal.promql, window, step), None)
        readings = []
        for series in result.series if result else ():
            service = series.labels.get(signal.service)
            if service:
                grid = on_grid(
                    series, start=window.start.timestamp(), end=window.end.timestamp(), step=step.total_seconds()
                )
                peer = series.labels.get(signal.peer, "") if signal.peer else None
                readings.append(Reading(signal, service, peer or None, grid, facts(grid)))
        return readings

    async def _changes(self) -> Sequence[Change]:
        window = TimeWindow.before(self._at, LOOKBACK + CHANGES_BACK)
        sources = self._sources
        if not sources.repositories and sources.deploys is None:
            self._missing["changes"] = "no repository and no record of deploys is configured"
        asked = [self._ask(repository.name, repository.commits(window), ()) for repository in sources.repositories]
        if sources.deploys is not None:
            history = TimeWindow.before(self._at, DEPLOYS_BACK)
            asked.append(self._ask(sources.deploys.name, sources.deploys.deploys(history), ()))
        return [change for changes in await asyncio.gather(*asked) for change in changes]

    async def _expand(
        self, changes: Sequence[Change], window: TimeWindow
    ) -> tuple[Sequence[Change], Mapping[str, str]]:
        """Deploys with the commits they carry, and the diffs of what went out lately."""
        deploys = [c for c in changes if c.kind is ChangeKind.DEPLOY]
        recent = [c for c in deploys if c.time >= window.start - CARRIED_BACK][:MAX_EXPANDED]
        asked = rollouts(recent, deploys, self._sources.repositories)
        expanded, errors = await self._ask("changes", asked, ([], []))
        for error in errors:
            self._missing.setdefault(error.source, error.message)
        commits = (commit for rollout in expanded for commit in rollout.commits or ())
        known = {c.revision: c for c in (*changes, *commits) if c.kind is ChangeKind.COMMIT}
        full = {
            rollout.deploy: replace(rollout.deploy, carries=tuple(c.revision for c in rollout.commits if c.revision))
            for rollout in expanded
            if rollout.commits
        }
        out = {revision for deploy in recent for revision in (deploy.revision, *full.get(deploy, deploy).carries)}
        diffs = await asyncio.gather(*(self._diff(known[r]) for r in [r for r in known if r in out][:MAX_DIFFS]))
        since = self._at - LOOKBACK - CHANGES_BACK
        rest = [full.get(deploy, deploy) for deploy in deploys if deploy.time >= since]
        return (*known.values(), *rest), {revision: diff for revision, diff in diffs if diff}

    async def _diff(self, commit: Change) -> tuple[str, str]:
        revision = commit.revision or ""
        for repository in self._sources.repositories:
            if repository.name == commit.repository:
                return revision, await self._ask(repository.name, repository.diff(revision), "")
        return revision, ""


def _window(at: datetime, alerts: Sequence[Alert], data_since: datetime | None) -> TimeWindow:
    """From well before the trouble (but not from before there is data) until ``at``."""
    firing = [alert.started_at for alert in alerts if alert.state is AlertState.FIRING]
    start = max(min([at - LOOKBACK, *(began - LEAD for began in firing)]), at - MAX_LOOKBACK)
    if data_since is not None:
        start = max(start, data_since)
    return TimeWindow(min(start, at), at)


def _data_since(seen: Sequence[Sequence[Series]]) -> datetime | None:
    """When there first was any data, as finely as PRESENCE tells; None when there always was, or never."""
    hour, recent = seen
    if not hour:
        first = recent[0].times[0] if recent else None
    else:
        coarse = float(hour[0].times[0])
        first = min(float(recent[0].times[0]), coarse) if recent and coarse >= float(recent[0].times[0]) else coarse
    return None if first is None else datetime.fromtimestamp(float(first), UTC)


def _scrape_interval(counts: Sequence[float]) -> timedelta:
    """The scrape interval from the samples in each of SCRAPE_WINDOWS: the shortest window with enough of them tells."""
    for length, count in zip(SCRAPE_WINDOWS, counts, strict=True):
        if count >= ENOUGH_SCRAPES:
            return timedelta(seconds=length / count)
    return timedelta(seconds=60)


def _prometheus_duration(length: timedelta) -> str:
    return f"{max(1, math.ceil(length.total_seconds()))}s"
