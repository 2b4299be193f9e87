"""A clone tells its commits, tags and diffs, and cannot be made to do anything else."""

from __future__ import annotations

import gzip
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.incident import ChangeKind, TimeWindow
from sre_bot.sources.repository import GitRepository

if TYPE_CHECKING:
    from sre_bot.tools.changes import Repository
    from tests.conftest import GitFolder

CORPORA = Path(__file__).parents[2] / "../shared/corpora"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = TimeWindow.before(NOON, timedelta(hours=1))


def _at(minutes: float) -> datetime:
    """So many minutes before noon."""
    return NOON - timedelta(minutes=minutes)


@pytest.fixture
def repository(git_folder: GitFolder) -> GitRepository:
    """The repository under test."""
    return GitRepository(git_folder.path, name="shop", web_url="https://github.com/example/shop")


class TestCommits:
    async def test_commits_of_the_window_come_newest_first_with_files_and_author(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        fitting: Repository = repository
        git_folder.commit("old", {"a": "1"}, _at(60.1))
        first = git_folder.commit("at the start", {"a": "2"}, _at(60))
        last = git_folder.commit("Raise the pool\n\nbody", {"pay/db.py": "1", "pay/ö.txt": "2"}, NOON, author="Ada Ö")
        git_folder.commit("future", {"a": "3"}, _at(-0.1))
        newest, oldest = await fitting.commits(HOUR)
        assert (newest.kind, newest.revision, newest.time) == (ChangeKind.COMMIT, last, NOON)
        assert (newest.title, newest.author, newest.files) == ("Raise the pool", "Ada Ö", ("pay/db.py", "pay/ö.txt"))
        assert (newest.repository, newest.url) == ("shop", f"https://github.com/example/shop/commit/{last}")
        assert (oldest.revision, oldest.time) == (first, _at(60))

    async def test_any_branch_local_or_remote_or_none_is_seen(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        base = git_folder.commit("base", {"a": "1"}, _at(50))
        git_folder.git("checkout", "--quiet", "-b", "side")
        side = git_folder.commit("side", {"b": "1"}, _at(40))
        git_folder.git("update-ref", "refs/remotes/origin/feature", side)
        git_folder.git("checkout", "--quiet", "main")
        git_folder.git("branch", "--quiet", "-D", "side")
        git_folder.git("checkout", "--quiet", "--detach")
        detached = git_folder.commit("detached", {"c": "1"}, _at(30))
        assert [commit.revision for commit in await repository.commits(HOUR)] == [detached, side, base]

    async def test_stashes_and_notes_are_no_changes(self, git_folder: GitFolder, repository: GitRepository) -> None:
        base = git_folder.commit("base", {"a": "1"}, _at(50))
        git_folder.git("notes", "add", "-m", "note", GIT_COMMITTER_DATE=_at(40).isoformat())
        (git_folder.path / "a").write_text("2")
        git_folder.git("stash", GIT_COMMITTER_DATE=_at(40).isoformat())
        assert [commit.revision for commit in await repository.commits(HOUR)] == [base]

    async def test_a_merge_names_the_files_it_brought_in(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        git_folder.commit("base", {"a": "1"}, _at(90))
        git_folder.git("checkout", "--quiet", "-b", "side")
        git_folder.commit("side", {"cart/b": "1"}, _at(80))
        git_folder.git("checkout", "--quiet", "main")
        git_folder.commit("other", {"c": "1"}, _at(70))
        git_folder.git("merge", "--quiet", "--no-ff", "-m", "Merge cart", "side", GIT_COMMITTER_DATE=_at(5).isoformat())
        (merge,) = await repository.commits(HOUR)
        assert (merge.title, merge.files) == ("Merge cart", ("cart/b",))

    async def test_a_commit_behind_one_with_a_slow_clock_is_found(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        in_window = git_folder.commit("in the window", {"a": "1"}, _at(30))
        git_folder.commit("its clock is two hours slow", {"a": "2"}, _at(120))
        assert [commit.revision for commit in await repository.commits(HOUR)] == [in_window]

    async def test_odd_names_and_messages_do_not_break_the_listing(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        odd = {'we"ird\nname': "1", "\nleading": "1", " space ": "1", "a" * 40: "1", "tab\t": "1"}
        git_folder.commit("\x01\x1e%x00 <!channel> \u202e", odd, _at(20))
        git_folder.commit("", {}, _at(10))
        empty, commit = await repository.commits(HOUR)
        assert set(commit.files) == set(odd)
        assert commit.title == "\x01\x1e%x00 <!channel> \u202e"
        assert (empty.title, empty.files) == ("", ())

    async def test_a_rename_names_both_files(self, git_folder: GitFolder, repository: GitRepository) -> None:
        git_folder.commit("base", {"old.py": "x = 1\n" * 50}, _at(90))
        (git_folder.path / "old.py").rename(git_folder.path / "new.py")
        git_folder.commit("rename", {}, _at(10))
        (rename,) = await repository.commits(HOUR)
        assert rename.files == ("new.py", "old.py")

    async def test_between_is_what_a_deploy_carries(self, git_folder: GitFolder, repository: GitRepository) -> None:
        older = git_folder.commit("one", {"a": "1"}, _at(300))
        git_folder.git("tag", "v1")
        two, three = (git_folder.commit(name, {"a": name}, _at(200 - i)) for i, name in enumerate(["two", "three"]))
        assert [commit.revision for commit in await repository.between("v1", three[:10])] == [three, two]
        assert await repository.between(three, older) == []
        assert await repository.between(two, two) == []

    async def test_a_listing_beyond_its_limit_is_refused(self, git_folder: GitFolder) -> None:
        git_folder.commit("much", {f"{number:0100}": "1" for number in range(50)}, _at(10))
        with pytest.raises(QueryRefusedError, match="more than 4 KiB of commits; ask for less time"):
            await GitRepository(git_folder.path, name="shop", max_listing=4096).commits(HOUR)

    async def test_without_git_it_says_how_to_install_it(
        self, git_folder: GitFolder, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git_folder.commit("one", {"a": "1"}, _at(10))
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(SourceUnavailableError, match="git is not installed; install it with"):
            await repository.commits(HOUR)

    async def test_impossible_dates_are_survived(self, git_folder: GitFolder, repository: GitRepository) -> None:
        base = git_folder.commit("base", {"a": "1"}, _at(10))
        tree = git_folder.git("rev-parse", "HEAD^{tree}")
        far = git_folder.git("commit-tree", tree, "-p", base, "-m", "far", GIT_COMMITTER_DATE="@99999999999999 +0000")
        git_folder.git("update-ref", "refs/heads/far", far)
        assert [commit.revision for commit in await repository.commits(HOUR)] == [base]
        (commit,) = await repository.between(base, far)
        assert commit.time.year == 9999
        raw = git_folder.path / ".git" / "raw"
        raw.write_text(f"tree {tree}\nparent {base}\nauthor a <a> x\ncommitter c <c> when?\n\nundated\n")
        undated = git_folder.git("hash-object", "-t", "commit", "-w", "--literally", str(raw))
        (commit,) = await repository.between(base, undated)
        assert (commit.title, commit.time.year) == ("undated", 1970)


class TestTags:
    async def test_tags_have_the_tagger_date_or_that_of_their_commit(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        commit = git_folder.commit("one", {"a": "1"}, _at(50))
        git_folder.git("tag", "light")
        tagged = {"GIT_COMMITTER_DATE": _at(10).isoformat(), "GIT_COMMITTER_NAME": "Ada"}
        git_folder.git("tag", "-a", "v2", "-m", "Second release\n\nmore", **tagged)
        git_folder.git("tag", "-a", "odd", "-m", "a\u2028b\x1ec", GIT_COMMITTER_DATE=_at(20).isoformat())
        git_folder.git("tag", "-a", "later", "-m", "x", GIT_COMMITTER_DATE=_at(-1).isoformat())
        annotated, odd, light = await repository.tags(HOUR)
        assert (annotated.kind, annotated.version, annotated.time) == (ChangeKind.TAG, "v2", _at(10))
        assert (annotated.title, annotated.author, annotated.revision) == ("v2: Second release", "Ada", commit)
        assert odd.title == "odd: a\u2028b\x1ec"
        assert (light.title, light.time, light.revision) == ("light", _at(50), commit)

    async def test_no_tags_is_an_empty_answer(self, git_folder: GitFolder, repository: GitRepository) -> None:
        git_folder.commit("one", {"a": "1"}, _at(50))
        assert await repository.tags(HOUR) == []


class TestDiff:
    async def test_it_has_message_statistics_and_patch_and_only_names_binaries(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        git_folder.commit("base", {"db.py": "POOL = 10\n"}, _at(20))
        sha = git_folder.commit(
            "Raise the pool\n\nBecause.", {"db.py": "POOL = 100\n", "logo": b"\x00\x01"}, _at(10), author="Ada"
        )
        diff = await repository.diff(sha[:8])
        assert diff.startswith(
            f"commit {sha}\nAuthor: Ada\nDate:   2026-11-22T11:50:00+00:00\n\nRaise the pool\n\nBecause.\n"
        )
        assert "2 files changed, 1 insertion(+), 1 deletion(-)" in diff
        assert "-POOL = 10\n+POOL = 100\n" in diff
        assert "Binary files /dev/null and b/logo differ" in diff

    async def test_a_small_one_shows_eight_lines_around_a_change_and_a_larger_one_three(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        lines = [f"line {number}" for number in range(30)]
        git_folder.commit("base", {"a": "\n".join(lines), "b": "1\n"}, _at(20))
        changed = "\n".join([*lines[:15], "new", *lines[16:]])
        small = await repository.diff(git_folder.commit("small", {"a": changed}, _at(10)))
        assert small.count("\n line ") == 16
        again = "\n".join([*lines[:15], "newer", *lines[16:]])
        large = await repository.diff(git_folder.commit("large", {"a": again, "b": "2\n" * 5_000}, _at(5)))
        assert large.count("\n line ") == 6

    async def test_a_long_one_is_cut_with_a_mark(self, git_folder: GitFolder) -> None:
        sha = git_folder.commit("much", {"a": "line\n" * 1_000_000}, _at(10))
        diff = await GitRepository(git_folder.path, name="shop", max_diff=1000).diff(sha)
        assert diff.startswith(f"commit {sha}")
        assert diff.endswith("\n[cut here: longer than 1,000 bytes]\n")
        assert len(diff) < 1100

    async def test_the_first_commit_and_merges_have_one_too(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        first = git_folder.commit("base", {"a": "1\n"}, _at(90))
        git_folder.git("checkout", "--quiet", "-b", "side")
        git_folder.commit("side", {"b": "2\n"}, _at(80))
        git_folder.git("checkout", "--quiet", "main")
        git_folder.git("merge", "--quiet", "--no-ff", "-m", "Merge", "side")
        assert "+1\n" in await repository.diff(first)
        assert "+2\n" in await repository.diff("main")


class TestResolve:
    async def test_prefixes_tags_and_branches(self, git_folder: GitFolder, repository: GitRepository) -> None:
        sha = git_folder.commit("one", {"a": "1"}, _at(50))
        git_folder.git("tag", "-a", "v1.0+rc-1", "-m", "x")
        git_folder.git("tag", "20261122")
        for name in (sha, sha[:7], sha[:7].upper(), f" {sha}\n", "v1.0+rc-1", "20261122", "main", "refs/heads/main"):
            assert await repository.resolve(name) == sha

    async def test_a_branch_named_like_a_hash_does_not_pass_for_the_commit(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        good = git_folder.commit("good", {"a": "1"}, _at(50))
        git_folder.commit("evil", {"a": "2"}, _at(40))
        git_folder.git("branch", good[:8])
        assert await repository.resolve(good[:8]) == good

    async def test_an_ambiguous_prefix_is_refused_with_the_candidates(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        by_prefix: dict[str, list[str]] = {}
        git_folder.commit("base", {"a": "1"}, _at(50))
        tree, number = git_folder.git("rev-parse", "HEAD^{tree}"), 0
        while not (twins := next((shas for shas in by_prefix.values() if len(shas) > 1), [])):
            sha = git_folder.git("commit-tree", tree, "-m", str(number))
            by_prefix.setdefault(sha[:4], []).append(sha)
            number += 1
        with pytest.raises(QueryRefusedError, match=f"more than one commit begins with {twins[0][:4]}") as caught:
            await repository.resolve(twins[0][:4])
        assert set(twins) <= set(re.findall("[0-9a-f]{40}", str(caught.value)))

    async def test_what_is_not_there_is_refused(self, git_folder: GitFolder, repository: GitRepository) -> None:
        git_folder.commit("one", {"a": "1"}, _at(50))
        blob = git_folder.git("rev-parse", "HEAD:a")
        for name in ("0" * 40, "deadbeef", "v9", blob):
            with pytest.raises(QueryRefusedError, match="is the clone up to date"):
                await repository.resolve(name)

    @pytest.mark.parametrize(
        "name",
        [
            *("", " ", "-n1", "--output=/tmp/owned", "--all", "HEAD:a", "HEAD~1", "HEAD^", "a..b", "^main", "@{-1}"),
            *(":/one", "main\n--all", "a b", "../main", "$(id)", "main;id", "x" * 201, "ö"),
        ],
    )
    async def test_what_is_no_plain_name_is_refused_unseen_by_git(
        self, git_folder: GitFolder, repository: GitRepository, name: str
    ) -> None:
        git_folder.commit("one", {"a": "1"}, _at(50))
        for ask in (repository.resolve(name), repository.diff(name), repository.between(name, "main")):
            with pytest.raises(QueryRefusedError, match="a revision is a commit hash, a tag or a branch"):
                await ask

    async def test_paths_from_a_corpus_resolve_to_nothing(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        corpus = CORPORA / "path_traversal.txt.gz"
        if not corpus.exists():
            pytest.skip("no path_traversal.txt.gz here")
        git_folder.commit("one", {"a": "1"}, _at(50))
        for attack in gzip.decompress(corpus.read_bytes()).decode().splitlines():
            with pytest.raises(QueryRefusedError):
                await repository.resolve(attack)


class TestNotAWholeRepository:
    async def _fails(self, repository: GitRepository, sentence: str) -> None:
        for ask in (repository.commits(HOUR), repository.check()):
            with pytest.raises(SourceUnavailableError, match=sentence):
                await ask

    async def test_no_folder(self, tmp_path: Path) -> None:
        await self._fails(GitRepository(tmp_path / "none", name="shop"), "does not exist or may not be entered")

    async def test_no_repository(self, tmp_path: Path) -> None:
        await self._fails(GitRepository(tmp_path, name="shop"), "is not a git repository; set its path")

    async def test_a_folder_inside_another_repository(self, git_folder: GitFolder) -> None:
        git_folder.commit("one", {"sub/a": "1"}, _at(50))
        await self._fails(GitRepository(git_folder.path / "sub", name="shop"), "is not a git repository")

    async def test_no_commits(self, repository: GitRepository) -> None:
        await self._fails(repository, "has no commits yet")

    async def test_a_shallow_clone(self, git_folder: GitFolder, tmp_path: Path) -> None:
        git_folder.commit("one", {"a": "1"}, _at(50))
        git_folder.commit("two", {"a": "2"}, _at(40))
        git_folder.git("clone", "--quiet", "--depth=1", f"file://{git_folder.path}", str(tmp_path / "shallow"))
        await self._fails(GitRepository(tmp_path / "shallow", name="shop"), "git fetch --unshallow")

    async def test_a_broken_one(self, git_folder: GitFolder, repository: GitRepository) -> None:
        git_folder.commit("one", {"a": "1"}, _at(50))
        (git_folder.path / ".git" / "refs" / "heads" / "main").write_text("1" * 40 + "\n")
        await self._fails(repository, "git failed in .*")

    async def test_one_that_belongs_to_somebody_else_is_read_all_the_same(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can give a folder away")
        git_folder.commit("one", {"a": "1"}, _at(50))
        for path in (git_folder.path, git_folder.path / ".git"):
            os.chown(path, 12345, 12345)
        assert len(await repository.commits(HOUR)) == 1

    async def test_a_bare_one_is_fine(self, git_folder: GitFolder, tmp_path: Path) -> None:
        git_folder.commit("one", {"a": "1"}, _at(50))
        git_folder.git("clone", "--quiet", "--bare", str(git_folder.path), str(tmp_path / "bare.git"))
        assert len(await GitRepository(tmp_path / "bare.git", name="shop").commits(HOUR)) == 1


class TestHostileRepository:
    """Its configuration names programs; git would start them, and does not when we ask."""

    async def _everything(self, repository: GitRepository, sha: str) -> None:
        await repository.commits(HOUR)
        await repository.tags(HOUR)
        await repository.between(f"{sha[:8]}", "main")
        await repository.diff("main")
        await repository.check()

    @pytest.fixture
    def trap(self, tmp_path: Path) -> Path:
        """A program that leaves a trace."""
        program = tmp_path / "trap"
        program.write_text(f"#!/bin/sh\necho caught >> {tmp_path / 'caught'}\ncat /dev/null\n")
        program.chmod(0o755)
        return program

    @pytest.mark.parametrize(
        ("settings", "control"),
        [
            ({"diff.external": "{trap}"}, ["show", "--ext-diff", "main"]),
            ({"diff.lure.textconv": "{trap}"}, ["show", "main"]),
            ({"diff.lure.command": "{trap}"}, ["show", "--ext-diff", "main"]),
            ({"log.showSignature": "true", "gpg.program": "{trap}"}, ["log", "main"]),
            ({"core.fsmonitor": "{trap}"}, ["status"]),
            ({"core.hooksPath": "{folder}"}, ["commit", "--allow-empty", "-m", "x"]),
            (
                {"core.repositoryformatversion": "1", "extensions.partialClone": "origin", "core.sshCommand": "{trap}"}
                | {"remote.origin.url": "ssh://localhost/x", "remote.origin.promisor": "true"},
                ["cat-file", "-t", "2" * 40],
            ),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    async def test_no_program_it_names_is_started(
        self, git_folder: GitFolder, repository: GitRepository, trap: Path, settings: dict[str, str], control: list[str]
    ) -> None:
        sha = git_folder.commit("one", {"a": "1\n", ".gitattributes": "* diff=lure\n"}, _at(50))
        git_folder.commit("two", {"a": "2\n"}, _at(40))
        self._pretend_signed(git_folder)
        (trap.parent / "post-commit").symlink_to(trap)
        for key, value in settings.items():
            git_folder.git("config", key, value.format(trap=trap, folder=trap.parent))
        caught = trap.parent / "caught"
        await self._everything(repository, sha)
        with pytest.raises(SourceError):
            await repository.diff("2" * 40)
        assert not caught.exists()
        git_folder.git("-c", "alias.ask=!git " + " ".join(control) + " || true", "ask")
        assert caught.exists(), "the trap itself does not work"

    @staticmethod
    def _pretend_signed(git_folder: GitFolder) -> None:
        raw = git_folder.git("cat-file", "commit", "HEAD")
        head, _, body = raw.partition("\n\n")
        signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
        file = git_folder.path / ".git" / "signed"
        file.write_text(f"{head}\n{signature}\n\n{body}\n")
        git_folder.git("update-ref", "refs/heads/main", git_folder.git("hash-object", "-t", "commit", "-w", str(file)))

    async def test_replaced_objects_do_not_hide_the_true_ones(
        self, git_folder: GitFolder, repository: GitRepository
    ) -> None:
        true = git_folder.commit("true", {"a": "1\n"}, _at(50))
        other = git_folder.commit("other", {"a": "2\n"}, _at(40))
        git_folder.git("replace", true, other)
        assert "\n\ntrue\n" in await repository.diff(true)

    async def test_one_that_makes_git_hang_is_given_up(self, git_folder: GitFolder) -> None:
        git_folder.commit("one", {"a": "1"}, _at(50))
        os.mkfifo(git_folder.path / "fifo")
        git_folder.git("config", "include.path", str(git_folder.path / "fifo"))
        repository = GitRepository(git_folder.path, name="shop", timeout=0.2)
        with pytest.raises(SourceUnavailableError, match=r"git took longer than 0\.2 s"):
            await repository.commits(HOUR)


@pytest.mark.parametrize(
    ("web_url", "url"),
    [
        ("https://github.com/a/b", "https://github.com/a/b/commit/abc"),
        ("https://github.com/a/b.git/", "https://github.com/a/b/commit/abc"),
        ("https://gitlab.example.com/a/b", "https://gitlab.example.com/a/b/-/commit/abc"),
        ("https://bitbucket.org/a/b", "https://bitbucket.org/a/b/commits/abc"),
        ("https://git.example.com/?p=shop;h={sha}", "https://git.example.com/?p=shop;h=abc"),
        (None, None),
    ],
)
def test_a_commit_has_a_link_where_the_repository_is_browsed(
    tmp_path: Path, web_url: str | None, url: str | None
) -> None:
    assert GitRepository(tmp_path, name="shop", web_url=web_url).commit_url("abc") == url


async def test_check_says_how_old_the_newest_commit_is(git_folder: GitFolder, repository: GitRepository) -> None:
    sha = git_folder.commit("one", {"a": "1"}, datetime.now(UTC) - timedelta(hours=3))
    assert await repository.check() == f"newest commit {sha[:7]}, 3 hours ago"
