"""Documents: Markdown in folders and in repositories, searched by section. Nothing is reached over a network.

A repository is read at its newest commit as of the moment asked about. Of a folder only the present is known: its
documents say when they changed, and the caller holds that against the moment.
"""

from __future__ import annotations

import asyncio
import codecs
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from sre_bot.errors import SourceError, SourceUnavailableError
from sre_bot.sources.document_address import Known, read_address
from sre_bot.sources.document_index import DocumentIndex, Hit, Indexed
from sre_bot.sources.document_meaning import Meaning
from sre_bot.sources.markdown import sections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sre_bot.sources.document_collections import Collection, Holdings
    from sre_bot.sources.sentences import Sentences

_BATCH = 200
"""So many documents are read and indexed at a time."""
_BY_DOCUMENT = 2
"""So many sections of one document are found at most, so that one long document does not hide the others."""
_SPARE = 8
"""So many times as many sections are looked at as are wanted, for that reason."""
_MAX_SAME = 3
"""So many documents are given for an address that fits several equally well."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a document.

    Attributes:
        collection: the folder or repository it is from, by its configured name.
        path: of the document, from the top of that.
        headings: the heading and those above it, outermost first.
        text: all of it; for an address, with the sections below.
        best: where in the text the place begins that fits best.
        changed: when the document last changed, if that is known.
        url: where a human reads it, if that is known.
    """

    collection: str
    path: str
    headings: tuple[str, ...]
    text: str
    best: int = 0
    changed: datetime | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Passages, best first; ``failures`` tell of collections that could not be seen, ``note`` of a search cut short."""

    passages: tuple[Passage, ...]
    failures: tuple[SourceError, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A collection as of a moment: the ids of its documents in the index, by path."""

    collection: Collection
    holdings: Holdings
    ids: Mapping[str, int]


