"""A recording is read as it was known when the question was asked; what is wrong with one is told by file and line."""

from __future__ import annotations

import gzip
import io
import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from sre_bot import recordings
from sre_bot.errors import BadInputError
from sre_bot.incident import AlertState, ChangeKind, LogLevel
from sre_bot.recordings.openmetrics import copy_until
from sre_bot.signals.series import Rule
from tests.recordings import written
from tests.recordings.written import ALERTS, ASKED_AT, CHANGES, HEAD, METRICS, NEW, OLD, SPANS, at, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sre_bot.investigation import JsonObject, JsonValue


def copied(folder: Path) -> bytes:
    out = io.BytesIO()
    copy_until(folder / "metrics.om.gz", ASKED_AT, out)
    return out.getvalue()


def test_every_file_is_read(tmp_path: Path) -> None:
    recording = recordings.read(write(tmp_path))
    assert (recording.id, recording.asked_at, recording.question) == ("shop-checkout", ASKED_AT, HEAD["question"])
    assert [message.text for message in recording.conversation] == ["orders fail"]
    assert recording.alerts is not None
    assert [(alert.name, alert.state) for alert in recording.alerts] == [
        ("CheckoutErrors", AlertState.FIRING),
        ("DiskFull", AlertState.RESOLVED),
    ]
    assert recording.logs is not None
    assert recording.logs[-1].message == "no connection left"
    assert (recording.logs[-1].level, recording.logs[-1].attributes) == (LogLevel.ERROR, {"pod": "1"})
    assert recording.changes is not None
    assert [commit.revision for commit in recording.changes.commits] == [OLD, NEW]
    assert [deploy.title for deploy in recording.changes.deploys] == ["checkout v2", "checkout v1"]
    [flag] = recording.changes.flags
    assert (flag.kind, flag.title, flag.author) == (ChangeKind.FLAG, "new_rail off->on", "cy")
    assert recording.changes.diffs == {NEW: "-POOL = 20\n+POOL = 2"}
    assert [one.source for one in recording.missing()] == ["code"]


def test_a_span_of_the_same_trace_is_of_the_trace_before_it_and_keys_of_its_own_are_attributes(tmp_path: Path) -> None:
    recording = recordings.read(write(tmp_path))
    assert recording.spans is not None
    first, second = recording.spans
    assert (first.trace_id, second.trace_id, second.parent_id) == ("t1", "t1", "a")
    assert (first.failed, first.message, first.attributes) == (True, "no connection left", {"db.pool": "2"})


def test_what_a_recording_does_not_have_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    for name in written.FILES[1:]:
        (tmp_path / name).unlink()
    missing = recordings.read(tmp_path).missing()
    assert [one.source for one in missing] == ["metrics", "alerts", "logs", "traces", "changes", "code"]
    assert missing[0].why == "the recording has no metrics.om.gz: nothing is known of metrics"


def test_keys_that_are_not_known_are_of_no_consequence(tmp_path: Path) -> None:
    write(tmp_path / "as-ever")
    plain = recordings.read(tmp_path / "as-ever")
    more = write(
        tmp_path / "more",
        head=HEAD | {"weather": "rain"},
        changes=CHANGES | {"rollbacks": [1]},
        alerts=[{**cast("JsonObject", alert), "fingerprint": "f"} for alert in ALERTS],
    )
    (more / "calls.jsonl").write_text("not read")
    (more / "log_patterns.json").write_text("not read either")
    read = recordings.read(more)
    assert (read.alerts, read.changes, read.question) == (plain.alerts, plain.changes, plain.question)


def test_metadata_is_told_only_of_metrics_that_have_samples(tmp_path: Path) -> None:
    write(tmp_path)
    said = {
        "http_requests": [{"type": "counter", "help": "answers", "unit": ""}],
        "later": [{"type": "gauge"}],
        "x": [],
    }
    (tmp_path / "metadata.json").write_text(json.dumps(said))
    recording = recordings.read(tmp_path)
    known = copy_until(tmp_path / "metrics.om.gz", ASKED_AT, io.BytesIO()).metadata(recording.metadata)
    assert {name: (one.kind, one.help) for name, one in known.items()} == {
        "http_requests": ("counter", "answers"),
        "http_requests_total": ("counter", ""),
    }


