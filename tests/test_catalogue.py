"""The catalogue: services by name and alias, merged from several sources."""

from __future__ import annotations

from sre_bot.catalogue import Catalogue
from sre_bot.incident import Service

CHECKOUT = Service("checkout", owner="orders", on_call="@orders-oncall", dependencies=("payments", "inventory"))
PAYMENTS = Service("payments", aliases=("Payment-Gateway", "pay"))
CATALOGUE = Catalogue.of([CHECKOUT, PAYMENTS])


def test_a_service_is_found_by_name_and_alias_whatever_the_case() -> None:
    assert CATALOGUE.find("Checkout") == CHECKOUT
    assert CATALOGUE.find("payment-gateway") == PAYMENTS
    assert CATALOGUE.find("nothing") is None


def test_a_name_comes_before_another_services_alias() -> None:
    catalogue = Catalogue.of([Service("a", aliases=("b",)), Service("b")])
    found = catalogue.find("b")
    assert found is not None
    assert found.name == "b"


def test_a_dependency_is_known_though_nobody_describes_it() -> None:
    assert CATALOGUE.mentioned() == {"checkout", "payments", "inventory"}


def test_a_later_source_wins_field_by_field() -> None:
    merged = Catalogue.of([CHECKOUT], [Service("checkout", owner="platform", repository="shop")]).find("checkout")
    assert merged == Service(
        "checkout",
        owner="platform",
        on_call="@orders-oncall",
        repository="shop",
        dependencies=("payments", "inventory"),
    )


def test_what_is_known_is_told_in_a_line_a_service() -> None:
    assert CATALOGUE.described(["checkout", "checkout", "unknown", "payments"]) == (
        "checkout: owner orders; on call @orders-oncall; depends on payments, inventory\n"
        "payments: also called Payment-Gateway, pay"
    )
