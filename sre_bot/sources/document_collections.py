"""Where documents come from: folders of Markdown files, and Markdown in repositories."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from sre_bot.sources.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sre_bot.sources.folder import File
    from sre_bot.sources.repository import GitRepository


class Holdings(Protocol):
    """The documents of a collection as of a moment. Raises SourceError."""

    @property
    def versions(self) -> Mapping[str, str]:
        """A mark that changes with its content for every document, by path."""
        ...

    @property
    def note(self) -> str | None:
        """What was left out, if anything."""
        ...

    async def read(self, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Contents by path; None for one that cannot be read or is too long."""
        ...

    async def changed(self, path: str) -> datetime | None:
        """When a document last changed, if that can be known."""
        ...

    def url(self, path: str) -> str | None:
        """Where a human reads a document, if that is known."""
        ...


class Collection(Protocol):
    """Documents that belong together. Raises SourceError."""

    @property
    def name(self) -> str:
        """Its configured name."""
        ...

    @property
    def prefix(self) -> str | None:
        """What the address of every document in it begins with, if that is known."""
        ...

    @property
    def may_be_empty(self) -> bool:
        """Whether it is no mistake that it holds no documents."""
        ...

    async def holdings(self, at: datetime) -> Holdings:
        """What there is as of a moment."""
        ...


class FolderDocuments:
    """Markdown files below a folder; fits Collection. Of a folder only the present is known.

    Args:
        path: the folder.
        name: what it is called.
        url_prefix: the address at which people read the folder; a document's path is appended to it.
    """

    def __init__(self, path: Path, *, name: str, url_prefix: str | None = None) -> None:
        self.name = name
        self.prefix = url_prefix
        self.may_be_empty = False
        self._folder = Folder(path, name)

    async def holdings(self, at: datetime) -> Holdings:  # noqa: ARG002 - a folder does not know its past
        """What there is now."""
        listing = await asyncio.to_thread(self._folder.list)
        said = [f"{listing.links} symbolic links not followed"] if listing.links else []
        said += ["too many files, some left out"] if listing.more else []
        files = {file.path: file for file in listing.files}
        return _FolderHoldings(self._folder, files, self.prefix, ", ".join(said) or None)


@dataclass(frozen=True, slots=True)
class _FolderHoldings:
    folder: Folder
    files: Mapping[str, File]
    prefix: str | None
    note: str | None

    @property
    def versions(self) -> Mapping[str, str]:
        return {path: file.version for path, file in self.files.items()}

    async def read(self, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        return await asyncio.to_thread(lambda: {path: self.folder.read(path) for path in paths})

    async def changed(self, path: str) -> datetime | None:
        return datetime.fromtimestamp(self.files[path].changed, UTC)

    def url(self, path: str) -> str | None:
        return f"{self.prefix.rstrip('/')}/{quote(path)}" if self.prefix else None


class RepositoryDocuments:
    """Markdown files of a repository, as of the newest commit of its default branch; fits Collection."""

    def __init__(self, repository: GitRepository) -> None:
        self.name = repository.name
        self.prefix = repository.web_url
        self.may_be_empty = True
        self._repository = repository
        self._last: _RepositoryHoldings | None = None

    async def holdings(self, at: datetime) -> Holdings:
        """What the newest commit held."""
        commit = (await self._repository.as_of(at)).revision
        if self._last is None or self._last.commit != commit:
            versions = await self._repository.files.documents(commit)
            self._last = _RepositoryHoldings(self._repository, commit, versions)
        return self._last


@dataclass(frozen=True, slots=True)
class _RepositoryHoldings:
    repository: GitRepository
    commit: str
    versions: Mapping[str, str]
    note: str | None = None

    async def read(self, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        contents = await self.repository.files.blobs([self.versions[path] for path in paths])
        return {path: contents.get(self.versions[path]) for path in paths}

    async def changed(self, path: str) -> datetime | None:
        return await self.repository.files.changed(self.commit, path)

    def url(self, path: str) -> str | None:
        return self.repository.file_url(self.commit, path)
