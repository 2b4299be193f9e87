"""What a command shows, as blocks with a button that shares it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.investigation import JsonObject

SHARE_ACTION = "command:share"
TITLE_OF_SHARED = ":loudspeaker: <@{person}> shared"
MAX_SECTION, MAX_TEXT = 2_900, 11_000
"""Characters of mrkdwn: of a section, and of all of them."""


def cut(text: str) -> str:
    """As many whole lines as fit into a message; the rest is counted."""
    if len(text) <= MAX_TEXT:
        return text
    kept = text[:MAX_TEXT].rpartition("\n")[0]
    return f"{kept}\n…({len(text[len(kept) :].splitlines()) - 1} more lines)"


def shown_blocks(text: str, title: str = "") -> list[JsonObject]:
    """A text that was ``cut``, under a line about it."""
    heading: list[JsonObject] = [{"type": "context", "elements": [_mrkdwn(title)]}] if title else []
    sections: list[JsonObject] = [{"type": "section", "text": _mrkdwn(part)} for part in _sections(text)]
    return [*heading, *sections]


def with_share(text: str, id_: str) -> list[JsonObject]:
    """The same with the button."""
    label: JsonObject = {"type": "plain_text", "text": "Share to channel", "emoji": False}
    button: JsonObject = {"type": "button", "action_id": SHARE_ACTION, "text": label, "value": id_}
    return [*shown_blocks(text), {"type": "actions", "elements": [button]}]


def _sections(text: str) -> Iterator[str]:
    """Pieces that end with lines, as far as these are short enough."""
    while len(text) > MAX_SECTION:
        end = text.rfind("\n", 1, MAX_SECTION)
        end = end if end > 0 else MAX_SECTION
        yield text[:end]
        text = text[end:].removeprefix("\n")
    if text:
        yield text


def _mrkdwn(text: str) -> JsonObject:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
