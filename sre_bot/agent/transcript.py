"""A conversation with a model, in wire vocabulary (the Messages API), append-only.

The provider binds a conversation's thinking to everything before it: any change to the system prompt, the tools or an
earlier message is refused. So messages are kept as the JSON text they were first written as, and never touched again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.investigation import JsonObject, Usage  # noqa: TC001 - a Turn is checkpointed by its run-time annotations

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Turn:
    """What a model said once: content blocks as sent, why it stopped, what it cost.

    ``detail`` holds the provider's own words on the stop reason, where it has some (a refusal's category).
    """

    content: tuple[JsonObject, ...]
    stop_reason: str
    usage: Usage
    detail: str = ""

    @property
    def text(self) -> str:
        """The text blocks, joined."""
        return "".join(str(block.get("text", "")) for block in self.content if block.get("type") == "text")

    @property
    def tool_uses(self) -> tuple[JsonObject, ...]:
        """The tool calls, in order."""
        return tuple(block for block in self.content if block.get("type") == "tool_use")


class Conversation:
    """Messages under one system prompt and one set of tools, which are frozen for its life."""

    def __init__(self, system: str, tools: Sequence[JsonObject]) -> None:
        self._frozen = json.dumps([system, list(tools)])
        self._messages: list[str] = []

    @property
    def sha(self) -> str:
        """Hash of the system prompt and the tools."""
        return hashlib.sha256(self._frozen.encode()).hexdigest()[:12]

    @property
    def system(self) -> str:
        """The system prompt."""
        return str(json.loads(self._frozen)[0])

    @property
    def tools(self) -> tuple[JsonObject, ...]:
        """The tools' definitions; a copy."""
        return tuple(json.loads(self._frozen)[1])

    @property
    def messages(self) -> tuple[JsonObject, ...]:
        """All messages so far; a copy."""
        return tuple(json.loads(message) for message in self._messages)

    def tell(self, blocks: Sequence[JsonObject]) -> None:
        """Append what we say: results of tools first, then text."""
        self._append("user", blocks)

    def hear(self, turn: Turn) -> None:
        """Append what the model said, verbatim. An empty turn is left out: the API refuses to have it sent back."""
        if turn.content:
            self._append("assistant", turn.content)

    def _append(self, role: str, blocks: Sequence[JsonObject]) -> None:
        self._messages.append(json.dumps({"role": role, "content": list(blocks)}))


def text_block(text: str) -> JsonObject:
    """A block of text of ours."""
    return {"type": "text", "text": sendable(text)}


def result_block(tool_use_id: str, text: str, *, failed: bool = False) -> JsonObject:
    """The answer to one tool call."""
    block: JsonObject = {"type": "tool_result", "tool_use_id": tool_use_id, "content": sendable(text)}
    return {**block, "is_error": True} if failed else block


def sendable(text: str) -> str:
    """The text without lone surrogates, which no JSON over UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
