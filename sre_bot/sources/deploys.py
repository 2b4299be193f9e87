"""A record of deploys: a file to which every rollout appends one JSON line ``{time, service, sha, version}``."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from sre_bot.errors import SourceUnavailableError
from sre_bot.incident import Change, ChangeKind, utc
from sre_bot.mistakes import why_unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sre_bot.incident import TimeWindow

_MAX_BYTES = 8 * 1024 * 1024
_NAMED_LINES = 5
_SHA = re.compile(r"[0-9a-f]{7,64}")


class _Line(BaseModel):
    """One deploy; unknown keys are ignored."""

    time: AwareDatetime
    service: str = Field(min_length=1, max_length=200)
    sha: str | None = Field(default=None, max_length=200)
    version: str | None = Field(default=None, max_length=200)

    def change(self) -> Change:
        """It, in our words."""
        sha = self.sha.lower() if self.sha and _SHA.fullmatch(self.sha.lower()) else None
        what = self.version or (sha[:12] if sha else self.sha or "an unnamed version")
        return Change(
            kind=ChangeKind.DEPLOY,
            time=utc(self.time),
            title=f"{self.service} {what}",
            revision=sha,
            service=self.service,
            version=self.version,
        )


@dataclass(frozen=True, slots=True)
class _Record:
    """What the file says: its deploys, and the numbers of lines that say nothing."""

    deploys: tuple[Change, ...]
    broken: tuple[int, ...]
    whole: bool


class DeployFile:
    """Deploys from a file of JSON lines; fits Deploys.

    A line that is not a deploy is skipped (`check` names it), as is a last line that is still being written. Only the
    last 8 MiB of the file are read, some 80,000 deploys.

    Args:
        path: the file; it must be a regular file and no symbolic link.
        name: what the source is called.
    """

    def __init__(self, path: Path, *, name: str = "deploys") -> None:
        self.name = name
        self._path = path

    async def deploys(self, window: TimeWindow) -> Sequence[Change]:
        """Deploys of the window, newest first.

        Raises:
            SourceUnavailableError: the file cannot be read.
        """
        record = await self._record()
        found = [deploy for deploy in record.deploys if window.contains(deploy.time)]
        return sorted(found, key=lambda deploy: deploy.time, reverse=True)

    async def check(self) -> str:
        """One line on how it does: its last deploy, and lines that are broken. Raises SourceError."""
        record = await self._record()
        said = f"{len(record.deploys) or 'no'} deploy{'' if len(record.deploys) == 1 else 's'}"
        if not (record.deploys or record.broken):
            said += " yet; let every rollout append a line"
        if record.deploys:
            last = max(record.deploys, key=lambda deploy: deploy.time)
            said += f", the last: {last.title} at {last.time:%Y-%m-%d %H:%M:%S} UTC"
        if record.broken:
            lines = ", ".join(map(str, record.broken[:_NAMED_LINES]))
            more = f" and {len(record.broken) - _NAMED_LINES} more" if len(record.broken) > _NAMED_LINES else ""
            counted = "" if record.whole else f" (counted from where the last {_MAX_BYTES // 1024**2} MiB begin)"
            said += f"; cannot read line {lines}{more}{counted}: each needs a time with a zone, and a service"
        return said

    async def _record(self) -> _Record:
        try:
            return await asyncio.to_thread(_read, self._path)
        except FileNotFoundError:
            sentence = f"{self._path} does not exist; let every rollout append a line to it, or set another path"
            raise SourceUnavailableError(self.name, sentence) from None
        except OSError as error:
            why = "it is a symbolic link" if error.errno == errno.ELOOP else why_unreadable(error)
            sentence = f"cannot read {self._path}: {why}; set its path to a file that this user may read"
            raise SourceUnavailableError(self.name, sentence) from error


def _open_carefully(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe must not make us wait for its writer


def _tail(path: Path) -> tuple[bytes, bool]:
    """The last lines of a regular file, and whether that is all of it."""
    with open(path, "rb", opener=_open_carefully) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        start = max(0, facts.st_size - _MAX_BYTES)
        file.seek(start)
        if start:
            file.readline(_MAX_BYTES)  # the rest of a line that began earlier
        return file.read(_MAX_BYTES), start == 0


def _read(path: Path) -> _Record:
    text, whole = _tail(path)
    deploys: list[Change] = []
    broken: list[int] = []
    *lines, unfinished = text.split(b"\n")
    for number, line in enumerate([*lines, unfinished], start=1):
        if not line.strip():
            continue
        try:
            deploys.append(_Line.model_validate_json(line).change())
        except ValidationError:
            if number <= len(lines):
                broken.append(number)
    return _Record(tuple(deploys), tuple(broken), whole)
