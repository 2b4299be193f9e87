"""The loopback Messages API is as strict as it says."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.messages_api import Failure, MessagesApi, Reply, text, thinking, tool_use
from tests.messages_rules import BrokenRuleError, check_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from sre_bot.investigation import JsonObject, JsonValue

CALL = tool_use("metrics", {})
TURN = Reply((thinking("hm"), CALL))
ASKED: JsonObject = {
    "model": "m",
    "max_tokens": 5,
    "system": "s",
    "tools": [{"name": "metrics", "input_schema": {}}],
    "messages": [{"role": "user", "content": "why?"}],
}


async def post(api: MessagesApi, body: JsonObject, path: str = "/v1/messages") -> tuple[int, JsonObject]:
    headers = {"authorization": "Bearer x"}
    async with aiohttp.ClientSession() as session, session.post(api.url + path, json=body, headers=headers) as response:
        return response.status, await response.json()


def longer(*messages: JsonObject, **changed: JsonValue) -> JsonObject:
    first: JsonValue = {"role": "user", "content": "why?"}
    return {**ASKED, "messages": [first, *messages], **changed}


def user(*blocks: JsonObject) -> JsonObject:
    return {"role": "user", "content": list(blocks)}


HEARD: JsonObject = {"role": "assistant", "content": list(TURN.content)}
RESULT: JsonObject = {"type": "tool_result", "tool_use_id": CALL["id"], "content": "[E1] x"}


async def second_status(body: JsonObject) -> tuple[int, str]:
    async with MessagesApi([TURN, Reply((text("ok"),))]) as api:
        status, _ = await post(api, ASKED)
        assert status == 200
        status, answer = await post(api, body)
        return status, str(answer)


async def test_a_mere_extension_is_fine_and_cache_marks_may_move() -> None:
    system: JsonValue = [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]
    assert (await second_status(longer(HEARD, user(RESULT, text("more")))))[0] == 200
    async with MessagesApi([TURN, Reply((text("ok"),))]) as api:
        await post(api, {**ASKED, "system": system})
        status, _ = await post(api, longer(HEARD, user(RESULT), system=[{"type": "text", "text": "s"}]))
        assert status == 200


def _dropped_thinking(body: JsonObject) -> None:
    body["messages"][1]["content"].pop(0)  # type: ignore[index, union-attr, call-overload]  # built above


def _altered_thinking(body: JsonObject) -> None:
    body["messages"][1]["content"][0]["thinking"] = "ha"  # type: ignore[index, call-overload]  # built above


def _altered_question(body: JsonObject) -> None:
    body["messages"][0]["content"] = "what?"  # type: ignore[index, call-overload]  # built above


def _altered_system(body: JsonObject) -> None:
    body["system"] = "t"


def _altered_tools(body: JsonObject) -> None:
    body["tools"] = []


def _text_first(body: JsonObject) -> None:
    body["messages"][2]["content"].insert(0, text("x"))  # type: ignore[index, union-attr, call-overload]  # built above


def _no_result(body: JsonObject) -> None:
    body["messages"][2]["content"] = "x"  # type: ignore[index, call-overload]  # built above


def _prefill(body: JsonObject) -> None:
    body["messages"].pop()  # type: ignore[union-attr, call-overload]  # built above


def _forced(body: JsonObject) -> None:
    body["tool_choice"] = {"type": "any"}


def _warm(body: JsonObject) -> None:
    body["temperature"] = 0.5


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_dropped_thinking, "altered"),
        (_altered_thinking, "altered"),
        (_altered_question, "were changed"),
        (_altered_system, "were changed"),
        (_altered_tools, "were changed"),
        (_text_first, "must come first"),
        (_no_result, "without its tool_result"),
        (_prefill, "without its tool_result"),
        (_forced, "forcing a tool"),
        (_warm, "temperature"),
    ],
)
async def test_what_the_real_api_refuses_is_a_400(change: Callable[[JsonObject], None], why: str) -> None:
    body = copy.deepcopy(longer(HEARD, user(RESULT)))
    change(body)
    status, answer = await second_status(body)
    assert status == 400
    assert why in answer


async def test_a_paused_turn_may_be_sent_back_and_another_may_not() -> None:
    for stop, status in (("pause_turn", 200), ("end_turn", 400)):
        async with MessagesApi([Reply((text("…"),), stop), Reply((text("ok"),))]) as api:
            _, heard = await post(api, ASKED)
            assert (await post(api, longer({"role": "assistant", "content": heard["content"]})))[0] == status


async def test_without_credentials_there_is_no_answer() -> None:
    async with (
        MessagesApi([TURN]) as api,
        aiohttp.ClientSession() as session,
        session.post(f"{api.url}/v1/messages", json=ASKED) as response,
    ):
        assert response.status == 401


async def test_plain_answers_failures_tokens_and_the_end_of_the_script() -> None:
    async with MessagesApi([TURN, Failure(529, "overloaded_error")]) as api:
        status, message = await post(api, ASKED)
        assert (status, message["content"], message["stop_reason"]) == (200, list(TURN.content), "tool_use")
        assert (await post(api, ASKED))[0] == 529
        assert (await post(api, ASKED))[0] == 400
        _, counted = await post(api, ASKED, "/v1/messages/count_tokens")
        assert isinstance(counted["input_tokens"], int)
    assert len(api.requests) == 3


def _object(**properties: JsonObject) -> JsonObject:
    return {"type": "object", "properties": {**properties}, "required": list(properties), "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (_object(a={"type": "number", "minimum": 0}), "minimum"),
        (_object(a={"type": "array", "items": {"type": "string", "maxLength": 3}}), "maxLength"),
        ({**_object(a={"type": "string"}), "additionalProperties": True}, "additionalProperties"),
        ({**_object(a={"$ref": "#/$defs/A"}), "$defs": {"A": _object(b={"$ref": "#/$defs/A"})}}, "recursive"),
        ({**_object(**{f"p{n}": _object() for n in range(25)}), "required": []}, "optional"),
    ],
)
def test_schemas_beyond_the_limits_are_refused(schema: JsonObject, why: str) -> None:
    with pytest.raises(BrokenRuleError, match=why):
        check_schema(schema)


def test_a_schema_within_the_limits_is_taken() -> None:
    check_schema({**_object(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"}), "$defs": {"A": _object()}})
