"""Changes: commits, tags, deploys and turned flags in a window, with diffs on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.incident import Change, TimeWindow


class Repository(Protocol):
    """A Git repository. Raises SourceError."""

    @property
    def name(self) -> str:
        """The repository's configured name."""
        ...

    async def commits(self, window: TimeWindow) -> Sequence[Change]:
        """Commits of the window on any branch, newest first, with files."""
        ...

    async def tags(self, window: TimeWindow) -> Sequence[Change]:
        """Tags made in the window, newest first."""
        ...

    async def between(self, older: str, newer: str) -> Sequence[Change]:
        """Commits reachable from ``newer`` but not from ``older``, newest first: what a deploy carries."""
        ...

    async def diff(self, revision: str) -> str:
        """Message and diff of one commit (full sha or unambiguous prefix), bounded in bytes."""
        ...

    async def freshness(self) -> datetime | None:
        """When it was last brought up to date from its remote; None when it has nothing to lag behind."""
        ...

    async def stale(self, at: datetime) -> str | None:
        """How long before ``at`` it was last brought up to date ("last fetched 3 h ago"), when that is too long."""
        ...

    def commit_url(self, revision: str) -> str | None:
        """Where a human sees the commit, if the repository has a web address."""
        ...


class Deploys(Protocol):
    """A record of what was rolled out. Raises SourceError."""

    @property
    def name(self) -> str:
        """The source's configured name."""
        ...

    async def deploys(self, window: TimeWindow) -> Sequence[Change]:
        """Deploys of the window, newest first."""
        ...


class Flags(Protocol):
    """A record of feature flags that were turned. Raises SourceError."""

    @property
    def name(self) -> str:
        """The source's configured name."""
        ...

    async def flags(self, window: TimeWindow) -> Sequence[Change]:
        """Turned in the window, newest first."""
        ...
