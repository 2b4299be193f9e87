"""The alert summary in words, for a chat message or a terminal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from sre_bot.incident import Severity
from sre_bot.signals.changes import span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sre_bot.alerts.summary import AlertSummary, Frequent
    from sre_bot.incident import Alert

MAX_LINES = 12


def alert_summary(summary: AlertSummary) -> str:
    """Firing by severity with age, then what is silenced, what fired most, and what could not be seen."""
    return "\n".join(_lines(summary))


def _lines(summary: AlertSummary) -> Iterator[str]:
    now = summary.window.end
    if not summary.firing:
        yield _nothing(summary)
    for severity, alerts in groupby(summary.firing, key=lambda alert: alert.severity):
        group = list(alerts)
        yield f"{severity} ({len(group)})"
        yield from _bounded(_firing(alert, now) for alert in group)
    if summary.besides:
        counts = (f"{summary.besides[severity]} {severity}" for severity in Severity if severity in summary.besides)
        yield f"not asked for, but firing: {', '.join(counts)}"
    if summary.quiet:
        yield f"silenced or inhibited ({len(summary.quiet)})"
        yield from _bounded(f"• {alert.name}{_of(alert)} {alert.state}" for alert in summary.quiet)
    if summary.frequent:
        yield f"fired most in the last {span(summary.window.duration)}"
        yield from _bounded(_frequent(one) for one in summary.frequent)
    for source in summary.missing:
        yield f"could not be seen: {source.source} ({source.why})"


def _nothing(summary: AlertSummary) -> str:
    """That nothing fires, as far as that is known, and of what."""
    service, severity = summary.question.service, summary.question.severity
    what = f"No {severity} alert" if severity else "Nothing"
    said = f"{what} {'is known to fire' if summary.missing else 'fires'}{f' for {service}' if service else ''}"
    if summary.meant is None:
        return f"{said}."
    hint = f"Did you mean {' or '.join(summary.meant)}?" if summary.meant else "Is it spelt right?"
    window = span(summary.window.duration)
    return f"{said}, but no alert of the last {window} and no catalogue names such a service. {hint}"


def _firing(alert: Alert, now: datetime) -> str:
    since = (
        f"{alert.started_at:%H:%M:%S} UTC"
        if now.date() == alert.started_at.date()
        else f"{alert.started_at:%d %b %H:%M}"
    )
    said = f": {alert.summary}" if alert.summary != alert.name else ""
    return f"• {alert.name}{_of(alert)} for {span(now - alert.started_at)}, since {since}{said}"


def _frequent(one: Frequent) -> str:
    return f"• {one.name}{_of(one)} {one.times} ×, {span(one.firing_for)} in all"


def _of(one: Alert | Frequent) -> str:
    named = ", ".join(filter(None, (one.service, one.environment)))
    return f" ({named})" if named else ""


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """At most ``MAX_LINES``; how many more there are is said."""
    for number, line in enumerate(all_lines := list(lines)):
        if number == MAX_LINES:
            yield f"… and {len(all_lines) - MAX_LINES} more"
            return
        yield line
