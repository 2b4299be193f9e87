"""Samples of many series become a row for each service and metric, and the services are ranked around the alert."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.first_look.asking import Asking
from sre_bot.first_look.ranking import LEAD, MAX_SAMPLES, read_ranking, table_of
from sre_bot.first_look.vitals import Endpoint
from sre_bot.incident import Alert
from sre_bot.signals.series import QueryResult, Series
from tests.fakes import FakeMetrics
from tests.first_look.scenes import AT, TIMES, ago, level

if TYPE_CHECKING:
    from sre_bot.signals.ranking import Ranking

AXIS = np.arange(0.0, 300.0, 15.0)


def series(values: object, times: object = AXIS, service: str = "cart", name: str = "heap", **labels: str) -> Series:
    return Series({"service": service, "__name__": name, **labels}, np.asarray(times), np.asarray(values, dtype=float))


class TestTable:
    def test_missing_samples_stay_missing(self) -> None:
        table = table_of([series(AXIS), series([1.0, 2.0], AXIS[[0, 4]], "stock")], "service")
        assert table.keys == (("cart", "heap"), ("stock", "heap"))
        assert np.array_equal(table.times, AXIS)
        assert np.flatnonzero(np.isfinite(table.values[1])).tolist() == [0, 4]

    def test_targets_scraped_a_little_later_share_the_moments(self) -> None:
        table = table_of([series(AXIS), series(AXIS + 7, AXIS + 4.2, "stock")], "service")
        assert np.array_equal(table.times, AXIS)
        assert np.array_equal(table.values[1], AXIS + 7)

    def test_replicas_count_on_average_without_those_that_are_away(self) -> None:
        table = table_of([series(AXIS * 0 + 4, pod="a"), series([8.0], AXIS[:1], pod="b")], "service")
        assert table.values.tolist() == [[6.0] + [4.0] * (len(AXIS) - 1)]

    def test_counters_of_several_series_are_rates(self) -> None:
        both = [series(AXIS * 2, name="calls_total", pod="a"), series(AXIS * 4 + 9, name="calls_total", pod="b")]
        (row,) = table_of(both, "service").values
        assert math.isnan(row[0])
        assert row[1:] == pytest.approx(3.0)

    @pytest.mark.parametrize("found", [[], [series([1.0], [5.0])]])
    def test_of_little_the_table_is_small(self, found: list[Series]) -> None:
        table = table_of(found, "service")
        assert table.values.shape == (len(found), len(found))


class Held(FakeMetrics):
    """A Prometheus with a metric of three services, of which one moves; ``label`` names them."""

    def __init__(self, label: str = "service", scrapes: float | None = 100.0, count: float = 3.0) -> None:
        super().__init__()
        self.label, self.scrapes, self.count = label, scrapes, count

    async def query(self, promql: str, at: datetime) -> QueryResult:
        self.asked.append(promql)
        moment = np.array([at.timestamp()])
        if "count_over_time" in promql:
            return QueryResult(() if self.scrapes is None else (Series({}, moment, np.array([self.scrapes])),))
        if promql.startswith("count by"):
            there = (Series({"__name__": "heap_bytes"}, moment, np.array([self.count])),)
            return QueryResult(there if f'{{{self.label}!=""' in promql else ())
        inside = (at.timestamp() >= TIMES) & (at.timestamp() - 25 * 60 <= TIMES)
        named = (("cart", 900.0), ("mail", 100.0), ("stock", 100.0))
        return QueryResult(
            tuple(
                Series({"__name__": "heap_bytes", self.label: who}, TIMES[inside], level(100, to)[inside])
                for who, to in named
            )
        )


async def ranked(metrics: FakeMetrics, *alerts: Alert, only: str | None = None, deadline: float = 5) -> Ranking | None:
    async def told() -> tuple[Alert, ...]:
        return alerts

    return await read_ranking([Endpoint(metrics, only)], [asyncio.create_task(told())], AT, Asking(deadline))


def firing(minutes: float = 9) -> Alert:
    return Alert("Slow", {"alertname": "Slow"}, {}, ago(minutes))


@pytest.mark.parametrize("label", ["service", "app"])
async def test_who_moved_most_around_the_first_alert_comes_first(label: str) -> None:
    metrics = Held(label)
    ranking = await ranked(metrics, firing(2), firing(9))
    assert ranking is not None
    assert ranking.suspects[0].service == "cart"
    length = (LEAD + timedelta(minutes=9)).total_seconds()
    assert metrics.asked[-1] == f'{{{label}!="",__name__=~"heap_bytes"}}[{length:.0f}s]'


async def test_nothing_is_asked_without_an_alert() -> None:
    metrics = Held()
    assert await ranked(metrics) is None
    assert await ranked(metrics, firing(-1)) is None
    assert await ranked(metrics, firing(), only="production") is None
    assert not metrics.asked


@pytest.mark.parametrize("scrapes", [None, 100.0])
async def test_more_samples_than_can_be_afforded_are_not_asked_for(scrapes: float | None) -> None:
    metrics = Held(scrapes=scrapes, count=MAX_SAMPLES)
    assert await ranked(metrics, firing()) is None
    assert not any(query.endswith("s]") for query in metrics.asked)


async def test_without_metrics_or_time_there_is_no_ranking() -> None:
    assert await ranked(FakeMetrics(), firing()) is None
    assert await ranked(Held(), firing(), deadline=0.0) is None
