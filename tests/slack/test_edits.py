"""Edited questions: taken in while they are looked into, answered once when the edit changes what was answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sre_bot.slack.listeners import TAKEN_IN
from tests.agent.fakes import ScriptedModel, asks, blocks, says, writes
from tests.slack.desk import Held, HeldReport

if TYPE_CHECKING:
    from sre_bot.investigation import Answer, Question
    from tests.slack.desk import Desk

DONE = says("It is checkout, see E1.")


async def edit(desk: Desk, ts: str, text: str) -> None:
    desk.clock.now = desk.clock.now.replace(second=(desk.clock.now.second + 1) % 60)
    await desk.slack.edit(desk.incidents, ts, text.replace("@bot", "<@UBOT>"))


async def test_an_edit_while_it_looks_is_taken_in_at_the_next_turn(desk: Desk) -> None:
    desk.model = model = ScriptedModel([asks(("metrics", {"q": "up"})), DONE, writes()])
    desk.toolset = held = Held()
    async with desk.serving():
        thread = await desk.say("@bot why is checkout slow?")
        await asyncio.wait_for(held.begun.wait(), 10)
        await edit(desk, thread, "@bot why is payments slow? hunter2")
        await desk.offered(thread, {"(edited the question, which now reads) why is payments slow? …"})
        held.go.set()
        await desk.answered(thread, 1)
    told = blocks(model.shown[1][-1])
    assert "ann: (edited the question, which now reads) why is payments slow? …" in str(told[1]["text"])
    assert len(desk.posts(thread)) == 3, "no status of its own"
    assert len(desk.asked) == 1


async def test_a_question_edited_in_the_queue_is_asked_as_it_reads_by_then(desk: Desk) -> None:
    desk.model = model = HeldReport([DONE, writes(), DONE, writes()])
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await asyncio.wait_for(model.writing.wait(), 10)
        second = await desk.say("@bot and checkout?", thread)
        await desk.offered(thread, {"and checkout?"})
        await edit(desk, second, "@bot and payments?")
        await desk.offered(thread, {"(edited the question, which now reads) and payments?"})
        model.go.set()
        await desk.answered(thread, 2)
    assert [question.text for question in desk.asked] == ["why?", "and payments?"]
    assert TAKEN_IN not in [message.text for message in desk.posts(thread)]


async def test_without_a_model_the_first_look_begins_anew(desk: Desk) -> None:
    let, begun = asyncio.Event(), asyncio.Event()
    ordinary = desk.first_look

    async def slow(question: Question) -> Answer:
        begun.set()
        await let.wait()
        return await ordinary(question)

    desk.first_look = slow  # type: ignore[method-assign]  # a first look that waits
    async with desk.serving():
        thread = await desk.say("@bot why is checkout slow?")
        await asyncio.wait_for(begun.wait(), 10)
        await edit(desk, thread, "@bot why is payments slow?")
        await desk.offered(thread, {"(edited the question, which now reads) why is payments slow?"})
        let.set()
        await desk.answered(thread, 1)
    assert [question.text for question in desk.asked] == ["why is checkout slow?", "why is payments slow?"]
    assert len(desk.posts(thread)) == 2


async def test_an_edit_after_the_answer_that_asks_for_something_else_is_answered_once(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why is checkout slow?")
        await desk.answered(thread, 1)
        await edit(desk, thread, "@bot why is payments slow?")
        await desk.answered(thread, 2)
        for event in desk.slack.events[-3:]:
            desk.slack.redeliver(event)
        await edit(desk, thread, "@bot why is inventory slow?")
        await desk.settled()
    assert [question.text for question in desk.asked] == ["why is checkout slow?", "why is payments slow?"]
    assert len(desk.posts(thread, ":answer")) == 2


async def test_a_mended_slip_a_preview_and_a_name_taken_out_are_no_questions(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why is chekcout slow? https://git.example/x")
        await desk.answered(thread, 1)
        await edit(desk, thread, "@bot Why is checkout slow?  https://git.example/x")
        await desk.slack.unfurl(desk.incidents, thread, {"from_url": "https://git.example/x", "text": "why?"})
        await edit(desk, thread, "never mind, all is well")
        await desk.settled()
    assert len(desk.posts(thread, ":answer")) == 1


async def test_what_was_edited_and_then_stopped_stays_stopped(desk: Desk) -> None:
    desk.model = ScriptedModel([asks(("metrics", {"q": "up"}))])
    desk.toolset = held = Held()
    async with desk.serving():
        thread = await desk.say("@bot why is checkout slow?")
        await asyncio.wait_for(held.begun.wait(), 10)
        await edit(desk, thread, "@bot why is payments slow?")
        await desk.offered(thread, {"(edited the question, which now reads) why is payments slow?"})
        await desk.say("stop", thread)
        await desk.status(thread, "Stopped by ann.")
        await edit(desk, thread, "@bot why is inventory slow?")
        await desk.settled()
    assert not desk.posts(thread, ":answer")
    assert desk.how() == ["stopped"]


async def test_an_edit_that_came_while_it_was_down_is_part_of_what_is_taken_up(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why is checkout slow?")
        await desk.answered(thread, 1)
    await edit(desk, thread, "@bot why is payments slow?")
    async with desk.serving():
        await desk.answered(thread, 2)
    assert desk.asked[1].text == "why is payments slow?"
    assert "Checkout fails." in desk.asked[1].earlier


async def test_edits_of_bots_and_of_what_was_never_asked_are_left_alone(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        aside = await desk.say("we are on it", thread)
        await edit(desk, aside, "@bot why is it slow?")
        status = desk.posts(thread, ":status")[0]
        said = {"user": "UBOT", "bot_id": "BBOT", "ts": status.ts, "thread_ts": thread, "type": "message"}
        where = {"channel": desk.incidents.id, "channel_type": "channel", "ts": "99.1", "subtype": "message_changed"}
        edited = {"edited": {"user": "UBOT", "ts": "98.1"}}
        now, before = {**said, **edited, "text": "<@UBOT> why?"}, {**said, "text": "x"}
        desk.slack.emit({"type": "message", **where, "message": now, "previous_message": before})
        await desk.settled()
    assert len(desk.asked) == 1
