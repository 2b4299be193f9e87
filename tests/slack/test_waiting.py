"""What a thread is told of a model that is away, as someone reads it at three in the morning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sre_bot.slack.blocks import answer_post
from sre_bot.slack.waiting import NOT_CONTINUED, away_again, back, continued, not_continued, promised
from sre_bot.slack.writer import MAX_NOTE
from sre_bot.store.waits import Wait, WaitState
from tests.agent.fakes import first_look
from tests.render import sample_answers

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
WAIT = Wait("k", "t", {}, NOW, NOW + timedelta(hours=1))
REASON = "claude-test answered with an error (529: Overloaded)."


def test_the_promise_comes_first_then_what_this_is_then_why() -> None:
    answer = replace(first_look(), note=f"This is the first look, which no model wrote. {REASON}")
    told = promised(answer, WAIT.until).note
    assert told == (
        "The model does not answer: I go on by myself as soon as it does, until 04:04 UTC (`quiet` ends that). "
        f"This is the first look, which no model wrote. {REASON}"
    )


def test_however_much_the_provider_says_the_promise_and_what_this_is_are_posted_whole() -> None:
    answer = replace(first_look(), note=f"This is the first look, which no model wrote. {REASON * 50}")
    told = answer_post(promised(answer, WAIT.until), allowed_hosts=()).text
    told = next(line for line in told.splitlines() if line.startswith(":information_source: "))
    assert "until 04:04 UTC (`quiet` ends that). This is the first look, which no model wrote." in told
    assert len(told) <= MAX_NOTE + len(":information_source: ")


def test_going_on_tells_both_moments() -> None:
    asked = NOW - timedelta(minutes=40)
    assert back(asked, NOW) == "The model is back: continuing what was asked at 02:24 UTC, as of 03:04 UTC …"
    answer = replace(sample_answers.BAD_DEPLOY, question=replace(sample_answers.BAD_DEPLOY.question, asked_at=NOW))
    told = "The model is back: this continues what was asked at 02:24 UTC, as of 03:04 UTC."
    assert continued(replace(answer, note=None), asked).note == told
    assert continued(replace(answer, note="It ended early."), asked).note == f"{told} It ended early."


def test_a_model_that_is_no_help_is_not_said_to_be_back() -> None:
    told = continued(replace(first_look(), note="The key is refused."), NOW).note
    assert told is not None
    assert told.startswith("The provider is back, the model no help: this continues")


def test_every_end_without_an_answer_is_told() -> None:
    silent = {WaitState.WAITING, WaitState.TRYING, WaitState.RESUMED}
    assert set(WaitState) - set(NOT_CONTINUED) == silent
    assert "not back by 04:04 UTC" in not_continued(WAIT, WaitState.EXPIRED)
    assert "until 04:04 UTC" in away_again(WAIT)


@pytest.mark.parametrize("why", NOT_CONTINUED)
def test_no_end_is_told_with_an_open_place(why: WaitState) -> None:
    assert "{" not in not_continued(WAIT, why)
