"""Inventory: list goods, look one up, hold some for an order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web

from .stock import SoldOutError, Stock, read_catalogue

if TYPE_CHECKING:
    from ..kit.launch import Setting
    from ..kit.pool import Pool


def routes(app: web.Application, setting: Setting) -> None:
    """Add the service's routes."""
    service = Inventory(setting.pool(), Stock(read_catalogue(), float(setting.config["hold_lapses_after_s"])))
    app.router.add_get("/products", service.list_products)
    app.router.add_get("/products/{sku}", service.show_product)
    app.router.add_post("/reservations", service.reserve)


class Inventory:
    """The handlers, around one pool."""

    def __init__(self, pool: Pool, stock: Stock) -> None:
        self._pool = pool
        self._stock = stock

    async def list_products(self, _request: web.Request) -> web.Response:
        """All products with what is available of each."""
        async with self._pool.connection() as connection:
            await connection.execute("select products join stock", typical_ms=80)
        now = time.monotonic()
        return web.json_response({"products": [self._describe(sku, now) for sku in self._stock.products]})

    async def show_product(self, request: web.Request) -> web.Response:
        """One product."""
        sku = request.match_info["sku"]
        if sku not in self._stock.products:
            raise web.HTTPNotFound
        async with self._pool.connection() as connection:
            await connection.execute("select product", typical_ms=50)
        return web.json_response(self._describe(sku, time.monotonic()))

    async def reserve(self, request: web.Request) -> web.Response:
        """Hold the lines of an order, all or nothing, in one transaction."""
        wanted = {line["sku"]: int(line["quantity"]) for line in (await request.json())["lines"]}
        async with self._pool.connection() as connection:
            await connection.execute("select stock for update", typical_ms=100)
            try:
                total_cents = self._stock.hold(wanted, time.monotonic())
            except SoldOutError as error:
                return web.json_response({"error": f"sold out: {error}"}, status=409)
            await connection.execute("insert holds", typical_ms=90)
        return web.json_response({"total_cents": total_cents})

    def _describe(self, sku: str, now: float) -> dict[str, str | int]:
        product = self._stock.products[sku]
        return {
            "sku": product.sku,
            "name": product.name,
            "price_cents": product.price_cents,
            "available": self._stock.available(sku, now),
        }
