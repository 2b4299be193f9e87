"""Slack over HTTP: signed requests to one path, for the same listeners that Socket Mode serves.

Only what Slack signed within the last five minutes comes through; everything else is answered 401 and nothing more.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import Clock, SignatureVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slack_bolt.app.async_app import AsyncApp

_log = logging.getLogger(__name__)

PATH = "/slack/events"
"""Events, commands and interactions all come here, as the app's settings say."""
MAX_BYTES = 1024 * 1024
"""Slack's requests are a few KB; more is not from Slack."""
BODY_SECONDS = 5.0
"""Slack sends at once, and waits three seconds for the answer."""


class _Clock(Clock):
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now()


def slack_routes(
    app: AsyncApp,
    signing_secret: str,
    now: Callable[[], float],
    *,
    prefix: str = "",
    body_seconds: float = BODY_SECONDS,
    taking: Callable[[], bool] = lambda: True,
) -> web.RouteTableDef:
    """The route that takes Slack's requests.

    Args:
        app: the Bolt app whose listeners answer; it must not verify requests itself.
        signing_secret: of the Slack app.
        now: unix seconds.
        prefix: what stands before the path, where a reverse proxy does not take it off.
        body_seconds: so long a request may take to arrive; who is slower is answered 408.
        taking: whether requests are taken now; those that are not are answered 503, and Slack tries again.
    """
    verifier = SignatureVerifier(signing_secret, _Clock(now))
    routes = web.RouteTableDef()

    @routes.post(f"{prefix}{PATH}")
    async def receive(request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(body_seconds):
                body = await _body(request)
        except TimeoutError:
            return web.Response(status=408, text="too slow", headers={"Connection": "close"})
        if body is None or not _is_signed(verifier, request, body):
            _log.warning("refused a request to %s that Slack did not sign", PATH)
            return web.Response(status=401, text="not signed by Slack")
        if not taking():
            return web.Response(status=503, text="try again")
        asked = _read(request, body)
        if asked is None:
            _log.warning("refused a request to %s that is signed, but none that Slack makes", PATH)
            return web.Response(status=400, text="no request of Slack's")
        return await to_aiohttp_response(await app.async_dispatch(asked))

    return routes


async def _body(request: web.Request) -> str | None:
    """The body as text, or None when it is too large, broken off or no UTF-8, as nothing of Slack's is."""
    taken = bytearray()
    try:
        async for chunk in request.content.iter_chunked(64 * 1024):
            taken += chunk
            if len(taken) > MAX_BYTES:
                return None
        return taken.decode("utf-8")
    except (web.RequestPayloadError, ConnectionError, UnicodeDecodeError):
        return None


def _read(request: web.Request, body: str) -> AsyncBoltRequest | None:
    """The request as Bolt takes it, or None when the body is no object, JSON that is too deep, or none."""
    headers: dict[str, str | Sequence[str]] = dict(request.headers)
    try:
        return AsyncBoltRequest(body=body, headers=headers, query=request.query_string)
    except (ValueError, TypeError, AttributeError, RecursionError):  # of Bolt, which takes what is signed for right
        return None


def _is_signed(verifier: SignatureVerifier, request: web.Request, body: str) -> bool:
    """Whether Slack signed it lately. The verifier raises on a timestamp or signature that is none."""
    try:
        return verifier.is_valid_request(body, dict(request.headers))
    except (ValueError, TypeError, OverflowError):
        return False
