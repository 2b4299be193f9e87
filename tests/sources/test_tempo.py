"""Tempo finds traces by service and gives their spans, whatever form its version has; its failures are typed."""

from __future__ import annotations

import base64
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sre_bot.errors import QueryRefusedError, SourceUnavailableError
from sre_bot.incident import TimeWindow
from sre_bot.sources.access import Access
from sre_bot.sources.tempo import TempoSource

from .hostile import hostile, http, resets, says
from .stores import Tempo, running

if TYPE_CHECKING:
    from sre_bot.tools.traces import Traces

    from .hostile import Behaviour

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = TimeWindow.before(AT, timedelta(hours=1))
TRACE = "2f3e0cee77ae5dc9c17ade3689eb2e54"
WEB, PAY = "563d623c76514f8e", "00f067aa0ba902b7"


def ns(ago: float) -> str:
    return str(int((AT - timedelta(seconds=ago)).timestamp() * 10**6) * 1000)


def head(id_: str, ago: float, ms: int | None = 557) -> dict[str, Any]:
    """A trace of a search's answer, as documented."""
    found = {"traceID": id_, "rootServiceName": "web", "rootTraceName": "POST /checkout", "startTimeUnixNano": ns(ago)}
    spans = [{"spanID": WEB, "startTimeUnixNano": ns(ago), "durationNanos": "1", "attributes": []}]
    return {**found, **({} if ms is None else {"durationMs": ms}), "spanSets": [{"spans": spans, "matched": 1}]}


def batches(id_form: str, *, scopes: str = "scopeSpans", numbers: bool = False) -> list[dict[str, Any]]:
    """Two services' spans: ids in hex or base64, numbers and enums as numbers or as text."""

    def id_(text: str) -> str:
        return text if id_form == "hex" else base64.b64encode(bytes.fromhex(text)).decode()

    def nano(ago: float) -> str | int:
        return int(ns(ago)) if numbers else ns(ago)

    def service(of: str, **span: Any) -> dict[str, Any]:
        named = [{"key": "service.name", "value": {"stringValue": of}}]
        return {
            "resource": {"attributes": named},
            scopes: [{"scope": {"name": "x"}, "spans": [{"traceId": id_(TRACE), **span}]}],
        }

    exception = [
        {"key": "exception.type", "value": {"stringValue": "ConnectError"}},
        {"key": "exception.message", "value": {"stringValue": "refused"}},
    ]
    return [
        service(
            "pay",
            spanId=id_(PAY),
            parentSpanId=id_(WEB),
            name="Charge",
            kind=2 if numbers else "SPAN_KIND_SERVER",
            startTimeUnixNano=nano(59.5),
            endTimeUnixNano=nano(59),
            attributes=[
                {"key": "http.status_code", "value": {"intValue": "502"}},
                {"key": "ok", "value": {"boolValue": False}},
            ],
            events=[{"name": "exception", "attributes": exception}],
            status={"code": 2 if numbers else "STATUS_CODE_ERROR"},
        ),
        service("web", spanId=id_(WEB), name="POST /checkout", startTimeUnixNano=nano(60), endTimeUnixNano=nano(58)),
    ]


async def test_traces_are_searched_by_traceql_with_every_value_quoted() -> None:
    tempo = Tempo({'{ resource.service.name = "web" }': {"traces": [head("abc", 60), head("DEF", 30, None)]}})
    async with running(tempo) as url, aclosing(TempoSource(url, access=Access(tenant="team-a"))) as source:
        fitting: Traces = source
        found = await fitting.search(HOUR, "web", limit=20)
        await source.search(
            HOUR, 'a" || true || "', limit=999, failed=True, longer_than=timedelta(seconds=1.5), route='GET "/\\"'
        )
    assert [(one.trace_id, one.service, one.name) for one in found] == [
        ("def", "web", "POST /checkout"),
        ("abc", "web", "POST /checkout"),
    ]
    assert (found[1].start, found[1].duration) == (AT - timedelta(minutes=1), timedelta(milliseconds=557))
    assert found[0].duration == timedelta()
    plain, hard = tempo.asked
    assert (plain["limit"], plain["spss"], plain["tenant"]) == ("20", "1", "team-a")
    assert (int(plain["start"]), int(plain["end"])) == (AT.timestamp() - 3600, AT.timestamp())
    assert hard["q"] == (
        '{ resource.service.name = "a\\" || true || \\"" && status = error && traceDuration > 1500ms'
        ' && rootName = "GET \\"/\\\\\\"" }'
    )
    assert hard["limit"] == "200"


