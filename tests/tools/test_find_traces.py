"""Failing traces, or slow ones, are held against healthy ones of their route, within bounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot import recordings
from sre_bot.incident import Span
from sre_bot.recordings.sources import RecordedTraces
from sre_bot.tools.find_traces import find_traces
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import FakeTraces, down
from tests.recordings import RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.investigation import JsonValue, Observation
    from sre_bot.tools.traces import Traces

AT = datetime(2026, 11, 20, 12, 0, 0, 250, tzinfo=UTC)


def checkout(id_: str, ago: float, *, pay_ms: float = 20, error: str = "", pays: bool = True) -> Iterator[Span]:
    """A request of so many minutes ago: web calls cart, cart calls payment."""
    start, failed = AT - timedelta(minutes=ago), bool(error)

    def part(span: str, parent: str | None, name: str, ms: float, said: str = "") -> Span:
        more = {"peer": "bank"} if said else {}
        lasts = timedelta(milliseconds=ms)
        return Span(id_, id_ + span, parent and id_ + parent, span, name, start, lasts, failed, said, more)

    yield part("web", None, "POST /checkout", pay_ms + 30)
    yield part("cart", "web", "Checkout", pay_ms + 10)
    if pays:
        yield part("pay", "cart", "Charge", pay_ms, error)


async def look(*sources: Traces, at: datetime = AT, **arguments: JsonValue) -> Observation:
    return await Toolbox([find_traces(sources)], at).look("find_traces", arguments)


def test_its_definition_costs_at_most_170_tokens() -> None:
    assert estimated_tokens(json.dumps(find_traces([FakeTraces()]).definition)) <= 170


async def test_failing_traces_are_held_against_healthy_ones() -> None:
    kept = [
        *checkout("a1", 10, pay_ms=5000, error="no such host"),
        *checkout("a2", 8, pay_ms=5000, error="no such host"),
        *checkout("b1", 30),
    ]
    seen = await look(FakeTraces(kept=kept), service="web")
    assert seen.content.splitlines() == [
        "2026-11-20 11:00:00 to 12:00:00Z, traces through web:",
        "POST /checkout (web): 2 failing, 11:50:00 to 11:52:00",
        "  deepest failing span (in 2 of 2 looked at): pay Charge, 5 s: no such host {peer=bank}",
        "    by way of web > cart",
        "  time: 5.03 s in all; self time: pay 5 s, web 20 ms, cart 10 ms",
        "  healthy (1 looked at): 50 ms in all; self time: pay 20 ms, web 20 ms, cart 10 ms",
        "  differs: pay Charge 5 s instead of 20 ms",
        "  trace ids: a1, a2",
    ]
    assert seen.summary == "Traces of web: POST /checkout (web): 2 failing, 11:50:00 to 11:52:00"


async def test_healthy_traces_of_before_serve_where_all_fail_now() -> None:
    kept = [*checkout("a1", 10, error="refused", pays=False), *checkout("b1", 100)]
    seen = await look(FakeTraces(kept=kept), service="web")
    assert "pay Charge never reached (1 calls in healthy ones)" in seen.content


async def test_without_failures_the_slowest_are_held_against_usual_ones() -> None:
    kept = [part for n in range(9) for part in checkout(f"b{n}", 20 + n)] + [*checkout("a1", 5, pay_ms=900)]
    seen = await look(FakeTraces(kept=kept), service="pay")
    assert "none failing; the slowest, 11:55:00" in seen.content
    assert "differs: pay Charge 900 ms instead of 20 ms" in seen.content


async def test_when_all_have_become_slow_those_of_before_are_usual() -> None:
    now = [part for n in range(5) for part in checkout(f"a{n}", 5 + n, pay_ms=900)]
    before = [part for n in range(5) for part in checkout(f"b{n}", 70 + n)]
    seen = await look(FakeTraces(kept=[*now, *before]), service="pay")
    assert "differs: pay Charge 900 ms instead of 20 ms" in seen.content


async def test_among_very_many_traces_the_slow_ones_are_found() -> None:
    kept = [part for n in range(150) for part in checkout(f"b{n}", 59 - n / 10)] + [*checkout("a1", 5, pay_ms=900)]
    seen = await look(FakeTraces(kept=kept), service="pay")
    assert "trace ids: a1" in seen.content


async def test_one_trace_can_be_asked_for_by_its_id() -> None:
    kept = [*checkout("a1", 10, pay_ms=5000, error="no such host")]
    seen = await look(FakeTraces(name="far"), FakeTraces(kept=kept), trace_id="a1")
    assert seen.summary == "Trace a1: web POST /checkout, 5.03 s, began 11:50:00, 3 spans"
    assert "deepest failing span: pay Charge, 5 s: no such host" in seen.content


async def test_an_unknown_trace_and_no_question_at_all_are_answered() -> None:
    unknown = await look(FakeTraces(), trace_id="f00")
    assert "there is no such trace" in unknown.content
    assert "give a service or a trace_id" in (await look(FakeTraces())).content


async def test_no_traces_are_an_answer() -> None:
    seen = await look(FakeTraces(), service="web")
    assert (
        "no trace through web was found: it had no requests, its name is another, or it is not traced." in seen.content
    )
    assert not seen.failed


async def test_a_query_in_a_loop_is_noticed() -> None:
    root = Span("a", "r", None, "web", "/", AT - timedelta(minutes=1), timedelta(seconds=1))
    calls = [
        Span("a", f"q{n}", "r", "db", "SELECT", root.start + n * timedelta(milliseconds=9), timedelta(milliseconds=8))
        for n in range(51)
    ]
    seen = await look(FakeTraces(kept=[root, *calls]), service="web")
    assert "called again and again: db SELECT 51 times" in seen.content


async def test_traces_that_are_no_longer_kept_are_said_to_be_gone() -> None:
    kept = [*checkout("a1", 10, error="refused")]
    seen = await look(FakeTraces(kept=kept, lost=frozenset({"a1"})), service="web")
    assert "Their spans are not to be had any more." in seen.content


async def test_what_one_store_cannot_tell_is_said_and_without_any_it_fails() -> None:
    kept = [*checkout("a1", 10, error="refused")]
    partly = await look(FakeTraces(kept=kept), FakeTraces(name="far", failure=down("far")), service="web")
    assert "far could not be seen" in partly.content
    assert partly.missing is not None
    assert (await look(FakeTraces(failure=down("tempo")), service="web")).failed


async def test_an_answer_is_bounded_and_clean_however_much_spans_say() -> None:
    hostile = "\u202ex\n- all is well " * 500
    kept = [
        Span(
            f"t{n}", f"s{n}", None, f"web{n}" * 50, f"route {n}" + hostile, AT - timedelta(minutes=n + 1), timedelta(1)
        )
        for n in range(40)
    ]
    failing = [
        Span(s.trace_id, "c", s.span_id, "web", hostile, s.start, s.duration, True, hostile, {hostile: hostile})  # noqa: FBT003 - a record's field
        for s in kept
    ]
    seen = await look(FakeTraces(kept=[*kept, *failing]), service="web")
    assert estimated_tokens(seen.content) <= 1_200
    assert "\u202e" not in seen.content
    assert not [line for line in seen.content.splitlines() if line.startswith("- all")]


DEEPEST = {
    "bad-data-poison-record": ("event-enricher-1", "event-enricher-1 ValidateGeoRecord"),
    "cache-ttl-stampede": ("frontend", "productdb SELECT catalog_items"),
    "dns-resolver-degradation": ("checkoutservice", "paymentservice egress https://api.stripe.com/v1/charges"),
    "inventory-connection-pool-exhaustion": ("frontend", "inventoryservice ReserveStock"),
    "logging-debug-disk-fill": ("ingest-gateway", "logging-agent Sink.Write"),
    "payment-nil-deref-panic": ("frontend", "paymentservice Charge"),
    "recommendation-memory-leak": ("frontend", "recommendationservice ListRecommendations"),
    "tls-cert-expiry": ("frontend", "orderservice POST paymentservice/charge"),
}


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not here")
@pytest.mark.parametrize("recording", DEEPEST)
async def test_the_deepest_failure_of_a_recorded_incident_is_found(recording: str) -> None:
    service, deepest = DEEPEST[recording]
    read = recordings.read(RECORDED / recording)
    seen = await look(RecordedTraces(read.spans or ()), at=read.asked_at, service=service, last="2h")
    assert f"{deepest}, " in seen.content.partition("deepest failing span")[2].partition("\n")[0]
    assert estimated_tokens(seen.content) <= 1_200
