"""Run a program, or look at one that runs, and know what it took: seconds, CPU seconds, memory of all its processes.

Linux only: it reads /proc.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAMPLE_EVERY = 0.02
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program took; ``started`` and ``ended`` are moments of ``time.perf_counter``, ``peak`` is in MB (10^6)."""

    started: float
    ended: float
    cpu: float
    peak: float
    output: str

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.ended - self.started


def run(command: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str]) -> Ran:
    """Run a program to its end, with nothing of our environment but ``environment``; blocks.

    Raises:
        RuntimeError: it failed, or took longer than two minutes; says what it printed last.
    """
    with (folder / "output.txt").open("w+b") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        peak = 0.0
        while True:
            peak = max(peak, memory(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() - started > PATIENCE:
                process.kill()
            time.sleep(SAMPLE_EVERY)
        ended = time.perf_counter()
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    if process.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} ended with {process.returncode}:\n{output[-2_000:]}")
    return Ran(started, ended, usage.ru_utime + usage.ru_stime, peak, output)


def memory(pid: int) -> float:
    """Resident memory of a process and all its children in MB; of the process itself the most it ever had."""
    own = _status(pid)
    return max(own.get("VmHWM", 0.0), sum(_status(one).get("VmRSS", 0.0) for one in _tree(pid)))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> list[int]:
    try:
        tasks = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it has just ended
        return []
    return [pid, *(one for task in tasks for child in task for one in _tree(int(child)))]


def _status(pid: int) -> dict[str, float]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return {}
    sizes = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(size) * 1024 / 1e6 for name, size, _ in sizes}
