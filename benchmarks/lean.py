"""How lean we are, beside a well-known open peer, HolmesGPT, measured the same way in the same run; Linux only.

Packages and megabytes of a runtime-only environment; seconds of ``--help``; one question of two model turns and five
parallel metric queries against a real Prometheus: seconds besides the model, peak memory, prompt tokens before the
question; and a warm server. Run ``.venv/bin/python -m benchmarks.lean``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import environment, question, warm
from benchmarks.environment import NoPeerError
from benchmarks.relay import seconds_covered
from benchmarks.watched import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.environment import Environment
    from benchmarks.watched import Ran

BUSY = 0.3
"""Load a core at the start, from which on others take part of the machine and seconds are not to be trusted."""
LIMITS = {
    "packages": 75,
    "MB on disk": 380,
    "--help, s": 0.5,
    "question besides the model, s": 2,
    "question, peak MB": 150,
    "prompt before the question, tokens": 3_000,
    "warm: answer besides all others, s": 0.1,
}

Figures = dict[str, list[float]]
"""What was measured, each as often as it was."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that answers questions: how it is told to, with which environment."""

    environment: Environment
    name: str
    arguments: Sequence[str]
    variables: Mapping[str, str]
    is_ours: bool

    def run(self, arguments: Sequence[str], folder: Path, **more: str) -> Ran:
        """Run it to its end. Raises RuntimeError when it fails."""
        variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **self.variables, **more}
        return run([self.environment.script(self.name), *arguments], folder=folder, environment=variables)


def ours(made: Environment, prometheus: str) -> Program:
    """``sre-bot ask``."""
    return Program(made, "sre-bot", ["ask", question.QUESTION], {"PROMETHEUS_URL": prometheus}, is_ours=True)


def peer(made: Environment, prometheus: str, toolsets: Iterable[str], folder: Path) -> Program:
    """``holmes ask`` with its Prometheus tools and no others; it is spared to ask the internet for model prices."""
    switches: dict[str, object] = {name: {"enabled": False} for name in toolsets}
    switches["prometheus/metrics"] = {"enabled": True, "config": {"prometheus_url": prometheus}}
    config = folder / "peer.yaml"
    config.write_text(json.dumps({"model": "anthropic/claude-sonnet-5-5", "toolsets": switches}))
    arguments = ["ask", "--no-interactive", "--config", str(config), question.QUESTION]
    variables = {"TEMPERATURE": "none", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Program(made, "holmes", arguments, variables, is_ours=False)


async def measure(program: Program, folder: Path, runs: int) -> Figures:
    """Everything but the warm server; one run more than counted comes first, to warm caches."""
    figures: Figures = {"packages": [program.environment.packages], "MB on disk": [program.environment.megabytes]}
    helped = [await asyncio.to_thread(program.run, ["--help"], folder) for _ in range(runs + 1)][1:]
    figures["--help, s"] = [one.seconds for one in helped]
    figures["--help, CPU s"] = [one.cpu for one in helped]
    asked = [await _ask(program, folder) for _ in range(runs + 1)][1:]
    for name in asked[0]:
        figures[name] = [one[name] for one in asked]
    return figures


async def _ask(program: Program, folder: Path) -> dict[str, float]:
    async with question.model(strict=program.is_ours) as model:
        urls = {"ANTHROPIC_BASE_URL": model.relay.url, "ANTHROPIC_API_BASE": model.relay.url}
        ran = await asyncio.to_thread(program.run, program.arguments, folder, ANTHROPIC_API_KEY="none", **urls)
        model.check_queries()
        return {
            "question besides the model, s": ran.seconds - seconds_covered(model.relay.busy, ran.started, ran.ended),
            "question, CPU s": ran.cpu,
            "question, peak MB": ran.peak,
            "prompt before the question, tokens": model.prompt_tokens,
            "turns of the model": model.turns,
        }


async def measure_warm(made: Environment, prometheus: str, folder: Path, runs: int) -> Figures:
    """The warm server."""
    served = await warm.measure(made.script("sre-bot"), prometheus, folder, runs)
    return {
        "warm: first evidence, s": [one.evidence for one in served.mentions],
        "warm: the same besides all others, s": [one.evidence_ours for one in served.mentions],
        "warm: answer, s": [one.answer for one in served.mentions],
        "warm: answer besides all others, s": [one.answer_ours for one in served.mentions],
        "warm: of the others only Slack, s": [one.posting for one in served.mentions],
        "warm: CPU s a question": [one.cpu for one in served.mentions],
        "warm: peak MB": [served.peak],
    }


async def compare(peer_folder: Path | None, runs: int) -> tuple[Figures, Figures | str]:
    """Figures of ours and of the peer, or why there are none of the peer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = environment.make_ours(folder)
        async with question.incident(folder / "prometheus") as prometheus:
            figures = await measure(ours(made, prometheus.url), folder, runs)
            figures |= await measure_warm(made, prometheus.url, folder, runs)
            if peer_folder is None:
                return figures, "not asked for"
            try:
                theirs = environment.make_peer(peer_folder)
                program = peer(theirs, prometheus.url, environment.peer_toolsets(peer_folder), folder)
                return figures, await measure(program, folder, max(2, runs // 2))
            except (NoPeerError, RuntimeError) as error:
                return figures, str(error)


def table(figures: Figures, theirs: Figures | str) -> Iterable[str]:
    """The figures side by side, medians and ranges, with the limits."""
    yield f"{'':<42} {'ours':>24} {'limit':>7} {'':4} {environment.PEER:>24}"
    beside: Figures = {} if isinstance(theirs, str) else theirs
    for name, values in figures.items():
        limit = LIMITS.get(name)
        verdict = "" if limit is None else "ok" if statistics.median(values) <= limit else "OVER"
        told = "" if limit is None else f"{limit:,g}"
        yield f"{name:<42} {_told(values):>24} {told:>7} {verdict:4} {_told(beside.get(name, [])):>24}".rstrip()
    if isinstance(theirs, str):
        yield f"{environment.PEER} was not measured: {theirs}"


def _told(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle, low, high = (_number(value) for value in (statistics.median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low} … {high})"


def _number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 or float(value).is_integer() else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _load_per_core() -> float:
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def main() -> int:
    """Measure and print; returns 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lean", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each thing is measured (the peer: half of it)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure to this file")
    kept = Path(tempfile.gettempdir()) / "sre-bot-benchmark-peer"
    parser.add_argument("--peer-env", type=Path, metavar="FOLDER", default=kept, help=f"keeps the peer ({kept})")
    parser.add_argument("--no-peer", action="store_true", help="measure ours alone")
    arguments = parser.parse_args()
    load = _load_per_core()
    figures, theirs = asyncio.run(compare(None if arguments.no_peer else arguments.peer_env, arguments.runs))
    print("\n".join(table(figures, theirs)))
    print(f"\nmedian (range) of {arguments.runs} runs, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    print(f"load a core when it began: {load:.2f}")
    if load > BUSY:
        print("THE MACHINE WAS BUSY: seconds are too high; compare CPU seconds, or run again when it is idle")
    if arguments.json:
        arguments.json.write_text(json.dumps({"ours": figures, "peer": theirs, "load_per_core": load}, indent=2))
    over = [name for name, limit in LIMITS.items() if statistics.median(figures[name]) > limit]
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
