"""Counters as rates: resets, gaps, and what is invariant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.signals.counters import rates
from sre_bot.signals.series import Series

NAN = float("nan")


def rated(values: list[float], step: float = 10.0) -> list[float]:
    counter = Series({"a": "b"}, 1e9 + step * np.arange(len(values), dtype=np.float64), np.array(values, float))
    found = rates(counter)
    assert found.labels == counter.labels
    assert found.times is counter.times
    return [float(value) for value in found.values]


@pytest.mark.parametrize(
    ("counter", "per_second"),
    [
        ([0, 10, 30], [NAN, 1, 2]),
        ([100, 110, 5, 25], [NAN, 1, 0.5, 2]),
        ([0, NAN, 40, 50], [NAN, NAN, 2, 1]),
        ([NAN, 10, 20], [NAN, NAN, 1]),
        ([7, 7, 7], [NAN, 0, 0]),
        ([7], [NAN]),
        ([NAN, NAN], [NAN, NAN]),
        ([], []),
    ],
)
def test_a_rate_is_the_growth_since_the_sample_before(counter: list[float], per_second: list[float]) -> None:
    np.testing.assert_equal(rated(counter), per_second)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=50), st.integers(1, 1000))
def test_rates_are_never_negative_and_scale_with_the_counter(counts: list[int], factor: int) -> None:
    found = rated([float(count) for count in counts])
    assert all(value >= 0 for value in found[1:])
    np.testing.assert_allclose(rated([float(count * factor) for count in counts]), np.array(found) * factor)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=50), st.data())
def test_a_reset_costs_no_more_than_what_was_counted_between_two_samples(grown: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(grown) - 1))
    whole = np.cumsum(grown).astype(float)
    reset = np.concatenate((whole[:at], np.cumsum(grown[at:])))
    assert sum(rated(list(reset))[1:]) <= sum(rated(list(whole))[1:]) + 1e-9
