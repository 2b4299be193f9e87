"""What running costs before anything is asked: packages, megabytes, the time of ``--help`` and of imports.

Makes a throw-away environment with only requirements/runtime.txt and our wheel, as the Dockerfile does, and measures
there. Run ``.venv/bin/python benchmarks/environment.py`` in the checkout.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
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


def uv(*arguments: str | Path) -> None:
    """Run the locked uv."""
    subprocess.run([Path(sys.executable).with_name("uv"), "--quiet", *arguments], cwd=ROOT, check=True)


def make_environment(folder: Path) -> Path:
    """A runtime-only environment with bytecode, as in the image; returns its Python."""
    python = folder / "venv/bin/python"
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    target: tuple[str | Path, ...] = ("--compile-bytecode", "--link-mode=copy", "--python", python)
    uv("venv", "--python", sys.executable, folder / "venv")
    uv("pip", "sync", *target, "--require-hashes", "requirements/runtime.txt")
    uv("pip", "install", *target, "--no-deps", wheel)
    return python


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
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        python = make_environment(Path(name))
        packages = python.parents[1] / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
        distributions = len(list(packages.glob("*.dist-info")))
        bytecode = megabytes(packages, "*.pyc")
        print(f"packages             {distributions}")
        print(f"megabytes            {megabytes(packages):.0f}, of which bytecode {bytecode:.0f}")
        bare = seconds(python, "-c", "")
        print(f"python -c ''         {bare:.3f} s")
        print(f"sre-bot --help       {seconds(python.with_name('sre-bot'), '--help'):.3f} s (median of {RUNS})")
        for module in MODULES:
            print(f"import {module:28}  +{seconds(python, '-c', f'import {module}') - bare:.3f} s")


if __name__ == "__main__":
    main()
