"""How soon a recording of 500 series over 3 h at 15 s can be asked, and what each part of that costs.

Run with ``python -m benchmarks.replay [SERIES]``: seconds on the clock and of processor time, the least of three runs.
"""

from __future__ import annotations

import asyncio
import gzip
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sre_bot import recordings
from sre_bot.first_look import FirstLook
from sre_bot.investigation import Question
from sre_bot.recordings.openmetrics import copy_until
from sre_bot.servers import PrometheusServer, backfill_file

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED_AT = datetime(2026, 11, 22, 15, tzinfo=UTC)
HOURS, EVERY_S, RUNS = 3, 15, 3
GOAL_S = 3.0


def write(folder: Path, series: int) -> None:
    """A recording of that many counters, gauges and buckets, of services that answer requests."""
    start = ASKED_AT - timedelta(hours=HOURS)
    (folder / "recording.yaml").write_text(
        f"schema: 1\nid: many-series\ntitle: many series\nasked_at: {ASKED_AT.isoformat()}\n"
        f"window: {{start: {start.isoformat()}, end: {ASKED_AT.isoformat()}}}\nquestion: what is wrong?\n"
        "services: [service-0]\norigin: {kind: drill, source: benchmark, licence: none}\n"
    )
    with gzip.open(folder / "metrics.om.gz", "wt", compresslevel=6) as out:
        out.writelines(_lines(int(start.timestamp()), series))


def _lines(start: int, series: int) -> Iterator[str]:
    yield "# TYPE http_requests counter\n"
    for number in range(series):
        labels = f'{{service="service-{number % 20}",instance="10.0.0.{number % 50}:8080",code="{200 + number // 20}"}}'
        for step in range(HOURS * 3600 // EVERY_S + 1):
            yield f"http_requests_total{labels} {step * (number + 7) + step % 13} {start + step * EVERY_S}\n"
    yield "# EOF\n"


Clock = tuple[float, float]


def _now() -> Clock:
    """Seconds on the clock, and of processor time: ours, and that of the processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), time.process_time() + children.ru_utime + children.ru_stime


def _since(began: Clock) -> Clock:
    now = _now()
    return now[0] - began[0], now[1] - began[1]


async def parts(folder: Path) -> dict[str, Clock]:
    """What checking, promtool and the start of Prometheus take, one after the other."""
    took: dict[str, Clock] = {}
    with tempfile.TemporaryDirectory() as place:
        samples, data = Path(place) / "samples.om", Path(place) / "prometheus"
        began = _now()
        with samples.open("wb") as out:
            copy_until(folder / "metrics.om.gz", ASKED_AT, out)
        took["check and copy"] = _since(began)
        began = _now()
        await backfill_file(samples, data)
        took["promtool"] = _since(began)
        began = _now()
        async with PrometheusServer(data):
            started = _since(began)[0]
        took["start of Prometheus"] = (started, _since(began)[1])
    return took


async def whole(folder: Path) -> dict[str, Clock]:
    """Until the first question can be asked, and what the first look takes then."""
    began = _now()
    async with recordings.replayed(recordings.read(folder)) as sources:
        ready = _since(began)
        began = _now()
        await FirstLook(sources.to_look_at(), now=lambda: ASKED_AT)(Question("what is wrong?", ASKED_AT))
        looked = _since(began)
    return {"ready": ready, "first look": looked}


async def main(series: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, series)
        runs = [await parts(folder) | await whole(folder) for _ in range(RUNS)]
    samples = series * (HOURS * 3600 // EVERY_S + 1)
    print(f"{series} series, {HOURS} h at {EVERY_S} s: {samples:,} samples; ready within {GOAL_S:g} s is the goal")
    print(f"{'':<20} {'clock':>7} {'processor':>9}")
    for name in runs[0]:
        clock, processor = (min(run[name][side] for run in runs) for side in (0, 1))
        print(f"{name:<20} {clock:5.2f} s {processor:7.2f} s")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
