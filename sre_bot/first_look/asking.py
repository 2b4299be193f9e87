"""Asking several sources at once until a deadline, and keeping account of what did not answer."""

from __future__ import annotations

import asyncio
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


class Asking:
    """The time there is, and what could not be seen within it.

    Args:
        deadline: seconds from now until when everything must be said; what is asked has to answer a little earlier.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._began = asyncio.get_running_loop().time()
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
        return asyncio.get_running_loop().time() >= self._began + CONCLUDE_AT * self._deadline

    async def ask(self, source: str, answer: Awaitable[T], otherwise: T) -> T:
        """The answer, or ``otherwise`` and a note of what could not be seen; never raises for a source."""
        self._asked[source] += 1
        try:
            async with asyncio.timeout_at(self._began + ANSWER_BY * self._deadline):
                return await answer
        except SourceError as error:
            self._failures[source].append(error.message)
        except TimeoutError:
            self._failures[source].append(f"did not answer within {self._deadline:g} s")
        return otherwise

    async def series(self, source: str, answer: Awaitable[QueryResult]) -> tuple[Series, ...]:
        """The series of a query, none without an answer; that a server had only part of the data is noted."""
        found = await self.ask(source, answer, QueryResult(()))
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
