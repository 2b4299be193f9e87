"""Clones brought up to date from where they come from, on a schedule, with a key that can only read.

This is the one place where git reaches out and writes: to the remote ``origin`` as the clone's own configuration names
it, over https, ssh or from a folder, and into the clone's own objects and refs. As in reading, every setting of the
clone that starts a program is overruled, and nobody is ever asked for a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import os
import random
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sre_bot.errors import QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.sources.git import OVERRULED, Git, environment, execute, options, program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

_log = logging.getLogger(__name__)

TIMEOUT_S = 120.0
TRY_S = 20.0
EVERY_S = 300.0
_AT_ONCE = 4
_JITTER = 0.1
_MARK = "sre-bot-fetched"
"""An empty file in the clone's git folder; its time is that of our last successful fetch. Git's own FETCH_HEAD also
changes its time when a fetch fails, and is empty then."""
_LIMIT = 64 * 1024
_MEMORY = 4 * 1024**3
_PROTOCOLS = "https:ssh:file"
_REMOTE = re.compile(r"(?:https://|ssh://|file://|/)\S+|[\w.-]+@[\w.-]+:(?!:)\S+", re.ASCII)
_NO_PROGRAMS = (
    *(setting for setting in OVERRULED if not setting.startswith(("core.sshCommand", "protocol."))),
    "core.alternateRefsCommand=false",
    "core.gitProxy=",
    "credential.helper=",
    "fetch.bundleURI=",
    "gc.auto=0",
    "http.followRedirects=false",
    "maintenance.auto=false",
)
_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ForwardAgent=no", "-o", "PermitLocalCommand=no")
_HINTS = (
    ("Host key verification failed", "add the server's key to known_hosts: ssh-keyscan HOST >> ~/.ssh/known_hosts"),
    ("Permission denied", "give the repository a read-only deploy key and name its private half as key_file"),
    ("could not read Username", "use an ssh address with a read-only deploy key, or put a token into the address"),
    ("does not appear to be a git repository", "see that the address of the remote is right"),
)


class Fetch(Protocol):
    """How a clone is brought up to date. Raises SourceError."""

    async def __call__(self, path: Path, *, key_file: Path | None, timeout: float) -> None:
        """Fetch once."""
        ...


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone to keep up to date; ``key_file`` is the private half of a deploy key, for ssh."""

    name: str
    path: Path
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last fetch of a clone did not work, and when that was."""

    why: str
    time: datetime


async def fetch(path: Path, *, key_file: Path | None = None, timeout: float = TIMEOUT_S) -> None:
    """Bring the branches and tags of ``origin`` into a clone, and forget branches that are gone.

    In a bare repository they become its own branches. A repository without a remote is left as it is.

    Raises:
        SourceUnavailableError: it is no clone, or the remote cannot be reached or read, or not within ``timeout``
            seconds.
        QueryRefusedError: the remote's address is none that we fetch from, or the key is not a file.
    """
    git = Git(path.name, path, timeout)
    remote = await _origin(git)
    if remote is None:
        return
    ssh = await asyncio.to_thread(_ssh, key_file, path.name)
    bare = (await git.run("rev-parse", "--is-bare-repository", limit=_LIMIT)).text.strip() == "true"
    branches = "+refs/heads/*:refs/heads/*" if bare else "+refs/heads/*:refs/remotes/origin/*"
    flags = ("--quiet", "--prune", "--tags", "--force", "--no-recurse-submodules", "--no-write-fetch-head")
    await _reach(git, ssh, "fetch", *flags, "--upload-pack=git-upload-pack", "--", remote, branches)
    folder = await git.run("rev-parse", "--absolute-git-dir", limit=_LIMIT)
    await asyncio.to_thread(_mark, Path(folder.text.rstrip("\n")), path.name)


async def try_to_reach(path: Path, *, key_file: Path | None = None, timeout: float = TRY_S) -> None:
    """See whether `fetch` would reach ``origin`` and be let in; writes nothing, and raises what that raises."""
    git = Git(path.name, path, timeout)
    remote = await _origin(git)
    if remote is not None:
        ssh = await asyncio.to_thread(_ssh, key_file, path.name)
        await _reach(git, ssh, "ls-remote", "--quiet", "--upload-pack=git-upload-pack", "--", remote, "HEAD")


class Known(enum.StrEnum):
    """What tells up to when a clone knows what was pushed, put before how long ago that is."""

    FETCHED = "last fetched"
    CLONED = "never fetched since it was cloned"
    COMMITTED = "never fetched, and its newest commit was made"


@dataclass(frozen=True, slots=True)
class Freshness:
    """Up to when a clone knows what was pushed to its remote, and what tells that."""

    time: datetime
    known: Known


async def freshness_of(git: Git) -> Freshness | None:
    """When a clone was last fetched with success by anyone, as far as it tells.

    One that never was is as fresh as its newest commit, or as the day it was cloned, whichever is later. None for a
    repository without a remote. Raises SourceError.
    """
    if await _remote(git) is None:
        return None
    folder = await git.run("rev-parse", "--absolute-git-dir", limit=_LIMIT)
    fetched, cloned = await asyncio.to_thread(_marks, Path(folder.text.rstrip("\n")))
    if fetched is not None:
        return Freshness(datetime.fromtimestamp(fetched, UTC), Known.FETCHED)
    committed = await _newest_commit(git, "--remotes") or await _newest_commit(
        git, "--all"
    )  # a bare one has no remotes
    known = Known.COMMITTED if committed > cloned else Known.CLONED
    return Freshness(datetime.fromtimestamp(max(committed, cloned), UTC), known)


async def _newest_commit(git: Git, refs: str) -> float:
    newest = await git.run("rev-list", "--max-count=1", "--timestamp", refs, limit=_LIMIT)
    return float(newest.text.partition(" ")[0] or 0)


async def _origin(git: Git) -> str | None:
    """Where a clone is fetched from, None for one without a remote. Raises SourceError."""
    remote = await _remote(git)
    if remote is not None and not _REMOTE.fullmatch(remote):
        why = "the address of origin is none to fetch from: it begins with https://, ssh://, file:// or user@host:"
        raise QueryRefusedError(git.source, why)
    return remote


async def _remote(git: Git) -> str | None:
    found = await git.attempt("config", "--get", "remote.origin.url", limit=_LIMIT)
    if found.failed and found.status != 1:  # 1: there is none
        raise git.unreadable(found.errors)
    await git.run("rev-parse", "--git-dir", limit=_LIMIT)  # outside of a repository there is no remote either
    return found.output.text.rstrip("\n") or None


def _ssh(key_file: Path | None, source: str) -> str:
    """The command that git starts for ssh: with this key and no other, and never asking anybody."""
    if key_file is None:
        return shlex.join(_SSH)
    if not key_file.is_file():
        raise QueryRefusedError(source, f"the key {key_file} is not a file: name the right one in key_file")
    return shlex.join((*_SSH, "-o", "IdentitiesOnly=yes", "-i", str(key_file.absolute()).replace("%", "%%")))


async def _reach(git: Git, ssh: str, *arguments: str) -> None:
    """Run a git command that may use the network."""
    folder = await asyncio.to_thread(git.path.resolve)
    env = environment(folder) | {
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "GIT_ASKPASS": "false",
        "GIT_SSH_COMMAND": ssh,
        "GIT_SSH_VARIANT": "ssh",
    }
    command = [program(git.source), *options(folder, _NO_PROGRAMS), *arguments]
    try:
        ended = await execute(command, env, limit=_LIMIT, timeout=git.timeout, memory=_MEMORY)
    except TimeoutError:
        raise SourceUnavailableError(git.source, f"fetching took longer than {git.timeout:g} s") from None
    if ended.failed:
        raise SourceUnavailableError(git.source, _explained(ended.errors))


def _explained(errors: str) -> str:
    said = re.sub(r"(\w+://)[^/\s@]+@", r"\1", " ".join(errors.split()))[:400]  # an address may hold a token
    hint = next((hint for words, hint in _HINTS if words in errors), None)
    return f"fetching failed: {said}" + (f"; {hint}" if hint else "")


def _mark(folder: Path, source: str) -> None:
    try:
        handle = os.open(folder / _MARK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        try:
            os.utime(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise SourceUnavailableError(source, f"cannot note the fetch in {folder}: {error.strerror}") from error


def _marks(folder: Path) -> tuple[float | None, float]:
    """When the clone was last fetched, if it ever was, and when it was made."""
    ours, gits = _written(folder / _MARK), _written(folder / "FETCH_HEAD", empty=False)
    cloned = (time for name in ("HEAD", "config", "description") if (time := _written(folder / name)))
    fetched = [time for time in (ours, gits) if time is not None]
    return max(fetched, default=None), min(cloned, default=0.0)


def _written(path: Path, *, empty: bool = True) -> float | None:
    """When a file was last written; None where there is none, or an empty one unless that counts."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_mtime if facts.st_size or empty else None


