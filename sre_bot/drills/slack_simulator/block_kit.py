"""Block Kit's rules, as far as a bot can break them: a block that Slack would refuse is refused here.

Limits from https://docs.slack.dev/reference/block-kit and the models of slack-sdk 3.47; the limit of a whole message is
undocumented and was measured by others (https://github.com/slackapi/bolt-js/issues/2509).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sre_bot.drills.slack_simulator.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sre_bot.drills.slack_simulator.wire import Json

MAX_BLOCKS = 50
MAX_BLOCKS_OF_VIEW = 100
MAX_TEXT_OF_ALL_BLOCKS = 13_200
MAX_MARKDOWN = 12_000

_KINDS_OF_TEXT = frozenset({"plain_text", "mrkdwn"})
_PLAIN_TEXT = frozenset({"plain_text"})

# The fields of each known type beside type and block_id; an unknown field or type makes Slack refuse the whole message.
# None: known, but its fields are not checked here.
_FIELDS: dict[str, frozenset[str] | None] = {
    **dict.fromkeys(("call", "card", "carousel", "data_visualization", "file", "input", "plan", "task_card", "video")),
    "actions": frozenset({"elements"}),
    "alert": frozenset({"text", "level"}),
    "container": frozenset(
        {"title", "rich_text_title", "subtitle", "child_blocks", "width", "icon"}
        | {"is_collapsible", "default_collapsed", "has_header_divider"}
    ),
    "context": frozenset({"elements"}),
    "context_actions": frozenset({"elements"}),
    "divider": frozenset(),
    "header": frozenset({"text"}),
    "image": frozenset({"alt_text", "image_url", "title", "slack_file"}),
    "markdown": frozenset({"text"}),
    "rich_text": frozenset({"elements"}),
    "section": frozenset({"text", "fields", "accessory", "expand"}),
    "table": frozenset({"rows", "column_settings"}),
}

# What both the documentation and Slack's validator accept inside a container; they disagree on rich_text, file, input.
_CONTAINER_CHILDREN = frozenset({"actions", "context", "divider", "header", "image", "section", "table", "video"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule; ``pointer`` is the JSON pointer of the element that breaks it."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


def accept(blocks: Any) -> tuple[Json, ...]:
    """The blocks of a message. Raises ApiError as ``chat.postMessage`` refuses them."""
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    if not blocks:
        return ()
    if problems := [str(problem) for problem in check(blocks, "/blocks")]:
        raise ApiError("invalid_blocks", [f"[ERROR] {problem}" for problem in problems], problems)
    if _text_length(blocks) > MAX_TEXT_OF_ALL_BLOCKS:
        raise ApiError("msg_blocks_too_long")
    return tuple(blocks)


def check(blocks: Any, at: str, allowed: frozenset[str] | None = None, most: int = MAX_BLOCKS) -> Iterator[Problem]:
    """Every broken rule in a list of blocks that stands at the pointer ``at``."""
    if not isinstance(blocks, list):
        yield Problem(at, "must be an array")
        return
    yield from _items(blocks, at, most)
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)]
    for number, block in enumerate(blocks):
        here = f"{at}/{number}"
        if not isinstance(block, dict):
            yield Problem(here, "must be an object")
        elif block.get("block_id") is not None and ids.count(block["block_id"]) > 1:
            yield Problem(f"{here}/block_id", f"duplicate block_id: {block['block_id']}")
        else:
            yield from _block(block, here, allowed)


def check_title(view: Json) -> Iterator[Problem]:
    """A modal's title, and the button that what takes input must have."""
    yield from _text(view, "title", "/view", 24, _PLAIN_TEXT)
    takes_input = any(block.get("type") == "input" for block in view.get("blocks") or ())
    if takes_input or "submit" in view:
        yield from _text(view, "submit", "/view", 24, _PLAIN_TEXT)


def _block(block: Json, at: str, allowed: frozenset[str] | None) -> Iterator[Problem]:
    kind = str(block.get("type"))
    if kind not in (allowed or _FIELDS):
        yield Problem(f"{at}/type", f"unsupported type: {kind}")
        return
    fields = _FIELDS[kind]
    if fields is not None:
        unknown = sorted(set(block) - fields - {"type", "block_id"})
        yield from (Problem(at, f"invalid additional property: {name}") for name in unknown)
    if rule := _RULES.get(kind):
        yield from rule(block, at)


def _text(owner: Json, name: str, at: str, limit: int, kinds: frozenset[str] = _KINDS_OF_TEXT) -> Iterator[Problem]:
    if name not in owner:
        yield Problem(at, f"missing required field: {name}")
        return
    yield from _text_object(owner[name], f"{at}/{name}", limit, kinds)


def _text_object(text: Any, at: str, limit: int, kinds: frozenset[str] = _KINDS_OF_TEXT) -> Iterator[Problem]:
    if not isinstance(text, dict):
        yield Problem(at, "must be an object")
        return
    if text.get("type") not in kinds:
        yield Problem(f"{at}/type", f"unsupported type: {text.get('type')}")
    yield from _string(text.get("text"), f"{at}/text", limit)
    unknown = sorted(set(text) - {"type", "text", "emoji", "verbatim"})
    yield from (Problem(at, f"invalid additional property: {name}") for name in unknown)


