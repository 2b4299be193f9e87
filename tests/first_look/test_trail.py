"""The failing calls lead to where it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.symptoms import symptoms
from sre_bot.first_look.trail import Trail, calls, follow, is_third_party, resolve
from tests.first_look.readings import of, reading, seen
from tests.first_look.scenes import AT, TIMES

if TYPE_CHECKING:
    from sre_bot.first_look.seen import Reading

SERVICES = frozenset({"web", "checkout", "inventory-service", "payments"})


@pytest.mark.parametrize(
    ("peer", "service"),
    [
        ("checkout", "checkout"),
        ("checkout:8080", "checkout"),
        ("http://checkout:8080/orders", "checkout"),
        ("CHECKOUT", "checkout"),
        ("inventory", "inventory-service"),
        ("inventory-svc.shop.svc.cluster.local:80", "inventory-service"),
        ("payments.internal", "payments"),
        ("payments.example.com", None),
        ("10.0.0.7:5432", None),
        ("[::1]:5432", None),
        ("postgres", None),
        ("8080", None),
        ("", None),
    ],
)
def test_our_service_behind_an_address(peer: str, service: str | None) -> None:
    assert resolve(peer, SERVICES) == service


@pytest.mark.parametrize(
    ("peer", "outside"),
    [
        ("api.cardpay.example", True),
        ("https://api.cardpay.example:443/v1", True),
        ("8.8.8.8:53", True),
        ("[2606:4700::1111]", True),
        ("10.0.0.7:5432", False),
        ("127.0.0.1", False),
        ("postgres:5432", False),
        ("db.shop.svc.cluster.local", False),
        ("cache.internal", False),
    ],
)
def test_a_third_party_is_out_in_the_internet(peer: str, outside: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_third_party(peer) is outside


def fails(service: str, peer: str | None = None, after: float = 0.5, minutes: float = 10) -> Reading:
    return reading(Sign.ERRORS, service, 0, after, minutes, peer=peer)


def slow(service: str, peer: str | None = None) -> Reading:
    return reading(Sign.LATENCY, service, 0.1, 1.0, peer=peer)


def traffic(service: str, before: float = 20, after: float | None = None, peer: str | None = None) -> Reading:
    return reading(Sign.TRAFFIC, service, before, after, peer=peer)


def trail(*readings: Reading, focus: str = "") -> Trail:
    saw = seen(*readings)
    found = symptoms(saw.readings, AT)
    return follow(focus.split(), found, calls(saw, found), saw.services)


CHAIN = (
    fails("web"),
    fails("web", "checkout"),
    fails("checkout"),
    fails("checkout", "payments"),
    fails("payments"),
)


def test_along_failing_calls_to_the_last_service_that_fails() -> None:
    assert trail(*CHAIN, focus="web") == Trail(("web", "checkout", "payments"))


def test_it_begins_with_what_was_asked_about_if_that_fails_else_with_what_failed_first() -> None:
    assert trail(*CHAIN, focus="checkout").services == ("checkout", "payments")
    assert trail(*CHAIN, focus="inventory web").services[0] == "web"
    assert trail(fails("web", minutes=5), fails("payments", minutes=20), focus="inventory").services == ("payments",)


def test_when_nothing_fails_it_leads_nowhere() -> None:
    assert trail(traffic("web"), focus="web") == Trail()


def test_a_service_whose_callers_give_up_on_it_but_which_does_well_is_not_the_end() -> None:
    assert trail(fails("checkout"), fails("checkout", "payments"), focus="checkout") == Trail(("checkout",))


def test_a_peer_that_is_none_of_ours_ends_the_trail() -> None:
    found = trail(*CHAIN, fails("payments", "api.cardpay.example"), focus="web")
    assert found == Trail(("web", "checkout", "payments"), peer="api.cardpay.example")


def test_a_service_that_got_worse_only_after_the_calls_to_it_is_not_why_they_fail() -> None:
    calls_fail = fails("checkout", "payments", minutes=20)
    late, early = fails("payments", minutes=5), fails("payments", minutes=21)
    assert trail(fails("checkout", minutes=20), calls_fail, late, focus="checkout").end == "checkout"
    assert trail(fails("checkout", minutes=20), calls_fail, early, focus="checkout").end == "payments"


def test_a_slow_climb_has_no_onset_that_could_be_too_late() -> None:
    climb = of(Sign.ERRORS, "payments", np.linspace(0, 0.4, len(TIMES)))
    assert trail(fails("checkout"), fails("checkout", "payments"), climb, focus="checkout").end == "payments"


def test_the_worst_of_the_failing_calls_is_followed() -> None:
    """Not a service of ours that is a little slow because of something else."""
    readings = (
        fails("checkout"),
        fails("checkout", "api.cardpay.example"),
        slow("checkout", "inventory"),
        slow("inventory"),
    )
    assert trail(*readings, focus="checkout").peer == "api.cardpay.example"


def test_slow_calls_are_followed_as_failing_ones_are() -> None:
    assert trail(slow("web"), slow("web", "checkout"), slow("checkout"), focus="web").end == "checkout"


def test_callers_alone_may_show_that_calls_fail() -> None:
    assert trail(fails("web", "checkout")) == Trail(("web",))


def test_services_that_call_each_other_in_a_circle_come_to_an_end() -> None:
    assert trail(*CHAIN, fails("payments", "web"), focus="web").services == ("web", "checkout", "payments")


def test_what_is_over_is_not_followed_unless_everything_is() -> None:
    over = reading(Sign.ERRORS, "payments", 0, 0.5, 40, until=20)
    calls_over = reading(Sign.ERRORS, "checkout", 0, 0.5, 40, peer="payments", until=20)
    assert trail(fails("checkout"), calls_over, over, focus="checkout").end == "checkout"
    assert trail(calls_over, over, reading(Sign.ERRORS, "checkout", 0, 0.5, 40, until=20)).end == "payments"


def test_a_service_called_more_often_per_request_suffers_from_its_caller() -> None:
    more = traffic("checkout", 20, 200, peer="inventory")
    readings = (slow("checkout"), slow("checkout", "inventory"), slow("inventory"), traffic("checkout"), more)
    assert trail(*readings, focus="checkout") == Trail(("checkout",), more=more)
    assert trail(*readings, focus="inventory") == Trail(("inventory", "checkout"), more=more)


def test_a_caller_behind_the_one_asked_about_is_found_again() -> None:
    more = traffic("web", 20, 200, peer="checkout")
    readings = (slow("web"), traffic("web"), more, slow("checkout"), traffic("checkout", 20, 200))
    assert trail(*readings, focus="web").services == ("web",)


def test_a_caller_that_calls_something_else_more_often_is_not_to_blame() -> None:
    readings = (slow("checkout"), traffic("search"), traffic("search", 20, 200, peer="inventory"))
    assert trail(*readings, focus="checkout") == Trail(("checkout",))


def test_more_calls_because_of_more_requests_are_nobodys_fault() -> None:
    readings = (slow("checkout"), traffic("checkout", 20, 200), traffic("checkout", 20, 200, peer="inventory"))
    assert trail(*readings, focus="checkout").more is None


def test_who_calls_more_often_because_its_calls_fail_only_tries_again() -> None:
    readings = (*CHAIN, traffic("checkout"), traffic("checkout", 20, 200, peer="payments"))
    assert trail(*readings, focus="web") == Trail(("web", "checkout", "payments"))


def test_who_is_above_whom() -> None:
    graph = calls(seen(traffic("web", peer="checkout"), traffic("checkout", peer="payments")), ())
    assert graph.above("payments") == {"checkout", "web"}
    assert graph.callers("payments") == {"checkout"}
    assert graph.above("web") == frozenset()


@given(
    st.permutations([*CHAIN, slow("checkout"), slow("inventory"), traffic("web"), fails("payments", "x.example.com")])
)
def test_the_order_of_readings_makes_no_difference(readings: list[Reading]) -> None:
    assert trail(*readings, focus="web") == Trail(("web", "checkout", "payments"), peer="x.example.com")
