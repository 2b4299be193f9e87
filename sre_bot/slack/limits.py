"""What Slack takes of a message's blocks: the numbers, and a check of ours that a message keeps to them. Pure.

The numbers are those of https://docs.slack.dev/reference/block-kit; that of a whole message is undocumented and was
measured by others (https://github.com/slackapi/bolt-js/issues/2509).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sre_bot.investigation import JsonObject, JsonValue

BLOCKS, ELEMENTS, CHILDREN, BUTTONS, FIELDS = 50, 10, 10, 25, 10
"""How many: blocks of a message, elements of a context, blocks in a container, elements of actions, fields."""
HEADER, SECTION, FIELD, TITLE, BUTTON, ALT_TEXT = 150, 3_000, 2_000, 150, 75, 2_000
"""How long in characters, as sent: escapes and addresses of links count."""
MESSAGE = 13_200
"""Characters of all texts of a message."""
FEEDBACK = 300
"""So many of them are kept for the buttons under an answer."""

_COUNTS = {"context": ("elements", ELEMENTS), "container": ("child_blocks", CHILDREN), "actions": ("elements", BUTTONS)}
_LENGTHS = {"header": HEADER, "section": SECTION, "context": SECTION, "container": TITLE, "button": BUTTON}


@dataclass(frozen=True, slots=True)
class Size:
    """Blocks (those in containers included) and characters of all their texts."""

    blocks: int
    characters: int


def size(blocks: Sequence[JsonObject]) -> Size:
    """How large a message is."""
    return Size(sum(1 for _ in _all(blocks)), sum(len(text) for block in blocks for _, text in _texts(block)))


def problems(blocks: Sequence[JsonObject]) -> tuple[str, ...]:
    """Every limit that a message breaks, in words; none when Slack takes it."""
    return tuple(_problems(blocks))


def _problems(blocks: Sequence[JsonObject]) -> Iterator[str]:
    found = size(blocks)
    if not 1 <= len(blocks) <= BLOCKS:
        yield f"{len(blocks)} blocks, not 1 to {BLOCKS}"
    if found.characters > MESSAGE:
        yield f"{found.characters} characters in all, more than {MESSAGE}"
    for block in _all(blocks):
        kind = str(block["type"])
        if kind in _COUNTS:
            name, most = _COUNTS[kind]
            yield from _counted(kind, name, block.get(name), most)
        if "fields" in block:
            yield from _counted(kind, "fields", block["fields"], FIELDS)
        if kind == "image" and not 1 <= len(str(block.get("alt_text", ""))) <= ALT_TEXT:
            yield f"an image whose alternative text has not 1 to {ALT_TEXT} characters"
        yield from _too_long(block, kind)


def _counted(kind: str, name: str, items: JsonValue, most: int) -> Iterator[str]:
    count = len(items) if isinstance(items, list) else 0
    if not 1 <= count <= most:
        yield f"{kind} with {count} {name}, not 1 to {most}"


def _too_long(block: JsonObject, kind: str) -> Iterator[str]:
    own = {key: value for key, value in block.items() if key != "child_blocks"}
    for holder, text in _texts(own):
        most = _LENGTHS.get(holder, FIELD if holder == "fields" else _LENGTHS.get(kind, SECTION))
        if not 1 <= len(text) <= most:
            yield f"{kind} with {len(text)} characters of text, not 1 to {most}"


def _all(blocks: Sequence[JsonValue]) -> Iterator[JsonObject]:
    for block in blocks:
        if isinstance(block, dict):
            yield block
            inner = block.get("child_blocks")
            yield from _all(inner if isinstance(inner, list) else [])


def _texts(value: JsonValue, holder: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a tree of blocks, with the type of the element or the name of the list that it stands in."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item, holder)
    elif isinstance(value, dict):
        holder = str(value["type"]) if value.get("type") == "button" else holder
        if isinstance(value.get("text"), str):
            yield holder, str(value["text"])
        for name, item in value.items():
            yield from _texts(item, "fields" if name == "fields" else holder)
