"""Asking several sources at once until a deadline, and keeping account of what did not answer.

What matters most is asked first; where a busy machine lets none of it through in time, it is waited for some longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import inspect
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypeVar

from sre_bot.errors import SourceError
from sre_bot.investigation import MissingSource
from sre_bot.signals.series import QueryResult
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Iterator, Sequence

    from sre_bot.signals.series import Series

T = TypeVar("T")

PATIENCE, ANSWER_BY, CONCLUDE_AT = 0.3, 0.75, 0.85
"""Shares of the deadline."""
REMARKS = ("PromQL info", "PromQL warning")
"""How Prometheus' remarks on a query begin; other warnings mean that data are missing."""


class Need(enum.Enum):
    """How much an answer matters."""

    EXTRA = enum.auto()
    """Good to know; asked once nothing essential is waited for, or patience ends."""
    ESSENTIAL = enum.auto()
    """How services do, what fires, what changed: without it there is little to say."""


class Asking:
    """The time there is, and what could not be seen within it.

    Args:
        deadline: seconds from now until when everything should be said; what is asked has to answer a little earlier.
        latest: seconds until when it must be said: when by the deadline nobody has told yet how services do, but was
            asked, all that is essential is waited for until then. At least the deadline, which it is by default.
    """

    def __init__(self, deadline: float, latest: float = 0.0) -> None:
        self._deadline, self._latest = deadline, max(latest, deadline)
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._open: set[asyncio.Timeout] = set()
        self._finding_out = 0
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._told = False
        self._is_decided = self._is_late = False
        if self._latest > deadline:
            loop.call_at(self._began + ANSWER_BY * deadline, self._decide)
        self._asked: Counter[str] = Counter()
        self._failures: dict[str, list[str]] = defaultdict(list)
        self._notes: dict[str, list[str]] = defaultdict(list)
        self._partial: dict[str, list[str]] = defaultdict(list)

    @property
    def patience(self) -> float:
        """Seconds to wait for what would be good to know before asking further."""
        return PATIENCE * self._deadline

    @property
    def is_over(self) -> bool:
        """Whether it is time to conclude."""
        until = self._latest if self._is_late else self._deadline
        return asyncio.get_running_loop().time() >= self._began + CONCLUDE_AT * until

    @contextlib.contextmanager
    def finding_out(self) -> Iterator[None]:
        """While it is being found out how services do; that is what one waits for beyond the deadline."""
        self._finding_out += 1
        try:
            yield
        finally:
            self._finding_out -= 1

    def told(self) -> None:
        """It is known how some service does."""
        self._told = True

    async def ask(self, source: str, answer: Awaitable[T], otherwise: T, need: Need = Need.EXTRA) -> T:
        """The answer, or ``otherwise`` and a note of what could not be seen; never raises for a source."""
        self._asked[source] += 1
        try:
            async with asyncio.timeout_at(self._began + ANSWER_BY * self._deadline) as limit:
                return await (self._when_free(answer) if need is Need.EXTRA else self._essential(answer, limit))
        except SourceError as error:
            self._failures[source].append(error.message)
        except TimeoutError:
            waited = self._latest if self._is_late and need is Need.ESSENTIAL else self._deadline
            self._failures[source].append(f"did not answer within {waited:g} s")
        finally:
            if inspect.iscoroutine(answer):
                answer.close()  # it may never have begun
        return otherwise

    async def _when_free(self, answer: Awaitable[T]) -> T:
        """The answer; it is not asked for while what is essential is waited for, as long as there is patience."""
        left = self._began + self.patience - asyncio.get_running_loop().time()
        if left > 0 and not self._none_open.is_set():
            await asyncio.wait([waiting := asyncio.ensure_future(self._none_open.wait())], timeout=left)
            waiting.cancel()
        return await answer

    async def _essential(self, answer: Awaitable[T], limit: asyncio.Timeout) -> T:
        """The answer; until the latest moment, if it gets late."""
        if self._is_late:
            limit.reschedule(self._began + ANSWER_BY * self._latest)
        elif self._latest > self._deadline and not self._is_decided:
            limit.reschedule(None)
        self._open.add(limit)
        self._none_open.clear()
        try:
            return await answer
        finally:
            self._open.discard(limit)
            if not self._open:
                self._none_open.set()

    def _decide(self) -> None:
        """At the deadline: whether what is essential is waited for longer."""
        self._is_decided = True
        self._is_late = not self._told and self._finding_out > 0
        until = self._began + ANSWER_BY * (self._latest if self._is_late else self._deadline)
        for limit in self._open:
            limit.reschedule(until)

    async def series(self, source: str, answer: Awaitable[QueryResult], need: Need = Need.EXTRA) -> tuple[Series, ...]:
        """The series of a query, none without an answer; that a server had only part of the data is noted."""
        found = await self.ask(source, answer, QueryResult(()), need)
        partial = [warning for warning in found.warnings if not warning.startswith(REMARKS)]
        self._partial[source] += partial[:1]
        return found.series

    async def soon(self, tasks: Collection[asyncio.Task[Sequence[T] | None]]) -> list[T]:
        """What the tasks have told within the time to wait for what would be good to know, all together."""
        if tasks:
            await asyncio.wait(tasks, timeout=self.patience)
        return [one for task in tasks if task.done() for one in task.result() or ()]

    def note(self, source: str, why: str) -> None:
        """Something of this source could not be seen, whether it was asked or not."""
        self._notes[source].append(why)

    def missing(self) -> tuple[MissingSource, ...]:
        """Each source of which something could not be seen, why and how much of it."""
        partial = (source for source, warnings in self._partial.items() if warnings)
        sources = dict.fromkeys((*self._notes, *self._failures, *partial))
        return tuple(MissingSource(source, quoted("; ".join(self._said(source)))) for source in sources)

    def _said(self, source: str) -> Iterator[str]:
        failures, asked = self._failures.get(source, []), self._asked[source]
        partial = self._partial.get(source, [])
        told = (*failures, *partial)  # a note that ends in one of these would say it twice
        yield from dict.fromkeys(note for note in self._notes.get(source, ()) if not note.endswith(told))
        if failures:
            yield _often(failures, asked)
        if partial:
            yield _often([f"answered with part of the data: {warning}" for warning in partial], asked)


def _often(reasons: Sequence[str], asked: int) -> str:
    """The most frequent reason, and how many of the questions it or another one concerns."""
    (why, _), *_ = Counter(reasons).most_common(1)
    return f"{why} ({len(reasons)} of {asked} questions)" if len(reasons) < asked else why
