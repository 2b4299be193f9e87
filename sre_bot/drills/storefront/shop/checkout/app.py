"""Checkout: hold the goods, charge the card, write the order."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import prometheus_client
from aiohttp import web

if TYPE_CHECKING:
    from ..kit.calling import Peer
    from ..kit.launch import Setting
    from ..kit.pool import Pool

log = logging.getLogger(__name__)

PLACED = prometheus_client.Counter("orders_placed", "Orders paid for.")


def routes(app: web.Application, setting: Setting) -> None:
    """Add the service's routes."""
    service = Checkout(
        inventory=setting.peer(app, "inventory"),
        payments=setting.peer(app, "payments"),
        orders=setting.pool(),
        max_lines=int(setting.config["max_lines"]),
    )
    app.router.add_post("/orders", service.place)


@dataclass(frozen=True, slots=True)
class Checkout:
    """The handlers, around the two peers an order needs."""

    inventory: Peer
    payments: Peer
    orders: Pool
    max_lines: int

    async def place(self, request: web.Request) -> web.Response:
        """Turn a cart into a paid order. Goods of an order that fails go back by themselves: their hold lapses."""
        lines = (await request.json())["lines"]
        if not 1 <= len(lines) <= self.max_lines:
            return web.json_response({"error": f"an order has 1 to {self.max_lines} lines"}, status=422)
        order_id = uuid.uuid4().hex
        hold = await self.inventory.post("/reservations", {"order_id": order_id, "lines": lines})
        await self.payments.post("/charges", {"order_id": order_id, "amount_cents": hold["total_cents"]})
        async with self.orders.connection() as connection:
            await connection.execute("insert order", typical_ms=12)
        PLACED.inc()
        log.info("order placed", extra={"attributes": {"order_id": order_id, "lines": len(lines)}})
        return web.json_response({"order_id": order_id, "total_cents": hold["total_cents"]})
