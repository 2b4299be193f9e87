"""Axes have few, round ticks that carry their units."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.render.axis import is_written, time_ticks, value_text, value_ticks

FLOATS = st.floats(-1e15, 1e15).map(lambda value: 0.0 if abs(value) < 1e-100 else value)
MIDNIGHT = 1_795_305_600.0  # 2026-11-22 00:00 UTC


@pytest.mark.parametrize(
    ("low", "high", "unit", "labels"),
    [
        (0.001, 0.31, "ratio", ["0 %", "10 %", "20 %", "30 %", "40 %"]),
        (0.12, 1.9, "seconds", ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s"]),
        (0.02, 0.35, "seconds", ["0 ms", "100 ms", "200 ms", "300 ms", "400 ms"]),
        (900.0, 990.0, "milliseconds", ["900 ms", "925 ms", "950 ms", "975 ms", "1000 ms"]),
        (0, 3 * 2**30, "bytes", ["0 GiB", "1 GiB", "2 GiB", "3 GiB"]),
        (0, 2000.0, "bytes/s", ["0.0 KiB/s", "0.5 KiB/s", "1.0 KiB/s", "1.5 KiB/s", "2.0 KiB/s"]),
        (0, 41.0, "requests/s", ["0/s", "20/s", "40/s", "60/s"]),
        (0, 0, "requests", ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (-4, 4, "", ["-4", "-2", "0", "2", "4"]),
    ],
)
def test_value_ticks_are_round_and_labelled(low: float, high: float, unit: str, labels: list[str]) -> None:
    assert [tick.label for tick in value_ticks(low, high, unit)] == labels


@given(FLOATS, FLOATS, st.sampled_from(("", "ratio", "seconds", "bytes", "requests/s")))
def test_value_ticks_enclose_all_values_and_stay_few(one: float, other: float, unit: str) -> None:
    low, high = min(one, other), max(one, other)
    ticks = value_ticks(low, high, unit)
    slack = 1e-9 * max(abs(low), abs(high))
    assert ticks[0].at <= low + slack
    assert ticks[-1].at >= high - slack
    assert ticks[0].at < ticks[-1].at
    assert 2 <= len(ticks) <= 8
    assert all(math.isfinite(tick.at) for tick in ticks)


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (60, ["00:00:00", "00:00:15", "00:00:30", "00:00:45", "00:01:00"]),
        (1_800, ["00:00", "00:10", "00:20", "00:30"]),
        (21_600, ["00:00", "02:00", "04:00", "06:00"]),
        (172_800, ["00:00", "12:00", "00:00", "12:00", "00:00"]),
        (400_000, ["Nov 22", "Nov 23", "Nov 24", "Nov 25", "Nov 26"]),
    ],
)
def test_time_ticks_are_round_moments_in_utc(length: float, labels: list[str]) -> None:
    assert [tick.label for tick in time_ticks(MIDNIGHT, MIDNIGHT + length)] == labels


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.3071, "ratio", "30.7 %"),
        (0.0021, "seconds", "2.1 ms"),
        (90.0, "seconds", "90 s"),
        (12345.0, "", "12.3k"),
        (0, "", "0"),
    ],
)
def test_a_value_carries_its_unit(value: float, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


def test_which_units_the_numbers_carry() -> None:
    assert all(map(is_written, ("", "/s", "seconds", "bytes/s", "ratio")))
    assert not is_written("requests/s")
