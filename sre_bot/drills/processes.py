"""A process of the drill: started, waited for, told things, stopped; its crash is noticed with the end of its log."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Self

from sre_bot.errors import DrillError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

READY_WITHIN = 20.0
"""Seconds a process has to say that it is ready."""
STOP_WITHIN = 5.0
"""Seconds a process has to end after SIGTERM, before it is killed."""
_LOG_TAIL = 2_000
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
"""Of our environment a process gets these; the rest may hold secrets that are none of its business."""


class DrillProcess:
    """A running process that keeps three manners.

    It writes ``ready`` on standard output once it is, logs on standard error, and ends when its standard input closes,
    so that none outlives us even if we are killed.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    @classmethod
    async def spawn(
        cls, name: str, arguments: Sequence[str], *, folder: Path, log: Path, sockets: Sequence[int] = ()
    ) -> Self:
        """Start one; `ready` must follow.

        Args:
            name: what it is called in errors.
            arguments: program and arguments.
            folder: its working directory.
            log: file to append its standard error to.
            sockets: file descriptors it inherits.
        """
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                cwd=folder,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                pass_fds=sockets,
                env={variable: value for variable, value in os.environ.items() if variable in _PASSED_ON},
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )
        return cls(name, process, log)

    async def ready(self) -> None:
        """Wait until it is ready.

        Raises:
            DrillError: it ended, or took too long; the end of its log says why.
        """
        assert self._process.stdout is not None  # noqa: S101 spawn asked for the pipe
        try:
            async with asyncio.timeout(READY_WITHIN):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise DrillError(self._with_log(f"{self.name} was not ready within {READY_WITHIN:g} s")) from error
        if line != b"ready\n":
            raise DrillError(self._with_log(f"{self.name} did not start"))

    async def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None  # noqa: S101 spawn asked for the pipe
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ensure_running(self) -> None:
        """Check that it has not ended by itself.

        Raises:
            DrillError: it has; the end of its log says why.
        """
        if self._process.returncode is not None:
            raise DrillError(self._with_log(f"{self.name} ended by itself (status {self._process.returncode})"))

    async def stop(self) -> None:
        """End it; harmless when it has ended."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._process.communicate(b"")  # not None: that would leave its standard input open
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _with_log(self, sentence: str) -> str:
        tail = self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip()
        return f"{sentence}; its log ends:\n{tail}" if tail else f"{sentence}; its log is empty"
