"""What people say an answer was worth: thumbs, the grade of incidents, a sentence; over both doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from sre_bot.slack import limits
from sre_bot.slack.feedback import GONE, GRADE, QUESTION, SAY, THUMB, UNVOTED, summed
from sre_bot.store.grades import GradeKind, Vote
from sre_bot.store.schema import grades
from tests.slack.served import QUIET, Bot

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Channel, SlackSimulator, User


@pytest.fixture(params=["socket", "http"])
def bot(request: pytest.FixtureRequest, slack: SlackSimulator, engine: Engine, tmp_path: Path) -> Bot:
    return Bot(slack, engine, tmp_path, door=str(request.param))


async def test_an_answer_about_an_incident_asks_for_thumbs_and_for_the_grade(
    bot: Bot, ann: User, incidents: Channel
) -> None:
    async with bot.serving():
        answer = await bot.answered(incidents, ann)
    kinds = [block["type"] for block in answer.blocks]
    assert kinds[-3:] == ["context", "actions", "context_actions"]
    labels = [button["text"]["text"] for button in answer.blocks[-2]["elements"]]
    assert labels == ["Yes", "One hop short", "Right area, wrong cause", "No"]
    assert limits.problems([*answer.blocks]) == ()


async def test_where_nothing_is_wrong_only_thumbs_are_asked_for(bot: Bot, ann: User, incidents: Channel) -> None:
    bot.seen, bot.blamed = QUIET, False
    async with bot.serving():
        answer = await bot.answered(incidents, ann)
    assert answer.blocks[-1]["type"] == "context_actions"
    assert QUESTION not in str(answer.blocks)


async def test_a_workspace_without_feedback_buttons_gets_plain_ones(bot: Bot, ann: User, incidents: Channel) -> None:
    async with bot.serving():
        ts = await bot.slack.post(ann, incidents, "<@UBOT> why?")
        await bot.slack.wait_for(lambda: len(bot.slack.thread(incidents, ts)) > 1)
        bot.slack.faults.refuse("chat.postMessage", "invalid_blocks")
        bot.go.set()
        answer = await bot.answer_to(incidents, ts)
        assert "context_actions" not in {block["type"] for block in answer.blocks}
        await bot.slack.click(ann, incidents, answer.ts, f"{THUMB}:0")
        assert bot.votes(answer) == [{"by": ann.id, "thumb": 0, "said": None}]


async def test_one_vote_each_and_a_change_of_mind_replaces_it(bot: Bot, ann: User, incidents: Channel) -> None:
    ben = bot.slack.workspace.user("ben", is_guest=True)
    async with bot.serving():
        answer = await bot.answered(incidents, ann)
        await bot.slack.click(ann, incidents, answer.ts, f"{GRADE}100")
        await bot.slack.click(ann, incidents, answer.ts, f"{GRADE}100")
        await bot.slack.click(ann, incidents, answer.ts, f"{GRADE}35")
        await bot.slack.click(ben, incidents, answer.ts, THUMB, positive=False)
        await bot.slack.click(ann, incidents, answer.ts, THUMB)
        assert bot.votes(answer) == [
            {"by": ann.id, "grade": 35, "said": None},
            {"by": ben.id, "thumb": 0, "said": None},
            {"by": ann.id, "thumb": 100, "said": None},
        ], "a vote is kept when the click is acknowledged"
        await bot.told(ann, "Right area, wrong cause")
        await bot.told(ben, "Not helpful")
    with bot.engine.connect() as connection:
        rows = connection.execute(select(grades.c.person, grades.c.member, grades.c.model)).all()
    assert {tuple(row) for row in rows} >= {(ann.id, True, "first-look"), (ben.id, False, "first-look")}
    counted = bot.metrics.exposition().decode()
    assert 'sre_bot_grades_total{kind="grade",value="100"} 1.0' in counted
    assert 'sre_bot_grades_total{kind="grade",value="35"} 1.0' in counted


async def test_a_sentence_goes_with_the_vote_and_without_secrets(bot: Bot, ann: User, incidents: Channel) -> None:
    async with bot.serving():
        answer = await bot.answered(incidents, ann)
        await bot.slack.click(ann, incidents, answer.ts, f"{GRADE}65")
        confirmed = await bot.told(ann, "One hop short")
        await bot.slack.click(ann, incidents, confirmed.ts, SAY)
        [view] = await bot.slack.wait_for(lambda: bot.slack.workspace.modals)
        said = {"sentence": {"sentence": {"type": "plain_text_input", "value": "it was the pool, password hunter2"}}}
        ack = await bot.slack.submit(ann, view, said)
        assert not ack.payload
        assert bot.votes(answer) == [{"by": ann.id, "grade": 65, "said": "it was the pool, password …"}]
        ack = await bot.slack.submit(bot.slack.workspace.user("eve"), view, said)
        assert ack.payload == {"response_action": "errors", "errors": {"sentence": UNVOTED}}
        assert len(bot.votes(answer)) == 1


async def test_a_click_that_cannot_be_kept_is_not_acknowledged(
    bot: Bot, ann: User, incidents: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    async with bot.serving():
        answer = await bot.answered(incidents, ann)
        with bot.engine.begin() as connection:
            connection.execute(text("ALTER TABLE grades RENAME TO gone"))
        with pytest.raises(TimeoutError):
            await bot.slack.click(ann, incidents, answer.ts, f"{GRADE}65")


async def test_an_answer_of_another_channel_or_of_none_cannot_be_voted_on(
    bot: Bot, ann: User, incidents: Channel
) -> None:
    private = bot.slack.workspace.channel("private", private=True)
    async with bot.serving():
        answer = await bot.answered(private, ann)
        stolen = bot.slack.workspace.keep(
            bot.slack.workspace.messages[incidents.id, await bot.slack.post(ann, incidents, "hello")]
        )
        forged = bot.slack.workspace.keep(type(stolen)(incidents.id, stolen.ts, "UBOT", "x", blocks=answer.blocks))
        await bot.slack.click(ann, incidents, forged.ts, f"{GRADE}100")
        await bot.told(ann, GONE)
        assert bot.votes(answer) == []


def test_votes_are_summed_up_in_a_few_words() -> None:
    grade, thumb = GradeKind.GRADE, GradeKind.THUMB
    assert summed([]) == ""
    assert summed([Vote("U1", grade, 65)]) == f"{QUESTION} One hop short"
    votes = [Vote("U1", grade, 100), Vote("U2", grade, 35, member=False), Vote("U2", thumb, 0, member=False)]
    assert summed(votes) == "grade 68 of 100 by 2 · :thumbsdown: 1 · 1 of them no member"
