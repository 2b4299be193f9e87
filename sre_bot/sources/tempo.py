"""Tempo: traces by service, and the spans of one; read only.

Written against its HTTP API as documented for version 2: ``/api/search`` with TraceQL, ``/api/traces/<id>`` with
OpenTelemetry's JSON in the forms that versions differ in (``batches`` or ``resourceSpans``, ids in base64 or hex).
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sre_bot.errors import QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.incident import TraceHead
from sre_bot.sources.answers import read_json, unknown_form
from sre_bot.sources.otlp import Trace
from sre_bot.sources.outbound import Policy, PolicyTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import Span, TimeWindow
    from sre_bot.sources.access import Access

_SEARCH = "/api/search"
_TRACES = "/api/traces/"
_TRACE_ID = re.compile("[0-9a-f]{1,32}")
MAX_TRACES = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REFUSALS = {400, 413, 422}
_MAX_SAID = 300
_NOT_FOUND = 404

T = TypeVar("T")


class _Head(BaseModel):
    traceID: str = Field(pattern="^[0-9a-fA-F]{1,32}$")  # noqa: N815 - Tempo's name
    rootServiceName: str = ""  # noqa: N815 - Tempo's name
    rootTraceName: str = ""  # noqa: N815 - Tempo's name
    startTimeUnixNano: Annotated[int, Field(ge=0, lt=2**63)] = 0  # noqa: N815 - Tempo's name
    durationMs: Annotated[int, Field(ge=0, lt=2**53)] = 0  # noqa: N815 - Tempo's name; left out below 1 ms

    def head(self) -> TraceHead:
        """It, in our words."""
        return TraceHead(
            self.traceID.lower(),
            self.rootServiceName,
            self.rootTraceName,
            _EPOCH + timedelta(microseconds=self.startTimeUnixNano // 1_000),
            timedelta(milliseconds=min(self.durationMs, 2**40)),
        )


class _Found(BaseModel):
    traces: list[_Head] | None = None


_FOUND, _TRACE = TypeAdapter(_Found), TypeAdapter(Trace)


class TempoSource:
    """A Tempo; fits Traces.

    Args:
        url: its base URL; may have a path prefix and ``user:password@``.
        name: what the source is called in answers and errors.
        access: how it lets us in.
        environment: the one whose data it holds, where it holds only one.
        timeout: seconds a whole exchange may take.
        transport: how requests are sent; the network by default.

    Raises:
        ConfigurationError: the URL or the access cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "tempo",
        access: Access | None = None,
        environment: str | None = None,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name, self.environment = name, environment
        one_trace = re.escape(_TRACES) + _TRACE_ID.pattern
        self._policy = Policy.of(name, url, (_SEARCH,), access=access, deadline=timeout, patterns=(one_trace,))
        self._client = httpx.AsyncClient(transport=PolicyTransport(self._policy, transport), trust_env=False)

    async def search(
        self,
        window: TimeWindow,
        service: str,
        *,
        limit: int,
        failed: bool = False,
        longer_than: timedelta | None = None,
        route: str | None = None,
    ) -> Sequence[TraceHead]:
        """Up to ``limit`` traces, whichever Tempo finds first, with a (failed) span of the service; latest first.

        Raises:
            QueryRefusedError: Tempo refuses the query.
            SourceUnavailableError: it cannot be reached or answers with nonsense.
        """
        terms = [f"resource.service.name = {_quoted(service)}"]
        terms += ["status = error"] if failed else []
        terms += [f"traceDuration > {longer_than // timedelta(milliseconds=1)}ms"] if longer_than else []
        terms += [f"rootName = {_quoted(route)}"] if route else []
        params = {
            "q": f"{{ {' && '.join(terms)} }}",
            "start": str(math.floor(window.start.timestamp())),
            "end": str(math.ceil(window.end.timestamp())),
            "limit": str(min(limit, MAX_TRACES)),
            "spss": "1",
        }
        found = await self._get(_SEARCH, params, _FOUND, params["q"])
        heads = [head for one in found.traces or () if window.contains((head := one.head()).start)]
        return sorted(heads, key=lambda head: head.start, reverse=True)

    async def spans(self, trace_id: str) -> Sequence[Span]:
        """The spans of a trace, in order of their start.

        Raises:
            QueryRefusedError: the id is none, or Tempo has no such trace.
            SourceUnavailableError: it cannot be reached or answers with nonsense.
        """
        bare = trace_id.lower()
        if not _TRACE_ID.fullmatch(bare):
            raise QueryRefusedError(self.name, "a trace id has up to 32 hexadecimal digits", query=trace_id[:80])
        trace = await self._get(_TRACES + bare, {}, _TRACE, f"trace {bare}")
        spans = trace.spans(bare)
        if not spans:
            raise QueryRefusedError(self.name, "there is no such trace", query=bare)
        return spans

    async def check(self) -> str:
        """One line on how it does: whether it finds anything lately. Raises SourceError."""
        found = await self._get(_SEARCH, {"q": "{}", "limit": "1"}, _FOUND, "{}")
        return "finds traces" if found.traces else "answers, but has no recent trace"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, path: str, params: dict[str, str], form: TypeAdapter[T], query: str) -> T:
        try:
            response = await self._client.get(self._policy.url(path), params=params)
            return await asyncio.to_thread(self._parse, response, form)
        except ValidationError as error:
            raise SourceUnavailableError(self.name, unknown_form(error, "a Tempo"), query=query) from error
        except SourceError as error:
            raise type(error)(self.name, error.message, query=query) from error

    def _parse(self, response: httpx.Response, form: TypeAdapter[T]) -> T:
        kind, status = response.headers.get("content-type", ""), response.status_code
        if status == _NOT_FOUND and form is _TRACE:
            raise QueryRefusedError(self.name, "there is no such trace, or no longer")
        if status in _REFUSALS and "html" not in kind:  # it says why in plain text
            said = " ".join(response.content[: 4 * _MAX_SAID].decode("utf-8", "replace").split())[:_MAX_SAID]
            raise QueryRefusedError(self.name, said or f"answered HTTP {status}")
        return form.validate_python(read_json(self.name, status, kind, response.content))


def _quoted(text: str) -> str:
    """A TraceQL string: quoted as in JSON, whose escapes it shares."""
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
