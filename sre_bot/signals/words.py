"""The telling words in identifiers, paths and titles, so that a change can be held against what fails."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SHORTEST = 3
_GENERIC_IN_SERVICES = frozenset({"service", "svc", "server", "app", "application", "deployment"})

# Words of every change and every metric, which say nothing about a particular one. In stemmed form.
STOP_WORDS = frozenset(
    """
    add and are but change clean fix for from has have into its make more new not now off old one out remove rename
    set support that the then this tidy tune update use when with without bug feature feat chore refactor merge
    pull branch main master commit version release deploy test
    high low slow fast too above below fail failure failing error alert critical warning
    total second millisecond byte count sum bucket rate ratio request response duration latency http https grpc
    status code info service svc server app api job instance pod container namespace cluster value number
    per src lib pkg cmd internal com org func function def class return import const var let int str string float bool
    true false null none self err nil len type struct interface public private static void async await
    """.split()  # noqa: SIM905 -- a paragraph of words reads better than a page of quotes
)


def terms(text: str) -> frozenset[str]:
    """The distinct words of a text or an identifier, split at case and underscores, stemmed, without stop words."""
    stems = (stem(word.lower()) for word in _WORD.findall(text))
    return frozenset(word for word in stems if len(word) >= _SHORTEST and word not in STOP_WORDS and not word.isdigit())


def stem(word: str) -> str:
    """A light English stem: plural and participle endings off (queries, querying, queried give query)."""
    for ending, least, instead in (("ies", 5, "y"), ("ied", 5, "y"), ("sses", 6, "ss"), ("ing", 6, ""), ("ed", 5, "")):
        if word.endswith(ending) and len(word) >= least:
            return word[: -len(ending)] + instead
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > _SHORTEST
    return word[:-1] if plural else word


def service_words(name: str) -> frozenset[str]:
    """What tells a service from others: ``checkout-service``, ``CheckoutService`` and ``checkoutservice-2`` agree."""
    words = {word.lower() for word in _WORD.findall(name) if not word.isdigit()}
    bare = {word.removesuffix("service") or word for word in words}
    return frozenset(bare - _GENERIC_IN_SERVICES) or frozenset(words)
