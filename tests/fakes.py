"""Sources in memory, at the protocols of the tools; each may be told to fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import promql_parser
import re2

from sre_bot.errors import QueryRefusedError, SourceUnavailableError
from sre_bot.incident import LogAnswer, TraceHead
from sre_bot.signals.changes import span
from sre_bot.signals.series import QueryResult, Series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sre_bot.errors import SourceError
    from sre_bot.incident import Alert, Change, LogFilter, LogLine, Span, TimeWindow
    from sre_bot.signals.series import MetricMetadata


def down(name: str) -> SourceError:
    """What a source raises that cannot be reached."""
    return SourceUnavailableError(name, "connection refused")


@dataclass
class FakeMetrics:
    """A Prometheus: ``answers`` by the exact query, ``labels`` of the series it has; ``asked`` keeps the queries."""

    name: str = "prometheus"
    answers: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    labels: Sequence[Mapping[str, str]] = ()
    told: Mapping[str, MetricMetadata] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failure: SourceError | None = None
    asked: list[str] = field(default_factory=list)
    environment: str | None = None

    async def query(self, promql: str, at: datetime) -> QueryResult:
        return self._answer(promql, -np.inf, at.timestamp(), last=1)

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        points = window.duration / step
        assert points <= 11_000, f"Prometheus refuses {points} points"
        return self._answer(promql, window.start.timestamp(), window.end.timestamp())

    async def label_sets(self, selectors: Sequence[str], window: TimeWindow, limit: int) -> Sequence[Mapping[str, str]]:
        self._note(" ".join(selectors))
        return [labels for labels in self.labels if any(_matches(labels, selector) for selector in selectors)][:limit]

    async def metadata(self) -> Mapping[str, MetricMetadata]:
        self._note("metadata")
        return self.told

    def graph_url(self, promql: str, window: TimeWindow) -> str:
        return f"http://{self.name}.example/graph?g0.expr={promql}"

    def _note(self, query: str) -> None:
        self.asked.append(query)
        if self.failure is not None:
            raise self.failure

    def _answer(self, promql: str, start: float, end: float, last: int | None = None) -> QueryResult:
        self._note(promql)
        cut = []
        for series in self.answers.get(promql, ()):
            inside = (series.times >= start) & (series.times <= end)
            times, values = series.times[inside], series.values[inside]
            if len(times):
                cut.append(Series(series.labels, times[-(last or 0) :], values[-(last or 0) :]))
        return QueryResult(tuple(cut), self.warnings)


def _matches(labels: Mapping[str, str], selector: str) -> bool:
    """Whether a series has the labels that a selector wants, by Prometheus' rules for = and =~."""
    parsed = promql_parser.parse(selector)
    assert isinstance(parsed, promql_parser.VectorSelector)
    wanted = list(parsed.matchers.matchers)
    named = parsed.name is None or labels.get("__name__") == parsed.name
    return named and all(_fits(labels.get(matcher.name, ""), matcher) for matcher in wanted)


def _fits(value: str, matcher: promql_parser.Matcher) -> bool:
    if matcher.op == promql_parser.MatchOp.Equal:
        return value == matcher.value
    assert matcher.op == promql_parser.MatchOp.Re
    return re2.fullmatch(matcher.value, value) is not None


@dataclass
class FakeCurrentAlerts:
    """An Alertmanager."""

    name: str = "alertmanager"
    alerts: Sequence[Alert] = ()
    failure: SourceError | None = None
    asked: int = 0

    async def current(self) -> Sequence[Alert]:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.alerts

    def alerts_url(self) -> str:
        return f"http://{self.name}.example/#/alerts"


@dataclass
class FakeAlertHistory:
    """What a Prometheus remembers of alerts."""

    name: str = "prometheus"
    alerts: Sequence[Alert] = ()
    failure: SourceError | None = None

    async def history(self, window: TimeWindow) -> Sequence[Alert]:
        if self.failure is not None:
            raise self.failure
        return [
            alert
            for alert in self.alerts
            if alert.started_at <= window.end and (alert.ended_at is None or alert.ended_at >= window.start)
        ]


