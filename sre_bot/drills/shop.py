"""The shop, running: its services, its customers, its card processor, and the Prometheus and Alertmanager over it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from sre_bot.drills import card_processor, history
from sre_bot.drills.processes import DrillProcess
from sre_bot.drills.repository import ShopRepository
from sre_bot.drills.rollout import SERVICES, Deploy, DeployLog, Platform, address, listening_socket
from sre_bot.errors import DrillError
from sre_bot.servers import AlertmanagerServer, PrometheusServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from sre_bot.drills.card_processor import Condition
    from sre_bot.drills.history import Commit
    from sre_bot.investigation import JsonValue

SEEN_WITHIN = 15.0
"""Seconds until Prometheus must have scraped every service."""
_POLL_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that is open; made by `open_shop`.

    ``deploys`` is the deploy log, one JSON object a line; ``platform.logs`` is the folder of the services' logs.
    """

    prometheus_url: str
    alertmanager_url: str
    repository: ShopRepository
    deploys: DeployLog
    platform: Platform
    customers: DrillProcess
    card_processor: DrillProcess
    http: httpx.AsyncClient

    @property
    def runbooks(self) -> Path:
        """Folder of the runbooks that the alerts link to."""
        return self.repository.path / "docs" / "runbooks"

    async def commit(self, commit: Commit) -> str:
        """Commit a change now; the full sha.

        Raises:
            ValueError: its edits do not fit the files.
        """
        return await self.repository.commit(commit, datetime.now(UTC))

    async def deploy(self, service: str, sha: str) -> Deploy:
        """Roll a service out at a commit, without an interruption, and log it.

        Raises:
            DrillError: no such commit, or the service did not start; the old process goes on.
        """
        deploy = Deploy(datetime.now(UTC), service, sha)
        await self.platform.replace(deploy)
        self.deploys.append([deploy])
        return deploy

    async def put_card_processor_in(self, condition: Condition) -> None:
        """Let the card processor do better or worse."""
        await self.card_processor.tell(condition.to_json())

    async def firing(self) -> frozenset[str]:
        """Names of the alerts that Alertmanager holds.

        Raises:
            DrillError: a process has crashed, or Alertmanager does not answer.
        """
        self.ensure_open()
        alerts = await self._get(f"{self.alertmanager_url}/api/v2/alerts")
        return frozenset(alert["labels"]["alertname"] for alert in alerts)

    async def wait_until_seen(self) -> None:
        """Wait until Prometheus has scraped every service.

        Raises:
            DrillError: a process has crashed, or it has not within `SEEN_WITHIN` s.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SEEN_WITHIN
        while loop.time() < deadline:
            self.ensure_open()
            answer = await self._get(f"{self.prometheus_url}/api/v1/query", query='count(up{job="shop"} == 1)')
            if [sample["value"][1] for sample in answer["data"]["result"]] == [str(len(SERVICES))]:
                return
            await asyncio.sleep(_POLL_EVERY)
        raise DrillError(f"Prometheus has not scraped every service within {SEEN_WITHIN:g} s")

    def ensure_open(self) -> None:
        """Check that every process still runs.

        Raises:
            DrillError: one has ended by itself; the end of its log says why.
        """
        self.platform.ensure_running()
        self.customers.ensure_running()
        self.card_processor.ensure_running()

    async def _get(self, url: str, **parameters: str) -> Any:
        try:
            return (await self.http.get(url, params=parameters)).raise_for_status().json()
        except httpx.HTTPError as error:
            raise DrillError(f"{url} does not answer: {error!r}") from error


@asynccontextmanager
async def open_shop(folder: Path) -> AsyncIterator[Shop]:
    """Open a shop under a folder of its own (absent or empty), and close it at the end.

    It is open once customers come and Prometheus has seen every service.

    Raises:
        ConfigurationError: git, Prometheus or Alertmanager is not installed.
        DrillError: one of its processes did not start.
        SourceUnavailableError: Prometheus or Alertmanager did not come up.
    """
    repository = ShopRepository(folder / "repository")
    deploys = DeployLog(folder / "deploys.ndjson")
    past = await _write_past(repository, deploys)
    async with AsyncExitStack() as stack:
        sockets = {name: stack.enter_context(listening_socket()) for name in (*SERVICES, card_processor.HOST)}
        addresses = {name: address(listening) for name, listening in sockets.items()}
        # Prometheus looks for its targets 5 s after it came up, whatever it is told. Everything else starts meanwhile,
        # and each while the one before still loads.
        alertmanager = AlertmanagerServer(folder / "alertmanager")
        prometheus = await stack.enter_async_context(_prometheus(folder, repository, addresses, alertmanager.url))
        start = partial(_start_outsider, stack, folder)
        processor_fd = sockets[card_processor.HOST].fileno()
        processor = await start("card_processor", f"--socket-fd={processor_fd}", sockets=[processor_fd])
        platform = Platform(folder, repository, sockets, addresses)
        stack.push_async_callback(platform.stop)
        await platform.start({deploy.service: deploy for deploy in past}.values())
        await stack.enter_async_context(alertmanager)
        await processor.ready()
        await platform.ready()
        customers = await start("customers", f"--shop=http://{addresses['web']}")
        await customers.ready()
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=5.0))
        shop = Shop(prometheus.url, alertmanager.url, repository, deploys, platform, customers, processor, http)
        await shop.wait_until_seen()
        yield shop


def _prometheus(
    folder: Path, repository: ShopRepository, addresses: Mapping[str, str], alertmanager_url: str
) -> PrometheusServer:
    """A Prometheus that scrapes the services every second and evaluates the repository's alerts."""
    targets: list[JsonValue] = [
        {"targets": [addresses[service]], "labels": {"service": service}} for service in SERVICES
    ]
    return PrometheusServer(
        folder / "prometheus",
        scrape_configs=[{"job_name": "shop", "static_configs": targets}],
        rules=(repository.path / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"),
        alertmanagers=[alertmanager_url],
        interval_s=1,
    )


async def _write_past(repository: ShopRepository, log: DeployLog) -> list[Deploy]:
    """Make the repository and the deploy log; the deploys, oldest first."""
    now = datetime.now(UTC)
    commits = history.past()
    shas = await repository.build(commits, now)
    deploys = [Deploy(past.time, past.service, shas[past.commit]) for past in history.deploys(commits, now)]
    log.append(deploys)
    return deploys


async def _start_outsider(
    stack: AsyncExitStack, folder: Path, module: str, argument: str, sockets: Sequence[int] = ()
) -> DrillProcess:
    """Start a process that is not the shop's own; its `ready` must follow, and it ends with the stack."""
    arguments = [sys.executable, "-m", f"sre_bot.drills.{module}", argument]
    process = await DrillProcess.spawn(module, arguments, folder=folder, log=folder / f"{module}.log", sockets=sockets)
    stack.push_async_callback(process.stop)
    return process
