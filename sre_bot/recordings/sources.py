"""What a recording holds, at the protocols of the tools: alerts, logs, traces, changes, all in memory.

A recording knows nothing later than its question (see `format`), so neither do these. A window that ends earlier is
answered as it would have been then.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.errors import QueryRefusedError
from sre_bot.incident import AlertState, LogAnswer, TraceHead
from sre_bot.recordings.format import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sre_bot.incident import Alert, Change, LogFilter, LogLine, Span, TimeWindow
    from sre_bot.recordings.format import ChangeLog
    from sre_bot.signals.series import MetricMetadata, QueryResult, Rule
    from sre_bot.sources.prometheus import PrometheusSource
    from sre_bot.sources.repository import GitRepository


@dataclass(frozen=True, slots=True)
class RecordedMetrics:
    """The Prometheus that was filled with the recorded samples; fits Metrics and Rules.

    ``told`` is what the recording says of its metrics, ``evaluated`` are its rules: a Prometheus that scrapes and
    evaluates nothing knows neither.
    Nobody can open it afterwards, so that there are no addresses of graphs.
    """

    prometheus: PrometheusSource
    told: Mapping[str, MetricMetadata]
    evaluated: Sequence[Rule] = ()

    @property
    def name(self) -> str:
        """As the source is called."""
        return self.prometheus.name

    @property
    def environment(self) -> str | None:
        """The recording's."""
        return self.prometheus.environment

    async def query(self, promql: str, at: datetime) -> QueryResult:
        """Evaluate at one moment. Raises SourceError."""
        return await self.prometheus.query(promql, at)

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        """Evaluate over a window. Raises SourceError."""
        return await self.prometheus.query_range(promql, window, step)

    async def label_sets(self, selectors: Sequence[str], window: TimeWindow, limit: int) -> Sequence[Mapping[str, str]]:
        """Label sets of the series that match any selector in the window. Raises SourceError."""
        return await self.prometheus.label_sets(selectors, window, limit)

    async def metadata(self) -> Mapping[str, MetricMetadata]:
        """Type, help and unit by metric name."""
        return self.told

    async def rules(self) -> Sequence[Rule]:
        """What was recorded and alerted on."""
        return self.evaluated

    def graph_url(self, promql: str, window: TimeWindow) -> str:  # noqa: ARG002 - the protocol's signature
        """There is none."""
        return ""


@dataclass(frozen=True, slots=True)
class RecordedAlerts:
    """``alerts.json``; fits CurrentAlerts and AlertHistory."""

    alerts: Sequence[Alert]
    name: str = "alerts"

    async def current(self) -> Sequence[Alert]:
        """Those that fire when the question is asked."""
        return [alert for alert in self.alerts if alert.ended_at is None]

    async def history(self, window: TimeWindow) -> Sequence[Alert]:
        """Episodes of the window, as of its end."""
        return [
            _as_of(alert, window.end)
            for alert in self.alerts
            if alert.started_at <= window.end and (alert.ended_at is None or alert.ended_at > window.start)
        ]

    def alerts_url(self) -> str:
        """There is none."""
        return ""


def _as_of(alert: Alert, moment: datetime) -> Alert:
    if alert.ended_at is None or alert.ended_at <= moment:
        return alert
    return replace(alert, ended_at=None, state=AlertState.FIRING)


class RecordedLogs:
    """``logs.ndjson.gz``; fits Logs.

    Args:
        lines: oldest first.
        environment: the recording's.
    """

    name = "logs"

    def __init__(self, lines: Sequence[LogLine], environment: str | None = None) -> None:
        self.environment = environment
        self._lines = lines
        self._times = [line.time for line in lines]

    async def lines(
        self, window: TimeWindow, wanted: LogFilter, *, limit: int, newest_first: bool = False
    ) -> LogAnswer:
        """The ``limit`` oldest (or newest) lines of the window that are wanted, in that order."""
        found = [line for line in self._of(window) if wanted.lets_pass(line)]
        if newest_first:
            found.reverse()
        return LogAnswer(tuple(found[:limit]), len(found) > limit, len(found))

    async def services(self, window: TimeWindow) -> Sequence[str]:
        """The services that wrote anything in the window."""
        return sorted({line.service for line in self._of(window) if line.service})

    def _of(self, window: TimeWindow) -> Sequence[LogLine]:
        return self._lines[bisect_left(self._times, window.start) : bisect_right(self._times, window.end)]


