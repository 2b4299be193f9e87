"""The files of a repository as of one commit: searched, read, listed. Nothing is checked out, no link is followed.

Commits are full hashes here, blobs too. A path comes from outside: it is checked, taken literally, and looked up in
the commit. A pattern is git's (POSIX extended), and bounded in what it may cost.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sre_bot.errors import QueryRefusedError, SourceError
from sre_bot.sources.git import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sre_bot.sources.git import Git

MARKDOWN = (".md", ".markdown", ".mdown")
MAX_DOCUMENT = 1024 * 1024
"""Bytes of a document; what is longer is not read."""
MAX_PATTERN, MAX_PATH = 300, 500
_MAX_REPEATS = 1_000
"""How often the parts of a pattern may be repeated, counted ranges multiplied; git's matcher unrolls them."""
_COUNTED = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_MAX_FOUND = 2 * 1024 * 1024
_MAX_LINE = 400
_MAX_FILE = 2 * 1024 * 1024
_MAX_TREE = 32 * 1024 * 1024
_MAX_BATCH = 16 * 1024 * 1024
_LOOKS_BINARY = 8_000
"""Git takes a file for binary when there is a zero byte among so many of the first."""
_FILE_MODES = ("100644", "100755")
_LINK_MODE = "120000"
_GREP = ("grep", "--no-textconv", "--no-color", "--full-name", "--line-number", "-z", "-E")


@dataclass(frozen=True, slots=True)
class Match:
    """A line that was found; ``number`` counts from 1."""

    path: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Lines that were found, and binary files that hold the pattern; ``cut`` when there are more."""

    lines: tuple[Match, ...]
    binaries: tuple[str, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Content:
    """What stands at a path: the text of a file, or the ``names`` in a folder; a binary file has neither.

    ``cut`` when there is more of it.
    """

    text: str | None
    names: tuple[str, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of ``git ls-tree``."""

    mode: str
    kind: str
    sha: str
    path: str


