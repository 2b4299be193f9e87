"""Where bad requests fail or lose their time, and what healthy ones of the same route do otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.catalogue import Catalogue
from sre_bot.first_look import Sources
from sre_bot.first_look.look import look_at
from sre_bot.incident import LogLevel, LogLine, Service, Span
from sre_bot.investigation import Question, Scope
from tests.fakes import FakeCurrentAlerts, FakeLogs, FakeTraces, down
from tests.first_look.scenes import AT, Scene, ago

if TYPE_CHECKING:
    from sre_bot.first_look.seen import Contrast, Seen

MS = timedelta(milliseconds=1)


def request(
    number: int, minutes: float, *, failing: bool = False, lookups: int = 1, name: str = "POST /buy"
) -> list[Span]:
    """Web calls checkout, which looks things up in inventory and, unless that fails, calls payments."""
    trace, start = f"t{number}", ago(minutes)
    end = (20 + 10 * lookups) * MS

    def span(one: str, parent: str | None, step: tuple[str, str], offset: int, took: timedelta) -> Span:
        failed = failing and step[0] != "payments"
        is_last = step[0] == "inventory"
        message = "refused by inventory-db" if failed and is_last else ""
        told = {"server.address": "inventory-db", "pool": "9" if failing else "1"} if is_last else {}
        return Span(trace, one, parent, *step, start + offset * MS, took, failed, message, told)

    spans = [span("a", None, ("web", name), 0, end), span("b", "a", ("checkout", "buy"), 1, end - 2 * MS)]
    spans += [span(f"i{n}", "b", ("inventory", "look up"), 2 + 10 * n, 10 * MS) for n in range(lookups)]
    return spans if failing else [*spans, span("p", "b", ("payments", "pay"), 4 + 10 * lookups, 5 * MS)]


def healthy(number: int = 2) -> list[Span]:
    return [span for n in range(number) for span in request(100 + n, 90 + n)]


async def look(spans: list[Span], question: str = "checkout is failing?", besides: Sources | None = None) -> Seen:
    known = Catalogue.of([Service("checkout")])
    given = replace(besides or Sources(), traces=[FakeTraces(kept=spans)], catalogue=known)
    return await look_at(given, Question(question, AT), now=AT, deadline=5)


async def contrast(spans: list[Span]) -> Contrast:
    found = (await look(spans)).contrast
    assert found is not None
    return found


class TestFailing:
    async def test_the_deepest_failing_step_is_held_against_healthy_requests(self) -> None:
        found = await contrast([*request(1, 10, failing=True), *request(2, 5, failing=True), *healthy()])
        assert (found.failed, found.route, found.service, found.operation) == (
            True,
            "POST /buy",
            "inventory",
            "look up",
        )
        assert (found.error, found.peer) == ("refused by inventory-db", "inventory-db")
        assert found.way == ("web", "checkout", "inventory")
        assert (found.bad, found.healthy, found.first, found.trace_id) == (2, 2, ago(10), "t1")
        assert (found.duration, found.healthy_self_time, found.healthy_total) == (10 * MS, 10 * MS, 30 * MS)
        assert found.attributes == {"pool": "9"}
        assert found.unreached == ("payments",)

    async def test_without_healthy_requests_that_is_known(self) -> None:
        found = await contrast(request(1, 10, failing=True))
        assert (found.healthy, found.healthy_total, found.healthy_calls, found.unreached) == (0, None, None, ())

    async def test_other_routes_are_no_comparison(self) -> None:
        other = request(7, 20, name="GET /")
        assert (await contrast([*request(1, 10, failing=True), *other])).healthy == 0

    async def test_of_several_routes_the_one_with_most_failures_is_told(self) -> None:
        bad = [*request(1, 10, failing=True, name="GET /"), *request(2, 9, failing=True), *request(3, 8, failing=True)]
        assert (await contrast(bad)).route == "POST /buy"


class TestSlow:
    async def test_where_none_fails_the_step_that_takes_the_extra_time_is_told(self) -> None:
        found = await contrast([*request(1, 10, lookups=40), *healthy()])
        assert (found.failed, found.service, found.operation) == (False, "inventory", "look up")
        assert (found.calls, found.healthy_calls) == (40, 1)
        assert (found.self_time, found.healthy_self_time) == (400 * MS, 10 * MS)
        assert (found.total, found.healthy_total) == (420 * MS, 30 * MS)

    @pytest.mark.parametrize("spans", [healthy(), []], ids=["all as usual", "none"])
    async def test_where_nothing_is_bad_there_is_no_contrast(self, spans: list[Span]) -> None:
        saw = await look(spans)
        assert (saw.contrast, saw.traces_known) == (None, True)


class TestWhose:
    BAD = request(1, 10, failing=True)

    async def test_traces_of_services_that_alert_are_looked_at(self) -> None:
        scene = Scene().fires("Errors", "inventory")
        saw = await look(self.BAD, "what is going on?", Sources(alerts=[FakeCurrentAlerts(alerts=scene.alerts)]))
        assert saw.contrast is not None

    async def test_traces_of_a_service_that_only_logs_know_are_looked_at_when_it_is_named(self) -> None:
        logs = FakeLogs(written=[LogLine(ago(1), "inventory", LogLevel.INFO, "hello")])
        assert (await look(self.BAD, "what about inventory?", Sources(logs=[logs]))).contrast is not None

    async def test_those_of_the_channel_are_looked_at_when_nothing_is_named(self) -> None:
        question = Question("what is going on?", AT, scope=Scope("inventory"))
        saw = await look_at(Sources(traces=[FakeTraces(kept=self.BAD)]), question, now=AT, deadline=5)
        assert saw.contrast is not None

    async def test_nobody_is_asked_about_no_service(self) -> None:
        saw = await look(self.BAD, "what is going on?")
        assert (saw.contrast, saw.traces_known) == (None, False)

    async def test_a_store_of_another_environment_is_not_asked(self) -> None:
        saw = await look(self.BAD, "checkout in production?", Sources(environments={"tempo": "staging"}))
        assert (saw.contrast, saw.traces_known) == (None, False)


async def test_a_store_that_is_down_is_missing() -> None:
    sources = Sources(traces=[FakeTraces(failure=down("tempo"))], catalogue=Catalogue.of([Service("checkout")]))
    saw = await look_at(sources, Question("checkout?", AT), now=AT, deadline=5)
    assert (saw.contrast, saw.traces_known) == (None, False)
    assert "tempo" in {one.source for one in saw.missing}


async def test_traces_that_are_gone_leave_nothing_to_tell_and_that_is_said() -> None:
    store = FakeTraces(kept=request(1, 10, failing=True), lost=frozenset({"t1"}))
    sources = Sources(traces=[store], catalogue=Catalogue.of([Service("checkout")]))
    saw = await look_at(sources, Question("checkout?", AT), now=AT, deadline=5)
    assert saw.contrast is None
    assert "tempo" in {one.source for one in saw.missing}


async def test_the_catalogue_names_services_and_peers() -> None:
    known = Catalogue.of([Service("checkout"), Service("stock", aliases=("inventory",))])
    sources = Sources(traces=[FakeTraces(kept=request(1, 10, failing=True))], catalogue=known)
    saw = await look_at(sources, Question("checkout?", AT), now=AT, deadline=5)
    assert saw.contrast is not None
    assert (saw.contrast.service, saw.contrast.way) == ("stock", ("web", "checkout", "stock"))
    assert {"web", "checkout", "stock"} <= saw.services