class DocumentLibrary:
    """Collections of documents, searched as one; fits Documents. Close it.

    Args:
        collections: each with a name of its own.
        index: a file to keep the index in, so that it need not be made anew; None for memory.
        sentences: finds sections by what they mean, too; without, they are found by their words.
        name: what the source is called.
        now: tells the present, for `check`.
    """

    def __init__(
        self,
        collections: Sequence[Collection],
        *,
        index: Path | None = None,
        sentences: Sentences | None = None,
        name: str = "documents",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self._collections = {collection.name: collection for collection in collections}
        self._path = index
        self._index: DocumentIndex | None = None
        self._trouble: str | None = None
        self._sentences = sentences
        self._meaning: Meaning | None = None
        self._turn = asyncio.Lock()
        self._now = now

    async def close(self) -> None:
        """Close the index, after what is being written to it."""
        if self._meaning is not None:
            await self._meaning.close()
        if self._index is not None:
            await asyncio.to_thread(self._index.close)

    async def search(self, text: str, at: datetime, limit: int) -> Found:
        """Sections that fit a text by their words or their meaning, best first; at most two of a document.

        Raises:
            SourceUnavailableError: no collection, or not the index, can be read.
        """
        async with self._turn:
            index, shelves, failures = await self._opened(at)
            hits = await asyncio.to_thread(index.search, text, _all_ids(shelves), limit * _SPARE)
        hits, note = await self._by_meaning(text, _all_ids(shelves), hits)
        counted = Counter[int]()
        chosen: list[Hit] = []
        for hit in hits:
            counted[hit.document] += 1
            chosen += [hit] if counted[hit.document] <= _BY_DOCUMENT else []
        return Found(await _passages(chosen[:limit], shelves), tuple(failures), note)

    async def resolve(self, url: str, at: datetime) -> Found:
        """The document that an address leads to: the section it points to with all below it, or the whole.

        The address is compared with those of known documents, by prefix where one is configured, else by the end of
        its path; it is never opened. Several documents that fit equally well are all given.

        Raises:
            SourceUnavailableError: no collection, or not the index, can be read.
        """
        async with self._turn:
            index, shelves, failures = await self._opened(at)
            meant, anchor = read_address(url, _known(shelves))
            numbers = [shelves[document.collection].ids[document.path] for document in meant[:_MAX_SAME]]
            read = [await asyncio.to_thread(index.read, number) for number in numbers]
        return Found(await _passages([_pointed_to(hits, anchor) for hits in read if hits], shelves), tuple(failures))

    async def check(self) -> str:
        """One line on how it does: how many documents there are, and what is odd about them.

        Raises:
            SourceUnavailableError: a collection cannot be read or holds no documents.
        """
        async with self._turn:
            index, shelves, failures = await self._opened(self._now())
            if failures:
                raise failures[0]
            odd = await asyncio.to_thread(index.notes, _all_ids(shelves))
        held = ", ".join(f"{name} {len(shelf.ids)}" for name, shelf in shelves.items())
        notes = [f"{name}: {shelf.holdings.note}" for name, shelf in shelves.items() if shelf.holdings.note]
        notes += [f"{note}: {number}" for note, number in odd.items()]
        notes += [f"{self._trouble}; it is made anew at every start"] if self._trouble else []
        how = await self._how(_all_ids(shelves))
        return "; ".join([f"{len(_all_ids(shelves))} documents ({held})", how, *notes])

    async def _by_meaning(self, text: str, ids: Sequence[int], hits: Sequence[Hit]) -> tuple[Sequence[Hit], str | None]:
        """Hits joined with those by meaning, and what could not be compared so."""
        if self._meaning is None:
            return hits, None
        try:
            return await self._meaning.ranked(text, ids, hits)
        except (OSError, ValueError) as error:  # of the model's files
            return hits, f"By words only: the sentence model cannot be used: {error}"

    async def _how(self, ids: Sequence[int]) -> str:
        """How sections are found."""
        if self._meaning is None:
            return "found by words only"
        ready, whole = await self._meaning.readiness(ids)
        return "found by words and meaning" + (f" ({ready} of {whole} passages ready)" if ready < whole else "")

    def _open(self) -> DocumentIndex:
        try:
            return DocumentIndex(self._path, name=self.name)
        except SourceUnavailableError as error:
            self._trouble = str(error)
            return DocumentIndex(name=self.name)

    async def _opened(self, at: datetime) -> tuple[DocumentIndex, dict[str, _Shelf], list[SourceError]]:
        """The index, brought up to date; what can be seen of each collection, and why others cannot be seen."""
        if self._index is None:
            self._index = await asyncio.to_thread(self._open)
            await asyncio.to_thread(self._index.keep, self._collections.keys())
            self._meaning = Meaning(self._sentences, self._index) if self._sentences else None
        shelves: dict[str, _Shelf] = {}
        failures: list[SourceError] = []
        for name, collection in self._collections.items():
            try:
                shelves[name] = await _shelf(self._index, collection, at)
            except SourceError as error:
                failures.append(error)
        if failures and not shelves:
            raise failures[0]
        return self._index, shelves, failures


async def _shelf(index: DocumentIndex, collection: Collection, at: datetime) -> _Shelf:
    """What a collection holds, after indexing what is not yet indexed."""
    holdings = await collection.holdings(at)
    versions = holdings.versions
    if not versions and not collection.may_be_empty:
        sentence = "holds no Markdown documents; put some there, or take it out of the configuration"
        raise SourceUnavailableError(collection.name, sentence)
    missing = await asyncio.to_thread(index.missing, collection.name, versions)
    for start in range(0, len(missing), _BATCH):
        contents = await holdings.read(missing[start : start + _BATCH])
        documents = (_indexed(path, versions[path], data) for path, data in contents.items())
        await asyncio.to_thread(index.add, collection.name, documents)
    return _Shelf(collection, holdings, await asyncio.to_thread(index.use, collection.name, versions))


def _all_ids(shelves: Mapping[str, _Shelf]) -> Sequence[int]:
    return [number for shelf in shelves.values() for number in shelf.ids.values()]


def _known(shelves: Mapping[str, _Shelf]) -> Iterator[Known]:
    for name, shelf in shelves.items():
        yield from (Known(name, path, shelf.collection.prefix) for path in shelf.ids)


def _indexed(path: str, version: str, data: bytes | None) -> Indexed:
    if data is None:
        return Indexed(path, version, (), "unreadable or longer than 1 MiB")
    text, note = _decoded(data)
    return Indexed(path, version, sections(text), note)


def _decoded(data: bytes) -> tuple[str, str | None]:
    """The text, and what is odd about it."""
    try:
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text, note = data.decode("utf-16" if utf16 else "utf-8-sig"), None
    except UnicodeDecodeError:
        text, note = data.decode("utf-8", "replace"), "not UTF-8, so odd characters are lost"
    return ("", "binary, so not searched") if "\0" in text else (text, note)


def _pointed_to(hits: Sequence[Hit], anchor: str) -> Hit:
    """The section with an anchor and those below it as one; all of the document when nothing has that anchor."""
    first = next((i for i, hit in enumerate(hits) if anchor and hit.section.anchor == anchor), None)
    if first is None:
        return replace(hits[0], section=replace(hits[0].section, text=_joined(hits)))
    level = hits[first].section.level
    end = next((i for i in range(first + 1, len(hits)) if hits[i].section.level <= level), len(hits))
    return replace(hits[first], section=replace(hits[first].section, text=_joined(hits[first:end])))


def _joined(hits: Sequence[Hit]) -> str:
    """Sections with their headings, but for the first one's own."""
    texts = [hits[0].section.text]
    texts += [f"{'#' * hit.section.level} {hit.section.headings[-1]}\n{hit.section.text}" for hit in hits[1:]]
    return "\n\n".join(text for text in texts if text.strip())


async def _passages(hits: Iterable[Hit], shelves: Mapping[str, _Shelf]) -> tuple[Passage, ...]:
    return tuple(await asyncio.gather(*(_passage(hit, shelves[hit.collection].holdings) for hit in hits)))


async def _passage(hit: Hit, holdings: Holdings) -> Passage:
    url, section = holdings.url(hit.path), hit.section
    if url and section.anchor:
        url += f"#{quote(section.anchor)}"
    changed = await holdings.changed(hit.path)
    return Passage(hit.collection, hit.path, section.headings, section.text, hit.best, changed, url)
