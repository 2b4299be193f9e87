"""A recording as records of ours: what was known at the moment of the question, and nothing of what came after.

Whatever a file holds beyond that moment is dropped here, before anybody could ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

from sre_bot.errors import BadInputError
from sre_bot.incident import (
    Alert,
    AlertState,
    Change,
    ChangeKind,
    LogLevel,
    LogLine,
    Span,
    TimeWindow,
    utc,
)
from sre_bot.investigation import Message, MissingSource
from sre_bot.recordings.reading import fault, json_line, json_of, json_rows, text_of, yaml_record
from sre_bot.recordings.wire import SCHEMA, AlertRow, ChangesRow, HeadRow, LogRow, MetricRow, RulesRow, SpanRow
from sre_bot.signals.series import MetricMetadata, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from sre_bot.recordings.wire import CommitRow, DeployRow, FlagRow

T = TypeVar("T")

REPOSITORY = "repository"
"""What the repository is called whose commits are in a recording."""
_METADATA = TypeAdapter(dict[str, tuple[MetricRow, ...]])
_SAME = "same"
"""A span with this trace id is of the same trace as the span before."""


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """Commits (oldest first), deploys and flags; ``diffs`` by sha, as far as they were recorded, ``messages`` all."""

    commits: tuple[Change, ...] = ()
    deploys: tuple[Change, ...] = ()
    flags: tuple[Change, ...] = ()
    diffs: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recording:
    """An incident as it was known at ``asked_at``; None where a recording has no such file.

    ``metrics`` is the file of samples (also later ones: `openmetrics.copy_until` leaves them out), ``documents`` the
    folder of documents, ``bundle`` the file with the repository.
    """

    folder: Path
    id: str
    title: str
    asked_at: datetime
    window: TimeWindow
    question: str
    services: tuple[str, ...]
    environment: str | None = None
    conversation: tuple[Message, ...] = ()
    metrics: Path | None = None
    metadata: Mapping[str, MetricMetadata] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    alerts: tuple[Alert, ...] | None = None
    logs: tuple[LogLine, ...] | None = None
    spans: tuple[Span, ...] | None = None
    changes: ChangeLog | None = None
    documents: Path | None = None
    bundle: Path | None = None

    def missing(self) -> tuple[MissingSource, ...]:
        """What is not in it, and what cannot be known therefore."""
        lacking = (
            ("metrics", self.metrics, "no metrics.om.gz: nothing is known of metrics"),
            ("alerts", self.alerts, "no alerts.json: nothing is known of alerts"),
            ("logs", self.logs, "no logs.ndjson.gz: nothing is known of what services logged"),
            ("traces", self.spans, "no traces.json: nothing is known of single requests"),
            ("changes", self.changes or self.bundle, "no changes.json: nothing is known of commits, deploys and flags"),
            ("documents", self.documents, "no docs: there are no runbooks"),
            ("code", self.bundle, "no repo.bundle: the code cannot be read"),
        )
        return tuple(MissingSource(name, f"the recording has {why}") for name, part, why in lacking if part is None)


def read(folder: Path) -> Recording:
    """The recording in a folder; its metrics are checked when they are copied. ``truth.yaml`` is never opened.

    Raises:
        BadInputError: a file cannot be read or does not hold what it should; names the file and, where one is to
            blame, the line.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: is not a folder with a recording")
    path = folder / "recording.yaml"
    if not path.exists():
        raise fault(path, None, "is missing; this is not a recording")
    head = yaml_record(path, HeadRow, SCHEMA)
    at = utc(head.asked_at)
    if head.window.end < head.window.start:
        raise fault(path, None, "its window ends before it starts")
    said = (Message(one.author, one.text, utc(one.time)) for one in head.conversation if one.time <= at)
    return Recording(
        folder=folder,
        id=head.id,
        title=head.title,
        asked_at=at,
        window=TimeWindow(utc(head.window.start), utc(head.window.end)),
        question=head.question,
        services=head.services,
        environment=head.environment,
        conversation=tuple(said),
        metrics=_present(folder / "metrics.om.gz"),
        metadata=_read(folder / "metadata.json", _metadata) or {},
        rules=_read(folder / "rules.json", _rules) or (),
        alerts=_read(folder / "alerts.json", lambda path: _alerts(path, at)),
        logs=_read(folder / "logs.ndjson.gz", lambda path: _logs(path, at)),
        spans=_read(folder / "traces.json", lambda path: _spans(path, at)),
        changes=_read(folder / "changes.json", lambda path: _changes(path, at)),
        documents=_present(folder / "docs"),
        bundle=_present(folder / "repo.bundle"),
    )


def _present(path: Path) -> Path | None:
    return path if path.exists() else None


def _read(path: Path, read: Callable[[Path], T]) -> T | None:
    """What a file says, or None where there is none."""
    return read(path) if path.exists() else None


def _metadata(path: Path) -> dict[str, MetricMetadata]:
    said = json_of(path, _METADATA)
    return {name: MetricMetadata(rows[0].type, rows[0].help, rows[0].unit) for name, rows in said.items() if rows}


