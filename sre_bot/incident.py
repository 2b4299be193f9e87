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


SERVICE_LABELS = (
    "service",
    "service_name",
    "app",
    "app_kubernetes_io_name",
    "application",
    "deployment",
    "workload",
    "job",
    "container",
)
"""Labels that name a service, most telling first."""

ENVIRONMENT_LABELS = ("environment", "env", "deployment_environment", "deployment_environment_name", "stage")
"""Labels that name an environment, most telling first."""


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
    def environment(self) -> str | None:
        """The environment that its labels name."""
        return next((self.labels[name] for name in ENVIRONMENT_LABELS if self.labels.get(name)), None)

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
    FLAG = "flag"


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


class LogLevel(enum.StrEnum):
    """How bad a log line says it is, worst first."""

    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"
    INFO = "info"
    DEBUG = "debug"

    @classmethod
    def of(cls, word: str | None) -> LogLevel:
        """Read a level in the spellings in use (ERR, Warning, CRITICAL, notice …)."""
        return _LEVELS.get((word or "").strip().lower(), cls.UNKNOWN)

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return tuple(LogLevel).index(self)


_LEVELS = {
    **dict.fromkeys(("fatal", "critical", "crit", "panic", "emergency", "emerg", "alert"), LogLevel.FATAL),
    **dict.fromkeys(("error", "err", "severe", "e"), LogLevel.ERROR),
    **dict.fromkeys(("warning", "warn", "w"), LogLevel.WARNING),
    **dict.fromkeys(("info", "information", "informational", "notice", "i"), LogLevel.INFO),
    **dict.fromkeys(("debug", "trace", "verbose", "fine", "d"), LogLevel.DEBUG),
}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a service wrote; ``attributes`` are its fields and labels besides those told here."""

    time: datetime
    service: str | None
    level: LogLevel
    message: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines are meant: of a service, containing a text (in any case), at least so bad; None = any.

    A line that does not tell its level passes any ``at_least``.
    """

    service: str | None = None
    contains: str | None = None
    at_least: LogLevel | None = None

    def lets_pass(self, line: LogLine) -> bool:
        """Whether the line is meant."""
        return (
            (self.service is None or line.service == self.service)
            and (self.contains is None or self.contains.casefold() in line.message.casefold())
            and (self.at_least is None or line.level.rank <= self.at_least.rank or line.level is LogLevel.UNKNOWN)
        )


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """Lines in the asked order of time; ``truncated`` when there are more, ``total`` of them if that is known."""

    lines: tuple[LogLine, ...]
    truncated: bool = False
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a trace; ``message`` is what it says of its failure, ``parent_id`` None for the root."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    start: datetime
    duration: timedelta
    failed: bool = False
    message: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        """When it was over."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class TraceHead:
    """A trace as a search finds it: its root's service and name (the route), when it began and how long it took."""

    trace_id: str
    service: str
    name: str
    start: datetime
    duration: timedelta
