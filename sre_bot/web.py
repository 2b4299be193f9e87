"""The HTTP server: ``/healthz`` for whoever watches over the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


async def start_web(host: str, port: int, checks: Mapping[str, Callable[[], Awaitable[bool]]]) -> web.AppRunner:
    """Serve until the returned runner is cleaned up.

    ``GET /healthz`` answers 200 when every check holds, else 503, with ``{"ok": bool, "checks": {name: bool}}``.

    Raises:
        OSError: the address is taken.
    """

    async def healthz(_: web.Request) -> web.Response:
        found = {name: await check() for name, check in checks.items()}
        ok = all(found.values())
        return web.json_response({"ok": ok, "checks": found}, status=200 if ok else 503)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
