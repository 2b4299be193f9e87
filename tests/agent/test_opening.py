"""The first message: what was asked, where, and what the first look saw."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from sre_bot.agent.opening import opening
from sre_bot.investigation import Evidence, MissingSource, Observation, Question, Scope

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scope", "line"),
    [
        (Scope("payments", "production"), "Asked in a channel about payments in production; the question's words win."),
        (Scope("payments"), "Asked in a channel about payments; the question's words win."),
        (Scope(environment="staging"), "Asked in a channel about staging; the question's words win."),
    ],
)
def test_what_the_channel_is_about_is_told_in_a_line(scope: Scope, line: str) -> None:
    assert line in opening(Question("what is going on?", AT, scope=scope), (), ()).splitlines()


def test_without_a_scope_there_is_no_such_line() -> None:
    assert "channel" not in opening(Question("what is going on?", AT), (), ())


def test_what_the_catalogue_says_and_what_lags_behind_is_there_as_data() -> None:
    facts = Evidence("E9", "describe_services", {}, Observation("the catalogue", "payments: owner team-a"))
    lag = MissingSource("shop", "last fetched 3 h ago: changes since then are not seen")
    told = opening(Question("what is going on?", AT), [facts], [lag])
    assert "[E9] describe_services {}\npayments: owner team-a" in told
    assert "- shop: last fetched 3 h ago: changes since then are not seen" in told


def test_what_was_answered_before_is_told_as_of_then_and_not_to_be_cited() -> None:
    question = Question("and now?", AT, earlier="Checkout failed then.")
    told = opening(question, (), ())
    assert "Its evidence is gone" in told
    assert re.search(r"<earlier-answer-\w{10}>\nCheckout failed then\.\n</earlier-answer-\w{10}>", told)
    assert "earlier-answer" not in opening(Question("and now?", AT), (), ())
