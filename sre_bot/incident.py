"""The vocabulary of incidents: what fired, what changed, and when."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(enum.StrEnum):
    """How bad an alert says it is, worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, label: str | None) -> Severity:
        """Read the ``severity`` label in the spellings in use (page, error, high, P1 …)."""
        return _SEVERITIES.get((label or "").strip().lower(), cls.UNKNOWN)


_SEVERITIES = {
    **dict.fromkeys(("critical", "crit", "page", "emergency", "fatal", "p0", "p1", "sev0", "sev1"), Severity.CRITICAL),
    **dict.fromkeys(("warning", "warn", "error", "high", "major", "p2", "sev2", "ticket"), Severity.WARNING),
    **dict.fromkeys(("info", "low", "minor", "none", "notice", "p3", "p4", "sev3"), Severity.INFO),
}


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A span of time; both ends are aware, UTC and included."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a time window needs times with a zone")
        if self.end < self.start:
            raise ValueError(f"a time window cannot end ({self.end}) before it starts ({self.start})")

    @classmethod
    def before(cls, end: datetime, length: timedelta) -> TimeWindow:
        """The window of ``length`` that ends at ``end``."""
        return cls(end - length, end)

    @property
    def duration(self) -> timedelta:
        """Length of the window."""
        return self.end - self.start

    def contains(self, moment: datetime) -> bool:
        """Whether ``moment`` lies inside, ends included."""
        return self.start <= moment <= self.end


class AlertState(enum.StrEnum):
    """What an alert is doing at the moment asked about."""

    FIRING = "firing"
    PENDING = "pending"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    RESOLVED = "resolved"


SERVICE_LABELS = ("service", "service_name", "app", "app_kubernetes_io_name", "job")
"""Labels that name a service, most telling first."""


def service_of(labels: Mapping[str, str]) -> str | None:
    """The service a label set belongs to, or None."""
    return next((labels[name] for name in SERVICE_LABELS if labels.get(name)), None)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; ``ended_at`` is None while it fires."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    started_at: datetime
    ended_at: datetime | None = None
    state: AlertState = AlertState.FIRING
    generator_url: str | None = None

    @property
    def service(self) -> str | None:
        """The service it is about, from its labels."""
        return service_of(self.labels)

    @property
    def severity(self) -> Severity:
        """Its severity, from its labels."""
        return Severity.of(self.labels.get("severity"))

    @property
    def summary(self) -> str:
        """The sentence its author wrote for humans, or its name."""
        return self.annotations.get("summary") or self.annotations.get("description") or self.name


class ChangeKind(enum.StrEnum):
    """What sort of change it was."""

    COMMIT = "commit"
    TAG = "tag"
    DEPLOY = "deploy"


@dataclass(frozen=True, slots=True)
class Change:
    """Something somebody changed.

    ``revision`` is the full commit sha the change is, or carries; ``service`` is what was deployed or, for a
    commit, None (its files tell). ``repository`` is the configured name of the repository that knows ``revision``.
    """

    kind: ChangeKind
    time: datetime
    title: str
    revision: str | None = None
    service: str | None = None
    author: str | None = None
    files: tuple[str, ...] = ()
    repository: str | None = None
    version: str | None = None
    url: str | None = None
    carries: tuple[str, ...] = field(default=())
    """For a deploy: the shas of commits since the same service's deploy before, newest first, as far as known."""


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; a naive time is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its catalogue describes it; every field but the name may be unknown."""

    name: str
    owner: str | None = None
    on_call: str | None = None
    repository: str | None = None
    environment: str | None = None
    dashboards: tuple[str, ...] = ()
    runbooks: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    def overlaid(self, other: Service) -> Service:
        """This one, with everything that ``other`` knows better."""
        known = {field.name: value for field in fields(other) if (value := getattr(other, field.name))}
        return replace(self, **known)
