"""Sections are found by what they mean, from vectors made in the background and kept."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.sources.document_collections import FolderDocuments
from sre_bot.sources.document_index import DocumentIndex, Indexed
from sre_bot.sources.document_meaning import Meaning
from sre_bot.sources.documents import DocumentLibrary, Found
from sre_bot.sources.markdown import sections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sre_bot.sources.sentences import Sentences

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONCEPTS = ({"disk", "volume", "storage"}, {"payment", "card", "money"}, {"network", "dns"})


class Concepts:
    """A model that knows three concepts by their words; counts what it is asked, and can be held up."""

    name = "concepts"
    width = 4

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.error: Exception | None = None

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The concepts of each text; of a text without any, a direction of its own."""
        if len(texts) > 1 or "\n" in texts[0]:
            assert self.may_go_on.wait(30)
        if self.error:
            raise self.error
        self.texts += texts
        words = [set(text.lower().replace(".", " ").split()) for text in texts]
        rows = [[float(bool(concept & one)) for concept in CONCEPTS] for one in words]
        found = np.array([[*row, 0.0 if any(row) else 1.0] for row in rows], np.float32)
        units: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
        return units


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with two runbooks."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "full.md").write_text("# Full\nThe disk has no room.\n# Other\nNothing to see.")
    (tmp_path / "docs" / "psp.md").write_text("# PspDown\nNo payment gets through. Code 4711.")
    return tmp_path / "docs"


@pytest.fixture
async def library(docs: Path, tmp_path: Path) -> AsyncIterator[Callable[[Sentences], DocumentLibrary]]:
    """Libraries over the folder and one index file; closed in the end."""
    made: list[DocumentLibrary] = []

    def make(sentences: Sentences) -> DocumentLibrary:
        collections = [FolderDocuments(docs, name="handbook")]
        made.append(
            DocumentLibrary(collections, index=tmp_path / "index.sqlite", sentences=sentences, now=lambda: NOON)
        )
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def search(library: DocumentLibrary, text: str) -> Found:
    return await library.search(text, NOON, 5)


def places(found: Found) -> list[tuple[str, ...]]:
    return [(one.path, *one.headings) for one in found.passages]


async def until_ready(library: DocumentLibrary, text: str) -> Found:
    while True:
        found = await search(library, text)
        if not found.note:
            return found
        await asyncio.sleep(0.01)


async def test_a_section_that_shares_no_word_is_found(library: Callable[[Sentences], DocumentLibrary]) -> None:
    found = await search(library(Concepts()), "storage trouble")
    assert places(found) == [("full.md", "Full")]
    assert found.note is None


async def test_a_section_that_holds_the_words_goes_before_one_that_is_near(
    docs: Path, library: Callable[[Sentences], DocumentLibrary]
) -> None:
    (docs / "list.md").write_text("# Cards\nWe take each card.")
    seen = await search(library(Concepts()), "money 4711")
    assert places(seen) == [("psp.md", "PspDown"), ("list.md", "Cards")]


async def test_what_is_near_to_nothing_and_shares_no_word_is_not_found(
    library: Callable[[Sentences], DocumentLibrary],
) -> None:
    assert places(await search(library(Concepts()), "network unreachable")) == []


async def test_names_are_given_to_the_model_as_words_below_the_name_of_the_document(
    library: Callable[[Sentences], DocumentLibrary],
) -> None:
    model = Concepts()
    await search(library(model), "x")
    assert "psp. Psp Down\nNo payment gets through. Code 4711." in model.texts


async def test_a_long_section_is_found_by_each_of_its_pieces(
    docs: Path, library: Callable[[Sentences], DocumentLibrary]
) -> None:
    (docs / "long.md").write_text("# Long\n" + "filler text\n" * 150 + "look at dns first\n" + "filler text\n" * 150)
    (found,) = (await until_ready(library(Concepts()), "network")).passages
    assert "look at dns first" in found.text[found.best : found.best + 1_000]


@pytest.mark.parametrize("text", ["x" * 20_000, "word " * 4_000, "", "\ud800 \0"])
async def test_any_text_can_be_a_section_and_a_question(
    docs: Path, library: Callable[[Sentences], DocumentLibrary], text: str
) -> None:
    (docs / "odd.md").write_bytes(b"# Odd\n" + text.encode("utf-8", "surrogatepass"))
    model = Concepts()
    found = await search(library(model), f"storage {text[:400]}")
    assert ("full.md", "Full") in places(found)
    assert sum(one.startswith("odd. Odd\n") for one in model.texts) <= 8


async def test_vectors_are_kept_by_content_and_not_made_again(
    docs: Path, library: Callable[[Sentences], DocumentLibrary]
) -> None:
    first = library(Concepts())
    await search(first, "storage")
    await first.close()
    (docs / "full.md").unlink()
    (docs / "new.md").write_text("# New\nother")
    (docs / "psp.md").touch()
    again = Concepts()
    await search(library(again), "money")
    assert again.texts == ["new. New\nother", "money"]


