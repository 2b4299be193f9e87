"""Clones are fetched from where they come from, on schedule, and nothing that they configure is started."""

from __future__ import annotations

import asyncio
import os
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.sources.fetching import Clone, Fetcher, _ssh, fetch
from sre_bot.sources.repository import GitRepository
from tests.conftest import GitFolder

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def remote(tmp_path: Path) -> GitFolder:
    """Where clones come from, with one commit."""
    folder = GitFolder(tmp_path / "remote")
    folder.commit("one", {"a": "1"}, NOON)
    return folder


@pytest.fixture
def clone(remote: GitFolder, tmp_path: Path) -> GitFolder:
    """A clone of it, over file://."""
    remote.git("clone", "--quiet", f"file://{remote.path}", str(tmp_path / "clone"))
    return GitFolder(tmp_path / "clone")


@pytest.fixture
def old_clone(tmp_path: Path) -> GitFolder:
    """A clone of a repository whose newest commit is 30 hours old."""
    remote = GitFolder(tmp_path / "old-remote")
    remote.commit("one", {"a": "1"}, datetime.now(UTC) - timedelta(hours=30))
    remote.git("clone", "--quiet", f"file://{remote.path}", str(tmp_path / "old-clone"))
    return GitFolder(tmp_path / "old-clone")


