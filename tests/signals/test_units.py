"""Units from names, and values as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.signals.units import format_value, unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("http_request_duration_seconds", "seconds"),
        ("http_request_duration_seconds_bucket", "observations"),
        ("http_request_duration_seconds_count", "observations"),
        ("http_request_duration_seconds_sum", "seconds"),
        ("process_cpu_seconds_total", "seconds"),
        ("http_requests_total", "requests"),
        ("process_resident_memory_bytes", "bytes"),
        ("cache_hit_ratio", "ratio"),
        ("disk_used_percent", "percent"),
        ("latency_ms", "milliseconds"),
        ("process_start_time_seconds", "timestamp"),
        ("backup_last_success_timestamp_seconds", "timestamp"),
        ("queue_depth", ""),
        ("up", ""),
        ("", ""),
    ],
)
def test_a_name_promises_its_unit(name: str, unit: str) -> None:
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("name", "unit"),
    [("http_requests_total", "requests/s"), ("sent_bytes_total", "bytes/s"), ("queue_depth", "units/s")],
)
def test_a_rate_is_per_second(name: str, unit: str) -> None:
    assert unit_of(name, rated=True) == unit


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (1.2, "seconds", "1.2 s"),
        (0.34, "seconds", "340 ms"),
        (0.00012, "seconds", "120 µs"),
        (0.99999, "seconds", "1 s"),
        (90, "seconds", "90 s"),
        (600, "seconds", "10 min"),
        (7_300, "seconds", "2.03 h"),
        (864_000, "seconds", "10 d"),
        (340, "milliseconds", "340 ms"),
        (1_500, "microseconds", "1.5 ms"),
        (2e9, "nanoseconds", "2 s"),
        (2_048, "kilobytes", "2 MiB"),
        (3, "megabytes/s", "3 MiB/s"),
        (0.31, "ratio", "31 %"),
        (0.9995, "ratio", "99.95 %"),
        (1, "ratio", "100 %"),
        (0.004, "ratio", "0.4 %"),
        (42, "percent", "42 %"),
        (1.4 * 2**30, "bytes", "1.4 GiB"),
        (1023.9, "bytes", "1 KiB"),
        (5, "bytes", "5 B"),
        (3 * 2**20, "bytes/s", "3 MiB/s"),
        (12.3, "requests/s", "12.3/s"),
        (1_200, "", "1.2k"),
        (999_990, "", "1M"),
        (2_500_000_000, "requests", "2.5G"),
        (0, "", "0"),
        (-3.5, "", "-3.5"),
        (1e-6, "", "1.00e-06"),
        (1_750_000_000, "timestamp", "2025-06-15 15:06:40Z"),
        (1e30, "timestamp", "1000000000000000000T"),
        (math.nan, "seconds", "no data"),
        (math.inf, "bytes", "+Inf"),
        (-math.inf, "", "-Inf"),
    ],
)
def test_a_value_is_written_as_an_engineer_would(value: float, unit: str, written: str) -> None:
    assert format_value(value, unit) == written


@given(
    st.floats(),
    st.sampled_from(["", "seconds", "nanoseconds", "megabytes", "ratio", "percent", "bytes/s", "timestamp"]),
)
def test_any_number_can_be_written(value: float, unit: str) -> None:
    assert format_value(value, unit).isprintable()


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("uwsgi_worker_average_response_time_usec", "microseconds"),
        ("task_runtime_nanoseconds", "nanoseconds"),
        ("cache_size_mb", "megabytes"),
        ("heap_used_kb", "kilobytes"),
    ],
)
def test_units_that_are_not_base_units(name: str, unit: str) -> None:
    assert unit_of(name) == unit
