"""Where no golden signal shows trouble, alerts, logs and traces tell where and since when it fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.movers import Mover, Steady
from sre_bot.first_look.place import (
    driven,
    failing_place,
    first_sign,
    moved,
    onset_by_logs,
    same_service,
    texts,
    told_calls,
)
from sre_bot.first_look.seen import Complaint, Contrast, Seen
from sre_bot.incident import Alert, LogLevel
from sre_bot.signals.series import Series, facts
from tests.first_look.readings import seen
from tests.first_look.scenes import AT, ago

if TYPE_CHECKING:
    from datetime import datetime

NOBODY = frozenset[str]()


def complaint(service: str, minutes: float, said: str = "boom", *, count: int = 20, **common: str) -> Complaint:
    return Complaint((service,), said, said, LogLevel.ERROR, ago(minutes), AT, count, 0, 9.0, common)


def alert(service: str, minutes: float = 5, **annotations: str) -> Alert:
    return Alert("Bad", {"alertname": "Bad", "service": service}, annotations, ago(minutes))


def contrast(*way: str, error: str = "boom", failed: bool = True) -> Contrast:
    second = timedelta(seconds=1)
    return Contrast("GET /", way[-1], "Reserve", failed, way, ago(9), 5, 5, second, second, second, error=error)


def mover(service: str, minutes: float, metric: str = "hits", *, doubt: float = 1) -> Mover:
    values = np.array([1.0, 2.0, 3.0])
    series = Series({}, np.arange(3.0), values)
    return Mover(service, metric, facts(series), ago(minutes), ago(minutes - doubt), series)


def saw(*complaints: Complaint, alerts: tuple[Alert, ...] = (), trace: Contrast | None = None) -> Seen:
    return replace(seen(), complaints=complaints, alerts=alerts, contrast=trace)


class TestPlace:
    def test_it_is_where_the_alert_is_of_what_was_asked_about(self) -> None:
        told = saw(alerts=(alert("web"), alert("checkout")))
        assert failing_place(told, ["payments", "checkout"], NOBODY) == ("checkout",)

    def test_of_what_was_asked_about_it_is_what_complains(self) -> None:
        told = saw(complaint("payments", 4), alerts=(alert("web"),))
        assert failing_place(told, ["checkout", "payments"], NOBODY) == ("payments",)

    def test_else_it_is_where_an_alert_is_else_who_complains_first(self) -> None:
        assert failing_place(saw(complaint("web", 9), alerts=(alert("checkout"),)), [], NOBODY) == ("checkout",)
        assert failing_place(saw(complaint("web", 4), complaint("checkout", 9)), [], NOBODY) == ("checkout",)

    def test_the_trace_of_a_failed_request_leads_on_to_who_complained_earlier(self) -> None:
        told = saw(complaint("checkout", 8), complaint("inventory", 9), trace=contrast("web", "checkout", "inventory"))
        assert failing_place(told, ["checkout"], NOBODY) == ("checkout", "inventory")

    def test_it_does_not_lead_on_to_who_complained_later_or_was_told_to_stop(self) -> None:
        way = ("web", "checkout", "inventory")
        later = saw(complaint("checkout", 9), complaint("inventory", 8), trace=contrast(*way))
        assert failing_place(later, ["checkout"], NOBODY) == ("checkout",)
        stopped = saw(complaint("checkout", 8), complaint("inventory", 9), trace=contrast(*way, error="canceled"))
        assert failing_place(stopped, ["checkout"], NOBODY) == ("checkout",)
        slow = saw(complaint("checkout", 8), complaint("inventory", 9), trace=contrast(*way, failed=False))
        assert failing_place(slow, ["checkout"], NOBODY) == ("checkout",)

    def test_an_alert_that_the_signals_of_its_service_do_not_bear_out_tells_nothing(self) -> None:
        told = saw(alerts=(alert("checkout"),))
        assert failing_place(told, ["checkout"], frozenset({"checkout"})) == ()
        assert failing_place(replace(told, complaints=(complaint("checkout", 5),)), [], frozenset({"checkout"}))

    def test_without_trouble_there_is_no_place(self) -> None:
        assert failing_place(saw(), ["checkout"], NOBODY) == ()


def test_calls_are_told_by_the_trace_and_by_complaints_that_name_another_service() -> None:
    told = told_calls(
        saw(
            complaint("web", 5, "upstream payments timed out"),
            complaint("payments", 5, "payments is full"),
            trace=contrast("web", "checkout"),
        )
    )
    assert told == {"web": {"checkout", "payments"}}


def test_calls_of_any_trace_tell_who_calls_whom() -> None:
    trace = replace(contrast("web"), edges=(("web", "checkout"), ("checkout", "payments")))
    assert told_calls(saw(trace=trace)) == {"web": {"checkout"}, "checkout": {"payments"}}


def grown(service: str, metric: str) -> Mover:
    times = np.arange(AT.timestamp() - 3600, AT.timestamp() + 1, 15)
    series = Series({}, times, np.where(times < ago(20).timestamp(), 100.0, 500.0))
    return Mover(service, metric, facts(series), ago(20), ago(19), series)


def test_a_service_is_driven_where_more_is_asked_of_it_but_not_of_its_callers() -> None:
    flat = (Steady("web", "requests_per_sec", 20.0),)
    told = saw(trace=replace(contrast("checkout"), edges=(("web", "checkout"),)))
    more = replace(told, movers=(grown("checkout", "queries_per_second"),), steady=flat)
    assert driven(more, ["checkout"]) == {"checkout"}
    for other in (
        replace(more, steady=()),
        replace(more, contrast=None),
        replace(more, movers=(grown("checkout", "heap_bytes"),)),
        replace(more, movers=(*more.movers, grown("web", "requests_per_sec"))),
    ):
        assert driven(other, ["checkout"]) == NOBODY


def test_the_onset_is_the_first_complaint_else_the_alert() -> None:
    told = saw(complaint("web", 9), complaint("web", 7), alerts=(alert("web", 8), alert("checkout", 6)))
    assert onset_by_logs(told, "web") == ago(9)
    assert onset_by_logs(told, "checkout") == ago(6)
    assert onset_by_logs(told, "payments") is None


class TestFirstSign:
    near = frozenset({"checkout"})

    def first(self, *movers: Mover, onset: datetime | None = AT) -> datetime | None:
        return first_sign(movers, self.near, onset)

    def test_it_is_the_first_gauge_nearby_that_moved_at_the_latest_it_may_have(self) -> None:
        assert self.first(mover("checkout", 90, doubt=10), mover("checkout", 60)) == ago(80)

    def test_gauges_of_others_and_demand_are_no_sign(self) -> None:
        assert self.first(mover("search", 90), mover("checkout", 90, "requests_per_sec")) is None

    def test_it_comes_before_the_onset(self) -> None:
        assert self.first(mover("checkout", 5), onset=ago(30)) is None
        assert self.first(mover("checkout", 5), onset=None) is None


def test_when_anything_of_a_service_moved_is_when_the_first_did() -> None:
    assert moved([mover("a", 5), mover("a", 9), mover("b", 3)]) == {"a": ago(9), "b": ago(3)}


def test_what_is_said_is_by_those_nearby_with_what_their_lines_have_alike() -> None:
    told = saw(
        complaint("checkout", 5, "pool is full", limit="10"),
        complaint("search", 5, "unrelated"),
        alerts=(alert("checkout", summary="p99 of checkout"), alert("search", summary="index is old")),
        trace=contrast("checkout", error="no connection"),
    )
    said = texts(told, ["checkout"], NOBODY)
    assert {"pool is full", "limit 10", "p99 of checkout", "Reserve", "no connection"} == set(said)


def test_services_are_the_same_however_they_are_written() -> None:
    assert same_service("checkout-service", ["CheckoutService"])
    assert not same_service("checkout", ["cart"])
