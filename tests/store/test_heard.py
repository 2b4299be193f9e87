"""What was heard: whom a thread belongs to, and who answers what was said there, decided once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.investigation import Message, Question
from sre_bot.store.heard import Call, Heard
from sre_bot.store.investigations import Investigations

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
def heard(engine: Engine) -> Heard:
    return Heard(engine)


def said(heard: Heard, key: str, call: Call = Call.REPLY, minutes: float = 0, thread: str = "t") -> str:
    heard.note(key, thread, call, at(minutes))
    return key


# --- which threads are ours ---


def test_a_thread_is_ours_from_the_mention_on_until_it_asks_for_quiet_and_from_the_next_mention_again(
    heard: Heard,
) -> None:
    said(heard, "m1", Call.MENTION, 1)
    said(heard, "q", Call.QUIET, 3)
    said(heard, "m2", Call.MENTION, 5)
    assert [heard.is_listening("t", at(minute)) for minute in (0, 2, 4, 6)] == [False, True, False, True]
    assert not heard.is_listening("another", at(6))


def test_a_mention_noted_again_after_it_was_told_to_be_quiet_changes_nothing(heard: Heard) -> None:
    for _ in range(2):
        said(heard, "m", Call.MENTION, 1)
        said(heard, "q", Call.QUIET, 2)
    assert not heard.is_listening("t", at(3))
    assert heard.knows("m")
    assert not heard.knows("other")


def test_replies_are_counted_in_their_thread_and_time_unless_another_investigation_took_them_in(heard: Heard) -> None:
    said(heard, "run", Call.MENTION, 0)
    for number, key in enumerate(("old", "waiting", "answered", "joined")):
        said(heard, key, minutes=10 * (number > 0) + number)
    said(heard, "elsewhere", minutes=12, thread="another")
    heard.claim("answered")
    heard.offer("joined", Message("ben", "and now?"))
    heard.take("run", "t", 1)
    assert heard.replies_since("t", at(5)) == 2


# --- who answers a message ---


def test_a_turn_takes_in_what_is_held_out_in_its_thread_in_the_order_it_was_written(heard: Heard) -> None:
    for minute, key in ((2, "late"), (1, "early"), (3, "not offered")):
        said(heard, key, minutes=minute)
    said(heard, "elsewhere", thread="another")
    for key in ("late", "early", "elsewhere"):
        heard.offer(key, Message("ben", key, NOW, trusted=False))
    taken = heard.take("run", "t", 1)
    assert taken == (Message("ben", "early", NOW, trusted=False), Message("ben", "late", NOW, trusted=False))
    assert heard.take("run", "t", 2) == ()


def test_a_turn_that_is_taken_again_gives_the_same_again(heard: Heard) -> None:
    heard.offer(said(heard, "a"), Message("ben", "a"))
    first = heard.take("run", "t", 1)
    heard.offer("a", Message("ben", "something else"))
    assert heard.take("run", "t", 1) == first
    assert heard.take("run", "t", 2) == ()


def test_what_was_taken_in_is_not_answered_by_itself_and_what_is_answered_by_itself_not_taken_in(heard: Heard) -> None:
    for key in ("joined", "alone"):
        heard.offer(said(heard, key), Message("ben", key))
    assert heard.claim("alone")
    assert [message.text for message in heard.take("run", "t", 1)] == ["joined"]
    assert heard.claim("alone"), "asked again it is the same"
    assert not heard.claim("joined")


def test_what_is_noted_as_answered_by_itself_is_not_taken_in(heard: Heard) -> None:
    assert heard.note("alone", "t", Call.MENTION, NOW, claimed=True)
    heard.offer("alone", Message("ben", "why?"))
    assert heard.take("run", "t", 1) == ()
    assert heard.claim("alone")
    assert not heard.note("alone", "t", Call.MENTION, NOW)


def test_an_investigation_does_not_take_in_its_own_question(heard: Heard) -> None:
    heard.offer(said(heard, "run"), Message("ben", "me"))
    assert heard.take("run", "t", 1) == ()


def test_of_many_at_once_one_answers(engine: Engine) -> None:
    keys = [said(Heard(engine), str(number)) for number in range(12)]
    for key in keys:
        Heard(engine).offer(key, Message("ben", key))

    def compete(key: str) -> set[str]:
        taken = {message.text for message in Heard(engine).take(f"run {key}", "t", 1)}
        return taken | ({key} if Heard(engine).claim(key) else set())

    with ThreadPoolExecutor(6) as pool:
        answered = [key for keys in pool.map(compete, keys) for key in keys]
    assert sorted(answered) == sorted(keys)


def test_investigations_that_have_begun_and_not_ended_are_told_with_their_threads(engine: Engine, heard: Heard) -> None:
    kept = Investigations(engine)
    for key in ("running", "failed"):
        kept.begin(said(heard, key, Call.MENTION, thread=f"thread of {key}"), Question("why?", NOW))
    kept.fail("failed", NOW)
    said(heard, "not begun")
    assert heard.unfinished() == {"running": "thread of running"}
