"""Which metrics matter, as the rules of alerts tell."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import SourceUnavailableError
from sre_bot.first_look import Sources
from sre_bot.first_look.hints import MAX_DEPTH, rules_of, thresholds, watched
from sre_bot.first_look.look import look_at
from sre_bot.investigation import Question
from sre_bot.signals.series import Rule
from sre_bot.tools.promql import Threshold, threshold_in
from tests.first_look.scenes import AT, Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOW = Rule("Slow", "histogram_quantile(0.9, sum by (le) (rate(shop_wait_seconds_bucket[5m]))) > 1", alerts=True)
BAD = Rule("Bad", "shop:errors:ratio > 0.1 and on () shop_open == 1", alerts=True)
RATIO = Rule("shop:errors:ratio", "shop:errors:rate / shop:requests:rate", alerts=False)
ERRORS = Rule("shop:errors:rate", "sum(rate(shop_failures_total[5m]))", alerts=False)
REQUESTS = Rule("shop:requests:rate", "sum(rate(shop_orders_total[5m]))", alerts=False)
RULES = (SLOW, BAD, RATIO, ERRORS, REQUESTS)


@dataclass
class Told:
    """A Prometheus that tells its rules, or fails, or never answers."""

    told: Sequence[Rule] = ()
    fails: bool = False
    hangs: bool = False
    name: str = "prometheus"
    environment: str | None = None

    async def rules(self) -> Sequence[Rule]:
        """As told."""
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise SourceUnavailableError(self.name, "no")
        return self.told


def test_an_alert_that_fires_tells_its_threshold_where_its_rule_says_it_plainly() -> None:
    assert thresholds(RULES, {"Slow", "Bad"}) == (Threshold(frozenset({"shop_wait_seconds_bucket"}), "seconds", 1.0),)
    assert thresholds(RULES, set()) == ()


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("(rate(a_total{code=~'5..'}[5m]) / rate(a_total[5m])) > 0.05", (frozenset({"a_total"}), "ratio", 0.05)),
        ("(free_bytes < 1e9)", (frozenset({"free_bytes"}), "bytes", 1e9)),
        ("up == 0", None),
        ("a > b", None),
        ("5 > 3", None),
        ("a > 1 and b > 2", None),
        ("a >", None),
    ],
)
def test_a_threshold_is_one_comparison_with_a_number(
    expression: str, found: tuple[frozenset[str], str, float] | None
) -> None:
    assert threshold_in(expression) == (None if found is None else Threshold(*found))


@pytest.mark.parametrize(
    ("firing", "metrics"),
    [
        ({"Slow"}, {"shop_wait_seconds_bucket"}),
        ({"Bad"}, {"shop_failures_total", "shop_orders_total", "shop_open"}),
        ({"Other"}, {"shop_wait_seconds_bucket", "shop_failures_total", "shop_orders_total", "shop_open"}),
        (set(), {"shop_wait_seconds_bucket", "shop_failures_total", "shop_orders_total", "shop_open"}),
    ],
)
def test_what_fires_tells_what_matters_and_recorded_metrics_what_they_are_made_of(
    firing: set[str], metrics: set[str]
) -> None:
    assert watched(RULES, firing) == metrics


def test_rules_that_go_in_a_circle_or_cannot_be_read_tell_nothing_more() -> None:
    circle = [Rule(f"r{n}", f"r{(n + 1) % 9}", alerts=False) for n in range(9)]
    assert watched([Rule("A", "r0", alerts=True), *circle], ()) == {f"r{MAX_DEPTH}"}
    assert watched([Rule("A", "a ((", alerts=True), Rule("B", "b", alerts=True)], ()) == {"b"}
    assert watched([Rule("A", "r", alerts=True), Rule("r", "r + s", alerts=False)], ()) == {"s"}
    assert watched([], {"A"}) == frozenset()


async def test_rules_that_are_not_told_in_time_are_no_hints() -> None:
    assert await rules_of(Told(RULES), 1) == RULES
    assert await rules_of(Told(fails=True), 1) == ()
    assert await rules_of(Told(hangs=True), 0.01) == ()
    assert await rules_of(None, 1) == ()


async def test_the_first_look_asks_first_for_what_the_firing_alert_watches() -> None:
    scene = Scene().service("web").fires("Late")
    for metric in ("queue_a_seconds", "queue_b_seconds", "queue_c_seconds", "queue_long_named_seconds"):
        scene.sets += [{"__name__": f"{metric}_{part}", "service": "web"} for part in ("count", "bucket")]
    late = Rule("Late", "rate(queue_long_named_seconds_sum[5m]) > 1", alerts=True)
    asked = []
    for rules in ((), (late,)):
        metrics = scene.metrics()
        sources = Sources([metrics], scene.sources().alerts, rules=[Told(rules)])
        seen = await look_at(sources, Question("", AT), now=AT, deadline=5)
        assert all(missing.source != "prometheus" for missing in seen.missing)
        asked.append([query for query in metrics.asked if "queue_long_named_seconds_bucket" in query])
    assert not asked[0]
    assert asked[1]
