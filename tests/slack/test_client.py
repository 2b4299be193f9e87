"""The manners of every call: posts in order and not too fast, edits within their limit, nothing unfurled."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError

from sre_bot.slack.blocks import plain_post
from sre_bot.slack.client import Pacing, web_client
from sre_bot.slack.thread import Status, Thread
from sre_bot.store.posts import Posts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Message, SlackSimulator
    from sre_bot.slack.client import SlackClient

NEVER = 3_600.0
"""Seconds that no test waits."""


@dataclasses.dataclass
class Channel:
    """A channel with two threads, and the bot in both."""

    slack: SlackSimulator
    client: SlackClient
    posts: Posts
    roots: Sequence[str]

    @property
    def id(self) -> str:
        return self.slack.workspace.channel("incidents").id

    def thread(self, number: int = 0, patience: float = 20.0) -> Thread:
        team = self.slack.workspace.team_id
        return Thread(self.client, team, self.id, self.roots[number], self.posts, patience=patience, pauses=(0.0,))

    def posted(self) -> list[Message]:
        return sorted((one for one in self.slack.workspace.messages.values() if one.by_bot), key=lambda one: one.ts)

    def texts(self) -> list[str]:
        return [one.text for one in self.posted()]

    def calls(self, method: str) -> list[str]:
        return [call.outcome for call in self.slack.calls if call.method == method]


async def a_channel(slack: SlackSimulator, client: SlackClient, engine: Engine) -> Channel:
    ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
    roots = [await slack.post(ann, incidents, text) for text in ("checkout is failing", "search is slow")]
    return Channel(slack, client, Posts(engine), roots)


@pytest.fixture
async def channel(slack: SlackSimulator, client: SlackClient, engine: Engine) -> Channel:
    return await a_channel(slack, client, engine)


async def in_order(channel: Channel) -> None:
    """Post to one thread, then, while Slack does not take that, to the other."""
    first = asyncio.create_task(channel.thread(0).post_once("a", plain_post("first")))
    await channel.slack.wait_for(lambda: channel.calls("chat.postMessage"))
    await asyncio.gather(first, channel.thread(1).post_once("b", plain_post("second")))
    assert channel.texts() == ["first", "second"]


async def test_what_waits_for_a_rate_limit_is_not_overtaken(channel: Channel) -> None:
    channel.slack.faults.rate_limit("chat.postMessage", retry_after=1)
    await in_order(channel)


async def test_what_waits_for_an_outage_is_not_overtaken(channel: Channel) -> None:
    channel.slack.faults.fail("chat.postMessage", calls=5, status=503)
    await in_order(channel)


async def test_what_was_posted_without_our_hearing_of_it_is_not_overtaken(channel: Channel) -> None:
    channel.slack.faults.cut_afterwards("chat.postMessage")
    await in_order(channel)


async def test_what_goes_ahead_overtakes_who_waits_but_not_what_slack_does_not_take(channel: Channel) -> None:
    channel.slack.faults.fail("chat.postMessage", calls=5, status=503)
    tasks = [asyncio.create_task(channel.thread(n % 2).post_once(f"{n}", plain_post(f"{n}"))) for n in range(3)]
    await channel.slack.wait_for(lambda: channel.calls("chat.postMessage"))
    await channel.thread(1).post_once("on it", plain_post("on it"), ahead=True)
    await asyncio.gather(*tasks)
    assert channel.texts() == ["0", "on it", "1", "2"]


async def test_who_leaves_the_line_lets_the_next_one_go(channel: Channel) -> None:
    line, ended = channel.client.line("C1"), list[int]()

    async def wait(number: int) -> None:
        async with line.turn():
            ended.append(number)

    async with line.turn():
        tasks = [asyncio.create_task(wait(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
    tasks[1].cancel()  # called, but not yet there
    await asyncio.gather(*tasks, return_exceptions=True)
    assert ended == [2]
    async with line.turn():
        pass


async def test_a_post_that_slack_alone_fails_at_does_not_hold_up_others(channel: Channel) -> None:
    channel.slack.faults.refuse("chat.postMessage", "internal_error", calls=3)
    first = asyncio.create_task(channel.thread(0).post_once("a", plain_post("first")))
    await channel.slack.wait_for(lambda: len(channel.calls("chat.postMessage")) == 3)
    await channel.thread(1).post_once("b", plain_post("second"))
    await first
    assert sorted(channel.texts()) == ["first", "second"]


async def test_a_post_that_is_given_up_lets_the_next_one_go(channel: Channel) -> None:
    channel.slack.faults.refuse("chat.postMessage", "is_archived")  # of the first one
    refused = asyncio.create_task(channel.thread(0).post_once("a", plain_post("first")))
    made = asyncio.create_task(channel.thread(1).post_once("b", plain_post("second")))
    await asyncio.wait([refused, made])
    assert "is_archived" in str(refused.exception())
    assert channel.texts() == ["second"]


async def test_a_channel_gets_a_few_posts_at_once_and_then_one_after_a_while(
    slack: SlackSimulator, engine: Engine
) -> None:
    client = web_client(slack.bot_token, slack.api_url, Pacing(post_seconds=NEVER, posts_at_once=2))
    channel = await a_channel(slack, client, engine)
    tasks = [asyncio.create_task(channel.thread().post_once(f"{n}", plain_post(f"{n}"))) for n in range(4)]
    await asyncio.gather(*tasks[:2])
    other = slack.workspace.channel("elsewhere").id
    await client.chat_postMessage(channel=other, text="another channel has a pace of its own")
    assert channel.texts() == ["0", "1", "another channel has a pace of its own"]
    for task in tasks[2:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_investigations_share_the_edits_and_an_edit_that_waited_tells_the_latest(
    slack: SlackSimulator, engine: Engine
) -> None:
    client = web_client(slack.bot_token, slack.api_url, Pacing(edit_seconds=NEVER, edits_at_once=2))
    channel = await a_channel(slack, client, engine)
    slack.faults.delay("chat.update", 0.2, calls=1)
    threads = [channel.thread(0), channel.thread(1)]
    ids = [await thread.post_once(f"{n}", plain_post("On it")) for n, thread in enumerate(threads)]
    one, other, third = (
        Status(threads[0], ids[0], 0.01),
        Status(threads[1], ids[1], 0.01),
        Status(threads[1], ids[1], 0.01),
    )
    async with one, other, third:
        one.show("a")
        await slack.wait_for(lambda: channel.calls("chat.update"))
        other.show("old")
        await asyncio.sleep(0)
        other.show("new")
        await slack.wait_for(lambda: len(channel.calls("chat.update")) == 2)
        third.show("one too many")
    assert channel.texts() == ["a", "new"]


async def test_a_rate_limit_of_an_edit_holds_up_the_others(channel: Channel) -> None:
    ids = [await channel.thread(n).post_once(f"{n}", plain_post("On it")) for n in (0, 1)]
    channel.slack.faults.rate_limit("chat.update", retry_after=0)
    first = asyncio.create_task(channel.thread(0).edit(ids[0], "first"))
    await channel.slack.wait_for(lambda: channel.calls("chat.update"))
    await channel.thread(1).edit(ids[1], "second")
    assert first.done()
    assert channel.calls("chat.update") == ["http 429", "ok", "ok"]


async def test_nothing_is_unfurled_whoever_posts(channel: Channel) -> None:
    await channel.client.chat_postMessage(channel=channel.id, text="https://x.example", unfurl_links=True)
    await channel.thread().post_once("k", plain_post("https://x.example"))
    posted = [call.arguments for call in channel.slack.calls if call.method == "chat.postMessage"]
    assert [(one["unfurl_links"], one["unfurl_media"]) for one in posted] == [(False, False)] * 2


async def test_after_a_server_error_reading_is_repeated_and_posting_is_not(channel: Channel) -> None:
    channel.slack.faults.fail("users.info", status=503)
    ann = channel.slack.workspace.user("ann")
    assert (await channel.client.users_info(user=ann.id))["ok"]
    channel.slack.faults.fail("chat.postMessage", status=503)
    with pytest.raises(SlackApiError):
        await channel.client.chat_postMessage(channel=channel.id, text="once")
    assert channel.calls("chat.postMessage") == ["http 503"]
