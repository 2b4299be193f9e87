"""How far series left their level, when, and for how long."""

from __future__ import annotations

import numpy as np
import pytest

from sre_bot.signals.level_shift import AT_A_TIME, level_shifts, quantiles


def noise(rows: int, columns: int, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(100, 1, (rows, columns))


def test_a_step_is_told_with_its_levels_and_beginning() -> None:
    searched = noise(2, 96, 1)
    searched[0, 40:] += 50
    searched[1, 40:] -= 50
    shifts = level_shifts(noise(2, 200), searched)
    assert shifts.rise[0] > 5
    assert shifts.rise[1] < 1
    assert shifts.fall[1] > 5
    assert shifts.fall[0] < 1
    assert shifts.high[0] == pytest.approx(150, abs=1)
    assert shifts.low[1] == pytest.approx(50, abs=1)
    assert (shifts.high_from[0], shifts.low_from[1]) == (40, 40)


def test_what_lasts_counts_more_than_what_does_not() -> None:
    searched = noise(2, 96, 1)
    searched[0, 40:46] += 50
    searched[1, 40:] += 50
    shifts = level_shifts(noise(2, 200), searched)
    assert 2 < shifts.rise[0] < shifts.rise[1]


def test_a_single_wild_value_is_not_the_beginning() -> None:
    searched = noise(1, 96, 1)
    searched[0, 3] += 500
    searched[0, 40:] += 50
    assert level_shifts(noise(1, 200), searched).high_from[0] == 40


def test_a_series_without_values_has_not_moved() -> None:
    gaps = np.full((1, 50), np.nan)
    for history, searched in ((gaps, noise(1, 50)), (noise(1, 50), gaps), (gaps, gaps)):
        shifts = level_shifts(history, searched)
        assert (shifts.rise[0], shifts.fall[0]) == (0, 0)


def test_the_course_and_a_constant_zero_are_told() -> None:
    history, searched = np.zeros((2, 40)), np.zeros((2, 64))
    history[1, 3] = 1
    searched[:, 32:] = 5
    shifts = level_shifts(history, searched)
    assert shifts.courses.tolist() == [[0.0] * 16 + [5.0] * 16] * 2
    assert shifts.from_zero.tolist() == [True, False]


def test_many_series_are_looked_at_as_few_are() -> None:
    history, searched = noise(AT_A_TIME + 3, 20), noise(AT_A_TIME + 3, 10, 1)
    whole, part = level_shifts(history, searched), level_shifts(history[-5:], searched[-5:])
    assert whole.rise[-5:].tolist() == part.rise.tolist()
    assert len(whole.rise) == AT_A_TIME + 3


def test_no_series() -> None:
    assert len(level_shifts(np.empty((0, 5)), np.empty((0, 5))).rise) == 0


def test_quantiles_are_those_of_the_finite_values() -> None:
    values = np.array([[4, np.nan, 1, 3, 2], [np.nan] * 5])
    low, middle = quantiles(values, (0.0, 0.5))
    assert (low[0], middle[0]) == (1, 2.5)
    assert np.isnan([low[1], middle[1]]).all()
