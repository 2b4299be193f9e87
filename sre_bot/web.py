"""The HTTP server: ``/healthz`` for whoever watches over the process, and whatever doors are open besides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

CHECK_SECONDS = 2.0
"""What has not answered by then is not well; probes are impatient."""


async def start_web(
    host: str,
    port: int,
    checks: Mapping[str, Callable[[], Awaitable[bool]]],
    *,
    routes: web.RouteTableDef | None = None,
    seconds: float = CHECK_SECONDS,
) -> web.AppRunner:
    """Serve until the returned runner is cleaned up.

    ``GET /healthz`` answers 200 when every check holds, else 503, with ``{"ok": bool, "checks": {name: bool}}``; a
    check that takes longer than ``seconds`` does not hold.

    Raises:
        OSError: the address is taken, or is none of this machine's.
    """

    async def holds(check: Callable[[], Awaitable[bool]]) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await check()
        except TimeoutError:
            return False

    async def healthz(_: web.Request) -> web.Response:
        found = dict(zip(checks, await asyncio.gather(*map(holds, checks.values())), strict=True))
        ok = all(found.values())
        return web.json_response({"ok": ok, "checks": found}, status=200 if ok else 503)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.add_routes(routes or ())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
