"""Claude with the real client against a loopback Messages API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from sre_bot.agent.budget import Limits, usd
from sre_bot.agent.claude import Claude, preload
from sre_bot.agent.draft import SCHEMA
from sre_bot.agent.transcript import Conversation, result_block, text_block
from sre_bot.errors import ModelRefusedError, ModelUnavailableError
from sre_bot.investigation import FIRST_LOOK
from tests.agent.fakes import FakeToolset, answer_of, first_look, run
from tests.messages_api import (
    Failure,
    MessagesApi,
    Reply,
    cut_tool_use,
    json_reply,
    text,
    thinking,
    tool_use,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import Literal

    from sre_bot.agent.transcript import Turn
    from sre_bot.investigation import JsonObject

MODEL = "claude-sonnet-5-5"
TOOLS = FakeToolset().definitions
HELLO = Reply((text("Hello."),))
OVERLOADED = Failure(529, "overloaded_error", "Overloaded", {"retry-after": "0.01"})


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """Importing takes longer than some of the deadlines below."""
    asyncio.run(preload())


def conversation(words: str = "why?") -> Conversation:
    talk = Conversation("You investigate.", TOOLS)
    talk.tell([text_block(words)])
    return talk


async def respond(
    api: MessagesApi, talk: Conversation | None = None, *, schema: JsonObject | None = None, timeout: float = 10
) -> Turn:
    async with Claude(MODEL, base_url=api.url) as claude:
        return await claude.respond(talk or conversation(), max_tokens=500, schema=schema, timeout=timeout)


@contextlib.asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server with one answer to everything."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# --- what is sent and what comes back ---


async def test_a_turn_comes_back_as_it_was_sent_block_by_block() -> None:
    blocks = (
        thinking("Let me see. " * 20),
        text("Looking."),
        tool_use("metrics", {"q": 'up{a="é"}', "n": [1, 2.5, None]}),
    )
    async with MessagesApi([Reply(blocks)]) as api:
        turn = await respond(api)
    assert turn.content == blocks
    assert turn.stop_reason == "tool_use"
    assert json.loads(json.dumps(turn.content)) == list(blocks)


async def test_system_and_tools_are_cached_for_an_hour_and_what_follows_for_minutes() -> None:
    async with MessagesApi([HELLO]) as api:
        await respond(api)
    request = api.requests[0]
    hour = {"type": "ephemeral", "ttl": "1h"}
    assert request["system"] == [{"type": "text", "text": "You investigate.", "cache_control": hour}]
    assert request["tools"] == [TOOLS[0], {**TOOLS[1], "cache_control": hour}]
    assert request["cache_control"] == {"type": "ephemeral"}
    assert request.keys() == {"model", "max_tokens", "system", "tools", "messages", "cache_control", "stream"}


async def test_without_tools_none_are_sent() -> None:
    talk = Conversation("You investigate.", [])
    talk.tell([text_block("why?")])
    async with MessagesApi([HELLO]) as api:
        await respond(api, talk)
    assert "tools" not in api.requests[0]


async def test_a_schema_is_sent_as_output_format_and_passes_the_rules_for_schemas() -> None:
    async with MessagesApi([HELLO]) as api:
        await respond(api, schema=SCHEMA)
    assert api.requests[0]["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}


async def test_a_conversation_with_thinking_and_tools_goes_on_without_a_changed_prefix() -> None:
    first = Reply((thinking("hm"), tool_use("metrics", {}), tool_use("changes", {})))
    talk = conversation()
    async with MessagesApi([first, HELLO]) as api:
        turn = await respond(api, talk)
        talk.hear(turn)
        talk.tell([result_block(str(use["id"]), "[E1] x") for use in turn.tool_uses])
        assert (await respond(api, talk, schema=SCHEMA)).text == "Hello."
    assert api.refused == []


async def test_tokens_are_counted_and_priced_caches_included() -> None:
    usage: JsonObject = {
        "input_tokens": 1000,
        "cache_read_input_tokens": 10_000,
        "cache_creation_input_tokens": 3000,
        "cache_creation": {"ephemeral_1h_input_tokens": 2000, "ephemeral_5m_input_tokens": 1000},
        "output_tokens": 100,
    }
    async with MessagesApi([Reply((text("Hello."),), usage=usage)]) as api:
        spent = (await respond(api)).usage
    assert (spent.turns, spent.input_tokens, spent.output_tokens) == (1, 1000, 100)
    assert (spent.cache_read_tokens, spent.cache_write_tokens) == (10_000, 3000)
    assert spent.usd == pytest.approx((1000 + 1000 + 1250 + 4000) * 2e-6 + 100 * 10e-6)
    assert spent.usd == usd(MODEL, spent, written_for_1h=2000)


async def test_a_refusal_comes_with_its_category() -> None:
    details: JsonObject = {"type": "refusal", "category": "cyber", "explanation": "looks like an exploit"}
    async with MessagesApi([Reply((), "refusal", stop_details=details)]) as api:
        turn = await respond(api)
    assert (turn.stop_reason, turn.detail, turn.content) == ("refusal", "cyber: looks like an exploit", ())


async def test_a_call_cut_off_by_max_tokens_says_so() -> None:
    async with MessagesApi([Reply((cut_tool_use("metrics", '{"q": "rate(x['),), "max_tokens")]) as api:
        assert (await respond(api)).stop_reason == "max_tokens"


async def test_the_key_travels_as_a_bearer_and_is_not_looked_for_in_the_environment() -> None:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("authorization"))
        return web.json_response(
            {"type": "error", "error": {"type": "authentication_error", "message": "no"}}, status=401
        )

    async with serving(answer) as url:
        for one in (Claude(MODEL, api_key="sk-1", base_url=url), Claude(MODEL, base_url=url)):
            with pytest.raises(ModelRefusedError, match=r"401: no\): check ANTHROPIC_API_KEY"):
                await one.respond(conversation(), max_tokens=5, schema=None, timeout=5)
            await one.aclose()
    assert seen == ["Bearer sk-1", "Bearer none"]


# --- trouble that may pass ---


@pytest.mark.parametrize(
    "failure",
    [
        OVERLOADED,
        Failure(429, "rate_limit_error", "slow down", {"retry-after": "0.01"}),
        Failure(500, "api_error", headers={"retry-after": "0.01"}),
        Failure(503, "api_error", headers={"retry-after": "0.01"}),
    ],
)
async def test_trouble_that_may_pass_is_waited_out(failure: Failure) -> None:
    async with MessagesApi([failure, failure, HELLO]) as api:
        assert (await respond(api)).text == "Hello."
    assert api.requests == [api.requests[0]] * 3


@pytest.mark.parametrize("trouble", ["error", "cut", "end"])
@pytest.mark.parametrize("after", [0, 4])
async def test_a_stream_that_breaks_is_asked_for_again(trouble: Literal["error", "cut", "end"], after: int) -> None:
    broken = Reply((thinking("hm"), tool_use("metrics", {})), trouble=trouble, after=after)
    async with MessagesApi([broken, HELLO]) as api:
        assert (await respond(api)).text == "Hello."


async def test_tool_json_that_breaks_in_the_middle_is_asked_for_again() -> None:
    async with MessagesApi([Reply((cut_tool_use("metrics", '{"q": ]'),)), HELLO]) as api:
        assert (await respond(api)).text == "Hello."


async def test_text_that_is_no_unicode_is_asked_for_again() -> None:
    async with MessagesApi([Reply((text("a\ud800b"),)), HELLO]) as api:
        assert (await respond(api)).text == "Hello."


async def test_retry_after_is_honoured() -> None:
    began = time.monotonic()
    async with MessagesApi([Failure(429, "rate_limit_error", "slow down", {"retry-after": "0.4"}), HELLO]) as api:
        await respond(api)
    assert time.monotonic() - began >= 0.4


async def test_a_retry_after_beyond_the_time_left_is_not_waited_for() -> None:
    async with MessagesApi([Failure(429, "rate_limit_error", "slow down", {"retry-after": "3600"})]) as api:
        with pytest.raises(ModelUnavailableError, match="429: slow down") as caught:
            await respond(api, timeout=5)
    assert "did not answer within" not in str(caught.value), "it waited"
    assert len(api.requests) == 1


async def test_patience_ends_after_some_attempts() -> None:
    async with MessagesApi(lambda _: OVERLOADED) as api:
        with pytest.raises(ModelUnavailableError, match="529: Overloaded"):
            await respond(api)
    assert len(api.requests) == 6


async def test_a_stall_ends_with_the_time_and_says_so() -> None:
    async with MessagesApi([Reply((text("x"),), trouble="stall")]) as api:
        async with asyncio.timeout(60):
            with pytest.raises(ModelUnavailableError, match="did not answer within 1 s"):
                await respond(api, timeout=0.6)


async def test_a_provider_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with Claude(MODEL, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}") as claude:
            with pytest.raises(ModelUnavailableError, match="could not be reached"):
                await claude.respond(conversation(), max_tokens=5, schema=None, timeout=1)
            with pytest.raises(ModelUnavailableError, match="cannot be reached"):
                await claude.check()


async def test_a_page_where_an_api_should_be_is_unavailable() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>Hello</html>", content_type="text/html")

    async with serving(page) as url, Claude(MODEL, base_url=url) as claude:
        with pytest.raises(ModelUnavailableError, match="broke off"):
            await claude.respond(conversation(), max_tokens=5, schema=None, timeout=1)


# --- trouble that stays ---


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure(400, "invalid_request_error", "prompt is too long"), "400: prompt is too long"),
        (Failure(401, "authentication_error", "invalid key"), "check ANTHROPIC_API_KEY"),
        (Failure(404, "not_found_error", "model: claude-x"), "404: model: claude-x"),
        (Failure(413, "request_too_large", "too large"), "413"),
    ],
)
async def test_what_asking_again_cannot_mend_is_refused_at_once(failure: Failure, words: str) -> None:
    async with MessagesApi([failure, HELLO]) as api:
        with pytest.raises(ModelRefusedError, match=words):
            await respond(api)
    assert len(api.requests) == 1


async def test_an_error_inside_a_stream_that_asking_again_cannot_mend_is_refused() -> None:
    broken = Reply((text("x"),), trouble="error", kind="invalid_request_error")
    async with MessagesApi([broken, HELLO]) as api:
        with pytest.raises(ModelRefusedError, match="invalid_request_error: it broke in the middle"):
            await respond(api)
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        Failure(429, "rate_limit_error", "You have reached your specified API usage limits.", {"retry-after": "0.01"}),
        Failure(429, "rate_limit_error", "no", {"retry-after": "0.01"}, code="enforced_spend_limit_reached"),
    ],
)
async def test_a_spending_limit_is_not_retried(failure: Failure) -> None:
    async with MessagesApi([failure, HELLO]) as api:
        with pytest.raises(ModelRefusedError, match="spending limit is reached"):
            await respond(api)
    assert len(api.requests) == 1


async def test_a_redirect_is_not_followed() -> None:
    async def away(request: web.Request) -> web.Response:
        assert request.path == "/v1/messages"
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async with serving(away) as url, Claude(MODEL, api_key="sk-1", base_url=url) as claude:
        with pytest.raises(ModelRefusedError, match="307"):
            await claude.respond(conversation(), max_tokens=5, schema=None, timeout=5)


# --- check ---


@pytest.mark.parametrize(
    ("kind", "body"), [("text/html", "<html>Maintenance</html>"), ("application/json", "{"), ("application/json", "[]")]
)
async def test_check_takes_a_proxys_page_for_no_answer(kind: str, body: str) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=body, content_type=kind)

    async with serving(page) as url, Claude(MODEL, base_url=url) as claude:
        with pytest.raises(ModelUnavailableError, match="answered, but not as the Messages API does"):
            await claude.check()


async def test_check_warns_of_a_model_on_its_way_out_and_refuses_what_cannot_be_asked() -> None:
    models: dict[str, JsonObject] = {
        "now": {"display_name": "Now"},
        "leaving": {"lifecycle": "deprecated", "retires_at": "2027-01-31T00:00:00Z"},
        "gone": {"lifecycle": "retired"},
    }
    async with MessagesApi([], models=models) as api:

        def claude(name: str) -> Claude:
            return Claude(name, base_url=api.url)

        async with (
            claude("now") as now,
            claude("leaving") as leaving,
            claude("gone") as gone,
            claude("nowhere") as none,
        ):
            status = await now.check()
            assert (status.name, status.warning) == ("Now", None)
            assert "retires at 2027-01-31" in str((await leaving.check()).warning)
            with pytest.raises(ModelRefusedError, match="retired"):
                await gone.check()
            with pytest.raises(ModelRefusedError, match="404"):
                await none.check()


# --- the loop on top ---


async def test_an_investigation_over_the_wire_breaks_no_rule_of_the_api() -> None:
    report: JsonObject = {"what_is_going_on": [{"text": "Checkout fails.", "evidence": ["E1", "E2"]}]}
    script: list[Reply | Failure] = [
        Reply((thinking("Look."), text("I look."), tool_use("metrics", {"q": 1}), tool_use("changes", {}))),
        OVERLOADED,
        Reply((thinking("Too"), cut_tool_use("metrics", '{"q": "su')), "max_tokens"),
        Reply((thinking("Search."), text("…")), "pause_turn"),
        Reply((tool_use("metrics", {"q": 1}), tool_use("nonsense", {})), trouble="cut", after=5),
        Reply((tool_use("metrics", {"q": 1}), tool_use("nonsense", {}))),
        Reply((text("Perhaps."),)),
        Reply((text("Checkout, see E2."),)),
        Reply((text("not json"),)),
        json_reply(report),
    ]
    async with MessagesApi(script) as api, Claude(MODEL, base_url=api.url) as claude:
        answer = answer_of(await run(claude, first=first_look(), limits=Limits(seconds=30), clock=time.monotonic))
    assert api.refused == []
    assert len(api.requests) == len(script)
    assert answer.report.what[0].evidence == ("E1", "E2")
    assert [one.id for one in answer.evidence] == ["E1", "E2", "E3", "E4"]
    assert (answer.note, answer.usage.turns) == (None, 8)
    assert answer.usage.usd > 0


async def test_a_model_down_for_good_leaves_the_first_look() -> None:
    async with MessagesApi(lambda _: OVERLOADED) as api, Claude(MODEL, base_url=api.url) as claude:
        answer = answer_of(await run(claude, first=first_look(), clock=time.monotonic))
    assert answer.model == FIRST_LOOK
    assert answer.note == (
        f"This is the first look, which no model wrote. {MODEL} answered with an error (529: Overloaded)."
    )


def test_the_client_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, sre_bot.agent.claude, sre_bot.agent.loop; sys.exit('anthropic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
