"""A thread as people hold it: replies without a mention, "thanks", "quiet", and what is said while the bot looks.

The whole way: a simulated Slack over its wire, real Bolt, the real engine of durable work; only the model is a script.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from sre_bot.slack.listeners import HEARD, QUIET, TAKEN_IN
from sre_bot.slack.replies import MOST_UNPROMPTED, WITHIN
from tests.agent.fakes import ScriptedModel, asks, blocks, says, texts, writes
from tests.slack.desk import Held, HeldReport

if TYPE_CHECKING:
    from sre_bot.agent.transcript import Turn
    from sre_bot.investigation import Answer, Question
    from tests.slack.desk import Desk

DONE = says("It is checkout, see E1.")


# --- replies without a mention ---


async def test_a_reply_in_a_thread_it_was_called_into_needs_no_mention(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot checkout is failing, what's going on?")
        await desk.answered(thread, 1)
        await desk.say("and payments?", thread, by="ben")
        await desk.answered(thread, 2)
    assert desk.asked[1].text == "and payments?"
    assert desk.asked[1].conversation[0].text.endswith("checkout is failing, what's going on?")


async def test_called_into_a_thread_of_others_it_answers_replies_there(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("checkout is slow")
        await desk.say("@bot why?", thread)
        await desk.answered(thread, 1)
        await desk.say("is it the database?", thread)
        await desk.answered(thread, 2)


@pytest.mark.parametrize("text", ["thanks!", "ok", "+1", ":eyes:", "https://x.example/?a", "<@U9> can you look?"])
async def test_courtesies_and_what_is_said_to_others_are_left_alone(desk: Desk, text: str) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say(text, thread)
        await desk.settled()
    assert len(desk.posts(thread)) == 2
    assert len(desk.asked) == 1


async def test_threads_it_was_not_called_into_and_channels_are_left_alone(desk: Desk) -> None:
    async with desk.serving():
        other = await desk.say("why is checkout slow?")
        await desk.say("is it the database?", other)
        await desk.settled()
    assert not desk.posts(other)
    with desk.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM heard").scalar() == 0


async def test_a_thread_gets_two_answers_unasked_in_ten_minutes_and_more_later_or_by_name(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        for number in range(MOST_UNPROMPTED):
            await desk.say(f"and {number}?", thread)
            await desk.answered(thread, 2 + number)
        await desk.say("and now?", thread)
        await desk.settled()
        assert len(desk.posts(thread, ":answer")) == 3
        await desk.say("@bot and now?", thread)
        await desk.answered(thread, 4)
        desk.clock.now += WITHIN
        await desk.say("and now?", thread)
        await desk.answered(thread, 5)


async def test_told_to_be_quiet_it_answers_to_its_name_only_until_it_hears_it(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say("quiet", thread)
        await desk.slack.wait_for(lambda: desk.posts(thread, ":quiet"))
        await desk.say("and payments?", thread)
        await desk.say("quiet", thread)
        await desk.settled()
        assert len(desk.posts(thread, ":answer")) == 1
        assert [message.text for message in desk.posts(thread, ":quiet")] == [QUIET]
        await desk.say("@bot and payments?", thread)
        await desk.answered(thread, 2)
        await desk.say("and inventory?", thread)
        await desk.answered(thread, 3)
        await desk.say("@bot quiet", thread)
        await desk.slack.wait_for(lambda: len(desk.posts(thread, ":quiet")) == 2)
        await desk.say("and web?", thread)
        await desk.settled()
    assert len(desk.posts(thread, ":answer")) == 3


async def test_after_a_restart_it_knows_its_threads_who_is_quiet_and_how_often_it_spoke(desk: Desk) -> None:
    async with desk.serving():
        thread, quiet = await desk.say("@bot why?"), await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.answered(quiet, 1)
        await desk.say("quiet", quiet)
        await desk.slack.wait_for(lambda: desk.posts(quiet, ":quiet"))
        await desk.say("and payments?", thread)
        await desk.answered(thread, 2)
    async with desk.serving():
        await desk.say("and payments?", quiet)
        await desk.say("and web?", thread)
        await desk.answered(thread, 3)
        await desk.say("and inventory?", thread)
        await desk.settled()
    assert len(desk.posts(thread, ":answer")) == 3
    assert len(desk.posts(quiet, ":answer")) == 1


async def test_edits_deletions_bots_and_its_own_posts_are_no_replies(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        reply = await desk.say("nothing to ask", thread)
        await desk.slack.edit(desk.incidents, reply, "why is it slow?")
        await desk.slack.delete(desk.incidents, reply)
        where = {"channel": desk.incidents.id, "channel_type": "channel", "ts": "9.1", "thread_ts": thread}
        said = {"type": "message", "text": "why is it slow?", **where}
        desk.slack.emit({**said, "user": "U9", "bot_id": "B9"})
        desk.slack.emit({**said, "user": "UBOT"})
        await desk.settled()
    assert len(desk.posts(thread, ":answer")) == 1


@pytest.mark.parametrize("order", [("app_mention", "message"), ("message", "app_mention"), ("message", "message")])
async def test_one_message_delivered_as_two_events_in_either_order_is_answered_once(
    desk: Desk, order: tuple[str, str]
) -> None:
    async with desk.serving():
        root = await desk.say("checkout is slow")
        ts = desk.slack.workspace.next_ts()
        said = {"channel": desk.incidents.id, "channel_type": "channel", "user": "U0001", "text": "<@UBOT> why?"}
        for kind in order:
            desk.slack.emit({"type": kind, **said, "ts": ts, "thread_ts": root})
        await desk.answered(root, 1)
    assert len(desk.posts(root)) == 2
    assert len(desk.asked) == 1


async def test_of_replies_that_come_at_once_no_more_than_may_come_are_answered(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await asyncio.gather(*(desk.say(f"and {number}?", thread) for number in range(6)))
        await desk.answered(thread, 1 + MOST_UNPROMPTED)
    assert len(desk.asked) == 1 + MOST_UNPROMPTED


async def test_a_reply_delivered_again_is_answered_once_and_counts_once(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say("and payments?", thread)
        await desk.answered(thread, 2)
        for _ in range(3):
            desk.slack.redeliver(desk.slack.events[-1])
        await desk.say("and web?", thread)
        await desk.answered(thread, 3)
    assert len(desk.posts(thread, ":answer")) == 3


# --- while it looks ---


async def running(desk: Desk, model: ScriptedModel) -> tuple[str, Held]:
    """An investigation that waits at its first look at a source; to be called while it serves."""
    held = cast("Held", desk.toolset)
    thread = await desk.say("@bot checkout is failing, what's going on?")
    async with asyncio.timeout(60):
        await held.begun.wait()
    assert len(model.shown) == 1
    return thread, held


def looking(*later: Turn) -> ScriptedModel:
    return ScriptedModel([asks(("metrics", {"q": "up"})), *(later or (says("E1 it is the database."), writes()))])


async def test_a_correction_while_it_looks_joins_and_there_is_one_answer(desk: Desk) -> None:
    desk.model, desk.toolset = (model := looking()), Held()
    async with desk.serving():
        thread, held = await running(desk, model)
        correction = "no, checkout was fine, look at the database"
        await desk.say(correction, thread, by="ben")
        await desk.offered(thread, {correction})
        held.go.set()
        await desk.answered(thread, 1)
    told = blocks(model.shown[1][-1])
    assert [block["type"] for block in told] == ["tool_result", "text"]
    assert f"ben: {correction}" in str(told[1]["text"])
    assert "It belongs to the question" in str(told[1]["text"])
    assert [message.text for message in desk.posts(thread, ":status")][1] == TAKEN_IN
    assert len(desk.asked) == 1


async def test_mentions_and_outsiders_join_too_with_secrets_taken_out(desk: Desk) -> None:
    desk.model, desk.toolset = (model := looking()), Held()
    async with desk.serving():
        thread, held = await running(desk, model)
        await desk.say("@bot is it hunter2?", thread, by="ben")
        await desk.say("can you ignore the alerts?", thread, by="eve", guest=True)
        await desk.offered(thread, {"is it …?", "can you ignore the alerts?"})
        held.go.set()
        await desk.answered(thread, 1)
    said = texts(model.shown[1])
    assert said.index("ben: is it …?") < said.index("eve (outsider): can you ignore the alerts?")
    assert "a hint to check, no more" in said
    assert len(desk.posts(thread, ":answer")) == 1


async def test_what_joins_is_no_answer_of_its_own_and_does_not_use_up_the_two(desk: Desk) -> None:
    desk.model, desk.toolset = (model := looking(DONE, writes(), DONE, writes(), DONE, writes())), Held()
    async with desk.serving():
        thread, held = await running(desk, model)
        for text in ("and web?", "and payments?"):
            await desk.say(text, thread)
        await desk.offered(thread, {"and web?", "and payments?"})
        held.go.set()
        await desk.answered(thread, 1)
        for number in range(MOST_UNPROMPTED):
            await desk.say(f"and {number}?", thread)
            await desk.answered(thread, 2 + number)


async def test_what_comes_when_the_report_is_being_written_is_answered_by_itself(desk: Desk) -> None:
    desk.model = model = HeldReport([DONE, writes(), DONE, writes()])
    async with desk.serving():
        thread = await desk.say("@bot what's going on?")
        async with asyncio.timeout(60):
            await model.writing.wait()
        await desk.say("and payments?", thread, by="ben")
        await desk.slack.wait_for(lambda: HEARD in [message.text for message in desk.posts(thread, ":status")])
        await desk.offered(thread, {"and payments?"})
        model.go.set()
        await desk.answered(thread, 2)
    assert [question.text for question in desk.asked] == ["what's going on?", "and payments?"]
    assert "what's going on?" in desk.asked[1].conversation[0].text


async def test_without_a_model_what_is_said_meanwhile_is_answered_afterwards(desk: Desk) -> None:
    let = asyncio.Event()
    ordinary = desk.first_look

    async def slow(question: Question) -> Answer:
        await let.wait()
        return await ordinary(question)

    desk.first_look = slow  # type: ignore[method-assign]  # a first look that waits
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.slack.wait_for(lambda: desk.posts(thread, ":status"))
        await desk.say("and payments?", thread)
        await desk.offered(thread, {"and payments?"})
        let.set()
        await desk.answered(thread, 2)
    assert [question.text for question in desk.asked] == ["why?", "and payments?"]


# --- from one answer to the next ---


FAILS = {"what_is_going_on": [{"text": "Checkout fails.", "evidence": ["E1"]}]}


async def test_a_later_answer_in_the_thread_says_what_it_changed_and_knows_the_earlier_one(desk: Desk) -> None:
    cause = {"statement": "Checkout fails by itself.", "kind": "capacity", "service": "checkout", "evidence": ["E1"]}
    before = writes({**FAILS, "hypotheses": [cause]})
    after = writes({**FAILS, "ruled_out": [{"text": "Checkout fails.", "evidence": ["E1"]}]})
    desk.model = model = ScriptedModel([DONE, before, DONE, after])
    async with desk.serving():
        thread = await desk.say("@bot checkout is failing, what's going on?")
        await desk.answered(thread, 1)
        await desk.say("no, checkout was fine, look at the database", thread)
        await desk.answered(thread, 2)
    first, later = desk.posts(thread, ":answer")
    assert "Since my last answer" not in str((first.text, first.blocks))
    assert "*Since my last answer*\n• *ruled out, was " in later.text
    assert "Since my last answer" in str(later.blocks)
    told = texts(model.shown[2][:1])
    assert "What you answered last in this thread" in told
    assert "Checkout fails by itself." in told.partition("earlier-answer")[2]
    assert "E1" not in told.partition("earlier-answer")[2].partition("</earlier-answer")[0]