def _rules(path: Path) -> tuple[Rule, ...]:
    said = json_of(path, TypeAdapter(RulesRow))
    return tuple(Rule(one.name, one.query, one.type == "alerting") for group in said.groups for one in group.rules)


def _alerts(path: Path, at: datetime) -> tuple[Alert, ...]:
    """Those that had begun, latest start first; one that ended later was firing."""
    rows = json_of(path, TypeAdapter(tuple[AlertRow, ...]))
    for number, row in enumerate(rows):
        if row.status == "resolved" and row.endsAt is None:
            raise fault(path, json_line(text_of(path), (number,)), f"{number}: is resolved but has no endsAt")
    begun = (_alert(row, at) for row in rows if row.startsAt <= at)
    return tuple(sorted(begun, key=lambda alert: alert.started_at, reverse=True))


def _alert(row: AlertRow, at: datetime) -> Alert:
    ended = utc(row.endsAt) if row.endsAt is not None and row.endsAt <= at else None
    return Alert(
        name=row.labels.get("alertname", "unnamed alert"),
        labels=row.labels,
        annotations=row.annotations,
        started_at=utc(row.startsAt),
        ended_at=ended,
        state=AlertState.FIRING if ended is None else AlertState.RESOLVED,
        generator_url=row.generatorURL or None,
    )


def _logs(path: Path, at: datetime) -> tuple[LogLine, ...]:
    """Lines, oldest first."""
    lines = [_log_line(row) for row in json_rows(path, LogRow) if row.time <= at]
    return tuple(sorted(lines, key=lambda line: line.time))


def _log_line(row: LogRow) -> LogLine:
    attributes = {key: str(value) for key, value in row.attributes.items()}
    return LogLine(utc(row.time), row.service, LogLevel.of(row.severity), row.message, attributes)


def _spans(path: Path, at: datetime) -> tuple[Span, ...]:
    """Spans that were over: a store does not know of others."""
    spans: list[Span] = []
    trace: str | None = None
    for number, row in enumerate(json_of(path, TypeAdapter(tuple[SpanRow, ...]))):
        trace = trace if row.trace_id == _SAME else row.trace_id
        if trace is None:
            raise fault(path, json_line(text_of(path), (number, "trace_id")), "there is no span before the first")
        try:
            span = _span(row, trace)
            over = span.end <= at
        except OverflowError:
            line = json_line(text_of(path), (number, "duration_ms"))
            raise fault(path, line, f"{number}.duration_ms: is too long") from None
        spans += [span] if over else []
    return tuple(spans)


def _span(row: SpanRow, trace_id: str) -> Span:
    attributes = {**row.attributes, **(row.model_extra or {})}
    return Span(
        trace_id=trace_id,
        span_id=row.span_id,
        parent_id=row.parent_id or None,
        service=row.service,
        name=row.name,
        start=utc(row.start),
        duration=timedelta(milliseconds=row.duration_ms),
        failed=(row.status or "").upper() == "ERROR",
        message=row.error or row.status_message or "",
        attributes={key: str(value) for key, value in attributes.items()},
    )


def _changes(path: Path, at: datetime) -> ChangeLog:
    rows = json_of(path, TypeAdapter(ChangesRow))
    known = {row.sha.lower() for row in rows.commits}
    for number, deploy in enumerate(rows.deploys):
        if deploy.sha is not None and deploy.sha.lower() not in known:
            line = json_line(text_of(path), ("deploys", number, "sha"))
            raise fault(path, line, f"the deploy's sha {deploy.sha!r} is not among the commits")
    commits = sorted((row for row in rows.commits if row.time <= at), key=lambda row: row.time)
    return ChangeLog(
        commits=tuple(map(_commit, commits)),
        deploys=_latest_first(_deploy(row) for row in rows.deploys if row.time <= at),
        flags=_latest_first(_flag(row) for row in rows.flags if row.time <= at),
        diffs={row.sha.lower(): row.diff for row in commits if row.diff is not None},
        messages={row.sha.lower(): row.message for row in commits},
    )


def _latest_first(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.time, reverse=True))


def _commit(row: CommitRow) -> Change:
    return Change(
        kind=ChangeKind.COMMIT,
        time=utc(row.time),
        title=next(iter(row.message.strip().splitlines()), ""),
        revision=row.sha.lower(),
        author=row.author,
        files=row.files,
        repository=REPOSITORY,
    )


def _deploy(row: DeployRow) -> Change:
    sha = row.sha.lower() if row.sha else None
    return Change(
        kind=ChangeKind.DEPLOY,
        time=utc(row.time),
        title=f"{row.service} {row.version or (sha or 'an unnamed version')[:40]}",
        revision=sha,
        service=row.service,
        version=row.version,
    )


def _flag(row: FlagRow) -> Change:
    return Change(
        kind=ChangeKind.FLAG,
        time=utc(row.time),
        title=f"{row.flag} {row.change}",
        service=row.service,
        author=row.actor,
    )
