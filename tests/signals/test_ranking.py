"""The service whose metrics left their level comes first, however the metrics are named, scaled or ordered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.errors import BadInputError
from sre_bot.signals.impact import Objective
from sre_bot.signals.metric_table import MetricTable
from sre_bot.signals.ranking import Ranking, Situation, rank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

START, STEP, SAMPLES = 1_750_000_000.0, 15.0, 240
ALERT = START + STEP * 160
SERVICES = ("cart", "checkout", "payment", "search")
METRICS = ("cpu", "mem", "latency_p90", "error", "load")


def situation(culprit: str = "payment", metric: str = "cpu", *, factor: float = 3.0, seed: int = 0) -> Situation:
    """Four services with noise; one metric of one of them is multiplied from the alert on."""
    rng = np.random.default_rng(seed)
    keys = tuple((service, name) for service in SERVICES for name in METRICS)
    levels = rng.uniform(0.1, 100, len(keys))
    values = levels[:, None] * rng.normal(1, 0.03, (len(keys), SAMPLES))
    times = START + STEP * np.arange(SAMPLES, dtype=np.float64)
    values[keys.index((culprit, metric)), times >= ALERT] *= factor
    return Situation(MetricTable(times, keys, values), ALERT)


def with_values(of: Situation, values: FloatArray) -> Situation:
    return replace(of, metrics=replace(of.metrics, values=values))


def order(ranking: Ranking) -> list[str]:
    return [suspect.service for suspect in ranking.suspects]


def scores(ranking: Ranking) -> dict[str, float]:
    return {suspect.service: suspect.score for suspect in ranking.suspects}


class TestFinds:
    @pytest.mark.parametrize("culprit", SERVICES)
    @pytest.mark.parametrize("metric", ["cpu", "mem", "latency_p90", "error"])
    def test_the_service_and_the_metric_that_moved(self, culprit: str, metric: str) -> None:
        ranking = rank(situation(culprit, metric))
        first = ranking.movements[0]
        assert order(ranking)[0] == culprit
        assert (first.service, first.metric) == (culprit, metric)
        assert first.after == pytest.approx(3 * first.before, rel=0.1)
        assert first.onset == pytest.approx(ALERT, abs=2 * STEP)

    @pytest.mark.parametrize("late", [60.0, 120.0, 300.0])
    def test_it_when_the_alert_is_late(self, late: float) -> None:
        assert order(rank(replace(situation(), alert_time=ALERT + late)))[0] == "payment"

    def test_a_fault_that_lasted_a_tenth_of_the_time(self) -> None:
        base = situation(factor=1.0)
        values = base.metrics.values.copy()
        values[base.metrics.keys.index(("cart", "cpu")), 170:178] *= 4
        assert order(rank(with_values(base, values)))[0] == "cart"

    def test_what_was_constantly_zero(self) -> None:
        base = situation(factor=1.0)
        values = base.metrics.values.copy()
        row = base.metrics.keys.index(("search", "error"))
        values[row] = 0
        values[row, 165:] = 2
        assert order(rank(with_values(base, values)))[0] == "search"

    @pytest.mark.parametrize("metric", ["error", "disk_writes", "packets_sent"])
    def test_what_had_no_series_before_it_was_first_counted(self, metric: str) -> None:
        base = situation(factor=1.0)
        counted = np.full(SAMPLES, np.nan)
        counted[165:] = 2
        table = MetricTable(
            base.metrics.times, (*base.metrics.keys, ("search", metric)), np.vstack([base.metrics.values, counted])
        )
        first = rank(replace(base, metrics=table)).movements[0]
        assert (first.service, first.metric, first.before) == ("search", metric, 0)

    def test_a_disk_that_was_never_written_before_the_memory_and_the_cpu_that_this_costs(self) -> None:
        base = situation(factor=1.0)
        values = base.metrics.values.copy()
        after = base.metrics.times >= ALERT
        values[base.metrics.keys.index(("cart", "cpu")), after] *= 20
        values[base.metrics.keys.index(("cart", "mem")), after] *= 10
        keys = (*base.metrics.keys, ("cart", "disk_writes"))
        table = MetricTable(base.metrics.times, keys, np.vstack([values, np.where(after, 1e9, 0.0)]))
        movements = rank(replace(base, metrics=table)).movements
        assert (movements[0].service, movements[0].metric) == ("cart", "disk_writes")

    def test_the_service_that_others_wait_for_though_their_latency_rose_by_more(self) -> None:
        base = situation(factor=1.0)
        values = base.metrics.values.copy()
        after = base.metrics.times >= ALERT
        for service, seconds, times in (("cart", 0.2, 8), ("checkout", 0.4, 6), ("payment", 0.002, 4)):
            row = base.metrics.keys.index((service, "latency_p90"))
            values[row] *= seconds / values[row, 0] * np.where(after, times, 1)
        assert order(rank(with_values(base, values)))[0] == "payment"

    def test_a_process_that_died_with_its_series(self) -> None:
        base = situation(factor=1.0)
        values = base.metrics.values.copy()
        for metric in METRICS:
            values[base.metrics.keys.index(("cart", metric)), 170:] = np.nan
        first = rank(with_values(base, values)).movements[0]
        assert (first.service, first.onset) == ("cart", START + STEP * 170)
        assert np.isnan(first.after)

    def test_no_death_when_the_scrape_failed_or_a_series_always_had_gaps(self) -> None:
        base = situation(factor=1.0)
        values = base.metrics.values.copy()
        values[:, 170:180] = np.nan
        values[base.metrics.keys.index(("cart", "cpu")), ::2] = np.nan
        values[base.metrics.keys.index(("cart", "cpu")), 200:] = np.nan
        assert all(np.isfinite(each.after) for each in rank(with_values(base, values)).movements)

    def test_it_when_the_clocks_of_its_metrics_are_a_minute_off(self) -> None:
        base = situation()
        values = base.metrics.values.copy()
        for metric in METRICS:
            row = base.metrics.keys.index(("payment", metric))
            values[row] = np.roll(values[row], -4)
        assert order(rank(with_values(base, values)))[0] == "payment"

    def test_a_counter_by_its_rate(self) -> None:
        """A counter that goes on as before has not moved, however large it has become."""
        base = situation()
        keys = (*base.metrics.keys, ("cart", "requests_total"))
        counter = np.cumsum(np.full(SAMPLES, 50.0))
        table = MetricTable(base.metrics.times, keys, np.vstack([base.metrics.values, counter]))
        moved = {(each.service, each.metric): each for each in rank(Situation(table, ALERT)).movements}
        assert moved["cart", "requests_total"].score == 0
        assert moved["cart", "requests_total"].before == pytest.approx(50 / STEP)

    def test_a_success_rate_that_falls_before_one_that_rises(self) -> None:
        base = situation(factor=1.0)
        keys = (("cart", "success_rate"), ("search", "success_rate"))
        rates = np.full((2, SAMPLES), 0.7)
        rates[0, 160:], rates[1, 160:] = 0.5, 0.9
        ranking = rank(Situation(MetricTable(base.metrics.times, keys, rates), ALERT))
        assert order(ranking) == ["cart", "search"]

    def test_with_a_fault_free_baseline_when_no_sample_comes_before_the_alert(self) -> None:
        base = situation()
        later = replace(base.metrics, times=base.metrics.times[160:], values=base.metrics.values[:, 160:])
        before = replace(base.metrics, times=base.metrics.times[:160] - 86_400, values=base.metrics.values[:, :160])
        assert order(rank(Situation(later, float(later.times[0]), before)))[0] == "payment"


class TestConfidence:
    def test_grows_with_the_lead(self) -> None:
        sure = rank(situation(factor=20)).confidence
        unsure = rank(situation(factor=1.1)).confidence
        assert 0 < unsure < sure < 1

    def test_is_a_guess_when_nothing_moved(self) -> None:
        base = situation()
        still = np.ones_like(base.metrics.values)
        assert rank(with_values(base, still)).confidence == pytest.approx(1 / len(SERVICES))


class TestDoesNotCare:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(-20, 20), min_size=5, max_size=5), st.integers(0, 50))
    def test_about_units(self, powers: list[int], seed: int) -> None:
        """Each metric has one, in all services."""
        base = situation(seed=seed)
        scaled = base.metrics.values * (2.0 ** np.array(powers * len(SERVICES)))[:, None]
        assert scores(rank(with_values(base, scaled))) == pytest.approx(scores(rank(base)))

    @settings(max_examples=30, deadline=None)
    @given(st.integers(-1_000_000, 1_000_000), st.integers(0, 50))
    def test_about_when_it_happened(self, offset: int, seed: int) -> None:
        base = situation(seed=seed)
        moved = replace(base, metrics=replace(base.metrics, times=base.metrics.times + offset))
        assert scores(rank(replace(moved, alert_time=ALERT + offset))) == scores(rank(base))

    @settings(max_examples=30, deadline=None)
    @given(st.permutations(range(20)), st.integers(0, 50))
    def test_about_the_order_of_series(self, permutation: list[int], seed: int) -> None:
        base = situation(seed=seed)
        keys = tuple(base.metrics.keys[row] for row in permutation)
        mixed = MetricTable(base.metrics.times, keys, base.metrics.values[permutation])
        assert rank(Situation(mixed, ALERT)) == rank(base)

    @settings(max_examples=30, deadline=None)
    @given(
        st.sampled_from((*SERVICES, "one that does nothing")),
        st.sampled_from(("threads", "latency_p90", "error", "disk_writes")),
        st.floats(-1e12, 1e12),
        st.integers(0, 50),
    )
    def test_about_a_constant_series(self, service: str, metric: str, level: float, seed: int) -> None:
        base = situation(seed=seed)
        keys = (*base.metrics.keys, (service, metric))
        values = np.vstack([base.metrics.values, np.full(SAMPLES, level)])
        ranking = rank(Situation(MetricTable(base.metrics.times, keys, values), ALERT))
        assert {name: score for name, score in scores(ranking).items() if name in SERVICES} == scores(rank(base))
        assert [name for name in order(ranking) if name in SERVICES] == order(rank(base))
        assert ranking.confidence == rank(base).confidence

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 1000))
    def test_about_gaps_infinities_and_doubled_columns(self, seed: int) -> None:
        base = situation(seed=seed)
        rng = np.random.default_rng(seed)
        values = base.metrics.values.copy()
        values[rng.random(values.shape) < 0.2] = np.nan
        values[rng.random(values.shape) < 0.01] = np.inf
        columns = rng.permutation(np.repeat(np.arange(SAMPLES), 2))
        table = MetricTable(base.metrics.times[columns], base.metrics.keys, values[:, columns])
        assert order(rank(Situation(table, ALERT)))[0] == "payment"


class TestBadInput:
    def test_no_series(self) -> None:
        with pytest.raises(BadInputError, match="no series"):
            rank(Situation(MetricTable(np.array([1.0]), (), np.empty((0, 1))), 1.0))

    def test_no_sample(self) -> None:
        with pytest.raises(BadInputError, match="no series"):
            rank(Situation(MetricTable(np.empty(0), (("cart", "cpu"),), np.empty((1, 0))), 1.0))

    @pytest.mark.parametrize("alert", [START - 3600, START, START + STEP * SAMPLES + 3600])
    def test_an_alert_outside_the_data(self, alert: float) -> None:
        with pytest.raises(BadInputError, match="nothing to compare"):
            rank(replace(situation(), alert_time=alert))

    def test_an_empty_baseline(self) -> None:
        base = situation()
        empty = replace(base.metrics, times=np.empty(0), values=np.empty((len(base.metrics.keys), 0)))
        with pytest.raises(BadInputError, match="nothing to compare"):
            rank(replace(base, alert_time=START, baseline=empty))

    def test_one_sample(self) -> None:
        table = MetricTable(np.array([START]), (("cart", "cpu"),), np.array([[1.0]]))
        with pytest.raises(BadInputError, match="nothing to compare"):
            rank(Situation(table, START + 60))

    def test_only_gaps_move_nothing(self) -> None:
        base = situation()
        ranking = rank(with_values(base, np.full_like(base.metrics.values, np.nan)))
        assert set(scores(ranking).values()) == {0.0}
        assert all(each.onset is None for each in ranking.movements)

    def test_a_series_that_comes_twice_counts_once(self) -> None:
        base = situation()
        twice = MetricTable(base.metrics.times, base.metrics.keys * 2, np.vstack([base.metrics.values] * 2))
        assert scores(rank(Situation(twice, ALERT))) == scores(rank(base))


class TestObjective:
    """The site calls the shop, which calls the stock; the failing objective is the site's latency."""

    calls = frozenset({("site", "shop"), ("shop", "stock"), ("batch", "stock"), ("shop", "shop")})
    objective = Objective("site", "latency", "avg")

    def failing(self, **slower: float) -> Situation:
        services = ("site", "shop", "stock", "batch")
        keys = tuple((service, name) for service in services for name in ("latency_avg", "requests"))
        times = START + 60 * np.arange(30, dtype=np.float64)
        values = np.ones((len(keys), 30)) * np.where([name == "requests" for _, name in keys], 100.0, 0.1)[:, None]
        for service, seconds in slower.items():
            values[keys.index((service, "latency_avg")), 20:] += seconds
        return Situation(MetricTable(times, keys, values), float(times[20]), None, self.calls, self.objective)

    def test_callers_of_a_slow_service_are_not_blamed_for_it(self) -> None:
        """By itself every caller looks worse than the stock, which was slowed by the least share."""
        assert order(rank(self.failing(site=0.5, shop=0.5, stock=0.5)))[0] == "stock"
        assert order(rank(self.failing(site=0.5, shop=0.5)))[0] == "shop"

    def test_what_the_failing_service_does_not_reach_is_no_cause(self) -> None:
        assert order(rank(self.failing(site=0.2, shop=0.2, stock=0.2, batch=5.0)))[0] == "stock"

    def test_without_calls_each_service_answers_for_itself(self) -> None:
        base = self.failing(site=0.1, batch=0.5)
        assert order(rank(replace(base, calls=frozenset())))[0] == "batch"

    def test_an_objective_that_nothing_measures_is_left_aside(self) -> None:
        base = self.failing(site=0.1, shop=0.5)
        for objective in (Objective("unknown", "latency", "avg"), Objective("site", "availability", "avg")):
            assert order(rank(replace(base, objective=objective)))[0] == "shop"

    def test_an_objective_that_did_not_get_worse_is_left_aside(self) -> None:
        base = self.failing()
        values = base.metrics.values.copy()
        values[base.metrics.keys.index(("stock", "requests")), 20:] = 1000
        assert order(rank(with_values(base, values)))[0] == "stock"

    def test_failed_calls_of_one_that_was_never_seen_before_are_its_callers(self) -> None:
        keys = (("site", "availability"), ("shop", "availability"))
        times = START + 60 * np.arange(30, dtype=np.float64)
        values = np.full((2, 30), 100.0)
        values[:, 20:] = 80
        values[1, :20] = np.nan
        objective = Objective("site", "availability", "Average")
        calls = frozenset({("site", "shop")})
        ranking = rank(Situation(MetricTable(times, keys, values), float(times[20]), None, calls, objective))
        assert order(ranking)[0] == "site"

    def test_what_was_bad_before_the_failure_is_not_blamed_for_it(self) -> None:
        """The baseline is from yesterday; the stock has been slow since this morning, the shop since the alert."""
        base = self.failing(site=0.2, shop=0.2)
        values = base.metrics.values.copy()
        values[base.metrics.keys.index(("stock", "latency_avg"))] += 5
        yesterday = replace(base.metrics, times=base.metrics.times - 86_400, values=self.failing().metrics.values)
        assert order(rank(replace(with_values(base, values), baseline=yesterday)))[0] == "shop"
