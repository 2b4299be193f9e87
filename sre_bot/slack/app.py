"""The Slack app: Bolt over Socket Mode. An event is durable before Slack is told that it arrived."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from sre_bot.errors import ConfigurationError
from sre_bot.slack.listeners import mention_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from sre_bot.investigation import JsonObject

_log = logging.getLogger(__name__)

CONNECTIONS = 2
"""Slack refreshes a socket every few hours; with a second one nothing waits for the reconnect."""


def web_client(token: str, api_url: str) -> AsyncWebClient:
    """A client that waits out rate limits; it repeats nothing else, since a repeated post may be a second post."""
    client = AsyncWebClient(token=token, base_url=api_url if api_url.endswith("/") else f"{api_url}/", timeout=15)
    client.retry_handlers[:] = [AsyncRateLimitErrorRetryHandler(max_retry_count=5)]
    return client


class SlackApp:
    """The connection to a workspace.

    Args:
        client: the bot's.
        app_token: for Socket Mode, ``xapp-…``.
        accept: makes an event durable; while it raises, Slack is not told that the event arrived and sends it again.
    """

    def __init__(
        self, client: AsyncWebClient, app_token: str, accept: Callable[[str, JsonObject], Awaitable[None]]
    ) -> None:
        self._client = client
        self._accept = accept
        self._app = AsyncApp(client=client, token=client.token)
        self._app.middleware(self._make_durable)
        self._app.event(re.compile(".*"))(_acknowledge)
        self._handlers = [AsyncSocketModeHandler(self._app, app_token) for _ in range(CONNECTIONS)]
        self._bot = ""

    async def connect(self) -> str:
        """Log in and open the sockets; returns "bot in team".

        Raises:
            ConfigurationError: Slack cannot be reached, or refuses the tokens.
        """
        with _explained(self._client.base_url):
            identity = await self._client.auth_test()
            self._bot = str(identity["user_id"])
            for handler in self._handlers:
                await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
        return f"{identity['user']} in {identity['team']}"

    async def connected(self) -> bool:
        """Whether at least one socket is open."""
        return any([await handler.client.is_connected() for handler in self._handlers])

    async def close(self) -> None:
        """Close the sockets: no further event is taken; Slack keeps what it could not deliver."""
        await asyncio.gather(
            *(
                handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
                for handler in self._handlers
            )
        )

    async def _make_durable(self, body: Mapping[str, Any], next_: Callable[[], Awaitable[None]]) -> None:
        """Bolt runs this before it acknowledges; an exception here means no acknowledgement, and Slack tries again."""
        event = body.get("event") or {}
        if event.get("type") == "app_mention" and not event.get("bot_id") and event.get("user") != self._bot:
            key = mention_key(event, str(body.get("team_id", "")))
            await self._accept(
                key,
                {
                    "channel": str(event["channel"]),
                    "ts": str(event["ts"]),
                    "thread_ts": event.get("thread_ts"),
                    "user": str(event.get("user", "")),
                    "text": str(event.get("text", "")),
                    "bot": self._bot,
                },
            )
            _log.info("accepted %s", key)
        await next_()


async def _acknowledge() -> None:
    """Whatever is to be done about an event was made durable before; nothing is left but to acknowledge it."""


async def reach(bot_token: str, app_token: str, api_url: str) -> str:
    """Try both tokens without opening a socket; one line on who we are.

    Raises:
        ConfigurationError: Slack cannot be reached, or refuses a token.
    """
    client = web_client(bot_token, api_url)
    with _explained(client.base_url):
        identity = await client.auth_test()
        await client.apps_connections_open(app_token=app_token)
    return f"{identity['user']} in {identity['team']}; Socket Mode is on"


@contextlib.contextmanager
def _explained(base_url: str) -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        raise ConfigurationError(
            f"Slack refuses us: {error.response.get('error')}. Check SLACK_BOT_TOKEN (xoxb-…) and "
            "SLACK_APP_TOKEN (xapp-…, with connections:write)."
        ) from error
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        raise ConfigurationError(
            f"Slack cannot be reached at {base_url}: {str(error) or type(error).__name__}. "
            "Check the network, and SLACK_API_URL if you set it."
        ) from error
