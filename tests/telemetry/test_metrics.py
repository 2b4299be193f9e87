"""The metrics by themselves: named as Prometheus wants it, there from the start, of few labels."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sre_bot.servers import PROMTOOL
from sre_bot.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


@pytest.fixture
def metrics() -> Metrics:
    tools, sources = ("query_metrics", "list_changes"), ("prometheus", "shop")
    return Metrics(version="0.1.0", prompt="abc123", model="claude-test", tools=tools, sources=sources)


def families(metrics: Metrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.exposition().decode())}


def used(metrics: Metrics) -> Metrics:
    """With every metric moved once, as some show only then."""
    metrics.looked("query_metrics", 0.2, failed=False)
    metrics.unseen("prometheus")
    metrics.fetched.labels("shop").set(1_800_000_000)
    metrics.slack_calls.labels("chat.postMessage", "ok").inc()
    metrics.check.labels("slack").set(True)
    return metrics


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
def test_promtool_has_nothing_to_say_against_our_names(metrics: Metrics) -> None:
    done = subprocess.run(
        [PROMTOOL.find(), "check", "metrics"],
        input=used(metrics).exposition(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_can_be_counted_is_there_from_the_start(metrics: Metrics) -> None:
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families(metrics).values()
        for sample in family.samples
    }
    for expected in (
        ("sre_bot_questions_total", "direct"),
        ("sre_bot_answers_total", "given_up"),
        ("sre_bot_model_errors_total", "unavailable"),
        ("sre_bot_model_tokens_total", "cache_read"),
        ("sre_bot_looks_total", "failed", "query_metrics"),
        ("sre_bot_source_errors_total", "shop"),
        ("sre_bot_claims_total", "unverified"),
    ):
        assert samples[expected] == 0.0


def test_process_and_garbage_collector_come_along_and_nothing_of_the_clients_own_registry(metrics: Metrics) -> None:
    told = families(metrics)
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "python_gc_collections"} <= told.keys()
    assert "python_info" not in told
    assert not [name for name in told if name.endswith("_created")]
    assert all(name.startswith(("sre_bot_", "process_", "python_gc_")) for name in told)


def test_two_sets_of_metrics_do_not_meet() -> None:
    one, other = (Metrics(version="1", prompt="p", model="m") for _ in range(2))
    one.dollars.inc(0.25)
    assert other.registry.get_sample_value("sre_bot_model_cost_dollars_total") == 0.0


def test_only_configured_sources_are_names(metrics: Metrics) -> None:
    metrics.unseen("shop, prometheus, shop")
    metrics.unseen("changes")
    metrics.unseen("whatever a server calls itself")
    errors = {s.labels["source"]: s.value for s in families(metrics)["sre_bot_source_errors"].samples}
    assert errors == {"prometheus": 1.0, "shop": 1.0}


def test_every_metric_is_documented(metrics: Metrics) -> None:
    documented = re.findall(r"^\| `(sre_bot_\w+)", OPERATIONS.read_text(), re.MULTILINE)
    ours = {
        sample.name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
        for name, family in families(used(metrics)).items()
        if name.startswith("sre_bot_")
        for sample in family.samples
    }
    assert set(documented) == ours
