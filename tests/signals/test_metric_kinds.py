"""The kind of a metric is told from its name in every naming convention that is met in life."""

from __future__ import annotations

import pytest

from sre_bot.signals.metric_kinds import MetricKind, kind_of, lower_is_worse, may_be_cumulative


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("container_cpu_usage_seconds_total", MetricKind.CPU),
        ("container_cpu_cfs_throttled_periods_total", MetricKind.CPU),
        ("node_load1", MetricKind.CPU),
        ("CPUUtilization", MetricKind.CPU),
        ("container_memory_working_set_bytes", MetricKind.MEMORY),
        ("node_memory_MemAvailable_bytes", MetricKind.MEMORY),
        ("FreeableMemory", MetricKind.MEMORY),
        ("jvm_gc_pause_seconds_sum", MetricKind.MEMORY),
        ("container_fs_writes_bytes_total", MetricKind.DISK),
        ("diskio", MetricKind.DISK),
        ("container_network_receive_bytes_total", MetricKind.NETWORK),
        ("DatabaseConnections", MetricKind.NETWORK),
        ("socket", MetricKind.NETWORK),
        ("istio_request_duration_milliseconds_bucket", MetricKind.LATENCY),
        ("http_request_duration_seconds_sum", MetricKind.LATENCY),
        ("PodServerLatencyP90(s)", MetricKind.LATENCY),
        ("latency-50", MetricKind.LATENCY),
        ("TargetResponseTime", MetricKind.LATENCY),
        ("checkout_seconds", MetricKind.LATENCY),
        ("mrt", MetricKind.LATENCY),
        ("istio_requests_total", MetricKind.LOAD),
        ("http_server_requests_seconds_count", MetricKind.LOAD),
        ("PodWorkload(Ops)", MetricKind.LOAD),
        ("RequestCount", MetricKind.LOAD),
        ("HTTPCode_Target_5XX_Count", MetricKind.ERROR),
        ("kube_pod_container_status_restarts_total", MetricKind.ERROR),
        ("availability_Average", MetricKind.ERROR),
        ("PodSuccessRate(%)", MetricKind.ERROR),
        ("rabbitmq_queue_messages_ready", MetricKind.QUEUE),
        ("kafka_consumergroup_lag", MetricKind.QUEUE),
        ("container_threads", MetricKind.QUEUE),
        ("temperature_celsius", MetricKind.OTHER),
        ("", MetricKind.OTHER),
    ],
)
def test_kind(metric: str, kind: MetricKind) -> None:
    assert kind_of(metric) is kind


@pytest.mark.parametrize("metric", ["PodSuccessRate(%)", "availability_Average", "up", "FreeableMemory", "cpu_idle"])
def test_less_is_worse(metric: str) -> None:
    assert lower_is_worse(metric)


@pytest.mark.parametrize("metric", ["error_rate", "latency_p99", "container_memory_usage_bytes", "group"])
def test_more_is_worse(metric: str) -> None:
    assert not lower_is_worse(metric)


def test_counters_by_convention() -> None:
    assert may_be_cumulative("istio_requests_total")
    assert may_be_cumulative("http_request_duration_seconds_bucket")
    assert not may_be_cumulative("total_memory_bytes")
