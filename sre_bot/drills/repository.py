"""The shop's Git repository: made with its history, committed to, and taken releases from."""

from __future__ import annotations

import asyncio
import io
import shutil
import zipfile
from typing import TYPE_CHECKING

from sre_bot.drills import history
from sre_bot.errors import ConfigurationError, DrillError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sre_bot.drills.history import Commit, PastCommit

# Nothing of the machine's own Git configuration (hooks, signing, another default branch) may reach the shop.
_ENVIRONMENT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}


class ShopRepository:
    """A clone with a working tree at the tip of ``main``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def build(self, commits: Sequence[PastCommit], now: datetime) -> list[str]:
        """Make the repository in an absent or empty folder; the shas of the commits, in their order.

        Raises:
            ConfigurationError: git is not installed.
            DrillError: git refused.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        marks = self.path / ".git" / "drill-marks"
        await self._git("init", "--quiet", "--initial-branch=main")
        stream = history.fast_import(commits, now)
        await self._git("fast-import", "--quiet", f"--export-marks={marks}", stdin=stream)
        await self._git("reset", "--quiet", "--hard")
        shas = dict(line.split() for line in marks.read_text().splitlines())
        marks.unlink()
        return [shas[f":{place + 1}"] for place in range(len(commits))]

    async def commit(self, commit: Commit, now: datetime) -> str:
        """Edit the files and commit on ``main``; the full sha.

        Raises:
            ValueError: the edits do not fit the files.
            DrillError: git refused.
        """
        for path, hunks in commit.changes.items():
            file = self.path / path
            file.write_text(history.apply(hunks, file.read_text(encoding="utf-8")), encoding="utf-8")
        name, _, email = history.identity(commit.author).rstrip(">").partition(" <")
        stamp = f"{int(now.timestamp())} +0000"
        person = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", email), ("DATE", stamp))
        }
        await self._git("commit", "--quiet", "--all", f"--message={commit.message}", environment=person)
        return (await self._git("rev-parse", "HEAD")).decode().strip()

    async def extract(self, sha: str, folder: Path) -> None:
        """Write the files of a commit into a folder.

        Raises:
            DrillError: no such commit.
        """
        archive = await self._git("archive", "--format=zip", sha)
        await asyncio.to_thread(_unpack, archive, folder)

    async def _git(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        git = shutil.which("git")
        if git is None:
            raise ConfigurationError("git is not installed; install it with your package manager")
        process = await asyncio.create_subprocess_exec(
            *(git, "-C", str(self.path), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**_ENVIRONMENT, **(environment or {})},
        )
        output, errors = await process.communicate(stdin)
        if process.returncode != 0:
            raise DrillError(f"git {arguments[0]} failed: {errors.decode(errors='replace').strip()}")
        return output


def _unpack(archive: bytes, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:  # unlike tarfile before 3.11.4, it stays inside the folder
        files.extractall(folder)