class RecordedTraces:
    """``traces.json``; fits Traces. A trace whose root was not over yet is known by the earliest of its other spans."""

    name = "traces"

    def __init__(self, spans: Sequence[Span], environment: str | None = None) -> None:
        self.environment = environment
        self._traces: dict[str, list[Span]] = defaultdict(list)
        for span in spans:
            self._traces[span.trace_id].append(span)
        self._heads = {trace_id: _head(spans) for trace_id, spans in self._traces.items()}

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
        """Up to ``limit`` traces that fit, latest first."""
        fitting = [
            head
            for trace_id, head in self._heads.items()
            if window.contains(head.start)
            and (route is None or head.name == route)
            and (longer_than is None or head.duration > longer_than)
            and any(span.service == service and (span.failed or not failed) for span in self._traces[trace_id])
        ]
        return sorted(fitting, key=lambda head: head.start, reverse=True)[:limit]

    async def spans(self, trace_id: str) -> Sequence[Span]:
        """All spans of a trace that were over. Raises QueryRefusedError when there is no such trace."""
        if trace_id not in self._traces:
            raise QueryRefusedError(self.name, "there is no such trace", query=trace_id)
        return self._traces[trace_id]


def _head(spans: Sequence[Span]) -> TraceHead:
    root = min(spans, key=lambda span: (span.parent_id is not None, span.start))
    return TraceHead(root.trace_id, root.service, root.name, root.start, root.duration)


class RecordedChanges:
    """``changes.json``; fits Repository, Deploys and Flags.

    Its commits are taken for one line of history in the order of time, as nothing more is known of them; where the
    recording has the repository, that is asked for what lies between two commits, and for diffs that are not recorded.
    """

    name = REPOSITORY

    def __init__(self, log: ChangeLog, clone: GitRepository | None = None) -> None:
        self._log = log
        self._clone = clone
        self._place = {commit.revision: number for number, commit in enumerate(log.commits)}

    async def commits(self, window: TimeWindow) -> Sequence[Change]:
        """Commits of the window, newest first."""
        return [commit for commit in reversed(self._log.commits) if window.contains(commit.time)]

    async def tags(self, window: TimeWindow) -> Sequence[Change]:
        """None are recorded."""
        return [] if self._clone is None else await self._clone.tags(window)

    async def between(self, older: str, newer: str) -> Sequence[Change]:
        """Commits after ``older`` up to ``newer``, newest first. Raises QueryRefusedError for one that is unknown."""
        if self._clone is not None:
            try:
                return await self._clone.between(older, newer)
            except QueryRefusedError:
                pass  # the recorded commits may be of other repositories, too
        first, last = (self._place[self._full(revision)] for revision in (older, newer))
        return self._log.commits[first + 1 : last + 1][::-1]

    async def diff(self, revision: str) -> str:
        """Message, files and diff of a commit, as far as they are recorded. Raises QueryRefusedError."""
        sha = self._full(revision)
        if sha not in self._log.diffs and self._clone is not None:
            try:
                return await self._clone.diff(sha)
            except QueryRefusedError:
                pass  # as above
        commit = self._log.commits[self._place[sha]]
        files = "\n".join(f" {path}" for path in commit.files)
        diff = self._log.diffs.get(sha, NO_DIFF)
        head = f"commit {sha}\nAuthor: {commit.author or 'unknown'}\nDate:   {commit.time.isoformat()}"
        return f"{head}\n\n{self._log.messages[sha].strip()}\n\n{files}\n\n{diff}\n"

    async def freshness(self) -> datetime | None:
        """A recording has nothing to lag behind."""
        return None

    async def stale(self, at: datetime) -> str | None:  # noqa: ARG002 - the protocol's signature
        """It is never."""
        return None

    def commit_url(self, revision: str) -> str | None:  # noqa: ARG002 - the protocol's signature
        """There is none."""
        return None

    async def deploys(self, window: TimeWindow) -> Sequence[Change]:
        """Deploys of the window, newest first."""
        return [deploy for deploy in self._log.deploys if window.contains(deploy.time)]

    async def flags(self, window: TimeWindow) -> Sequence[Change]:
        """Flags turned in the window, newest first."""
        return [flag for flag in self._log.flags if window.contains(flag.time)]

    def _full(self, revision: str) -> str:
        """The sha of the one recorded commit that begins so."""
        found = [sha for sha in self._log.messages if sha.startswith(revision.lower())]
        if len(found) != 1:
            what = "more than one commit begins" if found else "no recorded commit begins"
            raise QueryRefusedError(self.name, f"{what} with {revision}", query=revision)
        return found[0]


NO_DIFF = "[its diff is not in the recording, which says nothing about it]"
