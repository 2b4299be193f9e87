"""The append-only transcript."""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from sre_bot.agent.transcript import Conversation, Turn, result_block, text_block
from sre_bot.investigation import JsonObject, Usage

THOUGHT: JsonObject = {"type": "thinking", "thinking": "hm", "signature": "s"}
CALL: JsonObject = {"type": "tool_use", "id": "t1", "name": "metrics", "input": {"q": ["up", 1.5, None, True]}}
TOOLS: list[JsonObject] = [{"name": "metrics", "description": "", "input_schema": {"type": "object"}}]


def test_nothing_done_to_what_went_in_or_came_out_changes_it() -> None:
    call: JsonObject = json.loads(json.dumps(CALL))
    tools = [dict(tool) for tool in TOOLS]
    talk = Conversation("system", tools)
    talk.hear(Turn((call,), "tool_use", Usage()))
    sha = talk.sha
    call["name"] = "changed"
    tools[0]["name"] = "changed"
    talk.messages[0]["role"] = "changed"
    talk.tools[0]["name"] = "changed"
    assert talk.messages == ({"role": "assistant", "content": [CALL]},)
    assert talk.tools == tuple(TOOLS)
    assert talk.sha == sha


def test_the_hash_tells_system_and_tools_apart() -> None:
    shas = {Conversation(system, tools).sha for system in ("a", "b") for tools in ([], TOOLS)}
    assert len(shas) == 4


def test_an_empty_turn_is_left_out() -> None:
    talk = Conversation("system", [])
    talk.hear(Turn((), "end_turn", Usage()))
    assert talk.messages == ()


def test_a_turn_shows_its_text_and_its_calls() -> None:
    turn = Turn((THOUGHT, text_block("a"), CALL, text_block("b")), "tool_use", Usage())
    assert turn.text == "ab"
    assert turn.tool_uses == (CALL,)


def test_lone_surrogates_become_question_marks() -> None:
    assert text_block("a\ud800b")["text"] == "a?b"
    assert result_block("t1", "\udfff", failed=True) == {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": "?",
        "is_error": True,
    }


def test_a_turn_survives_the_way_to_json_and_back() -> None:
    adapter = TypeAdapter(Turn)
    turn = Turn((THOUGHT, CALL), "tool_use", Usage(1, 2, 3, 4, 5, 0.6), "detail")
    assert adapter.validate_json(adapter.dump_json(turn)) == turn
