"""Stops: which questions one is for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.store.stops import Stop, Stops

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
THREAD = "slack:T:C:1.000001"


@pytest.fixture
def stops(engine: Engine) -> Stops:
    return Stops(engine)


def test_a_stop_is_for_what_was_asked_in_its_thread_by_then(stops: Stops) -> None:
    stops.keep(Stop("s", THREAD, NOON, by="U1"))
    found = stops.of(["q"], THREAD, NOON)
    assert found is not None
    assert (found.key, found.by) == ("s", "U1")
    assert stops.of(["q"], THREAD, NOON + timedelta(seconds=1)) is None
    assert stops.of(["q"], "slack:T:C:2.000001", NOON) is None


def test_the_stop_of_a_whole_conversation_is_for_each_of_its_threads(stops: Stops) -> None:
    stops.keep(Stop("s", "slack:T:D1", NOON))
    assert stops.of(["q"], "slack:T:D1:7.000001", NOON) is not None
    assert stops.of(["q"], "slack:T:D12:7.000001", NOON) is None


def test_a_deletion_is_for_its_question_alone_whenever_it_was_asked(stops: Stops) -> None:
    stops.keep(Stop("d", THREAD, NOON, question="q"))
    assert stops.of(["q:edit:1", "q"], THREAD, NOON + timedelta(hours=1)) is not None
    assert stops.of(["other"], THREAD, NOON) is None


def test_kept_again_it_stays_as_it_was_and_the_first_one_counts(stops: Stops) -> None:
    stops.keep(Stop("s", THREAD, NOON, by="U1"))
    stops.keep(Stop("s", THREAD, NOON, by="U2"))
    stops.keep(Stop("t", THREAD, NOON + timedelta(seconds=1), by="U3"))
    found = stops.of(["q"], THREAD, NOON)
    assert found is not None
    assert found.by == "U1"
