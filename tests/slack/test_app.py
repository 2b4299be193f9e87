"""The Slack app over real Bolt: what is asked is made durable before Slack is told, and nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from slack_sdk.signature import SignatureVerifier

from sre_bot.drills.slack_simulator import Message
from sre_bot.durable import Journal, Workflows
from sre_bot.errors import ConfigurationError
from sre_bot.slack.app import CONNECTIONS, SlackApp, reach
from sre_bot.slack.client import web_client
from sre_bot.slack.http import PATH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sre_bot.drills.slack_simulator import Channel, SlackSimulator, User
    from sre_bot.investigation import JsonObject
    from sre_bot.slack.client import SlackClient


@dataclasses.dataclass
class Inbox:
    """Takes events; refuses the first ``failures``."""

    failures: int = 0
    offered: list[str] = dataclasses.field(default_factory=list)
    taken: list[tuple[str, JsonObject]] = dataclasses.field(default_factory=list)

    async def __call__(self, key: str, event: JsonObject) -> None:
        self.offered.append(key)
        if len(self.offered) <= self.failures:
            raise sqlite3.OperationalError("database or disk is full")
        self.taken.append((key, event))


@contextlib.asynccontextmanager
async def connected(app: SlackApp) -> AsyncIterator[str]:
    try:
        yield await app.connect()
    finally:
        await app.close()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def app(slack: SlackSimulator, client: SlackClient, inbox: Inbox) -> AsyncIterator[SlackApp]:
    """The app, connected."""
    app = SlackApp(client, slack.app_token, inbox)
    async with connected(app):
        yield app


def acknowledged(slack: SlackSimulator) -> bool:
    return bool(slack.events) and all(map(slack.is_acknowledged, slack.events))


async def mention(slack: SlackSimulator, text: str, thread_ts: str | None = None) -> str:
    ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
    return await slack.post(ann, incidents, f"{slack.workspace.bot.mention} {text}", thread_ts)


# --- events ---


async def test_a_mention_is_taken_with_what_is_needed_to_answer_it(
    slack: SlackSimulator, app: SlackApp, inbox: Inbox, incidents: Channel, ann: User
) -> None:
    root = await slack.post(ann, incidents, "checkout is failing")
    ts = await mention(slack, "why?", root)
    await slack.wait_for(lambda: inbox.taken and acknowledged(slack))
    assert inbox.taken[0] == inbox.taken[-1], "delivered as app_mention and as message it is one event"
    assert inbox.taken[:1] == [
        (
            f"slack:{slack.workspace.team_id}:{incidents.id}:{ts}",
            {
                "team": slack.workspace.team_id,
                "channel": incidents.id,
                "ts": ts,
                "thread_ts": root,
                "user": ann.id,
                "text": "<@UBOT> why?",
                "bot": "UBOT",
                "call": "mention",
            },
        )
    ]


async def test_the_same_mention_delivered_again_has_the_same_key(
    slack: SlackSimulator, app: SlackApp, inbox: Inbox
) -> None:
    await mention(slack, "why?")
    await slack.wait_for(lambda: acknowledged(slack))
    taken = len(inbox.taken)
    slack.redeliver(next(event for event in slack.events if event.type == "app_mention"))
    await slack.wait_for(lambda: len(inbox.taken) > taken)
    assert len({key for key, _ in inbox.taken}) == 1


async def test_while_one_event_of_a_mention_is_accepted_the_other_waits_for_that(
    slack: SlackSimulator, client: SlackClient
) -> None:
    offered, go = list[str](), asyncio.Event()

    async def slowly(key: str, event: JsonObject) -> None:
        offered.append(key)
        await go.wait()

    async with connected(SlackApp(client, slack.app_token, slowly)):
        await mention(slack, "why?")
        await slack.wait_for(lambda: len(slack.envelopes) == 2)
        await asyncio.sleep(0.1)
        assert not any(map(slack.is_acknowledged, slack.events))
        go.set()
        await slack.wait_for(lambda: acknowledged(slack))
    assert len(offered) == 1


@pytest.mark.parametrize("text", ["why?", "thanks"])
async def test_without_a_way_to_let_them_in_replies_are_acknowledged_and_left_alone(
    slack: SlackSimulator, app: SlackApp, inbox: Inbox, incidents: Channel, text: str
) -> None:
    ann = slack.workspace.user("ann")
    root = await slack.post(ann, incidents, "checkout is failing")
    await slack.post(ann, incidents, text, root)
    await slack.wait_for(lambda: len(slack.events) == 2 and acknowledged(slack))
    assert not inbox.offered


async def test_a_reply_is_let_in_by_its_key_and_what_it_says_before_it_is_accepted(
    slack: SlackSimulator, client: SlackClient, inbox: Inbox, incidents: Channel, ann: User
) -> None:
    asked: list[JsonObject] = []
    broken = [True, False, False]

    async def let_in(key: str, event: JsonObject) -> bool:
        asked.append({"key": key, **event})
        if broken.pop(0):
            raise sqlite3.OperationalError("database is locked")
        return event["text"] == "why?"

    async with connected(SlackApp(client, slack.app_token, inbox, let_in=let_in)):
        root = await slack.post(ann, incidents, "checkout is failing")
        why = await slack.post(ann, incidents, "why?", root)
        await slack.wait_for(lambda: inbox.taken)
        await slack.post(ann, incidents, "quiet", root)
        await slack.wait_for(lambda: len(slack.events) == 3 and acknowledged(slack))
    assert [(one["text"], one["call"]) for one in asked] == [("why?", "reply"), ("why?", "reply"), ("quiet", "quiet")]
    assert [event["ts"] for _, event in inbox.taken] == [why]


async def test_what_could_not_be_made_durable_is_not_acknowledged_and_comes_again(
    slack: SlackSimulator, app: SlackApp, inbox: Inbox
) -> None:
    inbox.failures = 2
    await mention(slack, "why?")
    await slack.wait_for(lambda: len(inbox.offered) == 2)
    assert not any(map(slack.is_acknowledged, slack.events))
    await slack.wait_for(lambda: acknowledged(slack))
    assert len({key for key, _ in inbox.taken}) == 1
    assert len(set(inbox.offered)) == 1


async def test_bots_are_not_answered_be_it_ourselves_or_another(
    slack: SlackSimulator, app: SlackApp, inbox: Inbox, client: SlackClient, incidents: Channel
) -> None:
    await client.chat_postMessage(channel=incidents.id, text="<@UBOT> I am talking to myself")
    mention_by = {"type": "app_mention", "channel": incidents.id, "text": "<@UBOT> deployed", "ts": "1.000001"}
    slack.emit({**mention_by, "user": "UOTHER", "bot_id": "BOTHER"})
    slack.emit({**mention_by, "user": "UBOT"})
    await slack.wait_for(lambda: len(slack.events) == 3 and acknowledged(slack))
    assert not inbox.offered


async def test_events_that_we_do_nothing_about_are_acknowledged(
    slack: SlackSimulator, app: SlackApp, inbox: Inbox, incidents: Channel, ann: User
) -> None:
    ts = await slack.post(ann, incidents, "no mention of anyone")
    slack.workspace.keep(Message(incidents.id, slack.workspace.next_ts(), ann.id, "a file", thread_ts=ts))
    await slack.delete(incidents, ts)
    slack.emit({"type": "app_home_opened", "user": ann.id, "tab": "home"})
    await slack.wait_for(lambda: len(slack.events) == 3 and acknowledged(slack))
    assert not inbox.offered


async def test_a_mention_while_a_socket_is_refreshed_is_taken(
    slack: SlackSimulator, app: SlackApp, inbox: Inbox
) -> None:
    await slack.disconnect()
    await mention(slack, "why?")
    await slack.wait_for(lambda: inbox.taken and acknowledged(slack))
    await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)


@pytest.mark.real
async def test_locked_workflows_take_nothing_and_answer_once_when_they_are_free(
    slack: SlackSimulator, client: SlackClient, tmp_path: Path
) -> None:
    handled: list[str] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        handled.append(key)

    workflows = Workflows(
        database_url=f"sqlite:///{tmp_path / 'w.sqlite'}", lease=tmp_path / "lock", handler=handler, now=time.time
    )
    async with workflows, connected(SlackApp(client, slack.app_token, workflows.accept)):
        with contextlib.closing(sqlite3.connect(tmp_path / "w.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            await mention(slack, "why?")
            mentions = [event for event in slack.events if event.type == "app_mention"]
            await slack.wait_for(lambda: len(slack.envelopes) >= 3)
            assert not any(map(slack.is_acknowledged, mentions))
        await slack.wait_for(lambda: all(map(slack.is_acknowledged, mentions)))
        await workflows.drain(60)
    assert len(handled) == 1


# --- connecting ---


async def test_it_says_who_it_is_and_keeps_two_sockets(slack: SlackSimulator, client: SlackClient) -> None:
    app = SlackApp(client, slack.app_token, Inbox())
    assert not await app.connected()
    async with connected(app) as who:
        assert who == "sre-bot in Simulated Inc"
        assert await app.connected()
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
    assert not await app.connected()
    await slack.wait_for(lambda: slack.connection_count == 0)


@pytest.mark.parametrize(("bot", "app"), [("xoxb-wrong", None), (None, "xapp-1-wrong"), ("swapped", "swapped")])
async def test_wrong_tokens_are_refused_at_once_with_what_to_check(
    slack: SlackSimulator, bot: str | None, app: str | None
) -> None:
    bot_token, app_token = bot or slack.bot_token, app or slack.app_token
    if bot == "swapped":
        bot_token, app_token = slack.app_token, slack.bot_token
    sentence = r"Slack refuses us: (invalid_auth|not_allowed_token_type)\. Check SLACK_BOT_TOKEN .* SLACK_APP_TOKEN"
    with pytest.raises(ConfigurationError, match=sentence):
        await reach(bot_token, app_token, slack.api_url)
    slack_app = SlackApp(web_client(bot_token, slack.api_url), app_token, Inbox())
    with pytest.raises(ConfigurationError, match=sentence):
        async with connected(slack_app):
            pytest.fail("it connected")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api/", "http://127.0.0.1:9/api"])
async def test_slack_out_of_reach_is_said_with_its_address(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be reached at http://127.0.0.1:9/api/: .*SLACK_API_URL"):
        await reach("xoxb-1", "xapp-1", url)
    with pytest.raises(ConfigurationError, match="cannot be reached"):
        async with connected(SlackApp(web_client("xoxb-1", url), "xapp-1", Inbox())):
            pytest.fail("it connected")


async def test_what_is_not_slack_is_not_taken_for_it(slack: SlackSimulator) -> None:
    slack.faults.fail("auth.test", status=502)
    with pytest.raises(ConfigurationError, match=r"cannot be reached at .*: an answer that is not Slack's, HTTP 502"):
        await reach(slack.bot_token, slack.app_token, slack.api_url)


async def test_both_tokens_are_tried_without_opening_a_socket(slack: SlackSimulator) -> None:
    said = await reach(slack.bot_token, slack.app_token, slack.api_url)
    assert said == "sre-bot in Simulated Inc; Socket Mode is on"
    assert slack.connection_count == 0


async def test_without_an_app_token_the_http_door_is_the_only_one(
    slack: SlackSimulator, client: SlackClient, inbox: Inbox
) -> None:
    said = await reach(slack.bot_token, None, slack.api_url)
    assert said == "sre-bot in Simulated Inc; HTTP only, without Socket Mode"
    app = SlackApp(client, None, inbox)
    server = web.Application()
    server.add_routes(app.routes("s3cret", time.time))
    event = {"type": "app_mention", "text": "why?", "user": "U1", "channel": "C1", "ts": "1.1"}
    body, now = json.dumps({"type": "event_callback", "team_id": "T1", "event": event}), str(int(time.time()))
    signature = SignatureVerifier("s3cret").generate_signature(timestamp=now, body=body) or ""
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature}
    async with TestClient(TestServer(server)) as door:

        async def knock() -> tuple[int, bool]:
            return (await door.post(PATH, data=body, headers=headers)).status, await app.connected()

        assert await knock() == (503, False), "Slack will try again when we know who we are"
        async with connected(app):
            assert await knock() == (200, True)
            assert await app.sockets() == 0
        assert await knock() == (503, False), "and again when the next process serves"
    assert [taken["text"] for _, taken in inbox.taken] == ["why?"]


@pytest.mark.real
async def test_an_address_that_no_longer_works_is_not_tried_forever(slack: SlackSimulator) -> None:
    """The client library tries the address it was given until it works; Slack's work once and not for long."""
    stale: list[str] = []

    async def api(request: web.Request) -> web.StreamResponse:
        if request.match_info["method"] == "auth.test":
            return web.json_response({"ok": True, "user_id": "UBOT", "user": "sre-bot", "team": "T"})
        if len(stale) < CONNECTIONS:
            stale.append(f"ws://{request.host}/used-up")
            return web.json_response({"ok": True, "url": stale[-1]})
        address = await web_client(slack.bot_token, slack.api_url).apps_connections_open(app_token=slack.app_token)
        return web.json_response({"ok": True, "url": address["url"]})

    application = web.Application()
    application.router.add_route("*", "/api/{method}", api)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        client = web_client(slack.bot_token, f"http://127.0.0.1:{runner.addresses[0][1]}/api/")
        app = SlackApp(client, slack.app_token, Inbox(), ping_seconds=0.1)
        async with connected(app):
            await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
    finally:
        await runner.cleanup()
