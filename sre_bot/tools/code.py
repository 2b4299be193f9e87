"""Code: files of repositories, as of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Commit(Protocol):
    """A state of the files."""

    @property
    def revision(self) -> str:
        """The full hash."""
        ...

    @property
    def time(self) -> datetime:
        """When it was committed."""
        ...


class Match(Protocol):
    """A line that was found."""

    @property
    def path(self) -> str:
        """Of the file."""
        ...

    @property
    def number(self) -> int:
        """Of the line, from 1."""
        ...

    @property
    def text(self) -> str:
        """The line, bounded."""
        ...


class Matches(Protocol):
    """What a search found, by file."""

    @property
    def lines(self) -> Sequence[Match]:
        """Lines, file after file."""
        ...

    @property
    def binaries(self) -> Sequence[str]:
        """Binary files that match."""
        ...

    @property
    def cut(self) -> bool:
        """Whether there are more."""
        ...


class Content(Protocol):
    """What stands at a path."""

    @property
    def text(self) -> str | None:
        """Of a file; None for a binary file and for a folder."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Of what is in a folder; folders among them end in a slash."""
        ...

    @property
    def cut(self) -> bool:
        """Whether there is more."""
        ...


class Code(Protocol):
    """A repository's files. Raises SourceError."""

    @property
    def name(self) -> str:
        """The repository's configured name."""
        ...

    async def as_of(self, at: datetime, revision: str | None = None) -> Commit:
        """The newest commit of the default branch at a moment, or the one a revision names, if it is not later."""
        ...

    async def grep(self, commit: str, pattern: str, path: str = "") -> Matches:
        """Lines that match a POSIX extended regular expression, in a file or folder or everywhere."""
        ...

    async def read(self, commit: str, path: str) -> Content:
        """A file or a folder; "" is the top folder."""
        ...

    async def freshness(self) -> datetime | None:
        """When it was last brought up to date; None when it has nothing to lag behind."""
        ...

    async def stale(self, at: datetime) -> str | None:
        """How long before ``at`` it was last brought up to date ("last fetched 3 h ago"), when that is too long."""
        ...

    def file_url(self, revision: str, path: str, line: int | None = None) -> str | None:
        """Where a human sees the file, if the repository has a web address."""
        ...
