"""What was seen, as evidence: alerts, signals that moved and those that did not, calls, changes. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign, Signal
from sre_bot.first_look.footing import of_footing
from sre_bot.first_look.gauges import of_gauges, query_of
from sre_bot.first_look.innocence import innocents
from sre_bot.first_look.movers import LOOKBACK
from sre_bot.first_look.phrases import CALLS, TITLES, alert_line, listed, moved, reading_line, value, verdict_name
from sre_bot.first_look.ranking import LEAD
from sre_bot.first_look.symptoms import MIN_MOVED
from sre_bot.first_look.testimony import of_logs, of_traces
from sre_bot.first_look.unusual import of_unusual, query_of_unusual
from sre_bot.incident import AlertState, ChangeKind, Severity
from sre_bot.investigation import Chart, ChartLine, ChartMark, Evidence, Link, Observation
from sre_bot.render.summary import clock
from sre_bot.signals.series import STEADY
from sre_bot.tools.text import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from sre_bot.first_look.conclusion import Conclusion
    from sre_bot.first_look.seen import Reading, Seen
    from sre_bot.incident import Alert
    from sre_bot.investigation import JsonObject
    from sre_bot.signals.changes import Verdict

MAX_LINES = 8
MAX_CHANGES = 16
"""Series or changes shown in one piece of evidence; of alerts twice as many."""
MAX_CHART_LINES = 5
MAX_DESCRIBED = 4
MAX_WORSE, MAX_STEADY = 3, 4
"""Readings in a summary: of those that moved, of those that did not."""
NAMELESS = frozenset({Sign.SATURATION, Sign.LIMIT, Sign.STEP})
"""Signs that say too little without the name of the metric."""
MIN_FULL = 0.5
"""A limit that is used less limits nobody."""


@dataclass(frozen=True, slots=True)
class Case:
    """What was seen and concluded, and the ids of the evidence of each part."""

    seen: Seen
    found: Conclusion
    ids: Mapping[str, tuple[str, ...]]

    def cite(self, *parts: str | Signal) -> tuple[str, ...]:
        """Ids of the evidence of some parts: signs, signals, ``alerts``, ``changes``, ``logs``, runbooks by address."""
        keys = (_key(part) if isinstance(part, Signal) else part for part in parts)
        return tuple(sorted({one for key in keys for one in self.ids.get(key, ())}, key=lambda one: int(one[1:])))

    def grounds(self) -> tuple[str, ...]:
        """Evidence that the culprit fails, and whom it calls in vain or more often."""
        found = self.found
        shown = [
            s.reading.signal
            for s in found.symptoms
            if s.service == found.culprit and s.peer in {None, found.trail.peer}
        ]
        shown += [found.trail.more.signal] if found.trail.more else []
        shown += [found.surge.signal] if found.surge else []
        return self.cite(*shown)

    def own(self, sign: Sign) -> list[Reading]:
        """Readings of services themselves."""
        return [r for r in self.seen.readings if r.signal.sign is sign and r.peer is None]


def _key(signal: Signal) -> str:
    return f"calls: {signal.sign}" if signal.peer else signal.sign


@dataclass(slots=True)
class Exhibits:
    """The evidence in the making; ids count up from E1."""

    seen: Seen
    found: Conclusion
    evidence: list[Evidence] = field(default_factory=list)

    def case(self) -> Case:
        """Put together all that tells something."""
        ids = {"alerts": self._alerts()}
        ids |= {str(sign): self.of_sign(sign) for sign in TITLES}
        ids |= {f"calls: {sign}": self._calls(sign) for sign in CALLS}
        ids["changes"] = self._changes()
        ids["catalogue"] = self._catalogue()
        ids["ground"] = self._ground()
        ids["gauges"] = self._gauges()
        ids["unusual"] = self._unusual()
        ids["logs"] = self._logs()
        ids["traces"] = self._traces()
        for url, runbook in self.seen.runbooks.items():
            ids[url] = (self._add("search_docs", {"runbook_url": url}, runbook),)
        return Case(self.seen, self.found, ids)

    def _alerts(self) -> tuple[str, ...]:
        """What fires, pends or is silenced, worst first; then what fired before."""
        worst_first = list(Severity)
        states = list(AlertState)
        alerts = [a for a in self.seen.all_alerts if not (a.state is AlertState.PENDING and a.ended_at)]
        alerts.sort(key=lambda a: (states.index(a.state), worst_first.index(a.severity), a.started_at, a.name))
        if not alerts:
            nothing = Observation("no alert fires", "No alert is held, and none fired in the last hour.")
            return (self._add("list_alerts", {}, nothing),) if self.seen.alerts_known else ()
        lines = [alert_line(alert, self.seen.at) + _said(alert) for alert in alerts]
        firing = [alert for alert in alerts if alert.state is AlertState.FIRING]
        told = list(dict.fromkeys(f"{alert.name}{_said(alert)}" for alert in firing))
        summary = f"fires: {listed(told, MAX_WORSE)}" if told else f"nothing fires; {lines[0]}"
        return (self._add("list_alerts", {}, Observation(summary, "\n".join(lines[: 2 * MAX_LINES]))),)

    def of_sign(self, sign: Sign) -> tuple[str, ...]:
        """One sign over all services, what moved first."""
        readings = [r for r in self.seen.readings if r.signal.sign is sign and r.peer is None and self._tells(r)]
        return self._readings(TITLES[sign], readings)

    def _calls(self, sign: Sign) -> tuple[str, ...]:
        """One sign of calls that got worse, or are made more often."""
        telling = {id(symptom.reading) for symptom in self.found.symptoms} | {id(self.found.trail.more)}
        readings = [r for r in self.seen.readings if r.signal.sign is sign and r.peer and id(r) in telling]
        return self._readings(CALLS[sign], readings)

    def _changes(self) -> tuple[str, ...]:
        """What changed: with a failure, those that fit best first and what speaks for or against each; else the latest.

        Shas stand in full: a change that a report blames must occur in the evidence.
        """
        verdicts, changes = self.found.verdicts, self.seen.changes
        if not changes:
            return ()
        latest = sorted(changes, key=lambda c: (c.time, c.kind, c.title), reverse=True)
        lines = [self._judged(verdict) for verdict in verdicts] or [
            f"{c.kind} {c.service or ''} {c.revision or ''} {stamp(c.time, self.seen.at)} {c.title}" for c in latest
        ]
        rest = [f"… and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else []
        alone = [f"{innocent.said} [{innocent.deploy.revision}]" for innocent in innocents(self.seen, self.found)]
        rest += ["each of the latest deploys by itself:", *alone] if alone else []
        deploys = sum(change.kind is ChangeKind.DEPLOY for change in changes)
        summary = f"{_counted(deploys, 'deploy')} and {_counted(len(changes) - deploys, 'commit')} in the last 25 h"
        if verdicts:
            summary += ", each held against when and where it began"
        commits = [verdict.commit for verdict in verdicts[:2] if verdict.commit is not None and verdict.score > 0]
        links = tuple(Link(f"commit {(c.revision or '')[:10]}", c.url) for c in commits if c.url)
        until: JsonObject = {"last": "25h", "end": f"{self.seen.at:%Y-%m-%dT%H:%M:%SZ}"}
        content = "\n".join([*lines[:MAX_LINES], *rest])
        return (self._add("list_changes", until, Observation(summary, content, links=links)),)

    def _catalogue(self) -> tuple[str, ...]:
        """What is known of the services in play."""
        blamed = self.found.blamed.change.service if self.found.blamed else None
        alerting = (alert.service for alert in self.seen.firing)
        play = dict.fromkeys(filter(None, (*self.found.trail.services, blamed, *self.found.asked, *alerting)))
        lines = [line for service in play if (line := self.seen.catalogue.described([service]))][:MAX_DESCRIBED]
        if not lines:
            return ()
        summary = f"the catalogue on {listed([line.partition(':')[0] for line in lines], MAX_DESCRIBED)}"
        return (self._add("describe_services", {}, Observation(summary, "\n".join(lines))),)

    def _ground(self) -> tuple[str, ...]:
        """What is wrong with nodes, pods, disks and certificates."""
        told = of_footing(self.seen)
        if told is None:
            return ()
        arguments = {"query": self.seen.conditions[0].promql, **self._until(self.seen.window.duration)}
        return (self._add("query_metrics", arguments, told),)

    def _gauges(self) -> tuple[str, ...]:
        """What else moved."""
        told = of_gauges(self.seen, self.found.onset)
        if told is None:
            return ()
        return (self._add("query_metrics", {"query": query_of(self.seen), **self._until(LOOKBACK)}, told),)

    def _unusual(self) -> tuple[str, ...]:
        """Which service stands out, where nothing says more."""
        told = of_unusual(self.seen, self.found)
        if told is None:
            return ()
        began = min(alert.started_at for alert in self.seen.firing)
        arguments = {"query": query_of_unusual(self.seen), **self._until(self.seen.at - began + LEAD)}
        return (self._add("query_metrics", arguments, told),)

    def _logs(self) -> tuple[str, ...]:
        """What is logged newly or more often, or that nothing is."""
        told, window = of_logs(self.seen), self.seen.log_window
        if told is None or window is None:
            return ()
        return (self._add("search_logs", {"level": "warning", **self._until(window.duration)}, told),)

    def _traces(self) -> tuple[str, ...]:
        """A bad request against healthy ones."""
        told, contrast = of_traces(self.seen), self.seen.contrast
        if told is None or contrast is None:
            return ()
        arguments = {"service": contrast.service, **self._until(self.seen.at - contrast.first)}
        return (self._add("find_traces", arguments, told),)

    def _until(self, length: timedelta) -> JsonObject:
        """A window that ends at the moment of the look, as arguments of a tool."""
        return {"last": f"{round(length.total_seconds())}s", "end": f"{self.seen.at:%Y-%m-%dT%H:%M:%SZ}"}

    def _judged(self, verdict: Verdict) -> str:
        """A change, what speaks for or against it, and what it replaced."""
        deploy = verdict.change
        before = self.seen.ran_before(deploy) if deploy.kind is ChangeKind.DEPLOY else None
        ran = f"; it replaced {before.revision}" if before is not None else ""
        whole = f" of {deploy.revision}" if deploy.revision not in {None, verdict.revision} else ""
        return f"{verdict_name(verdict)}: {verdict.why} [{verdict.revision}{whole}]{ran}"

    def _add(self, tool: str, arguments: JsonObject, observation: Observation) -> str:
        self.evidence.append(Evidence(f"E{len(self.evidence) + 1}", tool, arguments, observation))
        return self.evidence[-1].id

    def _tells(self, reading: Reading) -> bool:
        """Whether the reading is worth showing."""
        facts = reading.facts
        match reading.signal.sign:
            case Sign.UP:
                return facts.last < 1 or facts.onset is not None
            case Sign.SATURATION:
                return facts.maximum >= MIN_FULL
            case Sign.STEP | Sign.LIMIT:
                return facts.onset is not None
            case Sign.CPU | Sign.MEMORY:
                near = reading.service in self.found.trail.services
                return near and facts.shape not in STEADY and facts.after >= MIN_MOVED * facts.before
            case _:
                return True

    def _readings(self, title: str, readings: Sequence[Reading]) -> tuple[str, ...]:
        if not readings:
            return ()
        near = (*self.found.trail.services, *self.found.asked)
        worse = {id(symptom.reading) for symptom in self.found.symptoms}
        ordered = sorted(
            readings,
            key=lambda r: (id(r) not in worse, r.service not in near, -abs(r.facts.shift), r.name, r.signal.metric),
        )[:MAX_LINES]
        several = len({reading.signal.metric for reading in ordered}) > 1 or ordered[0].signal.sign in NAMELESS
        stats = " or ".join(dict.fromkeys(reading.signal.stat for reading in ordered if reading.signal.stat))
        title += f", {stats}" if stats else ""
        title += f", {self.seen.environment}" if self.seen.environment else ""
        lines = [reading_line(reading, self.seen.at, with_metric=several) for reading in ordered]
        asked = tuple(dict.fromkeys((reading.place, reading.signal.shown) for reading in ordered))
        window = f"{stamp(self.seen.window.start, self.seen.at)} to {clock(self.seen.window.end, self.seen.at)}"
        rest = [f"… and {len(readings) - MAX_LINES} more"] if len(readings) > MAX_LINES else []
        content = "\n".join([f"{title}, {window}", *lines, *rest, *(_query(*one) for one in asked)])
        links = tuple(_links(ordered, self.seen.graph_urls, several=several))
        observation = Observation(
            f"{title}: {_summary(ordered, self.seen, several=several)}",
            content,
            links=links,
            charts=(self._chart(title, ordered),),
        )
        place, query = asked[0]
        arguments: JsonObject = {
            "query": query,
            **({"source": place} if place else {}),
            **self._until(self.seen.window.duration),
        }
        return (self._add("query_metrics", arguments, observation),)

    def _chart(self, title: str, readings: Sequence[Reading]) -> Chart:
        lines = tuple(
            ChartLine(
                reading.name,
                tuple(float(t) for t in reading.series.times),
                tuple(float(v) if math.isfinite(v) else None for v in reading.series.values),
            )
            for reading in readings[:MAX_CHART_LINES]
        )
        marks = [ChartMark(self.found.onset.timestamp(), "onset")] if self.found.onset else []
        blamed = self.found.blamed
        if blamed is not None and self.seen.window.contains(blamed.change.time):
            marks.append(ChartMark(blamed.change.time.timestamp(), f"{blamed.change.kind} {blamed.revision[:8]}"))
        return Chart(title, readings[0].signal.unit, lines, tuple(marks), self._threshold(readings[0].signal))

    def _threshold(self, signal: Signal) -> float | None:
        """Beyond what an alert on this signal fires."""
        metric = _family(signal.metric)
        return next(
            (t.value for t in self.seen.thresholds if t.unit == signal.unit and metric in map(_family, t.metrics)), None
        )


def _family(metric: str) -> str:
    """A histogram by one name."""
    return metric.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")


def _query(place: str, promql: str) -> str:
    return f"query{f' to {place}' if place else ''}: {promql}"


def _links(ordered: Sequence[Reading], urls: Mapping[tuple[str, str], str], *, several: bool) -> Iterator[Link]:
    """Where a human sees each query, called by its metric, and by its source where there are several."""
    for metric, place, promql in dict.fromkeys((r.signal.metric, r.place, r.signal.shown) for r in ordered):
        url = urls.get((place, promql))
        name = metric if several else "graph"
        if url:
            yield Link(f"{name} ({place})" if place else name, url)


def _summary(ordered: Sequence[Reading], seen: Seen, *, several: bool) -> str:
    """Those that moved, and those that did not; with the metric where that is not one for all."""
    changed = [r for r in ordered if r.facts.onset is not None or r.facts.shape not in STEADY]
    steady = [r for r in ordered if r not in changed]
    parts = [
        f"{reading.name}{f' [{reading.signal.metric}]' if several else ''} {moved(reading, seen.at)}"
        for reading in changed[:MAX_WORSE]
    ]
    if steady:
        levels = [f"{reading.name} {value(reading, reading.facts.mean)}" for reading in steady]
        parts.append(f"as before: {listed(levels, MAX_STEADY)}")
    return "; ".join(parts)


def _said(alert: Alert) -> str:
    """The words of its author, where there are any."""
    return f" “{alert.summary}”" if alert.summary != alert.name else ""


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
