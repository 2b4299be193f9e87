"""How far a clone lags behind: what was pushed after its last fetch cannot be seen in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sre_bot.tools.gathering import gathered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Fetched(Protocol):
    """A clone that knows when it was fetched. Raises SourceError."""

    @property
    def name(self) -> str:
        """The repository's configured name."""
        ...

    async def freshness(self) -> datetime | None:
        """When it was last brought up to date; None when it has nothing to lag behind."""
        ...


class Clone(Fetched, Protocol):
    """A clone that knows how far it may lag."""

    async def stale(self, at: datetime) -> str | None:
        """How long before ``at`` it was last brought up to date ("last fetched 3 h ago"), when that is too long."""
        ...


async def lags(repositories: Sequence[Clone], at: datetime) -> list[str]:
    """A sentence for each repository that was stale at a moment; one that cannot be seen has none."""

    async def ask(repository: Clone) -> str | None:
        stale = await repository.stale(at)
        return f"repository {repository.name} {stale}: later pushes are not seen" if stale else None

    sentences, _ = await gathered(ask(repository) for repository in repositories)
    return [sentence for sentence in sentences if sentence]
