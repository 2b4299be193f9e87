"""The git binary, run so that a hostile repository cannot make it do anything but read.

No configuration but ours and the repository's is read, and of the latter every key that starts a program is overruled:
hooks, file system monitors, signature checks, external diffs, text conversions, transports. Arguments are built here;
a value from outside is a full hash, or stands behind ``--end-of-options``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.errors import QueryRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

OVERRULED = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "log.showSignature=false",
    "log.showRoot=true",
    "protocol.allow=never",
    "submodule.recurse=false",
)
_LAST_SECOND = 253_402_300_799
_MAX_STDERR = 4_000
_BLOCK = 65_536
_MEMORY = 1024**3
"""Bytes of its own that git may take: a pattern of a few characters can make its matcher ask for more than there is."""


@dataclass(frozen=True, slots=True)
class Output:
    """What git printed; ``cut`` when there was more than was asked for."""

    data: bytes
    cut: bool

    @property
    def text(self) -> str:
        """It as text."""
        return self.data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: what it printed, on either stream, and its exit status."""

    output: Output
    errors: str
    status: int

    @property
    def failed(self) -> bool:
        """Whether it failed by itself, not because we had read enough."""
        return self.status != 0 and not self.output.cut


@dataclass(frozen=True, slots=True)
class Git:
    """Git, in one repository. ``timeout`` is in seconds for one command."""

    source: str
    path: Path
    timeout: float

    async def run(self, *arguments: str, limit: int, refused: str = "", fed: bytes = b"") -> Output:
        """Run one command, and keep ``limit`` bytes of its output.

        Args:
            arguments: the command and its arguments.
            limit: bytes of output to keep; the command is ended when there are more.
            refused: when given, a failure of the command means this sentence.
            fed: what the command reads from its standard input.

        Raises:
            QueryRefusedError: the command failed and ``refused`` says why.
            SourceUnavailableError: the repository cannot be read, or not in time, or git is not installed.
        """
        ended = await self.attempt(*arguments, limit=limit, fed=fed)
        if ended.failed:
            raise QueryRefusedError(self.source, refused) if refused else self.unreadable(ended.errors)
        return ended.output

    async def attempt(self, *arguments: str, limit: int, fed: bytes = b"") -> Ended:
        """As `run`, but a command that fails is for the caller to judge.

        Raises:
            SourceUnavailableError: git did not end in time, or is not installed.
        """
        folder = await asyncio.to_thread(self.path.resolve)
        command = [program(self.source), *options(folder, OVERRULED), *arguments]
        try:
            return await execute(command, environment(folder), limit=limit, timeout=self.timeout, fed=fed)
        except TimeoutError:
            raise SourceUnavailableError(self.source, f"git took longer than {self.timeout:g} s") from None

    def unreadable(self, errors: str) -> SourceUnavailableError:
        """What git's complaint means, and what to do about it."""
        if "not a git repository" in errors:
            sentence = f"{self.path} is not a git repository; set its path to the top folder of a clone"
        elif "cannot change to" in errors:
            sentence = f"{self.path} does not exist or may not be entered; set its path to the top folder of a clone"
        else:
            sentence = (
                f"git failed in {self.path} ({' '.join(errors.split())[:200]}); run git fsck in it, or clone it anew"
            )
        return SourceUnavailableError(self.source, sentence)


def program(source: str) -> str:
    """Where git is. Raises SourceUnavailableError when it is not installed."""
    found = shutil.which("git")
    if found is None:
        sentence = "git is not installed; install it with: apt-get install git, or brew install git"
        raise SourceUnavailableError(source, sentence)
    return found


def options(folder: Path, settings: Sequence[str]) -> list[str]:
    """Git's own options, ahead of a command: in which folder, and which settings hold there."""
    overruled = [*settings, f"safe.directory={folder}"]  # it may belong to someone else: an operator named it
    return ["--no-pager", "-C", str(folder), *(part for setting in overruled for part in ("-c", setting))]


def environment(folder: Path) -> dict[str, str]:
    """The whole environment of git: paths are taken literally, and nothing is reached over a network."""
    return {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),  # a folder inside another repository is not that repository
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def moment(seconds: int) -> datetime:
    """A time as git tells it. A commit may claim any; beyond the calendar it is the calendar's end."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)


async def execute(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    limit: int,
    timeout: float,
    fed: bytes = b"",
    memory: int = _MEMORY,
) -> Ended:
    """Run a command in a session of its own, bounded in time, memory and output; nothing of it is left running.

    Raises:
        TimeoutError: it did not end within ``timeout`` seconds.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    try:
        _bound_memory(process.pid, memory)
        async with asyncio.timeout(timeout):
            _, output, errors = await asyncio.gather(_feed(process, fed), _read(process, limit), _read_errors(process))
            status = await process.wait()
    finally:
        if process.returncode is None:
            _kill(process)
        await _emptied(process)
        await process.wait()
    return Ended(output, errors, status)


def _bound_memory(pid: int, size: int) -> None:
    if hasattr(resource, "prlimit"):  # Linux
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))


def _kill(process: asyncio.subprocess.Process) -> None:
    """End it and whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _emptied(process: asyncio.subprocess.Process) -> None:
    """Read what a process that has ended left in its pipes, or they are never closed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            for pipe in (process.stdout, process.stderr):
                while pipe is not None and await pipe.read(_BLOCK):
                    pass


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended before it had read all
            process.stdin.write(data)
            await process.stdin.drain()
            process.stdin.close()
            await process.stdin.wait_closed()


async def _read(process: asyncio.subprocess.Process, limit: int) -> Output:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    data = bytearray()
    while len(data) <= limit and (block := await process.stdout.read(_BLOCK)):
        data += block
    if len(data) > limit:
        if process.returncode is None:
            _kill(process)
        while await process.stdout.read(_BLOCK):  # what is left in the pipe, or it is never closed and never done
            pass
    return Output(bytes(data[:limit]), cut=len(data) > limit)


async def _read_errors(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    kept = b""
    while block := await process.stderr.read(_BLOCK):
        kept = (kept + block)[:_MAX_STDERR]
    return kept.decode("utf-8", "replace")
