"""The git binary, run so that a hostile repository cannot make it do anything but read.

No configuration but ours and the repository's is read, and of the latter every key that starts a program is overruled:
hooks, file system monitors, signature checks, external diffs, text conversions, transports. Arguments are built here;
a value from outside is a full hash, or stands behind ``--end-of-options``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.errors import QueryRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

_OVERRULED = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "log.showSignature=false",
    "log.showRoot=true",
    "protocol.allow=never",
    "submodule.recurse=false",
)
_MAX_STDERR = 4_000
_BLOCK = 65_536


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
class Git:
    """Git, in one repository. ``timeout`` is in seconds for one command."""

    source: str
    path: Path
    timeout: float

    async def run(self, *arguments: str, limit: int, refused: str = "") -> Output:
        """Run one command, and keep ``limit`` bytes of its output.

        Args:
            arguments: the command and its arguments.
            limit: bytes of output to keep; the command is ended when there are more.
            refused: when given, a failure of the command means this sentence.

        Raises:
            QueryRefusedError: the command failed and ``refused`` says why.
            SourceUnavailableError: the repository cannot be read, or not in time, or git is not installed.
        """
        program = shutil.which("git")
        if program is None:
            sentence = "git is not installed; install it with: apt-get install git, or brew install git"
            raise SourceUnavailableError(self.source, sentence)
        folder = await asyncio.to_thread(self.path.resolve)
        process = await asyncio.create_subprocess_exec(
            program,
            *self._options(folder),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(folder),
        )
        try:
            async with asyncio.timeout(self.timeout):
                output, errors = await asyncio.gather(_read(process, limit), _read_errors(process))
                status = await process.wait()
        except TimeoutError:
            raise SourceUnavailableError(self.source, f"git took longer than {self.timeout:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0 and not output.cut:
            raise QueryRefusedError(self.source, refused) if refused else self._unreadable(errors)
        return output

    def _options(self, folder: Path) -> list[str]:
        overruled = [*_OVERRULED, f"safe.directory={folder}"]  # it may belong to someone else: an operator named it
        return ["--no-pager", "-C", str(folder), *(part for setting in overruled for part in ("-c", setting))]

    def _unreadable(self, errors: str) -> SourceUnavailableError:
        if "not a git repository" in errors:
            sentence = f"{self.path} is not a git repository; set its path to the top folder of a clone"
        elif "cannot change to" in errors:
            sentence = f"{self.path} does not exist or cannot be entered; set its path to the top folder of a clone"
        else:
            sentence = f"git failed in {self.path}: {' '.join(errors.split())[:500]}"
        return SourceUnavailableError(self.source, sentence)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),  # a folder inside another repository is not that repository
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


async def _read(process: asyncio.subprocess.Process, limit: int) -> Output:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    data = bytearray()
    while len(data) <= limit and (block := await process.stdout.read(_BLOCK)):
        data += block
    if len(data) > limit and process.returncode is None:
        process.kill()
    return Output(bytes(data[:limit]), cut=len(data) > limit)


async def _read_errors(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    kept = b""
    while block := await process.stderr.read(_BLOCK):
        kept = (kept + block)[:_MAX_STDERR]
    return kept.decode("utf-8", "replace")
