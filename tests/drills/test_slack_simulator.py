"""Socket Mode of the simulator, against a real Bolt app that does not know it is not talking to Slack."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest, AsyncRespond, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

from sre_bot.drills.slack_simulator import RetrySchedule, SlackSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from sre_bot.drills.slack_simulator import DisconnectReason, Event, Message

QUICK = RetrySchedule(ack_within=0.5)
MENTION_ONLY = {"app_mention"}
KEEP = {"type": "button", "action_id": "keep", "value": "E1", "text": {"type": "plain_text", "text": "Keep"}}
BUTTONS = {"type": "actions", "elements": [KEEP]}

Json = dict[str, Any]


def bolt_app(slack: SlackSimulator) -> AsyncApp:
    """A Bolt app as anyone would write it, but for the base URL."""
    return AsyncApp(client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))


@asynccontextmanager
async def connected(slack: SlackSimulator, *apps: AsyncApp, ping_interval: float = 10) -> AsyncIterator[None]:
    """Bolt's own Socket Mode handlers for the apps, connected.

    They look after a lost connection every ``ping_interval`` seconds, and give one up that is silent for half of it.
    """
    handlers = [AsyncSocketModeHandler(app, slack.app_token, ping_interval=ping_interval) for app in apps]
    try:
        for handler in handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it unannotated
        await slack.wait_for(lambda: slack.connection_count == len(apps))
        yield
    finally:
        for handler in handlers:
            await handler.close_async()  # type: ignore[no-untyped-call]  # as above


def seen(app: AsyncApp) -> list[AsyncBoltRequest]:
    """Every request that reaches the app's middleware, in order, from now on."""
    requests: list[AsyncBoltRequest] = []

    @app.middleware
    async def note(req: AsyncBoltRequest, next_: Callable[[], Awaitable[None]]) -> None:
        requests.append(req)
        await next_()

    return requests


def acknowledged(slack: SlackSimulator) -> bool:
    return bool(slack.events) and all(map(slack.is_acknowledged, slack.events))


def types(events: Iterable[Event]) -> list[str]:
    return [event.type for event in events]


def answers(slack: SlackSimulator, thread: list[Message]) -> list[str]:
    return [message.text for message in thread if message.by_bot]


async def test_a_mention_is_answered_in_its_thread() -> None:
    async with SlackSimulator() as slack:
        app = bolt_app(slack)

        @app.event("app_mention")
        async def answer(event: Json, say: AsyncSay) -> None:
            await say(text=f"you are <@{event['user']}>", thread_ts=event["ts"])

        @app.event("message")
        async def ignore() -> None: ...

        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        async with connected(slack, app):
            ts = await slack.post(ann, incidents, f"{slack.workspace.bot.mention} who am I?")
            await slack.wait_for(lambda: answers(slack, slack.thread(incidents, ts)))
            await slack.wait_for(lambda: acknowledged(slack) and len(slack.events) == 3)
        assert slack.transcript(incidents, ts).splitlines()[1::3] == ["@sre-bot who am I?", "    you are @ann"]
        # One mention is two events, and the bot hears itself as well: Bolt drops the latter by itself.
        assert types(slack.events) == ["app_mention", "message", "message"]
        payload = slack.events[0].payload
        assert (payload["event"]["ts"], payload["event"]["channel"]) == (ts, incidents.id)
        assert payload["event_id"] != slack.events[1].payload["event_id"]


async def test_the_app_hears_only_what_it_subscribed_to_and_may_see() -> None:
    async with SlackSimulator(subscriptions={"app_mention", "message.im"}) as slack:
        ann, mention = slack.workspace.user("ann"), slack.workspace.bot.mention
        await slack.post(ann, slack.workspace.channel("incidents"), "no mention")
        await slack.post(ann, slack.workspace.channel("elsewhere", with_bot=False), f"{mention} not your channel")
        assert slack.events == []
        await slack.dm(ann, f"{mention} here a mention is a message")
        assert [event.payload["event"]["channel_type"] for event in slack.events] == ["im"]
        assert slack.emit({"type": "app_home_opened", "user": ann.id, "tab": "messages"}) is None


async def test_what_a_middleware_did_not_accept_is_delivered_again() -> None:
    """No acknowledgement, so the same event comes again, marked as a retry, in a new envelope."""
    async with SlackSimulator(subscriptions=MENTION_ONLY, retries=QUICK) as slack:
        app = bolt_app(slack)
        requests = seen(app)

        @app.middleware
        async def fail_first(next_: Callable[[], Awaitable[None]]) -> None:
            if len(requests) == 1:
                raise OSError("disk full")
            await next_()

        @app.event("app_mention")
        async def answer() -> None: ...

        async with connected(slack, app):
            await slack.post(slack.workspace.user("ann"), slack.workspace.channel("incidents"), "<@UBOT> hello")
            await slack.wait_for(lambda: acknowledged(slack))
        first, again = requests
        assert first.headers["x-slack-retry-num"] == ["0"]
        assert (again.headers["x-slack-retry-num"], again.headers["x-slack-retry-reason"]) == (["1"], ["timeout"])
        assert first.body["event_id"] == again.body["event_id"]
        assert len({envelope.envelope_id for envelope in slack.envelopes}) == 2
        assert [ack.envelope_id for ack in slack.acks] == [slack.envelopes[1].envelope_id]