def _string(value: Any, at: str, limit: int) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(at, "must be a string")
    elif not value:
        yield Problem(at, "must be more than 0 characters")
    elif len(value) > limit:
        yield Problem(at, f"must be less than {limit + 1} characters")


def _items(value: Any, at: str, limit: int) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(at, "must be an array")
    elif not value:
        yield Problem(at, "must have at least 1 item")
    elif len(value) > limit:
        yield Problem(at, f"no more than {limit} items allowed")


def _actions(limit: int, kinds: frozenset[str] | None = None) -> Callable[[Json, str], Iterator[Problem]]:
    """Interactive elements, each with an action_id of its own."""

    def check_elements(block: Json, at: str) -> Iterator[Problem]:
        elements = block.get("elements")
        yield from _items(elements, f"{at}/elements", limit)
        shown = elements if isinstance(elements, list) else []
        ids = [element.get("action_id") for element in shown]
        for number, element in enumerate(shown):
            here = f"{at}/elements/{number}"
            if kinds and element.get("type") not in kinds:
                yield Problem(f"{here}/type", f"unsupported type: {element.get('type')}")
            if element.get("action_id") and ids.count(element["action_id"]) > 1:
                yield Problem(f"{here}/action_id", f"duplicate action_id: {element['action_id']}")
            yield from _element(element, here)

    return check_elements


def _element(element: Json, at: str) -> Iterator[Problem]:
    if "action_id" in element:
        yield from _string(element["action_id"], f"{at}/action_id", 255)
    if element.get("type") == "button":
        yield from _pressed(element, at)
    if element.get("type") == "feedback_buttons":
        for name in ("positive_button", "negative_button"):
            if isinstance(element.get(name), dict):
                yield from _pressed(element[name], f"{at}/{name}")
            else:
                yield Problem(at, f"missing required field: {name}")


def _pressed(button: Json, at: str) -> Iterator[Problem]:
    yield from _text(button, "text", at, 75, _PLAIN_TEXT)
    if "value" in button:
        yield from _string(button["value"], f"{at}/value", 2000)


def _input(block: Json, at: str) -> Iterator[Problem]:
    yield from _text(block, "label", at, 2000, _PLAIN_TEXT)
    if not isinstance(block.get("element"), dict):
        yield Problem(at, "missing required field: element")


def _section(block: Json, at: str) -> Iterator[Problem]:
    if "text" in block or "fields" not in block:
        yield from _text(block, "text", at, 3000)
    if "fields" in block:
        yield from _items(block["fields"], f"{at}/fields", 10)
        for number, field in enumerate(block["fields"] if isinstance(block["fields"], list) else ()):
            yield from _text_object(field, f"{at}/fields/{number}", 2000)


def _context(block: Json, at: str) -> Iterator[Problem]:
    elements = block.get("elements")
    yield from _items(elements, f"{at}/elements", 10)
    for number, element in enumerate(elements if isinstance(elements, list) else ()):
        if not (isinstance(element, dict) and element.get("type") == "image"):
            yield from _text_object(element, f"{at}/elements/{number}", 3000)


def _image(block: Json, at: str) -> Iterator[Problem]:
    yield from _string(block.get("alt_text"), f"{at}/alt_text", 2000)
    if "slack_file" not in block:
        yield from _string(block.get("image_url"), f"{at}/image_url", 3000)


def _container(block: Json, at: str) -> Iterator[Problem]:
    if "rich_text_title" not in block:
        yield from _text(block, "title", at, 150, _PLAIN_TEXT)
    if "subtitle" in block:
        yield from _text(block, "subtitle", at, 150)
    children = block.get("child_blocks")
    yield from _items(children, f"{at}/child_blocks", 10)
    if isinstance(children, list) and children:
        yield from check(children, f"{at}/child_blocks", _CONTAINER_CHILDREN)


def _table(block: Json, at: str) -> Iterator[Problem]:
    rows = block.get("rows")
    yield from _items(rows, f"{at}/rows", 100)
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        yield from _items(row, f"{at}/rows/{number}", 20)


_RULES: dict[str, Callable[[Json, str], Iterator[Problem]]] = {
    "actions": _actions(25),
    "alert": lambda block, at: _text(block, "text", at, 3000),
    "container": _container,
    "context": _context,
    "context_actions": _actions(5, frozenset({"feedback_buttons", "icon_button"})),
    "header": lambda block, at: _text(block, "text", at, 150, _PLAIN_TEXT),
    "image": _image,
    "input": _input,
    "markdown": lambda block, at: _string(block.get("text"), f"{at}/text", MAX_MARKDOWN),
    "rich_text": lambda block, at: _items(block.get("elements"), f"{at}/elements", 1000),
    "section": _section,
    "table": _table,
}


def _text_length(value: Any) -> int:
    """Characters in every ``text`` of a tree of blocks."""
    if isinstance(value, list):
        return sum(_text_length(item) for item in value)
    if not isinstance(value, dict):
        return 0
    own = len(value["text"]) if isinstance(value.get("text"), str) else 0
    return own + sum(_text_length(item) for item in value.values())
