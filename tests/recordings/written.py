"""A recording of a shop, written by a test: as it was at 15:00, with whatever is to be different."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sre_bot.investigation import JsonObject, JsonValue

ASKED_AT = datetime(2026, 11, 22, 15, tzinfo=UTC)
OLD, NEW = "a" * 40, "b" * 40


def at(**ago: float) -> str:
    """So long before the question, as files tell it."""
    return stamp(ASKED_AT - timedelta(**ago))


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


HEAD: JsonObject = {
    "schema": 1,
    "id": "shop-checkout",
    "title": "checkout fails",
    "asked_at": stamp(ASKED_AT),
    "window": {"start": at(hours=2), "end": stamp(ASKED_AT)},
    "question": "what is wrong with checkout?",
    "services": ["checkout", "payments"],
    "origin": {"kind": "drill", "source": "shop", "licence": "Apache-2.0"},
    "conversation": [{"time": at(minutes=1), "author": "ana", "text": "orders fail"}],
}
ALERTS: list[JsonValue] = [
    {
        "labels": {"alertname": "CheckoutErrors", "service": "checkout", "severity": "critical"},
        "annotations": {"summary": "checkout fails"},
        "startsAt": at(minutes=10),
        "endsAt": None,
        "status": "firing",
        "generatorURL": "",
    },
    {
        "labels": {"alertname": "DiskFull", "service": "payments", "severity": "warning"},
        "annotations": {},
        "startsAt": at(hours=2),
        "endsAt": at(minutes=90),
        "status": "resolved",
        "generatorURL": "",
    },
]
CHANGES: JsonObject = {
    "commits": [
        {"sha": OLD, "author": "ana", "time": at(hours=3), "message": "a base", "files": ["a.py"], "diff": None},
        {"sha": NEW, "author": "bo", "time": at(minutes=20), "message": "pool of 2\n\nsaves memory",
         "files": ["checkout/pool.py"], "diff": "-POOL = 20\n+POOL = 2"},
    ],
    "deploys": [
        {"time": at(hours=2), "service": "checkout", "sha": OLD, "version": "v1"},
        {"time": at(minutes=15), "service": "checkout", "sha": NEW, "version": "v2"},
    ],
    "flags": [{"time": at(minutes=30), "flag": "new_rail", "service": "checkout", "change": "off->on", "actor": "cy"}],
}  # fmt: skip


def log_line(time: str, message: str, severity: str = "ERROR") -> JsonObject:
    return {"time": time, "service": "checkout", "severity": severity, "message": message, "attributes": {"pod": 1}}


def span(time: str, ms: float, span_id: str = "a", parent: str | None = None, trace: str = "t1") -> JsonObject:
    return {
        "trace_id": trace, "span_id": span_id, "parent_id": parent, "service": "checkout", "name": f"step {span_id}",
        "start": time, "duration_ms": ms, "status": "ERROR", "error": "no connection left", "db.pool": 2,
    }  # fmt: skip


LOGS: list[JsonObject] = [log_line(at(minutes=70 - n), "order placed", "INFO") for n in range(60)] + [
    log_line(at(minutes=9), "no connection left")
]
SPANS: list[JsonValue] = [span(at(minutes=9), 5_000), span(at(minutes=9), 4_900, "b", "a", "same")]


def metrics(minutes: Iterable[int], name: str = "http_requests_total", bad_from: int = 110) -> list[str]:
    """Samples of so many minutes after two hours before the question, errors among them in the end."""
    start = int((ASKED_AT - timedelta(hours=2)).timestamp())
    lines = []
    for code in (200, 500):
        labels = f'{name}{{service="checkout",code="{code}"}}'
        slope = 600 if code == 200 else 60
        lines += [f"{labels} {slope * max(0, n - (bad_from if code == 500 else 0))} {start + 60 * n}" for n in minutes]
    return lines


METRICS = ["# TYPE http_requests counter", *metrics(range(121)), "# EOF"]
FILES = ("recording.yaml", "metrics.om.gz", "alerts.json", "changes.json", "logs.ndjson.gz", "traces.json")


def write(
    folder: Path,
    *,
    head: JsonObject | None = None,
    metrics: list[str] | None = None,
    alerts: list[JsonValue] | None = None,
    changes: JsonObject | None = None,
    logs: list[JsonObject] | None = None,
    spans: list[JsonValue] | None = None,
) -> Path:
    """Write a whole recording, of the usual files those that are not given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recording.yaml").write_text(yaml.safe_dump(HEAD if head is None else head, sort_keys=False))
    pack(folder / "metrics.om.gz", "\n".join(METRICS if metrics is None else metrics) + "\n")
    dump(folder / "alerts.json", ALERTS if alerts is None else alerts)
    dump(folder / "changes.json", CHANGES if changes is None else changes)
    pack(folder / "logs.ndjson.gz", "".join(json.dumps(one) + "\n" for one in (LOGS if logs is None else logs)))
    dump(folder / "traces.json", SPANS if spans is None else spans)
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "checkout.md").write_text("# Checkout\n\nWhen there is no connection left, look at the pool.\n")
    return folder


def pack(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def dump(path: Path, value: JsonValue) -> None:
    path.write_text(json.dumps(value, indent=1))


def rows(value: JsonValue) -> list[JsonValue]:
    """A list in what a file holds."""
    return cast("list[JsonValue]", value)


def row(value: JsonValue) -> JsonObject:
    """An object in what a file holds."""
    return cast("JsonObject", value)
