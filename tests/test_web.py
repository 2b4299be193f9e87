"""The health page: green while every check holds, red otherwise, and never slow."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx
import pytest

from sre_bot.web import start_web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping


async def well() -> bool:
    return True


async def ill() -> bool:
    return False


async def hanging() -> bool:
    await asyncio.Event().wait()
    return True


@contextlib.asynccontextmanager
async def page(checks: Mapping[str, Callable[[], Awaitable[bool]]]) -> AsyncIterator[httpx.AsyncClient]:
    runner = await start_web("127.0.0.1", 0, checks, seconds=0.05)
    host, port = runner.addresses[0][:2]
    try:
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
            yield client
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("checks", "status", "found"),
    [
        ({"slack": well, "database": well}, 200, {"slack": True, "database": True}),
        ({"slack": ill, "database": well}, 503, {"slack": False, "database": True}),
        ({"slack": well, "database": hanging}, 503, {"slack": True, "database": False}),
    ],
)
async def test_health_is_the_health_of_every_part(
    checks: Mapping[str, Callable[[], Awaitable[bool]]], status: int, found: dict[str, bool]
) -> None:
    async with page(checks) as client:
        response = await client.get("/healthz")
    assert response.status_code == status
    assert response.json() == {"ok": status == 200, "checks": found}


async def test_there_is_nothing_else_to_see() -> None:
    async with page({}) as client:
        answers = [await client.get("/"), await client.post("/healthz"), await client.get("/healthz/../metrics")]
    assert [answer.status_code for answer in answers] == [404, 405, 404]


async def test_a_taken_port_is_an_error() -> None:
    runner = await start_web("127.0.0.1", 0, {})
    try:
        with pytest.raises(OSError, match="address already in use"):
            await start_web("127.0.0.1", runner.addresses[0][1], {})
    finally:
        await runner.cleanup()
