"""Loki: log lines by service, text and level; read only.

Written against its HTTP API as documented for versions 2.9 and 3: ``/loki/api/v1/query_range`` for lines,
``/loki/api/v1/query`` to count them, ``/loki/api/v1/label/<name>/values`` for the services.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sre_bot.errors import ConfigurationError, QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.incident import SERVICE_LABELS, LogAnswer, LogFilter, LogLevel
from sre_bot.sources.answers import read_json, unknown_form
from sre_bot.sources.log_lines import read_line
from sre_bot.sources.outbound import Policy, PolicyTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import LogLine, TimeWindow
    from sre_bot.sources.access import Access

_RANGE, _INSTANT = "/loki/api/v1/query_range", "/loki/api/v1/query"
MAX_LINES = 5_000
"""A query for more is refused by a Loki with default limits (``max_entries_limit_per_query``)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPELLINGS = {
    LogLevel.FATAL: "fatal|critical|crit|panic|emergency|emerg|alert",
    LogLevel.ERROR: "error|err|severe",
    LogLevel.WARNING: "warning|warn",
    LogLevel.INFO: "info|information|notice",
    LogLevel.DEBUG: "debug|trace|verbose",
}
_REFUSALS = {400, 413, 422}
_MAX_SAID = 300

T = TypeVar("T")


Nanoseconds = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Stream(BaseModel):
    """Lines of one set of labels, structured metadata included; a line's third part, if any, repeats some of these."""

    stream: dict[str, str]
    values: list[tuple[Nanoseconds, str] | tuple[Nanoseconds, str, object]]


class _Streams(BaseModel):
    resultType: Literal["streams"]  # noqa: N815 - Loki's name
    result: list[_Stream] = []


class _Sample(BaseModel):
    value: tuple[float, Number]


class _Vector(BaseModel):
    resultType: Literal["vector"]  # noqa: N815 - Loki's name
    result: list[_Sample] = []


class _Lines(BaseModel):
    data: _Streams


class _Count(BaseModel):
    data: _Vector


class _Values(BaseModel):
    data: list[str] | None = None


_LINES, _COUNT, _VALUES = TypeAdapter(_Lines), TypeAdapter(_Count), TypeAdapter(_Values)


