"""Real Prometheus and Alertmanager processes on loopback, for drills, replays and tests.

Both are ordinary packages of the system (no service manager is needed); each server lives in a folder of its own, on
a free port, and ends with its context manager.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx
import yaml

from sre_bot.errors import BadInputError, ConfigurationError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.investigation import JsonObject

BACKFILL_WITHIN = 300.0
"""Seconds promtool has to turn samples into blocks."""
_POLL_EVERY = 0.05
_LOG_TAIL = 2_000
_FIND_ALERTMANAGER_S = 5
"""Prometheus needs so long to see its Alertmanager; what fires before is lost until it is sent again."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program we start: the names it goes by, and the packages that bring it."""

    names: tuple[str, ...]
    apt: str
    brew: str

    def find(self) -> str:
        """Its path.

        Raises:
            ConfigurationError: it is not installed; says how to install it.
        """
        found = next((path for name in self.names if (path := shutil.which(name))), None)
        if found is None:
            how = (
                f"brew install {self.brew}"
                if sys.platform == "darwin"
                else f"apt-get install --no-install-recommends {self.apt}"
            )
            raise ConfigurationError(f"{self.names[0]} is not installed; install it with: {how}")
        return found

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return any(shutil.which(name) for name in self.names)


PROMETHEUS = Program(("prometheus",), apt="prometheus", brew="prometheus")
PROMTOOL = Program(("promtool",), apt="prometheus", brew="prometheus")
ALERTMANAGER = Program(("prometheus-alertmanager", "alertmanager"), apt="prometheus-alertmanager", brew="alertmanager")


class Server:
    """One server process; use as an async context manager.

    Args:
        program: what to run.
        folder: where its configuration, data and log live; made if absent.
        path: path prefix under which it is served, e.g. ``/prometheus``; empty for none.
    """

    ready_within = 20.0
    """Seconds it has to come up."""
    stop_within = 10.0
    """Seconds it has to end after SIGTERM, before it is killed."""

    def __init__(self, program: Program, folder: Path, path: str = "") -> None:
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self.folder = folder
        self.log = folder / f"{program.names[0]}.log"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}{path.rstrip('/')}"

    def _arguments(self) -> list[str]:
        """Write the configuration and say how to start with it."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    async def start(self) -> None:
        """Start and wait until it is ready.

        Raises:
            ConfigurationError: the program is not installed.
            SourceUnavailableError: it did not come up; the end of its log says why.
        """
        program = self._program.find()
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = self._arguments()
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                program, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        ready = False
        try:
            ready = await self._wait_until_ready(self._process)
        finally:
            if not ready:
                await self.stop()
        if not ready:
            tail = self.log.read_text(errors="replace")[-_LOG_TAIL:].strip()
            raise SourceUnavailableError(self._program.names[0], f"did not come up; its log ends:\n{tail or '(empty)'}")

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> bool:
        deadline = asyncio.get_running_loop().time() + self.ready_within
        async with httpx.AsyncClient(trust_env=False, timeout=1.0) as client:
            while asyncio.get_running_loop().time() < deadline:
                if await _ended_within(process, _POLL_EVERY):
                    return False
                if await _answers(client, f"{self.url}/-/ready"):
                    return True
        return False

    async def stop(self) -> None:
        """End it; harmless when it is not running."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        if not await _ended_within(process, self.stop_within):
            process.kill()
            await process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()


class PrometheusServer(Server):
    """A Prometheus over ``folder/data`` (see `backfill`), that keeps everything for ten years.

    Args:
        folder: where its files live.
        scrape_configs: the ``scrape_configs`` of prometheus.yml.
        rules: text of a rule file (YAML), evaluated every ``interval_s``.
        alertmanagers: base URLs, e.g. ``AlertmanagerServer.url``.
        interval_s: scrape and evaluation interval, whole seconds.
        path: path prefix under which it is served.
    """

    def __init__(
        self,
        folder: Path,
        *,
        scrape_configs: Sequence[JsonObject] = (),
        rules: str = "",
        alertmanagers: Sequence[str] = (),
        interval_s: int = 15,
        path: str = "",
    ) -> None:
        super().__init__(PROMETHEUS, folder, path)
        self._scrape_configs = scrape_configs
        self._rules = rules
        self._alertmanagers = alertmanagers
        self._interval_s = interval_s

    def _arguments(self) -> list[str]:
        config = self.folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._config(), sort_keys=False))
        if self._rules:
            (self.folder / "rules.yml").write_text(self._rules)
        return [
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            "--storage.tsdb.retention.time=10y",  # by default an old block goes as soon as a newer one exists
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.external-url={self.url}",
            f"--rules.alert.resend-delay={max(_FIND_ALERTMANAGER_S, self._interval_s)}s",
            "--log.level=warn",
        ]

    def _config(self) -> JsonObject:
        interval = f"{self._interval_s}s"
        config: JsonObject = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": ["rules.yml"] if self._rules else [],
            "scrape_configs": list(self._scrape_configs),
        }
        if self._alertmanagers:
            config["alerting"] = {"alertmanagers": [_alertmanager_config(url) for url in self._alertmanagers]}
        return config


class AlertmanagerServer(Server):
    """A lone Alertmanager.

    Args:
        folder: where its files live.
        config: text of alertmanager.yml; by default it keeps alerts and notifies nobody.
        path: path prefix under which it is served.
    """

    def __init__(self, folder: Path, *, config: str = "", path: str = "") -> None:
        super().__init__(ALERTMANAGER, folder, path)
        self._config = config or "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

    def _arguments(self) -> list[str]:
        config = self.folder / "alertmanager.yml"
        config.write_text(self._config)
        return [
            f"--config.file={config}",
            f"--storage.path={self.folder / 'data'}",
            "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.external-url={self.url}",  # else links carry the host name
            "--log.level=warn",
        ]


async def backfill(openmetrics: str, folder: Path) -> None:
    """Turn OpenMetrics text into blocks that a `PrometheusServer` over the same folder serves; it must not run yet.

    Args:
        openmetrics: samples with timestamps in seconds, ending in ``# EOF``.
        folder: the server's folder.

    Raises:
        ConfigurationError: promtool is not installed.
        BadInputError: promtool refused the text; its words say where.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".om", encoding="utf-8") as samples:
        samples.write(openmetrics)
        samples.flush()
        await backfill_file(Path(samples.name), folder)


async def backfill_file(openmetrics: Path, folder: Path) -> None:
    """The same with a file. Raises as `backfill` does."""
    program = PROMTOOL.find()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    files = (str(openmetrics), str(folder / "data"))
    # the text is read once for every block: let them be long
    arguments = ("tsdb", "create-blocks-from", "--quiet", "openmetrics", "--max-block-duration=24h", *files)
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(BACKFILL_WITHIN):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise BadInputError(f"promtool cannot backfill this text: {errors.decode(errors='replace').strip()}")


def _alertmanager_config(url: str) -> JsonObject:
    parts = httpx.URL(url)
    return {
        "scheme": parts.scheme,
        "path_prefix": parts.path,
        "static_configs": [{"targets": [f"{parts.host}:{parts.port}"]}],
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _ended_within(process: asyncio.subprocess.Process, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return False
    return True


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
