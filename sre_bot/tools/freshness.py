"""How far a clone lags behind: what was pushed after its last fetch cannot be seen in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from sre_bot.signals.changes import span
from sre_bot.tools.gathering import gathered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

FRESH = timedelta(minutes=10)
"""A clone that was fetched so shortly before the moment asked about is not worth a remark."""


class Fetched(Protocol):
    """A clone that knows when it was fetched. Raises SourceError."""

    @property
    def name(self) -> str:
        """The repository's configured name."""
        ...

    async def freshness(self) -> datetime | None:
        """When it was last brought up to date; None when it has nothing to lag behind."""
        ...


async def lags(repositories: Sequence[Fetched], at: datetime) -> list[str]:
    """A sentence for each repository that was last fetched well before ``at``; one that cannot be seen has none."""

    async def ask(repository: Fetched) -> str | None:
        return lag(repository.name, await repository.freshness(), at)

    sentences, _ = await gathered(ask(repository) for repository in repositories)
    return [sentence for sentence in sentences if sentence]


def lag(name: str, fetched: datetime | None, at: datetime) -> str | None:
    """The sentence for one repository, if it lags."""
    if fetched is None or at - fetched <= FRESH:
        return None
    return f"repository {name} last fetched {span(at - fetched)} ago: later pushes are not seen"
