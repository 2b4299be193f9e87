"""Start a service the way every Larder service starts: on a socket it is given, with its config beside its code."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml
from aiohttp import web

from . import instruments, logs
from .calling import Peer, PeerError
from .pool import Pool, PoolTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aiohttp.typedefs import Handler

log = logging.getLogger(__name__)

DRAIN_S = 3.0
"""How long a stopping service may take to finish what it has begun."""

SESSION = web.AppKey("session", aiohttp.ClientSession)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a service is built from: its config.yaml, and where its peers live (host name to address)."""

    config: Mapping[str, Any]
    hosts: Mapping[str, str]

    def peer(self, app: web.Application, name: str) -> Peer:
        """The peer of that name, with the timeout configured under ``peers``."""
        return Peer(app[SESSION], name, self.hosts[name], timeout_s=float(self.config["peers"][name]["timeout_s"]))

    def pool(self) -> Pool:
        """The pool configured under ``database``."""
        database = self.config["database"]
        return Pool(
            database["name"],
            max_connections=int(database["pool"]["max_connections"]),
            acquire_timeout_s=float(database["pool"]["acquire_timeout_s"]),
        )


def run(service: str, routes: Callable[[web.Application, Setting], None]) -> None:
    """Serve until told to stop; ``routes`` adds the service's own routes."""
    arguments = _arguments(service)
    logs.set_up(service)
    instruments.BUILD_INFO.labels(arguments.version, arguments.revision).set(1)
    config = yaml.safe_load((Path(__file__).parents[1] / service / "config.yaml").read_text())
    hosts = json.loads(arguments.hosts.read_text())
    asyncio.run(_serve(application(routes, Setting(config, hosts)), arguments.socket_fd))


def _arguments(service: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"shop.{service}")
    parser.add_argument("--socket-fd", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--hosts", type=Path, required=True, help="JSON file: host name to address:port")
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", required=True)
    return parser.parse_args()


def application(routes: Callable[[web.Application, Setting], None], setting: Setting) -> web.Application:
    """What a service serves: its own routes, metrics and health."""
    app = web.Application(middlewares=[instruments.measure, _answer_failures])
    app.router.add_get("/metrics", instruments.metrics)
    app.router.add_get("/healthz", instruments.healthz)

    async def session_of(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            app[SESSION] = session
            yield

    async def add_routes(app: web.Application) -> None:
        routes(app, setting)
        instruments.start_at_zero(app)

    app.cleanup_ctx.append(session_of)
    app.on_startup.append(add_routes)
    return app


@web.middleware
async def _answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PeerError as error:
        status, reason, attributes = error.status, str(error), {"peer": error.peer, "reason": error.reason}
    except PoolTimeoutError as error:
        status, reason, attributes = 503, str(error), {"reason": str(error)}
    log.error("cannot answer", extra={"attributes": {"path": request.path, "status": status, **attributes}})
    return web.json_response({"error": reason}, status=status)


async def _serve(app: web.Application, socket_fd: int) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_S)
    await runner.setup()
    await web.SockSite(runner, socket.socket(fileno=socket_fd)).start()
    log.info("serving")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await _told_to_stop()
    log.info("draining")
    await runner.cleanup()


async def _told_to_stop() -> None:
    """Wait for SIGTERM, or for the supervisor at the other end of standard input to be gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    await stop.wait()
    loop.remove_reader(sys.stdin.fileno())
