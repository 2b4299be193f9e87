"""``catch me up``: five lines for whoever joins late, told to nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.agent.fakes import ScriptedModel, asks, says, writes
from tests.slack.desk import Held

if TYPE_CHECKING:
    from tests.slack.desk import Desk


def told(desk: Desk, to: str) -> list[str]:
    return [one.text for one in desk.slack.workspace.ephemeral if one.visible_to == desk.person(to).id]


@pytest.mark.parametrize("words", ["catch me up", "@bot catch me up", "Catch me up, please!"])
async def test_who_joins_late_is_told_how_things_stand_and_nobody_else_is(desk: Desk, words: str) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say("I restart checkout", thread, by="cleo")
        await desk.say("quiet", thread)
        posts = len(desk.posts(thread))
        await desk.say(words, thread, by="ben")
        await desk.slack.wait_for(lambda: told(desk, "ben"))
        await desk.settled()
    [text] = told(desk, "ben")
    lines = text.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("*Wrong:* Checkout fails.")
    assert lines[1].startswith("*Cause:* ")
    assert "2 messages by ann, cleo" in lines[2]
    assert "1 answer of mine" in lines[2]
    assert "nothing is being looked into" in lines[4]
    assert len(desk.slack.workspace.ephemeral) == 1
    assert len(desk.posts(thread)) <= posts + 1, "only the answer to quiet may have come meanwhile"
    assert len(desk.asked) == 1, "nothing was looked into for that"


async def test_while_it_looks_the_first_look_is_what_is_known(desk: Desk) -> None:
    desk.model = ScriptedModel([asks(("metrics", {"q": "up"})), says("It is checkout, see E1."), writes()])
    desk.toolset = held = Held()
    async with desk.serving():
        thread = await desk.say("@bot checkout is failing, what's going on?")
        await asyncio.wait_for(held.begun.wait(), 10)
        await desk.say("catch me up", thread, by="ben")
        await desk.slack.wait_for(lambda: told(desk, "ben"))
        held.go.set()
        await desk.answered(thread, 1)
    [text] = told(desk, "ben")
    assert "*Wrong:* Checkout fails." in text
    assert "I look into “checkout is failing, what's going on?”" in text
    assert len(desk.model.shown) == 3, "it joined nothing"


async def test_where_nothing_was_looked_into_that_is_what_is_told(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("checkout is slow")
        await desk.say("catch me up", thread, by="ben")
        await desk.settled()
        assert not desk.slack.workspace.ephemeral, "where it was not called it does not speak"
        await desk.say("@bot catch me up", thread, by="ben")
        await desk.slack.wait_for(lambda: told(desk, "ben"))
    assert "nothing was looked into here yet" in told(desk, "ben")[0]


async def test_where_it_cannot_be_whispered_it_is_told_directly_or_in_the_thread(desk: Desk) -> None:
    desk.slack.lacks("chat.postEphemeral")
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say("catch me up", thread, by="ben")
        await desk.slack.wait_for(lambda: [one for one in desk.posts(thread) if "*Wrong:*" in one.text])
        direct = desk.slack.workspace.direct(desk.person("ben"))
        await desk.say("catch me up", thread, by="ben")
        await desk.slack.wait_for(lambda: desk.slack.workspace.top_level(direct.id))


async def test_delivered_again_it_is_told_once(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say("catch me up", thread, by="ben")
        await desk.slack.wait_for(lambda: told(desk, "ben"))
        desk.slack.redeliver(desk.slack.events[-1])
        await desk.settled()
    async with desk.serving():
        desk.slack.redeliver(desk.slack.events[-1])
        await desk.settled()
    assert len(told(desk, "ben")) == 1
