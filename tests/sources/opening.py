"""What is opened while a folder is read, told by a process of its own.

An audit hook cannot be taken off again, and where one is, Python 3.11 fails threads that start at once under coverage.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from sre_bot.sources.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_opened: list[tuple[str, int]] = []


@contextmanager
def listener() -> Iterator[ProcessPoolExecutor]:
    """A process that hears what it opens."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_listen) as process:
        yield process


def everything(folder: Path) -> dict[str, bytes | None]:
    """All documents of a folder."""
    docs = Folder(folder, "docs")
    return {file.path: docs.read(file.path) for file in docs.list().files}


def read_and_heard(folder: Path, asked: Sequence[str]) -> tuple[dict[str, bytes | None], list[tuple[str, int]]]:
    """All documents, and those asked for; and every path that was opened for that, with its flags."""
    _opened.clear()
    read = everything(folder) | {path: Folder(folder, "docs").read(path) for path in asked}
    return read, list(_opened)


def _listen() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
        _opened.append((arguments[0], arguments[2]))
