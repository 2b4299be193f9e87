"""Slack's Web API with the manners that Slack asks for, in the one place through which every call goes.

Posts to a channel go one after another, about one a second; edits of all messages share one limit; links of ours are
never unfurled, since Slack would fetch what they lead to with no click. Rate limits are waited out by whoever is next
in line, so that nothing overtakes what waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler, AsyncServerErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from slack_sdk.http_retry.request import HttpRequest
    from slack_sdk.http_retry.response import HttpResponse
    from slack_sdk.http_retry.state import RetryState
    from slack_sdk.web.async_slack_response import AsyncSlackResponse

TIMEOUT_SECONDS = 15
_REPEATABLE = (
    "agents.sessions.",
    "auth.test",
    "chat.update",
    "conversations.",
    "usergroups.",
    "users.",
    "views.publish",
)
"""Methods that do the same when called twice; a post whose answer was lost may have been made."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """Seconds from one call to the next, and how many may come at once after a pause.

    Slack takes about one post a second in a channel, with short bursts, and 50 edits a minute (tier 3).
    """

    post_seconds: float = 1.0
    posts_at_once: int = 4
    edit_seconds: float = 1.25
    edits_at_once: int = 8


class Pace:
    """Calls of one kind: one after the other, first come, first served, and no faster than it may."""

    def __init__(self, seconds: float, at_once: int) -> None:
        self._seconds = seconds
        self._slack = seconds * (at_once - 1)
        self._due = 0.0
        self._one_by_one = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn, and keep others waiting while it lasts: what waits out a rate limit is not overtaken."""
        clock = asyncio.get_running_loop().time
        async with self._one_by_one:
            await asyncio.sleep(max(0.0, self._due - self._slack - clock()))
            self._due = max(self._due, clock()) + self._seconds
            yield


class Line:
    """Where those stand who each try until their post to a channel is made: the next one begins after that.

    Who goes ahead is served before all who wait, but whoever is being served stays: what Slack does not take is not
    overtaken.
    """

    def __init__(self) -> None:
        self._places = itertools.count()
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._served = False

    @contextlib.asynccontextmanager
    async def turn(self, *, ahead: bool = False) -> AsyncIterator[None]:
        """Wait for the turn, and have it until the end."""
        if self._served:
            called = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (not ahead, next(self._places), called))
            try:
                await called
            except asyncio.CancelledError:
                if not called.cancelled():
                    self._call_next()
                raise
        self._served = True
        try:
            yield
        finally:
            self._call_next()

    def _call_next(self) -> None:
        while self._waiting:
            _, _, called = heapq.heappop(self._waiting)
            if not called.done():
                called.set_result(None)
                return
        self._served = False


class SlackClient(AsyncWebClient):
    """The bot's client.

    Args:
        token: of the bot, ``xoxb-…``.
        base_url: of the Web API, with a slash at its end.
        pacing: how fast it may be.
    """

    def __init__(self, token: str, base_url: str, pacing: Pacing) -> None:
        super().__init__(token=token, base_url=base_url, timeout=TIMEOUT_SECONDS)
        self.retry_handlers[:] = [AsyncRateLimitErrorRetryHandler(max_retry_count=5), _ServerErrors(base_url)]
        self._pacing = pacing
        self._edits = Pace(pacing.edit_seconds, pacing.edits_at_once)
        self._posts: dict[str, Pace] = {}
        self._lines: dict[str, Line] = {}

    def line(self, channel: str) -> Line:
        """Of those who post to a channel."""
        return self._lines.setdefault(channel, Line())

    async def edit(self, channel: str, ts: str, latest: Callable[[], str]) -> None:
        """Replace the text of a message by what is the latest when it is its turn.

        Raises:
            SlackClientError, aiohttp.ClientError, TimeoutError: it could not be edited.
        """
        async with self._edits.turn():
            await super().api_call("chat.update", json={"channel": channel, "ts": ts, "text": latest()})

    async def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: dict[str, Any] | None = None,
        data: Any = None,
        params: dict[str, Any] | None = None,
        json: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        auth: dict[str, Any] | None = None,
    ) -> AsyncSlackResponse:
        """Every method of the API comes down to this one; see the class."""
        async with contextlib.AsyncExitStack() as stack:
            if api_method == "chat.postMessage" and json is not None:
                json = {**json, "unfurl_links": False, "unfurl_media": False}
                await stack.enter_async_context(self._post_pace(str(json.get("channel"))).turn())
            elif api_method == "chat.update":
                await stack.enter_async_context(self._edits.turn())
            return await super().api_call(
                api_method,
                http_verb=http_verb,
                files=files,
                data=data,
                params=params,
                json=json,
                headers=headers,
                auth=auth,
            )

    def _post_pace(self, channel: str) -> Pace:
        fresh = Pace(self._pacing.post_seconds, self._pacing.posts_at_once)
        return self._posts.setdefault(channel, fresh)


def web_client(token: str, api_url: str, pacing: Pacing | None = None) -> SlackClient:
    """A client that waits out rate limits, and repeats after a server error what may be repeated."""
    return SlackClient(token, api_url if api_url.endswith("/") else f"{api_url}/", pacing or Pacing())


class _ServerErrors(AsyncServerErrorRetryHandler):
    """Repeats a call after a server error where a second one does no harm."""

    def __init__(self, base_url: str) -> None:
        super().__init__(max_retry_count=1)
        self._path = urlsplit(base_url).path

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        method = urlsplit(request.url).path.removeprefix(self._path)
        return method.startswith(_REPEATABLE) and await super()._can_retry_async(
            state=state, request=request, response=response, error=error
        )
