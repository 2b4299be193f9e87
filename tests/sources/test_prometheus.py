"""Prometheus is asked in full, in parallel and read only; its failures are typed and keep the query."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import pytest_asyncio

from sre_bot.errors import QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.incident import AlertState, TimeWindow
from sre_bot.investigation import Listing, MissingSource
from sre_bot.servers import PrometheusServer, backfill
from sre_bot.signals.series import MetricMetadata
from sre_bot.sources.prometheus import PrometheusSource

from .hostile import drips, hostile, http, resets, says

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from sre_bot.investigation import JsonObject
    from sre_bot.tools.alerts import AlertHistory
    from sre_bot.tools.metrics import Metrics

    from .hostile import Behaviour

T0 = datetime(2020, 1, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = TimeWindow(T0, T0 + HOUR)


def _at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def _samples(series: str, minutes: Iterable[float], value: object = 1) -> list[str]:
    return [f"{series} {value} {_at(minute).timestamp()}" for minute in minutes]


def _minutes(first: float, last: float, every: float = 0.25) -> list[float]:
    return [first + every * index for index in range(int((last - first) / every) + 1)]


SLOW = 'alertname="Slow",service="checkout",severity="page"'
OPENMETRICS = "\n".join(
    [
        "# TYPE requests counter",
        *(
            line
            for code in (200, 500)
            for minute in range(61)
            for line in _samples(f'requests_total{{code="{code}",service="shop"}}', [minute], 60 * minute)
        ),
        "# TYPE temperature gauge",
        *_samples("temperature", [1], "NaN"),
        *_samples("temperature", [2], "+Inf"),
        "# TYPE ALERTS gauge",
        *_samples(f'ALERTS{{{SLOW},alertstate="pending"}}', _minutes(20, 24.75)),
        *_samples(f'ALERTS{{{SLOW},alertstate="firing"}}', _minutes(25, 30)),
        *_samples('ALERTS{alertname="Watchdog",alertstate="firing"}', _minutes(-120, 60)),
        "# TYPE ALERTS_FOR_STATE gauge",
        *_samples(f"ALERTS_FOR_STATE{{{SLOW}}}", _minutes(20, 30), _at(19.9).timestamp()),
        "# EOF\n",
    ]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    prometheus_installed: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PrometheusServer]:
    """A Prometheus of 2020, under a path prefix."""
    folder = tmp_path_factory.mktemp("prometheus")
    await backfill(OPENMETRICS, folder)
    async with PrometheusServer(folder, path="/team-a/prometheus") as running:
        yield running


@pytest.fixture
async def source(server: PrometheusServer) -> AsyncIterator[PrometheusSource]:
    """Our side of it."""
    async with aclosing(PrometheusSource(server.url)) as opened:
        yield opened


def _answering(answer: object, *, status: int = 200) -> PrometheusSource:
    """A source whose server always says this."""

    def say(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=answer)

    return PrometheusSource("http://prometheus.internal", transport=httpx.MockTransport(say))


@pytest.mark.real
class TestReal:
    async def test_it_fits_what_the_tools_ask_for(self, source: PrometheusSource) -> None:
        metrics: Metrics = source
        history: AlertHistory = source
        assert (metrics.name, history.name) == ("prometheus", "prometheus")

    async def test_an_instant_answer_is_one_point_a_series(self, source: PrometheusSource) -> None:
        result = await source.query('requests_total{code="500"}', _at(10))
        (series,) = result.series
        assert series.labels == {"__name__": "requests_total", "code": "500", "service": "shop"}
        assert (series.times.tolist(), series.values.tolist()) == ([_at(10).timestamp()], [600.0])

    @pytest.mark.parametrize(
        ("promql", "value"), [("1 + 1", 2.0), ("1 / 0", np.inf), ("vector(3)", 3.0), ('"text"', np.nan)]
    )
    async def test_scalars_and_strings_are_answers_too(
        self, source: PrometheusSource, promql: str, value: float
    ) -> None:
        result = await source.query(promql, T0)
        np.testing.assert_array_equal(result.series[0].values, [value])

    async def test_a_range_selector_gives_its_samples(self, source: PrometheusSource) -> None:
        result = await source.query("temperature[5m]", _at(3))
        np.testing.assert_array_equal(result.series[0].values, [np.nan, np.inf])

    async def test_a_range_is_asked_to_the_millisecond(self, source: PrometheusSource) -> None:
        start = _at(10) + timedelta(milliseconds=400)
        window = TimeWindow(start, start + timedelta(minutes=5))
        result = await source.query_range("rate(requests_total[5m])", window, timedelta(seconds=7.5))
        assert len(result.series) == 2
        for series in result.series:
            np.testing.assert_allclose(series.times, start.timestamp() + 7.5 * np.arange(41))
            np.testing.assert_allclose(series.values, 1.0)

    async def test_nothing_is_an_empty_answer_and_no_error(self, source: PrometheusSource) -> None:
        assert (await source.query("no_such_metric", T0)).series == ()

    @pytest.mark.parametrize(
        ("promql", "words"),
        [
            ("sum(", "unclosed left parenthesis"),
            ("rate(requests_total)", "expected type range vector"),
            ("", "no expression"),
        ],
    )
    async def test_a_wrong_query_is_refused_in_the_servers_words(
        self, source: PrometheusSource, promql: str, words: str
    ) -> None:
        with pytest.raises(QueryRefusedError, match=words) as caught:
            await source.query(promql, T0)
        assert caught.value.query == promql

    async def test_too_many_points_are_refused_in_the_servers_words(self, source: PrometheusSource) -> None:
        with pytest.raises(QueryRefusedError, match="exceeded maximum resolution of 11,000 points"):
            await source.query_range("up", WINDOW, timedelta(milliseconds=100))

    async def test_a_query_longer_than_a_url_is_refused(self, source: PrometheusSource) -> None:
        with pytest.raises(QueryRefusedError, match="does not fit into a URL"):
            await source.query("a" * 70_000, T0)

    async def test_half_a_character_is_refused(self, source: PrometheusSource) -> None:
        with pytest.raises(QueryRefusedError, match="lone surrogate"):
            await source.query("up{a='\ud800'}", T0)

    async def test_label_sets_come_from_the_window_up_to_a_limit(self, source: PrometheusSource) -> None:
        selectors = ['requests_total{code="200"}', "temperature"]
        found = await source.label_sets(selectors, WINDOW, 10)
        assert [labels["__name__"] for labels in found] == ["requests_total", "temperature"]
        assert len(await source.label_sets(selectors, WINDOW, 1)) == 1
        assert not await source.label_sets(selectors, TimeWindow.before(T0 - HOUR, HOUR), 10)

    async def test_history_tells_episodes_with_their_true_start(self, source: PrometheusSource) -> None:
        slow, watchdog = await source.history(WINDOW)
        assert (slow.name, slow.service, slow.state) == ("Slow", "checkout", AlertState.RESOLVED)
        assert slow.started_at == _at(19.9)
        assert slow.ended_at is not None
        assert _at(30) < slow.ended_at <= _at(35.25)  # backfilled series have no staleness markers: 5 minutes more
        assert slow.labels == {"alertname": "Slow", "service": "checkout", "severity": "page"}
        assert (watchdog.name, watchdog.state, watchdog.ended_at) == ("Watchdog", AlertState.FIRING, None)
        assert watchdog.started_at <= T0

    async def test_history_sees_nothing_after_its_window(self, source: PrometheusSource) -> None:
        (slow,) = [alert for alert in await source.history(TimeWindow(T0, _at(22))) if alert.name == "Slow"]
        assert (slow.state, slow.ended_at) == (AlertState.PENDING, None)
        assert [alert.name for alert in await source.history(TimeWindow(T0, _at(15)))] == ["Watchdog"]
        assert not await source.history(TimeWindow.before(T0 - timedelta(days=1), HOUR))

    async def test_the_graph_is_where_the_link_leads(self, source: PrometheusSource, server: PrometheusServer) -> None:
        url = source.graph_url('sum(rate(a{b="c&d"}[5m]))', WINDOW)
        shown = httpx.URL(url).params
        assert url.startswith(f"{server.url}/graph?")
        assert dict(shown) == {
            "g0.expr": 'sum(rate(a{b="c&d"}[5m]))',
            "g0.tab": "0",
            "g0.range_input": "3600s",
            "g0.end_input": "2020-01-01 13:00:00",
        }
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(url, follow_redirects=True)).status_code == 200

    async def test_check_says_version_and_targets(self, source: PrometheusSource) -> None:
        assert "version 2." in await source.check() or "version 3." in await source.check()
        assert "it scrapes no targets" in await source.check()


RULES = """
groups:
  - name: shop
    rules:
      - {alert: Broken, expr: shop_orders > 1, labels: {severity: page, service: shop}}
      - {alert: Waiting, expr: shop_orders > 1, for: 1h, labels: {service: shop}}
