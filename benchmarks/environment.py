"""Throw-away environments to measure in, and what running costs before anything is asked.

As a command it measures ours: packages, megabytes, the time of ``--help`` and of imports. Run
``.venv/bin/python benchmarks/environment.py`` in the checkout.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PEER = "holmesgpt"
PATIENCE = 200.0
RUNS = 5
MODULES = (
    "sre_bot.cli",
    "sre_bot.triage",
    "sre_bot.sources.prometheus",
    "sre_bot.slack.app",
    "sre_bot.durable",
    "sre_bot.bootstrap",
    "sre_bot.agent.claude",
)
_TOOLSETS = """
import json
from holmes.plugins.toolsets import load_builtin_toolsets
print(json.dumps([toolset.name for toolset in load_builtin_toolsets()]))
"""


class NoPeerError(Exception):
    """The peer cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with one program in it, and bytecode for everything."""

    python: Path

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        return self.python.parents[1] / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"

    @property
    def packages(self) -> int:
        """How many distributions are installed."""
        return len(list(self.site_packages.glob("*.dist-info")))

    @property
    def megabytes(self) -> float:
        """Size of what is installed, bytecode included, in MB (10^6)."""
        return megabytes(self.site_packages)

    def script(self, name: str) -> Path:
        """One of its programs."""
        return self.python.with_name(name)


def uv(*arguments: str | Path, timeout: float | None = None) -> None:
    """Run the locked uv. Raises CalledProcessError with what it said in ``stderr``, or TimeoutExpired."""
    command = [Path(sys.executable).with_name("uv"), "--quiet", "--system-certs", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, timeout=timeout, stderr=subprocess.PIPE, text=True)


def make_ours(folder: Path) -> Environment:
    """Only requirements/runtime.txt and our wheel, as in the image."""
    python = folder / "venv/bin/python"
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    target: tuple[str | Path, ...] = ("--compile-bytecode", "--link-mode=copy", "--python", python)
    uv("venv", "--python", sys.executable, folder / "venv")
    uv("pip", "sync", *target, "--require-hashes", "requirements/runtime.txt")
    uv("pip", "install", *target, "--no-deps", wheel)
    return Environment(python)


def make_peer(folder: Path) -> Environment:
    """The peer's newest release for this Python; what is already in ``folder`` is used again.

    Raises:
        NoPeerError: the registry does not have it, it does not run on this Python, or installing takes too long.
    """
    environment = Environment(folder / "venv/bin/python")
    if not (folder / "toolsets.json").exists():
        try:
            uv("venv", "--clear", "--python", sys.executable, folder / "venv")
            uv("pip", "install", "--compile-bytecode", "--python", environment.python, PEER, timeout=PATIENCE)
            command = [environment.python, "-c", _TOOLSETS]
            told = subprocess.run(command, cwd=folder, check=True, timeout=PATIENCE, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise NoPeerError(f"{PEER} cannot be installed here: {error.stderr.strip()[-1_000:]}") from error
        except subprocess.TimeoutExpired as error:
            raise NoPeerError(f"{PEER} was not installed within {error.timeout:.0f} s") from error
        (folder / "toolsets.json").write_text(told.stdout.splitlines()[-1])
    return environment


def peer_toolsets(folder: Path) -> list[str]:
    """Names of the tool sets that the peer brings along."""
    return [str(name) for name in json.loads((folder / "toolsets.json").read_text())]


def megabytes(folder: Path, pattern: str = "*") -> float:
    """Size of the files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()) / 1e6


def seconds(*command: str | Path) -> float:
    """Median wall time of a command over ``RUNS`` runs, after one to warm the disk cache."""
    times = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def main() -> None:
    """Measure ours and print."""
    with tempfile.TemporaryDirectory() as name:
        ours = make_ours(Path(name))
        bytecode = megabytes(ours.site_packages, "*.pyc")
        print(f"packages             {ours.packages}")
        print(f"megabytes            {ours.megabytes:.0f}, of which bytecode {bytecode:.0f}")
        bare = seconds(ours.python, "-c", "")
        print(f"python -c ''         {bare:.3f} s")
        print(f"sre-bot --help       {seconds(ours.script('sre-bot'), '--help'):.3f} s (median of {RUNS})")
        for module in MODULES:
            print(f"import {module:28}  +{seconds(ours.python, '-c', f'import {module}') - bare:.3f} s")


if __name__ == "__main__":
    main()
