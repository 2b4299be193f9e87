"""What is logged newly or more often is found, and since when to the second; what always was said is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.first_look import Sources
from sre_bot.first_look.logs import MAX_LINES, SLICES, complaint
from sre_bot.first_look.look import look_at
from sre_bot.incident import LogLevel, LogLine, Span, TimeWindow
from sre_bot.investigation import Question
from sre_bot.signals.log_patterns import find_patterns
from tests.fakes import FakeCurrentAlerts, FakeLogs, FakeTraces, down
from tests.first_look.scenes import AT, Scene, ago

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.first_look.seen import Complaint
    from sre_bot.incident import LogAnswer, LogFilter

STRETCH = TimeWindow.before(AT, timedelta(hours=2))


def line(minutes: float, message: str = "connection refused", level: LogLevel = LogLevel.ERROR, **more: str) -> LogLine:
    """Of checkout, so many minutes ago."""
    return LogLine(ago(minutes), "checkout", level, message, more)


def every(minutes: float, since: float, until: float = 0, message: str = "connection refused") -> list[LogLine]:
    """One line every so many minutes, from ``since`` to ``until`` minutes ago."""
    return [line(since - n * minutes, message) for n in range(int((since - until) / minutes))]


def only(lines: list[LogLine]) -> Complaint | None:
    (pattern,) = find_patterns(lines, ())
    return complaint(pattern, STRETCH)


class TestRise:
    def test_what_is_new_begins_at_its_first_line(self) -> None:
        (pattern,) = find_patterns(every(1, 10), ())
        found = complaint(pattern, STRETCH)
        assert found is not None
        assert (found.first, found.last, found.count, found.before) == (ago(10), ago(1), 10, 0)
        assert found.is_new
        assert (found.service, found.level, found.pattern) == ("checkout", LogLevel.ERROR, "connection refused")

    def test_what_rose_begins_where_it_rose(self) -> None:
        (pattern,) = find_patterns([*every(10, 120, 20), *every(0.25, 12)], ())
        found = complaint(pattern, STRETCH)
        assert found is not None
        assert (found.first, found.count, found.before) == (ago(12), 48, 10)
        assert not found.is_new

    @pytest.mark.parametrize(
        "lines",
        [
            pytest.param(every(5, 120), id="as often all the time"),
            pytest.param([line(60)], id="once"),
            pytest.param([line(70), line(40)], id="twice"),
            pytest.param(every(1, 120, 60), id="less often by now"),
            pytest.param([*every(5, 120), line(0)], id="as often, the last one just now"),
            pytest.param([one for n in range(1, 25) for one in [line(5 * n - 4.9)] * 3], id="in bursts"),
            pytest.param([line(1, level=LogLevel.INFO)] * 9, id="not bad"),
        ],
    )
    def test_nothing_else_is_a_complaint(self, lines: list[LogLine]) -> None:
        assert only(lines) is None

    def test_one_line_counts_when_it_was_quiet_for_long_before(self) -> None:
        assert only([line(5, level=LogLevel.FATAL)]) is not None

    def test_lines_at_the_edges_of_the_time_break_nothing(self) -> None:
        assert only([line(120), line(120), line(0)]) is None
        assert only([line(120)] * 9) is None
        assert only([line(0)] * 5) is not None

    def test_only_attributes_that_all_lines_have_alike_are_in_common(self) -> None:
        lines = [line(n, node="n-3", pod=f"p-{n}", trace_id="t") for n in (1, 2, 3)]
        (pattern,) = find_patterns([*lines, line(4, node="n-3")], ())
        found = complaint(pattern, STRETCH)
        assert found is not None
        assert found.common == {"node": "n-3"}

    def test_of_a_single_line_ids_are_in_common_with_nothing(self) -> None:
        (pattern,) = find_patterns([line(1, trace_id="t", node="n-3")], ())
        found = complaint(pattern, STRETCH)
        assert found is not None
        assert found.common == {"node": "n-3"}


class TestReading:
    async def test_errors_come_before_warnings_and_the_clearest_first(self) -> None:
        told = [*every(1, 10, message="pool exhausted"), *every(1, 5)]
        told += [replace(one, level=LogLevel.WARNING) for one in every(1, 20, message="slow query")]
        saw = await look_at(Sources(logs=[FakeLogs(written=told)]), Question("", AT), now=AT, deadline=5)
        assert [one.pattern for one in saw.complaints] == ["pool exhausted", "connection refused", "slow query"]
        assert saw.log_window == STRETCH
        assert "checkout" in saw.services

    async def test_it_looks_back_to_well_before_the_oldest_alert(self) -> None:
        scene = Scene().fires("Old", minutes=240)
        sources = Sources(alerts=[FakeCurrentAlerts(alerts=scene.alerts)], logs=[FakeLogs()])
        saw = await look_at(sources, Question("", AT), now=AT, deadline=5)
        assert saw.log_window == TimeWindow(ago(270), AT)
        assert saw.complaints == ()

    async def test_without_a_store_nothing_is_known(self) -> None:
        saw = await look_at(Sources(), Question("", AT), now=AT, deadline=5)
        assert (saw.complaints, saw.log_window) == ((), None)

    async def test_a_store_that_is_down_is_missing_and_the_other_is_read(self) -> None:
        stores = [FakeLogs("loki-a", failure=down("loki-a")), FakeLogs("loki-b", written=every(1, 10))]
        saw = await look_at(Sources(logs=stores), Question("", AT), now=AT, deadline=5)
        assert len(saw.complaints) == 1
        assert [one.source for one in saw.missing if one.source.startswith("loki")] == ["loki-a"]

    async def test_a_store_that_is_down_alone_tells_nothing(self) -> None:
        saw = await look_at(Sources(logs=[FakeLogs(failure=down("loki"))]), Question("", AT), now=AT, deadline=5)
        assert saw.log_window is None

    async def test_a_store_of_another_environment_is_not_asked(self) -> None:
        store = FakeLogs("loki-stg", written=every(1, 10))
        sources = Sources(logs=[store], environments={"loki-stg": "staging"})
        saw = await look_at(sources, Question("what is wrong in production?", AT), now=AT, deadline=5)
        assert store.asked == []
        assert saw.log_window is None

    @pytest.mark.parametrize(("earlier", "told"), [(2, ["container killed"]), (3, [])])
    async def test_a_line_alone_is_no_news_where_many_are(self, earlier: int, told: list[str]) -> None:
        lines = [line(60 + n, f"{word} went wrong " * (n + 1)) for n, word in enumerate("abc"[:earlier])]
        store = FakeLogs(written=[*lines, line(3, "container killed")])
        saw = await look_at(Sources(logs=[store]), Question("", AT), now=AT, deadline=5)
        assert [one.pattern for one in saw.complaints] == told


class TestFlood:
    def flood(self) -> list[LogLine]:
        """More lines than are read, of two kinds; the interesting one begins in the middle of a part of the time."""
        noise = [line(120 * n / (2 * MAX_LINES), "cache miss") for n in range(1, 2 * MAX_LINES)]
        return [*noise, *every(0.5, 8.25)]

    @pytest.mark.parametrize("counts", [True, False])
    async def test_a_sample_of_all_the_time_is_read_and_that_is_said(self, counts: bool) -> None:  # noqa: FBT001 - a case
        store = FakeLogs(written=self.flood(), counts=counts)
        saw = await look_at(Sources(logs=[store]), Question("", AT), now=AT, deadline=10)
        (found,) = [one for one in saw.complaints if one.pattern == "connection refused"]
        assert found.at_least
        assert len(store.asked) <= 2 + SLICES + 3
        (why,) = [one.why for one in saw.missing if one.source == "loki"]
        number = "4,015" if counts else "more than 2,000"
        assert why.startswith(f"there are {number} warnings and errors: ")

    async def test_the_beginning_of_what_is_in_the_sample_is_looked_for_in_all_lines(self) -> None:
        burst = [line(29 - n / MAX_LINES, "cache miss") for n in range(MAX_LINES)]
        lines = [*burst, line(20, "refused by ledger"), *every(0.5, 14, message="refused by ledger")]
        saw = await look_at(Sources(logs=[FakeLogs(written=lines)]), Question("", AT), now=AT, deadline=10)
        (found,) = [one for one in saw.complaints if one.pattern == "refused by ledger"]
        assert found.first == ago(20)

    async def test_what_has_no_text_of_its_own_is_left_as_it_is(self) -> None:
        lines = [*(line(29 - n / MAX_LINES, "cache miss") for n in range(MAX_LINES)), *every(0.5, 14, message="bad")]
        saw = await look_at(Sources(logs=[FakeLogs(written=lines)]), Question("", AT), now=AT, deadline=10)
        assert ago(14) in {one.first for one in saw.complaints}


class HangingLogs(FakeLogs):
    async def lines(
        self, window: TimeWindow, wanted: LogFilter, *, limit: int, newest_first: bool = False
    ) -> LogAnswer:
        await asyncio.Event().wait()
        raise AssertionError


class HangingTraces(FakeTraces):
    async def spans(self, trace_id: str) -> Sequence[Span]:
        await asyncio.Event().wait()
        raise AssertionError


async def test_stores_that_do_not_answer_cost_the_deadline_at_most_and_are_missing() -> None:
    root = Span("t", "a", None, "checkout", "GET /", ago(5), timedelta(seconds=1), failed=True)
    sources = Sources(
        logs=[HangingLogs(written=[line(5)])],
        traces=[HangingTraces(kept=[root])],
        alerts=[FakeCurrentAlerts(alerts=Scene().fires("Errors").alerts)],
    )
    clock = asyncio.get_running_loop()
    began = clock.time()
    saw = await look_at(sources, Question("", AT), now=AT, deadline=0.5)
    assert clock.time() - began < 0.5
    assert {"loki", "tempo"} <= {one.source for one in saw.missing}
    assert (saw.log_window, saw.contrast) == (None, None)
    assert saw.alerts_known
