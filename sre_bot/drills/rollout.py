"""How the shop's platform rolls out: a release out of the repository, a process on the service's socket, a log line."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.drills.processes import DrillProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sre_bot.drills.repository import ShopRepository

SERVICES = ("web", "checkout", "payments", "inventory")
"""Callers before what they call."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """One line of the deploy log."""

    time: datetime
    service: str
    sha: str

    @property
    def version(self) -> str:
        """Date and commit, as the shop names its versions."""
        return f"{self.time:%Y.%m.%d}-{self.sha[:7]}"

    def to_json(self) -> str:
        """The line, without its end."""
        time = self.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json.dumps({"time": time, "service": self.service, "sha": self.sha, "version": self.version})


class DeployLog:
    """``deploys.ndjson``: one deploy a line, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, deploys: Iterable[Deploy]) -> None:
        """Add lines at the end."""
        with self.path.open("a", encoding="utf-8") as log:
            log.writelines(f"{deploy.to_json()}\n" for deploy in deploys)


def listening_socket() -> socket.socket:
    """A socket that listens on a free loopback port; whoever inherits it may accept."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(256)
    return listening


def address(listening: socket.socket) -> str:
    """``host:port`` of a listening socket."""
    host, port = listening.getsockname()
    return f"{host}:{port}"


class Platform:
    """The services' processes.

    The platform holds every service's listening socket, so a new process is up on it before the old one stops, and no
    connection is refused or lost in between.

    Args:
        folder: for releases, logs and the hosts file.
        repository: where releases come from.
        sockets: one per service.
        hosts: address (``host:port``) by the names that services call.
    """

    def __init__(
        self, folder: Path, repository: ShopRepository, sockets: Mapping[str, socket.socket], hosts: Mapping[str, str]
    ) -> None:
        self._releases = folder / "releases"
        self._hosts = folder / "hosts.json"
        self._hosts.write_text(json.dumps(hosts), encoding="utf-8")
        self._repository = repository
        self._sockets = sockets
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.running: dict[str, DrillProcess] = {}

    async def start(self, deploys: Iterable[Deploy]) -> None:
        """Start every service at the commit of its deploy; `ready` must follow."""
        for deploy in deploys:
            self.running[deploy.service] = await self._spawn(deploy)

    async def ready(self) -> None:
        """Wait until every service is ready.

        Raises:
            DrillError: one did not start; the end of its log says why.
        """
        for process in self.running.values():
            await process.ready()

    async def replace(self, deploy: Deploy) -> None:
        """Start a service at the commit of a deploy, then stop the process that served before.

        Raises:
            DrillError: the new one did not start; the old one goes on.
        """
        new = await self._spawn(deploy)
        async with AsyncExitStack() as unless_ready:
            unless_ready.push_async_callback(new.stop)
            await new.ready()
            unless_ready.pop_all()
        old, self.running[deploy.service] = self.running[deploy.service], new
        await old.stop()

    async def stop(self) -> None:
        """Stop all, callers first: what they have begun can still end well."""
        for service in SERVICES:
            if process := self.running.pop(service, None):
                await process.stop()

    def ensure_running(self) -> None:
        """Check that none has ended by itself.

        Raises:
            DrillError: one has; the end of its log says why.
        """
        for process in self.running.values():
            process.ensure_running()

    async def _spawn(self, deploy: Deploy) -> DrillProcess:
        release = self._releases / deploy.service / deploy.version
        await self._repository.extract(deploy.sha, release)
        listening = self._sockets[deploy.service].fileno()
        arguments = [sys.executable, "-m", f"shop.{deploy.service}", f"--socket-fd={listening}"]
        arguments += [f"--hosts={self._hosts}", f"--version={deploy.version}", f"--revision={deploy.sha}"]
        log = self.logs / f"{deploy.service}.ndjson"
        return await DrillProcess.spawn(deploy.service, arguments, folder=release, log=log, sockets=[listening])