async def test_what_began_outside_the_window_is_left_out_and_no_trace_is_an_answer() -> None:
    tempo = Tempo({'{ resource.service.name = "web" }': {"traces": [head("abc", 3601), head("def", -1)]}})
    async with running(tempo) as url, aclosing(TempoSource(url)) as source:
        assert await source.search(HOUR, "web", limit=20) == []
        assert await source.search(HOUR, "nobody", limit=20) == []
        assert await source.check() == "answers, but has no recent trace"


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"batches": batches("base64")}, id="tempo 2"),
        pytest.param({"batches": batches("base64", scopes="instrumentationLibrarySpans")}, id="tempo 1"),
        pytest.param({"resourceSpans": batches("hex", numbers=True)}, id="otlp json"),
        pytest.param({"trace": {"resourceSpans": batches("base64")}, "status": "COMPLETE"}, id="api v2"),
    ],
)
async def test_spans_are_read_in_every_form(form: dict[str, Any]) -> None:
    async with running(Tempo(traces={TRACE: form})) as url, aclosing(TempoSource(url)) as source:
        web, pay = await source.spans(TRACE.upper())
    assert (web.span_id, web.parent_id, web.service, web.name) == (WEB, None, "web", "POST /checkout")
    assert (web.start, web.duration, web.failed) == (AT - timedelta(minutes=1), timedelta(seconds=2), False)
    assert (pay.trace_id, pay.span_id, pay.parent_id, pay.service) == (TRACE, PAY, WEB, "pay")
    assert (pay.failed, pay.message) == (True, "ConnectError: refused")
    assert pay.attributes == {"http.status_code": "502", "ok": "false"}


async def test_the_status_message_tells_before_an_exception_does() -> None:
    trace = batches("hex")
    trace[0]["scopeSpans"][0]["spans"][0]["status"]["message"] = "upstream is down"
    async with running(Tempo(traces={"abc": {"batches": trace}})) as url, aclosing(TempoSource(url)) as source:
        _, pay = await source.spans("abc")
    assert pay.message == "upstream is down"


@pytest.mark.parametrize("trace_id", ["abc", "xyz", "", "../search", "a" * 33, "ab%2f", "abc\n"])
async def test_an_unknown_trace_or_what_is_no_id_is_refused(trace_id: str) -> None:
    async with running(Tempo(traces={"d": {"batches": []}})) as url, aclosing(TempoSource(url)) as source:
        with pytest.raises(QueryRefusedError, match=r"no such trace|hexadecimal"):
            await source.spans(trace_id)
        with pytest.raises(QueryRefusedError, match="no such trace"):
            await source.spans("d")


@pytest.mark.parametrize(
    ("behave", "error", "sentence"),
    [
        pytest.param(
            says(http(b"invalid TraceQL query\n", status="400 Bad Request", kind="text/plain")),
            QueryRefusedError,
            "invalid TraceQL query",
            id="400",
        ),
        pytest.param(says(http(b"<html>Sign in", kind="text/html")), SourceUnavailableError, "HTML", id="html"),
        pytest.param(says(http(b"[]")), SourceUnavailableError, "is its url that of a Tempo", id="form"),
        pytest.param(
            says(http(b'{"traces": [{"traceID": "../x"}]}')), SourceUnavailableError, r"traces\.0\.traceID", id="no id"
        ),
        pytest.param(says(http(b"page not found", status="404 Not Found")), SourceUnavailableError, "url", id="404"),
        pytest.param(resets, SourceUnavailableError, "broke off its answer", id="reset"),
    ],
)
async def test_a_bad_answer_is_typed_and_carries_the_query(
    behave: Behaviour, error: type[Exception], sentence: str
) -> None:
    async with hostile(behave) as server, aclosing(TempoSource(server.url)) as source:
        with pytest.raises(error, match=sentence) as caught:
            await source.search(HOUR, "web", limit=10)
    assert 'resource.service.name = "web"' in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"batches": [{"scopeSpans": [{"spans": [{"spanId": "x"}]}]}]}',
        b'{"batches": [{"scopeSpans": [{"spans": [{"spanId": "x", "startTimeUnixNano": "soon"}]}]}]}',
        b'{"batches": [{"scopeSpans": [{"spans": [{"spanId": "x", "startTimeUnixNano": 99999999999999999999}]}]}]}',
        b'{"batches": {}}',
    ],
)
async def test_a_trace_of_another_form_is_an_error_not_a_crash(body: bytes) -> None:
    async with hostile(says(http(body))) as server, aclosing(TempoSource(server.url)) as source:
        with pytest.raises(SourceUnavailableError, match="unknown form"):
            await source.spans("abc")
