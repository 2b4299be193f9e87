"""What counts as worse, and what is weather."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.symptoms import course, symptoms
from sre_bot.signals.series import Series, Shape
from tests.first_look.readings import of, reading, seen, worse
from tests.first_look.scenes import AT, ONSET, TIMES, level


@pytest.mark.parametrize(
    ("sign", "before", "after", "unit"),
    [
        (Sign.ERRORS, 0.0, 0.05, "ratio"),
        (Sign.ERRORS, 0.1, 0.5, "ratio"),
        (Sign.LATENCY, 0.1, 0.2, "seconds"),
        (Sign.LATENCY, 100, 200, "milliseconds"),
        (Sign.STEP, 0.001, 1.0, "seconds"),
        (Sign.SATURATION, 0.3, 1.0, "ratio"),
        (Sign.UP, 1.0, 0.0, "ratio"),
        (Sign.UP, 1.0, 0.5, "ratio"),
    ],
)
def test_worse_since_the_onset(sign: Sign, before: float, after: float, unit: str) -> None:
    (symptom,) = symptoms([reading(sign, "web", before, after, unit=unit)], AT)
    assert symptom.onset is not None
    assert abs(symptom.onset - ONSET) <= timedelta(seconds=15)
    assert (symptom.service, symptom.sign, symptom.peer, symptom.over) == ("web", sign, None, False)


@pytest.mark.parametrize(
    ("sign", "before", "after", "unit"),
    [
        (Sign.ERRORS, 0.0, 0.01, "ratio"),
        (Sign.ERRORS, 0.5, 0.1, "ratio"),
        (Sign.LATENCY, 0.1, 0.13, "seconds"),
        (Sign.LATENCY, 0.001, 0.005, "seconds"),
        (Sign.LATENCY, 1, 5, "milliseconds"),
        (Sign.LATENCY, 0.5, 0.1, "seconds"),
        (Sign.SATURATION, 0.3, 0.8, "ratio"),
        (Sign.SATURATION, 0.95, 1.0, "ratio"),
        (Sign.UP, 0.5, 1.0, "ratio"),
        (Sign.UP, 0.0, None, "ratio"),
        (Sign.TRAFFIC, 10, 1000, "/s"),
        (Sign.TRAFFIC, 1000, 10, "/s"),
        (Sign.CPU, 0.1, 4, "cores"),
        (Sign.LIMIT, 12, 2, ""),
    ],
)
def test_not_worse(sign: Sign, before: float, after: float | None, unit: str) -> None:
    """Better, too little, as bad as ever, or no harm by itself."""
    assert worse(reading(sign, "web", before, after, unit=unit)) == []


def test_a_lowered_limit_matters_where_it_is_used_up() -> None:
    limit, full = reading(Sign.LIMIT, "web", 12, 2), reading(Sign.SATURATION, "web", 0.3, 1.0)
    assert worse(full, limit) == [(Sign.SATURATION, "web"), (Sign.LIMIT, "web")]
    assert worse(reading(Sign.SATURATION, "checkout", 0.3, 1.0), limit) == [(Sign.SATURATION, "checkout")]


def test_a_service_that_tells_of_nothing_any_more_is_worse() -> None:
    gone = np.where(ONSET.timestamp() > TIMES, 1.0, np.nan)
    assert worse(of(Sign.UP, "web", gone)) == [(Sign.UP, "web")]
    assert worse(of(Sign.TRAFFIC, "web", 20 * gone)) == [(Sign.TRAFFIC, "web")]
    assert worse(of(Sign.TRAFFIC, "idle", 0 * gone)) == []
    assert worse(of(Sign.TRAFFIC, "web", 20 * gone, peer="api.example.com")) == [], "it may have no reason to call"


def test_errors_where_there_was_nothing_before_are_worse() -> None:
    """A service that was just started has no past to compare with."""
    appeared = np.where(ONSET.timestamp() > TIMES, np.nan, 0.5)
    assert worse(of(Sign.ERRORS, "web", appeared)) == [(Sign.ERRORS, "web")]
    assert worse(of(Sign.LATENCY, "web", appeared)) == [], "slow against what?"


def test_a_slow_climb_without_an_onset_is_worse() -> None:
    climb = np.linspace(0, 1, len(TIMES))
    assert worse(of(Sign.ERRORS, "web", 0.4 * climb)) == [(Sign.ERRORS, "web")]
    assert worse(of(Sign.LATENCY, "web", 0.1 + climb)) == [(Sign.LATENCY, "web")]


def test_what_is_back_to_normal_is_over() -> None:
    (over,) = symptoms([reading(Sign.ERRORS, "web", 0, 0.5, 30, until=15)], AT)
    assert over.over
    (still,) = symptoms([reading(Sign.ERRORS, "web", 0, 0.5, 30)], AT)
    assert not still.over


def test_they_are_told_in_the_order_in_which_they_began() -> None:
    late, early = reading(Sign.ERRORS, "web", 0, 0.5, 5), reading(Sign.ERRORS, "checkout", 0, 0.5, 20)
    assert worse(late, early) == worse(early, late) == [(Sign.ERRORS, "checkout"), (Sign.ERRORS, "web")]


if TYPE_CHECKING:
    from sre_bot.signals.series import FloatArray

anything = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(arrays(np.float64, len(TIMES), elements=anything), st.sampled_from(list(Sign)))
def test_no_values_whatever_break_the_judgement(values: FloatArray, sign: Sign) -> None:
    assert len(symptoms([of(sign, "web", values)], AT)) <= 1


@given(st.floats(0, 1e6), st.sampled_from(list(Sign)))
def test_a_constant_is_never_worse(value: float, sign: Sign) -> None:
    assert worse(of(sign, "web", np.full(len(TIMES), value))) == []


@given(st.floats(1e-3, 1e3))
def test_errors_do_not_depend_on_how_many_requests_there_are(scale: float) -> None:
    failing, everything = level(0, 4, noise=0), level(20, noise=0)
    assert worse(of(Sign.ERRORS, "web", (scale * failing) / (scale * everything))) == [(Sign.ERRORS, "web")]


def test_what_did_not_move_enough_is_calm_without_a_search() -> None:
    facts = course(Series({}, TIMES, level(0.1, 0.12, noise=0)), Sign.LATENCY, "seconds")
    assert (facts.onset, facts.shape, facts.points) == (None, Shape.FLAT, len(TIMES))
    assert (facts.minimum, facts.maximum, facts.last) == (0.1, 0.12, 0.12)
    assert facts.before == facts.after == 0.1


def test_growth_is_the_new_level_against_the_old_one() -> None:
    assert reading(Sign.TRAFFIC, "web", 10, 30).growth == pytest.approx(3, rel=0.05)
    assert reading(Sign.TRAFFIC, "web", 10).growth == 1
    assert reading(Sign.TRAFFIC, "web", 10, 30, 30, until=15).growth == 1, "it is over"
    assert of(Sign.TRAFFIC, "web", np.where(ONSET.timestamp() > TIMES, 5.0, np.nan)).growth == 0
    assert of(Sign.TRAFFIC, "web", np.where(ONSET.timestamp() > TIMES, np.nan, 5.0)).growth == 1
    assert seen().firing == ()
