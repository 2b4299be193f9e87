"""Whatever came after the question: no tool and no first look tells of it. Each answers as if it were not recorded."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot import recordings
from sre_bot.investigation import Question
from sre_bot.tools.tool import Toolbox
from tests.conftest import GitFolder
from tests.recordings import written
from tests.recordings.written import ALERTS, ASKED_AT, CHANGES, HEAD, LOGS, METRICS, SPANS, stamp, write

if TYPE_CHECKING:
    from sre_bot.investigation import Evidence, JsonObject, Observation, Report

LATER = "c" * 40
WORD = "afterwards"
LOOKS: list[tuple[str, JsonObject]] = [
    ("list_alerts", {}),
    ("list_alerts", {"last": "24h", "service": "checkout"}),
    ("list_changes", {}),
    ("list_changes", {"service": "checkout", "last": "7d"}),
    ("list_changes", {"revision": written.NEW}),
    ("list_changes", {"revision": LATER}),
    ("search_logs", {}),
    ("search_logs", {"contains": WORD, "last": "24h"}),
    ("search_logs", {"service": WORD}),
    ("find_traces", {"service": "checkout"}),
    ("find_traces", {"trace_id": "t1"}),
    ("find_traces", {"trace_id": "later"}),
    ("search_docs", {"query": "no connection left"}),
]
METRIC_LOOKS: list[tuple[str, JsonObject]] = [
    ("find_metrics", {"service": "checkout"}),
    ("find_metrics", {"name": WORD}),
    ("query_metrics", {"query": "http_requests_total"}),
    ("query_metrics", {"query": "sum(rate(http_requests_total[5m])) by (code)", "last": "2h"}),
    ("query_metrics", {"query": "http_requests_total offset -1h"}),
    ("query_metrics", {"query": f"max_over_time(http_requests_total[3h] @ {ASKED_AT.timestamp() + 7200:.0f})"}),
    ("query_metrics", {"query": f"{WORD}_total", "last": "1h"}),
]
soon = st.floats(0.001, 60) | st.floats(60, 864_000)
"""Seconds after the question."""


def with_later(folder: Path, after: float, *, metrics: list[str] | None = None) -> Path:
    """The recording, and in each of its files something that came so many seconds after the question."""
    then, farther = stamp(ASKED_AT + timedelta(seconds=after)), stamp(ASKED_AT + timedelta(seconds=2 * after))
    new: JsonObject = {"labels": {"alertname": WORD, "service": WORD}, "startsAt": then, "status": "firing"}
    over: JsonObject = {**written.row(ALERTS[0]), "endsAt": then, "status": "resolved"}
    commit: JsonObject = {"sha": LATER, "time": then, "message": WORD, "files": [f"{WORD}.py"], "diff": f"+{WORD}"}
    return write(
        folder,
        head={**HEAD, "conversation": [*written.rows(HEAD["conversation"]), said(then)]},
        metrics=metrics,
        alerts=[over, new, ALERTS[1]],
        changes={
            "commits": [*written.rows(CHANGES["commits"]), commit],
            "deploys": [{"time": then, "service": "checkout", "sha": LATER}, *written.rows(CHANGES["deploys"])],
            "flags": [*written.rows(CHANGES["flags"]), {"time": farther, "flag": WORD, "change": "on->off"}],
        },
        logs=[*LOGS, written.log_line(then, WORD), written.log_line(farther, "no connection left")],
        spans=[
            *SPANS,
            written.span(stamp(ASKED_AT - timedelta(seconds=1)), 1000 * (1 + after), WORD, "a", "same"),
            written.span(then, 5, trace="later"),
        ],
    )


def said(time: str) -> JsonObject:
    return {"time": time, "author": "ana", "text": WORD}


async def told(folder: Path, looks: list[tuple[str, JsonObject]]) -> list[Observation]:
    """What the tools tell of a recording."""
    recording = recordings.read(folder)
    async with recordings.replayed(recording) as sources:
        toolbox = Toolbox(sources.tools(), recording.asked_at)
        return [await toolbox.look(name, arguments) for name, arguments in looks]


async def looked(folder: Path) -> tuple[Report, tuple[Evidence, ...]]:
    """What the first look tells of a recording."""
    recording = recordings.read(folder)
    async with recordings.replayed(recording) as sources:
        answer = await sources.first_look(Question(recording.question, recording.asked_at))
    return answer.report, answer.evidence


@given(soon)
@settings(max_examples=25, deadline=None)
def test_a_recording_is_read_as_if_nothing_had_come_after_its_question(after: float) -> None:
    with tempfile.TemporaryDirectory() as place:
        plain, more = write(Path(place, "plain")), with_later(Path(place, "more"), after)
        expected = recordings.read(plain)
        read = recordings.read(more)
        assert replace(read, folder=expected.folder, metrics=expected.metrics, documents=expected.documents) == expected


@given(soon)
@settings(max_examples=8, deadline=None)
def test_no_tool_and_no_first_look_tells_of_what_came_after(after: float) -> None:
    with tempfile.TemporaryDirectory() as place:
        plain, more = write(Path(place, "plain")), with_later(Path(place, "more"), after)
        for folder in (plain, more):
            (folder / "metrics.om.gz").unlink()
        seen = asyncio.run(told(more, LOOKS))
        assert seen == asyncio.run(told(plain, LOOKS))
        assert asyncio.run(looked(more)) == asyncio.run(looked(plain))
        answered = " ".join(one.content for one in seen if WORD not in str(one.content.partition("Call:")[2]))
        assert "no connection left" in answered


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
@pytest.mark.parametrize("step", [1, 60])
async def test_neither_do_metrics(tmp_path: Path, step: int) -> None:
    """The same samples, and then many more, of known series and of new ones: from one second after the question on."""
    later = [
        f'{name}{{service="checkout",code="500"}} {90_000 + n} {int(ASKED_AT.timestamp()) + 1 + n * step}'
        for name in ("http_requests_total", f"{WORD}_total")
        for n in range(240)
    ]
    plain = write(tmp_path / "plain")
    more = with_later(tmp_path / "more", 1.0, metrics=[*METRICS[:-1], f"# TYPE {WORD} counter", *later, "# EOF"])
    seen = await told(more, METRIC_LOOKS + LOOKS)
    assert seen == await told(plain, METRIC_LOOKS + LOOKS)
    assert "code=500: " in seen[2].content
    assert await looked(more) == await looked(plain)


@given(soon)
@settings(max_examples=4, deadline=None)
def test_neither_does_the_code(after: float) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, source = write(Path(place, "recording")), GitFolder(Path(place, "source"))
        (folder / "metrics.om.gz").unlink()
        known = source.commit("a pool", {"pool.py": "POOL = 20\n"}, ASKED_AT - timedelta(hours=1))
        later = source.commit(WORD, {"pool.py": f"POOL = 3 # {WORD}\n"}, ASKED_AT + timedelta(seconds=after + 1))
        source.git("tag", WORD, later)
        source.git("bundle", "create", str(folder / "repo.bundle"), "--all", "HEAD")
        looks: list[tuple[str, JsonObject]] = [
            ("search_code", {"pattern": "POOL"}),
            ("search_code", {"pattern": "POOL", "revision": later}),
            ("search_code", {"pattern": "POOL", "revision": WORD}),
            ("list_changes", {"revision": later}),
            ("list_changes", {"revision": known}),
            ("list_changes", {"last": "7d"}),
        ]
        found, by_hash, by_tag, diff, earlier, listed = asyncio.run(told(folder, looks))
        assert "POOL = 20" in found.content
        assert [one.failed for one in (by_hash, by_tag, diff, earlier)] == [True, True, True, True]
        assert WORD not in found.content + listed.content
