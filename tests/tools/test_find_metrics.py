"""Discovery: which metrics there are, what they are measured in, and which labels tell their series apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.signals.series import MetricMetadata
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import FakeMetrics, down

if TYPE_CHECKING:
    from sre_bot.investigation import JsonValue, Observation

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)

LABELS = [
    *(
        {"__name__": "http_requests_total", "service": s, "code": c}
        for s in ("cart", "checkout")
        for c in ("200", "500")
    ),
    *({"__name__": "latency_seconds_bucket", "service": "checkout", "le": le} for le in ("0.1", "1", "+Inf")),
    {"__name__": "latency_seconds_sum", "service": "checkout"},
    {"__name__": "latency_seconds_count", "service": "checkout"},
    {"__name__": "go_goroutines", "service": "checkout"},
    {"__name__": "queue_depth", "job": "mailer"},
    *({"__name__": "up", "job": job} for job in ("cart", "checkout", "mailer")),
]
TOLD = {
    "http_requests_total": MetricMetadata("counter", "Requests, by status code.", ""),
    "latency_seconds": MetricMetadata("histogram", "How long a request took.", ""),
    "queue_depth": MetricMetadata("gauge", "", "letters"),
}


async def look(**arguments: JsonValue) -> Observation:
    metrics = FakeMetrics(labels=LABELS, told=TOLD)
    return await Toolbox([find_metrics([metrics])], AT).look("find_metrics", arguments)


async def test_a_service_shows_its_metrics_with_type_unit_and_labels_and_the_runtimes_last() -> None:
    assert (await look(service="checkout")).content.splitlines() == [
        "4 found",
        "http_requests_total (counter, requests, 2 series) {code=200|500, service=checkout} Requests, by status code.",
        "latency_seconds (histogram, seconds, 1 series) {service=checkout} How long a request took.",
        "up (type unknown, 1 series) {job=checkout}",
        "of the runtime and the scrape, told when you ask for words of the name: go_goroutines",
    ]


async def test_what_a_runtime_tells_is_named_in_one_line_unless_asked_for_by_word() -> None:
    noise = ["process_cpu_seconds_total", "python_info", "scrape_duration_seconds", "orders_created", "go_threads"]
    labels = [{"__name__": name, "service": "cart"} for name in ["orders_total", *noise]]
    box = Toolbox([find_metrics([FakeMetrics(labels=labels)])], AT)
    lines = (await box.look("find_metrics", {"service": "cart"})).content.splitlines()
    assert [line.partition(" ")[0] for line in lines[1:-1]] == ["orders_total"]
    assert lines[-1].endswith(
        "of the name: go_threads, orders_created, process_cpu_seconds_total, python_info, scrape_duration_seconds"
    )
    asked = (await box.look("find_metrics", {"service": "cart", "name": "cpu"})).content.splitlines()
    assert asked[1].startswith("process_cpu_seconds_total (type unknown, seconds, 1 series) ")


async def test_words_of_a_name_find_it_in_any_order_and_case() -> None:
    seen = await look(name="Total REQUESTS")
    assert seen.content.splitlines()[0] == "1 found"
    assert seen.content.splitlines()[1].startswith("http_requests_total ")


async def test_service_and_words_narrow_together() -> None:
    seen = await look(service="mailer", name="queue")
    assert seen.content.splitlines()[1] == "queue_depth (gauge, letters, 1 series) {job=mailer}"


async def test_an_unknown_service_is_answered_with_the_services_there_are_likeliest_first() -> None:
    seen = await look(service="chekout")
    assert not seen.failed
    assert seen.content.endswith("Services that are scraped: checkout, cart, mailer.")


async def test_words_of_no_name_are_answered_as_such() -> None:
    seen = await look(name="kafka")
    assert seen.content == "No metrics for names with kafka within the last hour."


async def test_without_anything_to_look_for_it_says_what_it_needs() -> None:
    for arguments in ({}, {"name": "{}"}):
        seen = await look(**arguments)
        assert seen.failed
        assert "give a service, or words of a metric's name" in seen.content


async def test_what_looks_like_promql_in_an_argument_is_only_text() -> None:
    seen = await look(service='"} or {job="mailer', name='x.*"}')
    assert not seen.failed
    assert "No metrics for" in seen.content


async def test_very_many_metrics_and_values_are_bounded() -> None:
    labels = [{"__name__": f"shop_metric_{m}", "pod": f"pod-{p}"} for m in range(200) for p in range(20)]
    metrics = FakeMetrics(labels=labels)
    seen = await Toolbox([find_metrics([metrics])], AT).look("find_metrics", {"name": "shop"})
    assert "pod=pod-0|pod-1|… 20 values" in seen.content
    assert seen.content.splitlines()[0] == "200 found"
    assert seen.content.splitlines()[-1].endswith(" and 115 more")
    assert estimated_tokens(seen.content) <= 2_000


async def test_a_listing_that_was_cut_by_the_limit_says_so() -> None:
    metrics = FakeMetrics(labels=[{"__name__": "shop_metric", "pod": str(i)} for i in range(6_000)])
    seen = await Toolbox([find_metrics([metrics])], AT).look("find_metrics", {"name": "shop"})
    assert "There are more series than could be read" in seen.content


async def test_a_source_that_is_down_is_missing() -> None:
    metrics = FakeMetrics(failure=down("prometheus"))
    seen = await Toolbox([find_metrics([metrics])], AT).look("find_metrics", {"service": "cart"})
    assert seen.failed
    assert seen.missing is not None
