"""The tool ``list_alerts``: what fires and is silenced now, and what fired before."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sre_bot.incident import AlertState, Severity
from sre_bot.investigation import Link, Observation
from sre_bot.signals.changes import span
from sre_bot.signals.words import service_words
from sre_bot.tools.gathering import all_failed, as_missing, gathered, partial, together, unseen
from sre_bot.tools.replicas import Alertmanagers, AlertRecords
from sre_bot.tools.text import quoted, stamp
from sre_bot.tools.tool import Tool
from sre_bot.tools.window import WindowArguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sre_bot.incident import Alert
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts

DEFAULT_WINDOW = timedelta(hours=6)
PRESENT = timedelta(minutes=2)
"""An Alertmanager knows only the present: it is asked for an investigation of no longer ago than this."""
MAX_SAME, MAX_LINES, MAX_EPISODES = 3, 40, 3
_SEVERITIES = tuple(Severity)

DESCRIPTION = (
    "List alerts: those firing, silenced, inhibited or pending now, with since when, and those that fired in the "
    "window (default: 6h) and ended. Use it to see what is wrong, what began first, and whether it has happened "
    "before. For the values behind an alert ask query_metrics."
)


class AlertArguments(WindowArguments):
    """Arguments of ``list_alerts``."""

    service: Annotated[str | None, Field(max_length=200)] = None


def list_alerts(
    current: Sequence[CurrentAlerts], history: Sequence[AlertHistory], *, made_at: datetime
) -> Tool[AlertArguments]:
    """The tool.

    Args:
        current: Alertmanagers.
        history: what remembers earlier alerts.
        made_at: the clock when the tool was made; an investigation of an earlier moment does not ask the present.
    """

    async def ask(arguments: AlertArguments, at: datetime) -> Observation:
        asked = arguments.window(at, DEFAULT_WINDOW)
        window = asked.window
        present = current if window.end >= made_at - PRESENT else ()
        (now, now_errors), (past, past_errors) = await asyncio.gather(
            gathered([Alertmanagers(present).current()] if present else []),
            gathered([AlertRecords(history).history(window)] if history else []),
        )
        errors = [*now_errors, *past_errors]
        if errors and not now and not past:
            raise all_failed(errors)
        lacking = [one for alerts in (*now, *past) for one in alerts.missing]
        held = [alert for alerts in now for alert in alerts if alert.started_at <= window.end]
        remembered = [alert for alerts in past for alert in alerts if not any(_same(alert, one) for one in held)]
        shown = [a for a in (*held, *remembered) if arguments.service is None or _is_about(a, arguments.service)]
        notes = [*unseen(errors), *partial(lacking)]
        if len(present) < len(current):
            notes.append(f"This is about {window.end:%Y-%m-%d %H:%M:%S}Z: {_not_asked(current)}")
        others = len(held) + len(remembered) - len(shown)
        notes += [f"{others} alerts of other services are not shown."] if others else []
        head = f"{asked}: {_counts(shown)}."
        links = tuple(Link(f"alerts in {source.name}", source.alerts_url()) for source in present)
        content = "\n".join([head, *notes, *_sections(shown, window.end)])
        return Observation(
            _headline(shown), content, missing=together([*map(as_missing, errors), *lacking]), links=links
        )

    names = tuple(dict.fromkeys([*(source.name for source in current), *(source.name for source in history)]))
    return Tool("list_alerts", DESCRIPTION, AlertArguments, ask, names)


def _not_asked(current: Sequence[CurrentAlerts]) -> str:
    names = ", ".join(source.name for source in current)
    return f"{names} was not asked, as it knows only the present, so what was silenced then is unknown."


def _same(remembered: Alert, held: Alert) -> bool:
    """Whether a history's unfinished episode is an alert that the Alertmanager holds: it may add and drop labels."""
    shared = remembered.labels.keys() & held.labels.keys()
    agree = all(remembered.labels[label] == held.labels[label] for label in shared)
    return remembered.ended_at is None and remembered.name == held.name and agree


def _is_about(alert: Alert, service: str) -> bool:
    words = service_words(service)
    return service in alert.labels.values() or (alert.service is not None and service_words(alert.service) == words)


def _state(alert: Alert) -> AlertState:
    return AlertState.RESOLVED if alert.ended_at is not None else alert.state


def _counts(alerts: Sequence[Alert]) -> str:
    states = [_state(alert) for alert in alerts]
    counted = (f"{states.count(state)} {state}" for state in AlertState if state in states)
    return ", ".join(counted) or "no alerts"


def _headline(alerts: Sequence[Alert]) -> str:
    firing = [alert for alert in alerts if _state(alert) is AlertState.FIRING]
    names = dict.fromkeys(quoted(alert.name, 60) for alert in _by_urgency(firing))
    return f"Alerts: {_counts(alerts)}" + (f" (firing: {', '.join(list(names)[:3])})" if names else "")


def _by_urgency(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (_SEVERITIES.index(alert.severity), alert.started_at))


def _sections(alerts: Sequence[Alert], end: datetime) -> list[str]:
    lines: list[str] = []
    for state in AlertState:
        of_state = _by_urgency(alert for alert in alerts if _state(alert) is state)
        if of_state:
            told = _ended(of_state, end) if state is AlertState.RESOLVED else _going_on(of_state, end)
            lines += [f"{state.capitalize()}:", *told]
    rest = len(lines) - MAX_LINES
    return lines if rest <= 0 else [*lines[:MAX_LINES], f"… and {rest} more lines: ask for one service."]


def _going_on(alerts: Sequence[Alert], end: datetime) -> list[str]:
    """A line an alert, most urgent and oldest first; of many with the same name only the first."""
    named: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        named[alert.name].append(alert)
    lines: list[str] = []
    for name, same in named.items():
        for alert in same[:MAX_SAME]:
            since = f"since {stamp(alert.started_at, end)} ({span(end - alert.started_at)})"
            lines.append(f"- {_identity(alert)} {since}{_said(alert)}")
        lines += [f"- +{len(same) - MAX_SAME} more {quoted(name, 80)}"] if len(same) > MAX_SAME else []
    return lines


def _ended(alerts: Sequence[Alert], end: datetime) -> list[str]:
    """A line for all episodes of the same alert, latest first."""
    episodes: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        episodes[_identity(alert)].append(alert)
    return [f"- {identity} {_times(found, end)}{_said(found[0])}" for identity, found in episodes.items()]


def _times(episodes: Sequence[Alert], end: datetime) -> str:
    latest = sorted(episodes, key=lambda alert: alert.started_at, reverse=True)[:MAX_EPISODES]
    told = ", ".join(
        f"{stamp(alert.started_at, end)} to {stamp(alert.ended_at, end)}" for alert in latest if alert.ended_at
    )
    return told if len(episodes) == 1 else f"{len(episodes)} times, last {told}"


def _identity(alert: Alert) -> str:
    """Severity, name and the labels that tell it from others of the name."""
    labels = ",".join(
        f"{label}={quoted(value, 48)}"
        for label, value in sorted(alert.labels.items())
        if label not in {"alertname", "severity", "alertstate"}
    )
    severity = "" if alert.severity is Severity.UNKNOWN else f"{alert.severity} "
    return f"{severity}{quoted(alert.name, 80)} {{{quoted(labels, 160)}}}"


def _said(alert: Alert) -> str:
    runbook = alert.annotations.get("runbook_url") or alert.annotations.get("runbook")
    said = f": {quoted(alert.summary, 160)}" if alert.summary != alert.name else ""
    return said + (f" (runbook: {quoted(runbook, 120)})" if runbook else "")
