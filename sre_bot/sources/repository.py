"""A Git repository, as a local clone; read only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from sre_bot.errors import QueryRefusedError, SourceUnavailableError
from sre_bot.incident import Change, ChangeKind
from sre_bot.signals.changes import span
from sre_bot.sources.fetching import freshness_of
from sre_bot.sources.git import Git, moment
from sre_bot.sources.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sre_bot.incident import TimeWindow
    from sre_bot.sources.git import Output
    from sre_bot.sources.tree import Content, Matches

_RECORD = "%x00%H%x00%ct%x00%an%x00%s"
_LOG = ("--encoding=UTF-8", "--no-color", "--no-show-signature", "--no-textconv", "--no-ext-diff")
_FILES = ("-z", "--name-only", "--diff-merges=first-parent", "--no-renames", "-O/dev/null", f"--format={_RECORD}")
_EVERYWHERE = ("--exclude=refs/stash", "--exclude=refs/notes/*", "--all")
_TAG = "%00".join(
    f"%({field})"
    for field in ("refname:strip=2", "creatordate:unix", "objectname", "*objectname", "taggername", "contents:subject")
)
_HASH = re.compile(r"[0-9a-f]{4,64}")
_REF = re.compile(r"[0-9A-Za-z_][0-9A-Za-z._/+-]{0,199}")
_CLOCK_SKEW = 24 * 3600
"""Git stops walking at the first commit older than asked for; clocks of committers differ by less than this."""
_MAX_NAMES = 64 * 1024
_SMALL_DIFF = 6_000
"""A diff of at most so many bytes is shown with more of what is around each change: the call, not only its argument."""
STALE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of the files: the full hash and when it was committed."""

    revision: str
    time: datetime


def _present() -> datetime:
    return datetime.now(UTC)


