"""Documents of a recording. When a file was written says nothing of when the document changed: nobody is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.sources.document_collections import FolderDocuments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sre_bot.sources.document_collections import Holdings


class RecordedDocuments:
    """Markdown below ``docs``; fits Collection. All of it was there when the question was asked."""

    name = "docs"
    prefix = None
    may_be_empty = True

    def __init__(self, folder: Path) -> None:
        self._documents = FolderDocuments(folder, name=self.name)

    async def holdings(self, at: datetime) -> Holdings:
        """What there is. Raises SourceError."""
        return _Undated(await self._documents.holdings(at))


@dataclass(frozen=True, slots=True)
class _Undated:
    holdings: Holdings

    @property
    def versions(self) -> Mapping[str, str]:
        return self.holdings.versions

    @property
    def note(self) -> str | None:
        return self.holdings.note

    async def read(self, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        return await self.holdings.read(paths)

    async def changed(self, path: str) -> datetime | None:  # noqa: ARG002 - the protocol's signature
        return None

    def url(self, path: str) -> str | None:
        return self.holdings.url(path)
