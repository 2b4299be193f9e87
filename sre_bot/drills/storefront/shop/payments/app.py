"""Payments: charge a card and write it in the ledger."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import prometheus_client
from aiohttp import web

if TYPE_CHECKING:
    from ..kit.calling import Peer
    from ..kit.launch import Setting
    from ..kit.pool import Pool

log = logging.getLogger(__name__)

CHARGED = prometheus_client.Counter("payments_charged_cents", "Money charged.", ("currency",))


def routes(app: web.Application, setting: Setting) -> None:
    """Add the service's routes."""
    service = Payments(
        processor=setting.peer(app, "api.cardpay.example"),
        ledger=setting.pool(),
        currency=setting.config["currency"],
    )
    app.router.add_post("/charges", service.charge)


@dataclass(frozen=True, slots=True)
class Payments:
    """The handlers, around the card processor and the ledger."""

    processor: Peer
    ledger: Pool
    currency: str

    async def charge(self, request: web.Request) -> web.Response:
        """Authorise the amount with the processor, then book it."""
        order = await request.json()
        authorization = await self.processor.post(
            "/v1/authorizations",
            {"amount": order["amount_cents"], "currency": self.currency, "reference": order["order_id"]},
        )
        async with self.ledger.connection() as connection:
            await connection.execute("insert ledger entry", typical_ms=15)
        CHARGED.labels(self.currency).inc(order["amount_cents"])
        log.info("charged", extra={"attributes": {"order_id": order["order_id"], "authorization": authorization["id"]}})
        return web.json_response({"charge_id": authorization["id"]})