def test_what_the_samples_file_says_of_its_metrics_counts_where_nothing_else_does(tmp_path: Path) -> None:
    about = ["# HELP up whether", "# TYPE up gauge", "# UNIT up ratio", "# TYPE gone counter", "# HELP bare"]
    write(tmp_path, metrics=[*about, "up 1 1795359600", "bare 1 1795359600", "# EOF"])
    known = copy_until(tmp_path / "metrics.om.gz", ASKED_AT, io.BytesIO()).metadata({})
    assert (known["up"].kind, known["up"].help, known["up"].unit) == ("gauge", "whether", "ratio")
    assert known["bare"].kind == "unknown"
    assert known.keys() == {"up", "bare"}


def test_rules_are_read_without_what_they_did(tmp_path: Path) -> None:
    rule: JsonObject = {
        "name": "Down",
        "query": "up == 0",
        "type": "alerting",
        "state": "firing",
        "alerts": [{"activeAt": "…"}],
    }
    write(tmp_path)
    written.dump(tmp_path / "rules.json", {"groups": [{"name": "g", "rules": [rule]}]})
    assert recordings.read(tmp_path).rules == (Rule("Down", "up == 0", alerts=True),)


def test_samples_of_after_the_question_stay_behind_and_are_no_mistake(tmp_path: Path) -> None:
    before = copied(write(tmp_path / "before"))
    later = [*written.metrics(range(400)), *written.metrics(range(121, 400), "new_total")]
    after = copied(write(tmp_path / "after", metrics=[METRICS[0], *later, "# EOF"]))
    assert after == before


@pytest.mark.parametrize(
    "line",
    [
        'm{a="b",c="with \\"quotes\\", a } and # that"} 1 1795359600',
        'm_bucket{le="1"} 5 1795359600 # {trace_id="x"} 0.5 1795359600',
        "m{} NaN 1795359599.250",
        "m +Inf 1795359600",
        "m -1e-3 1.7953596e9",
    ],
)
def test_forms_of_a_sample(tmp_path: Path, line: str) -> None:
    assert copied(write(tmp_path, metrics=[line, "# EOF"])).startswith(line.partition(" # {trace")[0].encode() + b"\n")


def change(files: JsonObject, kind: str, number: int, **keys: JsonValue) -> JsonObject:
    """The changes with other keys in one of the rows."""
    rows = [dict(cast("JsonObject", row)) for row in written.rows(files[kind])]
    rows[number] |= keys
    return {**files, kind: cast("list[JsonValue]", rows)}


def in_head(**keys: JsonValue) -> Callable[[Path], object]:
    return lambda folder: write(folder, head={**HEAD, **keys})


def without(*keys: str) -> Callable[[Path], object]:
    return lambda folder: write(folder, head={key: value for key, value in HEAD.items() if key not in keys})


def raw(name: str, content: bytes | str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def samples(*lines: str) -> Callable[[Path], object]:
    return lambda folder: write(folder, metrics=[*METRICS[:3], *lines])


def log(*lines: str) -> Callable[[Path], object]:
    good = json.dumps(written.LOGS[0])
    return raw("logs.ndjson.gz", gzip.compress("\n".join([good, *lines, ""]).encode()))


def cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-30])


