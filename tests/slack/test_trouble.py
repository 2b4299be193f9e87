"""What Slack, or something between it and us, answers; as its own client library tells it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from sre_bot.slack.trouble import TROUBLE, code_of, may_pass, reason_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def answering(status: int, kind: str, body: str) -> AsyncIterator[AsyncWebClient]:
    """A client of something that always gives this answer."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body.encode(), headers={"Content-Type": kind})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield AsyncWebClient(token="xoxb-1", base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/api/")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "code", "passing", "reason"),
    [
        ((200, "application/json", '{"ok": false, "error": "channel_not_found"}'), "channel_not_found", False, None),
        ((200, "application/json", '{"ok": false, "error": "internal_error"}'), "internal_error", True, None),
        ((429, "application/json", '{"ok": false, "error": "ratelimited"}'), "ratelimited", True, None),
        ((403, "application/json", '{"ok": false, "error": "invalid_auth"}'), "invalid_auth", False, None),
        ((500, "application/json", '{"ok": false, "error": "weird"}'), "weird", True, None),
        ((503, "text/plain", "upstream connect error"), "", True, "an answer that is not Slack's, HTTP 503"),
        ((502, "text/html", "<html>bad gateway</html>"), "", True, "an answer that is not Slack's, HTTP 502"),
        ((200, "text/html", "<html>please log in</html>"), "", True, "an answer that is not Slack's, HTTP 200"),
        ((200, "application/json", "{half"), "", True, "an answer that is not Slack's, HTTP 200"),
        ((500, "application/json", ""), "", True, "an answer that is not Slack's, HTTP 500"),
    ],
)
async def test_an_answer_is_understood(
    answer: tuple[int, str, str], code: str, reason: str | None, *, passing: bool
) -> None:
    async with answering(*answer) as client:
        with pytest.raises(TROUBLE) as raised:
            await client.auth_test()
    assert (code_of(raised.value), may_pass(raised.value)) == (code, passing)
    assert reason_of(raised.value) == (reason or code)


async def test_no_answer_may_pass() -> None:
    with pytest.raises(TROUBLE) as raised:
        await AsyncWebClient(token="xoxb-1", base_url="http://127.0.0.1:9/api/").auth_test()
    assert isinstance(raised.value, aiohttp.ClientError)
    assert (code_of(raised.value), may_pass(raised.value)) == ("", True)
    assert reason_of(raised.value) == "no connection to 127.0.0.1:9 (Connection refused)"
    assert reason_of(TimeoutError()) == "TimeoutError"