class GitRepository:
    """A clone on this machine; fits Repository and Code. Every method raises SourceError.

    Whatever a window does not reach stays unseen; commits are dated by their committer, tags by their tagger (a
    lightweight tag by its commit).

    Args:
        path: the top folder of the clone, or a bare repository.
        name: what the repository is called.
        web_url: where people browse it (GitHub, GitLab, Bitbucket, Gitea), or a template with ``{sha}`` in it.
        timeout: seconds one git command may take.
        max_diff: bytes of a diff that are shown.
        max_listing: bytes of a list of commits and their files; one that is longer is refused.
        stale_after: a clone that was not fetched for so long may miss the very change that is looked for.
        fetched_by_us: whether ``serve`` is to keep it fresh.
        now: tells the present, for `check`.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        web_url: str | None = None,
        timeout: float = 10.0,
        max_diff: int = 100_000,
        max_listing: int = 16 * 1024 * 1024,
        stale_after: timedelta = STALE,
        fetched_by_us: bool = False,
        now: Callable[[], datetime] = _present,
    ) -> None:
        self.name = name
        self.path = path
        self._git = Git(name, path, timeout)
        self.files = Tree(self._git)
        self.web_url = web_url
        self._stale_after = stale_after
        self._fetched_by_us = fetched_by_us
        self._now = now
        self._commit_url = _commit_url(web_url) if web_url else None
        self._max_diff = max_diff
        self._max_listing = max_listing

    async def commits(self, window: TimeWindow) -> Sequence[Change]:
        """Commits of the window on any branch, local or remote, newest first; a merge with the files it brought in."""
        start, end = window.start.timestamp(), window.end.timestamp()
        since, until = f"--since=@{max(0, int(start) - _CLOCK_SKEW)}", f"--until=@{int(end)}"
        listing = await self._log("--date-order", since, until, *_EVERYWHERE)
        found = [commit for time, commit in self._read_log(listing) if start <= time <= end]
        return sorted(found, key=lambda commit: commit.time, reverse=True)

    async def tags(self, window: TimeWindow) -> Sequence[Change]:
        """Tags made in the window, newest first, with the full hash of what they stand on."""
        await self._require_whole_history()
        output = await self._git.run("for-each-ref", f"--format={_TAG}", "refs/tags", limit=self._max_listing)
        found = []
        for line in output.text.split("\n"):
            name, time, target, peeled, tagger, subject = (line.split("\0") + [""] * 6)[:6]
            if time.isdigit() and window.start.timestamp() <= int(time) <= window.end.timestamp():
                revision = peeled or target
                title = f"{name}: {subject}" if peeled and subject else name
                found.append(
                    Change(
                        ChangeKind.TAG,
                        moment(int(time)),
                        title,
                        revision=revision,
                        author=tagger or None,
                        repository=self.name,
                        version=name,
                        url=self.commit_url(revision),
                    )
                )
        return sorted(found, key=lambda tag: tag.time, reverse=True)

    async def between(self, older: str, newer: str) -> Sequence[Change]:
        """Commits reachable from ``newer`` but not from ``older`` (hashes, prefixes of them, tags), newest first."""
        first, last = await self.resolve(older), await self.resolve(newer)
        listing = await self._log("--date-order", last, f"^{first}")
        return [commit for _, commit in self._read_log(listing)]

    async def diff(self, revision: str) -> str:
        """Message, statistics and patch of one commit (a merge: against its first parent).

        Binary files are only named; what lies beyond ``max_diff`` bytes is cut off, and a last line says so.
        """
        commit = await self.resolve(revision)
        output = await self._shown(commit, context=8, limit=min(_SMALL_DIFF, self._max_diff))
        if output.cut:
            output = await self._shown(commit, context=3, limit=self._max_diff)
        return output.text + (f"\n[cut here: longer than {self._max_diff:,} bytes]\n" if output.cut else "")

    async def _shown(self, commit: str, *, context: int, limit: int) -> Output:
        shape = "--format=commit %H%nAuthor: %an%nDate:   %cI%n%n%B"
        patch = ("--stat=120", f"-U{context}", "--diff-merges=first-parent", "--submodule=short", "-O/dev/null")
        return await self._git.run("show", *_LOG, shape, *patch, "--end-of-options", commit, limit=limit)

    async def resolve(self, revision: str) -> str:
        """The full hash of a commit, from a prefix of at least four digits, a tag or a branch.

        Raises:
            QueryRefusedError: there is no such commit, or more than one.
        """
        wanted = revision.strip()
        if _HASH.fullmatch(wanted.lower()) and (commit := await self._by_prefix(wanted.lower())):
            return commit
        if not _REF.fullmatch(wanted) or ".." in wanted:
            raise QueryRefusedError(self.name, "a revision is a commit hash, a tag or a branch", query=revision)
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted}^{{commit}}")
        missing = f"has no commit, tag or branch {wanted}; is the clone up to date?"
        return (await self._git.run(*arguments, limit=_MAX_NAMES, refused=missing)).text.strip()

    def commit_url(self, revision: str) -> str | None:
        """Where a human sees the commit, if the repository has a web address."""
        return self._commit_url.replace("{sha}", quote(revision, safe="")) if self._commit_url else None

    async def as_of(self, at: datetime, revision: str | None = None) -> Commit:
        """The state of the files at a moment: what a revision says, or the newest commit of the default branch.

        The default branch is that of the remote ``origin``, or what is checked out where there is none. Its history
        is followed along first parents, so that work that was merged only later is not seen before.

        Raises:
            QueryRefusedError: there was no commit yet, or the revision is not known or later than ``at``.
        """
        start = await self.resolve(revision) if revision else await self._default_branch()
        until = () if revision else ("--first-parent", f"--until=@{int(at.timestamp())}")
        output = await self._git.run("log", *_LOG, "-1", "--format=%H %ct", *until, start, limit=_MAX_NAMES)
        sha, _, time = output.text.strip().partition(" ")
        commit = Commit(sha, moment(int(time or 0)))
        if not sha or commit.time > at:
            what = f"{revision} is of {commit.time:%Y-%m-%d %H:%M:%S}Z" if revision else "its first commit is"
            sentence = f"{what} later than the present of this investigation, {at:%Y-%m-%d %H:%M:%S}Z"
            raise QueryRefusedError(self.name, sentence, query=revision)
        return commit

    async def grep(self, commit: str, pattern: str, path: str = "") -> Matches:
        """Lines of a commit's files (full hash) that match; see `Tree.grep`."""
        return await self.files.grep(commit, pattern, path)

    async def read(self, commit: str, path: str) -> Content:
        """A file or folder of a commit (full hash); see `Tree.read`."""
        return await self.files.read(commit, path)

    def file_url(self, revision: str, path: str, line: int | None = None) -> str | None:
        """Where a human sees a file as of a commit, if the repository has a web address that we know the ways of."""
        return _file_url(self.web_url, revision, path, line) if self.web_url else None

    async def freshness(self) -> datetime | None:
        """When it was last fetched, or cloned; None for a repository without a remote, which cannot lag behind."""
        freshness = await freshness_of(self._git)
        return freshness.time if freshness else None

    async def stale(self, at: datetime) -> str | None:
        """How long before ``at`` it was last fetched, when that is longer than ``stale_after``, else None."""
        freshness = await freshness_of(self._git)
        if freshness is None or at - freshness.time <= self._stale_after:
            return None
        return f"{freshness.known} {span(at - freshness.time)} ago"

    async def warning(self) -> str | None:
        """That it is stale now, and what to do about it; None when it is not. Raises SourceError."""
        stale = await self.stale(self._now())
        ours = "see in the log of `sre-bot serve` why fetching fails, or whether that runs at all"
        todo = ours if self._fetched_by_us else "set its fetch_seconds, or run `git fetch` in it on a schedule"
        return f"{stale}; {todo}" if stale else None

    async def check(self) -> str:
        """One line on how it does: its newest commit, how old that is by git's clock, and when it was fetched."""
        await self._require_whole_history()
        output = await self._git.run("log", *_LOG, "-1", "--format=%h, %cr", *_EVERYWHERE, limit=_MAX_NAMES)
        if not output.data:
            raise self._empty()
        fresh = await freshness_of(self._git)
        age = f"; {fresh.known} {span(max(self._now() - fresh.time, timedelta()))} ago" if fresh else ""
        return f"newest commit {output.text.strip()}{age}"

    async def _default_branch(self) -> str:
        """The hash that the default branch stands on."""
        head = (await self._git.attempt("symbolic-ref", "--quiet", "HEAD", limit=_MAX_NAMES)).output.text.strip()
        remote = ["refs/remotes/origin/HEAD", f"refs/remotes/origin/{head.removeprefix('refs/heads/')}"]
        listed = await self._git.run("for-each-ref", "--format=%(refname) %(objectname)", *remote, limit=_MAX_NAMES)
        known = dict(line.split(" ") for line in listed.text.splitlines())
        sha = next((known[name] for name in remote if name in known), None)
        if sha is None:
            arguments = ("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
            found = await self._git.attempt(*arguments, limit=_MAX_NAMES)
            if found.failed and found.errors:  # a branch that is not born yet is no complaint
                raise self._git.unreadable(found.errors)
            sha = found.output.text.strip()
        if not sha:
            await self._require_whole_history()  # it may not be a repository at all
            raise self._empty()
        return sha

    async def _by_prefix(self, prefix: str) -> str | None:
        """The one commit whose hash begins so; it is looked up first, so that a branch cannot pass for it by name."""
        listed = await self._git.run("rev-parse", f"--disambiguate={prefix}", limit=_MAX_NAMES)
        commits = []
        for sha in listed.text.split():
            kind = await self._git.run("cat-file", "-t", sha, limit=_MAX_NAMES)
            commits += [sha] if kind.text.strip() == "commit" else []
        if len(commits) > 1:
            raise QueryRefusedError(self.name, f"more than one commit begins with {prefix}: {', '.join(commits[:5])}")
        return commits[0] if commits else None

    async def _log(self, *arguments: str) -> bytes:
        await self._require_whole_history()
        output = await self._git.run("log", *_LOG, *_FILES, *arguments, limit=self._max_listing)
        if output.cut:
            raise QueryRefusedError(
                self.name, f"more than {self._max_listing // 1024:,} KiB of commits; ask for less time"
            )
        if not output.data and not (await self._git.run("rev-list", "-n1", "--all", limit=_MAX_NAMES)).data:
            raise self._empty()
        return output.data

    async def _require_whole_history(self) -> None:
        shallow = await self._git.run("rev-parse", "--is-shallow-repository", limit=_MAX_NAMES)
        if shallow.text.strip() == "true":
            sentence = "is a shallow clone, so its history is cut off; run git fetch --unshallow in it"
            raise SourceUnavailableError(self.name, sentence)

    def _empty(self) -> SourceUnavailableError:
        return SourceUnavailableError(self.name, f"{self._git.path} has no commits yet; push or fetch some")

    def _read_log(self, listing: bytes) -> Iterator[tuple[int, Change]]:
        """Commits with their unix times, out of NUL separated fields; an empty one begins each commit."""
        fields = iter(listing.decode("utf-8", "replace").split("\0"))
        begun = next(fields, None) == ""
        while begun and (sha := next(fields, "")):
            time, author, subject = int(next(fields, "") or 0), next(fields, ""), next(fields, "")
            files: list[str] = []
            for field in fields:
                if not field:
                    break
                files.append(field if files else field.removeprefix("\n"))
            change = Change(
                ChangeKind.COMMIT,
                moment(time),
                subject,
                revision=sha,
                author=author,
                files=tuple(files),
                repository=self.name,
                url=self.commit_url(sha),
            )
            yield time, change


def _commit_url(web_url: str) -> str:
    if "{sha}" in web_url:
        return web_url
    base, host = web_url.rstrip("/").removesuffix(".git"), urlsplit(web_url).hostname or ""
    if "gitlab" in host:
        return f"{base}/-/commit/{{sha}}"
    return f"{base}/commits/{{sha}}" if "bitbucket" in host else f"{base}/commit/{{sha}}"


def _file_url(web_url: str, revision: str, path: str, line: int | None) -> str | None:
    if "{sha}" in web_url:
        return None
    base, host = web_url.rstrip("/").removesuffix(".git"), urlsplit(web_url).hostname or ""
    way, anchor = ("src", "lines-") if "bitbucket" in host else ("-/blob" if "gitlab" in host else "blob", "L")
    return f"{base}/{way}/{quote(revision, safe='')}/{quote(path)}" + (f"#{anchor}{line}" if line else "")
