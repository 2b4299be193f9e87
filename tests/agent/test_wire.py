"""A stream of the Messages API put together, and the same by Anthropic's own client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from sre_bot.agent.claude import Claude
from sre_bot.agent.transcript import Conversation, text_block
from sre_bot.agent.wire import ApiError, BrokenStreamError, message_of
from tests.agent.fakes import FakeToolset
from tests.messages_api import MessagesApi, Reply, text, thinking, tool_use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sre_bot.investigation import JsonObject

START: JsonObject = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 7}}}
STOP: JsonObject = {"type": "message_stop"}
ODD = 'a\u2028b\x85c\x1ed é 👩\u200d🚒 \\ " \r\n'
"""Characters at which some would end a line."""
REPLIES = (
    Reply((text("Hello."),)),
    Reply((text(ODD), text(""), text("x" * 500))),
    Reply((thinking(ODD), text("Looking."), tool_use("metrics", {"q": ODD, "n": [1, 2.5, None, {}]}))),
    Reply(tuple(tool_use("metrics", {"q": f"up{{a='{n}'}}"}) for n in range(5))),
    Reply((tool_use("metrics", {}),)),
    Reply((), "refusal", stop_details={"type": "refusal", "category": "cyber", "explanation": "no"}),
    Reply(({"type": "redacted_thinking", "data": "x"}, {"type": "later_invention", "words": ["a"]})),
    Reply(
        (text("Hello."),),
        usage={"cache_read_input_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 2}},
    ),
)


def sse(*events: JsonObject, end: str = "\n") -> bytes:
    return "".join(f"event: {one['type']}{end}data: {json.dumps(one)}{end}{end}" for one in events).encode()


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def made_of(*events: JsonObject, size: int = 1000, end: str = "\n") -> JsonObject:
    return await message_of(in_pieces(sse(*events, end=end), size))


def begun(block: JsonObject) -> JsonObject:
    return {"type": "content_block_start", "index": 0, "content_block": block}


def delta(**fields: Any) -> JsonObject:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


@pytest.mark.parametrize("reply", REPLIES)
async def test_a_turn_is_what_the_official_client_makes_of_the_same_stream(reply: Reply) -> None:
    talk = Conversation("You investigate.", FakeToolset().definitions)
    talk.tell([text_block("why?")])
    async with MessagesApi(lambda _: reply) as api, Claude("claude-x", api_key="key", base_url=api.url) as claude:
        ours = await claude.respond(talk, max_tokens=500, schema={"type": "object"}, timeout=5)
        asked: Any = api.requests[0]
        async with (
            anthropic.AsyncAnthropic(api_key="key", base_url=api.url) as client,
            client.messages.stream(**{key: value for key, value in asked.items() if key != "stream"}) as stream,
        ):
            theirs: Any = (await stream.get_final_message()).to_dict(mode="json", warnings=False)
    assert api.requests[1] == api.requests[0]
    assert ours.content == tuple(theirs["content"])
    assert ours.stop_reason == theirs["stop_reason"]
    assert ours.usage.input_tokens == theirs["usage"]["input_tokens"]
    assert ours.usage.output_tokens == theirs["usage"]["output_tokens"]
    assert ours.usage.cache_read_tokens == (theirs["usage"]["cache_read_input_tokens"] or 0)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_it_does_not_matter_where_the_network_cuts_a_stream_or_how_its_lines_end(size: int, end: str) -> None:
    events = (START, begun({"type": "text", "text": ""}), delta(type="text_delta", text=ODD), STOP)
    message = await made_of(*events, size=size, end=end)
    assert message["content"] == [{"type": "text", "text": ODD}]


async def test_counts_at_the_end_win_and_those_that_are_null_do_not() -> None:
    usage: JsonObject = {"output_tokens": 5, "input_tokens": None, "cache_read_input_tokens": 3}
    message = await made_of(
        START, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}, STOP
    )
    assert message["usage"] == {"input_tokens": 7, "output_tokens": 5, "cache_read_input_tokens": 3}
    assert message["stop_reason"] == "end_turn"


async def test_citations_are_collected_and_what_is_not_known_is_left_out() -> None:
    message = await made_of(
        START,
        {"type": "an_invention", "index": 3},
        begun({"type": "text", "text": "x", "citations": None}),
        delta(type="citations_delta", citation={"n": 1}),
        delta(type="citations_delta", citation={"n": 2}),
        delta(type="an_invention", words="y"),
        STOP,
    )
    assert message["content"] == [{"type": "text", "text": "x", "citations": [{"n": 1}, {"n": 2}]}]


async def test_a_tool_call_may_be_cut_where_the_turn_is() -> None:
    cut = delta(type="input_json_delta", partial_json='{"q": ')
    ending: JsonObject = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}
    message = await made_of(START, begun({"type": "tool_use", "input": {}}), cut, ending, STOP)
    assert message["content"] == [{"type": "tool_use", "input": {}}]


@pytest.mark.parametrize(
    "events",
    [
        (),
        (START,),
        (START, delta(type="text_delta", text="of a block that was not begun"), STOP),
        (START, begun({"type": "text"}), delta(type="text_delta"), STOP),
        (START, {"type": "content_block_delta", "index": -1, "delta": {}}, STOP),
        (START, {"type": "message_delta", "delta": ["no object"]}, STOP),
        (START, begun({"type": "tool_use"}), delta(type="input_json_delta", partial_json='{"q": ]'), STOP),
    ],
)
async def test_what_is_no_whole_message_is_broken(events: tuple[JsonObject, ...]) -> None:
    with pytest.raises(BrokenStreamError):
        await made_of(*events)


async def test_data_that_is_no_json_is_broken() -> None:
    with pytest.raises(BrokenStreamError, match="cannot be read"):
        await message_of(in_pieces(b"data: <html>\n\n", 5))


async def test_an_error_in_a_stream_says_its_kind_and_code() -> None:
    error: JsonObject = {"type": "overloaded_error", "message": "later", "details": {"error_code": "busy"}}
    with pytest.raises(ApiError) as caught:
        await made_of(START, {"type": "error", "error": error})
    told = caught.value
    assert (told.status, told.kind, told.code, told.message) == (200, "overloaded_error", "busy", "later")


@pytest.mark.parametrize("body", [None, [], "x", {}, {"error": "x"}, {"error": {"details": []}}])
def test_an_error_of_any_shape_has_at_least_its_status_and_reason(body: object) -> None:
    error = ApiError(502, body, reason="Bad Gateway")
    assert (error.status, error.kind, error.code, error.message) == (502, "", "", "Bad Gateway")
