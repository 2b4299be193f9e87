"""Markdown files of a folder, read so that nothing outside of it can be reached.

Every path is opened component by component from the folder down, no component may be a symbolic link, and only regular
files are read. A Kubernetes volume, whose files are links through ``..data``, is read where that leads, if that is a
folder beside it. Checking a path first and opening it afterwards would lose a race against whoever swaps a component.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.errors import SourceUnavailableError
from sre_bot.mistakes import why_unreadable
from sre_bot.sources.tree import MARKDOWN, MAX_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILES = 20_000
_MAX_ENTRIES = 500_000
_MAX_DEPTH = 32
_LINKED = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe must not make us wait for its writer
_CAREFUL = _LINKED | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class File:
    """A Markdown file: its path from the folder, a mark that changes with its content, and when it last changed."""

    path: str
    version: str
    changed: float


@dataclass(frozen=True, slots=True)
class Listing:
    """The Markdown files of a folder; ``links`` were not followed, ``more`` says that some were left out."""

    files: tuple[File, ...]
    links: int
    more: bool


class Folder:
    """A folder on this machine.

    Args:
        path: the folder; it may be a symbolic link itself (an operator named it), nothing in it may.
        name: what it is called.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path

    def list(self) -> Listing:
        """Markdown files at any depth, without those in hidden folders.

        Raises:
            SourceUnavailableError: the folder cannot be read.
        """
        walk = _Walk()
        with self._top() as top:
            files = tuple(walk.files(top, "", _MAX_DEPTH))
        return Listing(files, walk.links, walk.more)

    def read(self, path: str) -> bytes | None:
        """The content of a file of `list`; None when it is gone, unreadable, no regular file or too long.

        Raises:
            SourceUnavailableError: the folder cannot be read.
        """
        *folders, name = path.split("/")
        with contextlib.ExitStack() as opened:
            handle = opened.enter_context(self._top())
            try:
                for folder in folders:
                    handle = opened.enter_context(_meant(opened.enter_context(_opened(folder, handle, os.O_DIRECTORY))))
                return _content(opened.enter_context(_opened(name, handle)))
            except OSError:
                return None

    @contextlib.contextmanager
    def _top(self) -> Iterator[int]:
        try:
            handle = os.open(self._path, _LINKED | os.O_DIRECTORY)
        except OSError as error:
            why = "it is not a folder" if error.errno == errno.ENOTDIR else why_unreadable(error)
            sentence = f"cannot read the folder {self._path}: {why}; mend that or set another path"
            raise SourceUnavailableError(self.name, sentence) from error
        try:
            with _meant(handle) as meant:
                yield meant
        finally:
            os.close(handle)


class _Walk:
    """One walk down a folder, and what it left out."""

    def __init__(self) -> None:
        self.links = 0
        self.more = False
        self._entries = 0
        self._files = 0

    def files(self, handle: int, above: str, depth: int) -> Iterator[File]:
        """Markdown files in an open folder and below it, in the order of their names."""
        for name in sorted(os.listdir(handle)):
            self._entries += 1
            if self._entries > _MAX_ENTRIES or self._files >= MAX_FILES or depth == 0:
                self.more = True
                return
            if name.startswith(".") or not _is_text(name):
                continue
            with contextlib.suppress(OSError):  # it went away, or may not be read
                yield from self._entry(handle, name, above, depth)

    def _entry(self, handle: int, name: str, above: str, depth: int) -> Iterator[File]:
        facts = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if stat.S_ISLNK(facts.st_mode):
            self.links += 1
        elif stat.S_ISDIR(facts.st_mode):
            with _opened(name, handle, os.O_DIRECTORY) as opened, _meant(opened) as inner:
                yield from self.files(inner, f"{above}{name}/", depth - 1)
        elif stat.S_ISREG(facts.st_mode) and name.lower().endswith(MARKDOWN):
            self._files += 1
            version = f"{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"
            yield File(above + name, version, facts.st_mtime)


@contextlib.contextmanager
def _opened(name: str, folder: int, flags: int = 0) -> Iterator[int]:
    """One component of a path. Raises OSError, also for a symbolic link."""
    if name in {"", ".", ".."} or "/" in name:
        raise OSError(errno.EINVAL, "no name of a file")
    handle = os.open(name, _CAREFUL | flags, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _meant(folder: int) -> Iterator[int]:
    """An open folder itself, or the one that holds its files when it is a volume that Kubernetes made.

    Such a volume (a ConfigMap, a Secret) holds links through the link ``..data``, which names a folder beside it and is
    swapped when the content changes. That folder is opened by its name alone, so the way out of the volume is closed.
    """
    with contextlib.ExitStack() as opened:
        inner = folder
        with contextlib.suppress(OSError):  # there is no such link, or it leads elsewhere
            inner = opened.enter_context(_opened(os.readlink("..data", dir_fd=folder), folder, os.O_DIRECTORY))
        yield inner


def _content(handle: int) -> bytes | None:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        return None
    with os.fdopen(os.dup(handle), "rb") as file:
        data = file.read(MAX_DOCUMENT + 1)
    return data if len(data) <= MAX_DOCUMENT else None


def _is_text(name: str) -> bool:
    """Whether a name is text at all; others cannot be told to anybody."""
    return not any("\ud800" <= character <= "\udfff" for character in name)
