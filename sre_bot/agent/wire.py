"""The Messages API on the wire: the message that a stream makes, and what an error says. Pure.

Anthropic's own client would do as much and more, but takes 1.5 s and 50 MB to import, for one kind of request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from sre_bot.investigation import JsonObject

_CUT = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})
"""Stop reasons of a turn that may end in the middle of a tool call."""


class BrokenStreamError(Exception):
    """What came is no whole message."""


class ApiError(Exception):
    """An error that the API tells of; ``status`` is 200 inside a stream, ``code`` names the cause where there is one.

    ``retry_after`` is the header as sent.
    """

    def __init__(self, status: int, body: object, *, reason: str = "", retry_after: str | None = None) -> None:
        told = body.get("error") if isinstance(body, dict) else None
        error = told if isinstance(told, dict) else {}
        details = error.get("details")
        self.status = status
        self.kind = str(error.get("type") or "")
        self.code = str(details.get("error_code") or "") if isinstance(details, dict) else ""
        self.message = str(error.get("message") or reason)
        self.retry_after = retry_after
        super().__init__(self.message)


async def message_of(chunks: AsyncIterable[bytes]) -> JsonObject:
    """The whole message that a stream of server-sent events makes, its blocks as they were sent.

    Raises:
        ApiError: the stream tells of an error.
        BrokenStreamError: it ends too early, or cannot be read.
    """
    message = _Message()
    try:
        async for data in _events(chunks):
            message.add(_Event.model_validate_json(data))
        return message.whole()
    except (ValueError, LookupError) as error:
        raise BrokenStreamError(f"sent what cannot be read: {str(error)[:300]}") from error


async def _events(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The data of each event. Split as bytes, since to ``str.splitlines`` characters inside of JSON end lines, too."""
    rest, data = b"", []
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in map(bytes.rstrip, lines):
            if line.startswith(b"data:"):
                data.append(line[5:])
            elif not line and data:
                yield b"\n".join(data)
                data = []


class _Event(BaseModel):
    """Of an event what there is; each type has its own of these."""

    type: str
    index: int = Field(default=0, ge=0)
    message: dict[str, Any] = {}
    content_block: dict[str, Any] = {}
    delta: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    error: dict[str, Any] = {}


class _Message:
    """A message as it grows; deltas of a kind that is not known here are left out."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._content: list[dict[str, Any]] = []
        self._inputs: dict[int, str] = {}
        self._ended = False

    def add(self, event: _Event) -> None:
        """Take in the next event. Raises ApiError, and LookupError for a delta of a block that was not begun."""
        match event.type:
            case "error":
                raise ApiError(200, {"error": event.error})
            case "message_start":
                self._message = event.message
            case "content_block_start":
                self._content.append(event.content_block)
            case "content_block_delta":
                self._extend(event.index, event.delta)
            case "message_delta":
                self._message |= event.delta
                known = {name: count for name, count in event.usage.items() if count is not None}
                self._message["usage"] = {**self._message.get("usage", {}), **known}
            case "message_stop":
                self._ended = True

    def _extend(self, index: int, delta: dict[str, Any]) -> None:
        block = self._content[index]
        match delta.get("type"):
            case "text_delta":
                block["text"] = f"{block.get('text', '')}{delta['text']}"
            case "thinking_delta":
                block["thinking"] = f"{block.get('thinking', '')}{delta['thinking']}"
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta["citation"]]
            case "input_json_delta":
                self._inputs[index] = f"{self._inputs.get(index, '')}{delta['partial_json']}"

    def whole(self) -> JsonObject:
        """The message. Raises BrokenStreamError before its end, and ValueError for the input of a tool that is none."""
        if not self._ended:
            raise BrokenStreamError("broke off in the middle of an answer")
        for index, written in self._inputs.items():
            if written and self._message.get("stop_reason") not in _CUT:
                self._content[index]["input"] = json.loads(written)
        return cast("JsonObject", {**self._message, "content": self._content})
