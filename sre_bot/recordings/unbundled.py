"""The repository of a recording: a clone out of its bundle that holds no commit of after the question."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sre_bot.recordings.format import REPOSITORY
from sre_bot.recordings.reading import fault
from sre_bot.sources.git import OVERRULED, environment, execute, options, program
from sre_bot.sources.repository import GitRepository

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

TIMEOUT_S = 60.0
_LIMIT = 64 * 1024
_SETTINGS = (*(setting for setting in OVERRULED if not setting.startswith("protocol.")), "protocol.file.allow=always")
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")


async def unbundled(bundle: Path, until: datetime, folder: Path) -> GitRepository:
    """The history of the bundle's HEAD up to a moment, as a bare repository below ``folder``.

    It is copied twice: a commit of later that came with the bundle is not in the second copy, whatever its hash.

    Raises:
        BadInputError: it is no bundle with a HEAD, or has no commit of before.
        SourceUnavailableError: git is not installed.
    """
    whole, kept = folder / "bundled.git", folder / "repository.git"
    source = await asyncio.to_thread(bundle.resolve)
    await _git(bundle, folder, "init", "--quiet", "--bare", str(whole))
    await _git(bundle, whole, *_FETCH, str(source), "HEAD:refs/heads/main")
    newest = ("rev-list", "-1", "--first-parent", f"--until=@{int(until.timestamp())}", "refs/heads/main")
    head = await _git(bundle, whole, *newest)
    if not head:
        raise fault(bundle, None, f"has no commit of {until:%Y-%m-%d %H:%M:%S}Z or before")
    await _git(bundle, whole, "update-ref", "refs/heads/main", head)
    await _git(bundle, folder, "init", "--quiet", "--bare", "--initial-branch=main", str(kept))
    await _git(bundle, kept, *_FETCH, "--upload-pack=git-upload-pack", str(whole), "+refs/heads/main:refs/heads/main")
    return GitRepository(kept, name=REPOSITORY)


async def _git(bundle: Path, folder: Path, *arguments: str) -> str:
    command = [program(REPOSITORY), *options(folder, _SETTINGS), *arguments]
    env = environment(folder) | {"GIT_ALLOW_PROTOCOL": "file"}
    try:
        ended = await execute(command, env, limit=_LIMIT, timeout=TIMEOUT_S)
    except TimeoutError:
        raise fault(bundle, None, f"git took longer than {TIMEOUT_S:g} s to read it") from None
    if ended.failed:
        raise fault(bundle, None, f"git cannot read it as a bundle with a HEAD: {ended.errors[:400]}")
    return ended.output.text.strip()
