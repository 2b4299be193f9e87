"""The Slack app: Bolt over Socket Mode and signed HTTP. An event is durable before Slack is told that it arrived."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING, Any

from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from sre_bot.errors import ConfigurationError
from sre_bot.slack.addressed import call_of, mentions
from sre_bot.slack.client import web_client
from sre_bot.slack.http import slack_routes
from sre_bot.slack.replies import event_of, mention_key
from sre_bot.slack.sockets import Socket, SocketHandler
from sre_bot.slack.trouble import TROUBLE, code_of, reason_of
from sre_bot.store.heard import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from aiohttp.web import RouteTableDef
    from slack_bolt.response import BoltResponse

    from sre_bot.investigation import JsonObject
    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.gate import Gate

_log = logging.getLogger(__name__)

CONNECTIONS = 2
"""Slack refreshes a socket every few hours; with a second one nothing waits for the reconnect."""
PING_SECONDS = 10.0
"""So often a socket is looked after; so long a lost one is left alone before it is tried again."""


class SlackApp:
    """The connection to a workspace.

    Args:
        client: the bot's.
        app_token: for Socket Mode, ``xapp-…``; None: HTTP only.
        accept: makes an event durable; while it raises, Slack is not told that the event arrived and sends it again.
        let_in: whether to accept what turns to us without a mention; raises as ``accept`` does. None: never.
        heed: makes durable what an event takes back, by its body, our user id and how it turns to us.
        register: have what else there is to listen to (commands, clicks, shortcuts) listened to.
        gate: turns away who may not ask; None: everybody may.
        ping_seconds: how often a socket is looked after.
    """

    def __init__(
        self,
        client: SlackClient,
        app_token: str | None,
        accept: Callable[[str, JsonObject], Awaitable[None]],
        *,
        let_in: Callable[[str, JsonObject], Awaitable[bool]] | None = None,
        register: Iterable[Callable[[AsyncApp], None]] = (),
        gate: Gate | None = None,
        heed: Callable[[Mapping[str, Any], str, Call | None], Awaitable[None]] | None = None,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._client = client
        self._accept = accept
        self._let_in = let_in
        self._gate = gate
        self._heed = heed
        self._accepting: dict[str, asyncio.Future[None]] = {}
        # Requests over HTTP are verified before they come here, and those over a socket need not be.
        with _silenced(logging.getLogger("slack_bolt.AsyncApp")):
            self._app = AsyncApp(client=client, request_verification_enabled=False)
        self._app.middleware(self._make_durable)
        for listen in register:
            listen(self._app)
        self._app.event(re.compile(".*"))(_acknowledge)
        self._handlers = [
            SocketHandler(self._app, Socket(client, app_token, ping_seconds, self._another_is_open))
            for _ in range(CONNECTIONS)
            if app_token is not None
        ]
        self._over_http = False
        self._taking = False
        self._ping_seconds = ping_seconds
        self._keeper: asyncio.Task[None] | None = None
        self._bot = ""

    def routes(self, signing_secret: str, now: Callable[[], float], *, prefix: str = "") -> RouteTableDef:
        """The HTTP door to the same listeners, for whatever Slack signs with this secret; ``now`` in unix seconds.

        ``prefix`` stands before the path, where a reverse proxy leaves it there. Before we are connected and after we
        are closed the door is shut, and Slack tries again.
        """
        self._over_http = True
        return slack_routes(self._app, signing_secret, now, prefix=prefix, taking=lambda: self._taking)

    async def connect(self) -> str:
        """Log in and open the sockets, if there are to be any; returns "bot in team".

        Raises:
            ConfigurationError: Slack cannot be reached, or refuses the tokens.
        """
        with _explained(self._client.base_url):
            identity = await self._client.auth_test()
            self._bot = str(identity["user_id"])
            for handler in self._handlers:
                # By itself the client would ask for the address forever, also with a token that is refused.
                handler.client.wss_uri = await handler.client.issue_new_wss_url()
        self._keeper = asyncio.create_task(self._keep_addresses_fresh())
        for handler in self._handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
        self._taking = True
        return f"{identity['user']} in {identity['team']}"

    async def connected(self) -> bool:
        """Whether events can come in: we are logged in, and a socket is open or HTTP is served."""
        return self._taking and (self._over_http or await self.sockets() > 0)

    async def sockets(self) -> int:
        """How many sockets are open."""
        return sum([await handler.client.is_connected() for handler in self._handlers])

    async def _another_is_open(self, than: Socket) -> bool:
        others = [one.client for one in self._handlers if one.client is not than and not one.client.rests]
        return any([await one.is_connected() for one in others])

    async def close(self) -> None:
        """Close the sockets: no further event is taken; Slack keeps what it could not deliver."""
        self._taking = False
        if self._keeper is not None:
            self._keeper.cancel()
        await asyncio.gather(
            *(
                handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
                for handler in self._handlers
            )
        )
        if self._gate is not None:
            await self._gate.close()

    async def _keep_addresses_fresh(self) -> None:
        """An address works once; a client that failed to connect would try the same one forever."""
        while True:
            await asyncio.sleep(3 * self._ping_seconds)
            for handler in self._handlers:
                if not await handler.client.is_connected():
                    handler.client.wss_uri = None

    async def _make_durable(self, body: Mapping[str, Any], next_: Callable[[], Awaitable[None]]) -> BoltResponse | None:
        """Bolt runs this before it acknowledges; an exception here means no acknowledgement, and Slack tries again.

        Most of what is said in channels is not for us, and ends here without anything being written. So does what is
        asked by whoever may not ask, which no listener sees.
        """
        said = body.get("event") or {}
        call = call_of(said, self._bot, self._gate.bots if self._gate else frozenset())
        if self._gate is not None:
            named = call is Call.MENTION or mentions(str(said.get("text") or ""), self._bot)
            if refused := await self._gate.turn_away(body, called=call is not None, named=named):
                return refused
        if self._heed is not None:
            await self._heed(body, self._bot, call)
        if call is not None and call is not Call.STOP:
            team = str(body.get("team_id", ""))
            key, event = mention_key(said, team), event_of(said, team, self._bot, call)
            if call is Call.MENTION or (self._let_in is not None and await self._let_in(key, event)):
                await self._accept_once(key, event)
        await next_()
        return None

    async def _accept_once(self, key: str, event: JsonObject) -> None:
        """Accept it; a mention comes as two events at about the same time, and the second waits for the first."""
        if key in self._accepting:
            await asyncio.shield(self._accepting[key])
            return
        self._accepting[key] = asyncio.ensure_future(self._accept(key, event))
        try:
            await self._accepting[key]
        finally:
            del self._accepting[key]
        _log.info("accepted %s", key)


async def _acknowledge() -> None:
    """Whatever is to be done about an event was made durable before; nothing is left but to acknowledge it."""


async def reach(bot_token: str, app_token: str | None, api_url: str) -> str:
    """Try the tokens without opening a socket; one line on who we are. Without an app token it is HTTP only.

    Raises:
        ConfigurationError: Slack cannot be reached, or refuses a token.
    """
    client = web_client(bot_token, api_url)
    with _explained(client.base_url):
        identity = await client.auth_test()
        if app_token is not None:
            await client.apps_connections_open(app_token=app_token)
    mode = "HTTP only, without Socket Mode" if app_token is None else "Socket Mode is on"
    return f"{identity['user']} in {identity['team']}; {mode}"


@contextlib.contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    """Bolt finds the token in the environment too, and would warn at every start that it takes the client's."""

    def nothing(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


@contextlib.contextmanager
def _explained(base_url: str) -> Iterator[None]:
    try:
        yield
    except TROUBLE as error:
        if isinstance(error, SlackApiError) and (code := code_of(error)):
            needed = f" (it needs {missing})" if (missing := error.response.get("needed")) else ""
            raise ConfigurationError(
                f"Slack refuses us: {code}{needed}. Check SLACK_BOT_TOKEN (xoxb-…) and SLACK_APP_TOKEN (xapp-…, with "
                "connections:write)."
            ) from error
        raise ConfigurationError(
            f"Slack cannot be reached at {base_url}: {reason_of(error)}. "
            "Check the network, and SLACK_API_URL if you set it."
        ) from error
