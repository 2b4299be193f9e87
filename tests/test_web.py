"""What operators see: probes that are green while every check holds, red otherwise, and never slow; and metrics."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx
import pytest

from sre_bot.telemetry.metrics import Metrics
from sre_bot.web import start_web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sre_bot.web import Check


async def well() -> bool:
    return True


async def ill() -> bool:
    return False


async def hanging() -> bool:
    await asyncio.Event().wait()
    return True


@contextlib.asynccontextmanager
async def served(
    *, health: Mapping[str, Check] | None = None, readiness: Mapping[str, Check] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    metrics = Metrics(version="1.2.3", prompt="abc", model="first-look")
    runner = await start_web(
        "127.0.0.1", 0, health=health or {}, readiness=readiness or {}, metrics=metrics, seconds=0.05
    )
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
async def test_a_probe_is_green_when_all_its_checks_hold(
    checks: Mapping[str, Check], status: int, found: dict[str, bool]
) -> None:
    async with served(readiness=checks) as client:
        ready, healthy = await client.get("/readyz"), await client.get("/healthz")
    assert (ready.status_code, ready.json()) == (status, {"ok": status == 200, "checks": found})
    assert (healthy.status_code, healthy.json()) == (200, {"ok": True, "checks": {}})


async def test_health_has_checks_of_its_own() -> None:
    async with served(health={"database": ill}, readiness={"slack": well}) as client:
        assert (await client.get("/readyz")).status_code == 200
        response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (503, {"ok": False, "checks": {"database": False}})


async def test_metrics_tell_how_the_checks_are_now() -> None:
    async with served(readiness={"slack": ill, "database": well}) as client:
        response = await client.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.text.splitlines()
    assert {'sre_bot_check{check="slack"} 0.0', 'sre_bot_check{check="database"} 1.0'} <= set(lines)
    assert 'sre_bot_build_info{model="first-look",prompt="abc",version="1.2.3"} 1.0' in lines


async def test_there_is_nothing_else_to_see() -> None:
    async with served() as client:
        answers = [await client.get("/"), await client.post("/healthz"), await client.get("/healthz/../etc")]
    assert [answer.status_code for answer in answers] == [404, 405, 404]


async def test_a_taken_port_is_an_error() -> None:
    metrics = Metrics(version="1", prompt="abc", model="first-look")
    runner = await start_web("127.0.0.1", 0, health={}, readiness={}, metrics=metrics)
    try:
        with pytest.raises(OSError, match="address already in use"):
            await start_web("127.0.0.1", runner.addresses[0][1], health={}, readiness={}, metrics=metrics)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: bot\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: bot\r\nContent-Length: -1\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: bot\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nno",
        b"POST /healthz HTTP/1.1\r\nHost: bot\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno",
        b"GET /healthz HTTP/1.1\r\nHost: bot\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n",
    ],
    ids=["TLS", "a long header", "less than nothing", "brotli", "no gzip", "no chunk"],
)
async def test_a_stranger_causes_no_stack_trace_and_is_the_last_to_suffer(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(sent)
        answer = await reader.readline()
        writer.close()
        assert (await client.get("/healthz")).status_code == 200
    assert answer.split(b" ")[1] in {b"200", b"400", b"405"}
    assert not [record for record in caplog.records if record.exc_info]
    assert "x" * 100 not in caplog.text
