"""Documents are found by their words and by address, as of a moment, from folders and real repositories."""

from __future__ import annotations

import asyncio
import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sre_bot.errors import SourceUnavailableError
from sre_bot.sources.document_collections import FolderDocuments, RepositoryDocuments
from sre_bot.sources.document_index import DocumentIndex, Indexed
from sre_bot.sources.documents import DocumentLibrary
from sre_bot.sources.markdown import sections
from sre_bot.sources.repository import GitRepository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sre_bot.sources.document_collections import Collection
    from sre_bot.tools.docs import Documents
    from tests.conftest import GitFolder

CORPORA = Path(__file__).parents[2] / "../shared/corpora"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RUNBOOK = """# CheckoutErrorsHigh
Checkout answers with 5xx.
## Connection pool exhausted
Raise `pool_size` in checkout/db.py.
### Check
Look at the waiting threads.
## Payment provider down
Fail over to the second provider.
"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with three documents."""
    files = {
        "runbooks/checkout-errors.md": RUNBOOK,
        "runbooks/disk.md": "# DiskFull\nDelete old logs, then grow the volume.",
        "README.md": "# Handbook\nHow we are on call.",
    }
    for path, text in files.items():
        (tmp_path / "docs" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / path).write_text(text)
        os.utime(tmp_path / "docs" / path, (NOON.timestamp(), NOON.timestamp()))
    return tmp_path / "docs"


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Callable[..., DocumentLibrary]]:
    """Libraries over collections, closed in the end."""
    made: list[DocumentLibrary] = []

    def make(*collections: Collection, index: Path | None = None) -> DocumentLibrary:
        made.append(DocumentLibrary(collections, index=index, now=lambda: NOON))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def found(library: Documents, text: str, at: datetime = NOON) -> list[tuple[str, ...]]:
    """Path and headings of what a search finds."""
    return [(one.path, *one.headings) for one in (await library.search(text, at, 5)).passages]


