"""Documents: runbooks and other Markdown, by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.errors import SourceError


class Passage(Protocol):
    """A section of a document."""

    @property
    def collection(self) -> str:
        """The folder or repository it is from, by its configured name."""
        ...

    @property
    def path(self) -> str:
        """Of the document."""
        ...

    @property
    def headings(self) -> Sequence[str]:
        """The heading and those above it, outermost first."""
        ...

    @property
    def text(self) -> str:
        """All of it, untrusted."""
        ...

    @property
    def best(self) -> int:
        """Where in the text the place begins that fits best."""
        ...

    @property
    def changed(self) -> datetime | None:
        """When the document last changed, if known."""
        ...

    @property
    def url(self) -> str | None:
        """Where a human reads it, if known; from configured addresses only."""
        ...


class Found(Protocol):
    """Passages, best first, and why some collections could not be seen."""

    @property
    def passages(self) -> Sequence[Passage]:
        """Best first."""
        ...

    @property
    def failures(self) -> Sequence[SourceError]:
        """One for each collection that could not be seen."""
        ...

    @property
    def note(self) -> str | None:
        """What was not compared, if anything."""
        ...


class Documents(Protocol):
    """Collections of documents, searched as one. Raises SourceError."""

    @property
    def name(self) -> str:
        """The source's configured name."""
        ...

    async def search(self, text: str, at: datetime, limit: int) -> Found:
        """Sections that fit a text by words, or by meaning where that is installed; no text is syntax."""
        ...

    async def resolve(self, url: str, at: datetime) -> Found:
        """The documents that an address may mean; it is compared, never opened."""
        ...