class Tree:
    """Files of the repository that ``git`` is run in. Every method raises SourceError."""

    def __init__(self, git: Git) -> None:
        self._git = git

    async def grep(self, commit: str, pattern: str, path: str = "") -> Matches:
        """Lines that match, by file; upper and lower case are the same to a pattern that has no upper case.

        Args:
            commit: in which commit.
            pattern: a POSIX extended regular expression.
            path: a file or a folder to stay in, "" for everywhere.

        Raises:
            QueryRefusedError: the pattern does not parse or costs too much, or the path is none.
        """
        self._check_pattern(pattern)
        where = ["--", inside] if (inside := self._checked(path)) else []
        case = ["--ignore-case"] if pattern == pattern.lower() else []
        ended = await self._git.attempt(*_GREP, *case, "-e", pattern, commit, *where, limit=_MAX_FOUND)
        if ended.failed and ended.status != 1:  # 1: nothing found
            said = ended.errors.partition(f"'{pattern}': ")[2]
            raise self._refused(said.strip(), pattern) if said else self._git.unreadable(ended.errors)
        return _read_matches(ended.output.data.decode("utf-8", "replace"), f"{commit}:", cut=ended.output.cut)

    async def read(self, commit: str, path: str) -> Content:
        """A file or folder; "" is the top folder. Raises QueryRefusedError for a link, a submodule, nothing."""
        inside = self._checked(path)
        if not inside:
            return await self._folder(commit)
        found = [entry for entry in (await self._list(commit, "--", inside))[0] if entry.path == inside]
        if not found:
            raise self._refused("there is no such file or folder at this commit", path)
        (entry,) = found
        if entry.kind == "tree":
            return await self._folder(entry.sha)
        if entry.kind != "blob":
            raise self._refused("it is a submodule, whose files are in a repository of their own", path)
        output = await self._git.run("cat-file", "blob", entry.sha, limit=_MAX_FILE)
        if entry.mode == _LINK_MODE:
            raise self._refused(f"it is a symbolic link to {output.text[:200]}; ask for that", path)
        text = None if b"\0" in output.data[:_LOOKS_BINARY] else output.text
        return Content(text, cut=output.cut)

    async def documents(self, commit: str) -> Mapping[str, str]:
        """The hash of every Markdown file, by path."""
        entries, cut = await self._list(commit, "-r")
        if cut:
            raise self._refused(f"more than {_MAX_TREE // 1024**2} MiB of file names", commit)
        return {
            entry.path: entry.sha
            for entry in entries
            if entry.mode in _FILE_MODES and entry.path.lower().endswith(MARKDOWN)
        }

    async def blobs(self, shas: Sequence[str]) -> Mapping[str, bytes]:
        """Contents by hash; of those longer than MAX_DOCUMENT there is none."""
        if not shas:
            return {}
        asked = "\n".join(dict.fromkeys(shas)).encode() + b"\n"
        listed = await self._git.run("cat-file", "--batch-check", fed=asked, limit=_MAX_TREE)
        sizes = [(line.split()[0], int(line.split()[-1])) for line in listed.text.splitlines()]
        contents: dict[str, bytes] = {}
        for batch in _batches([(sha, size) for sha, size in sizes if size <= MAX_DOCUMENT]):
            fed = "\n".join(batch).encode() + b"\n"
            output = await self._git.run("cat-file", "--batch", fed=fed, limit=2 * _MAX_BATCH)
            contents |= _read_batch(output.data)
        return contents

    async def changed(self, commit: str, path: str) -> datetime | None:
        """When a file last changed, as of the commit; None when that takes too long to find out."""
        try:
            output = await self._git.run(
                "log", "-1", "--format=%ct", commit, "--", self._checked(path), limit=_MAX_LINE
            )
        except SourceError:
            return None
        return moment(int(output.text)) if output.text.strip().isdigit() else None

    async def _folder(self, tree: str) -> Content:
        entries, cut = await self._list(tree)
        names = tuple(entry.path + ("/" if entry.kind == "tree" else "") for entry in entries)
        return Content(None, names, cut)

    async def _list(self, tree: str, *arguments: str) -> tuple[list[_Entry], bool]:
        output = await self._git.run("ls-tree", "-z", "--full-tree", tree, *arguments, limit=_MAX_TREE)
        entries = []
        for line in output.text.split("\0")[:-1]:
            facts, _, path = line.partition("\t")
            mode, kind, sha = facts.split(" ")
            entries.append(_Entry(mode, kind, sha, path))
        return entries, output.cut

    def _checked(self, path: str) -> str:
        """A path inside the repository, without a slash at its end. Raises QueryRefusedError."""
        bare = path.strip().rstrip("/")
        parts = PurePosixPath(bare).parts
        if path.startswith(("/", "-", ":")) or ".." in parts or len(path) > MAX_PATH or not _is_plain(path):
            raise self._refused("a path is that of a file or folder from the top of the repository", path[:MAX_PATH])
        return "/".join(parts)

    def _check_pattern(self, pattern: str) -> None:
        if not 0 < len(pattern) <= MAX_PATTERN or not _is_plain(pattern):
            raise self._refused(f"a pattern has 1 to {MAX_PATTERN} characters on one line", pattern[:MAX_PATTERN])
        repeats = (int((most or least or "0")[:6]) for least, most in _COUNTED.findall(pattern))
        if math.prod(max(1, repeat) for repeat in repeats) > _MAX_REPEATS:
            raise self._refused("it repeats too much; write it without {…} ranges inside each other", pattern)

    def _refused(self, why: str, query: str) -> QueryRefusedError:
        return QueryRefusedError(self._git.source, why, query=query.encode("utf-8", "replace").decode())


def _is_plain(text: str) -> bool:
    """Whether it can be an argument of a program at all."""
    return not any(character < " " or "\ud800" <= character <= "\udfff" for character in text)


def _read_matches(listing: str, prefix: str, *, cut: bool) -> Matches:
    """Lines ``prefix path NUL number NUL text``, and sentences about binary files between them."""
    lines: list[Match] = []
    binaries: list[str] = []
    position = 0
    binary = re.compile(rf"Binary file {re.escape(prefix)}(.*?) matches\n", re.DOTALL)
    line = re.compile(rf"{re.escape(prefix)}([^\0]*)\0(\d+)\0([^\n]*)\n")
    while position < len(listing):
        if named := binary.match(listing, position):
            binaries.append(named[1])
        elif not (named := line.match(listing, position)):
            break  # cut in the middle of a line
        else:
            lines.append(Match(named[1], int(named[2]), named[3][:_MAX_LINE]))
        position = named.end()
    return Matches(tuple(lines), tuple(binaries), cut)


def _batches(sizes: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Hashes in groups of contents that are read at once."""
    batch: list[str] = []
    room = _MAX_BATCH
    for sha, size in sizes:
        if size > room and batch:
            yield batch
            batch, room = [], _MAX_BATCH
        batch.append(sha)
        room -= size
    if batch:
        yield batch


def _read_batch(data: bytes) -> Mapping[str, bytes]:
    """What ``git cat-file --batch`` prints: a line with hash, kind and size, the content, a newline."""
    contents: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        end = data.index(b"\n", position)
        sha, _, size = data[position:end].decode().split(" ")
        contents[sha] = data[end + 1 : end + 1 + int(size)]
        position = end + int(size) + 2
    return contents