async def test_a_question_gets_an_answer_by_words_before_the_vectors_are_made(
    library: Callable[[Sentences], DocumentLibrary], docs: Path
) -> None:
    (docs / "many.md").write_text("\n".join(f"# Part {n}\ntext {n}" for n in range(100)))
    model = Concepts()
    model.may_go_on.clear()
    documents = library(model)
    try:
        found = await search(documents, "disk")
        assert places(found) == [("full.md", "Full")]
        assert found.note == "By meaning, 0 of 103 passages could be compared so far; the rest by words only."
        assert (await documents.check()).endswith("found by words and meaning (0 of 103 passages ready)")
        assert (await search(documents, "storage")).passages == ()
    finally:
        model.may_go_on.set()
    assert places(await until_ready(documents, "storage")) == [("full.md", "Full")]
    assert (await documents.check()).endswith("found by words and meaning")


async def test_the_documents_that_share_words_are_read_first(
    library: Callable[[Sentences], DocumentLibrary], docs: Path
) -> None:
    (docs / "a.md").write_text("\n".join(f"# Part {n}\ntext {n}" for n in range(100)))
    model = Concepts()
    documents = library(model)
    await until_ready(documents, "4711")
    assert model.texts[0].startswith("psp. ") or model.texts[1].startswith("psp. ")


async def test_what_changes_is_read_anew_and_what_is_gone_is_not_found(
    docs: Path, library: Callable[[Sentences], DocumentLibrary]
) -> None:
    documents = library(Concepts())
    assert places(await search(documents, "storage")) == [("full.md", "Full")]
    (docs / "full.md").unlink()
    assert places(await search(documents, "storage")) == []
    (docs / "net.md").write_text("# Wire\nAsk dns.")
    assert places(await search(documents, "network")) == [("net.md", "Wire")]


async def test_closing_stops_the_work_after_what_is_in_hand(
    docs: Path, library: Callable[[Sentences], DocumentLibrary]
) -> None:
    (docs / "many.md").write_text("\n".join(f"# Part {n}\ntext {n}" for n in range(500)))
    model = Concepts()
    model.may_go_on.clear()
    documents = library(model)
    await search(documents, "disk")
    closing = asyncio.create_task(documents.close())
    await asyncio.sleep(0)
    model.may_go_on.set()
    await closing
    assert len(model.texts) < 100


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("no safetensors file")])
async def test_a_model_that_cannot_be_read_leaves_the_words_and_is_said(
    library: Callable[[Sentences], DocumentLibrary], error: Exception
) -> None:
    model = Concepts()
    model.error = error
    documents = library(model)
    for _ in range(3):
        found = await search(documents, "disk")
        assert places(found) == [("full.md", "Full")]
        assert found.note == f"By words only: the sentence model cannot be used: {error}"
    model.error = None
    assert places(await until_ready(documents, "storage")) == [("full.md", "Full")]


async def test_documents_of_other_moments_are_forgotten_and_can_be_asked_for_again() -> None:
    index = DocumentIndex()
    index.add("x", [Indexed(f"{n}.md", "1", sections(f"# Part {n}\ndisk {n}")) for n in range(1_500)])
    ids = list(index.use("x", {f"{n}.md": "1" for n in range(1_500)}).values())
    meaning = Meaning(Concepts(), index)
    for asked in (ids[:1_100], ids[1_100:1_110], ids[:10], ids[:1_100]):
        assert await meaning.readiness(asked) == (0, len(asked))
    assert [hit.path for hit in (await meaning.ranked("storage", ids[:3], [])).hits] == ["0.md", "1.md", "2.md"]
    assert await meaning.readiness(ids[:10]) == (3, 10)
    await meaning.close()
    index.close()


async def test_many_vectors_are_found_however_they_were_made(
    docs: Path, library: Callable[[Sentences], DocumentLibrary]
) -> None:
    for n in range(60):
        (docs / f"{n}.md").write_text("\n".join(f"# Part {n} {k}\ntext" for k in range(10)))
    documents = library(Concepts())
    await until_ready(documents, "storage")
    (docs / "last.md").write_text("# Wire\nAsk dns.")
    assert places(await until_ready(documents, "network")) == [("last.md", "Wire")]
    assert places(await search(documents, "storage")) == [("full.md", "Full")]


class TestKeptVectors:
    def test_those_that_nobody_wants_are_dropped_once_they_are_many(self) -> None:
        index = DocumentIndex()
        index.keep_vectors({str(n): b"x" for n in range(9_000)})
        index.forget_vectors({"1"})
        assert len(index.vectors(map(str, range(9_000)))) == 9_000
        index.keep_vectors({str(n): b"x" for n in range(9_000, 11_000)})
        index.forget_vectors({"1", "2", "unknown"})
        assert index.vectors(map(str, range(11_000))) == {"1": b"x", "2": b"x"}
        index.close()
