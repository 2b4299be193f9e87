"""Logs and traces of recorded incidents, as sources in memory; tests that need them skip where they are absent."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from sre_bot.incident import LogLevel, LogLine, Span, utc
from tests.fakes import FakeLogs, FakeTraces

RECORDINGS = Path(__file__).parents[1] / "../shared/recordings"
_TOLD = {"trace_id", "span_id", "parent_id", "service", "name", "start", "duration_ms", "status", "error", "attributes"}


def asked_at(recording: str) -> datetime:
    """The moment the question was asked."""
    text = (RECORDINGS / recording / "recording.yaml").read_text()
    return utc(datetime.fromisoformat(str(yaml.safe_load(text)["asked_at"])))


def logs(recording: str) -> FakeLogs:
    """Its ``logs.ndjson.gz``."""
    with gzip.open(RECORDINGS / recording / "logs.ndjson.gz", "rt") as file:
        rows = [json.loads(row) for row in file]
    return FakeLogs(
        written=[
            LogLine(
                utc(datetime.fromisoformat(row["time"])),
                row["service"],
                LogLevel.of(row["severity"]),
                row["message"],
                {key: str(value) for key, value in row["attributes"].items()},
            )
            for row in rows
        ]
    )


def traces(recording: str) -> FakeTraces:
    """Its ``traces.json``; a trace id of ``same`` means that of the span before."""
    spans: list[Span] = []
    for row in json.loads((RECORDINGS / recording / "traces.json").read_text()):
        more = {**row.get("attributes", {}), **{key: row[key] for key in row.keys() - _TOLD}}
        spans.append(
            Span(
                spans[-1].trace_id if row["trace_id"] == "same" else row["trace_id"],
                row["span_id"],
                row["parent_id"],
                row["service"],
                row["name"],
                utc(datetime.fromisoformat(row["start"])),
                timedelta(milliseconds=row["duration_ms"]),
                row["status"] == "ERROR",
                row.get("error", ""),
                {key: str(value) for key, value in more.items()},
            )
        )
    return FakeTraces(kept=spans)