async def test_retries_end_after_the_third() -> None:
    """Bolt refuses what it has no listener for, so it is never acknowledged."""
    async with SlackSimulator(subscriptions=MENTION_ONLY, retries=RetrySchedule(0.02, (0.0, 0.0, 0.0))) as slack:
        app = bolt_app(slack)
        async with connected(slack, app):
            await slack.post(slack.workspace.user("ann"), slack.workspace.channel("incidents"), "<@UBOT> hello")
            await slack.wait_for(lambda: len(slack.envelopes) == 4)
            with pytest.raises(TimeoutError, match=r"unacknowledged: \['app_mention'\]"):
                await slack.wait_for(lambda: len(slack.envelopes) == 5, within=0.1)
        assert [envelope.retry_attempt for envelope in slack.envelopes] == [0, 1, 2, 3]


async def test_an_event_can_be_delivered_twice_although_acknowledged() -> None:
    async with SlackSimulator(subscriptions=MENTION_ONLY) as slack:
        app = bolt_app(slack)
        requests = seen(app)

        @app.event("app_mention")
        async def answer() -> None: ...

        async with connected(slack, app):
            await slack.post(slack.workspace.user("ann"), slack.workspace.channel("incidents"), "<@UBOT> hello")
            slack.redeliver(slack.events[0])
            await slack.wait_for(lambda: len(slack.acks) == 2)
        assert Counter(request.body["event_id"] for request in requests) == {slack.events[0].event_id: 2}
        assert len(slack.events) == 1


async def test_an_event_without_a_connection_waits_and_arrives_as_a_retry() -> None:
    async with SlackSimulator(subscriptions=MENTION_ONLY) as slack:
        await slack.post(slack.workspace.user("ann"), slack.workspace.channel("incidents"), "<@UBOT> hello")
        app = bolt_app(slack)

        @app.event("app_mention")
        async def answer() -> None: ...

        async with connected(slack, app):
            await slack.wait_for(lambda: acknowledged(slack))
        assert [envelope.retry_attempt for envelope in slack.envelopes] == [1]


async def test_an_event_on_a_lost_connection_is_delivered_again_over_the_next() -> None:
    """The app is cut off, as by a kill, while it holds an event that it has not acknowledged."""
    async with SlackSimulator(subscriptions=MENTION_ONLY, retries=RetrySchedule(ack_within=60)) as slack:
        app = bolt_app(slack)
        holds, may_go_on = asyncio.Event(), asyncio.Event()

        @app.middleware
        async def hang_first(next_: Callable[[], Awaitable[None]]) -> None:
            if not holds.is_set():
                holds.set()
                await may_go_on.wait()
            await next_()

        @app.event("app_mention")
        async def answer() -> None: ...

        async with connected(slack, app, ping_interval=1):
            await slack.post(slack.workspace.user("ann"), slack.workspace.channel("incidents"), "<@UBOT> hello")
            await holds.wait()
            slack.cut_connections()
            await slack.wait_for(lambda: acknowledged(slack))
            may_go_on.set()
        assert [(envelope.connection, envelope.retry_attempt) for envelope in slack.envelopes] == [(1, 0), (2, 1)]


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_a_disconnect_frame_makes_the_app_reconnect(reason: DisconnectReason) -> None:
    async with SlackSimulator(subscriptions=MENTION_ONLY) as slack:
        app = bolt_app(slack)

        @app.event("app_mention")
        async def answer(event: Json, say: AsyncSay) -> None:
            await say(text="still here", thread_ts=event["ts"])

        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        async with connected(slack, app):
            await slack.disconnect(reason)
            await slack.wait_for(lambda: [call.method for call in slack.calls].count("apps.connections.open") == 2)
            ts = await slack.post(ann, incidents, "<@UBOT> hello")
            await slack.wait_for(lambda: answers(slack, slack.thread(incidents, ts)))
        assert slack.connection_count == 0


async def test_of_several_connections_one_gets_each_event() -> None:
    async with SlackSimulator(subscriptions=MENTION_ONLY) as slack:
        apps = [bolt_app(slack), bolt_app(slack)]
        for app in apps:

            @app.event("app_mention")
            async def answer() -> None: ...

        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        async with connected(slack, *apps):
            for _ in range(4):
                await slack.post(ann, incidents, "<@UBOT> hello")
            await slack.wait_for(lambda: acknowledged(slack))
        assert Counter(envelope.connection for envelope in slack.envelopes) == {1: 2, 2: 2}
        assert len(slack.acks) == 4


