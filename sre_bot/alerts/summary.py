"""The alert summary: what fires by severity and since when, and what fired most in a window. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.errors import BadInputError
from sre_bot.incident import Alert, AlertState, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sre_bot.incident import TimeWindow
    from sre_bot.investigation import MissingSource

DEFAULT_WINDOW = timedelta(hours=24)
LONGEST_WINDOW = timedelta(days=7)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
USAGE = "alerts [SERVICE] [severity=critical|warning|info] [last=30m|24h|7d]"


@dataclass(frozen=True, slots=True)
class AlertQuestion:
    """Which alerts are asked about; None means all."""

    service: str | None = None
    severity: Severity | None = None
    last: timedelta = DEFAULT_WINDOW

    @classmethod
    def read(cls, words: Sequence[str]) -> AlertQuestion:
        """From the words behind ``alerts``, in any order.

        Raises:
            BadInputError: a word is neither a service nor a known filter; says what can be written.
        """
        question = cls()
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                name, value = "service", word
            match name.lower():
                case "service" if value and question.service is None:
                    question = cls(value, question.severity, question.last)
                case "severity":
                    question = cls(question.service, _severity(value), question.last)
                case "last":
                    question = cls(question.service, question.severity, _length(value))
                case _:
                    raise BadInputError(f"I do not understand “{word}”. Write: {USAGE}")
        return question

    def concerns(self, alert: Alert) -> bool:
        """Whether an alert is asked about."""
        about = self.service is None or (alert.service or "").casefold() == self.service.casefold()
        return about and (self.severity is None or alert.severity is self.severity)


@dataclass(frozen=True, slots=True)
class Frequent:
    """An alert of a service that fired in the window: how often, and for how long taken together."""

    name: str
    service: str | None
    severity: Severity
    times: int
    firing_for: timedelta


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """What fires (worst first, then oldest), what is silenced or inhibited, and what fired most in the window."""

    question: AlertQuestion
    window: TimeWindow
    firing: tuple[Alert, ...]
    quiet: tuple[Alert, ...]
    frequent: tuple[Frequent, ...]
    missing: tuple[MissingSource, ...] = ()


def summarise(
    question: AlertQuestion,
    window: TimeWindow,
    current: Iterable[Alert],
    past: Iterable[Alert],
    missing: Sequence[MissingSource] = (),
) -> AlertSummary:
    """Sum up.

    Args:
        question: which alerts.
        window: the window that ``past`` is about; its end is now.
        current: what an Alertmanager holds now.
        past: episodes of the window, those that still fire included.
        missing: sources that could not be seen.
    """
    held = [alert for alert in current if question.concerns(alert)]
    episodes = [alert for alert in past if question.concerns(alert) and alert.state is not AlertState.PENDING]
    known = {(alert.name, alert.service) for alert in held}
    remembered = [a for a in episodes if a.ended_at is None and (a.name, a.service) not in known]
    worst = list(Severity)
    firing = [alert for alert in (*held, *remembered) if alert.state is AlertState.FIRING]
    firing.sort(key=lambda alert: (worst.index(alert.severity), alert.started_at))
    quiet = [alert for alert in held if alert.state in {AlertState.SILENCED, AlertState.INHIBITED}]
    return AlertSummary(question, window, tuple(firing), tuple(quiet), _frequent(episodes, window), tuple(missing))


def _frequent(episodes: Iterable[Alert], window: TimeWindow) -> tuple[Frequent, ...]:
    """What fired, most often first, then longest."""
    grouped: dict[tuple[str, str | None, Severity], list[Alert]] = defaultdict(list)
    for alert in episodes:
        grouped[alert.name, alert.service, alert.severity].append(alert)
    found = [
        Frequent(name, service, severity, len(alerts), sum((_within(a, window) for a in alerts), timedelta()))
        for (name, service, severity), alerts in grouped.items()
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
    found = re.fullmatch(r"(\d{1,4})([mhd])", value.lower())
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < length <= LONGEST_WINDOW:
        raise BadInputError(f"“{value}” is no window up to {LONGEST_WINDOW.days} days. Write: {USAGE}")
    return length
