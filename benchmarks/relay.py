"""Stands before a server, passes everything on, and knows afterwards when somebody was waiting for that server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOP_BY_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})


class Relay:
    """A reverse proxy on a free loopback port; use as an async context manager.

    Args:
        upstream: base URL of the server, without a slash at its end.
        beside: last parts of the paths of requests that nobody waits for.

    Attributes:
        url: where it listens.
        busy: since when and until when each request that is waited for was under way, in seconds of
            ``time.perf_counter``.
    """

    def __init__(self, upstream: str, *, beside: Iterable[str] = ()) -> None:
        self.url = ""
        self.busy: list[tuple[float, float]] = []
        self._upstream = upstream
        self._beside = frozenset(beside)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=32 << 20)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        assert self._session is not None
        started = time.perf_counter()
        url = URL(f"{self._upstream}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        body = await request.read()
        async with self._session.request(request.method, url, headers=headers, data=body or None) as answer:
            content = await answer.read()
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        if request.path.rpartition("/")[2] not in self._beside:
            self.busy.append((started, time.perf_counter()))
        return web.Response(status=answer.status, headers=headers, body=content)


def seconds_covered(spans: Iterable[tuple[float, float]], since: float, until: float) -> float:
    """How long between two moments at least one of the spans lasted."""
    covered, reached = 0.0, since
    for start, end in sorted(spans):
        covered += max(0.0, min(end, until) - max(start, reached))
        reached = max(reached, end)
    return covered