async def test_after_an_outage_slack_is_where_it_was_and_goes_on() -> None:
    """The app reconnects by itself and gets what it had not acknowledged before the outage."""
    async with SlackSimulator(subscriptions=MENTION_ONLY) as slack:
        app = bolt_app(slack)
        refused = asyncio.Event()

        @app.middleware
        async def fail_first(next_: Callable[[], Awaitable[None]]) -> None:
            if not refused.is_set():
                refused.set()
                raise OSError("disk full")
            await next_()

        @app.event("app_mention")
        async def answer(event: Json, say: AsyncSay) -> None:
            await say(text="back", thread_ts=event["ts"])

        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        async with connected(slack, app, ping_interval=1):
            where = slack.base_url
            ts = await slack.post(ann, incidents, "<@UBOT> hello")
            await refused.wait()
            await slack.stop()
            await slack.start()
            await slack.wait_for(lambda: answers(slack, slack.thread(incidents, ts)))
            assert slack.base_url == where
        assert [(envelope.connection, envelope.retry_attempt) for envelope in slack.envelopes] == [(1, 0), (2, 1)]


async def test_a_slash_command_returns_what_the_app_acknowledged_it_with() -> None:
    async with SlackSimulator() as slack:
        app = bolt_app(slack)

        @app.command("/sre")
        async def status(command: Json, ack: AsyncAck, respond: AsyncRespond) -> None:
            await ack(f"{command['user_name']} asks for {command['text']}")
            await respond(text="more, for you alone")
            await respond(text="and for all", response_type="in_channel")

        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        async with connected(slack, app):
            ack = await slack.slash(ann, "/sre", "status", incidents)
            assert ack.payload == {"text": "ann asks for status"}
            await slack.wait_for(lambda: slack.workspace.top_level(incidents.id))
        assert {(message.text, message.visible_to) for message in slack.workspace.ephemeral} == {
            ("ann asks for status", ann.id),
            ("more, for you alone", ann.id),
        }
        assert [message.text for message in slack.workspace.top_level(incidents.id)] == ["and for all"]


async def test_a_command_fails_as_slack_says_when_the_app_is_away_or_silent() -> None:
    async with SlackSimulator(retries=QUICK) as slack:
        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        with pytest.raises(TimeoutError, match="dispatch_failed"):
            await slack.slash(ann, "/sre", "", incidents)
        async with connected(slack, bolt_app(slack)):
            with pytest.raises(TimeoutError, match="operation_timeout"):
                await slack.slash(ann, "/sre", "", incidents)


async def test_a_click_reaches_its_action_and_may_replace_the_message() -> None:
    async with SlackSimulator(subscriptions=MENTION_ONLY) as slack:
        app = bolt_app(slack)

        @app.event("app_mention")
        async def offer(event: Json, say: AsyncSay) -> None:
            await say(text="keep it?", blocks=[BUTTONS], thread_ts=event["ts"])

        @app.action("keep")
        async def keep(action: Json, body: Json, ack: AsyncAck, respond: AsyncRespond) -> None:
            await ack()
            await respond(text=f"{body['user']['name']} kept {action['value']}", replace_original=True)

        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        async with connected(slack, app):
            ts = await slack.post(ann, incidents, "<@UBOT> hello")
            question = await slack.wait_for(lambda: [m for m in slack.thread(incidents, ts) if m.by_bot])
            await slack.click(ann, incidents, question[0].ts, "keep")
            await slack.wait_for(lambda: answers(slack, slack.thread(incidents, ts)) == ["ann kept E1"])
            with pytest.raises(LookupError, match="no element"):
                await slack.click(ann, incidents, question[0].ts, "keep")


async def test_a_click_on_a_nested_button_may_delete_the_message() -> None:
    async with SlackSimulator(subscriptions=()) as slack:
        app = bolt_app(slack)

        @app.action("keep")
        async def drop(ack: AsyncAck, respond: AsyncRespond) -> None:
            await ack()
            await respond(delete_original=True)

        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        details = {"type": "container", "title": {"type": "plain_text", "text": "Details"}, "child_blocks": [BUTTONS]}
        async with connected(slack, app):
            post = await app.client.chat_postMessage(channel=incidents.id, text="keep it?", blocks=[details])
            await slack.click(ann, incidents, post["ts"], "keep")
            await slack.wait_for(lambda: not slack.workspace.top_level(incidents.id))


async def test_a_response_url_is_known_only_to_its_receiver() -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as session:
        answer = await session.post(f"{slack.base_url}/respond/guess", json={"text": "x"})
        assert answer.status == 404


async def test_stop_can_be_pressed_while_a_session_is_processing() -> None:
    async with SlackSimulator() as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        ts = await slack.post(ann, incidents, "hello")
        with pytest.raises(LookupError, match="processing"):
            slack.press_stop(ann, incidents, ts)
        await client.agents_sessions_setStatus(channel_id=incidents.id, thread_ts=ts, status="processing")
        stopped = slack.press_stop(ann, incidents, ts)
        assert stopped is not None
        assert stopped.payload["event"]["thread_ts"] == ts
        assert slack.workspace.sessions[incidents.id, ts] == "processing"  # it is the app that must leave it


async def test_a_ticket_opens_one_connection() -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.app_token, base_url=slack.api_url)
        url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await session.ws_connect(url)
