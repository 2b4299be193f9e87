"""What is suggested to whoever opens the conversation with the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.slack.prompts import PROMPTS

if TYPE_CHECKING:
    from tests.slack.desk import Desk

METHOD = "assistant.threads.setSuggestedPrompts"


async def test_who_opens_the_conversation_is_told_what_to_ask(desk: Desk) -> None:
    ann = desk.person("ann")
    async with desk.serving():
        desk.slack.open_home(ann, "messages")
        await desk.slack.wait_for(lambda: desk.slack.workspace.prompts)
    assert desk.slack.workspace.prompts == {(desk.slack.workspace.direct(ann).id, None): PROMPTS}


async def test_the_home_tab_has_no_prompts(desk: Desk) -> None:
    async with desk.serving():
        desk.slack.open_home(desk.person("ann"), "home")
        await desk.settled()
    assert not desk.slack.workspace.prompts


async def test_where_there_are_none_it_asks_once_and_says_nothing(desk: Desk) -> None:
    desk.slack.lacks(METHOD)
    async with desk.serving():
        for _ in range(3):
            desk.slack.open_home(desk.person("ann"), "messages")
            await desk.settled()
            await desk.slack.wait_for(lambda: [call for call in desk.slack.calls if call.method == METHOD])
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
    assert [call.outcome for call in desk.slack.calls if call.method == METHOD] == ["unknown_method"]
    assert not [one for one in desk.slack.workspace.messages.values() if one.by_bot and one.thread_ts != thread]
