"""A Loki and a Tempo on loopback, hand-written after their documented HTTP APIs: no packages of them exist here.

They parse the queries they are sent by rules of their own, and answer in the documented forms, errors in plain text.
https://grafana.com/docs/loki/latest/reference/loki-http-api/  https://grafana.com/docs/tempo/latest/api_docs/
"""

from __future__ import annotations

import ast
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import re2
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

_STRING = r'"(?:[^"\\]|\\.)*"'
_LOGQL = re.compile(
    rf"\{{(?P<label>\w+)(?P<op>=~|=)(?P<value>{_STRING})\}}"
    rf"(?: \|~ (?P<text>{_STRING}))?(?: \| (?P<level>\w+)=~(?P<levels>{_STRING}))?"
)
_COUNT = re.compile(r"sum\(count_over_time\((?P<query>.*) \[(?P<seconds>\d+)s\]\)\)", re.DOTALL)
MAX_ENTRIES = 5_000


def _unquoted(text: str) -> str:
    """What a Go string literal says; for the escapes in use Python's own literals agree."""
    value = ast.literal_eval(text)
    assert isinstance(value, str)
    return value


@dataclass
class Loki:
    """Its streams: labels, and (nanoseconds, line) each; ``tenant`` when it serves several."""

    streams: Sequence[tuple[Mapping[str, str], Sequence[tuple[int, str]]]]
    tenant: str | None = None
    counts: bool = True
    url: str = ""
    queries: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/loki/api/v1/query_range", self._range)
        app.router.add_get("/loki/api/v1/query", self._instant)
        app.router.add_get("/loki/api/v1/label/{label}/values", self._values)
        return app

    async def _range(self, request: web.Request) -> web.Response:
        if self.tenant and request.headers.get("X-Scope-OrgID") != self.tenant:
            return web.Response(status=401, text="no org id\n")
        query, limit = request.query["query"], int(request.query["limit"])
        self.queries.append(query)
        parsed = _LOGQL.fullmatch(query)
        if parsed is None:
            return web.Response(status=400, text="parse error at line 1, col 1: syntax error: unexpected IDENTIFIER\n")
        if limit > MAX_ENTRIES:
            said = (
                f"max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_ENTRIES})"
            )
            return web.Response(status=400, text=said)
        found = self._found(parsed, int(request.query["start"]), int(request.query["end"]))
        backward = request.query["direction"] == "backward"
        kept = sorted(found, key=lambda entry: entry[1], reverse=backward)[:limit]
        groups: dict[int, list[list[str]]] = {}
        for number, nanoseconds, line in kept:
            groups.setdefault(number, []).append([str(nanoseconds), line])
        result = [{"stream": dict(self.streams[number][0]), "values": values} for number, values in groups.items()]
        data = {"resultType": "streams", "result": result, "stats": {"summary": {"execTime": 0.01}}}
        return web.json_response({"status": "success", "data": data})

    async def _instant(self, request: web.Request) -> web.Response:
        asked = _COUNT.fullmatch(request.query["query"])
        parsed = _LOGQL.fullmatch(asked["query"]) if asked else None
        if asked is None or parsed is None or not self.counts:
            return web.Response(status=400, text="the query would read too many bytes")
        end = int(request.query["time"])
        found = self._found(parsed, end - int(asked["seconds"]) * 10**9, end)
        result = [{"metric": {}, "value": [end / 1e9, str(len(found))]}] if found else []
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result, "stats": {}}})

    async def _values(self, request: web.Request) -> web.Response:
        label = request.match_info["label"]
        values = sorted({labels[label] for labels, _ in self.streams if label in labels})
        return web.json_response({"status": "success", "data": values} if values else {"status": "success"})

    def _found(self, query: re.Match[str], start: int, end: int) -> list[tuple[int, int, str]]:
        """Stream number, time and text of what passes; the start is included, the end is not."""
        value = _unquoted(query["value"])
        text = re2.compile(_unquoted(query["text"])) if query["text"] else None
        levels = re2.compile(_unquoted(query["levels"])) if query["levels"] else None
        found = []
        for number, (labels, entries) in enumerate(self.streams):
            has = labels.get(query["label"], "")
            if not (has == value if query["op"] == "=" else has and re2.fullmatch(value, has)):
                continue
            if levels is not None and not levels.fullmatch(labels.get(query["level"], "")):
                continue
            found += [
                (number, when, line)
                for when, line in entries
                if start <= when < end and (text is None or text.search(line))
            ]
        return found


@dataclass
class Tempo:
    """Answers of ``/api/search`` by the exact query, and of ``/api/traces/<id>`` by the id."""

    found: Mapping[str, Any] = field(default_factory=dict)
    traces: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/search", self._search)
        app.router.add_get("/api/traces/{id}", self._trace)
        return app

    async def _search(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query) | {"tenant": request.headers.get("X-Scope-OrgID", "")})
        query = request.query["q"]
        if not (query.startswith("{") and query.endswith("}")):
            return web.Response(status=400, text="invalid TraceQL query: parse error at line 1, col 3")
        return web.json_response(self.found.get(query, {"metrics": {"totalBlocks": 1}}))

    async def _trace(self, request: web.Request) -> web.Response:
        trace = self.traces.get(request.match_info["id"])
        return web.Response(status=404, text="trace not found") if trace is None else web.json_response(trace)


@asynccontextmanager
async def running(store: Loki | Tempo) -> AsyncIterator[str]:
    """Run one; its address."""
    runner = web.AppRunner(store.app())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
