"""Slack over HTTP: signed requests reach the listeners, all others get 401."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

from sre_bot.slack.http import BODY_SECONDS, MAX_BYTES, PATH, slack_routes
from sre_bot.telemetry.metrics import Metrics
from sre_bot.web import start_web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1_800_000_000.0


@asynccontextmanager
async def door(body_seconds: float = BODY_SECONDS) -> AsyncIterator[tuple[ClientSession, list[Any]]]:
    """The door on loopback, in the server that has it, and what came through it."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_user_id="UBOT")

    seen: list[Any] = []
    app = AsyncApp(signing_secret=SECRET, authorize=authorize, request_verification_enabled=False)

    @app.event("app_mention")
    async def mention(event: dict[str, Any]) -> None:
        seen.append(event["text"])

    @app.command("/sre")
    async def command(ack: Any, command: dict[str, Any]) -> None:
        seen.append(command["text"])
        await ack("here you are")

    routes = slack_routes(app, SECRET, lambda: NOW, body_seconds=body_seconds)
    metrics = Metrics(version="1.2.3", prompt="abc", model="first-look")
    runner = await start_web("127.0.0.1", 0, health={}, readiness={}, metrics=metrics, routes=routes)
    host, port = runner.addresses[0][:2]
    try:
        async with ClientSession(f"http://{host}:{port}") as client:
            yield client, seen
    finally:
        await runner.cleanup()


def signed(body: str | bytes, *, at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    assert signature is not None
    kind = "application/json" if body[:1] in {"{", b"{"} else "application/x-www-form-urlencoded"
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature, "Content-Type": kind}


MENTION = json.dumps(
    {"type": "event_callback", "team_id": "T1", "event": {"type": "app_mention", "text": "why? 🙂", "user": "U1"}}
)


async def test_a_signed_event_reaches_its_listener() -> None:
    async with door() as (client, seen):
        response = await client.post(PATH, data=MENTION, headers=signed(MENTION))
        assert response.status == 200
    assert seen == ["why? 🙂"]


async def test_a_signed_command_is_answered() -> None:
    body = urlencode({"command": "/sre", "text": "alerts", "team_id": "T1", "user_id": "U1"})
    async with door() as (client, seen):
        response = await client.post(PATH, data=body, headers=signed(body))
        assert (response.status, await response.text()) == (200, "here you are")
    assert seen == ["alerts"]


async def test_slacks_check_of_the_address_is_answered() -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-1", "token": "t"})
    async with door() as (client, _):
        response = await client.post(PATH, data=body, headers=signed(body))
        assert "c-1" in await response.text()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (MENTION, {}),
        (MENTION, signed(MENTION, secret="another")),
        (MENTION, signed(MENTION, at=NOW - 301)),
        (MENTION, signed(MENTION, at=NOW + 301)),
        (MENTION + " ", signed(MENTION)),
        (MENTION, signed(MENTION) | {"X-Slack-Request-Timestamp": "yesterday"}),
        (MENTION, signed(MENTION) | {"X-Slack-Request-Timestamp": "9" * 5000}),
        (MENTION, signed(MENTION) | {"X-Slack-Signature": "v0=é"}),
        (b"\xff\xfe{", signed("{")),
        (b"no gzip", {"Content-Encoding": "gzip"}),
        (b"no deflate", {"Content-Encoding": "deflate"}),
        (gzip.compress(MENTION.encode()), signed(MENTION) | {"Content-Encoding": "gzip"}),
        ("", {}),
        ("x" * (MAX_BYTES + 1), signed("x" * (MAX_BYTES + 1))),
    ],
    ids=[
        "bare",
        "forged",
        "stale",
        "early",
        "altered",
        "no time",
        "no number",
        "non-ASCII",
        "no UTF-8",
        "no gzip",
        "no deflate",
        "gzip",
        "empty",
        "huge",
    ],
)
async def test_whatever_slack_did_not_sign_lately_gets_401(
    body: str | bytes, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with door() as (client, seen):
        sent = io.BytesIO(body if isinstance(body, bytes) else body.encode())
        response = await client.post(PATH, data=sent, headers=headers)
        assert (response.status, await response.text()) == (401, "not signed by Slack")
    assert seen == []
    assert not [record for record in caplog.records if record.exc_info], "a stranger causes no stack trace"


@pytest.mark.parametrize(
    "body", ["{no JSON", "[1, 2]", "[" * 100_000, "payload=%7B", "payload=7"], ids=lambda body: body[:10]
)
async def test_what_is_signed_but_unreadable_gets_400(body: str, caplog: pytest.LogCaptureFixture) -> None:
    headers = signed(body) | {"Content-Type": "application/json" if body[0] in "{[" else "text/plain"}
    async with door() as (client, seen):
        response = await client.post(PATH, data=body, headers=headers)
        assert (response.status, await response.text()) == (400, "no request of Slack's")
    assert seen == []
    assert not [record for record in caplog.records if record.exc_info]


async def test_only_post_is_taken() -> None:
    async with door() as (client, _):
        assert (await client.get(PATH)).status == 405


async def test_who_sends_too_slowly_is_not_waited_for() -> None:
    stalled = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield MENTION[:10].encode()
        await stalled.wait()

    async with door(body_seconds=0.05) as (client, seen):
        response = await client.post(PATH, data=slowly(), headers=signed(MENTION))
        assert (response.status, await response.text()) == (408, "too slow")
        stalled.set()
        assert (await client.post(PATH, data=MENTION, headers=signed(MENTION))).status == 200
    assert seen == ["why? 🙂"]


async def test_what_a_proxy_or_anybody_claims_of_where_it_comes_from_changes_nothing() -> None:
    claims = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Host": "slack.com", "X-Forwarded-Proto": "https"}
    async with door() as (client, seen):
        assert (await client.post(PATH, data=MENTION, headers={**signed(MENTION), **claims})).status == 200
        assert (await client.post(PATH, data=MENTION, headers=claims)).status == 401
    assert len(seen) == 1
