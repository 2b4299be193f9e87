"""Loki gives lines by service, text and level; queries are quoted, its failures are typed."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sre_bot.errors import ConfigurationError, QueryRefusedError, SourceUnavailableError
from sre_bot.incident import LogFilter, LogLevel, TimeWindow
from sre_bot.sources.access import Access
from sre_bot.sources.loki import MAX_LINES, LokiSource

from .hostile import hostile, http, resets, says
from .stores import Loki, running

if TYPE_CHECKING:
    from sre_bot.tools.logs import Logs

    from .hostile import Behaviour

AT = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = TimeWindow.before(AT, timedelta(hours=1))
ALL = LogFilter()


def ns(ago: float) -> int:
    """Nanoseconds of so many seconds ago."""
    return (int(AT.timestamp()) * 10**6 + 123456 - round(ago * 10**6)) * 1000


def shop(**more: str) -> dict[str, str]:
    return {"service_name": "shop", **more}


async def test_lines_come_in_order_of_time_with_their_level_service_and_fields() -> None:
    streams = [
        (shop(detected_level="error", pod="shop-1"), [(ns(5), "boom"), (ns(20), "bang")]),
        (shop(detected_level="info"), [(ns(10), '{"msg": "placed", "order": 7, "trace_id": "ab"}')]),
        ({"service_name": "cart"}, [(ns(1), "WARN low on memory")]),
    ]
    async with running(Loki(streams)) as url, aclosing(LokiSource(url)) as source:
        fitting: Logs = source
        answer = await fitting.lines(HOUR, ALL, limit=10)
        newest = await source.lines(HOUR, ALL, limit=2, newest_first=True)
        services = await source.services(HOUR)
        said = await source.check()
    told = [(line.message, line.level.value, line.service) for line in answer.lines]
    assert told == [
        ("bang", "error", "shop"),
        ("placed", "info", "shop"),
        ("boom", "error", "shop"),
        ("WARN low on memory", "warning", "cart"),
    ]
    assert answer.lines[2].time == AT - timedelta(seconds=5)
    assert answer.lines[0].attributes == {"pod": "shop-1"}
    assert answer.lines[1].attributes == {"order": "7", "trace_id": "ab"}
    assert (answer.truncated, answer.total) == (False, 4)
    assert [line.message for line in newest.lines] == ["WARN low on memory", "boom"]
    assert (newest.truncated, newest.total) == (True, 4)
    assert services == ["cart", "shop"]
    assert said == "2 services (label service_name)"


async def test_both_ends_of_the_window_are_included_and_nothing_beyond() -> None:
    entries = [(ns(0), "at the end"), (ns(-0.000001), "after"), (ns(3600), "at the start"), (ns(3600.000001), "before")]
    async with running(Loki([(shop(), entries)])) as url, aclosing(LokiSource(url)) as source:
        answer = await source.lines(HOUR, ALL, limit=10)
    assert [line.message for line in answer.lines] == ["at the start", "at the end"]


async def test_text_is_found_in_any_case_and_never_as_a_pattern() -> None:
    entries = [(ns(n), text) for n, text in enumerate(["cost (USD) a.b", "COST (usd) A.B", "cost USD axb"])]
    async with running(Loki([(shop(), entries)])) as url, aclosing(LokiSource(url)) as source:
        answer = await source.lines(HOUR, LogFilter("shop", "(usd) a.b"), limit=10)
    assert {line.message for line in answer.lines} == {"cost (USD) a.b", "COST (usd) A.B"}


async def test_a_level_is_asked_of_loki_and_of_the_text_where_loki_does_not_know() -> None:
    streams = [
        (shop(detected_level="info"), [(ns(9), "ERROR says the text, info says the label")]),
        (shop(detected_level="error"), [(ns(8), "labelled")]),
        (shop(), [(ns(7), "level=warn msg=told"), (ns(6), "level=info msg=quiet"), (ns(5), "untold")]),
    ]
    loki = Loki(streams)
    async with running(loki) as url, aclosing(LokiSource(url)) as source:
        answer = await source.lines(HOUR, LogFilter(at_least=LogLevel.WARNING), limit=10)
    assert [line.message for line in answer.lines] == ["labelled", "told", "untold"]
    assert "info" not in loki.queries[0]


async def test_the_labels_and_the_tenant_are_configurable() -> None:
    loki = Loki([({"app": "shop", "severity": "error"}, [(ns(5), "boom")])], tenant="team-a")
    async with (
        running(loki) as url,
        aclosing(
            LokiSource(url, access=Access(tenant="team-a"), service_label="app", level_label="severity")
        ) as source,
        aclosing(LokiSource(url)) as stranger,
    ):
        answer = await source.lines(HOUR, LogFilter("shop", at_least=LogLevel.ERROR), limit=10)
        with pytest.raises(SourceUnavailableError, match=r"401.*no org id"):
            await stranger.lines(HOUR, ALL, limit=10)
    assert [(line.service, line.level) for line in answer.lines] == [("shop", LogLevel.ERROR)]


async def test_when_there_are_more_they_are_counted_if_loki_can() -> None:
    many = [(shop(), [(ns(n / 10), f"line {n}") for n in range(30)])]
    async with running(Loki(many)) as url, aclosing(LokiSource(url)) as source:
        answer = await source.lines(HOUR, ALL, limit=10)
        exactly = await source.lines(HOUR, ALL, limit=30)
    assert (len(answer.lines), answer.truncated) == (10, True)
    assert answer.total in {29, 30}  # Loki leaves out what is written at the very end
    assert len(exactly.lines) == 30
    async with running(Loki(many, counts=False)) as url, aclosing(LokiSource(url)) as source:
        uncounted = await source.lines(HOUR, ALL, limit=10)
    assert (uncounted.truncated, uncounted.total) == (True, None)


async def test_more_than_loki_gives_is_not_asked_for() -> None:
    async with running(Loki([(shop(), [(ns(1), "x")])])) as url, aclosing(LokiSource(url)) as source:
        assert len((await source.lines(HOUR, ALL, limit=10 * MAX_LINES)).lines) == 1


async def test_a_wrong_service_label_is_noticed_by_check() -> None:
    async with running(Loki([({"app": "shop"}, [])])) as url, aclosing(LokiSource(url)) as source:
        with pytest.raises(SourceUnavailableError, match="has the label service_name; is service_label right"):
            await source.check()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
async def test_no_name_and_no_text_breaks_out_of_its_quotes(service: str, text: str) -> None:
    loki = Loki([({"service_name": service}, [(ns(5), f"> {text} <")]), (shop(), [(ns(5), "secret")])])
    async with running(loki) as url, aclosing(LokiSource(url)) as source:
        answer = await source.lines(HOUR, LogFilter(service, text), limit=10)
    assert all(line.service == service for line in answer.lines)
    assert len(answer.lines) == 1


@pytest.mark.parametrize(
    ("behave", "error", "sentence"),
    [
        pytest.param(
            says(http(b"parse error at line 1\n", status="400 Bad Request", kind="text/plain")),
            QueryRefusedError,
            "parse error at line 1",
            id="400",
        ),
        pytest.param(
            says(http(b"too many outstanding requests", status="429 Too Many", kind="text/plain")),
            SourceUnavailableError,
            "429.*too many outstanding",
            id="429",
        ),
        pytest.param(says(http(b"<html>Sign in", kind="text/html")), SourceUnavailableError, "HTML", id="html"),
        pytest.param(
            says(http(b"{}")), SourceUnavailableError, r"\(at data\); is its url that of a Loki\?", id="no data"
        ),
        pytest.param(
            says(http(b'{"data": {"resultType": "matrix", "result": []}}')),
            SourceUnavailableError,
            "resultType",
            id="form",
        ),
        pytest.param(
            says(http(b'{"data": {"resultType": "streams", "result": [{"stream": {}, "values": [["soon", "x"]]}]}}')),
            SourceUnavailableError,
            "unknown form",
            id="time",
        ),
        pytest.param(resets, SourceUnavailableError, "broke off its answer", id="reset"),
    ],
)
async def test_a_bad_answer_is_typed_and_carries_the_query(
    behave: Behaviour, error: type[Exception], sentence: str
) -> None:
    async with hostile(behave) as server, aclosing(LokiSource(server.url)) as source:
        with pytest.raises(error, match=sentence) as caught:
            await source.lines(HOUR, LogFilter("shop"), limit=10)
    assert '{service_name="shop"}' in str(caught.value)


@pytest.mark.parametrize("label", ["", "a b", 'x"', "service.name", "../admin"])
def test_what_cannot_be_a_label_is_a_mistake_in_the_configuration(label: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a label"):
        LokiSource("http://in", service_label=label)
