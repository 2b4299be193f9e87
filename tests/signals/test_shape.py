"""What repeats itself and what has run into a limit is told from noise, drifts, steps and ramps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.signals.series import Series, Shape, facts
from sre_bot.signals.shape import has_hit_limit, period_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

K = np.arange(240)
TIMES = 1e9 + 15.0 * np.arange(240, dtype=np.float64)
NOISE = np.random.default_rng(7).normal(size=240)
WAVE = np.sin(2 * np.pi * K / 20)


def shape_of(values: FloatArray) -> Shape:
    return facts(Series({}, TIMES, np.asarray(values, np.float64))).shape


@pytest.mark.parametrize(
    ("values", "period"),
    [
        (WAVE, 20),
        (100 + 5 * WAVE + NOISE, 20),
        (10 + 50 * (K % 40 < 3) + NOISE, 40),
        (K % 12 + 0.3 * NOISE, 12),
        (NOISE, None),
        (np.cumsum(NOISE), None),
        (np.convolve(NOISE, np.ones(10), "same"), None),
        (K.astype(float), None),
        (np.where(K < 120, 1.0, 9.0), None),
        (np.where(K < 120, 0.0, WAVE), None),
        (np.where(K % 2, 1.0, 0.0), None),
        (np.sin(2 * np.pi * K / 150), None),
        (np.full(240, 3.0), None),
        (np.full(240, np.nan), None),
        (np.array([]), None),
        (np.ones(1), None),
        (WAVE[:11], None),
        (np.where(K % 3, np.nan, WAVE), None),
    ],
)
def test_only_what_repeats_itself_throughout_has_a_period(values: FloatArray, period: int | None) -> None:
    found = period_of(values)
    assert (found is None) == (period is None)
    assert found is None or period is None or abs(found - period) <= 1


@pytest.mark.parametrize(("persistence", "most"), [(0.0, 2), (0.7, 2), (0.9, 4), (1.0, 4)])
def test_noise_that_resembles_itself_seldom_has_a_period(persistence: float, most: int) -> None:
    """Of 200 windows of 240 points."""
    generator, found = np.random.default_rng(3), 0
    for _ in range(200):
        values = np.zeros(240)
        for n, shock in enumerate(generator.normal(size=240)):
            values[n] = persistence * values[n - 1] + shock
        found += period_of(values) is not None
    assert found <= most


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        (100 + 5 * WAVE + NOISE, Shape.PERIODIC),
        (10 + 50 * (K % 40 < 3) + NOISE, Shape.PERIODIC),
        (100 + 5 * WAVE + 40 * (K >= 200), Shape.STEP),
        (np.where(K < 150, 5 + np.abs(NOISE.round(1)), 20.0), Shape.SATURATED),
        (np.minimum(20.0, 5 + NOISE + 0.4 * np.maximum(0, K - 120)), Shape.SATURATED),
        (np.maximum(0.0, 20 + NOISE - 0.4 * np.maximum(0, K - 120)), Shape.SATURATED),
        (np.where(K < 150, 3.0, 20.0), Shape.STEP),
        (np.where(K < 150, 5.0, 20.0) + NOISE, Shape.STEP),
    ],
)
def test_the_shape_of_a_series(values: FloatArray, shape: Shape) -> None:
    assert shape_of(values) is shape


def test_a_periodic_series_has_its_period_in_seconds_and_no_onset() -> None:
    found = facts(Series({}, TIMES, 100 + 5 * WAVE + NOISE))
    assert found.period == pytest.approx(300, abs=15)
    assert (found.onset, found.shift) == (None, 0.0)
    assert found.before == found.after
    divided = facts(Series({}, TIMES, 100 + 5 * WAVE + NOISE), baseline_until=1e9 + 15.0 * 100)
    assert (divided.shape, divided.period) == (Shape.PERIODIC, found.period)


def test_too_small_a_wave_is_flat() -> None:
    assert shape_of(1000 + WAVE) is Shape.FLAT


def test_a_limit_is_one_only_for_what_moved_freely_before_and_stays_since() -> None:
    free = 5 + np.abs(NOISE[:100])
    assert has_hit_limit(free, np.full(20, 20.0))
    assert not has_hit_limit(free, np.full(5, 20.0)), "too short"
    assert not has_hit_limit(free[:3], np.full(20, 20.0)), "too little is known of before"
    assert not has_hit_limit(np.tile([3.0, 4.0], 50), np.full(20, 20.0)), "people set it"
    assert not has_hit_limit(free, np.full(20, 6.0)), "where it was before"
    assert not has_hit_limit(free, np.concatenate((np.full(10, 40.0), np.full(10, 20.0)))), "it was beyond"


def wave(seed: int, period: int, size: float) -> FloatArray:
    """A sine of ``size`` in noise of 1."""
    return size * np.sin(2 * np.pi * np.arange(120) / period) + np.random.default_rng(seed).normal(size=120)


waves = st.builds(
    wave,
    st.integers(0, 50),
    st.integers(6, 30),
    st.sampled_from([0.0, 4.0, 20.0]),
)


@given(waves, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_unit_and_offset_make_no_difference(values: FloatArray, unit: float, offset: float) -> None:
    assert period_of(values) == period_of(values * unit + offset)


@given(waves)
def test_upside_down_and_backwards_the_period_is_the_same(values: FloatArray) -> None:
    assert period_of(-values) == period_of(values)
    assert period_of(values[::-1]) == period_of(values)


@given(st.integers(0, 50), st.integers(6, 30), st.integers(0, 119))
def test_a_gap_does_not_hide_a_clear_period(seed: int, period: int, gap: int) -> None:
    values = wave(seed, period, 20.0)
    holed = values.copy()
    holed[gap] = np.nan
    whole, found = period_of(values), period_of(holed)
    assert whole is not None
    assert found is not None
    assert abs(whole - found) <= 1


@given(st.integers(0, 50), st.integers(6, 30), st.integers(0, 119))
def test_nor_does_it_hide_the_period_of_a_wave_four_times_its_noise(seed: int, period: int, gap: int) -> None:
    values = wave(seed, period, 4.0)
    values[gap] = np.nan
    found = period_of(values)
    assert found is not None
    assert abs(found - period) <= 2


@given(st.lists(st.floats(), max_size=60), st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
def test_no_values_whatever_break_it(values: list[float], others: list[float]) -> None:
    with np.errstate(all="ignore"):
        found = period_of(np.array(values, float))
        assert found is None or 0 < found < len(values)
        assert has_hit_limit(np.array(others, float), np.array(others, float)) in {True, False}
