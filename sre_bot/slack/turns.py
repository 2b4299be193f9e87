"""Whose turn it is in a thread: what is said there is answered in the order it came."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in the queue of a thread: ``come`` when it is reached; ``busy`` when someone was before."""

    come: Awaitable[bool]
    busy: bool


class Turns:
    """The queues of all threads.

    Args:
        unfinished: the threads of the investigations that a kill interrupted, by key.
        patience: seconds that what is said in such a thread waits for them to be taken up.
    """

    def __init__(self, unfinished: Mapping[str, str], patience: float) -> None:
        self._unfinished = dict(unfinished)
        self._patience = patience
        self._resumed = asyncio.Condition()
        self._threads: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._queued: Counter[str] = Counter()

    async def let_resume(self, key: str, thread: str) -> None:
        """Wait for the investigation of this thread that a kill interrupted: it was there first."""
        async with self._resumed:
            if self._unfinished.pop(key, None):
                self._resumed.notify_all()
            try:
                async with asyncio.timeout(self._patience):
                    await self._resumed.wait_for(lambda: thread not in self._unfinished.values())
            except TimeoutError:  # it was given up, say
                self._unfinished = {one: where for one, where in self._unfinished.items() if where != thread}

    @contextlib.asynccontextmanager
    async def queue(self, thread: str) -> AsyncIterator[Turn]:
        """A place in the queue of the thread, taken at once; whoever awaits what it gives is first."""
        lock = self._threads.setdefault(thread, asyncio.Lock())
        self._queued[thread] += 1
        turn = asyncio.create_task(lock.acquire())
        try:
            yield Turn(turn, busy=self._queued[thread] > 1)
        finally:
            self._queued -= Counter([thread])
            turn.cancel()
            if turn.done() and not turn.cancelled():
                lock.release()
