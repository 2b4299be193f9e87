"""A series as facts: its levels, its onset, its shape; and its picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.signals.series import CAME_OR_WENT, MATERIAL_FLOW, Series, SeriesFacts, Shape, facts, on_grid, sparkline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

STEP = 15.0
START = 1_750_000_000.0
K = np.arange(240)
NOISE = np.random.default_rng(0).normal(size=240)


def series(values: FloatArray, start: float = START) -> Series:
    values = np.asarray(values, float)
    return Series({}, start + STEP * np.arange(len(values), dtype=np.float64), values)


def facts_of(values: FloatArray) -> SeriesFacts:
    return facts(series(values))


@pytest.mark.parametrize(
    ("values", "shape", "onset"),
    [
        (10 + NOISE, Shape.FLAT, None),
        (np.full(240, 3.0), Shape.FLAT, None),
        (10 + NOISE + 9 * (K >= 200), Shape.STEP, 200),
        (10 + NOISE - 9 * (K >= 200), Shape.STEP, 200),
        (10 + NOISE + 30 * ((K >= 150) & (K < 160)), Shape.SPIKE, 150),
        (10 + NOISE * 0.3 + np.maximum(0, K - 120) * 0.3, Shape.RAMP, 120),
        (2.0 * K, Shape.RAMP, None),
        (np.where(K < 200, 10 + NOISE, np.nan), Shape.GONE, 200),
        (np.where(K < 200, np.nan, 10 + NOISE), Shape.APPEARED, 200),
        (np.where(K % 3 == 0, np.nan, 10 + NOISE), Shape.FLAT, None),
    ],
)
def test_the_shape_is_what_a_human_would_say(values: FloatArray, shape: Shape, onset: int | None) -> None:
    found = facts_of(values)
    assert found.shape is shape
    assert found.onset == (None if onset is None else START + STEP * onset)


def test_before_and_after_are_the_levels_around_the_onset() -> None:
    found = facts_of(np.where(K < 200, 2.0, 12.0))
    assert (found.before, found.after) == (2.0, 12.0)


def test_after_a_spike_is_its_own_level_and_last_tells_that_it_is_over() -> None:
    found = facts_of(np.where((K >= 150) & (K < 160), 40.0, 2.0))
    assert (found.before, found.after, found.last) == (2.0, 40.0, 2.0)


def test_a_given_baseline_divides_instead_of_the_change_point() -> None:
    found = facts(series(np.where(K < 200, 2.0, 12.0)), baseline_until=START + STEP * 230)
    assert (found.before, found.after) == (2.0, 12.0)
    early = facts(series(np.where(K < 200, 2.0, 12.0)), baseline_until=START + STEP * 20)
    assert (early.before, early.after, early.onset) == (2.0, 2.0, START + STEP * 200)


def test_extremes_mean_and_last_leave_out_what_is_not_finite() -> None:
    found = facts_of(np.array([1.0, np.nan, 5.0, np.inf, 3.0]))
    assert (found.minimum, found.maximum, found.mean, found.last, found.points) == (1.0, 5.0, 3.0, 3.0, 3)


def test_nothing_at_all_is_no_points_and_no_numbers() -> None:
    for values in (np.array([]), np.full(10, np.nan)):
        found = facts_of(values)
        assert found.points == 0
        assert math.isnan(found.mean)
        assert found.onset is None


def test_errors_from_nothing_shift_by_a_lot_and_a_lot_is_finite() -> None:
    assert 10 < facts_of(np.where(K < 220, 0.0, 0.5)).shift <= 100


def test_the_shift_is_measured_in_the_noise_of_the_old_level_but_in_no_less_than_a_tenth_of_it() -> None:
    noisy, steady = facts_of(10 + 3 * NOISE + 30 * (K >= 120)), facts_of(np.where(K < 120, 10.0, 40.0))
    assert 8 < noisy.shift < 12
    assert steady.shift == pytest.approx(30)
    assert facts_of(np.where(K < 120, 40.0, 10.0)).shift == pytest.approx(-7.5)


def test_a_series_that_came_or_went_shifts_by_a_fixed_amount_and_one_of_its_levels_is_unknown() -> None:
    gone = facts_of(np.where(K < 200, 5.0, np.nan))
    assert (gone.before, gone.shift) == (5.0, -CAME_OR_WENT)
    assert math.isnan(gone.after)


def test_a_change_too_small_for_a_human_is_none() -> None:
    assert facts_of(100 + NOISE * 1e-4 + 0.1 * (K >= 200)).shape is Shape.FLAT


def test_how_small_a_change_may_be_is_told_by_who_knows_the_unit_and_from_nothing_any_is_one() -> None:
    slower = series(np.where(K >= 200, 0.289, 0.282) + NOISE * 1e-4)
    assert facts(slower).shape is Shape.STEP
    assert facts(slower, material=MATERIAL_FLOW).onset is None
    assert facts(slower, material=MATERIAL_FLOW).shape is Shape.FLAT
    assert facts(series(np.where(K >= 200, 0.001, 0.0)), material=MATERIAL_FLOW).shape is Shape.STEP
    climbing = series(np.linspace(100, 104.8, 240))
    assert (facts(climbing).shape, facts(climbing, material=MATERIAL_FLOW).shape) == (Shape.RAMP, Shape.FLAT)


def test_a_few_errors_in_an_availability_close_to_one_are_a_change() -> None:
    found = facts_of(0.999 + NOISE * 1e-4 - 0.05 * (K >= 200))
    assert found.onset == START + STEP * 200


stepped = st.builds(
    lambda seed, at, height: (
        10 + np.random.default_rng(seed).normal(size=100) + height * (np.arange(100) >= at).astype(float)
    ),
    st.integers(0, 50),
    st.integers(20, 90),
    st.sampled_from([-30.0, 0.0, 12.0, 40.0]),
)


@given(stepped, st.floats(1e-3, 1e3))
@settings(max_examples=50, deadline=None)
def test_another_unit_changes_neither_shift_nor_shape_nor_onset(values: FloatArray, unit: float) -> None:
    plain, converted = facts_of(values), facts_of(values * unit)
    assert (plain.shape, plain.onset) == (converted.shape, converted.onset)
    assert converted.shift == pytest.approx(plain.shift, rel=1e-6)
    assert converted.after == pytest.approx(plain.after * unit)


@given(stepped, st.integers(-(10**6), 10**6))
@settings(max_examples=30, deadline=None)
def test_another_time_moves_only_the_onset(values: FloatArray, later: int) -> None:
    plain, moved = facts_of(values), facts(series(values, START + later))
    assert moved.shape is plain.shape
    assert moved.onset == (None if plain.onset is None else plain.onset + later)


@given(st.floats(-1e9, 1e9, allow_subnormal=False), st.integers(1, 300))
@settings(deadline=None)
def test_a_constant_series_never_changes(value: float, points: int) -> None:
    found = facts_of(np.full(points, value))
    assert (found.shape, found.shift, found.before, found.after) == (Shape.FLAT, 0.0, value, value)


def test_a_series_is_put_on_a_grid_with_gaps_where_it_has_no_sample() -> None:
    sparse = Series({"a": "b"}, np.array([10.0, 30.0, 40.0, 999.0]), np.array([1.0, 3.0, 4.0, 9.0]))
    found = on_grid(sparse, start=10, end=50, step=10)
    assert found.labels == {"a": "b"}
    assert found.times.tolist() == [10, 20, 30, 40, 50]
    np.testing.assert_equal(found.values, [1, np.nan, 3, 4, np.nan])


def test_a_sparkline_shows_low_high_and_gaps() -> None:
    assert sparkline(np.array([0.0, 1.0, np.nan, 7.0])) == "▁▂ █"
    assert sparkline(np.arange(240.0), width=8) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.full(5, 3.0)) == "▁▁▁▁▁"
    assert sparkline(np.array([])) == ""
    assert sparkline(np.full(3, np.nan)) == "   "


@given(st.lists(st.floats(width=32), max_size=300), st.integers(1, 40))
@settings(deadline=None)
def test_a_sparkline_is_never_wider_than_asked(values: list[float], width: int) -> None:
    drawn = sparkline(np.array(values, float), width)
    assert len(drawn) == min(width, len(values))
    assert set(drawn) <= set(" ▁▂▃▄▅▆▇█")


def test_a_leak_with_a_restart_at_the_end_is_a_ramp() -> None:
    leak = np.where(K < 230, 200 + K + NOISE, 40.0)
    assert facts_of(leak).shape is Shape.RAMP
