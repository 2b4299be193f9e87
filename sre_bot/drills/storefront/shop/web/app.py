"""Web: what a browser talks to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from . import pages

if TYPE_CHECKING:
    from ..kit.calling import Peer
    from ..kit.launch import Setting


def routes(app: web.Application, setting: Setting) -> None:
    """Add the service's routes."""
    service = Web(
        inventory=setting.peer(app, "inventory"),
        checkout=setting.peer(app, "checkout"),
        banner=setting.config["banner"],
    )
    app.router.add_get("/", service.home)
    app.router.add_get("/products/{sku}", service.product)
    app.router.add_post("/checkout", service.check_out)


@dataclass(frozen=True, slots=True)
class Web:
    """The handlers, around the peers behind the pages."""

    inventory: Peer
    checkout: Peer
    banner: str

    async def home(self, _request: web.Request) -> web.Response:
        """The shelf."""
        answer = await self.inventory.get("/products")
        return web.Response(text=pages.shelf(answer["products"], self.banner), content_type="text/html")

    async def product(self, request: web.Request) -> web.Response:
        """One product."""
        item = await self.inventory.get(f"/products/{request.match_info['sku']}")
        return web.Response(text=pages.product(item), content_type="text/html")

    async def check_out(self, request: web.Request) -> web.Response:
        """Pay for the cart."""
        order = await self.checkout.post("/orders", {"lines": (await request.json())["lines"]})
        return web.json_response(order)
