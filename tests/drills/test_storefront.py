"""The shop's services, as checked in, fail the way its runbooks say they fail."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import prometheus_client
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sre_bot.drills import history
from sre_bot.drills.card_processor import HOST, CardProcessor, Condition
from sre_bot.drills.storefront.shop.checkout.app import routes as checkout_routes
from sre_bot.drills.storefront.shop.inventory.app import routes as inventory_routes
from sre_bot.drills.storefront.shop.inventory.stock import Product, SoldOutError, Stock
from sre_bot.drills.storefront.shop.kit import launch
from sre_bot.drills.storefront.shop.kit.logs import JsonLines
from sre_bot.drills.storefront.shop.payments.app import routes as payments_routes
from sre_bot.drills.storefront.shop.web.app import routes as web_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Routes = Callable[[web.Application, launch.Setting], None]
    Client = TestClient[web.Request, web.Application]

CART = {"lines": [{"sku": "bread-rye", "quantity": 2}, {"sku": "tea-mint", "quantity": 1}]}
ORDER = {"order_id": "o1", "amount_cents": 1027}


def config(service: str) -> dict[str, Any]:
    """The service's configuration as checked in."""
    read: dict[str, Any] = yaml.safe_load(history.storefront()[f"shop/{service}/config.yaml"])
    return read


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(app)) as client:
        yield client


def service(routes: Routes, config: dict[str, Any], **peers: Client) -> web.Application:
    hosts = {HOST if name == "processor" else name: f"{peer.host}:{peer.port}" for name, peer in peers.items()}
    return launch.application(routes, launch.Setting(config, hosts))


