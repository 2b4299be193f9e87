"""A full-text index of documents by section: SQLite's FTS5, ranked by BM25.

It is a cache. Documents are kept by collection, path and version; whoever asks says which versions count, so that one
index answers for several moments. Versions that were not asked for in a while are dropped.

Method: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), as FTS5 computes it, over
words stemmed by Porter's algorithm.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.errors import SourceUnavailableError
from sre_bot.sources.document_words import name_parts, terms
from sre_bot.sources.markdown import MAX_SECTIONS, Section

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_VERSION = 2
_MAX_UNUSED = 10_000
"""So many vectors that nobody asked for do not matter."""
_KEPT = 16
"""So many states of a collection are kept besides the present one."""
_NEAR = 400
"""Characters before the best place of a long section that are shown with it."""
_WEIGHTS = (2.0, 4.0, 1.0, 2.0)
"""Of the path, the heading, the text, and the words that names are made of."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL, path TEXT NOT NULL, version TEXT NOT NULL,
    note TEXT, used INTEGER NOT NULL DEFAULT 0, UNIQUE (collection, path, version)
);
CREATE VIRTUAL TABLE IF NOT EXISTS sections USING fts5 (
    path, heading, body, words, anchor UNINDEXED,
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TABLE IF NOT EXISTS vectors (digest TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "s.rowid, d.collection, d.path, s.heading, s.body, s.anchor"
_FOUND = f"FROM sections s JOIN documents d ON d.id = s.rowid / {MAX_SECTIONS}"
_SEARCH = f"""
SELECT {_COLUMNS}, snippet(sections, 2, '', '', '', 48) {_FOUND}
WHERE sections MATCH ? AND d.id IN (SELECT value FROM json_each(?))
ORDER BY bm25(sections, {", ".join(map(str, _WEIGHTS))}) LIMIT ?
"""  # noqa: S608 - values are bound
_READ = f"SELECT {_COLUMNS}, '' {_FOUND} WHERE s.rowid BETWEEN ? AND ? ORDER BY s.rowid"
_PICK = f"SELECT {_COLUMNS}, '' {_FOUND} WHERE s.rowid IN (SELECT value FROM json_each(?))"  # noqa: S608 - as above
_HOLDING = """
SELECT count(*), json_group_array(rowid) FILTER (WHERE rowid IN (SELECT value FROM json_each(?)))
FROM sections WHERE sections MATCH ?
"""
_HEADINGS = "\n"


@dataclass(frozen=True, slots=True)
class Indexed:
    """A document to be indexed; ``note`` says what is odd about it, and why it has no sections when it has none."""

    path: str
    version: str
    sections: Sequence[Section]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A section, the id of its document, its place among the sections of that, and where its best place begins."""

    document: int
    number: int
    collection: str
    path: str
    section: Section
    best: int


class DocumentIndex:
    """The index, in memory or in a file; safe to use from several threads. Every method raises SourceUnavailableError.

    Args:
        path: where to keep it; None for memory. A file that is no index of ours is replaced.
        name: what the source is called in errors.
    """

    def __init__(self, path: Path | None = None, *, name: str = "documents") -> None:
        self._name = name
        self._path = path
        self._lock = threading.Lock()
        with self._explained():
            self._database = self._opened()

    def close(self) -> None:
        """Give it up; it cannot be used any more."""
        with self._lock:
            self._database.close()

    def missing(self, collection: str, versions: Mapping[str, str]) -> Sequence[str]:
        """Paths whose version is not indexed."""
        with self._transaction():
            known = self._known(collection)
        return [path for path, version in versions.items() if (path, version) not in known]

    def add(self, collection: str, documents: Iterable[Indexed]) -> None:
        """Index documents; those that already are stay."""
        with self._transaction() as database:
            for document in documents:
                found = database.execute(
                    "INSERT OR IGNORE INTO documents (collection, path, version, note) VALUES (?, ?, ?, ?)",
                    (collection, document.path, document.version, document.note),
                )
                if found.rowcount:
                    rows = _rows(found.lastrowid or 0, document)
                    statement = "INSERT INTO sections (rowid, path, heading, body, words, anchor) VALUES "
                    database.executemany(statement + "(?, ?, ?, ?, ?, ?)", rows)

    def use(self, collection: str, versions: Mapping[str, str]) -> Mapping[str, int]:
        """The ids of documents by path, as far as they are indexed; long unused versions are dropped."""
        with self._transaction() as database:
            known = self._known(collection)
            ids = {path: known[path, version] for path, version in versions.items() if (path, version) in known}
            newest = database.execute("SELECT max(used) FROM documents WHERE collection = ?", (collection,))
            now = (newest.fetchone()[0] or 0) + 1
            listed = json.dumps(list(ids.values()))
            database.execute(
                "UPDATE documents SET used = ? WHERE id IN (SELECT value FROM json_each(?))", (now, listed)
            )
            self._drop("collection = ? AND used < ?", (collection, now - _KEPT))
        return ids

    def keep(self, collections: Collection[str]) -> None:
        """Drop what belongs to no collection of these."""
        with self._transaction():
            self._drop("collection NOT IN (SELECT value FROM json_each(?))", (json.dumps(sorted(collections)),))

    def notes(self, ids: Collection[int]) -> Mapping[str, int]:
        """How many documents have which note."""
        asked = "SELECT note, count(*) FROM documents WHERE note IS NOT NULL AND id IN (SELECT value FROM json_each(?))"
        with self._transaction() as database:
            return dict(database.execute(f"{asked} GROUP BY note ORDER BY note", (json.dumps(list(ids)),)))

    def search(self, text: str, ids: Collection[int], limit: int) -> Sequence[Hit]:
        """Sections of these documents that share words with a text, best first; it is words only, never syntax."""
        wanted = terms(text)
        if not wanted:
            return []
        query = " OR ".join(f'"{term}"' for term in wanted)
        with self._transaction() as database:
            rows = database.execute(_SEARCH, (query, json.dumps(list(ids)), limit)).fetchall()
        return [_hit(row) for row in rows]

    def read(self, document: int) -> Sequence[Hit]:
        """All sections of one document, in order."""
        first = document * MAX_SECTIONS
        with self._transaction() as database:
            rows = database.execute(_READ, (first, first + MAX_SECTIONS - 1)).fetchall()
        return [_hit(row) for row in rows]

    def pick(self, places: Iterable[tuple[int, int]]) -> Sequence[Hit]:
        """Sections by document and number, in no order; without those that are gone."""
        with self._transaction() as database:
            rows = database.execute(_PICK, (_rowids(places),)).fetchall()
        return [_hit(row) for row in rows]

    def coverage(self, text: str, places: Iterable[tuple[int, int]]) -> Mapping[tuple[int, int], float]:
        """How much of what a text asks for stands in each of these sections, from 0 to 1; rare words weigh more."""
        rowids, held, whole = _rowids(places), dict[tuple[int, int], float](), 0.0
        with self._transaction() as database:
            (number,) = database.execute("SELECT count(*) FROM sections").fetchone()
            for term in terms(text):
                spread, holding = database.execute(_HOLDING, (rowids, f'"{term}"')).fetchone()
                weight = math.log(1 + number / (spread + 0.5))
                whole += weight
                for rowid in json.loads(holding):
                    place = divmod(rowid, MAX_SECTIONS)
                    held[place] = held.get(place, 0) + weight
        return {place: weight / whole for place, weight in held.items()}

    def vectors(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """What was kept under these digests."""
        asked = "SELECT digest, vector FROM vectors WHERE digest IN (SELECT value FROM json_each(?))"
        with self._transaction() as database:
            return dict(database.execute(asked, (json.dumps(list(digests)),)))

    def keep_vectors(self, vectors: Mapping[str, bytes]) -> None:
        """Keep vectors by the digests of what they stand for."""
        with self._transaction() as database:
            database.executemany("INSERT OR IGNORE INTO vectors (digest, vector) VALUES (?, ?)", vectors.items())

    def forget_vectors(self, wanted: Collection[str]) -> None:
        """Drop the others, once they are more than twice as many as those that are wanted."""
        with self._transaction() as database:
            (number,) = database.execute("SELECT count(*) FROM vectors").fetchone()
            if number > _MAX_UNUSED + 3 * len(wanted):
                asked = "DELETE FROM vectors WHERE digest NOT IN (SELECT value FROM json_each(?))"
                database.execute(asked, (json.dumps(list(wanted)),))

    def _known(self, collection: str) -> dict[tuple[str, str], int]:
        asked = "SELECT path, version, id FROM documents WHERE collection = ?"
        return {(path, version): number for path, version, number in self._database.execute(asked, (collection,))}

    def _drop(self, condition: str, values: tuple[str | int, ...]) -> None:
        asked = f"SELECT id FROM documents WHERE {condition}"  # noqa: S608 - the condition is ours
        for (number,) in self._database.execute(asked, values).fetchall():
            first = number * MAX_SECTIONS
            self._database.execute(
                "DELETE FROM sections WHERE rowid BETWEEN ? AND ?", (first, first + MAX_SECTIONS - 1)
            )
            self._database.execute("DELETE FROM documents WHERE id = ?", (number,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained(), self._database:
            yield self._database

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            where = f"the index of documents {self._path}" if self._path else "the index of documents"
            sentence = f"{where} cannot be used: {error}; see that its folder is writable and has room"
            raise SourceUnavailableError(self._name, sentence) from error

    def _opened(self) -> sqlite3.Connection:
        if self._path is None:
            return _connected(":memory:")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connected(str(self._path))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # locked or unwritable, not broken
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            return _connected(str(self._path))


def _connected(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        if path != ":memory:":
            database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        if database.execute("PRAGMA user_version").fetchone()[0] not in {0, _VERSION}:
            raise sqlite3.DatabaseError("an index of another version")
        database.executescript(f"{_SCHEMA}PRAGMA user_version = {_VERSION};")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _rows(document: int, indexed: Indexed) -> Iterator[tuple[int, str, str, str, str, str]]:
    for number, section in enumerate(indexed.sections):
        heading = _HEADINGS.join(section.headings)
        words = " ".join(name_parts(f"{indexed.path} {heading}"))
        rowid = document * MAX_SECTIONS + number
        yield rowid, indexed.path, heading, section.text, words, section.anchor


def _rowids(places: Iterable[tuple[int, int]]) -> str:
    return json.dumps([document * MAX_SECTIONS + number for document, number in places])


def _hit(row: tuple[int, str, str, str, str, str, str]) -> Hit:
    rowid, collection, path, heading, body, anchor, snippet = row
    section = Section(tuple(heading.split(_HEADINGS)) if heading else (), anchor, body)
    best = max(0, body.find(snippet) - _NEAR) if snippet else 0
    return Hit(*divmod(rowid, MAX_SECTIONS), collection, path, section, best)
