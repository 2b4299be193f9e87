"""Connections to a database, as many at a time as its administrators allow."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import prometheus_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WAIT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)

MAX = prometheus_client.Gauge("db_pool_connections_max", "Connections the pool may open.", ("database",))
IN_USE = prometheus_client.Gauge("db_pool_connections_in_use", "Connections handed out.", ("database",))
WAIT = prometheus_client.Histogram(
    "db_pool_wait_seconds", "Time a request waited for a connection.", ("database",), buckets=WAIT_BUCKETS
)
TIMEOUTS = prometheus_client.Counter("db_pool_timeouts", "Requests that got no connection in time.", ("database",))
QUERY = prometheus_client.Histogram(
    "db_query_duration_seconds", "Time a statement took in the database.", ("database", "statement")
)


class PoolTimeoutError(Exception):
    """No connection became free in time."""


class Connection:
    """One connection; a statement costs a round trip and its work in the database."""

    def __init__(self, database: str) -> None:
        self._database = database

    async def execute(self, statement: str, *, typical_ms: float) -> None:
        """Run a named statement. The development database keeps no rows: it only takes the time."""
        seconds = random.lognormvariate(0, 0.15) * typical_ms / 1e3
        with QUERY.labels(self._database, statement).time():
            await asyncio.sleep(seconds)


class Pool:
    """At most ``max_connections`` at a time; whoever waits longer than ``acquire_timeout_s`` is turned away."""

    def __init__(self, database: str, *, max_connections: int, acquire_timeout_s: float) -> None:
        self._database = database
        self._free = asyncio.Semaphore(max_connections)
        self._acquire_timeout_s = acquire_timeout_s
        self._timeouts = TIMEOUTS.labels(database)
        self._in_use = IN_USE.labels(database)
        self._wait = WAIT.labels(database)
        MAX.labels(database).set(max_connections)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of one's own, given back at the end.

        Raises:
            PoolTimeoutError: none became free in time.
        """
        await self._acquire()
        self._in_use.inc()
        try:
            yield Connection(self._database)
        finally:
            self._in_use.dec()
            self._free.release()

    async def _acquire(self) -> None:
        start = time.perf_counter()
        try:
            async with asyncio.timeout(self._acquire_timeout_s):
                await self._free.acquire()
        except TimeoutError as error:
            self._timeouts.inc()
            raise PoolTimeoutError(f"{self._database}: no free connection in {self._acquire_timeout_s:g} s") from error
        finally:
            self._wait.observe(time.perf_counter() - start)
