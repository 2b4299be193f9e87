"""JSON schemas of tool arguments, as small as they can be: a model pays for them with every question."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, WithJsonSchema

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sre_bot.investigation import JsonObject, JsonValue

ShortText = Annotated[str, Field(max_length=200), WithJsonSchema({"type": "string"})]
"""Text that is not long; the schema is silent on the limit, which only those hear of who break it."""


@cache
def compact_schema(model: type[BaseModel]) -> JsonObject:
    """The JSON schema of a model with references put in place, without titles and without null as a choice.

    The same object every time, as it is wanted twice an investigation: not to be changed.
    """
    schema: JsonObject = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)
    return _compact(schema, definitions if isinstance(definitions, dict) else {})


def _compact(node: JsonObject, definitions: JsonObject) -> JsonObject:
    node = _resolved(node, definitions)
    kept = {key: value for key, value in node.items() if key != "title" and not (key == "default" and value is None)}
    properties = kept.get("properties")
    if isinstance(properties, dict):
        kept["properties"] = {name: _value(value, definitions) for name, value in properties.items()}
    if "items" in kept:
        kept["items"] = _value(kept["items"], definitions)
    return kept


def _value(value: JsonValue, definitions: JsonObject) -> JsonValue:
    return _compact(value, definitions) if isinstance(value, dict) else value


def _resolved(node: JsonObject, definitions: JsonObject) -> JsonObject:
    """The node with its reference, or its only choice besides null, put in place of it."""
    node = dict(node)
    choices = node.pop("anyOf", None)
    if isinstance(choices, list):
        present = [choice for choice in choices if isinstance(choice, dict) and choice != {"type": "null"}]
        node |= _resolved(present[0], definitions) if len(present) == 1 else {"anyOf": choices}
    reference = node.pop("$ref", None)
    target = definitions.get(reference.rsplit("/", 1)[-1]) if isinstance(reference, str) else None
    return {**target, **node} if isinstance(target, dict) else node
