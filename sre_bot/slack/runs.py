"""What runs in this process, so that a stop ends it at once: its loop, its looks, its call of the model in flight.

A stop is a row before anything else, so one that is followed by a kill holds when the run is taken up again.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sre_bot.store.database import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from datetime import datetime

    from sre_bot.store.stops import Stop, Stops


class StoppedError(Exception):
    """What was being done is to be stopped."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.key)
        self.stop = stop


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Something that was asked: under which key, in which thread, when; ``of`` is what it rewords or continues."""

    key: str
    thread: str
    asked_at: datetime
    of: str = ""

    @property
    def questions(self) -> tuple[str, ...]:
        """The keys by which a deletion may mean it."""
        return tuple(filter(None, (self.key, self.of)))

    def is_meant_by(self, stop: Stop) -> bool:
        """Whether a stop is for this; the store decides the same of what it keeps."""
        if stop.question is not None:
            return stop.question in self.questions
        return stop.thread in {self.thread, self.thread.rpartition(":")[0]} and stop.at >= self.asked_at


class Runs:
    """What is being worked on here, and the stops that end it."""

    def __init__(self, stops: Stops) -> None:
        self._stops = stops
        self._present: dict[Run, asyncio.Timeout | None] = {}
        self._stopped: dict[Run, Stop] = {}

    @contextlib.contextmanager
    def present(self, run: Run) -> Iterator[None]:
        """Have it known while it is worked on."""
        self._present[run] = None
        try:
            yield
        finally:
            del self._present[run]
            self._stopped.pop(run, None)

    def knows(self, key: str) -> bool:
        """Whether it is worked on here."""
        return any(run.key == key for run in self._present)

    def has(self, thread: str) -> bool:
        """Whether something of a thread is worked on here."""
        return any(run.thread == thread for run in self._present)

    async def keep(self, stop: Stop) -> None:
        """Make a stop durable, and end what it is for.

        Raises:
            Exception: whatever the database raises; then nothing was stopped.
        """
        await asyncio.to_thread(self._stops.keep, stop)
        now = asyncio.get_running_loop().time()
        for run, limit in self._present.items():
            if run.is_meant_by(stop):
                self._stopped.setdefault(run, stop)
                if limit is not None:
                    limit.reschedule(now)

    async def stop_of(self, run: Run) -> Stop | None:
        """The stop that holds for it, if any."""
        return self._stopped.get(run) or await patiently(
            partial(self._stops.of, run.questions, run.thread, run.asked_at)
        )

    @contextlib.asynccontextmanager
    async def stoppable(self, run: Run) -> AsyncIterator[None]:
        """Whatever is awaited inside is cancelled by a stop.

        Raises:
            StoppedError: it was stopped, now or before.
        """
        limit = asyncio.timeout(None)  # the machinery of time-outs is that of cancelling from outside
        try:
            async with limit:
                self._present[run] = limit
                if stop := await self.stop_of(run):
                    raise StoppedError(stop)
                yield
        except TimeoutError:
            if limit.expired():
                raise StoppedError(self._stopped[run]) from None
            raise
        finally:
            self._present[run] = None


async def whole(work: Coroutine[None, None, None], seconds: float = 10.0) -> None:
    """Do something that is not to be broken off in the middle: a stop comes into force after it, or after so long."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=seconds)
        task.cancel()
        raise
