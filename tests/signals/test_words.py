"""Telling words of identifiers, and services under their several spellings."""

from __future__ import annotations

import pytest

from sre_bot.signals.words import service_words, stem, terms


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("db_pool_connections_in_use", {"pool", "connection"}),
        ("ConnectionPoolExhausted", {"connection", "pool", "exhaust"}),
        ("HTTPRequestTimeouts", {"timeout"}),
        ("http_requests_total", set()),
        ("Tidy the queries of pkg/enrich/geo.go", {"query", "pkg", "enrich", "geo"} - {"pkg"}),
        ("", set()),
    ],
)
def test_a_name_falls_into_its_telling_words(text: str, words: set[str]) -> None:
    assert terms(text) == words


def test_forms_of_a_word_agree() -> None:
    assert {stem(word) for word in ("query", "queries", "querying", "queried")} == {"query"}
    assert stem("status") == "status"
    assert stem("address") == "address"


def test_spellings_of_a_service_agree_and_services_differ() -> None:
    spellings = ("checkout", "checkout-service", "CheckoutService", "checkoutservice", "checkout-svc-2", "checkout_app")
    assert {service_words(name) for name in spellings} == {frozenset({"checkout"})}
    assert service_words("checkout-worker") != service_words("checkout")
    assert service_words("service") == frozenset({"service"})
    assert service_words("42") == service_words("42")
