"""The alert summary: what fires by severity and since when, and what fired most in a window. Pure."""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.errors import BadInputError
from sre_bot.incident import Alert, AlertState, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.incident import TimeWindow
    from sre_bot.investigation import MissingSource

DEFAULT_WINDOW = timedelta(hours=24)
LONGEST_WINDOW = timedelta(days=7)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SEVERITIES = frozenset({"critical", "crit", "warning", "warn", "info"})
"""What is a severity without ``severity=``; a service of that name has to be written ``service=info``."""
USAGE = "alerts [SERVICE] [severity=critical|warning|info] [last=30m|24h|7d]"


@dataclass(frozen=True, slots=True)
class AlertQuestion:
    """Which alerts are asked about; None means all."""

    service: str | None = None
    severity: Severity | None = None
    last: timedelta = DEFAULT_WINDOW

    @classmethod
    def read(cls, words: Sequence[str]) -> AlertQuestion:
        """From the words behind ``alerts``, in any order; a severity is one also without ``severity=``.

        Raises:
            BadInputError: a word is neither a service nor a known filter; says what can be written.
        """
        question = cls()
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                name, value = "severity" if word.lower() in _SEVERITIES else "service", word
            match name.lower():
                case "service" if value and question.service is None:
                    question = replace(question, service=value)
                case "severity" if question.severity is None:
                    question = replace(question, severity=_severity(value))
                case "last":
                    question = replace(question, last=_length(value))
                case _:
                    raise BadInputError(f"I do not understand “{word}”. Write: {USAGE}")
        return question

    def concerns(self, alert: Alert) -> bool:
        """Whether an alert is asked about."""
        about = self.service is None or (alert.service or "").casefold() == self.service.casefold()
        return about and (self.severity is None or alert.severity is self.severity)

    def unheard_of(self, services: Iterable[str]) -> tuple[str, ...] | None:
        """None when the service is one of these, or none is asked about; else those that may be meant, likeliest first.

        To say that nothing fires for a name that was mistyped would be a false all-clear.
        """
        known = {service.casefold(): service for service in sorted(services)}
        if self.service is None or self.service.casefold() in known:
            return None
        return tuple(known[name] for name in difflib.get_close_matches(self.service.casefold(), known, n=3))


@dataclass(frozen=True, slots=True)
class Frequent:
    """An alert of a service that fired in the window: how often, and for how long taken together."""

    name: str
    service: str | None
    environment: str | None
    severity: Severity
    times: int
    firing_for: timedelta


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """What fires (worst first, then oldest), what is silenced or inhibited, and what fired most in the window.

    ``besides`` counts what fires, but was not asked for. ``meant`` are services whose names are like that of the one
    asked about, None unless nothing is known by that name.
    """

    question: AlertQuestion
    window: TimeWindow
    firing: tuple[Alert, ...]
    quiet: tuple[Alert, ...]
    frequent: tuple[Frequent, ...]
    missing: tuple[MissingSource, ...] = ()
    besides: Mapping[Severity, int] = field(default_factory=dict)
    meant: tuple[str, ...] | None = None


def summarise(
    question: AlertQuestion,
    window: TimeWindow,
    current: Sequence[Alert],
    past: Sequence[Alert],
    missing: Sequence[MissingSource] = (),
    *,
    services: Iterable[str] = (),
) -> AlertSummary:
    """Sum up.

    Args:
        question: which alerts.
        window: the window that ``past`` is about; its end is now.
        current: what an Alertmanager holds now.
        past: episodes of the window, those that still fire included.
        missing: sources that could not be seen.
        services: those that are known besides the ones that alerts name.
    """
    episodes = [alert for alert in past if alert.state is not AlertState.PENDING]
    known = {_identity(alert) for alert in current}
    remembered = [alert for alert in episodes if alert.ended_at is None and _identity(alert) not in known]
    firing = [alert for alert in (*current, *remembered) if alert.state is AlertState.FIRING]
    quiet = [alert for alert in current if alert.state in {AlertState.SILENCED, AlertState.INHIBITED}]
    named = {alert.service for alert in (*current, *past) if alert.service}
    return AlertSummary(
        question,
        window,
        tuple(sorted(filter(question.concerns, firing), key=_urgency)),
        tuple(filter(question.concerns, quiet)),
        _frequent(filter(question.concerns, episodes), window),
        tuple(missing),
        Counter(alert.severity for alert in firing if not question.concerns(alert)),
        question.unheard_of({*named, *services}),
    )


def _identity(alert: Alert) -> tuple[str, str | None, str | None]:
    return alert.name, alert.service, alert.environment


def _urgency(alert: Alert) -> tuple[int, datetime]:
    return list(Severity).index(alert.severity), alert.started_at


def _frequent(episodes: Iterable[Alert], window: TimeWindow) -> tuple[Frequent, ...]:
    """What fired, most often first, then longest."""
    grouped: dict[tuple[str, str | None, str | None, Severity], list[Alert]] = defaultdict(list)
    for alert in episodes:
        grouped[*_identity(alert), alert.severity].append(alert)
    found = [
        Frequent(*identity, len(alerts), sum((_within(alert, window) for alert in alerts), timedelta()))
        for identity, alerts in grouped.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.times, -one.firing_for, one.name)))


def _within(alert: Alert, window: TimeWindow) -> timedelta:
    end: datetime = min(alert.ended_at or window.end, window.end)
    return max(end - max(alert.started_at, window.start), timedelta())


def _severity(value: str) -> Severity:
    severity = Severity.of(value)
    if severity is Severity.UNKNOWN:
        raise BadInputError(f"“{value}” is no severity. Write: {USAGE}")
    return severity


def _length(value: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,4})([mhdw])", value.lower())
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < length <= LONGEST_WINDOW:
        raise BadInputError(f"“{value}” is no window up to {LONGEST_WINDOW.days} days. Write: {USAGE}")
    return length
