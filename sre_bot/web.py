"""The HTTP server: ``/healthz``, ``/readyz`` and ``/metrics`` for operators, and whatever doors are open besides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sre_bot.telemetry.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from sre_bot.telemetry.metrics import Metrics

CHECK_SECONDS = 2.0
"""What has not answered by then is not well; probes are impatient."""

_log = logging.getLogger(__name__)

Check: TypeAlias = Callable[[], Awaitable[bool]]


async def start_web(
    host: str,
    port: int,
    *,
    health: Mapping[str, Check],
    readiness: Mapping[str, Check],
    metrics: Metrics,
    routes: web.RouteTableDef | None = None,
    seconds: float = CHECK_SECONDS,
) -> web.AppRunner:
    """Serve until the returned runner is cleaned up.

    ``GET /healthz`` and ``/readyz`` answer 200 when every check of theirs holds, else 503, with ``{"ok": bool,
    "checks": {name: bool}}``; a check that takes longer than ``seconds`` does not hold. ``GET /metrics`` gives the
    metrics, with how the checks of readiness are just then.

    Raises:
        OSError: the address is taken, or is none of this machine's.
    """

    async def probe(checks: Mapping[str, Check]) -> web.Response:
        found = await _ask(checks, seconds)
        ok = all(found.values())
        return web.json_response({"ok": ok, "checks": found}, status=200 if ok else 503)

    async def healthz(_: web.Request) -> web.Response:
        return await probe(health)

    async def readyz(_: web.Request) -> web.Response:
        return await probe(readiness)

    async def exposition(_: web.Request) -> web.Response:
        for name, holds in (await _ask(readiness, seconds)).items():
            metrics.check.labels(name).set(holds)
        return web.Response(body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", exposition)])
    app.add_routes(routes or ())
    # What is packed is left so: to unpack it before its signature is looked at would be to trust a stranger.
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, logger=_log)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


async def _ask(checks: Mapping[str, Check], seconds: float) -> dict[str, bool]:
    async def holds(check: Check) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await check()
        except TimeoutError:
            return False

    return dict(zip(checks, await asyncio.gather(*map(holds, checks.values())), strict=True))


def _without_stack(record: logging.LogRecord) -> bool:
    """What a client did wrong, or that it went away, is a line at most: a stack is for faults of ours."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = f"{record.getMessage()}: {type(error).__name__}", ()
        record.exc_info = None
    return True


_log.addFilter(_without_stack)
