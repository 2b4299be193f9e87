"""Files of a repository as of a moment: searched, read and listed at a commit, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import QueryRefusedError, SourceUnavailableError
from sre_bot.sources.repository import GitRepository
from sre_bot.sources.tree import MAX_DOCUMENT

if TYPE_CHECKING:
    from sre_bot.tools.code import Code
    from tests.conftest import GitFolder

CORPORA = Path(__file__).parents[2] / "../shared/corpora"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _at(minutes: float) -> datetime:
    """So many minutes before noon."""
    return NOON - timedelta(minutes=minutes)


@pytest.fixture
def repository(git_folder: GitFolder) -> GitRepository:
    """The repository under test."""
    return GitRepository(git_folder.path, name="shop", web_url="https://github.com/example/shop")


class TestAsOf:
    async def test_it_is_the_newest_commit_that_is_not_later(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        fitting: Code = repository
        one, two = git_folder.commit("one", {"a": "1"}, _at(60)), git_folder.commit("two", {"a": "2"}, _at(30))
        assert (await fitting.as_of(_at(30))).revision == two
        assert (await fitting.as_of(_at(30) - timedelta(seconds=1))).revision == one
        assert (await repository.as_of(_at(60))).time == _at(60)
        with pytest.raises(QueryRefusedError, match="its first commit is later than the present of this investigation"):
            await repository.as_of(_at(61))

    async def test_a_branch_is_not_seen_before_it_was_merged(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        base = git_folder.commit("base", {"a": "1"}, _at(90))
        git_folder.git("checkout", "--quiet", "-b", "side")
        git_folder.commit("side", {"b": "1"}, _at(60))
        git_folder.git("checkout", "--quiet", "main")
        git_folder.git("merge", "--quiet", "--no-ff", "-m", "Merge", "side", GIT_COMMITTER_DATE=_at(5).isoformat())
        assert (await repository.as_of(_at(10))).revision == base
        assert (await repository.as_of(NOON)).revision == git_folder.git("rev-parse", "main")

    async def test_the_default_branch_is_the_remotes(self, git_folder: GitFolder, repository: GitRepository) -> None:
        local = git_folder.commit("local", {"a": "1"}, _at(60))
        assert (await repository.as_of(NOON)).revision == local
        newer = git_folder.commit("fetched", {"a": "2"}, _at(30))
        git_folder.git("update-ref", "refs/remotes/origin/main", newer)
        git_folder.git("reset", "--quiet", "--hard", local)
        assert (await repository.as_of(NOON)).revision == newer
        git_folder.git("update-ref", "refs/remotes/origin/trunk", local)
        git_folder.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
        assert (await repository.as_of(NOON)).revision == local

    async def test_a_revision_is_taken_unless_it_is_later(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        one, two = git_folder.commit("one", {"a": "1"}, _at(60)), git_folder.commit("two", {"a": "2"}, _at(30))
        assert (await repository.as_of(NOON, one[:8])).revision == one
        with pytest.raises(QueryRefusedError, match="is of 2026-11-22 11:30:00Z later than the present"):
            await repository.as_of(_at(31), two)

    @pytest.mark.parametrize("revision", ["--all", "-n1", "main..side", "HEAD:a", "HEAD~1", "@{0}"])
    async def test_a_revision_is_no_option_and_no_expression(
        self, git_folder: GitFolder, repository: GitRepository, revision: str
    ) -> None:
        git_folder.commit("one", {"a": "1"}, _at(60))
        with pytest.raises(QueryRefusedError, match="a revision is a commit hash, a tag or a branch"):
            await repository.as_of(NOON, revision)

    async def test_what_is_no_repository_or_empty_says_so(
        self, git_folder: GitFolder, repository: GitRepository, tmp_path: Path
    ) -> None:
        with pytest.raises(SourceUnavailableError, match="has no commits yet"):
            await repository.as_of(NOON)
        with pytest.raises(SourceUnavailableError, match="does not exist or may not be entered"):
            await GitRepository(tmp_path / "none", name="shop").as_of(NOON)


class TestGrep:
    async def test_lines_are_found_as_they_were_at_the_commit(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        old = git_folder.commit("one", {"pay/db.py": "import x\nPOOL = 10\n", "cart/db.py": "pool = 3\n"}, _at(60))
        git_folder.commit("two", {"pay/db.py": "POOL = 2\n"}, _at(30))
        (git_folder.path / "pay/db.py").write_text("POOL = 99\n")
        found = await repository.grep(old, "pool = [0-9]+")
        assert [(m.path, m.number, m.text) for m in found.lines] == [
            ("cart/db.py", 1, "pool = 3"),
            ("pay/db.py", 2, "POOL = 10"),
        ]
        assert [m.path for m in (await repository.grep(old, "POOL")).lines] == ["pay/db.py"]
        assert [m.path for m in (await repository.grep(old, "pool", "cart")).lines] == ["cart/db.py"]
        assert (await repository.grep(old, "nothing like this")).lines == ()
        assert (await repository.grep(old, "pool", "none")).lines == ()

    async def test_binary_files_are_named_only_and_odd_names_do_not_confuse(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        files: dict[str, str | bytes] = {
            "b.bin": b"pool\0pool",
            "we\nird": "pool\n",
            "Binary file x matches": "pool\n",
            "z": "pool: 1\npool\n",
        }
        sha = git_folder.commit("odd", files, _at(60))
        found = await repository.grep(sha, "pool")
        assert found.binaries == ("b.bin",)
        assert [(m.path, m.number) for m in found.lines] == [
            ("Binary file x matches", 1),
            ("we\nird", 1),
            ("z", 1),
            ("z", 2),
        ]

    async def test_a_pattern_that_begins_with_a_dash_is_a_pattern(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        sha = git_folder.commit("one", {"a": "--open-files-in-pager=touch\n-O\n"}, _at(60))
        for pattern in ("--open-files-in-pager=touch", "-O"):
            assert len((await repository.grep(sha, pattern)).lines) == 1

    @pytest.mark.parametrize("pattern", ["", "a\nb", "a\0b", "\ud800", "x" * 301])
    async def test_what_cannot_be_a_pattern_is_refused(
        self, git_folder: GitFolder, repository: GitRepository, pattern: str
    ) -> None:
        sha = git_folder.commit("one", {"a": "1"}, _at(60))
        with pytest.raises(QueryRefusedError, match="a pattern has 1 to 300 characters"):
            await repository.grep(sha, pattern)

    async def test_a_pattern_that_does_not_parse_is_refused_in_gits_words(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        sha = git_folder.commit("one", {"a": "1"}, _at(60))
        with pytest.raises(QueryRefusedError, match=r"Unmatched \( or"):
            await repository.grep(sha, "(a")

    @pytest.mark.parametrize(
        "pattern", ["((a{1,255}){1,255}){1,255}", "(a{1,99}){1,99}", "(((a*)*)*)*b", r"(a|aa)+\1\1\1c", "(.*a){20}b"]
    )
    async def test_a_hostile_pattern_costs_no_more_than_its_time(self, git_folder: GitFolder, pattern: str) -> None:
        sha = git_folder.commit("one", {"a": "a" * 50_000 + "\n"}, _at(60))
        repository = GitRepository(git_folder.path, name="shop", timeout=1.0)
        try:
            async with asyncio.timeout(60):
                await repository.grep(sha, pattern)
        except (QueryRefusedError, SourceUnavailableError) as error:
            assert any(why in error.message for why in ("repeats too much", "longer than 1 s", "emory"))  # noqa: PT017

    async def test_very_many_lines_are_cut(self, git_folder: GitFolder, repository: GitRepository) -> None:
        sha = git_folder.commit("one", {"a": "pool\n" * 200_000, "b": "x" * 3_000_000}, _at(60))
        found = await repository.grep(sha, "pool")
        assert found.cut
        assert 1_000 < len(found.lines) < 200_000
        assert len((await repository.grep(sha, "x", "b")).lines) <= 1


class TestRead:
    async def test_files_and_folders_are_read_at_the_commit(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        sha = git_folder.commit("one", {"a.py": "x = 1\n", "src/b.py": "", "logo": b"\0\1"}, _at(60))
        git_folder.commit("two", {"a.py": "x = 2\n"}, _at(30))
        assert (await repository.read(sha, "a.py")).text == "x = 1\n"
        assert (await repository.read(sha, "")).names == ("a.py", "logo", "src/")
        assert (await repository.read(sha, "src/")).names == ("b.py",)
        assert (await repository.read(sha, "./src/b.py")).text == ""
        binary = await repository.read(sha, "logo")
        assert (binary.text, binary.names) == (None, ())

    async def test_a_long_file_is_cut(self, git_folder: GitFolder, repository: GitRepository) -> None:
        sha = git_folder.commit("one", {"a": "line\n" * 1_000_000}, _at(60))
        content = await repository.read(sha, "a")
        assert content.cut
        assert len(content.text or "") == 2 * 1024 * 1024

    async def test_links_and_submodules_are_not_followed(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        git_folder.commit("one", {"a": "1"}, _at(60))
        (git_folder.path / "link").symlink_to("/etc/passwd")
        (git_folder.path / "up").symlink_to("..")
        git_folder.git("update-index", "--add", "--cacheinfo", f"160000,{git_folder.git('rev-parse', 'HEAD')},module")
        git_folder.git("add", "link", "up")
        git_folder.git("commit", "--quiet", "-m", "links", GIT_COMMITTER_DATE=_at(30).isoformat())
        sha = git_folder.git("rev-parse", "HEAD")
        with pytest.raises(QueryRefusedError, match="it is a symbolic link to /etc/passwd"):
            await repository.read(sha, "link")
        with pytest.raises(QueryRefusedError, match="no such file or folder"):
            await repository.read(sha, "up/a")
        with pytest.raises(QueryRefusedError, match="it is a submodule"):
            await repository.read(sha, "module")

    @pytest.mark.parametrize(
        "path",
        [
            *("/etc/passwd", "../a", "a/../../b", "-p", "--output=x", ":/", ":(top)a", ":(glob)**", "a\nb", "a\0b"),
            *("\ud800", "x" * 501),
        ],
    )
    async def test_what_is_no_path_of_the_repository_is_refused(
        self, git_folder: GitFolder, repository: GitRepository, path: str
    ) -> None:
        sha = git_folder.commit("one", {"a": "1"}, _at(60))
        for ask in (repository.read(sha, path), repository.grep(sha, "x", path)):
            with pytest.raises(QueryRefusedError, match="a path is that of a file or folder from the top"):
                await ask

    async def test_wildcards_in_a_path_are_letters(self, git_folder: GitFolder, repository: GitRepository) -> None:
        sha = git_folder.commit("one", {"a": "1", "*": "2"}, _at(60))
        assert (await repository.read(sha, "*")).text == "2"
        assert [m.path for m in (await repository.grep(sha, "[12]", "*")).lines] == ["*"]

    async def test_paths_from_a_corpus_lead_nowhere(self, git_folder: GitFolder, repository: GitRepository) -> None:
        corpus = CORPORA / "path_traversal.txt.gz"
        if not corpus.exists():
            pytest.skip("no path_traversal.txt.gz here")
        sha = git_folder.commit("one", {"a": "1"}, _at(60))
        attacks = gzip.decompress(corpus.read_bytes()).decode().splitlines()
        results = await asyncio.gather(*(repository.read(sha, attack) for attack in attacks), return_exceptions=True)
        assert {type(result) for result in results} == {QueryRefusedError}


class TestDocuments:
    async def test_markdown_is_listed_and_read_at_the_commit(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        files: dict[str, str | bytes] = {
            "README.md": "# Shop",
            "docs/ö.MARKDOWN": "ö",
            "a.py": "x",
            "long.md": "x" * (MAX_DOCUMENT + 1),
        }
        first = git_folder.commit("one", files, _at(60))
        (git_folder.path / "link.md").symlink_to("/etc/passwd")
        second = git_folder.commit("two", {"README.md": "# Shop 2"}, _at(30))
        old, new = await repository.files.documents(first), await repository.files.documents(second)
        assert set(old) == set(new) == {"README.md", "docs/ö.MARKDOWN", "long.md"}
        assert [path for path in old if old[path] != new[path]] == ["README.md"]
        contents = await repository.files.blobs([*old.values(), *new.values()])
        assert {contents.get(sha) for sha in (*old.values(), *new.values())} == {
            *(b"# Shop", b"# Shop 2", "ö".encode(), None),
        }
        assert await repository.files.blobs([]) == {}

    async def test_very_many_are_read_in_batches(self, git_folder: GitFolder, repository: GitRepository) -> None:
        sha = git_folder.commit("many", {f"{n}.md": f"{n}\n" * 150_000 for n in range(60)}, _at(60))
        shas = (await repository.files.documents(sha)).values()
        contents = await repository.files.blobs(list(shas))
        assert sorted(int(content.split(b"\n")[0]) for content in contents.values()) == list(range(60))

    async def test_the_age_of_a_document_is_that_of_its_last_change(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        git_folder.commit("one", {"a.md": "1", "b.md": "1"}, _at(60))
        sha = git_folder.commit("two", {"b.md": "2"}, _at(30))
        assert await repository.files.changed(sha, "a.md") == _at(60)
        assert await repository.files.changed(sha, "b.md") == _at(30)
        assert await repository.files.changed(sha, "c.md") is None


@pytest.mark.parametrize(
    ("web_url", "url"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b/blob/abc/docs/x%20y.md#L3"),
        ("https://gitlab.example.com/a/b", "https://gitlab.example.com/a/b/-/blob/abc/docs/x%20y.md#L3"),
        ("https://bitbucket.org/a/b", "https://bitbucket.org/a/b/src/abc/docs/x%20y.md#lines-3"),
        ("https://git.example.com/?p=shop;h={sha}", None),
        (None, None),
    ],
)
def test_a_file_has_a_link_where_the_repository_is_browsed(
    tmp_path: Path, web_url: str | None, url: str | None
) -> None:
    assert GitRepository(tmp_path, name="shop", web_url=web_url).file_url("abc", "docs/x y.md", 3) == url
