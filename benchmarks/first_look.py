"""How long the first look takes, and how much it asks, at a past incident in a real Prometheus of about 2,000 series.

Run ``.venv/bin/python -m benchmarks.first_look [SERVICES [INSTANCES]]``; by default 20 services with 4 instances each.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from sre_bot.first_look import FirstLook, Sources
from sre_bot.investigation import Question
from sre_bot.servers import PrometheusServer, backfill
from sre_bot.sources.prometheus import PrometheusSource
from tests.first_look.past_incident import PastIncident

if TYPE_CHECKING:
    from sre_bot.investigation import Answer

RUNS = 10


class Counting(httpx.AsyncHTTPTransport):
    """The network, counted."""

    requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Count, and go on."""
        self.requests += 1
        return await super().handle_async_request(request)


async def main(services: int, instances: int) -> None:
    """Fill a Prometheus, look several times and print the figures."""
    chain = tuple(f"service{number:02}" for number in range(services))
    incident = PastIncident(chain, instances)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await backfill(incident.openmetrics(), folder)
        async with PrometheusServer(folder) as server:
            network = Counting()
            async with aclosing(PrometheusSource(server.url, transport=network)) as metrics:
                series = await metrics.query('count({__name__=~".+"})', incident.at)
                network.requests = 0
                look = FirstLook(Sources([metrics], histories=[metrics]), now=lambda: datetime.now(UTC))
                taken = [await _timed(look, Question(f"{chain[0]} is failing?", incident.at)) for _ in range(RUNS)]
    seconds, answers = [each for each, _ in taken], [answer for _, answer in taken]
    print(
        f"{series.series[0].values[0]:.0f} series of {services} services; {network.requests / RUNS:.0f} requests a look"
    )
    rest = seconds[1:]
    print(f"first {seconds[0]:.2f} s; then median {statistics.median(rest):.2f} s, longest {max(rest):.2f} s")
    print(f"{answers[-1].report.what[1].text}\ncould not be seen: {[m.source for m in answers[-1].report.missing]}")


async def _timed(look: FirstLook, question: Question) -> tuple[float, Answer]:
    started = time.perf_counter()
    answer = await look(question)
    return time.perf_counter() - started, answer


if __name__ == "__main__":
    size = [int(argument) for argument in sys.argv[1:3]]
    asyncio.run(main(*size, *(20, 4)[len(size) :]))
