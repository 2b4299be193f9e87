"""Readings of services out of a Prometheus: how often, since when, and what values that are no numbers do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.first_look import Sources, conventions
from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.look import look_at
from sre_bot.investigation import Question
from sre_bot.signals.series import Series
from tests.fakes import FakeMetrics
from tests.first_look.scenes import AT, ONSET, TIMES, Scene, ago, level, reading_of, scrapes, shop, words

if TYPE_CHECKING:
    from sre_bot.first_look.seen import Seen

DEADLINE = 0.5


async def look(sources: Sources, deadline: float = DEADLINE) -> Seen:
    return await look_at(sources, Question("", AT), now=AT, deadline=deadline)


def why(saw: Seen) -> dict[str, str]:
    return {missing.source: missing.why for missing in saw.missing}


@pytest.mark.parametrize(
    ("counts", "age", "scrape"),
    [
        ({10: 10, 60: 60, 300: 300}, 9000, 1),
        ({10: 11, 60: 61, 300: 301}, 9000, 1),
        ({10: 10, 60: 12, 300: 12}, 12, 1),
        ({10: 4, 60: 4, 300: 4}, 4, 1),
        ({10: 2, 60: 6, 300: 6}, 30, 5),
        ({10: 2, 60: 12, 300: 60}, 9000, 5),
        ({10: 1, 60: 6, 300: 30}, 9000, 10),
        ({60: 4, 300: 20}, 9000, 15),
        ({60: 5, 300: 21}, 9000, 15),
        ({60: 4, 300: 4}, 61, 15),
        ({60: 4, 300: 16}, 9000, 20),
        ({60: 3, 300: 10}, 9000, 30),
        ({60: 1, 300: 5}, 9000, 60),
        ({60: 2, 300: 6}, 9000, 60),
        ({60: 1, 300: 2}, 9000, 60),
        ({60: 0, 300: 1000}, 9000, 1),
        ({}, 9000, 60),
    ],
)
async def test_the_scrape_interval_is_learnt_from_the_samples(counts: dict[int, int], age: int, scrape: int) -> None:
    """Of the last five minutes, or of as long as there is data; a window may hold one more or less than fit."""
    answers = {scrapes(length): [Series({}, TIMES[-1:], np.full(1, count))] for length, count in counts.items()}
    times = np.arange(AT.timestamp() - age, AT.timestamp() + 1)
    answers["count(up)"] = [Series({}, times, np.ones(len(times)))]
    assert (await look(Sources([FakeMetrics(answers=answers)]))).scrape == timedelta(seconds=scrape)


async def test_readings_begin_where_there_is_data() -> None:
    """A Prometheus that was started half a minute ago, scraping every second."""
    started = ago(0.5).timestamp()
    recently = Series({}, np.arange(started, AT.timestamp() + 1), np.ones(31))
    answers = {"count(up)": [recently], scrapes(10): [Series({}, TIMES[-1:], np.full(1, 10.0))]}
    saw = await look(Sources([FakeMetrics(answers=answers)]))
    assert saw.window.start.timestamp() == started + 5, "a rate needs five scrapes"
    assert saw.window.end == AT


async def test_readings_begin_well_before_the_oldest_alert_but_not_before_one_that_always_fires() -> None:
    scene = Scene().service("web").fires("New", minutes=5)
    assert (await scene.seen()).window.start == ago(60) + timedelta(seconds=75)
    scene.fires("Old", minutes=120).fires("Watchdog", minutes=60 * 24 * 30)
    window = (await scene.seen()).window
    assert ago(150) <= window.start <= ago(140)


async def test_the_share_that_fails_is_zero_where_nothing_failed_and_unknown_where_nothing_was_asked() -> None:
    rate = np.where(ONSET.timestamp() > TIMES, 10.0, 0.0)
    scene = Scene().service("quiet", rate=rate, failing=0.0).service("well", failing=0.0)
    scene.told["http_requests_total", Sign.ERRORS].pop()  # no failure was ever counted
    saw = await scene.seen()
    well, quiet = reading_of(saw, Sign.ERRORS, "well"), reading_of(saw, Sign.ERRORS, "quiet")
    assert set(well.series.values) == {0.0}
    assert np.isnan(quiet.series.values[-1])
    assert np.nanmax(quiet.series.values) == 0


async def test_failures_are_told_by_their_status_as_of_late() -> None:
    scene = Scene().service("web", rate=20, failing=level(0, 0.3, noise=0), status="503")
    scene.tell("http_requests_total", Sign.ERRORS, {"service": "web", "status": "504"}, level(0, 2, noise=0))
    errors = reading_of(await scene.seen(), Sign.ERRORS, "web")
    assert errors.facts.after == pytest.approx(0.4)
    assert errors.statuses == {"503": pytest.approx(0.75), "504": pytest.approx(0.25)}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
async def test_values_that_are_no_numbers_are_gaps(value: float) -> None:
    values = level(0.1, noise=0)
    values[::7] = value
    scene = Scene().service("web", latency=values, rate=np.full(len(TIMES), value))
    saw = await scene.seen()
    assert [reading.signal.sign for reading in saw.readings] == [Sign.LATENCY]
    assert np.isfinite(saw.readings[0].facts.mean)
    answer = await scene.asked("web?")
    assert "Nothing looks wrong" in words(answer)


async def test_series_without_the_label_or_without_points_are_left_out() -> None:
    scene = Scene().service("web")
    scene.tell("http_requests_total", Sign.TRAFFIC, {}, 5.0)
    scene.told["http_requests_total", Sign.TRAFFIC].append(Series({"service": "empty"}, TIMES[:0], np.empty(0)))
    assert {reading.service for reading in (await scene.seen()).readings} == {"web"}


async def test_series_that_there_is_no_time_to_read_are_told_of() -> None:
    scene = Scene()
    for n in range(400):
        scene.service(f"s{n}", rate=level(20, 60))
    saw = await look(scene.sources(), deadline=0)  # fakes answer before it is looked at
    assert "series could not be read in time" in why(saw)["prometheus"]


async def test_where_a_human_sees_it() -> None:
    saw = await shop().seen()
    errors = reading_of(saw, Sign.ERRORS, "web")
    assert saw.graph_urls["", errors.signal.shown].endswith(errors.signal.shown)
    assert ("", conventions.DISCOVERY) not in saw.graph_urls
