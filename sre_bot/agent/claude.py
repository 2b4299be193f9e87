"""Claude behind the loop's ``Model`` protocol: the Messages API, asked over httpx."""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from sre_bot.agent.budget import usd
from sre_bot.agent.transcript import Turn
from sre_bot.agent.wire import ApiError, BrokenStreamError, message_of
from sre_bot.errors import ModelRefusedError, ModelUnavailableError
from sre_bot.investigation import JsonObject, Usage

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from sre_bot.agent.transcript import Conversation
    from sre_bot.investigation import JsonValue

DEFAULT_BASE_URL = "https://api.anthropic.com"
_API_VERSION = "2023-06-01"
_NO_KEY = "none"
"""Sent where a base URL but no key is configured: a gateway on one's own machine may need none."""

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

_SPEND_CAP = re.compile(r"spend|usage limit|credit balance|billing", re.IGNORECASE)


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
        self._opened: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        if self._opened is not None:
            await self._opened.aclose()
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
            ModelUnavailableError: unreachable, overloaded, too slow, or the spending limit is reached.
            ModelRefusedError: credentials or request rejected.
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
        try:
            async with asyncio.timeout(seconds):
                response = await self._client().get(f"/v1/models/{quote(self.name, safe='')}")
            if not response.is_success:
                raise _error(response)
            info = response.json()
        except ApiError as error:
            raise (_permanent(self.name, error) or ModelUnavailableError(f"{self.name} {_words(error)}.")) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ModelUnavailableError(f"{self._base_url} cannot be reached: {_reason(error)}.") from error
        except ValueError:
            info = None
        if not isinstance(info, dict):
            raise ModelUnavailableError(f"{self._base_url} does not answer as the Messages API does.")
        if info.get("lifecycle") == "retired":
            raise ModelRefusedError(f"{self.name} is retired: configure another model.")
        ends = info.get("retires_at")
        warning = f"{self.name} retires at {ends}: configure its successor before." if ends else None
        return ModelStatus(str(info.get("display_name") or self.name), warning)

    async def _attempt(self, conversation: Conversation, max_tokens: int, schema: JsonObject | None) -> Turn:
        """Ask once. Raises _PassingError where asking again may help."""
        request = _request(self.name, conversation, max_tokens, schema)
        try:
            async with self._client().stream("POST", "/v1/messages", json=request) as response:
                if not response.is_success:
                    await response.aread()
                    raise _error(response)
                return _turn(self.name, await message_of(response.aiter_bytes()))
        except ApiError as error:
            if permanent := _permanent(self.name, error):
                raise permanent from error
            raise _PassingError(_words(error), error.retry_after) from error
        except BrokenStreamError as error:
            raise _PassingError(_reason(error)) from error
        except httpx.HTTPError as error:
            raise _PassingError(f"could not be reached or broke off: {_reason(error)}") from error

    def _client(self) -> httpx.AsyncClient:
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                base_url=self._base_url,
                headers={
                    "Authorization": f"Bearer {self._key}",
                    "anthropic-version": _API_VERSION,
                    "User-Agent": "sre-bot",
                },
                timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=False,
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


def _error(response: httpx.Response) -> ApiError:
    """What an answer with an error status says; it has been read."""
    try:
        body = response.json()
    except ValueError:  # a gateway in between, which has pages of its own
        body = None
    reason = response.reason_phrase or "no reason given"
    return ApiError(response.status_code, body, reason=reason, retry_after=response.headers.get("retry-after"))


def _permanent(model: str, error: ApiError) -> ModelRefusedError | ModelUnavailableError | None:
    """The error to give up with, or None when asking again may help."""
    words = _words(error)
    if error.status == HTTPStatus.TOO_MANY_REQUESTS and _SPEND_CAP.search(f"{error.code} {words}"):
        return ModelUnavailableError(f"{model} {words}: the spending limit is reached.")
    passing = error.status in _PASSING_STATUS or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if passing and error.kind not in _PERMANENT_KINDS:
        return None
    if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ModelRefusedError(f"{model} {words}: check ANTHROPIC_API_KEY.")
    return ModelRefusedError(f"{model} {words}.")


def _words(error: ApiError) -> str:
    said = error.message[:300].rstrip(". ")
    kind = error.kind if error.status == HTTPStatus.OK else error.status
    return f"answered with an error ({kind}: {said})"


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__


def _request(model: str, conversation: Conversation, max_tokens: int, schema: JsonObject | None) -> JsonObject:
    """What is asked. The marks let the provider keep system and tools, for incident threads have human gaps."""
    hour: JsonObject = {"type": "ephemeral", "ttl": "1h"}
    request: JsonObject = {
        "model": model,
        "max_tokens": max_tokens,
        "system": [{"type": "text", "text": conversation.system, "cache_control": hour}],
        "messages": [*conversation.messages],
        "cache_control": {"type": "ephemeral"},
        "stream": True,
    }
    if conversation.tools:
        *others, last = conversation.tools
        tools: list[JsonValue] = [*others, {**last, "cache_control": hour}]
        request["tools"] = tools
    if schema is not None:
        request["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return request


def _turn(model: str, message: dict[str, Any]) -> Turn:
    """The turn as the API sent it, with what it cost. Raises BrokenStreamError for text that could not be sent back."""
    try:
        json.dumps(message["content"], ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BrokenStreamError(f"sent what cannot be read: {error}") from error
    counted = message.get("usage") or {}
    usage = Usage(
        turns=1,
        input_tokens=counted.get("input_tokens") or 0,
        output_tokens=counted.get("output_tokens") or 0,
        cache_read_tokens=counted.get("cache_read_input_tokens") or 0,
        cache_write_tokens=counted.get("cache_creation_input_tokens") or 0,
    )
    written = (counted.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    refusal = message.get("stop_details") or {}
    return Turn(
        content=tuple(message["content"]),
        stop_reason=message.get("stop_reason") or "end_turn",
        usage=replace(usage, usd=usd(model, usage, written_for_1h=written)),
        detail=": ".join(filter(None, (refusal.get("category"), refusal.get("explanation")))),
    )
