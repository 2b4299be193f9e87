"""What a likelier cause that moved, too, explains of a score; the rest stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.signals.explained import BY_CALLEES, BY_CPU, BY_OTHERS, MOST_CALLEES, less_callees, most_telling
from sre_bot.signals.metric_kinds import MetricKind

STEP = np.r_[np.zeros(10), np.ones(22)]


def left(
    levels: list[float], scores: list[float], courses: list[np.ndarray[tuple[int], np.dtype[np.float64]]]
) -> list[float]:
    """The scores that latencies of these levels keep, each of a service of its own."""
    keys = [(f"service-{number}", "latency") for number in range(len(levels))]
    before = np.array(levels)
    rose = before[:, None] * (1 + np.array(courses))
    kept: list[float] = less_callees(keys, np.array(scores), before, rose).tolist()
    return kept


class TestCallees:
    def test_a_service_loses_what_one_that_answers_sooner_explains(self) -> None:
        assert left([0.5, 0.01], [2.0, 1.5], [STEP, STEP]) == pytest.approx([2 - BY_CALLEES * 1.5, 1.5])

    def test_no_more_is_explained_than_there_is(self) -> None:
        assert left([0.5, 0.01], [1.0, 3.0], [STEP, STEP])[0] == pytest.approx(1 - BY_CALLEES)

    def test_what_rose_at_another_time_explains_nothing(self) -> None:
        assert left([0.5, 0.01], [2.0, 2.0], [STEP, 1 - STEP]) == [2.0, 2.0]

    def test_equals_explain_nothing_of_each_other(self) -> None:
        assert left([0.5, 0.5], [2.0, 2.0], [STEP, STEP]) == [2.0, 2.0]

    def test_levels_of_different_metrics_do_not_compare(self) -> None:
        keys = [("shop", "latency_p50"), ("stock", "latency_p90")]
        before = np.array([0.5, 0.01])
        courses = before[:, None] * (1 + np.array([STEP, STEP]))
        scores = np.array([2.0, 2.0])
        assert less_callees(keys, scores, before, courses).tolist() == [2.0, 2.0]

    @pytest.mark.parametrize(
        ("calls", "explained"),
        [
            ({("shop", "stock")}, True),
            ({("shop", "depot"), ("depot", "stock"), ("depot", "shop")}, True),
            ({("stock", "shop"), ("shop", "depot")}, False),
        ],
    )
    def test_where_calls_are_known_only_those_explain_to_whom_they_lead(
        self, calls: set[tuple[str, str]], *, explained: bool
    ) -> None:
        keys = [("shop", "latency"), ("stock", "latency")]
        before, scores = np.array([0.5, 0.01]), np.array([2.0, 2.0])
        courses = before[:, None] * (1 + np.array([STEP, STEP]))
        kept = less_callees(keys, scores, before, courses, calls)
        assert bool(kept[0] < 1) is explained

    def test_what_did_not_rise_or_was_never_seen_keeps_its_score_and_explains_nothing(self) -> None:
        keys = [("shop", "latency"), ("stock", "latency"), ("depot", "latency")]
        before = np.array([0.5, np.nan, 0.0])
        courses = np.array([0.5 + STEP, 0.01 - STEP / 200, STEP])
        assert less_callees(keys, np.array([2.0, 2.0, 2.0]), before, courses).tolist() == [2.0, 2.0, 2.0]

    def test_gaps_in_a_course_are_left_out(self) -> None:
        gaps = STEP.copy()
        gaps[12:16] = np.nan
        assert left([0.5, 0.01], [2.0, 2.0], [STEP, gaps])[0] < 1

    def test_of_many_services_the_one_that_moved_most_still_explains(self) -> None:
        levels = [0.5, 0.001, *[0.01] * (2 * MOST_CALLEES)]
        scores = [2.0, 2.0, *[0.1] * (2 * MOST_CALLEES)]
        assert left(levels, scores, [STEP] * len(levels))[0] == pytest.approx(2 * (1 - BY_CALLEES))

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.tuples(st.floats(1e-6, 1e6), st.floats(0, 10), st.integers(0, 30)), min_size=1, max_size=8),
        st.integers(-20, 20),
    )
    def test_unit_and_order_make_no_difference_and_a_score_only_shrinks(
        self, services: list[tuple[float, float, int]], power: int
    ) -> None:
        levels, scores, begins = (list(column) for column in zip(*services, strict=True))
        courses = [np.where(np.arange(32) >= begin, 1.0, 0.0) for begin in begins]
        kept = left(levels, scores, courses)
        assert all(
            (1 - BY_CALLEES) * score <= less + 1e-9 <= score + 2e-9 for less, score in zip(kept, scores, strict=True)
        )
        assert left([level * 2.0**power for level in levels], scores, courses) == pytest.approx(kept)
        assert left(levels[::-1], scores[::-1], courses[::-1]) == pytest.approx(kept[::-1])


class TestWithinAService:
    keys = (("shop", "cpu"), ("shop", "latency"), ("shop", "memory"), ("stock", "latency"), ("stock", "cpu"))
    kinds = (MetricKind.CPU, MetricKind.LATENCY, MetricKind.MEMORY, MetricKind.LATENCY, MetricKind.CPU)

    def told(self, *scores: float, rises: bool = True) -> list[float]:
        rose = np.full(len(self.keys), rises, dtype=np.bool_)
        telling: list[float] = most_telling(self.keys, self.kinds, np.array(scores), rose).tolist()
        return telling

    def test_a_busy_cpu_explains_latency_in_its_own_service_alone(self) -> None:
        assert self.told(2, 2.5, 0, 2, 0) == pytest.approx([2, 2.5 - BY_CPU * 2, 0, 2, 0])

    def test_an_idle_cpu_explains_none(self) -> None:
        assert self.told(2, 2.5, 0, 2, 0, rises=False) == pytest.approx([2, 2.5, 0, 2, 0])

    def test_memory_explains_cpu(self) -> None:
        assert self.told(3, 0, 2.5, 0, 1) == pytest.approx([3 - BY_OTHERS * 2.5, 0, 2.5, 0, 1])

    def test_no_series(self) -> None:
        assert len(most_telling((), (), np.empty(0), np.empty(0, dtype=np.bool_))) == 0