@dataclass
class FakeRepository:
    """A Git repository with one line of history, oldest first."""

    name: str = "shop"
    line: Sequence[Change] = ()
    tagged: Sequence[Change] = ()
    diffs: Mapping[str, str] = field(default_factory=dict)
    failure: SourceError | None = None
    web: str | None = "https://git.example/shop"
    fetched: datetime | None = None

    async def commits(self, window: TimeWindow) -> Sequence[Change]:
        self._check()
        return [commit for commit in reversed(self.line) if window.contains(commit.time)]

    async def tags(self, window: TimeWindow) -> Sequence[Change]:
        self._check()
        return [tag for tag in reversed(self.tagged) if window.contains(tag.time)]

    async def between(self, older: str, newer: str) -> Sequence[Change]:
        self._check()
        return list(reversed(self.line[self._place(older) + 1 : self._place(newer) + 1]))

    async def diff(self, revision: str) -> str:
        self._check()
        known = [text for sha, text in self.diffs.items() if sha.startswith(revision)]
        if len(known) != 1:
            raise QueryRefusedError(self.name, "no such commit", query=revision)
        return known[0]

    async def freshness(self) -> datetime | None:
        self._check()
        return self.fetched

    async def stale(self, at: datetime) -> str | None:
        self._check()
        lag = at - self.fetched if self.fetched else timedelta()
        return f"last fetched {span(lag)} ago" if lag > timedelta(hours=1) else None

    def commit_url(self, revision: str) -> str | None:
        return f"{self.web}/commit/{revision}" if self.web else None

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _place(self, revision: str) -> int:
        places = [i for i, commit in enumerate(self.line) if commit.revision == revision]
        if not places:
            raise QueryRefusedError(self.name, "no such commit", query=revision)
        return places[0]


@dataclass
class FakeDeploys:
    """A record of deploys."""

    name: str = "deploys"
    record: Sequence[Change] = ()
    failure: SourceError | None = None

    async def deploys(self, window: TimeWindow) -> Sequence[Change]:
        if self.failure is not None:
            raise self.failure
        inside = [deploy for deploy in self.record if window.contains(deploy.time)]
        return sorted(inside, key=lambda deploy: deploy.time, reverse=True)


@dataclass
class FakeLogs:
    """A store of log lines; ``counts`` is whether it can tell how many there are; ``asked`` keeps what was wanted."""

    name: str = "loki"
    written: Sequence[LogLine] = ()
    counts: bool = True
    failure: SourceError | None = None
    asked: list[tuple[LogFilter, int]] = field(default_factory=list)
    environment: str | None = None

    async def lines(
        self, window: TimeWindow, wanted: LogFilter, *, limit: int, newest_first: bool = False
    ) -> LogAnswer:
        self.asked.append((wanted, limit))
        if self.failure is not None:
            raise self.failure
        found = [line for line in self.written if window.contains(line.time) and wanted.lets_pass(line)]
        found.sort(key=lambda line: line.time, reverse=newest_first)
        return LogAnswer(tuple(found[:limit]), len(found) > limit, len(found) if self.counts else None)

    async def services(self, window: TimeWindow) -> Sequence[str]:
        if self.failure is not None:
            raise self.failure
        return sorted({line.service for line in self.written if line.service and window.contains(line.time)})


@dataclass
class FakeTraces:
    """A store of traces; ``lost`` are those it finds but has no longer."""

    name: str = "tempo"
    kept: Sequence[Span] = ()
    lost: frozenset[str] = frozenset()
    failure: SourceError | None = None
    environment: str | None = None

    async def search(
        self,
        window: TimeWindow,
        service: str,
        *,
        limit: int,
        failed: bool = False,
        longer_than: timedelta | None = None,
        route: str | None = None,
    ) -> Sequence[TraceHead]:
        if self.failure is not None:
            raise self.failure
        through = {span.trace_id for span in self.kept if span.service == service and (span.failed or not failed)}
        roots = [span for span in self.kept if span.parent_id is None and span.trace_id in through]
        fitting = [
            root
            for root in roots
            if window.contains(root.start)
            and root.name == (route or root.name)
            and (longer_than is None or root.duration > longer_than)
        ]
        return [TraceHead(r.trace_id, r.service, r.name, r.start, r.duration) for r in fitting][:limit]

    async def spans(self, trace_id: str) -> Sequence[Span]:
        if self.failure is not None:
            raise self.failure
        found = [span for span in self.kept if span.trace_id == trace_id and trace_id not in self.lost]
        if not found:
            raise QueryRefusedError(self.name, "there is no such trace", query=trace_id)
        return found
