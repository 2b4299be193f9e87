"""The files of a recording as they are written: schema 1. Unknown keys are kept, and of no consequence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

SCHEMA = 1

Name = Annotated[str, Field(min_length=1, max_length=500)]


class Row(BaseModel):
    """What stands in a file."""

    model_config = ConfigDict(extra="allow", frozen=True)


class WindowRow(Row):
    """From when to when was recorded."""

    start: AwareDatetime
    end: AwareDatetime


class OriginRow(Row):
    """Where a recording is from."""

    kind: Literal["captured", "imported", "drill"]
    source: str
    licence: str


class MessageRow(Row):
    """A message of the thread in which was asked."""

    time: AwareDatetime
    author: str
    text: str


class HeadRow(Row):
    """``recording.yaml``."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,199}$")]
    title: str
    asked_at: AwareDatetime
    window: WindowRow
    question: Annotated[str, Field(min_length=1)]
    services: tuple[Name, ...]
    origin: OriginRow
    severity: str | None = None
    environment: str | None = None
    conversation: tuple[MessageRow, ...] = ()


class AlertRow(Row):
    """An alert, by the names of Alertmanager's API v2."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: AwareDatetime  # noqa: N815 - Alertmanager's name
    endsAt: AwareDatetime | None = None  # noqa: N815 - Alertmanager's name
    status: Literal["firing", "resolved"]
    generatorURL: str | None = None  # noqa: N815 - Alertmanager's name


class LogRow(Row):
    """A line of ``logs.ndjson.gz``."""

    time: AwareDatetime
    service: str | None = None
    severity: str | None = None
    message: str
    attributes: dict[str, JsonValue] = {}


class SpanRow(Row):
    """A span; keys besides these are attributes of it, too."""

    trace_id: Name
    span_id: Name
    parent_id: str | None = None
    service: str
    name: str
    start: AwareDatetime
    duration_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    status: str | None = None
    error: str | None = None
    status_message: str | None = None
    attributes: dict[str, JsonValue] = {}


class CommitRow(Row):
    """A commit; ``diff`` is None where it was not recorded."""

    sha: Annotated[str, Field(pattern="^[0-9a-fA-F]{7,64}$")]
    author: str | None = None
    time: AwareDatetime
    message: str
    files: tuple[str, ...] = ()
    diff: str | None = None


class DeployRow(Row):
    """A deploy."""

    time: AwareDatetime
    service: Name
    sha: str | None = None
    version: str | None = None


class FlagRow(Row):
    """A feature flag that was turned."""

    time: AwareDatetime
    flag: Name
    service: str | None = None
    change: str
    actor: str | None = None


class ChangesRow(Row):
    """``changes.json``."""

    commits: tuple[CommitRow, ...] = ()
    deploys: tuple[DeployRow, ...] = ()
    flags: tuple[FlagRow, ...] = ()


class MetricRow(Row):
    """What one target says of a metric, as Prometheus' API answers it."""

    type: str
    help: str = ""
    unit: str = ""


class RuleRow(Row):
    """A rule, as Prometheus' API answers it."""

    name: str
    query: str
    type: Literal["alerting", "recording"]


class GroupRow(Row):
    """A group of rules."""

    rules: tuple[RuleRow, ...]


class RulesRow(Row):
    """``rules.json``."""

    groups: tuple[GroupRow, ...]