def answering(method: str, path: str, answer: Callable[[web.Request], Awaitable[web.Response]]) -> web.Application:
    """A peer with one route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(request)

    app = web.Application()
    app.router.add_route(method, path, handle)
    return app


def sample(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_an_order_goes_from_the_front_door_to_the_card_and_back() -> None:
    async with (
        serving(CardProcessor().application()) as processor,
        serving(service(payments_routes, config("payments"), processor=processor)) as payments,
        serving(service(inventory_routes, config("inventory"))) as inventory,
        serving(service(checkout_routes, config("checkout"), inventory=inventory, payments=payments)) as checkout,
        serving(service(web_routes, config("web"), inventory=inventory, checkout=checkout)) as shop,
    ):
        shelf = await (await shop.get("/")).text()
        assert '<a href="/products/bread-rye">Rye bread</a> 3.89 €' in shelf
        assert "600 left" in await (await shop.get("/products/bread-rye")).text()
        placed = await shop.post("/checkout", json=CART)
        assert (placed.status, (await placed.json())["total_cents"]) == (200, 2 * 389 + 249)
        assert "598 left" in await (await shop.get("/products/bread-rye")).text()


async def test_a_card_processor_in_trouble_makes_a_charge_a_502_counted_by_its_host() -> None:
    labels = {"server_address": HOST, "method": "POST", "status": "503"}
    before = sample("http_client_requests_total", **labels)
    broken = CardProcessor()
    broken.condition = Condition(error_ratio=1.0, typical_ms=1, status="down")
    async with (
        serving(broken.application()) as processor,
        serving(service(payments_routes, config("payments"), processor=processor)) as payments,
    ):
        answer = await payments.post("/charges", json=ORDER)
        assert answer.status == 502
        assert "api.cardpay.example: answered 503" in (await answer.json())["error"]
        assert (await (await processor.get("/status")).json())["status"] == "down"
    assert sample("http_client_requests_total", **labels) == before + 1


async def test_a_peer_slower_than_its_deadline_is_a_504() -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.json_response({"id": "late"})

    hasty = config("payments")
    hasty["peers"][HOST]["timeout_s"] = 0.02
    async with (
        serving(answering("POST", "/v1/authorizations", slow)) as processor,
        serving(service(payments_routes, hasty, processor=processor)) as payments,
    ):
        answer = await payments.post("/charges", json=ORDER)
        assert answer.status == 504
        assert "within 0.02 s" in (await answer.json())["error"]


async def test_an_idle_connection_that_a_peer_closed_costs_nothing() -> None:
    calls = []

    async def drop_the_second(request: web.Request) -> web.Response:
        calls.append(request)
        if len(calls) == 2 and request.transport is not None:
            request.transport.abort()
        return web.json_response({"id": f"auth_{len(calls)}"})

    async with (
        serving(answering("POST", "/v1/authorizations", drop_the_second)) as processor,
        serving(service(payments_routes, config("payments"), processor=processor)) as payments,
    ):
        answers = [await (await payments.post("/charges", json=ORDER)).json() for _ in range(2)]
    assert [answer["charge_id"] for answer in answers] == ["auth_1", "auth_3"]


async def test_a_peer_that_cannot_be_reached_is_a_502() -> None:
    async with serving(web.Application()) as gone:
        pass
    async with serving(service(payments_routes, config("payments"), processor=gone)) as payments:
        answer = await payments.post("/charges", json=ORDER)
        assert (answer.status, "connection failed" in (await answer.json())["error"]) == (502, True)


async def test_whoever_waits_too_long_for_a_connection_gets_a_503_and_the_pool_says_so() -> None:
    before = sample("db_pool_timeouts_total", database="stock-db")
    short = config("inventory")
    short["database"]["pool"] = {"max_connections": 1, "acquire_timeout_s": 0.01}
    async with serving(service(inventory_routes, short)) as inventory:
        answers = await asyncio.gather(*(inventory.get("/products") for _ in range(3)))
        assert sorted(answer.status for answer in answers) == [200, 503, 503]
        assert sample("db_pool_connections_max", database="stock-db") == 1
    assert sample("db_pool_timeouts_total", database="stock-db") == before + 2
    assert sample("db_pool_connections_in_use", database="stock-db") == 0


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 422),
        ([{"sku": "bread-rye", "quantity": 1}] * 41, 422),
        ([{"sku": "bread-rye", "quantity": 601}], 409),
    ],
)
async def test_an_order_that_cannot_be_is_refused(lines: list[dict[str, Any]], status: int) -> None:
    async with (
        serving(service(inventory_routes, config("inventory"))) as inventory,
        serving(service(checkout_routes, config("checkout"), inventory=inventory, payments=inventory)) as checkout,
    ):
        assert (await checkout.post("/orders", json={"lines": lines})).status == status


async def test_requests_are_counted_by_route_from_zero_on() -> None:
    async with serving(service(inventory_routes, config("inventory"))) as inventory:
        text = await (await inventory.get("/metrics")).text()
        assert 'http_requests_total{method="POST",route="/reservations",status="503"}' in text
        labels = {"method": "GET", "route": "/products/{sku}", "status": "404"}
        before = sample("http_requests_total", **labels)
        assert (await inventory.get("/products/unicorn")).status == 404
        assert sample("http_requests_total", **labels) == before + 1
        assert (await inventory.get("/healthz")).status == 200
        assert 'route="/healthz"' not in await (await inventory.get("/metrics")).text()


def test_a_hold_is_all_or_nothing_and_lapses() -> None:
    stock = Stock({sku: Product(sku, sku, 100, shelf=5) for sku in ("tea", "bread")}, hold_lapses_after_s=60)
    assert stock.hold({"tea": 3, "bread": 1}, now=0) == 400
    with pytest.raises(SoldOutError, match="tea"):
        stock.hold({"bread": 1, "tea": 3}, now=59)
    assert [stock.available(sku, now=59) for sku in ("tea", "bread")] == [2, 4]
    assert [stock.available(sku, now=60) for sku in ("tea", "bread")] == [5, 5]


def test_a_log_line_is_one_json_object_even_with_a_stack_trace() -> None:
    record = logging.makeLogRecord({"msg": "no\nluck", "levelname": "ERROR", "created": 0.5})
    record.exc_info = (ValueError, ValueError("x"), None)
    line = JsonLines("web").format(record)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "service": "web",
        "severity": "ERROR",
        "message": "no\nluck",
        "attributes": {"exception": "ValueError: x"},
    }