"""
METRICS = b"# HELP shop_orders Orders waiting.\n# TYPE shop_orders gauge\nshop_orders 7\n"


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
async def test_a_live_prometheus_tells_metadata_targets_and_what_fires(tmp_path: Any) -> None:
    async with hostile(says(http(METRICS, kind="text/plain"))) as shop:
        scrape: JsonObject = {"job_name": "shop", "static_configs": [{"targets": [shop.url.removeprefix("http://")]}]}
        async with (
            PrometheusServer(tmp_path, scrape_configs=[scrape], rules=RULES, interval_s=1) as server,
            aclosing(PrometheusSource(server.url)) as source,
            asyncio.timeout(30),
        ):
            began = datetime.now(UTC)
            found = await source.history(TimeWindow.before(began, HOUR))
            while len(found) < 2:
                await asyncio.sleep(0.1)
                found = await source.history(TimeWindow.before(datetime.now(UTC), HOUR))
            metadata, said, rules = await source.metadata(), await source.check(), await source.rules()
            assert await source.rules() is rules, "kept for a while"
    by_name = {alert.name: alert for alert in found}
    assert by_name["Broken"].state is AlertState.FIRING
    assert by_name["Waiting"].state is AlertState.PENDING
    assert all(abs(alert.started_at - began) < timedelta(seconds=15) for alert in found)
    assert all(alert.ended_at is None for alert in found)
    assert metadata["shop_orders"] == MetricMetadata("gauge", "Orders waiting.", "")
    assert said.endswith("1 of 1 targets are up")
    assert {(rule.name, rule.alerts) for rule in rules} >= {("Broken", True), ("Waiting", True)}
    assert all(rule.expression for rule in rules)


class TestBadServer:
    @pytest.mark.parametrize(
        ("behave", "sentence"),
        [
            pytest.param(says(http(b"<html>Sign in", kind="text/html")), "a web page", id="html"),
            pytest.param(says(http(b"oops", status="500 Bad")), r"HTTP 500 \(oops\)", id="500"),
            pytest.param(says(http(b"")), "an empty answer", id="empty"),
            pytest.param(says(http(b'{"status":"success"}')), "is not Prometheus'", id="no data"),
            pytest.param(says(http(b'["a list"]')), "is not Prometheus'", id="list"),
            pytest.param(says(http(b'{"status":"success","data":[1]}')), "of an unknown form", id="form"),
            pytest.param(resets, "broke off its answer", id="reset"),
        ],
    )
    async def test_it_is_unavailable_and_the_query_is_kept(self, behave: Behaviour, sentence: str) -> None:
        async with (
            hostile(behave) as server,
            aclosing(PrometheusSource(server.url, name="thanos", timeout=0.5)) as source,
        ):
            with pytest.raises(SourceUnavailableError, match=sentence) as caught:
                await source.query_range("up == 0", WINDOW, HOUR)
        assert (caught.value.source, caught.value.query) == ("thanos", "up == 0")

    async def test_a_slow_drip_ends_at_the_deadline(self) -> None:
        drip = drips(http(b"x" * 9999)[:-9999], b"x", 0.05)
        async with hostile(drip) as server, aclosing(PrometheusSource(server.url, timeout=0.3)) as source:
            with pytest.raises(SourceUnavailableError, match=r"no full answer within 0\.3 s"):
                await source.query("up", T0)

    @pytest.mark.parametrize("data", [[], {"a": [{}]}, {"a": 7}, "text"])
    async def test_metadata_of_an_unknown_form_is_an_error(self, data: object) -> None:
        async with aclosing(_answering({"status": "success", "data": data})) as source:
            with pytest.raises(SourceUnavailableError, match="of an unknown form"):
                await source.metadata()

    @pytest.mark.parametrize("data", [[], {"groups": 7}, {"groups": [{}]}, {"groups": [{"rules": [{"name": "a"}]}]}])
    async def test_rules_of_an_unknown_form_are_an_error(self, data: object) -> None:
        async with aclosing(_answering({"status": "success", "data": data})) as source:
            with pytest.raises(SourceUnavailableError, match="of an unknown form"):
                await source.rules()

    async def test_all_methods_raise_source_errors_only(self) -> None:
        async with aclosing(_answering({"error": "no"}, status=502)) as source:
            for ask in (
                source.query("up", T0),
                source.query_range("up", WINDOW, HOUR),
                source.label_sets(["up"], WINDOW, 1),
                source.metadata(),
                source.rules(),
                source.history(WINDOW),
                source.check(),
            ):
                with pytest.raises(SourceError, match=r"HTTP 502 \(no\)"):
                    await ask


async def test_warnings_and_infos_of_the_server_are_kept() -> None:
    answer = {
        "status": "success",
        "data": {"resultType": "vector", "result": []},
        "warnings": ["no store"],
        "infos": ["x"],
    }
    async with aclosing(_answering(answer)) as source:
        assert (await source.query("up", T0)).warnings == ("no store", "x")


async def test_queries_run_in_parallel() -> None:
    """Sixteen queries meet at a barrier that lets nobody through alone."""
    barrier = asyncio.Barrier(16)

    async def meet(_: asyncio.StreamWriter) -> None:
        await barrier.wait()
        await says(http(json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}}).encode()))(_)

    async with hostile(meet) as server, aclosing(PrometheusSource(server.url, timeout=5)) as source:
        await asyncio.gather(*(source.query("up", T0) for _ in range(16)))


async def test_a_cancelled_query_leaves_nothing_behind() -> None:
    async with hostile(drips(b"", b"", 0.05)) as server, aclosing(PrometheusSource(server.url, timeout=0.3)) as source:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await source.query("up", T0)


async def test_links_lead_to_the_public_address_and_hold_no_password() -> None:
    async with (
        aclosing(PrometheusSource("http://in:9090", public_url="https://prometheus.example.com/p/")) as public,
        aclosing(PrometheusSource("http://me:secret@in:9090/")) as private,
    ):
        assert public.graph_url("up", WINDOW).startswith("https://prometheus.example.com/p/graph?g0.expr=up")
        assert private.graph_url("up", WINDOW).startswith("http://in:9090/graph?")


async def test_the_server_is_told_to_give_up_before_we_do() -> None:
    asked: list[httpx.URL] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(503, json={"status": "error", "errorType": "timeout", "error": "query timed out"})

    async with aclosing(PrometheusSource("http://in", timeout=10, transport=httpx.MockTransport(note))) as source:
        with pytest.raises(QueryRefusedError, match="query timed out"):
            await source.query("up", T0)
    assert asked[0].params["timeout"] == "9.000"


PARTIAL = "No StoreAPIs matched for this query"


def _partial(data: object, **options: Any) -> PrometheusSource:
    """A Thanos of which a store does not answer, with the same data for every question."""

    def say(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"status": "success", "data": data, "warnings": [PARTIAL]})

    return PrometheusSource("http://in", name="thanos", transport=httpx.MockTransport(say), **options)


async def test_a_partial_answer_says_so_whatever_was_asked() -> None:
    missing = (MissingSource("thanos", f"the answer may be partial: {PARTIAL}"),)
    async with aclosing(_partial({"resultType": "vector", "result": []})) as source:
        assert (await source.query("up", T0)).warnings == (PARTIAL,)
        assert (await source.query_range("up", WINDOW, timedelta(minutes=1))).warnings == (PARTIAL,)
        assert await source.history(WINDOW) == Listing((), missing)
        assert await source.check() == f"version unknown; it scrapes no targets; it warns: {PARTIAL}"
    async with aclosing(_partial([{"__name__": "up"}])) as source:
        assert await source.label_sets(["up"], WINDOW, 9) == Listing(({"__name__": "up"},), missing)


async def test_alerts_of_a_partial_answer_are_told_with_what_is_missing_and_their_environment() -> None:
    def say(request: httpx.Request) -> httpx.Response:
        asked = request.url.params["query"]
        end = T0.timestamp()
        labels = {"alertname": "Down", **({"alertstate": "firing"} if asked == "ALERTS" else {})}
        vector = {"resultType": "vector", "result": [{"metric": {}, "value": [end, "1"]}]}
        value = "1" if asked == "ALERTS" else str(end - 60)
        matrix = {"resultType": "matrix", "result": [{"metric": labels, "values": [[end - 15, value], [end, value]]}]}
        data = vector if asked.startswith("count") else matrix
        return httpx.Response(200, json={"status": "success", "data": data, "warnings": [PARTIAL]})

    source = PrometheusSource("http://in", environment="staging", transport=httpx.MockTransport(say))
    async with aclosing(source):
        told = await source.history(TimeWindow.before(T0, HOUR))
    assert [dict(alert.labels) for alert in told] == [{"alertname": "Down", "environment": "staging"}]
    assert told.missing == (MissingSource("prometheus", f"the answer may be partial: {PARTIAL}"),)


async def test_check_does_without_the_version_that_not_all_tell() -> None:
    def say(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/status/buildinfo":
            return httpx.Response(404, text="not found")
        data = {"resultType": "vector", "result": [{"metric": {}, "value": [1, "3"]}]}
        return httpx.Response(200, json={"status": "success", "data": data})

    async with aclosing(PrometheusSource("http://in", transport=httpx.MockTransport(say))) as source:
        assert await source.check() == "version unknown; 3 of 3 targets are up"
