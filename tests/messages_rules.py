"""Rules of the Messages API that a client meets as a 400, for the loopback one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.investigation import JsonObject, JsonValue

_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}) | frozenset(
    {"minLength", "maxLength", "minItems", "maxItems"}
)
_MOST_OPTIONAL = 24


class BrokenRuleError(Exception):
    """The request would be a 400; the text says why."""


def objects(value: JsonValue) -> list[JsonObject]:
    """The JSON objects in a list; a plain string counts as one block of text."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@dataclass(slots=True)
class Memory:
    """What this API has said: by the hash of the content, after which prefixes and for which stop reason."""

    said: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def keep(self, request: JsonObject, message: JsonObject) -> None:
        """Remember a turn that was sent in full."""
        prefix = _prefix_hash(request, objects(request["messages"]))
        self.said.setdefault(_hash(message["content"]), set()).add((prefix, str(message["stop_reason"])))

    def check(self, request: JsonObject) -> None:
        """Thinking is bound to what stood before it: nothing of a conversation may be changed, only added to."""
        messages = objects(request["messages"])
        for index, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            known = self.said.get(_hash(message["content"]))
            if known is None:
                raise BrokenRuleError(f"messages.{index}: the content of an assistant turn was altered")
            stops = {stop for prefix, stop in known if prefix == _prefix_hash(request, messages[:index])}
            if not stops:
                raise BrokenRuleError(f"messages.{index}: system, tools or an earlier message were changed")
            if index == len(messages) - 1 and "pause_turn" not in stops:
                raise BrokenRuleError("messages: the last message must not be the assistant's")


def check_request(request: JsonObject) -> None:
    """Rules that need no memory. Raises BrokenRuleError."""
    for key in ("temperature", "top_p", "top_k"):
        if key in request:
            raise BrokenRuleError(f"{key}: not supported by this model")
    choice = request.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in {"any", "tool"}:
        raise BrokenRuleError("tool_choice: forcing a tool is not supported by this model")
    if not objects(request.get("messages")):
        raise BrokenRuleError("messages: at least one message is required")
    _check_messages(objects(request["messages"]))
    output = request.get("output_config")
    if isinstance(output, dict) and isinstance(output.get("format"), dict):
        chosen = output["format"]
        assert isinstance(chosen, dict)
        schema = chosen.get("schema")
        assert isinstance(schema, dict)
        check_schema(schema)


def _check_messages(messages: list[JsonObject]) -> None:
    owed: list[JsonValue] = []
    for index, message in enumerate(messages):
        blocks = objects(message["content"])
        if not blocks:
            raise BrokenRuleError(f"messages.{index}: content must not be empty")
        if any(block["type"] == "text" and not block["text"] for block in blocks):
            raise BrokenRuleError(f"messages.{index}: text blocks must not be empty")
        results = [block.get("tool_use_id") for block in blocks if block["type"] == "tool_result"]
        if sorted(map(str, results)) != sorted(map(str, owed)):
            raise BrokenRuleError(
                f"messages.{index}: tool_use without its tool_result in the next message, or the reverse"
            )
        if any(block["type"] != "tool_result" for block in blocks[: len(results)]):
            raise BrokenRuleError(f"messages.{index}: tool_result blocks must come first")
        owed = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if owed:
        raise BrokenRuleError("messages: tool_use without its tool_result")


def check_schema(schema: JsonObject) -> None:
    """What structured outputs take. Raises BrokenRuleError."""
    definitions = schema.get("$defs")
    assert definitions is None or isinstance(definitions, dict)
    optional = 0
    for part in _parts(schema):
        if bounds := _BOUNDS & part.keys():
            raise BrokenRuleError(f"output_config.format.schema: {', '.join(sorted(bounds))} not supported")
        properties = part.get("properties")
        if part.get("type") == "object" and isinstance(properties, dict):
            if part.get("additionalProperties") is not False:
                raise BrokenRuleError("output_config.format.schema: additionalProperties must be false")
            required = part.get("required")
            optional += len(properties) - (len(required) if isinstance(required, list) else 0)
    if optional > _MOST_OPTIONAL:
        raise BrokenRuleError(f"output_config.format.schema: more than {_MOST_OPTIONAL} optional parameters")
    for name, definition in (definitions or {}).items():
        _check_recursion(definition, definitions or {}, (name,))


def _check_recursion(schema: JsonValue, definitions: JsonObject, path: tuple[str, ...]) -> None:
    for part in _parts(schema):
        if isinstance(reference := part.get("$ref"), str):
            name = reference.rpartition("/")[2]
            if name in path:
                raise BrokenRuleError(f"output_config.format.schema: {name} is recursive")
            _check_recursion(definitions[name], definitions, (*path, name))


def _parts(schema: JsonValue) -> Iterator[JsonObject]:
    """Every object in a schema, itself included."""
    if isinstance(schema, dict):
        yield schema
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _parts(value)


def _prefix_hash(request: JsonObject, messages: list[JsonObject]) -> str:
    said: list[JsonValue] = [{**one, "content": _unmarked(one["content"])} for one in messages]
    return _hash([_unmarked(request.get("system")), _unmarked(request.get("tools")), said])


def _unmarked(value: JsonValue) -> JsonValue:
    """Without cache marks: these may move."""
    if not isinstance(value, list):
        return value
    return [{key: item for key, item in block.items() if key != "cache_control"} for block in objects(value)]


def _hash(value: JsonValue) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