class TestFetch:
    async def test_new_commits_branches_and_tags_arrive_and_old_branches_go(
        self, remote: GitFolder, clone: GitFolder
    ) -> None:
        remote.git("branch", "old")
        await fetch(clone.path)
        assert "refs/remotes/origin/old" in clone.git("for-each-ref")
        newest = remote.commit("two", {"a": "2"}, NOON)
        remote.git("tag", "v2")
        remote.git("branch", "-D", "old")
        remote.git("branch", "old/sub")
        await fetch(clone.path)
        assert clone.git("rev-parse", "origin/main", "v2").split() == [newest, newest]
        assert "origin/old\n" not in clone.git("for-each-ref", "--format=%(refname:strip=2)")
        assert (await GitRepository(clone.path, name="shop").as_of(NOON)).revision == newest

    async def test_a_rewritten_branch_and_a_moved_tag_are_followed(self, remote: GitFolder, clone: GitFolder) -> None:
        remote.git("tag", "live")
        await fetch(clone.path)
        remote.git("commit", "--quiet", "--amend", "-m", "rewritten")
        remote.git("tag", "--force", "live")
        await fetch(clone.path)
        assert clone.git("rev-parse", "origin/main", "live") == remote.git("rev-parse", "HEAD", "HEAD")

    async def test_a_bare_clone_is_a_mirror(self, remote: GitFolder, tmp_path: Path) -> None:
        remote.git("clone", "--quiet", "--bare", f"file://{remote.path}", str(tmp_path / "bare.git"))
        newest = remote.commit("two", {"a": "2"}, NOON)
        await fetch(tmp_path / "bare.git")
        assert (await GitRepository(tmp_path / "bare.git", name="shop").as_of(NOON)).revision == newest

    async def test_a_plain_folder_is_an_address_too(self, remote: GitFolder, clone: GitFolder) -> None:
        clone.git("remote", "set-url", "origin", str(remote.path))
        newest = remote.commit("two", {"a": "2"}, NOON)
        await fetch(clone.path)
        assert clone.git("rev-parse", "origin/main") == newest

    async def test_nothing_is_checked_out_and_local_work_stays(self, remote: GitFolder, clone: GitFolder) -> None:
        (clone.path / "a").write_text("mine")
        head = clone.git("rev-parse", "HEAD")
        remote.commit("two", {"a": "2"}, NOON)
        await fetch(clone.path)
        assert (clone.git("rev-parse", "HEAD"), (clone.path / "a").read_text()) == (head, "mine")

    async def test_a_repository_without_a_remote_is_left_alone(self, remote: GitFolder) -> None:
        await fetch(remote.path)
        assert not (remote.path / ".git" / "sre-bot-fetched").exists()

    async def test_no_clone_is_said_with_what_to_do(self, tmp_path: Path) -> None:
        for path, sentence in ((tmp_path, "is not a git repository"), (tmp_path / "none", "does not exist")):
            with pytest.raises(SourceUnavailableError, match=sentence):
                await fetch(path)

    async def test_a_remote_that_is_gone_is_said(self, remote: GitFolder, clone: GitFolder) -> None:
        remote.path.rename(remote.path.with_name("gone"))
        with pytest.raises(SourceUnavailableError, match=r"fetching failed: .*see that the address of the remote"):
            await fetch(clone.path)

    async def test_a_token_in_the_address_is_not_told(self, clone: GitFolder) -> None:
        clone.git("remote", "set-url", "origin", "https://bot:hunter22@127.0.0.1:1/x.git")
        with pytest.raises(SourceUnavailableError, match="fetching failed") as caught:
            await fetch(clone.path)
        assert "hunter22" not in str(caught.value)

    async def test_a_remote_that_does_not_answer_is_given_up_with_all_its_processes(self, clone: GitFolder) -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set()
            while await reader.read(1024):
                pass
            writer.close()
            hung_up.set()

        connected, hung_up = asyncio.Event(), asyncio.Event()
        async with asyncio.timeout(60), await asyncio.start_server(silent, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            clone.git("remote", "set-url", "origin", f"https://127.0.0.1:{port}/x")
            with pytest.raises(SourceUnavailableError, match="fetching took longer than 1 s"):
                await fetch(clone.path, timeout=1.0)
            assert connected.is_set()
            await hung_up.wait()

    @pytest.mark.parametrize(
        "address",
        [
            *("ext::sh -c 'touch /tmp/owned'", "fd::17", "http://127.0.0.1/x", "git://127.0.0.1/x", "--upload-pack=x"),
            *("-oProxyCommand=x:y", "ssh::x", "relative/path", "transport::https://x", "user@host::x"),
        ],
    )
    async def test_other_addresses_are_refused(self, clone: GitFolder, address: str) -> None:
        clone.git("config", "remote.origin.url", address)
        with pytest.raises(QueryRefusedError, match="the address of origin is none to fetch from"):
            await fetch(clone.path)

    async def test_an_address_that_is_rewritten_to_another_protocol_is_not_followed(
        self, remote: GitFolder, clone: GitFolder, tmp_path: Path
    ) -> None:
        clone.git("config", f"url.ext::touch {tmp_path}/caught .insteadOf", "file://")
        with pytest.raises(SourceUnavailableError, match="transport 'ext' not allowed"):
            await fetch(clone.path)
        assert not (tmp_path / "caught").exists()


class TestKey:
    def test_ssh_uses_the_key_alone_and_asks_nobody(self, tmp_path: Path) -> None:
        key = tmp_path / "it's 100% a key"
        key.write_text("key")
        program, *asked = shlex.split(_ssh(key, "shop"))
        assert program == "ssh"
        assert asked[asked.index("-i") + 1] == str(key).replace("%", "%%"), "ssh reads % as the start of a token"
        assert {"BatchMode=yes", "IdentitiesOnly=yes"} <= set(asked)

    async def test_the_clone_cannot_put_a_program_in_place_of_ssh(self, clone: GitFolder, tmp_path: Path) -> None:
        clone.git("remote", "set-url", "origin", "ssh://git@127.0.0.1:1/acme/shop.git")
        clone.git("config", "core.sshCommand", f"touch {tmp_path}/caught")
        with pytest.raises(SourceUnavailableError, match="fetching failed"):
            await fetch(clone.path)
        assert not (tmp_path / "caught").exists()

    async def test_a_key_that_is_no_file_is_said(self, clone: GitFolder, tmp_path: Path) -> None:
        with pytest.raises(QueryRefusedError, match="none is not a file"):
            await fetch(clone.path, key_file=tmp_path / "none")


class TestHostileClone:
    """Its configuration names programs; git would start them in a fetch, and does not when we do it."""

    @pytest.mark.parametrize(
        "setting",
        [
            *("core.alternateRefsCommand", "core.fsmonitor", "core.gitProxy", "core.askPass", "credential.helper"),
            *("core.sshCommand", "remote.origin.uploadpack", "remote.origin.vcs", "gc.recentObjectsHook"),
            "uploadpack.packObjectsHook",
        ],
    )
    async def test_no_program_it_names_is_started(
        self, remote: GitFolder, clone: GitFolder, tmp_path: Path, setting: str
    ) -> None:
        trap = tmp_path / "trap"
        trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/caught\n")
        trap.chmod(0o755)
        clone.git("config", setting, str(trap))
        (clone.path / ".git" / "objects" / "info" / "alternates").write_text(f"{remote.path}/.git/objects\n")
        remote.commit("two", {"a": "2"}, NOON)
        await fetch(clone.path)
        assert not (tmp_path / "caught").exists()
        assert clone.git("rev-parse", "refs/remotes/origin/main") == remote.git("rev-parse", "main")

    async def test_no_hook_is_started(self, remote: GitFolder, clone: GitFolder, tmp_path: Path) -> None:
        for hook in ("reference-transaction", "post-merge", "pre-auto-gc"):
            (clone.path / ".git" / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/caught\n")
            (clone.path / ".git" / "hooks" / hook).chmod(0o755)
        remote.commit("two", {"a": "2"}, NOON)
        await fetch(clone.path)
        assert not (tmp_path / "caught").exists()
        clone.git("update-ref", "refs/heads/x", "HEAD")
        assert (tmp_path / "caught").exists(), "the trap itself does not work"

    async def test_a_mark_that_is_a_link_is_not_followed(self, clone: GitFolder, tmp_path: Path) -> None:
        (clone.path / ".git" / "sre-bot-fetched").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(SourceUnavailableError, match="cannot note the fetch"):
            await fetch(clone.path)
        assert not (tmp_path / "elsewhere").exists()


class TestFreshness:
    @staticmethod
    def _age(clone: GitFolder, **hours: float) -> datetime:
        """Make the clone's marks so many hours older than now; now."""
        now = datetime.now(UTC)
        for name, ago in hours.items():
            when = (now - timedelta(hours=ago)).timestamp()
            os.utime(clone.path / ".git" / name.replace("_", "-").replace("FETCH-HEAD", "FETCH_HEAD"), (when, when))
        return now

    async def test_it_is_the_time_of_our_last_fetch(self, clone: GitFolder) -> None:
        await fetch(clone.path)
        now = self._age(clone, sre_bot_fetched=3, HEAD=9, config=9, description=9)
        repository = GitRepository(clone.path, name="shop", now=lambda: now)
        assert await repository.freshness() == pytest.approx(now - timedelta(hours=3), abs=timedelta(seconds=1))
        assert await repository.stale(now) == "last fetched 3 h ago"
        assert (await repository.check()).endswith("; last fetched 3 h ago")
        await fetch(clone.path)
        assert await repository.stale(datetime.now(UTC)) is None

    async def test_it_is_relative_to_the_moment_that_is_asked_about(self, clone: GitFolder) -> None:
        await fetch(clone.path)
        now = self._age(clone, sre_bot_fetched=3)
        repository = GitRepository(clone.path, name="shop")
        assert await repository.stale(now - timedelta(hours=2)) is None, "one hour later is not stale yet"
        assert await repository.stale(now - timedelta(hours=30)) is None, "all that was pushed by then is known"

    @pytest.mark.parametrize(
        ("ours", "todo"),
        [
            (False, "set its fetch_seconds, or run `git fetch` in it on a schedule"),
            (True, "see in the log of `sre-bot serve` why fetching fails, or whether that runs at all"),
        ],
    )
    async def test_a_warning_says_what_to_do(self, clone: GitFolder, todo: str, *, ours: bool) -> None:
        await fetch(clone.path)
        now = self._age(clone, sre_bot_fetched=3)
        repository = GitRepository(clone.path, name="shop", fetched_by_us=ours, now=lambda: now)
        assert await repository.warning() == f"last fetched 3 h ago; {todo}"
        patient = GitRepository(clone.path, name="shop", stale_after=timedelta(hours=4), now=lambda: now)
        assert await patient.warning() is None

    async def test_one_that_was_never_fetched_is_as_old_as_it_was_cloned_or_its_newest_commit(
        self, old_clone: GitFolder
    ) -> None:
        now = self._age(old_clone, HEAD=2, config=2, description=2)
        repository = GitRepository(old_clone.path, name="shop")
        assert await repository.stale(now) == "never fetched since it was cloned 2 h ago"
        self._age(old_clone, HEAD=90, config=90, description=90)  # in a copy of a clone, files are of any date
        assert await repository.stale(now) == "never fetched, and its newest commit was made 30 h ago"
        old_clone.commit("Of our own, not pushed", {"c": "d"}, now)
        assert await repository.stale(now) == "never fetched, and its newest commit was made 30 h ago"

    async def test_a_fetch_by_others_counts_too_unless_it_failed(self, old_clone: GitFolder) -> None:
        clone = old_clone
        clone.git("fetch", "--quiet")
        now = self._age(clone, FETCH_HEAD=2, HEAD=9, config=9, description=9)
        repository = GitRepository(clone.path, name="shop", now=lambda: now)
        assert await repository.freshness() == pytest.approx(now - timedelta(hours=2), abs=timedelta(seconds=1))
        (clone.path / ".git" / "FETCH_HEAD").write_text("")  # as a failed fetch leaves it
        assert await repository.freshness() == pytest.approx(now - timedelta(hours=9), abs=timedelta(seconds=1))

    async def test_our_failed_fetch_does_not_pass_for_one(self, remote: GitFolder, clone: GitFolder) -> None:
        await fetch(clone.path)
        self._age(clone, sre_bot_fetched=3)
        before = await GitRepository(clone.path, name="shop").freshness()
        remote.path.rename(remote.path.with_name("gone"))
        with pytest.raises(SourceError):
            await fetch(clone.path)
        assert await GitRepository(clone.path, name="shop").freshness() == before

    async def test_one_without_a_remote_cannot_lag(self, remote: GitFolder) -> None:
        repository = GitRepository(remote.path, name="shop")
        assert await repository.freshness() is None
        assert await repository.stale(NOON) is None
        assert "fetched" not in await repository.check()

    async def test_no_repository_has_no_freshness(self, tmp_path: Path) -> None:
        with pytest.raises(SourceUnavailableError, match="is not a git repository"):
            await GitRepository(tmp_path, name="shop").freshness()


class Scripted:
    """A fetch that fails when told to; ``count`` by folder, and an event for each."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.count: dict[str, int] = {}
        self.happened = asyncio.Condition()

    async def __call__(self, path: Path, *, key_file: Path | None, timeout: float) -> None:
        async with self.happened:
            self.count[path.name] = self.count.get(path.name, 0) + 1
            self.happened.notify_all()
        if path.name in self.failing:
            raise SourceUnavailableError(path.name, "fetching failed: no route")

    async def reached(self, name: str, count: int) -> None:
        async with self.happened:
            await self.happened.wait_for(lambda: self.count.get(name, 0) >= count)


class TestFetcher:
    async def test_clones_are_fetched_at_once_and_again_and_failures_are_remembered(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        script = Scripted()
        script.failing.add("b")
        clones = [Clone("shop", tmp_path / "a"), Clone("infra", tmp_path / "b", tmp_path / "key")]
        fetcher = Fetcher(clones, every=0.001, fetch=script, now=lambda: NOON)
        async with asyncio.timeout(60), fetcher.running():
            await asyncio.gather(script.reached("a", 3), script.reached("b", 3))
            assert fetcher.failures["infra"].why == "fetching failed: no route"
            assert fetcher.failures["infra"].time == NOON
            assert set(fetcher.failures) == {"infra"}
            assert "repository infra could not be fetched: fetching failed: no route" in caplog.text
            script.failing.clear()
            await script.reached("b", script.count["b"] + 2)
            assert not fetcher.failures
        ended = dict(script.count)
        await asyncio.sleep(0.01)
        assert script.count == ended

    async def test_it_stops_in_the_middle_of_a_fetch(self, clone: GitFolder) -> None:
        begun = asyncio.Event()

        async def endless(path: Path, *, key_file: Path | None, timeout: float) -> None:
            begun.set()
            await asyncio.Event().wait()

        async with asyncio.timeout(60), Fetcher([Clone("shop", clone.path)], fetch=endless).running():
            await begun.wait()

    async def test_without_clones_it_has_nothing_to_do(self) -> None:
        async with Fetcher([]).running():
            pass

    async def test_one_round_brings_real_clones_up_to_date(
        self, remote: GitFolder, clone: GitFolder, tmp_path: Path
    ) -> None:
        newest = remote.commit("two", {"a": "2"}, NOON)
        fetcher = Fetcher([Clone("shop", clone.path), Clone("none", tmp_path / "none")])
        await fetcher.once()
        assert clone.git("rev-parse", "origin/main") == newest
        assert "does not exist" in fetcher.failures["none"].why
