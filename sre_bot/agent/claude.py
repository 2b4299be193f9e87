"""Claude behind the loop's ``Model`` protocol. The only importer of ``anthropic``, which is slow: it comes late."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import sys
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from sre_bot.agent.budget import usd
from sre_bot.agent.deferred import defer
from sre_bot.agent.transcript import Turn
from sre_bot.errors import ModelRefusedError, ModelUnavailableError
from sre_bot.investigation import JsonObject, Usage

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from types import ModuleType, TracebackType
    from typing import Self

    from anthropic import APIStatusError, AsyncAnthropic
    from anthropic.lib.streaming import AsyncMessageStream
    from anthropic.types import Message, MessageParam, OutputConfigParam, TextBlockParam, ToolParam

    from sre_bot.agent.transcript import Conversation

DEFAULT_BASE_URL = "https://api.anthropic.com"
_NO_KEY = "none"
"""Sent where a base URL but no key is configured: a gateway on one's own machine needs none, the client wants one."""

_ATTEMPTS = 6
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_RETRY_AFTER = 0.5, 8.0, 30.0
_CONNECT_SECONDS, _SILENCE_SECONDS = 5.0, 60.0
"""The API sends a sign of life every few seconds while the model thinks; this long without one is a stall."""

_PERMANENT_KINDS = frozenset(
    {"invalid_request_error", "authentication_error", "billing_error", "permission_error", "not_found_error"}
)
_PASSING_STATUS = frozenset(
    {HTTPStatus.OK, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Besides 5xx; 200 is an error inside a stream."""

_OTHER_TRANSPORT = "anthropic._vendor.httpx_aiohttp"
"""The client does without it where the import fails."""

_SPEND_CAP = re.compile(r"spend|usage limit|credit balance|billing", re.IGNORECASE)


async def preload() -> None:
    """Import the client in a thread, so that it is there when the first look has been taken."""
    if not _import_client.cache_info().currsize:
        await asyncio.to_thread(_import_client)


@cache
def _import_client() -> None:
    """Once. What is imported stays: the garbage collector shall not look through it, now or ever, nor at the end."""
    defer("anthropic")
    # As if aiohttp were not here: it would be imported for another transport than ours.
    sys.modules.setdefault(_OTHER_TRANSPORT, cast("ModuleType", None))
    gc.disable()
    try:
        from anthropic import AsyncAnthropic  # noqa: F401, PLC0415 - to have it imported
        from anthropic.resources.messages import AsyncMessages  # noqa: F401, PLC0415 - to have it imported

        _trusted()
        gc.freeze()
    finally:
        gc.enable()


@cache
def _trusted() -> ssl.SSLContext:
    """Who signs for the provider: the authorities of the system, which take long to read."""
    from httpx2 import create_ssl_context  # noqa: PLC0415 - comes with the client

    return create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What the provider says of a model: its name for humans and, if it is on its way out, a sentence about that."""

    name: str
    warning: str | None = None


class Claude:
    """A model of the Messages API; close it, or use it as an async context manager."""

    def __init__(self, model: str, *, api_key: str | None = None, base_url: str | None = None) -> None:
        self.name = model
        self._key = api_key or _NO_KEY
        self._base_url = base_url or DEFAULT_BASE_URL
        self._opened: AsyncAnthropic | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def respond(
        self,
        conversation: Conversation,
        *,
        max_tokens: int,
        schema: JsonObject | None,
        timeout: float,
    ) -> Turn:
        """The next turn, asked for again while the trouble may pass and there is time.

        Raises:
            ModelUnavailableError: unreachable, overloaded, too slow.
            ModelRefusedError: credentials or request rejected, or the spending limit is reached.
        """
        trouble = ""
        try:
            async with asyncio.timeout(timeout) as limit:
                for attempt in range(_ATTEMPTS):
                    try:
                        return await self._attempt(conversation, max_tokens, schema)
                    except _PassingError as error:
                        trouble = str(error)
                        pause = error.pause(attempt)
                    left = (limit.when() or 0.0) - asyncio.get_running_loop().time()
                    if attempt + 1 == _ATTEMPTS or left <= pause:
                        break
                    await asyncio.sleep(pause)
        except TimeoutError:
            before = f" (before that, it {trouble})" if trouble else ""
            raise ModelUnavailableError(f"{self.name} did not answer within {timeout:.0f} s{before}.") from None
        raise ModelUnavailableError(f"{self.name} {trouble}.")

    async def check(self, seconds: float = 10.0) -> ModelStatus:
        """Whether the model can be asked at all.

        Raises:
            ModelUnavailableError: the provider cannot be reached in that time.
            ModelRefusedError: it rejects the key, knows no such model, or has retired it.
        """
        await preload()
        from anthropic import APIConnectionError, APIStatusError, BaseModel  # noqa: PLC0415 - slow, see above

        nonsense = f"{self._base_url} answered, but not as the Messages API does."
        try:
            async with asyncio.timeout(seconds):
                found: object = await self._client().models.retrieve(self.name)
        except APIStatusError as error:
            raise (_permanent(self.name, error) or ModelUnavailableError(f"{self.name} {_words(error)}.")) from error
        except (APIConnectionError, TimeoutError) as error:
            raise ModelUnavailableError(f"{self._base_url} cannot be reached: {_reason(error)}.") from error
        except ValueError as error:  # no JSON
            raise ModelUnavailableError(nonsense) from error
        if not isinstance(found, BaseModel):  # a page of a proxy, say: the client passes it on as it is
            raise ModelUnavailableError(nonsense)
        info = found.to_dict(mode="json", warnings=False)
        if info.get("lifecycle") == "retired":
            raise ModelRefusedError(f"{self.name} is retired: configure another model.")
        ends = info.get("retires_at")
        warning = f"{self.name} retires at {ends}: configure its successor before." if ends else None
        return ModelStatus(str(info.get("display_name") or self.name), warning)

    async def _attempt(self, conversation: Conversation, max_tokens: int, schema: JsonObject | None) -> Turn:
        """Ask once. Raises _PassingError where asking again may help."""
        await preload()
        from anthropic import APIError, APIStatusError, omit  # noqa: PLC0415 - slow, see above
        from httpx2 import HTTPError  # noqa: PLC0415 - the client's transport; comes with it

        output = {"format": {"type": "json_schema", "schema": schema}}
        try:
            async with self._client().messages.stream(
                model=self.name,
                max_tokens=max_tokens,
                system=_system(conversation),
                tools=_tools(conversation) or omit,
                messages=cast("Iterable[MessageParam]", conversation.messages),
                cache_control={"type": "ephemeral"},
                output_config=cast("OutputConfigParam", output) if schema else omit,
            ) as stream:
                return await _read(self.name, stream)
        except APIStatusError as error:
            if permanent := _permanent(self.name, error):
                raise permanent from error
            raise _PassingError(_words(error), error.response.headers.get("retry-after")) from error
        except (APIError, HTTPError) as error:
            raise _PassingError(f"could not be reached or broke off: {_reason(error)}") from error

    def _client(self) -> AsyncAnthropic:
        if self._opened is None:
            from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient, Timeout  # noqa: PLC0415 - slow, see above

            # Retries are ours: the client's know neither our deadline nor an error inside a stream.
            timeout = Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
            http = DefaultAsyncHttpxClient(verify=_trusted(), follow_redirects=False, trust_env=False, timeout=timeout)
            self._opened = AsyncAnthropic(
                api_key=self._key, base_url=self._base_url, max_retries=0, timeout=timeout, http_client=http
            )
        return self._opened


class _PassingError(Exception):
    """Trouble that may pass; ``retry_after`` is the header as sent."""

    def __init__(self, words: str, retry_after: str | None = None) -> None:
        super().__init__(words)
        self._retry_after = retry_after

    def pause(self, attempt: int) -> float:
        """Seconds to wait before attempt ``attempt + 1``: as long as we are told, within reason, or doubling."""
        try:
            told = float(self._retry_after or 0.0)
        except ValueError:  # the header may hold a date
            told = 0.0
        if told > 0:
            return min(told, _LONGEST_RETRY_AFTER)
        jitter = random.uniform(0.75, 1.0)  # noqa: S311 - spreads retries, no secret
        return jitter * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)


def _permanent(model: str, error: APIStatusError) -> ModelRefusedError | None:
    """The error to give up with, or None when asking again may help."""
    status, words = error.status_code, _words(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS and _SPEND_CAP.search(f"{error.error_code} {words}"):
        return ModelRefusedError(f"{model} {words}: the spending limit is reached.")
    passing = status in _PASSING_STATUS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if passing and error.type not in _PERMANENT_KINDS:
        return None
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ModelRefusedError(f"{model} {words}: check ANTHROPIC_API_KEY.")
    if status == HTTPStatus.NOT_FOUND:
        return ModelRefusedError(f"{model} {words}: check SRE_BOT_MODEL and ANTHROPIC_BASE_URL.")
    return ModelRefusedError(f"{model} {words}.")


def _words(error: APIStatusError) -> str:
    said = (error.api_message or error.message)[:300].rstrip(". ")
    kind = error.type if error.status_code == HTTPStatus.OK else error.status_code
    return f"answered with an error ({kind}: {said})"


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__


def _system(conversation: Conversation) -> Iterable[TextBlockParam]:
    return [{"type": "text", "text": conversation.system, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]


def _tools(conversation: Conversation) -> list[ToolParam]:
    """The tools; the mark on the last one lets the provider keep them all, for incident threads have human gaps."""
    tools = cast("list[ToolParam]", list(conversation.tools))
    if tools:
        tools[-1] = {**tools[-1], "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    return tools


async def _read(model: str, stream: AsyncMessageStream[None]) -> Turn:
    """The turn, when the stream holds a whole one. Raises _PassingError."""
    ended = False
    try:
        async for event in stream:
            ended = ended or event.type == "message_stop"
        if ended:
            return _turn(model, stream.current_message_snapshot)
    except ValueError as error:  # broken JSON, or text that is no Unicode
        raise _PassingError(f"sent what cannot be read: {_reason(error)}") from error
    raise _PassingError("broke off in the middle of an answer")


def _turn(model: str, message: Message) -> Turn:
    """The turn as the API sent it, with what it cost. Raises ValueError for text that could not be sent back."""
    sent = cast("JsonObject", message.to_dict(mode="json", warnings=False))
    json.dumps(sent["content"], ensure_ascii=False).encode()
    counted = cast("dict[str, int | None]", sent["usage"])
    usage = Usage(
        turns=1,
        input_tokens=counted.get("input_tokens") or 0,
        output_tokens=counted.get("output_tokens") or 0,
        cache_read_tokens=counted.get("cache_read_input_tokens") or 0,
        cache_write_tokens=counted.get("cache_creation_input_tokens") or 0,
    )
    kept = message.usage.cache_creation
    cost = usd(model, usage, written_for_1h=kept.ephemeral_1h_input_tokens if kept else 0)
    refusal = message.stop_details
    return Turn(
        content=tuple(cast("list[JsonObject]", sent["content"])),
        stop_reason=message.stop_reason or "end_turn",
        usage=replace(usage, usd=cost),
        detail=": ".join(filter(None, (refusal.category, refusal.explanation))) if refusal else "",
    )
