"""A socket to Slack that comes back after a while of its own choosing, and steps back where there are too many."""

from __future__ import annotations

import asyncio
import logging
import random
from time import time
from typing import TYPE_CHECKING, Any

from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_sdk.socket_mode.aiohttp import SocketModeClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.app.async_app import AsyncApp
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

    from sre_bot.slack.client import SlackClient

_log = logging.getLogger(__name__)

RESTING_PINGS = 60
"""So many times the seconds between pings a socket rests that was one too many."""


class Socket(SocketModeClient):
    """One connection of Socket Mode.

    After an outage all bots of the world come back at once, were they not to wait: each waits a random part of an
    interval that doubles with every attempt that came to nothing.

    Args:
        client: the bot's.
        app_token: ``xapp-…``.
        ping_seconds: how often it is looked after.
        others: whether another socket of ours is open and does not rest.

    Attributes:
        rests: whether it stepped back, as there were too many.
    """

    def __init__(
        self, client: SlackClient, app_token: str, ping_seconds: float, others: Callable[[Socket], Awaitable[bool]]
    ) -> None:
        super().__init__(app_token, web_client=client, ping_interval=ping_seconds)
        self._others = others
        self.rests = False
        self._asked = -1
        self._resting: asyncio.Task[None] | None = None

    async def issue_new_wss_url(self) -> str:
        """An address to connect to: the first at once, each further one after a random while."""
        self._asked += 1
        if self._asked:
            longest = min(6 * self.ping_interval, self.ping_interval / 10 * 2 ** min(self._asked, 10))
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, keeps no secret
        return await super().issue_new_wss_url()

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """What came over the socket: hello, disconnect, or a request."""
        if message.get("type") == "hello":
            self._asked = 0
        elif message.get("type") == "disconnect":
            reason = str(message.get("reason"))
            self.rests = reason == "too_many_websockets"  # before it is asked for the others, which ask the same
            self.rests = self.rests and await self._others(self)
            if self.rests:
                await self._rest()
                return
            if reason == "link_disabled":
                _log.error("Slack closes our sockets: Socket Mode is off. Turn it on in the app's settings.")
            else:
                _log.info("Slack asks for a new socket: %s", reason)
        await super().run_message_listeners(message, raw_message)

    async def close(self) -> None:
        """Close it for good."""
        if self._resting is not None:
            self._resting.cancel()
        await super().close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped

    async def _rest(self) -> None:
        """Close, and come back later: the other sockets go on."""
        seconds = RESTING_PINGS * self.ping_interval
        _log.warning(
            "Slack has too many sockets of this app (ten at most): one of ours rests for %g s, the other goes on. "
            "Is the app token used elsewhere, too?",
            seconds,
        )
        self.auto_reconnect_enabled = False
        if self.current_session is not None:
            await self.current_session.close()
        self._resting = asyncio.create_task(self._wake(seconds))

    async def _wake(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.rests = False
        await self.connect_to_new_endpoint(force=True)


class SocketHandler(AsyncBaseSocketModeHandler):
    """Hands what comes over a socket to the app, and its answer back."""

    def __init__(self, app: AsyncApp, socket: Socket) -> None:
        self.app: AsyncApp = app
        self.client: Socket = socket
        socket.socket_mode_request_listeners.append(self.handle)

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        """Answer one request."""
        start = time()
        response = await run_async_bolt_app(self.app, req)
        await send_async_response(client, req, response, start)
