"""What moved is held against the same time a day and a week before, where there are data of then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.errors import SourceUnavailableError
from sre_bot.signals.series import QueryResult, Series
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from sre_bot.tools.usual import MAX_COMPARED
from tests.fakes import FakeMetrics

if TYPE_CHECKING:
    from sre_bot.incident import TimeWindow
    from sre_bot.investigation import Observation

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUERY = "sum by (service) (rate(a_total[5m]))"


class Days(FakeMetrics):
    """A Prometheus of some days: the level of each, by how many days ago; from 11:40 on the second of a pair."""

    def __init__(self, levels: dict[int, tuple[float, float]], services: int = 1, *, broken: bool = False) -> None:
        super().__init__()
        self.levels, self.services, self.broken = levels, services, broken
        self.windows: list[TimeWindow] = []

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        """The level of that day."""
        self.windows.append(window)
        ago = (AT - window.end).days
        if self.broken and ago:
            raise SourceUnavailableError(self.name, "no")
        if promql != QUERY or ago not in self.levels:
            return QueryResult(())
        times = np.arange(window.start.timestamp(), window.end.timestamp() + 1, step.total_seconds())
        before, after = self.levels[ago]
        change = (AT - timedelta(days=ago, minutes=20)).timestamp()
        values = np.where(times >= change, float(after), float(before))
        return QueryResult(tuple(Series({"service": f"s{n}"}, times, values) for n in range(self.services)))


async def look(days: Days) -> Observation:
    toolbox = Toolbox([query_metrics([days])], AT)
    return await toolbox.look("query_metrics", {"query": QUERY})


async def test_a_rise_that_comes_every_day_is_as_usual_and_one_that_came_on_no_day_of_that_week_is_not() -> None:
    seen = await look(Days({0: (100, 200), 1: (100, 200), 7: (100, 100)}))
    a_day, a_week = [line for line in seen.content.splitlines() if line.startswith("same time")]
    assert a_day.startswith("same time a day before: service=s0 200/s, now 200/s: as usual")
    assert a_week.startswith("same time a week before: service=s0 100/s, now 200/s: unusual")


async def test_nothing_is_asked_about_what_did_not_move() -> None:
    days = Days({0: (100, 100), 1: (100, 100)})
    assert "same time" not in (await look(days)).content
    assert {window.end for window in days.windows} == {AT}


async def test_without_history_or_an_answer_nothing_is_said() -> None:
    assert "same time" not in (await look(Days({0: (100, 200)}))).content
    broken = await look(Days({0: (100, 200), 1: (1, 2)}, broken=True))
    assert "same time" not in broken.content
    assert "step 11:40" in broken.content


async def test_of_many_series_a_few_are_compared_and_it_costs_little() -> None:
    levels = {0: (100.0, 200.0), 1: (100.0, 200.0), 7: (100.0, 200.0)}
    few = await look(Days(levels, services=8))
    assert few.content.count("as usual") == 2 * MAX_COMPARED
    without = await look(Days({0: (100, 200)}, services=8))
    assert estimated_tokens(few.content) - estimated_tokens(without.content) <= 150
    assert "same time" not in (await look(Days(levels, services=51))).content


async def test_a_counter_that_nobody_rated_is_told_as_a_rate() -> None:
    times = AT.timestamp() - 15.0 * np.arange(480, dtype=np.float64)[::-1]
    grown = np.cumsum(np.where(np.arange(480) >= 400, 150.0, 15.0))
    metrics = FakeMetrics(answers={"a_total": [Series({"service": "web"}, times, grown)]})
    seen = await Toolbox([query_metrics([metrics])], AT).look("query_metrics", {"query": "a_total"})
    assert "A counter: told as its rate" in seen.content
    assert "step 11:40" in seen.content
    assert "1/s → 10/s" in seen.content