class LokiSource:
    """A Loki; fits Logs.

    Args:
        url: its base URL, without ``/loki``; may have a path prefix and ``user:password@``.
        name: what the source is called in answers and errors.
        access: how it lets us in.
        environment: the one whose data it holds, where it holds only one.
        service_label: the label that names a service: ``service_name``, ``app``, ``job`` …
        level_label: the label or structured metadata that holds a line's level; Loki 3 finds it out by itself. Lines
            without it are sent all the same, and their text tells.
        timeout: seconds a whole exchange may take.
        transport: how requests are sent; the network by default.

    Raises:
        ConfigurationError: the URL or the access cannot be used, or a label is none.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "loki",
        access: Access | None = None,
        environment: str | None = None,
        service_label: str = "service_name",
        level_label: str = "detected_level",
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        for label in (service_label, level_label):
            if not _LABEL.fullmatch(label):
                raise ConfigurationError(f"{name}: {label!r} cannot be a label: letters, digits and _ only")
        self.name, self.environment = name, environment
        self._service_label, self._level_label = service_label, level_label
        self._values = f"/loki/api/v1/label/{service_label}/values"
        paths = (_RANGE, _INSTANT, self._values)
        self._policy = Policy.of(name, url, paths, access=access, deadline=timeout)
        self._client = httpx.AsyncClient(transport=PolicyTransport(self._policy, transport), trust_env=False)

    async def lines(
        self, window: TimeWindow, wanted: LogFilter, *, limit: int, newest_first: bool = False
    ) -> LogAnswer:
        """The oldest (or newest) lines that are wanted, at most ``limit`` and MAX_LINES, in that order.

        Where there are more, all are counted; ``total`` is None when Loki cannot count so many, or not by their level.

        Raises:
            QueryRefusedError: Loki refuses the query, e.g. for the length of the window.
            SourceUnavailableError: it cannot be reached or answers with nonsense.
        """
        query, limit = self._logql(wanted), min(limit, MAX_LINES)
        params = {
            "query": query,
            "start": str(_nanoseconds(window.start)),
            "end": str(_nanoseconds(window.end) + 1),  # Loki leaves the end out, a window includes it
            "limit": str(limit),
            "direction": "backward" if newest_first else "forward",
        }
        found = await self._get(_RANGE, params, _LINES)
        lines = await asyncio.to_thread(self._read, found, newest_first=newest_first)
        told = LogFilter(at_least=wanted.at_least)  # a line without the level label is sent all the same
        kept = tuple(line for line in lines if told.lets_pass(line))
        if len(lines) < limit:
            return LogAnswer(kept, total=len(kept))
        total = await self._count(window, query)
        return LogAnswer(kept, total != len(lines), total if len(kept) == len(lines) else None)

    async def services(self, window: TimeWindow) -> Sequence[str]:
        """The values of the service label; Loki looks at whole blocks, so it may name some from near the window."""
        params = {"start": str(_nanoseconds(window.start)), "end": str(_nanoseconds(window.end) + 1)}
        return (await self._get(self._values, params, _VALUES)).data or []

    async def check(self) -> str:
        """One line on how it does: the services it has heard of lately. Raises SourceError."""
        services = (await self._get(self._values, {}, _VALUES)).data or []
        if not services:
            raise SourceUnavailableError(
                self.name, f"no log line of the last hours has the label {self._service_label}; is service_label right?"
            )
        return f"{len(services)} services (label {self._service_label})"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _logql(self, wanted: LogFilter) -> str:
        """The query; every value is quoted as in JSON, whose escapes LogQL shares."""
        service = f"={_quoted(wanted.service)}" if wanted.service else '=~".+"'
        query = f"{{{self._service_label}{service}}}"
        if wanted.contains:
            query += f" |~ {_quoted('(?i)' + re.escape(wanted.contains))}"
        if wanted.at_least and wanted.at_least is not LogLevel.DEBUG:
            levels = [words for level, words in _SPELLINGS.items() if level.rank <= wanted.at_least.rank]
            query += f' | {self._level_label}=~"(?i)({"|".join(levels)}|unknown|)"'  # "" are lines without the label
        return query

    def _read(self, found: _Lines, *, newest_first: bool) -> list[LogLine]:
        labels = (self._service_label, *SERVICE_LABELS)
        lines = []
        for stream in found.data.result:
            lines += [read_line(_moment(value[0]), value[1], stream.stream, labels) for value in stream.values]
        return sorted(lines, key=lambda line: line.time, reverse=newest_first)

    async def _count(self, window: TimeWindow, query: str) -> int | None:
        """How many lines pass the query, by its metadata only; None when that is too much for it."""
        seconds = max(1, math.ceil(window.duration.total_seconds()))
        params = {
            "query": f"sum(count_over_time({query} [{seconds}s]))",
            "time": str(_nanoseconds(window.end)),
        }
        try:
            found = await self._get(_INSTANT, params, _COUNT)
        except SourceError:
            return None
        return round(found.data.result[0].value[1]) if found.data.result else None

    async def _get(self, path: str, params: dict[str, str], form: TypeAdapter[T]) -> T:
        query = params.get("query", path)
        try:
            response = await self._client.get(self._policy.url(path), params=params)
            return await asyncio.to_thread(self._parse, response, form)
        except ValidationError as error:
            raise SourceUnavailableError(self.name, unknown_form(error, "a Loki"), query=query) from error
        except SourceError as error:
            raise type(error)(self.name, error.message, query=query) from error

    def _parse(self, response: httpx.Response, form: TypeAdapter[T]) -> T:
        kind = response.headers.get("content-type", "")
        if response.status_code in _REFUSALS and "html" not in kind:  # it says why in plain text
            said = " ".join(response.content[: 4 * _MAX_SAID].decode("utf-8", "replace").split())[:_MAX_SAID]
            raise QueryRefusedError(self.name, said or f"answered HTTP {response.status_code}")
        return form.validate_python(read_json(self.name, response.status_code, kind, response.content))


def _quoted(text: str) -> str:
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _moment(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)
