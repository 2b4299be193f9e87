"""Whether a level is the usual one for this time of the day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.signals.seasons import Season, compared
from sre_bot.signals.series import Series

DAY, SINCE = 86_400.0, 1e9 + 600
TIMES = 1e9 + 15.0 * np.arange(81, dtype=np.float64)
NOISE = np.random.default_rng(5).normal(size=81).astype(np.float64)


def day(after: float, noise: float = 0.0, *, ago: float = 0.0) -> Series:
    return Series({}, TIMES - ago, np.where(TIMES >= SINCE, after, 10.0) + noise * NOISE)


def season(now: Series, then: Series) -> Season | None:
    return compared(now, then, ago=DAY, since=SINCE)


@pytest.mark.parametrize(("then", "alike"), [(50.0, True), (45.0, True), (10.0, False), (100.0, False)])
def test_a_level_is_usual_when_it_was_much_the_same_then(then: float, alike: bool) -> None:  # noqa: FBT001 -- a table
    assert season(day(50), day(then, ago=DAY)) == Season(50, then, alike)


def test_what_wavered_then_may_waver_now() -> None:
    wavering = season(day(50), day(80, noise=20, ago=DAY))
    assert wavering is not None
    assert wavering.alike


def test_without_data_then_or_now_nothing_is_said() -> None:
    nothing = Series({}, TIMES - DAY, np.full(81, np.nan))
    assert season(day(50), nothing) is None
    assert season(day(50), Series({}, TIMES[:0], TIMES[:0])) is None
    assert season(day(50), day(50)) is None, "another time"
    assert season(nothing, day(50, ago=DAY)) is None


@given(st.floats(1, 1e3), st.floats(1, 1e3), st.floats(1e-3, 1e3))
def test_the_unit_makes_no_difference(now: float, then: float, unit: float) -> None:
    plain = season(day(now), day(then, ago=DAY))
    one, other = day(now), day(then, ago=DAY)
    scaled = season(Series({}, one.times, one.values * unit), Series({}, other.times, other.values * unit))
    assert plain is not None
    assert scaled is not None
    assert scaled.now == pytest.approx(plain.now * unit)
    near = abs(abs(now - then) - 0.2 * max(now, then)) < 1e-6 * max(now, then)
    assert near or scaled.alike is plain.alike
