"""Waits: begun once, ended once, and tried one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.store.waits import Wait, Waits, WaitState

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WAIT = Wait("a", "t", {"text": "why? 🔥"}, NOW, NOW + timedelta(hours=1), looks=2, firing=("ab", "cd"))


@pytest.fixture
def waits(engine: Engine) -> Waits:
    kept = Waits(engine)
    kept.begin(WAIT)
    return kept


def test_a_wait_is_kept_as_it_was_and_of_its_thread(waits: Waits) -> None:
    assert waits.get("a") == WAIT
    assert waits.get("b") is None
    assert list(waits.open("t")) == [WAIT]
    assert not waits.open("another")


def test_begun_again_after_it_ended_it_stays_ended(waits: Waits) -> None:
    assert waits.end("a", WaitState.RESOLVED)
    waits.begin(WAIT)
    assert not waits.end("a", WaitState.EXPIRED)
    assert not waits.open()
    ended = waits.get("a")
    assert ended is not None
    assert ended.state is WaitState.RESOLVED


def test_it_is_tried_by_one_at_a_time_and_not_after_its_end(waits: Waits) -> None:
    assert [waits.attempt("a"), waits.attempt("a")] == [1, 0]
    waits.again("a", 1, broke_off=True)
    assert waits.attempt("a") == 2
    waits.end("a", WaitState.RESUMED)
    assert waits.attempt("a") == 0


def test_first_comes_what_is_tried_then_the_least_tried_then_the_oldest(waits: Waits) -> None:
    for number, key in enumerate(("d", "c", "b"), 1):
        later = NOW + timedelta(minutes=number)
        waits.begin(Wait(key, "t", {}, later, later))
    waits.again("a", waits.attempt("a"), broke_off=False)
    waits.attempt("b")
    assert [one.key for one in waits.open()] == ["b", "d", "c", "a"]
