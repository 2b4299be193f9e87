"""Customers: an open loop of visits that come whether or not the shop keeps up.

Run as ``python -m sre_bot.drills.customers --shop URL``; ends when standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BROWSE, LOOK, BUY = 14.0, 10.0, 6.0
"""Visits per second by what they do."""
MOST_AT_ONCE = 300
"""Visits beyond this turn away at the door: a shop that hangs must not eat our memory."""
PATIENCE_S = 8.0

# Whom chance sends, and when, needs no cryptography.
_chance = random.Random()  # noqa: S311 as said


class Customers:
    """What customers do; failures are the shop's to count."""

    def __init__(self, session: aiohttp.ClientSession, skus: list[str]) -> None:
        self._session = session
        self._skus = skus

    async def browse(self) -> None:
        """Look at the shelf."""
        await self._ask("GET", "/")

    async def look(self) -> None:
        """Look at one product."""
        await self._ask("GET", f"/products/{_chance.choice(self._skus)}")

    async def buy(self) -> None:
        """Pay for a cart."""
        skus = _chance.sample(self._skus, k=_chance.randint(8, 16))
        await self._ask("POST", "/checkout", {"lines": [{"sku": sku, "quantity": 1} for sku in skus]})

    async def _ask(self, method: str, path: str, cart: object = None) -> None:
        try:
            async with self._session.request(method, path, json=cart) as response:
                await response.read()
        except (TimeoutError, aiohttp.ClientError):
            return


async def keep_coming(per_second: float, visit: Callable[[], Awaitable[None]]) -> None:
    """Start visits at that rate, forever, without waiting for any to end."""
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[None]] = set()
    arrival = loop.time()
    while True:
        arrival += _chance.uniform(0.5, 1.5) / per_second
        await asyncio.sleep(arrival - loop.time())
        if len(under_way) < MOST_AT_ONCE:
            task = asyncio.ensure_future(visit())
            under_way.add(task)
            task.add_done_callback(under_way.discard)


async def visit_until_told(shop: str) -> None:
    """Send customers to a shop until standard input ends."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(shop, timeout=timeout, connector=connector) as session:
        async with session.get("/") as response:
            skus = re.findall(r'href="/products/([\w-]+)"', await response.text())
        customers = Customers(session, skus)
        visits = ((BROWSE, customers.browse), (LOOK, customers.look), (BUY, customers.buy))
        coming = [asyncio.create_task(keep_coming(per_second, visit)) for per_second, visit in visits]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        for task in coming:
            task.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--shop", required=True, help="base URL of the front door")
    asyncio.run(visit_until_told(parser.parse_args().shop))
