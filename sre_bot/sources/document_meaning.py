"""Sections found by what they mean, joined with those found by their words.

A long section is several pieces, each a vector. Making one takes about 50 ms, so it is done in the background and kept
in the index by the digest of the text; a question waits a moment for it, then uses what is there.

Method: the cosine of question and piece, plus the squared share of the question's words that the section holds (by
inverse document frequency), weighted. Reciprocal rank fusion (Cormack et al., 2009) cannot tell a section that holds
all words from one that is first by chance; `benchmarks/document_search.py` compares the two.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from hashlib import sha256
from heapq import nlargest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from sre_bot.errors import SourceUnavailableError
from sre_bot.sources.document_words import name_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sre_bot.sources.document_index import DocumentIndex, Hit
    from sre_bot.sources.sentences import Sentences

WORDS_WEIGHT = 0.4
"""Of the share of words, beside the cosine; from 0.2 to 0.7 the benchmark's questions are answered alike."""
NEAR = 0.2
"""What is less near than this cosine is not found by meaning."""
_NEAREST = 40
"""So many sections are found by meaning at most."""
PATIENCE = 2.0
"""Seconds that a question waits for vectors that are still to be made."""
_PIECE, _PIECES = 900, 8
"""Characters of a piece (the model reads no more than 256 tokens), and how many pieces of a section are read."""
_SOON = 64
"""So many missing pieces are worth waiting for."""
_BATCH = 8
"""So many pieces are read at a time: closing waits for them."""
_BLOCKS = 64
"""Arrays of vectors before they are joined into one."""
_KEPT = 1_000
"""So many documents of other moments are remembered at least."""

_Place: TypeAlias = tuple[int, int]
"""Of a section: the id of its document, and its number there."""


class _Piece(NamedTuple):
    place: _Place
    start: int
    digest: str


class Ranked(NamedTuple):
    """Sections, best first; ``note`` says what could not be compared by meaning."""

    hits: Sequence[Hit]
    note: str | None


class Meaning:
    """What the sections of an index mean. Close it before the index. Used from one event loop.

    Args:
        sentences: makes the vectors.
        index: holds the sections, and keeps their vectors.
        patience: seconds that a question waits for vectors.
    """

    def __init__(self, sentences: Sentences, index: DocumentIndex, *, patience: float = PATIENCE) -> None:
        self._sentences = sentences
        self._index = index
        self._patience = patience
        self._pieces: dict[int, tuple[_Piece, ...]] = {}
        self._vectors = _Vectors(sentences.width)
        self._learning = asyncio.Lock()
        self._filling: asyncio.Task[None] | None = None
        self._closed = False

    async def close(self) -> None:
        """Stop making vectors, after those in hand; what was made is kept."""
        self._closed = True
        if self._filling is not None:
            await asyncio.gather(self._filling, return_exceptions=True)

    async def readiness(self, documents: Sequence[int]) -> tuple[int, int]:
        """How many pieces of these documents have vectors, and how many pieces there are.

        Raises:
            SourceUnavailableError: the index cannot be used.
        """
        pieces = await self._learned(documents)
        return sum(piece.digest in self._vectors for piece in pieces), len(pieces)

    async def ranked(self, text: str, documents: Sequence[int], hits: Sequence[Hit]) -> Ranked:
        """Sections of these documents that fit a text, best first, from those found by words and those near in meaning.

        Raises:
            SourceUnavailableError: the index cannot be used.
            OSError, ValueError: the model cannot be read.
        """
        pieces = await self._learned(documents)
        await self._prepared(list(dict.fromkeys([*(hit.document for hit in hits), *documents])))
        asked = await asyncio.to_thread(self._sentences.vectors, [text])
        near = await asyncio.to_thread(self._vectors.near, asked[0], pieces)
        found = await asyncio.to_thread(self._joined, text, near, hits)
        ready, whole = sum(piece.digest in self._vectors for piece in pieces), len(pieces)
        note = f"By meaning, {ready} of {whole} passages could be compared so far; the rest by words only."
        return Ranked(found, note if ready < whole else None)

    def _joined(self, text: str, near: Mapping[_Place, tuple[float, int]], hits: Sequence[Hit]) -> list[Hit]:
        """The best of what was found either way; runs in a thread."""
        known = {(hit.document, hit.number): hit for hit in hits}
        nearest = nlargest(
            _NEAREST, (place for place in near if near[place][0] >= NEAR), key=lambda place: near[place][0]
        )
        for hit in self._index.pick(place for place in nearest if place not in known):
            known[hit.document, hit.number] = replace(hit, best=near[hit.document, hit.number][1])
        share = self._index.coverage(text, known)
        fit = {place: near.get(place, (0.0, 0))[0] + WORDS_WEIGHT * share.get(place, 0) ** 2 for place in known}
        return [known[place] for place in sorted(known, key=lambda place: -fit[place])]

    async def _learned(self, documents: Sequence[int]) -> list[_Piece]:
        """The pieces of documents, with their vectors at hand as far as they were kept."""
        async with self._learning:
            fresh = [number for number in documents if number not in self._pieces]
            if fresh:
                read = await asyncio.to_thread(lambda: {number: self._read(number) for number in fresh})
                unknown = self._vectors.unknown(piece.digest for pieces in read.values() for piece in pieces)
                self._vectors.add(await asyncio.to_thread(self._index.vectors, unknown))
                if len(self._pieces) > _KEPT + 2 * len(documents):
                    self._pieces = {number: self._pieces[number] for number in documents if number in self._pieces}
                self._pieces |= read
        return [piece for number in documents for piece in self._pieces.get(number, ())]

    def _read(self, document: int) -> tuple[_Piece, ...]:
        return tuple(piece for piece, _ in self._texts(document))

    def _texts(self, document: int) -> Iterator[tuple[_Piece, str]]:
        """The pieces of a document, and the texts that stand for them."""
        for hit in self._index.read(document):
            for start, text in _pieces(hit):
                digest = sha256(f"{self._sentences.name}\n{text}".encode("utf-8", "replace")).hexdigest()
                yield _Piece((document, hit.number), start, digest), text

    async def _prepared(self, documents: Sequence[int]) -> None:
        """Wait a moment for the vectors of these documents; they are made whether or not anybody waits."""
        if self._filling is not None and self._filling.done():
            done, self._filling = self._filling, None
            done.result()  # what went wrong is told to the next question
        missing = [number for number in documents if self._missing(number)]
        if not missing:
            return
        is_long = sum(len(self._pieces[number]) for number in missing) > _SOON
        if self._filling is None:
            self._filling = asyncio.create_task(self._fill(missing, is_long=is_long))
        if not is_long:
            await asyncio.wait({self._filling}, timeout=self._patience)

    def _missing(self, document: int) -> bool:
        return any(piece.digest not in self._vectors for piece in self._pieces.get(document, ()))

    async def _fill(self, documents: Sequence[int], *, is_long: bool) -> None:
        """Make the vectors that are missing, some at a time; long work leaves half of the time to others."""
        clock = asyncio.get_running_loop().time
        batch: dict[str, str] = {}
        for document in documents:
            texts = await asyncio.to_thread(list, self._texts(document))
            batch |= {piece.digest: text for piece, text in texts if piece.digest not in self._vectors}
            while len(batch) >= _BATCH or (batch and document == documents[-1]):
                if self._closed:
                    return
                now = dict(list(batch.items())[:_BATCH])
                started = clock()
                await self._make(now)
                await asyncio.sleep(clock() - started if is_long else 0)
                batch = {digest: text for digest, text in batch.items() if digest not in now}
        wanted = {piece.digest for pieces in self._pieces.values() for piece in pieces}
        await asyncio.to_thread(self._index.forget_vectors, wanted)

    async def _make(self, texts: Mapping[str, str]) -> None:
        made = await asyncio.to_thread(self._sentences.vectors, list(texts.values()))
        vectors = {digest: row.astype(np.float16).tobytes() for digest, row in zip(texts, made, strict=True)}
        self._vectors.add(vectors)
        with contextlib.suppress(SourceUnavailableError):  # a full disk; then they are made again after a restart
            await asyncio.to_thread(self._index.keep_vectors, vectors)


