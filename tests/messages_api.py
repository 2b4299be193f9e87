"""A loopback Messages API that plays a script and is as strict as the real one where it hurts.

``async with MessagesApi([Reply((text("Hello."),))]) as api:`` and point a client at ``api.url``. A script is a list of
replies, played in order, or a callable from a request to a reply. Every request is kept in ``api.requests``; those that
break a rule of the real API are answered with its 400 and kept in ``api.refused`` with the reason.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from aiohttp import web

from tests.messages_rules import BrokenRuleError, Memory, check_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from sre_bot.investigation import JsonObject, JsonValue

PARTIAL = "partial_json"
"""Where a tool call that is cut off keeps the text of its input; it never shows on the wire."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A turn of the model; with ``trouble``, its stream goes wrong after so many events.

    ``error`` sends an error event of that ``kind``, ``cut`` drops the connection, ``end`` closes it properly but too
    early, ``stall`` sends nothing more.
    """

    content: tuple[JsonObject, ...]
    stop_reason: str = ""
    usage: Mapping[str, JsonValue] = field(default_factory=dict)
    stop_details: JsonObject | None = None
    trouble: Literal["error", "cut", "end", "stall"] | None = None
    after: int = 3
    kind: str = "overloaded_error"

    @property
    def why(self) -> str:
        """The stop reason: as given, or what the content implies."""
        return self.stop_reason or ("tool_use" if any(b["type"] == "tool_use" for b in self.content) else "end_turn")


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer with an error status."""

    status: int
    kind: str
    message: str = "it went wrong"
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None


Script: TypeAlias = "Sequence[Reply | Failure] | Callable[[JsonObject], Reply | Failure]"

_numbers = itertools.count(1)


def text(words: str) -> JsonObject:
    """A block of text."""
    return {"type": "text", "text": words}


def thinking(words: str) -> JsonObject:
    """A block of thinking, signed."""
    signature = hashlib.sha256(f"signed {words}".encode()).hexdigest()[:24]
    return {"type": "thinking", "thinking": words, "signature": signature}


def tool_use(name: str, arguments: JsonObject) -> JsonObject:
    """A tool call."""
    return {"type": "tool_use", "id": f"toolu_{next(_numbers):04}", "name": name, "input": arguments}


def cut_tool_use(name: str, partial_json: str) -> JsonObject:
    """A tool call whose input breaks off; for a stream that stops with ``max_tokens``."""
    return {**tool_use(name, {}), PARTIAL: partial_json}


def json_reply(value: JsonObject) -> Reply:
    """A turn that is a JSON text, as a request with a schema gets."""
    return Reply((text(json.dumps(value)),))


def approximate_tokens(value: object) -> int:
    """A quarter of the characters of its JSON."""
    return len(json.dumps(value)) // 4


class MessagesApi:
    """The server; an async context manager.

    ``models`` is what the models endpoint knows; unless ``strict``, a client may break the rules of the API. ``port``:
    a free one, or one that a client knows before the server is there.
    """

    def __init__(
        self,
        script: Script,
        *,
        models: Mapping[str, JsonObject] | None = None,
        strict: bool = True,
        port: int = 0,
    ) -> None:
        self.requests: list[JsonObject] = []
        self.refused: list[str] = []
        self.url = ""
        self._script = script if callable(script) else _played(script)
        self._models = models
        self._strict = strict
        self._port = port
        self._memory = Memory()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 << 20)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count)
        app.router.add_get("/v1/models/{model}", self._model)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        if not request.headers.get("authorization", request.headers.get("x-api-key")):
            return _error(Failure(401, "authentication_error", "missing credentials"))
        body: JsonObject = await request.json()
        self.requests.append(body)
        try:
            if self._strict:
                check_request(body)
                self._memory.check(body)
        except BrokenRuleError as broken:
            self.refused.append(str(broken))
            return _error(Failure(400, "invalid_request_error", str(broken)))
        reply = self._script(body)
        if isinstance(reply, Failure):
            return _error(reply)
        message = _message(reply, body)
        if reply.trouble is None:
            self._memory.keep(body, message)
        if not body.get("stream"):
            return web.json_response(message)
        return await self._stream(request, reply, message)

    async def _stream(self, request: web.Request, reply: Reply, message: JsonObject) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(_events(reply, message)):
            if reply.trouble is not None and number == reply.after:
                await self._go_wrong(request, response, reply)
                return response
            await response.write(_sse(event))
        return response

    async def _go_wrong(self, request: web.Request, response: web.StreamResponse, reply: Reply) -> None:
        match reply.trouble:
            case "error":
                error: JsonObject = {"type": reply.kind, "message": "it broke in the middle"}
                await response.write(_sse({"type": "error", "error": error}))
            case "cut" if request.transport is not None:
                request.transport.close()
            case "stall":
                await self._closing.wait()

    async def _count(self, request: web.Request) -> web.Response:
        body = await request.json()
        parts = [body.get("system"), body.get("tools"), body.get("messages")]
        return web.json_response({"input_tokens": approximate_tokens(parts)})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if self._models is None or name in self._models:
            known: JsonObject = {"type": "model", "id": name, "display_name": name, "lifecycle": "active"}
            return web.json_response(
                {**known, "created_at": "2026-09-01T00:00:00Z", **(self._models or {}).get(name, {})}
            )
        return _error(Failure(404, "not_found_error", f"model: {name}"))


def _played(script: Sequence[Reply | Failure]) -> Callable[[JsonObject], Reply | Failure]:
    rest = iter(script)
    over = Failure(400, "invalid_request_error", "the script is over")
    return lambda _: next(rest, over)


def _error(failure: Failure) -> web.Response:
    error: JsonObject = {"type": failure.kind, "message": failure.message}
    if failure.code:
        error["details"] = {"error_code": failure.code}
    return web.json_response({"type": "error", "error": error}, status=failure.status, headers=failure.headers)


def _message(reply: Reply, request: JsonObject) -> JsonObject:
    content: list[JsonValue] = [{key: value for key, value in b.items() if key != PARTIAL} for b in reply.content]
    usage: JsonObject = {
        "input_tokens": approximate_tokens([request.get("system"), request.get("tools"), request.get("messages")]),
        "output_tokens": approximate_tokens(content),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        **reply.usage,
    }
    return {
        "id": f"msg_{next(_numbers):04}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": content,
        "stop_reason": reply.why,
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "usage": usage,
    }


def _events(reply: Reply, message: JsonObject) -> Iterator[JsonObject]:
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "stop_details": None}}
    yield {"type": "ping"}
    for index, block in enumerate(reply.content):
        empty, deltas = _deltas(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop: JsonObject = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    usage = cast("JsonObject", message["usage"])
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _deltas(block: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """An empty block and what fills it, in pieces."""
    match block["type"]:
        case "text":
            pieces = _pieces(str(block["text"]))
            return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
        case "thinking":
            thoughts: list[JsonObject] = [
                {"type": "thinking_delta", "thinking": piece} for piece in _pieces(str(block["thinking"]))
            ]
            signed: JsonObject = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*thoughts, signed]
        case "tool_use":
            written = str(block.get(PARTIAL) or json.dumps(block["input"]))
            empty: JsonObject = {"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}
            return empty, [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(written)]
        case _:
            return block, []


def _pieces(whole: str, size: int = 40) -> list[str]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def _sse(event: JsonObject) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
