"""``replay``: a recorded incident, investigated as of then; nothing live is asked, and the truth stays closed."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
from typing import TYPE_CHECKING, Any, cast

import pytest

from sre_bot.cli import main
from sre_bot.replay import replay
from sre_bot.settings import Settings
from tests.messages_api import MessagesApi, Reply, json_reply, text, tool_use
from tests.recordings import RECORDED
from tests.recordings.written import HEAD, METRICS, NEW, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sre_bot.investigation import JsonObject

ERRORS = 'http_requests_total{code="500"}'
SAID, BLAMED = "http_requests_total rose.", "The commit sets POOL to 2."
KEYS = {
    "id", "question", "asked_at", "model", "prompt", "root_cause", "change_suspects", "remediation", "report",
    "evidence", "unverified", "missing_sources", "usage", "seconds",
}  # fmt: skip
LIVE = ("PROMETHEUS_URL", "ALERTMANAGER_URL", "LOKI_URL", "TEMPO_URL")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder without a configuration, an environment without ours, and the program's loggers put back."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SRE_BOT_", "SLACK_", "ANTHROPIC_")) or name in LIVE]:
        monkeypatch.delenv(name)
    root, ours = logging.getLogger(), logging.getLogger("sre_bot")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording without metrics, which needs no Prometheus."""
    write(tmp_path / "recording")
    (tmp_path / "recording" / "metrics.om.gz").unlink()
    return tmp_path / "recording"


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """The JSON document that is printed, and nothing else."""
    assert main(["replay", *words, "--json"]) == 0
    return cast("dict[str, Any]", json.loads(capsys.readouterr().out))


def test_the_answer_is_that_of_ask_with_the_recordings_name_and_moment(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = answered(capsys, str(folder), "--model", "first-look")
    assert answer.keys() == KEYS
    assert (answer["id"], answer["model"], answer["prompt"]) == ("shop-checkout", "first-look", None)
    assert (answer["question"], answer["asked_at"]) == (HEAD["question"], "2026-11-22T15:00:00Z")
    assert answer["missing_sources"] == ["metrics", "code"]
    assert answer["seconds"].keys() == {"ready", "first_look", "total"}
    assert 0 < answer["seconds"]["ready"] < answer["seconds"]["total"]
    assert answer["report"]["note"] is None
    fired = next(one for one in answer["evidence"] if one["tool"] == "list_alerts")
    assert "CheckoutErrors" in fired["summary"]


def test_another_question_may_be_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = answered(capsys, str(folder), "--question", "and payments?", "--model", "first-look")
    assert answer["question"] == "and payments?"


def test_an_empty_question_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(folder), "--question", " "]) == 2
    assert "the question is empty" in capsys.readouterr().err


def test_for_people_the_answer_is_text_and_what_is_missing_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(folder)]) == 0
    said = capsys.readouterr()
    assert "What is going on?" in said.out
    assert "as of 2026-11-22 15:00:00 UTC" in said.out
    assert "No model is configured" in said.out
    assert "metrics: the recording has no metrics.om.gz" in " ".join(said.out.split())
    assert re.search(r"^shop-checkout is ready after \d+\.\d s$", said.err, re.MULTILINE)
    assert "code: the recording has no repo.bundle" in said.err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("recording.yaml", "schema: 7\n", "recording.yaml:1: its schema is 7"),
        (
            "changes.json",
            '{"deploys": [\n{"time": "2026-11-22T14:00:00Z", "service": "s", "sha": "c"}]}',
            "json:2: ",
        ),
    ],
)
def test_a_broken_recording_is_bad_input_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, told: str
) -> None:
    (folder / name).write_text(content)
    assert main(["replay", str(folder)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.startswith("sre-bot: ")
    assert told in line


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
def test_broken_samples_are_bad_input_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "recording", metrics=METRICS[:-1])
    assert main(["replay", str(tmp_path / "recording")]) == 2
    assert f"metrics.om.gz:{len(METRICS) - 1}: the file ends here, without # EOF" in capsys.readouterr().err


def test_the_truth_is_never_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever opened it would fail: it is a folder."""
    expected = answered(capsys, str(folder))
    (folder / "truth.yaml").mkdir()
    answer = answered(capsys, str(folder))
    for one in (expected, answer):
        del one["seconds"]
    assert answer == expected


def test_what_is_missing_is_not_asked_of_live_systems(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as live:
        for name in LIVE:
            monkeypatch.setenv(name, f"http://127.0.0.1:{live.getsockname()[1]}")
        for name in ("alerts.json", "logs.ndjson.gz", "traces.json"):
            (folder / name).unlink()
        answer = answered(capsys, str(folder))
        live.settimeout(0)
        with pytest.raises(BlockingIOError):
            live.accept()
    assert answer["missing_sources"] == ["metrics", "alerts", "logs", "traces", "code"]


def investigating(request: JsonObject) -> Reply:
    """A model that looks at the errors and at the newest commit, and says what it saw."""
    messages = cast("list[dict[str, Any]]", request["messages"])
    results = [str(one["content"]) for said in messages for one in said["content"] if "tool_use_id" in one]
    if not results:
        looks = tool_use("query_metrics", {"query": ERRORS}), tool_use("list_changes", {"revision": NEW})
        return Reply(looks)
    if not request.get("output_config"):
        return Reply((text("It is the pool."),))
    errors, commit = ([seen.partition("]")[0].removeprefix("[")] for seen in results)
    hypothesis = {"statement": BLAMED, "evidence": commit, "kind": "change", "service": "checkout", "change": NEW}
    report: dict[str, Any] = {
        "what_is_going_on": [{"text": SAID, "evidence": errors}],
        "hypotheses": [hypothesis | {"likelihood": "likely"}],
        "remediation": {"action": "rollback", "target": "checkout"},
    }
    return json_reply({**report, "impact": [], "ruled_out": [], "next_steps": [], "unknown": []})


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
async def test_a_model_investigates_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "recording")
    async with MessagesApi(investigating) as api:
        model: JsonObject = {"name": "claude-test", "base_url": api.url, "api_key": "k"}
        settings = Settings.model_validate({"model": model})
        assert await replay(settings, folder, None, as_json=True, model="claude-other") == 0
    answer = json.loads(capsys.readouterr().out)
    assert not api.refused
    assert {request["model"] for request in api.requests} == {"claude-other"}
    assert (answer["model"], answer["id"]) == ("claude-other", "shop-checkout")
    assert [claim["text"] for claim in answer["report"]["what"]] == [SAID]
    assert answer["root_cause"]["change"] == NEW
    assert {"query_metrics", "list_changes"} <= {one["tool"] for one in answer["evidence"]}
    opened = json.dumps(api.requests[0]["messages"])
    assert "which is now" in opened
    assert "2026-11-22T15:00:00Z" in opened
    assert "code: the recording has no repo.bundle" in opened
    assert "orders fail" in opened, "the thread in which was asked"


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not here")
@pytest.mark.parametrize("name", sorted(path.name for path in RECORDED.glob("*/")) if RECORDED.is_dir() else [])
def test_recorded_incidents_can_be_replayed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = answered(capsys, str(RECORDED / name), "--model", "first-look")
    assert answer.keys() == KEYS
    assert (answer["id"], answer["model"]) == (name, "first-look")
    assert set(answer["missing_sources"]) <= {"documents", "code"}
    assert answer["evidence"]