class _Vectors:
    """Vectors by digest, in half precision: 768 bytes each."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: dict[str, int] = {}
        self._blocks: list[NDArray[np.float16]] = []

    def __contains__(self, digest: str) -> bool:
        return digest in self._rows

    def unknown(self, digests: Iterable[str]) -> set[str]:
        return {digest for digest in digests if digest not in self._rows}

    def add(self, vectors: Mapping[str, bytes]) -> None:
        fresh = [digest for digest in vectors if digest not in self._rows]
        if not fresh:
            return
        block = np.frombuffer(b"".join(vectors[digest] for digest in fresh), np.float16).reshape(-1, self._width)
        self._rows |= {digest: len(self._rows) + i for i, digest in enumerate(fresh)}
        self._blocks = [*self._blocks, block]
        if len(self._blocks) > _BLOCKS:
            self._blocks = [np.concatenate(self._blocks)]

    def near(self, vector: NDArray[np.float32], pieces: Sequence[_Piece]) -> Mapping[_Place, tuple[float, int]]:
        """For each section with vectors: the cosine of its nearest piece, and where that starts."""
        blocks, rows = self._blocks, self._rows
        cosines = np.concatenate([block.astype(np.float32) @ vector for block in blocks]) if blocks else np.empty(0)
        nearest: dict[_Place, tuple[float, int]] = {}
        for piece in pieces:
            row = rows.get(piece.digest, len(cosines))
            cosine = float(cosines[row]) if row < len(cosines) else -1.0
            if cosine > nearest.get(piece.place, (-1.0, 0))[0]:
                nearest[piece.place] = (cosine, piece.start)
        return nearest


def _pieces(hit: Hit) -> Iterator[tuple[int, str]]:
    """Where each piece of a section starts, and its text below the names of document and section."""
    above = [PurePosixPath(hit.path).stem, *hit.section.headings]
    title = ". ".join(" ".join(_spelt(name)) for name in above)
    body, start = hit.section.text, 0
    for _ in range(_PIECES):
        end = _end(body, start)
        yield start, f"{title}\n{body[start:end].strip()}"
        if end >= len(body):
            return
        start = end


def _spelt(name: str) -> Sequence[str]:
    """A name as the words it is made of: the model knows "checkout errors", not CheckoutErrors."""
    return [" ".join(name_parts(word)) or word for word in name.split()]


def _end(body: str, start: int) -> int:
    """Where a piece ends: behind its last whole line or word, if it has one."""
    if len(body) - start <= _PIECE:
        return len(body)
    for mark in ("\n", " "):
        cut = body.rfind(mark, start + _PIECE // 2, start + _PIECE)
        if cut > 0:
            return cut + 1
    return start + _PIECE
