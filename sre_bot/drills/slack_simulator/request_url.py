"""Slack's other door: every delivery is a signed HTTP request to one address of the app's."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    from sre_bot.drills.slack_simulator.socket_mode import Envelope
    from sre_bot.drills.slack_simulator.wire import Json


class RequestUrl:
    """Delivers to one address; whatever is not answered 200 in time was not taken.

    Args:
        url: the app's, for events, commands and interactions.
        signing_secret: of the app.
    """

    number = 0

    def __init__(self, url: str, signing_secret: str) -> None:
        self._url = url
        self._secret = signing_secret

    async def exchange(self, envelope: Envelope, within: float) -> Json | None:
        """Deliver; the JSON of the answer, if it has any. Raises TimeoutError when it was not taken."""
        kind, body = _form(envelope)
        timestamp = str(int(time.time()))
        signed = hmac.new(self._secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signed}",
        }
        if envelope.retry_attempt:
            headers |= {"X-Slack-Retry-Num": str(envelope.retry_attempt), "X-Slack-Retry-Reason": "http_error"}
        try:
            async with (
                asyncio.timeout(within),
                aiohttp.ClientSession() as session,
                session.post(self._url, data=body.encode(), headers=headers) as response,
            ):
                return _answer(response.status, await response.text())
        except aiohttp.ClientError as error:
            raise TimeoutError(str(error)) from error


def _form(envelope: Envelope) -> tuple[str, str]:
    if envelope.type == "events_api":
        return "application/json", json.dumps(envelope.payload)
    fields: Any = envelope.payload if envelope.type == "slash_commands" else {"payload": json.dumps(envelope.payload)}
    return "application/x-www-form-urlencoded", urlencode(fields)


def _answer(status: int, text: str) -> Json | None:
    if status != 200:  # noqa: PLR2004 - OK
        raise TimeoutError(f"answered {status}")
    try:
        answer = json.loads(text)
    except ValueError:
        return {"text": text} if text else None
    return answer if isinstance(answer, dict) else None
