"""An answer told again: to the model that goes on from it, and to whoever joins late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sre_bot.investigation import Claim, Report, Unverified
from sre_bot.render.recap import MAX_TOLD, Since, catch_up, earlier_answer, without_ids
from tests.agent.fakes import NOW, first_look

QUIET = Since(0, (), 0, ())


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Checkout fails. [E1]", "Checkout fails."),
        ("Checkout fails _[E1, E12]_ since noon", "Checkout fails since noon"),
        ("As E3 and E4 show, it fails", "As show, it fails"),
        ("seen (E2) twice", "seen twice"),
        ("service E2E-tests, code PE1, 0xE1", "service E2E-tests, code PE1, 0xE1"),
    ],
)
def test_ids_of_evidence_are_left_out(text: str, rest: str) -> None:
    assert without_ids(text) == rest


def test_what_a_model_is_told_of_an_earlier_answer_has_what_was_found_and_no_ids() -> None:
    report = Report(
        what=(Claim("Checkout fails, see E1.", ("E1",)),),
        ruled_out=(Claim("web is well", ("E1",)),),
        next_steps=(Claim("Roll back.", ("E1",)),),
        unknown=("Who pays?",),
        unverified=(Unverified("It was Ben", "no look names him"),),
    )
    told = earlier_answer(replace(first_look(), report=report))
    assert "Checkout fails" in told
    assert "Ruled out: web is well" in told
    assert "Did not hold: It was Ben (no look names him)" in told
    assert "Seen by alerts: alert 1: checkout fails" in told
    assert "E1" not in told


def test_however_much_was_found_it_is_told_in_a_few_thousand_characters() -> None:
    report = Report(what=tuple(Claim("x" * 500) for _ in range(100)))
    assert len(earlier_answer(replace(first_look(), report=report))) <= MAX_TOLD + 2


def test_catching_up_takes_five_lines_whatever_is_known() -> None:
    long = Report(what=(Claim("a\nb " * 1_000),), next_steps=(Claim("c\n" * 1_000),), unknown=("d\n" * 1_000,) * 40)
    many = Since(99, [f"person {number}" for number in range(40)], 7, ["why\n?"] * 9)
    for answer in (first_look(), replace(first_look(), report=long), replace(first_look(), report=Report(what=()))):
        lines = catch_up(answer, many, NOW + timedelta(hours=1))
        assert len(lines) == 5
        assert not any("\n" in line or len(line) > 1_500 for line in lines)


def test_the_lines_say_what_why_since_next_and_open() -> None:
    lines = catch_up(first_look(), Since(3, ["ben", "ann"], 2, ["why?"]), NOW + timedelta(minutes=5))
    assert [line.split()[0] for line in lines] == ["*Wrong:*", "*Cause:*", "*Since:*", "*Next:*", "*Open:*"]
    assert "3 messages by ben, ann since what I know is of, 03:00:00 UTC, 2 answers of mine in all" in lines[2]
    assert "I look into “why?”; here: ben, ann." in lines[4]
    assert "nothing is being looked into; here: nobody since." in catch_up(first_look(), QUIET, NOW)[4]


def test_nothing_known_is_said_in_so_many_words() -> None:
    assert len(catch_up(None, QUIET, NOW)) == 5
    assert catch_up(None, QUIET, NOW)[0] == "*Wrong:* nothing was looked into here yet."
