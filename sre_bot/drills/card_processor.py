"""CardPay: a third party that authorises card payments. The shop sees its answers, never its insides.

Run as ``python -m sre_bot.drills.card_processor --socket-fd N``; a line of JSON on standard input changes how it does
(see `Condition`), the end of standard input ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import sys
import uuid
from dataclasses import asdict, dataclass

from aiohttp import web

HOST = "api.cardpay.example"
"""Its name in DNS, as callers' metrics show it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How it does: the share of requests it cannot serve, how long it takes, and what its status page says."""

    error_ratio: float = 0.0
    typical_ms: float = 175.0
    status: str = "All systems operational"

    def to_json(self) -> str:
        """One line for its standard input."""
        return json.dumps(asdict(self))


class CardProcessor:
    """The handlers, around how it does at present."""

    def __init__(self) -> None:
        self.condition = Condition()

    def application(self) -> web.Application:
        """What it serves."""
        app = web.Application()
        app.router.add_post("/v1/authorizations", self.authorize)
        app.router.add_get("/status", self.status)
        return app

    async def authorize(self, request: web.Request) -> web.Response:
        """Approve an amount, after the time that banks take."""
        order = await request.json()
        await asyncio.sleep(random.lognormvariate(0, 0.2) * self.condition.typical_ms / 1e3)
        if random.random() < self.condition.error_ratio:  # noqa: S311 whom chance fails needs no cryptography
            return web.json_response({"error": "temporarily unavailable"}, status=503, headers={"Retry-After": "30"})
        return web.json_response({"id": f"auth_{uuid.uuid4().hex[:20]}", "amount": order["amount"], "approved": True})

    async def status(self, _request: web.Request) -> web.Response:
        """Its status page."""
        return web.json_response({"page": "CardPay Status", "status": self.condition.status})

    async def listen_to(self, lines: asyncio.StreamReader) -> None:
        """Change as told, until the lines end."""
        while line := await lines.readline():
            self.condition = Condition(**json.loads(line))


async def serve(socket_fd: int) -> None:
    """Serve on an inherited socket until standard input ends."""
    processor = CardProcessor()
    runner = web.AppRunner(processor.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, socket.socket(fileno=socket_fd)).start()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await processor.listen_to(lines)
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket-fd", type=int, required=True)
    asyncio.run(serve(parser.parse_args().socket_fd))