class Fetcher:
    """Fetches clones every so often; one that fails is logged, remembered, and tried again when its turn comes.

    ``failures`` holds, by name, why the last fetch of a clone did not work; a success takes it out.

    Args:
        clones: what to keep up to date.
        every: seconds between two fetches of a clone, give or take a tenth, so that many do not fetch at once.
        timeout: seconds one fetch may take.
        fetch: how it is done.
        now: tells the present, to say when a fetch failed.
    """

    def __init__(
        self,
        clones: Sequence[Clone],
        *,
        every: float = EVERY_S,
        timeout: float = TIMEOUT_S,
        fetch: Fetch = fetch,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.failures: dict[str, Failure] = {}
        self._clones = clones
        self._every = every
        self._timeout = timeout
        self._fetch = fetch
        self._now = now
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def once(self) -> None:
        """Fetch every clone once; never raises for one that cannot be fetched."""
        await asyncio.gather(*(self._fetched(clone) for clone in self._clones))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetch at once and then on schedule, as long as the context is open."""
        tasks = [asyncio.create_task(self._keep(clone), name=f"fetch {clone.name}") for clone in self._clones]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks) if tasks else None

    async def _keep(self, clone: Clone) -> None:
        while True:
            await self._fetched(clone)
            await asyncio.sleep(self._every * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret

    async def _fetched(self, clone: Clone) -> None:
        async with self._turns:
            try:
                await self._fetch(clone.path, key_file=clone.key_file, timeout=self._timeout)
            except SourceError as error:
                self.failures[clone.name] = Failure(error.message, self._now())
                _log.warning("repository %s could not be fetched: %s", clone.name, error.message)
            else:
                self.failures.pop(clone.name, None)
