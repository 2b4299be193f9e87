"""A change of level is found where it is, and noise is not one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sre_bot.signals.onset import Onset, onset

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

STEP = 15.0
START = 1_750_000_000.0


def times_of(values: FloatArray) -> FloatArray:
    return START + STEP * np.arange(len(values), dtype=np.float64)


def onset_of(values: FloatArray) -> Onset | None:
    return onset(times_of(values), np.asarray(values, float))


def index_of(found: Onset | None) -> float:
    assert found is not None
    return (found.time - START) / STEP


def stepped(points: int, after: int, height: float, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    return 10 + rng.normal(size=points) + height * (np.arange(points) >= points - after)


@pytest.mark.parametrize(("points", "after"), [(38, 8), (60, 20), (240, 8), (240, 120), (241, 3), (2_000, 400)])
def test_a_step_is_found_at_its_first_point_whatever_the_length_of_the_window(points: int, after: int) -> None:
    assert index_of(onset_of(stepped(points, after, height=8))) == points - after


def test_a_step_that_lasts_has_no_end_and_one_that_passed_has() -> None:
    lasting, passed = stepped(240, 40, height=8), stepped(240, 40, height=8)
    passed[220:] -= 8
    assert getattr(onset_of(lasting), "until", "none") is None
    found = onset_of(passed)
    assert found is not None
    assert found.until == START + 219 * STEP


def test_a_fall_is_found_like_a_rise() -> None:
    assert index_of(onset_of(-stepped(120, 20, height=8))) == 100


def test_errors_that_were_always_zero_are_found_with_the_first_one() -> None:
    errors = np.zeros(100)
    errors[90:] = [1, 2, 1, 3, 2, 1, 4, 2, 1, 2]
    assert index_of(onset_of(errors)) == 90


def test_a_leak_is_found_about_where_it_begins_to_climb() -> None:
    k = np.arange(240)
    leak = 100 + np.random.default_rng(1).normal(size=240) + np.maximum(0, k - 200)
    assert abs(index_of(onset_of(leak)) - 200) <= 6


def test_a_step_seen_through_a_rate_window_is_found_where_the_ramp_begins_within_its_uncertainty() -> None:
    rng = np.random.default_rng(2)
    counts = np.concatenate((rng.poisson(20, size=189), rng.poisson(60, size=50)))
    found = onset_of(np.convolve(counts, np.ones(20) / 20, "valid"))
    assert found is not None
    assert abs(found.time - (START + 170 * STEP)) <= found.uncertainty_s


def test_one_or_two_wild_points_are_no_change_of_level() -> None:
    values = stepped(120, 0, height=0)
    values[70:72] += 100
    assert onset_of(values) is None


def test_a_counter_that_nobody_rated_has_no_onset_as_it_only_grows() -> None:
    assert onset_of(np.arange(120.0)) is None
    assert onset_of(np.cumsum(np.random.default_rng(3).poisson(5, size=120)).astype(float)) is None


def test_gaps_are_skipped_and_not_taken_for_zeros() -> None:
    values = stepped(120, 20, height=8)
    values[::4] = np.nan
    values[1::40] = np.inf
    assert index_of(onset_of(values)) in {100, 101}


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0], [5.0] * 50, [np.nan] * 50])
def test_too_little_or_nothing_that_varies_has_no_onset(values: list[float]) -> None:
    assert onset_of(np.array(values)) is None


@pytest.mark.parametrize(("points", "after"), [(38, 8), (120, 20), (240, 30)])
def test_four_standard_deviations_are_nearly_always_found_and_within_the_uncertainty(points: int, after: int) -> None:
    found = [onset_of(stepped(points, after, height=4, seed=seed)) for seed in range(100)]
    hits = [one for one in found if one is not None]
    right = [one for one in hits if abs(one.time - (START + (points - after) * STEP)) <= one.uncertainty_s]
    assert len(hits) >= 93
    assert len(right) >= 0.9 * len(hits)


def autoregressive(rng: np.random.Generator, points: int, memory: float) -> FloatArray:
    noise = rng.normal(size=points + 200)
    for i in range(1, len(noise)):
        noise[i] += memory * noise[i - 1]
    return noise[200:]


NOISES: dict[str, tuple[Callable[[np.random.Generator, int], FloatArray], float]] = {
    "white": (lambda rng, n: rng.normal(size=n), 0.01),
    "heavy-tailed": (lambda rng, n: rng.standard_t(2, size=n), 0.02),
    "skewed": (lambda rng, n: rng.exponential(size=n), 0.02),
    "AR(1) 0.5": (lambda rng, n: autoregressive(rng, n, 0.5), 0.03),
    "AR(1) 0.7": (lambda rng, n: autoregressive(rng, n, 0.7), 0.05),
    "Poisson 0.05": (lambda rng, n: rng.poisson(0.05, size=n).astype(float), 0.02),
    "Poisson 0.2": (lambda rng, n: rng.poisson(0.2, size=n).astype(float), 0.02),
    "Poisson 5": (lambda rng, n: rng.poisson(5, size=n).astype(float), 0.02),
    "rate over 5 points": (lambda rng, n: np.convolve(rng.poisson(1, n + 4), np.ones(5) / 5, "valid"), 0.06),
}


@pytest.mark.parametrize("points", [38, 240])
@pytest.mark.parametrize("noise", NOISES)
def test_it_does_not_fire_on_noise(noise: str, points: int) -> None:
    """At most the stated share of windows of pure noise has an onset; the docstring of the module names the figures."""
    draw, allowed = NOISES[noise]
    rng = np.random.default_rng(4)
    fired = sum(onset_of(draw(rng, points)) is not None for _ in range(200))
    assert fired <= allowed * 200


values_with_a_step = st.builds(stepped, st.integers(40, 200), st.integers(6, 20), st.floats(10, 50), st.integers(0, 99))


@given(values=values_with_a_step, scale=st.floats(1e-6, 1e6), offset=st.floats(-1e4, 1e4))
@settings(max_examples=60, deadline=None)
def test_the_unit_makes_no_difference(values: FloatArray, scale: float, offset: float) -> None:
    plain, converted = onset_of(values), onset_of(scale * (values + offset))
    assert index_of(plain) == index_of(converted)


@given(values=values_with_a_step, later=st.floats(-1e8, 1e8))
@settings(max_examples=30, deadline=None)
def test_the_time_of_day_makes_no_difference(values: FloatArray, later: float) -> None:
    times = times_of(values)
    plain, moved = onset(times, values), onset(times + later, values)
    assert plain is not None
    assert moved is not None
    assert moved.time - plain.time == pytest.approx(later, abs=1e-3)


wild = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(values_with_a_step, st.dictionaries(st.integers(0, 39), wild, max_size=20))
@settings(max_examples=100, deadline=None)
def test_whatever_the_values_an_onset_lies_inside_the_window(values: FloatArray, replaced: dict[int, float]) -> None:
    values = values.copy()
    values[list(replaced)] = list(replaced.values())
    found = onset_of(values)
    if found is not None:
        assert START < found.time <= START + STEP * (len(values) - 3)
        assert found.uncertainty_s >= STEP
        assert found.score > 0


@given(arrays.arrays(np.float64, st.integers(0, 60), elements=wild))
@settings(max_examples=100, deadline=None)
def test_no_values_make_it_stumble(values: FloatArray) -> None:
    assert isinstance(onset_of(values), Onset | None)
