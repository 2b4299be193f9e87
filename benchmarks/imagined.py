"""Incidents that were thought up, written as recordings: one line a metric, one a kind of log line, the diffs whole.

Run ``.venv/bin/python -m benchmarks.imagined FOLDER [NAME …]`` and then ``benchmarks.change_suspects FOLDER``. The
incidents stand in ``benchmarks/incidents/*.yaml``. Each of these files was written before the rules were run on it; how
many were right at that first run stands at its head. Mended by a file since, the rules prove nothing on it any more.

A metric is ``service name level [-> level @minute[+minutes of climb]]``; a log ``service SEVERITY xTIMES @from-to:
message``; a span ``service name milliseconds [!error]``, indented by its depth; a deploy ``minute service commit``; a
flag ``minute service flag change``. Minutes count from ``start``. Noise, ids and the commits of everyone else are drawn
with the incident's name as the seed, so the same recording comes out each time.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INCIDENTS = Path(__file__).with_name("incidents")
METRIC = re.compile(r"(\S+) (\S+) (\S+)(?: -> (\S+) @([\d.]+)(?:\+([\d.]+))?)?")
LOG = re.compile(r"(\S+) ([A-Z]+) x(\d+) @([\d.]+)-([\d.]+): (.*)", re.DOTALL)
SPAN = re.compile(r"(\s*)(\S+) (.+?) ([\d.]+)(?: !(.*))?")
NOISE = 0.06
AUTHORS = ("ana.costa", "bo.lindqvist", "chen.li", "dora.nagy", "emeka.obi", "farid.haidari", "greta.moen")
# What everyone else commits meanwhile: message, file, diff or none.
OTHERS: Sequence[tuple[str, str, str | None]] = (
    ("docs: explain how to run the tests", "docs/testing.md", None),
    ("chore: update editor settings", ".editorconfig", None),
    ("test: cover the empty cart", "tests/test_cart.py", None),
    ("ci: cancel runs that are out of date", ".github/workflows/ci.yml", None),
    ("style: sort imports", "libs/strings/case.py", None),
    ("fix: plural of 'person' in mails", "mailer/texts.py", '-    "persons"\n+    "people"'),
    (
        "feat: export contacts as vCard",
        "contacts/export.py",
        "+def to_vcard(contact):\n+    return VCARD.format(contact)",
    ),
    ("fix: trailing space in file names", "libs/files/names.go", "-\treturn name\n+\treturn strings.TrimSpace(name)"),
    ("chore: bump eslint", "package.json", '-    "eslint": "8.56.0",\n+    "eslint": "8.57.0",'),
    ("refactor: one helper for dates", "libs/dates/format.ts", None),
    ("feat: order of columns is remembered", "admin/table.vue", "+  localStorage.setItem(key, order)"),
    ("test: property test for slugs", "libs/slug/slug_test.go", None),
    ("docs: add the new team to OWNERS", "OWNERS", None),
    ("perf: avoid a copy in the CSV writer", "libs/csv/writer.go", "-\trow := append([]string{}, r...)\n+\trow := r"),
    ("chore: remove an unused helper", "libs/strings/pad.py", "-def pad(s, n):\n-    return s.ljust(n)"),
)


def main() -> None:
    """Write the incidents into a folder."""
    parser = argparse.ArgumentParser(description="Write imagined incidents as recordings.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="only these incidents, or these files of them")
    told = parser.parse_args()
    for path in sorted(INCIDENTS.glob("*.yaml")):
        for name, incident in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            if not told.names or name in told.names or path.stem in told.names:
                write(told.folder / name, name, incident)


def write(folder: Path, name: str, incident: dict[str, Any]) -> None:
    """One incident as a recording, its truth beside it."""
    drawn = random.Random(name)  # noqa: S311 -- noise, not a secret
    folder.mkdir(parents=True, exist_ok=True)
    asked = _at(incident, incident["minutes"])
    alert = incident["alert"]
    head = {
        "schema": 1,
        "id": name,
        "title": incident["title"],
        "asked_at": asked,
        "window": {"start": incident["start"], "end": asked},
        "question": f"What is going on with {alert['service']}? {incident['title']}",
        "services": incident["services"],
        "origin": {"kind": "drill", "source": "imagined", "licence": "Apache-2.0"},
    }
    _yaml(folder / "recording.yaml", head)
    _json(folder / "alerts.json", [_alert(incident)])
    _json(folder / "changes.json", _changes(name, incident, drawn))
    _json(folder / "traces.json", list(_spans(incident, drawn)))
    with gzip.open(folder / "metrics.om.gz", "wt") as file:
        file.write("\n".join([*_samples(incident, drawn), "# EOF", ""]))
    lines = sorted(_lines(incident, drawn), key=lambda line: line["time"])
    with gzip.open(folder / "logs.ndjson.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    for path, text in (incident.get("docs") or {}).items():
        place = folder / "docs" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    _yaml(folder / "truth.yaml", _truth(name, incident))


def _truth(name: str, incident: dict[str, Any]) -> dict[str, Any]:
    truth = incident["truth"]
    shas = {commit["key"]: _sha(name, commit["key"]) for commit in incident["commits"]}
    return {
        "schema": 1,
        "root_cause": {"kind": truth["kind"], "change": shas.get(truth["change"]), "service": truth["service"]},
        "remediation": {"action": truth["action"], "target": None},
        "acceptable_remediations": [{"action": action} for action in truth.get("also", ())],
        "harmful_remediations": [{"action": action} for action in truth.get("harmful", ())],
        "decoys": [sha for key, sha in shas.items() if key != truth["change"]],
    }


def _alert(incident: dict[str, Any]) -> dict[str, Any]:
    alert = incident["alert"]
    return {
        "labels": {
            "alertname": alert["name"],
            "service": alert["service"],
            "severity": alert.get("severity", "critical"),
        },
        "annotations": {"summary": incident["title"]},
        "startsAt": _at(incident, alert["at"]),
        "endsAt": None,
        "status": "firing",
        "generatorURL": "",
    }


def _changes(name: str, incident: dict[str, Any], drawn: random.Random) -> dict[str, Any]:
    told = [
        (commit["at"], _sha(name, commit["key"]), commit["message"], commit["files"], commit.get("diff"))
        for commit in incident["commits"]
    ]
    for message, file, diff in drawn.sample(OTHERS, drawn.randint(8, len(OTHERS))):
        body = None if diff is None else f"@@ {file} @@\n{diff}\n"
        told.append((round(drawn.uniform(1, incident["minutes"] - 1), 2), _sha(name, message), message, [file], body))
    commits = [
        {
            "sha": sha,
            "author": drawn.choice(AUTHORS),
            "time": _at(incident, at),
            "message": message,
            "files": files,
            "diff": diff,
        }
        for at, sha, message, files, diff in sorted(told, key=lambda one: one[0])
    ]
    deploys = [
        {"time": _at(incident, float(at)), "service": service, "sha": _sha(name, key), "version": f"v{number}"}
        for number, (at, service, key) in enumerate((d.split() for d in incident["deploys"]), start=214)
    ]
    flags = [
        {"time": _at(incident, float(at)), "flag": flag, "service": service, "change": change, "actor": AUTHORS[0]}
        for at, service, flag, change in (f.split() for f in incident.get("flags") or ())
    ]
    return {"commits": commits, "deploys": sorted(deploys, key=lambda deploy: deploy["time"]), "flags": flags}


def _samples(incident: dict[str, Any], drawn: random.Random) -> Iterator[str]:
    read = []
    for text in incident["metrics"]:
        found = METRIC.fullmatch(text)
        if found is None:
            raise ValueError(f"not a metric: {text}")
        read.append(found.groups())
    by_name: dict[str, list[tuple[Any, ...]]] = {}
    for metric in read:
        by_name.setdefault(metric[1], []).append(metric)
    start = datetime.fromisoformat(incident["start"]).timestamp()
    for name, metrics in sorted(by_name.items()):
        yield f"# TYPE {name} {'unknown' if name.endswith('_total') else 'gauge'}"
        for service, _, before, after, since, climb in metrics:
            noise = (
                0.0 if float(before).is_integer() and ("max" in name or "limit" in name or "total" in name) else NOISE
            )
            for minute in range(incident["minutes"] + 1):
                part = 0.0
                if since is not None and minute >= float(since):
                    part = 1.0 if not climb else min(1.0, (minute - float(since)) / float(climb))
                level = float(before) + part * (float(after or before) - float(before))
                value = level * (1 + drawn.uniform(-noise, noise))
                if name.endswith(("_ratio", "_status")):
                    value = min(value, 1.0)
                if name.endswith("_total"):
                    value = float(int(value))
                yield f'{name}{{service="{service}"}} {value:.6g} {start + 60 * minute:.0f}'


def _lines(incident: dict[str, Any], drawn: random.Random) -> Iterator[dict[str, Any]]:
    for text in incident["logs"]:
        found = LOG.fullmatch(text)
        if found is None:
            raise ValueError(f"not a log line: {text}")
        service, severity, times, since, until, message = found.groups()
        first, last = float(since), min(float(until), incident["minutes"] - 0.05)
        for number in range(int(times)):
            at = first if number == 0 else drawn.uniform(first, last)
            yield _line(incident, at, service, drawn, severity=severity, message=message)
    for service in incident["services"]:
        for minute in range(0, incident["minutes"], 3):
            yield _line(incident, minute + drawn.random(), service, drawn, message=incident["chatter"])
    for deploy in incident["deploys"]:
        at, service, _ = deploy.split()
        yield _line(incident, float(at) + 0.05, service, drawn, message=f"starting {service}")


def _line(
    incident: dict[str, Any], at: float, service: str, drawn: random.Random, *, message: str, severity: str = "INFO"
) -> dict[str, Any]:
    attributes = {"trace_id": f"{drawn.getrandbits(128):032x}"}
    told = {"service": service, "severity": severity, "message": message, "attributes": attributes}
    return {"time": _at(incident, at), **told}


def _spans(incident: dict[str, Any], drawn: random.Random) -> Iterator[dict[str, Any]]:
    for trace in incident["traces"]:
        trace_id, above = f"{drawn.getrandbits(128):032x}", list[str]()
        for text in trace["spans"]:
            found = SPAN.fullmatch(text)
            if found is None:
                raise ValueError(f"not a span: {text}")
            indent, service, name, duration, error = found.groups()
            del above[len(indent) :]
            span = {
                "trace_id": trace_id,
                "span_id": f"{drawn.getrandbits(64):016x}",
                "parent_id": above[-1] if above else None,
                "service": service,
                "name": name,
                "start": _at(incident, trace["at"] + len(indent) / 600),
                "duration_ms": float(duration),
                "status": "ERROR" if error else "OK",
            }
            above.append(str(span["span_id"]))
            yield {**span, "error": error} if error else span


def _sha(name: str, key: str) -> str:
    return hashlib.sha1(f"{name} {key}".encode()).hexdigest()  # noqa: S324 -- a name, not a seal


def _at(incident: dict[str, Any], minute: float) -> str:
    moment = datetime.fromisoformat(incident["start"]) + timedelta(seconds=round(60 * minute))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def _yaml(path: Path, value: object) -> None:
    path.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
