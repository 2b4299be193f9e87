"""The shop's past: how the files in ``storefront/`` came to be, as a stream that ``git fast-import`` takes.

The past is written as edits, oldest first. Starting from today's files it is undone edit by edit, so that what runs is
what is checked in here, and every earlier state follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta  # noqa: TC003 pydantic reads it at run time
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import yaml
from pydantic import TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from importlib.resources.abc import Traversable

NEW_FILE = "new file"
"""Instead of hunks: the file came with this commit."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A change to the repository; ``changes`` holds hunks (see ``past.yaml``) by path."""

    author: str
    message: str
    changes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCommit(Commit):
    """A commit made ``ago``; ``rolled_out`` says how long after that each service was deployed."""

    ago: timedelta
    rolled_out: dict[str, timedelta] = field(default_factory=dict)
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class PastDeploy:
    """A deploy of the past: the commit by its place in the history, counted from 0."""

    time: datetime
    service: str
    commit: int


def past() -> Sequence[PastCommit]:
    """The commits of ``past.yaml``, oldest first."""
    text = resources.files(__package__).joinpath("past.yaml").read_text(encoding="utf-8")
    return TypeAdapter(list[PastCommit]).validate_python(yaml.safe_load(text))


@cache
def storefront() -> Mapping[str, str]:
    """Today's files of the shop by path."""
    return dict(_files_under(resources.files(__package__).joinpath("storefront"), ""))


def _files_under(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name == "__pycache__" or (not prefix and entry.name == "__init__.py"):
            continue
        if entry.is_dir():
            yield from _files_under(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")


def apply(hunks: str, text: str) -> str:
    """The text after the hunks.

    Raises:
        ValueError: a hunk's old lines are not there exactly once.
    """
    for old, new in _hunks(hunks):
        text = _replace(text, old, new)
    return text


def undo(hunks: str, text: str) -> str:
    """The text before the hunks.

    Raises:
        ValueError: a hunk's new lines are not there exactly once.
    """
    for old, new in _hunks(hunks):
        text = _replace(text, new, old)
    return text


def _hunks(hunks: str) -> Iterator[tuple[list[str], list[str]]]:
    """Old and new lines of each hunk; a blank line is a kept blank line."""
    for hunk in hunks.split("@@\n")[1:]:
        lines = [(line[:1] or " ", line[1:]) for line in hunk.splitlines()]
        yield [line for sign, line in lines if sign != "+"], [line for sign, line in lines if sign != "-"]


def _replace(text: str, there: list[str], instead: list[str]) -> str:
    lines = text.splitlines()
    places = [place for place in range(len(lines)) if lines[place : place + len(there)] == there]
    if len(places) != 1:
        raise ValueError("these lines are not there exactly once:\n" + "\n".join(there))
    lines[places[0] : places[0] + len(there)] = instead
    return "\n".join(lines) + "\n"


def trees(files: Mapping[str, str], commits: Sequence[Commit]) -> list[dict[str, str]]:
    """The files as each commit left them, oldest first; the last of these is ``files``.

    Raises:
        ValueError: a commit's edits do not lead to what is there.
    """
    states = [dict(files)]
    for commit in reversed(commits[1:]):
        earlier = dict(states[-1])
        for path, hunks in commit.changes.items():
            if hunks.strip() == NEW_FILE:
                del earlier[path]
            else:
                earlier[path] = undo(hunks, earlier[path])
        states.append(earlier)
    return states[::-1]


def deploys(commits: Sequence[PastCommit], now: datetime) -> list[PastDeploy]:
    """All past deploys, oldest first."""
    made = [
        PastDeploy(now - commit.ago + after, service, place)
        for place, commit in enumerate(commits)
        for service, after in commit.rolled_out.items()
    ]
    return sorted(made, key=lambda deploy: deploy.time)


def identity(author: str) -> str:
    """How Git names a person of the shop."""
    return f"{author} <{author.lower().replace(' ', '.')}@larder.example>"


def fast_import(commits: Sequence[PastCommit], now: datetime) -> bytes:
    """The whole past for ``git fast-import``; commit n (from 0) gets mark n + 1.

    Args:
        commits: oldest first; together they lead to `storefront`.
        now: the moment that ``ago`` counts from, aware.

    Raises:
        ValueError: the commits do not lead there.
    """
    stream: list[bytes] = []
    before: Mapping[str, str] = {}
    for place, (commit, files) in enumerate(zip(commits, trees(storefront(), commits), strict=True)):
        when = f"{identity(commit.author)} {int((now - commit.ago).timestamp())} +0000"
        stream += [f"commit refs/heads/main\nmark :{place + 1}\nauthor {when}\ncommitter {when}\n".encode()]
        stream += [_data(commit.message.strip() + "\n")]
        for path in sorted(files):
            if files[path] != before.get(path):
                stream += [f"M 100644 inline {path}\n".encode(), _data(files[path])]
        if commit.tag:
            stream += [
                f"tag {commit.tag}\nfrom :{place + 1}\ntagger {when}\n".encode(),
                _data(f"Larder {commit.tag}\n"),
            ]
        before = files
    return b"".join(stream)


def _data(text: str) -> bytes:
    encoded = text.encode()
    return b"data %d\n%s\n" % (len(encoded), encoded)