class TestSearch:
    async def test_sections_are_found_by_their_words_best_first(
        self, docs: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        documents: Documents = library(FolderDocuments(docs, name="handbook", url_prefix="https://wiki.example/ops/"))
        best, *_ = (await documents.search("what to do when the connection pools are exhausted?", NOON, 5)).passages
        assert (best.collection, best.path) == ("handbook", "runbooks/checkout-errors.md")
        assert best.headings == ("CheckoutErrorsHigh", "Connection pool exhausted")
        assert best.text == "Raise `pool_size` in checkout/db.py."
        assert best.changed == NOON
        assert best.url == "https://wiki.example/ops/runbooks/checkout-errors.md#connection-pool-exhausted"

    @pytest.mark.parametrize(
        "text", ["CheckoutErrorsHigh", "checkout errors", "errors in checkout", "pool size", "pool_size", "PoolSize"]
    )
    async def test_names_are_found_whole_and_by_the_words_they_are_made_of(
        self, docs: Path, library: Callable[..., DocumentLibrary], text: str
    ) -> None:
        documents = library(FolderDocuments(docs, name="handbook"))
        assert (await found(documents, text))[0][0] == "runbooks/checkout-errors.md"

    async def test_at_most_two_sections_of_a_document_are_found(
        self, docs: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        (docs / "long.md").write_text("\n".join(f"# Provider {n}\nprovider provider" for n in range(9)))
        paths = [path for path, *_ in await found(library(FolderDocuments(docs, name="handbook")), "provider")]
        assert paths == ["long.md", "long.md", "runbooks/checkout-errors.md"]

    async def test_the_best_place_of_a_long_section_is_told(
        self, docs: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        (docs / "long.md").write_text("# Long\n" + "filler text\n" * 2_000 + "the gateway quota\n" + "filler\n" * 2_000)
        (best,) = (await library(FolderDocuments(docs, name="handbook")).search("quota", NOON, 5)).passages
        assert "quota" in best.text[best.best : best.best + 1_500]

    @pytest.mark.parametrize(
        "text",
        [
            *('"', '""" OR *', "pool AND", "NEAR(pool, 3)", "heading:pool", "pool*", "^pool", "-pool", "{heading}: x"),
            *("pool' ; DROP TABLE documents; --", "(" * 500, "\0", "\ud800", "", "  ", "a" * 100_000, "pool " * 9_999),
            *("𝔭𝔬𝔬𝔩", "مرحبا", "\u202epool"),
        ],
    )
    async def test_a_hostile_text_is_words_and_nothing_else(
        self, docs: Path, library: Callable[..., DocumentLibrary], text: str
    ) -> None:
        documents = library(FolderDocuments(docs, name="handbook"))
        hits = await found(documents, text)
        assert bool(hits) == ("pool" in text)
        assert len(await found(documents, "pool")) == 2, "the index is as it was"

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(max_size=200))
    def test_any_text_can_be_searched_for(self, text: str) -> None:
        index = DocumentIndex()
        try:
            index.add("x", [Indexed("a.md", "1", sections(RUNBOOK))])
            ids = index.use("x", {"a.md": "1"})
            assert all(hit.path == "a.md" for hit in index.search(text, ids.values(), 5))
        finally:
            index.close()


class TestChanges:
    async def test_what_changes_is_seen_at_the_next_look(
        self, docs: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        documents = library(FolderDocuments(docs, name="handbook"))
        assert not await found(documents, "kraken")
        (docs / "kraken.md").write_text("# Kraken\nbeware")
        (docs / "runbooks/disk.md").write_text("# Tape\nrewind")
        assert await found(documents, "kraken") == [("kraken.md", "Kraken")]
        assert not await found(documents, "delete old logs")
        (docs / "kraken.md").unlink()
        assert not await found(documents, "kraken")

    async def test_a_repository_is_read_as_of_the_moment(
        self, git_folder: GitFolder, library: Callable[..., DocumentLibrary]
    ) -> None:
        git_folder.commit("one", {"docs/x.md": "# Kraken", "a.py": "kraken"}, NOON - timedelta(hours=2))
        git_folder.commit("two", {"docs/x.md": "# Squid", "docs/y.md": "# Whale"}, NOON - timedelta(hours=1))
        shop = GitRepository(git_folder.path, name="shop", web_url="https://github.com/acme/shop")
        documents = library(RepositoryDocuments(shop))
        assert await found(documents, "kraken squid whale") == [("docs/x.md", "Squid"), ("docs/y.md", "Whale")]
        earlier = NOON - timedelta(minutes=90)
        assert await found(documents, "kraken squid whale", earlier) == [("docs/x.md", "Kraken")]
        (passage,) = (await documents.search("kraken", earlier, 5)).passages
        assert passage.changed == NOON - timedelta(hours=2)
        first = git_folder.git("rev-parse", "HEAD~1")
        assert passage.url == f"https://github.com/acme/shop/blob/{first}/docs/x.md#kraken"

    async def test_many_looks_at_many_moments_at_once_do_not_disturb_each_other(
        self, git_folder: GitFolder, library: Callable[..., DocumentLibrary]
    ) -> None:
        moments = [NOON - timedelta(hours=n) for n in range(20)]
        for n, moment in sorted(enumerate(moments), reverse=True):
            git_folder.commit(f"{n}", {"x.md": f"# Kraken {n}"}, moment)
        documents = library(RepositoryDocuments(GitRepository(git_folder.path, name="shop")))
        seen = await asyncio.gather(*(found(documents, "kraken", moment) for moment in [*moments, *moments]))
        assert seen == [[("x.md", f"Kraken {n}")] for n in range(20)] * 2


class TestIndexFile:
    async def test_it_is_kept_and_used_again(
        self, docs: Path, tmp_path: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        index = tmp_path / "state" / "documents.sqlite"
        assert await found(library(FolderDocuments(docs, name="handbook"), index=index), "DiskFull")
        kept = DocumentIndex(index)
        versions = {file.path: file.version for file in FolderDocuments(docs, name="handbook")._folder.list().files}
        assert kept.missing("handbook", versions) == []
        kept.close()
        assert await found(library(FolderDocuments(docs, name="handbook"), index=index), "DiskFull")

    async def test_collections_that_are_gone_leave_it(
        self, docs: Path, tmp_path: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        index = tmp_path / "documents.sqlite"
        await found(library(FolderDocuments(docs, name="old"), index=index), "x")
        await found(library(FolderDocuments(docs, name="new"), index=index), "x")
        kept = DocumentIndex(index)
        assert kept.use("old", dict.fromkeys(["README.md"], "1")) == {}
        assert len(kept._known("old")) == 0
        kept.close()

    @pytest.mark.parametrize("content", [b"not a database at all" * 999, b"SQLite format 3\0" + b"\xff" * 5_000])
    async def test_a_broken_one_is_made_anew(
        self, docs: Path, tmp_path: Path, library: Callable[..., DocumentLibrary], content: bytes
    ) -> None:
        (tmp_path / "documents.sqlite").write_bytes(content)
        documents = library(FolderDocuments(docs, name="handbook"), index=tmp_path / "documents.sqlite")
        assert await found(documents, "DiskFull")

    async def test_documents_are_found_without_one_that_can_be_written_and_what_to_do_is_said(
        self, docs: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        documents = library(FolderDocuments(docs, name="handbook"), index=docs / "README.md" / "x.sqlite")
        assert await found(documents, "DiskFull")
        assert "see that its folder is writable and has room; it is made anew at every start" in await documents.check()

    def test_a_full_disk_is_said(self, tmp_path: Path) -> None:
        index = DocumentIndex(tmp_path / "documents.sqlite")
        index._database.execute("PRAGMA max_page_count = 40")
        with pytest.raises(SourceUnavailableError, match="full; see that its folder is writable and has room"):
            index.add("x", [Indexed("a.md", "1", sections("# Word\nwords " * 50_000))])
        index.add("x", [Indexed("b.md", "1", sections("# Kraken"))])
        assert len(index.search("kraken", index.use("x", {"b.md": "1"}).values(), 5)) == 1
        index.close()

    def test_versions_that_nobody_asked_for_in_a_while_are_dropped(self) -> None:
        index = DocumentIndex()
        for version in range(30):
            index.add("x", [Indexed("a.md", str(version), sections("# Kraken"))])
            index.use("x", {"a.md": str(version)})
        assert 10 < len(index._known("x")) < 25
        index.close()


class TestResolve:
    @pytest.mark.parametrize(
        "url",
        [
            "https://git.example/acme/ops/blob/main/docs/runbooks/checkout-errors.md",
            "https://git.example/acme/ops/-/blob/main/runbooks/checkout-errors.md?plain=1",
            "https://wiki.example/runbooks/checkout-errors/",
            "https://wiki.example/Checkout%2DErrors.html",
            "https://wiki.example/Checkout+Errors",
            "runbooks/checkout_errors.md",
        ],
    )
    async def test_an_address_leads_to_the_document_whose_path_it_ends_in(
        self, docs: Path, library: Callable[..., DocumentLibrary], url: str
    ) -> None:
        (passage,) = (await library(FolderDocuments(docs, name="handbook")).resolve(url, NOON)).passages
        assert passage.path == "runbooks/checkout-errors.md"
        assert "Fail over to the second provider." in passage.text

    async def test_an_anchor_leads_to_its_section_with_all_below(
        self, docs: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        documents = library(FolderDocuments(docs, name="handbook"))
        url = "https://x.example/checkout-errors.md#Connection-pool-exhausted"
        (passage,) = (await documents.resolve(url, NOON)).passages
        assert passage.headings[-1] == "Connection pool exhausted"
        assert passage.text == "Raise `pool_size` in checkout/db.py.\n\n### Check\nLook at the waiting threads."
        (whole,) = (await documents.resolve("https://x.example/checkout-errors.md#L10", NOON)).passages
        assert "Checkout answers" in whole.text

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "https://x.example/none.md",
                "https://x.example/",
                "",
                "not an address",
                "http://[::1",
                "#checkout-errors",
            ),
            *("https://x.example/shop/README.md", "javascript:alert(1)", "https://x.example/../../etc/passwd", "\0"),
        ],
    )
    async def test_other_addresses_lead_nowhere(
        self, docs: Path, library: Callable[..., DocumentLibrary], url: str
    ) -> None:
        assert (await library(FolderDocuments(docs, name="handbook")).resolve(url, NOON)).passages == ()

    async def test_paths_from_a_corpus_lead_nowhere(self, docs: Path, library: Callable[..., DocumentLibrary]) -> None:
        corpus = CORPORA / "path_traversal.txt.gz"
        if not corpus.exists():
            pytest.skip("no path_traversal.txt.gz here")
        documents = library(FolderDocuments(docs, name="handbook"))
        for attack in gzip.decompress(corpus.read_bytes()).decode().splitlines():
            assert (await documents.resolve(f"file://{attack}", NOON)).passages == ()

    async def test_a_configured_address_decides_between_folders_and_a_page_names_its_folder(
        self, docs: Path, tmp_path: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        (tmp_path / "other" / "disk").mkdir(parents=True)
        (tmp_path / "other" / "README.md").write_text("# Other")
        (tmp_path / "other" / "disk" / "index.md").write_text("# Other disk")
        documents = library(
            FolderDocuments(docs, name="handbook"),
            FolderDocuments(tmp_path / "other", name="other", url_prefix="https://other.example/pages"),
        )

        async def paths(url: str) -> list[tuple[str, str]]:
            return [(one.collection, one.path) for one in (await documents.resolve(url, NOON)).passages]

        assert await paths("https://other.example/pages/disk") == [("other", "disk/index.md")]
        assert await paths("https://other.example/pages/README.md") == [("other", "README.md")]
        assert await paths("https://x.example/runbooks/disk") == [("handbook", "runbooks/disk.md")]
        assert await paths("https://x.example/disk") == [("handbook", "runbooks/disk.md"), ("other", "disk/index.md")]


class TestOddCollections:
    async def test_one_that_cannot_be_seen_leaves_the_others(
        self, docs: Path, tmp_path: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        (tmp_path / "empty").mkdir()
        documents = library(
            FolderDocuments(docs, name="handbook"),
            FolderDocuments(tmp_path / "none", name="none"),
            FolderDocuments(tmp_path / "empty", name="empty"),
            RepositoryDocuments(GitRepository(tmp_path / "empty", name="shop")),
        )
        seen = await documents.search("DiskFull", NOON, 5)
        assert [one.path for one in seen.passages] == ["runbooks/disk.md"]
        assert [error.source for error in seen.failures] == ["none", "empty", "shop"]
        with pytest.raises(SourceUnavailableError, match=r"none: cannot read the folder .*: it does not exist"):
            await documents.check()

    async def test_none_that_can_be_seen_is_a_failure(
        self, tmp_path: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        (tmp_path / "empty").mkdir()
        documents = library(FolderDocuments(tmp_path / "empty", name="empty"))
        for ask in (documents.search("x", NOON, 5), documents.resolve("x", NOON), documents.check()):
            with pytest.raises(SourceUnavailableError, match="holds no Markdown documents; put some there"):
                await ask

    async def test_odd_files_are_read_as_far_as_they_can_be_and_counted(
        self, docs: Path, library: Callable[..., DocumentLibrary]
    ) -> None:
        (docs / "latin.md").write_bytes("# Störung\nKraken".encode("latin-1"))
        (docs / "utf16.md").write_text("# Squid", encoding="utf-16")
        (docs / "binary.md").write_bytes(b"# Whale\0")
        (docs / "long.md").write_text("# Shark\n" * 200_000)
        (docs / "link.md").symlink_to("README.md")
        documents = library(FolderDocuments(docs, name="handbook"))
        assert {path for path, *_ in await found(documents, "kraken squid whale shark")} == {"latin.md", "utf16.md"}
        assert await documents.check() == (
            "7 documents (handbook 7); found by words only; handbook: 1 symbolic links not followed; "
            "binary, so not searched: 1; not UTF-8, so odd characters are lost: 1; unreadable or longer than 1 MiB: 1"
        )
