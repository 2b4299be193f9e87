"""Slack on loopback: start it, point the bot at it, and be the humans."""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from aiohttp import web

from sre_bot.drills.slack_simulator import chat, payloads, transcript
from sre_bot.drills.slack_simulator.backend import Backend
from sre_bot.drills.slack_simulator.events_api import SUBSCRIPTIONS, EventsApi
from sre_bot.drills.slack_simulator.faults import Faults
from sre_bot.drills.slack_simulator.request_url import RequestUrl
from sre_bot.drills.slack_simulator.server import Call, Server, Tokens
from sre_bot.drills.slack_simulator.socket_mode import RetrySchedule, SocketMode
from sre_bot.drills.slack_simulator.wire import Arguments
from sre_bot.drills.slack_simulator.workspace import Message, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from types import TracebackType

    from sre_bot.drills.slack_simulator.socket_mode import Ack, DisconnectReason, Envelope, Event
    from sre_bot.drills.slack_simulator.wire import Json
    from sre_bot.drills.slack_simulator.workspace import Channel, User

T = TypeVar("T")

SCOPES = (
    *("app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "commands"),
    *("files:write", "groups:history", "groups:read", "im:history", "im:write", "reactions:read"),
    *("usergroups:read", "users:read"),
)
_SECONDS_TO_STOP = 0.2  # for calls still under way, e.g. delayed ones


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SlackSimulator:
    """Slack as a Bolt app over Socket Mode and a Web API client see it; an async context manager.

    Args:
        retries: how long to wait for an acknowledgement, and when to deliver again.
        subscriptions: the app's event subscriptions, named as in its manifest.
        scopes: what the bot token may do; a call of a method that needs another one is refused.
        now: the clock, aware and UTC, that message ids are made from.

    Attributes:
        bot_token, app_token, signing_secret: the app's credentials, new for every simulator.
        workspace: people, channels and messages; `Workspace.user` and `Workspace.channel` make them by name.
        faults: what the next calls of the Web API run into.
    """

    def __init__(
        self,
        *,
        retries: RetrySchedule | None = None,
        subscriptions: Collection[str] = SUBSCRIPTIONS,
        scopes: Sequence[str] = SCOPES,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.bot_token = f"xoxb-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-{secrets.token_hex(12)}"
        self.signing_secret = secrets.token_hex(16)
        self.workspace = Workspace(now)
        self.faults = Faults()
        self._condition = asyncio.Condition()
        self._socket_mode = SocketMode(self.workspace.bot.app_id, retries or RetrySchedule(), self._changed)
        self._events_api = EventsApi(self.workspace, self._socket_mode, subscriptions)
        self._backend = Backend(self.workspace, self._events_api, self._socket_mode)
        tokens = Tokens(self.bot_token, self.app_token)
        self._server = Server(self._backend, tokens, self.faults, scopes, self._changed)
        self._port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on 127.0.0.1: the first time on a free port, after a `stop` on the same one, nothing forgotten."""
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._backend.base_url = f"http://127.0.0.1:{self._port}"
        self._runner = web.AppRunner(self._server.application(), access_log=None, shutdown_timeout=_SECONDS_TO_STOP)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        self._socket_mode.resume()

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def base_url(self) -> str:
        """Where it listens, without a slash at the end."""
        return self._backend.base_url

    @property
    def api_url(self) -> str:
        """What a Web API client takes as its base URL."""
        return f"{self.base_url}/api/"

    @property
    def calls(self) -> Sequence[Call]:
        """Every call of the Web API, in order."""
        return self._server.calls

    @property
    def events(self) -> Sequence[Event]:
        """Every event the app was to hear of, in order, each once."""
        return self._socket_mode.events

    @property
    def envelopes(self) -> Sequence[Envelope]:
        """Every delivery of an event, command or click, in order."""
        return self._socket_mode.envelopes

    @property
    def acks(self) -> Sequence[Ack]:
        """Every acknowledgement by the app, in order."""
        return self._socket_mode.acks

    @property
    def connection_count(self) -> int:
        """How many Socket Mode connections are live."""
        return self._socket_mode.connection_count

    def deliver_to(self, url: str) -> None:
        """From now on deliver by signed requests to this address, and no longer over Socket Mode."""
        self._socket_mode.request_url = RequestUrl(url, self.signing_secret)

    def acknowledged_after(self, event: Event) -> float | None:
        """Seconds from an event to its first acknowledgement; None while there is none."""
        return self._socket_mode.acknowledged_after(event)

    def is_acknowledged(self, event: Event) -> bool:
        """Whether the app acknowledged the event, however late."""
        return self._socket_mode.is_acknowledged(event)

    async def post(self, user: User, channel: Channel, text: str, thread_ts: str | None = None) -> str:
        """Someone posts ``text``, written as on the wire (``<@UBOT> why?``); returns its ts.

        Raises:
            KeyError: there is no message ``thread_ts`` to reply to.
        """
        root_ts = self.workspace.messages[channel.id, thread_ts].root_ts if thread_ts else None
        post = Message(channel.id, self.workspace.next_ts(), user.id, text, thread_ts=root_ts)
        self._events_api.posted(self.workspace.keep(post))
        await self._changed()
        return post.ts

    async def dm(self, user: User, text: str, thread_ts: str | None = None) -> str:
        """Someone writes to the bot directly; the conversation is ``workspace.direct(user)``. Returns its ts."""
        return await self.post(user, self.workspace.direct(user), text, thread_ts)

    async def edit(self, channel: Channel, ts: str, text: str) -> None:
        """Whoever posted a message changes its text. Raises KeyError when there is none."""
        before = self.workspace.messages[channel.id, ts]
        after = self.workspace.keep(replace(before, text=text, edited_ts=self.workspace.next_ts()))
        self._events_api.changed(before, after)
        await self._changed()

    async def delete(self, channel: Channel, ts: str) -> None:
        """Whoever posted a message deletes it. Raises KeyError when there is none."""
        message = self.workspace.messages[channel.id, ts]
        self.workspace.delete(message)
        self._events_api.deleted(message)
        await self._changed()

    async def unfurl(self, channel: Channel, ts: str, preview: Json) -> None:
        """Slack shows a preview of a link, which changes the message, but not its text. KeyError: there is none."""
        before = self.workspace.messages[channel.id, ts]
        after = self.workspace.keep(replace(before, attachments=(*before.attachments, preview)))
        self._events_api.changed(before, after)
        await self._changed()

    def lacks(self, *methods: str) -> None:
        """From now on these methods are unknown, as in an older workspace."""
        self._server.missing.update(methods)

    def forget_scopes(self, *scopes: str) -> None:
        """From now on the bot token is without these scopes, as of an app that was installed before it wanted them."""
        self._server.scopes.difference_update(scopes)

    async def slash(self, user: User, command: str, text: str, channel: Channel) -> Ack:
        """Someone gives a command, e.g. ``/sre``. Raises TimeoutError with what Slack would show them."""
        origin = Message(channel.id, self.workspace.next_ts(), user.id, text, visible_to=user.id)
        payload = payloads.slash_command(self.workspace, user, command, text, channel)
        payload["response_url"] = self._server.response_url(origin)
        ack = await self._socket_mode.request("slash_commands", payload)
        if ack.payload:
            chat.respond(self._backend, origin, Arguments(ack.payload))
            await self._changed()
        return ack

    async def click(self, user: User, channel: Channel, ts: str, action_id: str, *, positive: bool = True) -> Ack:
        """Someone clicks a button of a message, be it an ephemeral one that they see.

        Args:
            user: who clicks.
            channel: where.
            ts: of the message.
            action_id: of the button.
            positive: which of two ``feedback_buttons``.

        Raises:
            LookupError: there is no such message or button.
            TimeoutError: as `slash`.
        """
        message = self._seen(user, channel, ts)
        element = _pressed(_find_element(message.blocks, action_id), positive=positive)
        payload = payloads.block_actions(self.workspace, user, message, element)
        payload["response_url"] = self._server.response_url(replace(message, visible_to=user.id))
        return await self._socket_mode.request("interactive", payload)

    async def shortcut(self, user: User, channel: Channel, ts: str, callback_id: str) -> Ack:
        """Someone uses a message shortcut. Raises KeyError when there is no such message, TimeoutError as `slash`."""
        message = self.workspace.messages[channel.id, ts]
        payload = payloads.message_action(self.workspace, user, message, callback_id)
        payload["response_url"] = self._server.response_url(replace(message, visible_to=user.id))
        return await self._socket_mode.request("interactive", payload)

    async def submit(self, user: User, view: Json, values: Json) -> Ack:
        """Someone submits a modal, with ``values`` by block_id and action_id. Raises TimeoutError as `slash`."""
        return await self._socket_mode.request(
            "interactive", payloads.view_submission(self.workspace, user, view, values)
        )

    def open_home(self, user: User, tab: Literal["home", "messages"] = "home") -> Event | None:
        """Someone opens the Home tab, or the conversation; None when the app has not subscribed to that."""
        where = {"channel": self.workspace.direct(user).id, "tab": tab}
        return self.emit({"type": "app_home_opened", "user": user.id} | where)

    def _seen(self, user: User, channel: Channel, ts: str) -> Message:
        mine = (one for one in self.workspace.ephemeral if one.visible_to == user.id)
        shown = next((one for one in mine if (one.channel, one.ts) == (channel.id, ts)), None)
        return shown or self.workspace.messages[channel.id, ts]

    def press_stop(self, user: User, channel: Channel, thread_ts: str) -> Event | None:
        """Someone presses the Stop button of a session; LookupError unless it is ``processing``, which shows it."""
        if self.workspace.sessions.get((channel.id, thread_ts)) != "processing":
            raise LookupError(f"no session of {thread_ts} is processing")
        where = {"channel": channel.id, "thread_ts": thread_ts, "streaming_message_ts": list[str]()}
        return self.emit({"type": "agent_session_stopped", "user": user.id} | where)

    def emit(self, event: Json) -> Event | None:
        """Deliver any other event, e.g. ``app_home_opened``; None when the app has not subscribed to it."""
        return self._events_api.emit(event)

    def redeliver(self, event: Event) -> None:
        """Deliver an event once more, as Slack sometimes does although it was acknowledged."""
        self._socket_mode.send(event)

    async def disconnect(self, reason: DisconnectReason = "refresh_requested", *, only: int | None = None) -> None:
        """Ask every connection, or ``only`` so many of them, to reconnect."""
        await self._socket_mode.disconnect(reason, only)

    def cut_connections(self) -> None:
        """Cut every connection without a word; what was not acknowledged on them is delivered again."""
        self._socket_mode.cut()

    def thread(self, channel: Channel, ts: str) -> list[Message]:
        """A thread as it stands, its first message first."""
        return self.workspace.thread(channel.id, ts)

    def transcript(self, channel: Channel, thread_ts: str) -> str:
        """A thread as plain text for a terminal, as people would read it in Slack."""
        return transcript.transcript(self.workspace, self.thread(channel, thread_ts))

    async def wait_for(self, predicate: Callable[[], T], within: float = 60.0) -> T:
        """Wait until ``predicate`` returns something true, and return that; it is asked again after every change.

        Raises:
            TimeoutError: it was not true within that many seconds; the text says what had happened by then.
        """
        try:
            async with asyncio.timeout(within), self._condition:
                return await self._condition.wait_for(predicate)
        except TimeoutError:
            raise TimeoutError(f"not within {within:g} s; {self._situation()}") from None

    async def _changed(self) -> None:
        async with self._condition:
            self._condition.notify_all()

    def _situation(self) -> str:
        calls = ", ".join(f"{call.method} {call.outcome}" for call in self.calls[-5:]) or "none"
        waiting = [event.type for event in self.events if not self.is_acknowledged(event)]
        return f"connections: {self.connection_count}, unacknowledged: {waiting}, last calls: {calls}"


def _elements(blocks: Sequence[Json]) -> Iterator[Json]:
    """Everything that can be clicked, with the id of its block."""
    for block in blocks:
        for element in (*block.get("elements", ()), block.get("accessory", {})):
            yield {"block_id": block.get("block_id", "")} | element
        yield from _elements(block.get("child_blocks", ()))


def _find_element(blocks: Sequence[Json], action_id: str) -> Json:
    found = next((element for element in _elements(blocks) if element.get("action_id") == action_id), None)
    if found is None:
        raise LookupError(f"no element with the action_id {action_id}")
    return found


def _pressed(element: Json, *, positive: bool) -> Json:
    """What Slack tells of the element that was pressed: of two feedback buttons, the value of one."""
    if element.get("type") != "feedback_buttons":
        return element
    kept = {name: element[name] for name in ("type", "action_id", "block_id")}
    pressed = element["positive_button" if positive else "negative_button"]
    return kept | {"text": pressed["text"], "value": pressed["value"]}
