"""How the sources do: which answer, and which clones lag behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sre_bot.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.tools.freshness import Clone

PATIENCE_SECONDS = 2.0
"""So long a source may take to say how it does."""
KEPT_SECONDS = 30.0
"""So long that holds; whoever asks again before gets the same."""


class Checkable(Protocol):
    """What says in a line how it does. Raises SourceError."""

    async def check(self) -> str:
        """One line."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """How a source does, in a sentence; ``stale`` where it answers, but lags behind."""

    name: str
    works: bool
    sentence: str
    stale: bool = False


class Watch:
    """Asks all sources at once, and not more often than is of use.

    Args:
        sources: by name.
        clones: those of them that may lag behind, by name.
        now: tells the present.
        clock: seconds, of any clock that only goes forward.
    """

    def __init__(
        self,
        sources: Mapping[str, Checkable],
        clones: Mapping[str, Clone],
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._sources = sources
        self._clones = clones
        self._now = now
        self._clock = clock
        self._one_by_one = asyncio.Lock()
        self._seen: tuple[float, Sequence[Health]] | None = None

    async def look(self) -> Sequence[Health]:
        """How each does, in the order they were given in."""
        async with self._one_by_one:
            if self._seen is None or self._clock() - self._seen[0] >= KEPT_SECONDS:
                found = await asyncio.gather(*(self._ask(name, one) for name, one in self._sources.items()))
                self._seen = (self._clock(), found)
            return self._seen[1]

    async def _ask(self, name: str, source: Checkable) -> Health:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                said = await source.check()
                clone = self._clones.get(name)
                stale = await clone.stale(self._now()) if clone else None
        except SourceError as error:
            return Health(name, works=False, sentence=error.message)
        except TimeoutError:
            return Health(name, works=False, sentence=f"no answer within {PATIENCE_SECONDS:g} s")
        return Health(name, works=True, sentence=stale or said, stale=stale is not None)
