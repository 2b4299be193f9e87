"""What was seen, as evidence: alerts, the signals that moved (and those that did not), calls, changes. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign
from sre_bot.incident import AlertState, ChangeKind, Severity
from sre_bot.investigation import Chart, ChartLine, ChartMark, Evidence, Link, Observation
from sre_bot.signals.changes import span
from sre_bot.signals.series import sparkline
from sre_bot.signals.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.first_look.conclusion import Conclusion
    from sre_bot.first_look.look import Reading, Seen
    from sre_bot.incident import Alert
    from sre_bot.investigation import JsonObject
    from sre_bot.signals.changes import Verdict

MAX_LINES = 8
"""Series or changes shown in one piece of evidence."""
MAX_CHART_LINES = 5

TITLES = {
    Sign.ERRORS: "share of requests that fail",
    Sign.LATENCY: "time to answer, p95",
    Sign.TRAFFIC: "requests per second",
    Sign.SATURATION: "share of a limit in use",
    Sign.UP: "up",
}
"""The signs that evidence is made of, in the order it is numbered."""


@dataclass(slots=True)
class Exhibits:
    """The evidence in the making; ids count up from E1."""

    seen: Seen
    found: Conclusion
    evidence: list[Evidence] = field(default_factory=list)

    def _add(self, tool: str, arguments: JsonObject, observation: Observation) -> str:
        self.evidence.append(Evidence(f"E{len(self.evidence) + 1}", tool, arguments, observation))
        return self.evidence[-1].id

    def alerts(self) -> tuple[str, ...]:
        """What fires, pends or is silenced now, worst first; then what fired before."""
        worst_first = list(Severity)
        alerts = sorted(self.seen.alerts, key=lambda a: (a.state, worst_first.index(a.severity), a.started_at))
        known = {(a.name, a.service) for a in alerts}
        past = [
            a for a in self.seen.past_alerts if (a.name, a.service) not in known and a.state is not AlertState.PENDING
        ]
        lines = [alert_line(alert, self.seen.at) for alert in (*alerts, *past)]
        if not lines:
            return ()
        firing = [a for a in (*alerts, *past) if a.state is AlertState.FIRING]
        summary = (
            "; ".join(alert_line(a, self.seen.at) for a in firing[:3]) or f"nothing fires now, {len(lines)} before"
        )
        return (self._add("alerts", {}, Observation(summary, "\n".join(lines[: 2 * MAX_LINES]))),)

    def signals(self, sign: Sign) -> tuple[str, ...]:
        """One sign over all services of the trail and the focus, what moved most first."""
        readings = [r for r in self.seen.readings if r.signal.sign is sign and r.peer is None]
        readings = [r for r in readings if r.facts.points > 0 and (sign is not Sign.UP or r.facts.last == 0)]
        if sign is Sign.SATURATION:
            readings = [r for r in readings if r.facts.maximum >= 0.5]  # noqa: PLR2004 - half empty limits nobody
        return self._readings(TITLES[sign], readings)

    def calls(self) -> tuple[str, ...]:
        """Calls that got worse: errors and latency by caller and peer."""
        worse = {id(symptom.reading) for symptom in self.found.symptoms}
        readings = [r for r in self.seen.readings if r.peer is not None and id(r) in worse]
        return self._readings("calls to others that got worse", readings)

    def changes(self) -> tuple[str, ...]:
        """Changes before the onset, those that fit best first, each with what speaks for or against it.

        Shas stand in full: a change that a report blames must occur in the evidence.
        """
        if not self.found.verdicts:
            changes = sorted(self.seen.changes, key=lambda c: c.time, reverse=True)
            lines = [f"{c.kind} {c.service or ''} {c.revision or ''} {c.time:%H:%M:%S} {c.title}" for c in changes]
        else:
            lines = [f"{verdict_line(verdict)} [{verdict.revision}]" for verdict in self.found.verdicts]
        if not lines:
            return ()
        more = f"\n… and {len(lines) - MAX_LINES} more that fit less" if len(lines) > MAX_LINES else ""
        blamed = self.found.blamed
        summary = verdict_line(blamed) if blamed else f"{len(lines)} changes in the last day, none of which explains it"
        content = "\n".join(lines[:MAX_LINES]) + more
        return (self._add("changes", {"until": f"{self.seen.at:%Y-%m-%dT%H:%M:%SZ}"}, Observation(summary, content)),)

    def _readings(self, title: str, readings: Sequence[Reading]) -> tuple[str, ...]:
        if not readings:
            return ()
        near = (*self.found.trail, *self.found.focus)
        worse = {id(symptom.reading) for symptom in self.found.symptoms}
        ordered = sorted(readings, key=lambda r: (id(r) not in worse, r.service not in near, -abs(r.facts.shift)))
        ordered = ordered[:MAX_LINES]
        several = len({reading.signal.metric for reading in ordered}) > 1
        lines = [reading_line(reading, with_metric=several) for reading in ordered]
        queries = tuple(dict.fromkeys(reading.signal.promql for reading in ordered))
        links = tuple(Link("graph", url) for url in (self.seen.graph_urls.get(promql) for promql in queries) if url)
        summary = f"{title}: {'; '.join(lines[:2])}"
        window = f"{self.seen.window.start:%H:%M:%S} to {self.seen.window.end:%H:%M:%S} UTC"
        content = "\n".join([f"{title}, {window}", *lines, *(f"query: {promql}" for promql in queries)])
        charts = (self._chart(title, ordered),)
        arguments: JsonObject = {"promql": queries[0], "last": span(self.seen.window.duration)}
        return (self._add("metrics", arguments, Observation(summary, content, links=links, charts=charts)),)

    def _chart(self, title: str, readings: Sequence[Reading]) -> Chart:
        lines = tuple(
            ChartLine(
                _name(reading),
                tuple(float(t) for t in reading.series.times),
                tuple(float(v) if math.isfinite(v) else None for v in reading.series.values),
            )
            for reading in readings[:MAX_CHART_LINES]
        )
        marks = [ChartMark(self.found.onset.timestamp(), "onset")] if self.found.onset else []
        blamed = self.found.blamed
        if blamed is not None and self.seen.window.contains(blamed.change.time):
            marks.append(ChartMark(blamed.change.time.timestamp(), f"{blamed.change.kind} {blamed.revision[:8]}"))
        return Chart(title, readings[0].signal.unit, lines, tuple(marks))


def alert_line(alert: Alert, now: datetime) -> str:
    """Name, severity, service, state and since when."""
    about = f" ({', '.join(part for part in (alert.severity, alert.service) if part)})"
    since = f"since {alert.started_at:%H:%M:%S}, {span(now - alert.started_at)}"
    if alert.ended_at is not None:
        since = f"from {alert.started_at:%H:%M:%S} to {alert.ended_at:%H:%M:%S}"
    return f"{alert.name}{about} {alert.state} {since}"


def reading_line(reading: Reading, *, with_metric: bool = False) -> str:
    """Who, from what to what, since when, and the course as a sparkline."""
    facts, unit = reading.facts, reading.signal.unit
    last = format_value(facts.last, unit)
    if facts.onset is None:
        what = f"steady at {format_value(facts.mean, unit)}"
    else:
        began = datetime.fromtimestamp(facts.onset, UTC)
        before = "nothing" if math.isnan(facts.before) else format_value(facts.before, unit)
        after = "nothing" if math.isnan(facts.after) else format_value(facts.after, unit)
        what = f"{before} → {after} at {began:%H:%M:%S} ({facts.shape}), now {last}"
    metric = f" [{reading.signal.metric}]" if with_metric else ""
    return f"{_name(reading)}{metric} {what} {sparkline(reading.series.values)}"


def verdict_line(verdict: Verdict) -> str:
    """Which change, by whom, and what speaks for or against it."""
    change, commit = verdict.change, verdict.commit
    what = f"deploy of {change.service}" if change.kind is ChangeKind.DEPLOY else "commit"
    title = commit.title if commit else change.title
    author = f" by {commit.author}" if commit and commit.author else ""
    return f"{what} {verdict.revision[:10]} “{title[:80]}”{author}: {verdict.why}"


def _name(reading: Reading) -> str:
    return f"{reading.service} → {reading.peer}" if reading.peer else reading.service
