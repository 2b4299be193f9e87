"""Asking several sources at once until a deadline, and keeping account of what did not answer."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypeVar

from sre_bot.errors import SourceError
from sre_bot.investigation import MissingSource
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

T = TypeVar("T")

PATIENCE, ANSWER_BY, CONCLUDE_AT = 0.3, 0.75, 0.85
"""Shares of the deadline."""


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

    def note(self, source: str, why: str) -> None:
        """Something of this source could not be seen, whether it was asked or not."""
        self._notes[source].append(why)

    def missing(self) -> tuple[MissingSource, ...]:
        """Each source of which something could not be seen, why and how much of it."""
        sources = dict.fromkeys((*self._notes, *self._failures))
        return tuple(MissingSource(source, quoted("; ".join(self._said(source)))) for source in sources)

    def _said(self, source: str) -> Iterator[str]:
        failures, asked = self._failures.get(source, []), self._asked[source]
        yield from dict.fromkeys(note for note in self._notes.get(source, ()) if note not in failures)
        if failures:
            (why, _), *_ = Counter(failures).most_common(1)
            yield f"{why} ({len(failures)} of {asked} questions)" if len(failures) < asked else why
