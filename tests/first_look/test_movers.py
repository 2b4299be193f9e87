"""Gauges of any name are looked at, of the services in question, and those that moved are told with when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.first_look import movers
from sre_bot.first_look.asking import Asking
from sre_bot.first_look.movers import LOOKBACK, MAX_SERVICES, STEP, Gauges, Mover, Steady, ramp_start, read_movers
from sre_bot.first_look.traces import Asked
from sre_bot.first_look.vitals import Endpoint
from sre_bot.investigation import Question
from sre_bot.signals.series import QueryResult, Series, facts
from tests.fakes import FakeMetrics
from tests.first_look.scenes import AT

if TYPE_CHECKING:
    from sre_bot.incident import TimeWindow
    from sre_bot.signals.series import FloatArray

TIMES = np.arange((AT - LOOKBACK).timestamp(), AT.timestamp() + 1, STEP.total_seconds())
"""The moments at which gauges are asked for."""


def ago(minutes: float) -> datetime:
    return AT - timedelta(minutes=minutes)


def step(before: float, after: float, minutes: float) -> FloatArray:
    noise = np.random.default_rng(7).normal(1, 0.01, len(TIMES))
    return np.asarray(np.where(ago(minutes).timestamp() > TIMES, before, after) * noise, dtype=np.float64)


def leak(minutes: float, restart: float = 0) -> FloatArray:
    """A level that climbs from so many minutes ago on, until a restart."""
    since = np.clip((TIMES - ago(minutes).timestamp()) / 60, 0, None)
    noise = np.random.default_rng(3).normal(0, 0.5, len(TIMES))
    values = 100 + 2 * since + noise
    return np.asarray(np.where(ago(restart).timestamp() < TIMES, 20, values), dtype=np.float64)


class GaugesAlone(FakeMetrics):
    """A Prometheus with gauges, by metric and service; it keeps what it was asked for."""

    def __init__(self, told: dict[tuple[str, str], FloatArray]) -> None:
        super().__init__()
        self.gauges = told
        self.asked: list[str] = []

    async def query(self, promql: str, at: datetime) -> QueryResult:
        self.asked.append(promql)
        names = dict.fromkeys(metric for metric, _ in self.gauges)
        moment = np.array([at.timestamp()])
        return QueryResult(tuple(Series({"__name__": name}, moment, np.array([1.0])) for name in names))

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        self.asked.append(promql)
        assert (window.end, window.duration, step) == (AT, LOOKBACK, STEP)
        return QueryResult(tuple(Series({"__name__": m, "service": s}, TIMES, v) for (m, s), v in self.gauges.items()))


async def read(metrics: GaugesAlone, question: str = "what about cart?", only: str | None = None) -> tuple[Mover, ...]:
    names = {"cart": "cart", "stock": "stock"}
    asked = Asked(Question(question, AT), names, (), ())
    return (await read_movers([Endpoint(metrics, only)], asked, AT, Asking(5.0))).movers


async def test_what_moved_is_told_first_to_move_first_with_when() -> None:
    told = {
        ("cart_conns_allowed", "cart"): step(50, 10, 30),
        ("stock_pages", "stock"): step(7, 700, 90),
        ("cart_colour", "cart"): step(5, 5, 1),
    }
    first, second = await read(GaugesAlone(told))
    assert (first.service, first.metric) == ("stock", "stock_pages")
    assert (second.service, second.metric) == ("cart", "cart_conns_allowed")
    assert abs(second.onset - ago(30)) <= 2 * STEP
    assert second.onset <= second.latest <= ago(25)


async def test_a_leak_began_where_its_climb_began_although_it_never_stepped() -> None:
    (mover,) = await read(GaugesAlone({("cart_heap_mb", "cart"): leak(120, restart=5)}))
    assert abs(mover.onset - ago(120)) <= timedelta(minutes=4)


def test_what_climbed_all_the_while_began_nobody_knows_when() -> None:
    climbing = Series({}, TIMES, np.arange(len(TIMES), dtype=np.float64))
    assert ramp_start(climbing) is None
    assert ramp_start(Series({}, TIMES[:10], np.arange(10, dtype=np.float64))) is None


async def test_what_hardly_moved_or_belongs_to_nobody_asked_about_is_not_told() -> None:
    assert await read(GaugesAlone({("cart_load", "cart"): step(100, 106, 30), ("x", "other"): step(1, 9, 30)})) == ()


async def test_demand_that_did_not_move_is_told_as_that() -> None:
    flat = np.full(len(TIMES), 20.0)
    metrics = GaugesAlone({("requests_per_sec", "cart"): flat, ("cart_size", "cart"): flat})
    asked = Asked(Question("what about cart?", AT), {"cart": "cart"}, (), ())
    found = await read_movers([Endpoint(metrics)], asked, AT, Asking(5.0))
    assert found == Gauges((), (Steady("cart", "requests_per_sec", 20.0),))


async def test_only_gauges_of_the_services_in_question_are_asked_for_the_asked_ones_first() -> None:
    metrics = GaugesAlone({("cart_heap_mb", "cart"): step(1, 1, 1)})
    await read(metrics, "stock is slow")
    listed, ranged = metrics.asked
    assert 'service=~"stock|cart"' in listed
    assert "_(total|count|sum|bucket" in listed
    assert '__name__=~"cart_heap_mb"' in ranged


async def test_where_there_are_no_gauges_nothing_more_is_asked() -> None:
    metrics = GaugesAlone({})
    assert await read(metrics) == ()
    assert len(metrics.asked) == 1


async def test_of_an_environment_among_others_nothing_is_asked() -> None:
    metrics = GaugesAlone({("cart_heap_mb", "cart"): step(1, 9, 30)})
    assert await read(metrics, only="staging") == ()
    assert metrics.asked == []


async def test_without_a_prometheus_or_a_service_nothing_is_asked() -> None:
    question = Question("what is wrong?", AT)
    assert await read_movers([], Asked(question, {}, (), ()), AT, Asking(5.0)) == movers.Gauges()
    metrics = GaugesAlone({})
    assert await read_movers([Endpoint(metrics)], Asked(question, {}, (), ()), AT, Asking(5.0)) == movers.Gauges()
    assert metrics.asked == []


async def test_no_more_services_than_a_query_can_bear_are_asked_about() -> None:
    names = {f"s{number}": f"s{number}" for number in range(30)}
    metrics = GaugesAlone({})
    await read_movers([Endpoint(metrics)], Asked(Question("?", AT), names, (), ()), AT, Asking(5.0))
    assert metrics.asked[0].split('service=~"')[1].split('"')[0].count("|") == MAX_SERVICES - 1


@pytest.mark.parametrize(
    ("metric", "is_demand"),
    [("requests_per_sec", True), ("active_users", True), ("db_pool_in_use", False), ("request_queue_age", False)],
)
def test_demand_is_told_by_its_name(metric: str, is_demand: bool) -> None:  # noqa: FBT001 -- a table's column
    series = Series({}, TIMES, step(1, 2, 3))
    assert Mover("cart", metric, facts(series), AT, AT, series).is_demand is is_demand


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_a_bend_lies_within_the_series_whatever_its_values(values: list[float]) -> None:
    series = Series({}, TIMES[: len(values)], np.array(values))
    found = ramp_start(series)
    assert found is None or TIMES[0] <= found[0] <= found[1]


def test_the_moments_asked_for_are_in_utc() -> None:
    assert datetime.fromtimestamp(TIMES[-1], UTC) == AT
