"""Gauges that moved are told from what to what, with units and since when, those that moved most."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from sre_bot.agent.verify import verify
from sre_bot.first_look.account import give_account
from sre_bot.first_look.movers import Mover, Steady
from sre_bot.investigation import Question
from sre_bot.signals.series import Series, facts
from tests.first_look.incidents import texts
from tests.first_look.scenes import AT, ONSET, TIMES, Scene, level

STEP = level(50, 10, noise=0)


def mover(metric: str, values: np.ndarray[tuple[int], np.dtype[np.float64]] = STEP, service: str = "checkout") -> Mover:
    series = Series({}, TIMES, values)
    return Mover(service, metric, facts(series), ONSET, ONSET + timedelta(seconds=60), series)


async def lines(*movers: Mover, steady: tuple[Steady, ...] = ()) -> list[str]:
    seen = replace(await Scene().fires("Slow").seen(), movers=movers, steady=steady)
    told = give_account(Question("what about checkout?", AT), seen)
    assert verify(told.report, told.evidence, AT).unverified == ()
    return [line for line in texts(told.report.what) if line.startswith("Moved")]


async def test_nothing_is_told_when_nothing_moved() -> None:
    assert await lines() == []


@pytest.mark.parametrize(
    ("metric", "values", "told"),
    [
        ("db_pool_max_conns", STEP, "50 → 10 since about 11:50:00"),
        ("cache_hit_ratio", level(0.97, 0.41, noise=0), "97 % → 41 % since about 11:50:00"),
        ("query_p99_ms", level(10, 180, noise=0), "10 ms → 180 ms since about 11:50:00"),
        ("heap_inuse_bytes", level(2**20, 2**30, noise=0), "1 MiB → 1 GiB since about 11:50:00"),
        (
            "heap_mb",
            200 + np.clip(TIMES - ONSET.timestamp(), 0, None),
            "200 MiB → 800 MiB since about 11:50:00",
        ),
        (
            "throughput",
            np.where(AT.timestamp() - 30 < TIMES, 4.0, level(1000, 12_000, noise=0)),
            "1k → 12k since about 11:50:00, now 4",
        ),
    ],
)
async def test_it_is_told_from_what_to_what(
    metric: str, values: np.ndarray[tuple[int], np.dtype[np.float64]], told: str
) -> None:
    (line,) = await lines(mover(metric, values))
    assert line == f"Moved: checkout {metric} {told}."


async def test_a_moment_that_is_known_exactly_is_not_about_it() -> None:
    exact = replace(mover("db_pool_max_conns"), latest=ONSET)
    assert (await lines(exact))[0].endswith("50 → 10 since 11:50:00.")


async def test_those_of_the_services_in_play_that_moved_most_are_told_in_order_of_time() -> None:
    many = [mover(f"m{n}", level(1, 1 + n, noise=0)) for n in range(1, 8)]
    late = replace(mover("last", level(1, 100, noise=0)), onset=ONSET + timedelta(seconds=30))
    (line,) = await lines(mover("elsewhere", level(1, 1e6, noise=0), "search"), late, *many)
    assert [part.split()[1] for part in line.removeprefix("Moved: ").split("; ")] == ["m5", "m6", "m7", "last"]


async def test_others_are_told_when_none_of_those_in_play_moved() -> None:
    assert "search elsewhere" in (await lines(mover("elsewhere", service="search")))[0]


async def test_all_are_in_the_evidence_as_far_as_there_is_room() -> None:
    seen = replace(await Scene().seen(), movers=tuple(mover(f"m{n}") for n in range(20)))
    (evidence,) = [e for e in give_account(Question("", AT), seen).evidence if e.tool == "query_metrics"]
    assert len(evidence.observation.content.splitlines()) == 13
    assert evidence.observation.content.endswith("… and 8 more")
    assert evidence.arguments["query"] == '{__name__=~"m0|m1|m2|m3|m4|m5|m6|m7|m8|m9|m10|m11"}'
    (chart,) = evidence.observation.charts
    assert len(chart.lines) == 5


class TestDemand:
    FLAT = Steady("checkout", "requests_per_sec", 20.0)

    async def test_that_it_is_as_before_is_told_with_what_moved(self) -> None:
        assert (await lines(mover("db_pool_max_conns"), steady=(self.FLAT,)))[0].endswith(
            "; checkout requests_per_sec as before, 20."
        )

    async def test_that_of_others_is_told_where_nobody_tells_that_of_the_services_in_play(self) -> None:
        (line,) = await lines(mover("db_pool_max_conns"), steady=(replace(self.FLAT, service="web"),))
        assert line.endswith("; web requests_per_sec as before, 20.")

    async def test_how_many_times_as_much_is_told_where_it_grew(self) -> None:
        (line,) = await lines(mover("requests_per_sec", level(20, 60, noise=0)), steady=(self.FLAT,))
        assert line.startswith("Moved: checkout requests_per_sec ×3.0, 20 → 60 since")
        assert "as before" not in line

    async def test_it_is_told_alone_where_nothing_moved(self) -> None:
        seen = replace(await Scene().fires("Slow").seen(), steady=(self.FLAT, replace(self.FLAT, service="search")))
        answer = give_account(Question("", AT), seen)
        assert "checkout requests_per_sec as before, 20." in texts(answer.report.what)
        (evidence,) = [e for e in answer.evidence if e.tool == "query_metrics"]
        assert evidence.summary == "checkout requests_per_sec as before, 20"
        assert evidence.observation.charts == ()
