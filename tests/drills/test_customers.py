"""Customers come at their rate whether or not the shop keeps up, and survive what it does to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from sre_bot.drills.customers import MOST_AT_ONCE, Customers, keep_coming

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def begun(visit: Callable[[], Awaitable[None]], per_second: float, enough: asyncio.Event) -> None:
    coming = asyncio.create_task(keep_coming(per_second, visit))
    async with asyncio.timeout(60):
        await enough.wait()
    coming.cancel()


async def test_visits_do_not_wait_for_each_other_and_a_hanging_shop_is_bounded() -> None:
    under_way, at_the_limit = 0, asyncio.Event()

    async def hang() -> None:
        nonlocal under_way
        under_way += 1
        if under_way == MOST_AT_ONCE:
            asyncio.get_running_loop().call_later(0.05, at_the_limit.set)
        await asyncio.Event().wait()

    await begun(hang, 5_000, at_the_limit)
    assert under_way == MOST_AT_ONCE
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_customers_browse_look_and_buy_and_do_not_mind_errors() -> None:
    asked: list[tuple[str, str, Any]] = []

    async def note(request: web.Request) -> web.Response:
        asked.append((request.method, request.path, await request.json() if request.can_read_body else None))
        return web.Response(status=500)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", note)
    skus = [f"sku-{number}" for number in range(16)]
    async with TestServer(app) as shop, aiohttp.ClientSession(str(shop.make_url("/"))) as session:
        customers = Customers(session, skus)
        for visit in (customers.browse, customers.look, customers.buy):
            await visit()
    assert [method for method, _, _ in asked] == ["GET", "GET", "POST"]
    assert asked[1][1].removeprefix("/products/") in skus
    lines = asked[2][2]["lines"]
    assert 8 <= len({line["sku"] for line in lines}) == len(lines) <= 16


async def test_a_shop_that_is_gone_is_a_visit_like_any_other() -> None:
    async with TestServer(web.Application()) as gone:
        url = str(gone.make_url("/"))
    async with aiohttp.ClientSession(url) as session:
        await Customers(session, ["tea"]).browse()