def as_pipe(name: str) -> Callable[[Path], object]:
    def replace(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return replace


def as_folder(name: str) -> Callable[[Path], object]:
    def replace(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return replace


UP = 'up{service="a"}'
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no recording.yaml": (lambda folder: (folder / "recording.yaml").unlink(), "recording.yaml: is missing; this is"),
    "bad YAML": (raw("recording.yaml", "schema: 1\nid: [a\ntitle: x\n"), "recording.yaml:3: is not "),
    "a tab in YAML": (raw("recording.yaml", "schema: 1\n\tid: a\n"), "recording.yaml:2: is not "),
    "an impossible date": (raw("recording.yaml", "schema: 1\nasked_at: 2026-02-31\n"), "recording.yaml: "),
    "no mapping": (raw("recording.yaml", "- schema: 1\n"), "recording.yaml:1: is not a mapping"),
    "not UTF-8": (raw("recording.yaml", b"schema: 1\nid: \xff\n"), "recording.yaml:2: is not UTF-8"),
    "an unknown schema": (in_head(schema=2), "recording.yaml:1: its schema is 2; this version reads schema 1"),
    "no schema": (without("schema"), "recording.yaml:1: it names no schema; this version reads schema 1"),
    "missing asked_at": (without("asked_at"), "recording.yaml:1: asked_at: is missing; set it"),
    "asked_at without a zone": (in_head(asked_at="2026-11-22T15:00:00"), "recording.yaml:4: asked_at: "),
    "a window the wrong way round": (
        in_head(window={"start": at(hours=1), "end": at(hours=2)}),
        "recording.yaml: its window ends before it starts",
    ),
    "an id that is no slug": (in_head(id="../etc"), "recording.yaml:2: id: "),
    "an unknown origin": (
        in_head(origin={"kind": "dreamt", "source": "s", "licence": "l"}),
        "recording.yaml:13: origin.kind: ",
    ),
    "an odd message": (in_head(conversation=["hello"]), "recording.yaml:17: conversation.0: must hold keys of its own"),
    "alerts that are no JSON": (raw("alerts.json", '[\n{"labels": \n]'), "alerts.json:3: is not JSON: "),
    "alerts nested without end": (raw("alerts.json", "[" * 200_000), "alerts.json: is nested too deeply"),
    "alerts that are a pipe": (
        as_pipe("alerts.json"),
        "alerts.json: is no regular file",
    ),
    "a number without end": (raw("alerts.json", f"[{'1' * 5_000}]"), "alerts.json: cannot be read as JSON: "),
    "YAML nested without end": (raw("recording.yaml", "[" * 100_000), "recording.yaml: is nested too deeply"),
    "YAML that grows without end": (
        raw("recording.yaml", "schema: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"k{n}: &{'abcdefghij'[n]} [{', '.join([f'*{chr(96 + n)}'] * 9)}]\n" for n in range(1, 10)
        ).replace("schema", "s") + "id: *j\nschema: 1\n"),
        "recording.yaml:11: id: must be text",
    ),
    "alerts that are an object": (raw("alerts.json", "{}"), "alerts.json:1: "),
    "an alert without startsAt": (
        raw("alerts.json", '[{"labels": {},\n "startsAt": "2026-11-22T14:00:00Z", "status": "firing"},\n'
            '{"labels": {}, "status": "firing"}]'),
        "alerts.json:3: 1.startsAt: ",
    ),
    "a resolved alert without an end": (
        lambda folder: write(folder, alerts=[{**cast("JsonObject", ALERTS[1]), "endsAt": None}]),
        "alerts.json:2: 0: is resolved but has no endsAt",
    ),
    "a deploy's sha not in changes": (
        lambda folder: write(folder, changes=change(CHANGES, "deploys", 1, sha="c" * 40)),
        f"changes.json:34: the deploy's sha '{'c' * 40}' is not among the commits",
    ),
    "a sha that is none": (
        lambda folder: write(folder, changes=change(CHANGES, "commits", 1, sha="v1.2")),
        "changes.json:14: commits.1.sha: ",
    ),
    "a time that is none": (
        lambda folder: write(folder, changes=change(CHANGES, "flags", 0, time="noon")),
        "changes.json:40: flags.0.time: ",
    ),
    "a first span of the same trace": (
        lambda folder: write(folder, spans=[SPANS[1]]),
        "traces.json:3: there is no span before the first",
    ),
    "a span of a thousand years": (
        lambda folder: write(folder, spans=[written.span(at(minutes=1), 1e300)]),
        "traces.json:9: 0.duration_ms: is too long",
    ),
    "a negative duration": (
        lambda folder: write(folder, spans=[written.span(at(minutes=1), -1)]),
        "traces.json:9: 0.duration_ms: ",
    ),
    "rules of another form": (raw("rules.json", '{"groups":\n[{"rules": [{}]}]}'), "rules.json:2: groups.0.rules"),
    "metadata of another form": (raw("metadata.json", '{\n"up": [{"help": ""}]}'), "metadata.json:2: up.0.type: "),
    "a bad line in logs": (log("", '{"time": "2026-11-22T14:00:00Z", "message": '), "logs.ndjson.gz:3: "),
    "a log line without a message": (log('{"time": "2026-11-22T14:00:00Z"}'), "logs.ndjson.gz:2: message: "),
    "logs cut short": (cut("logs.ndjson.gz"), "ends too early: the gzip file is truncated"),
    "logs that are not packed": (raw("logs.ndjson.gz", "{}"), "logs.ndjson.gz:1: is no sound gzip file"),
    "logs that are a folder": (
        as_folder("logs.ndjson.gz"),
        "logs.ndjson.gz: is no regular file",
    ),
    "traces that are a folder": (
        as_folder("traces.json"),
        "traces.json: is no regular file",
    ),
    "samples cut short": (cut("metrics.om.gz"), "ends too early: the gzip file is truncated"),
    "samples out of order": (
        samples(f"{UP} 1 1795359600", f"{UP} 1 1795359540", "# EOF"),
        f"metrics.om.gz:5: a sample of {UP} is out of order",
    ),
    "two samples at one moment": (
        samples(f"{UP} 1 1795359600", f"{UP} 2 1795359600", "# EOF"),
        f"metrics.om.gz:5: a sample of {UP} is twice at one moment",
    ),
    "no # EOF": (samples(f"{UP} 1 1795359600"), "metrics.om.gz:4: the file ends here, without # EOF"),
    "an empty file": (lambda folder: write(folder, metrics=[]), "metrics.om.gz:1: "),
    "something after # EOF": (samples("# EOF", "up 1 1795359600"), "metrics.om.gz:5: there is something after # EOF"),
    "a sample without a time": (samples(f"{UP} 1", "# EOF"), "metrics.om.gz:4: is not `name{labels} value timestamp`"),
    "half a label": (samples('up{a="b} 1 1795359600', "# EOF"), "metrics.om.gz:4: is not `name{labels} value "),
    "words for a value": (samples(f"{UP} much 1795359600", "# EOF"), "metrics.om.gz:4: 'much' is no value"),
    "words for a value, later": (
        samples(f"{UP} 1 1795359600", f"{UP} much 1795359660", "# EOF"),
        "metrics.om.gz:5: 'much' is no value",
    ),
    "a value that only Python reads": (samples(f"{UP} 1_0 1795359600", "# EOF"), "metrics.om.gz:4: '1_0' is no value"),
    "a label that is not UTF-8": (
        raw("metrics.om.gz", gzip.compress(b'up{a="\xff"} 1 1795359600\n# EOF\n')),
        "metrics.om.gz:1: is not UTF-8",
    ),
    "words for a time": (samples(f"{UP} 1 soon", "# EOF"), "metrics.om.gz:4: 'soon' is no timestamp"),
    "milliseconds": (samples(f"{UP} 1 1795359600000", "# EOF"), "metrics.om.gz:4: 1795359600000 is no timestamp in s"),
    "a remark of another kind": (samples("# COMMENT", "# EOF"), "metrics.om.gz:4: is no remark of OpenMetrics"),
    "an empty line": (samples("", "# EOF"), "metrics.om.gz:4: is not `name{labels} value timestamp`"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_told_with_its_file_and_line(tmp_path: Path, case: str) -> None:
    break_it, told = BROKEN[case]
    break_it(write(tmp_path))
    with pytest.raises(BadInputError) as caught:
        copied(recordings.read(tmp_path).folder)
    message = str(caught.value)
    assert told in message
    assert message.startswith(str(tmp_path))
    assert "\n" not in message
    assert len(message) < 1_000


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nowhere: is not a folder with a recording"):
        recordings.read(tmp_path / "nowhere")


def test_a_file_that_is_endless_is_not_read_to_its_end(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "alerts.json").write_bytes(b" " * (65 * 1024**2))
    with pytest.raises(BadInputError, match=r"alerts\.json: is longer than 64 MiB"):
        recordings.read(tmp_path)
    written.dump(tmp_path / "alerts.json", ALERTS)
    (tmp_path / "logs.ndjson.gz").write_bytes(gzip.compress(b"x" * (5 * 1024**2)))
    with pytest.raises(BadInputError, match=r"logs\.ndjson\.gz:1: is too long"):
        recordings.read(tmp_path)


def test_deploys_need_not_tell_what_they_brought(tmp_path: Path) -> None:
    changes = change(change(CHANGES, "deploys", 0, sha=None, version=None), "deploys", 1, version=None)
    recording = recordings.read(write(tmp_path, changes=changes))
    assert recording.changes is not None
    assert [(deploy.title, deploy.revision) for deploy in recording.changes.deploys] == [
        (f"checkout {NEW}", NEW),
        ("checkout an unnamed version", None),
    ]
    assert recording.changes.deploys[0].time - recording.changes.deploys[1].time == timedelta(minutes=105)
