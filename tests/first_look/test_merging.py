"""Several sources of readings: a copy counts once, different instances both count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.merging import merged
from sre_bot.signals.series import Series
from tests.first_look.readings import reading

if TYPE_CHECKING:
    from sre_bot.first_look.seen import Reading


def at(place: str, *readings: Reading, environment: str = "") -> tuple[Reading, ...]:
    return tuple(replace(one, place=place, environment=environment) for one in readings)


def told(*sources: tuple[Reading, ...]) -> list[tuple[str, str, Sign]]:
    return [(one.place, one.service, one.signal.sign) for one in merged(sources)]


RATE, ERRORS = reading(Sign.TRAFFIC, "web", 20), reading(Sign.ERRORS, "web", 0, 0.4)


def test_a_replica_counts_once_and_what_only_it_has_is_kept() -> None:
    again = reading(Sign.TRAFFIC, "web", 20)  # with a noise of its own
    memory = reading(Sign.MEMORY, "web", 1e6, unit="bytes")
    assert told(at("a", RATE, ERRORS), at("b", again, ERRORS, memory)) == [
        ("a", "web", Sign.TRAFFIC),
        ("a", "web", Sign.ERRORS),
        ("b", "web", Sign.MEMORY),
    ]


def test_a_copy_may_lag_and_have_other_steps() -> None:
    series = ERRORS.series
    sparse = Series(series.labels, series.times[::4], np.roll(series.values, 4)[::4])
    assert told(at("a", ERRORS), at("b", replace(ERRORS, series=sparse))) == [("a", "web", Sign.ERRORS)]


def test_a_replica_that_was_just_started_is_one() -> None:
    series = ERRORS.series
    late = Series(series.labels, series.times[-60:], series.values[-60:])
    assert told(at("a", ERRORS), at("b", replace(ERRORS, series=late))) == [("a", "web", Sign.ERRORS)]


def test_different_instances_both_count_although_one_sign_agrees() -> None:
    """Both without errors, but with different demand."""
    well, more = reading(Sign.ERRORS, "web", 0), reading(Sign.TRAFFIC, "web", 35)
    assert len(told(at("eu", RATE, well), at("us", more, well))) == 4


def test_environments_have_no_copies_of_each_other() -> None:
    assert len(told(at("a", RATE, environment="production"), at("b", RATE, environment="staging"))) == 2


def test_readings_of_one_source_are_left_alone() -> None:
    assert len(told(at("a", RATE, ERRORS, reading(Sign.TRAFFIC, "shop", 20)))) == 3


def test_what_has_no_common_values_is_no_copy() -> None:
    is_early = RATE.series.times < RATE.series.times[120]
    before, after = np.where(is_early, 20.0, np.nan), np.where(is_early, np.nan, 20.0)
    early, late = (replace(RATE, series=replace(RATE.series, values=values)) for values in (before, after))
    assert len(told(at("a", early), at("b", late))) == 2
