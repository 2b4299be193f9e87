"""Real servers start on loopback, are ready when we say so, and say why when they are not."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import httpx
import pytest

from sre_bot.errors import BadInputError, ConfigurationError, SourceUnavailableError
from sre_bot.servers import AlertmanagerServer, Program, PrometheusServer, Server, backfill

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
groups:
  - name: shop
    rules:
      - {alert: Always, expr: vector(1), labels: {severity: page}}
"""


async def _get(url: str, **params: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, params=params)


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
class TestPrometheus:
    async def test_serves_backfilled_samples_of_years_ago(self, tmp_path: Path) -> None:
        await backfill('# TYPE up gauge\nup{job="x"} 7 1577880000\n# EOF\n', tmp_path)
        async with PrometheusServer(tmp_path) as server:
            answer = await _get(f"{server.url}/api/v1/query", query="up", time="1577880010")
        assert answer.json()["data"]["result"][0]["value"][1] == "7"

    async def test_process_is_gone_afterwards(self, tmp_path: Path) -> None:
        async with PrometheusServer(tmp_path) as server:
            pid = server.pid
            assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        await server.stop()  # stopping twice is harmless

    async def test_a_server_that_cannot_start_says_why(self, tmp_path: Path) -> None:
        server = PrometheusServer(tmp_path, rules="groups: [{name: broken, rules: [{alert: A, expr: 'sum('}]}]")
        with pytest.raises(SourceUnavailableError, match="could not parse expression"):
            await server.start()
        assert server.pid is None

    async def test_promtool_words_are_kept(self, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="does not end with # EOF"):
            await backfill("up 1 1577880000\n", tmp_path)


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed", "alertmanager_installed")
async def test_a_rule_fires_into_alertmanager_under_a_path_prefix(tmp_path: Path) -> None:
    async with (
        AlertmanagerServer(tmp_path / "am", path="/am") as alertmanager,
        PrometheusServer(
            tmp_path / "prometheus", rules=RULES, alertmanagers=[alertmanager.url], interval_s=1, path="/prometheus"
        ),
        httpx.AsyncClient(trust_env=False) as client,
        asyncio.timeout(30),
    ):
        alerts: list[dict[str, dict[str, str]]] = []
        while not alerts:
            alerts = (await client.get(f"{alertmanager.url}/api/v2/alerts")).json()
    assert alerts[0]["labels"] == {"alertname": "Always", "severity": "page"}


def test_a_missing_program_says_how_to_install_it() -> None:
    program = Program(("no-such-program",), apt="some-package", brew="some-formula")
    assert not program.installed
    with pytest.raises(ConfigurationError, match=r"no-such-program is not installed.*install.*some-"):
        program.find()


class _Deaf(Server):
    """A server that never listens and ignores the request to end."""

    ready_within = 0.5
    stop_within = 0.1

    def _arguments(self) -> list[str]:
        return ["-c", "trap '' TERM; echo deaf; exec sleep 60"]


@pytest.mark.real
async def test_one_that_never_listens_is_killed_and_its_log_told(tmp_path: Path) -> None:
    server = _Deaf(Program(("sh",), apt="", brew=""), tmp_path)
    with pytest.raises(SourceUnavailableError, match="did not come up; its log ends:\ndeaf"):
        await server.start()
    assert server.pid is None
