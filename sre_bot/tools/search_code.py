"""The tool ``search_code``: search and read the files of repositories as they were at the moment asked about."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from sre_bot.errors import BadInputError, QueryRefusedError
from sre_bot.investigation import Link, Observation
from sre_bot.redaction import Redactor
from sre_bot.tools.freshness import lags
from sre_bot.tools.gathering import all_failed, gathered, missing, unseen
from sre_bot.tools.text import passage, quoted
from sre_bot.tools.tool import Arguments, Tool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence
    from datetime import datetime

    from sre_bot.errors import SourceError
    from sre_bot.tools.code import Code, Commit, Content, Match, Matches

MAX_FILES, MAX_LINES_A_FILE, MAX_LINES = 15, 6, 40
"""Of a search: files of one repository, lines of one of them, and lines in all."""
MAX_LINE = 200
MAX_READ, MAX_READ_LINES, MAX_NAMES = 12_000, 300, 200
"""Of a file: characters and lines at once; of a folder: names."""
MAX_LINKS = 5

DESCRIPTION = (
    "Search code and configuration as of now, or at a revision such as a deploy's sha. With pattern (POSIX extended "
    "regex, any case if all lower): matching lines, in path or everywhere. Without: read path, a file or folder. Use "
    "it to find a limit or what logs a message; for what changed use list_changes."
)
_LINES = re.compile(r"(\d{1,7})(?:-(\d{1,7}))?")
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
_HEX = re.compile(r"[0-9a-f]+")
_REDACTOR = Redactor()

T = TypeVar("T")


class CodeArguments(Arguments):
    """Arguments of ``search_code``."""

    pattern: str | None = None
    path: str | None = None
    lines: Annotated[str | None, Field(description="e.g. 120-180")] = None
    repository: Annotated[str | None, Field(description="default all")] = None
    revision: str | None = None


def search_code(repositories: Sequence[Code]) -> Tool[CodeArguments]:
    """The tool over repositories, at least one."""

    async def ask(arguments: CodeArguments, at: datetime) -> Observation:
        chosen = _chosen(repositories, arguments.repository)
        if arguments.pattern:
            return await _search(chosen, arguments.pattern, arguments, at)
        return await _read(chosen, arguments, at)

    return Tool("search_code", DESCRIPTION, CodeArguments, ask, tuple(repository.name for repository in repositories))


def _chosen(repositories: Sequence[Code], name: str | None) -> Sequence[Code]:
    chosen = [repository for repository in repositories if name is None or repository.name == name]
    if not chosen:
        names = ", ".join(repository.name for repository in repositories)
        raise BadInputError(f"there is no repository {quoted(name or '', 60)}; there are: {names}")
    return chosen


async def _search(chosen: Sequence[Code], pattern: str, arguments: CodeArguments, at: datetime) -> Observation:
    async def look(repository: Code) -> tuple[Code, Commit, Matches]:
        commit = await repository.as_of(at, arguments.revision)
        return repository, commit, await repository.grep(commit.revision, pattern, arguments.path or "")

    found, errors = await _seen(look(repository) for repository in chosen)
    room, parts, links = MAX_LINES, await _remarks(chosen, errors, at), list[Link]()
    for repository, commit, matches in found:
        parts.append(f"{_state(repository, commit)}: {_counts(matches)} for {quoted(pattern, 100)}")
        shown = _shown(matches.lines, room)
        room -= len(shown)
        parts += _listed(matches, shown)
        links += _links(repository, commit, shown)
    summary = "; ".join(f"{repository.name}: {_counts(matches)}" for repository, _, matches in found)
    about = f"Code with {quoted(pattern, 60)}: {quoted(summary, 200)}"
    return Observation(about, "\n".join(parts), missing=missing(errors), links=tuple(links[:MAX_LINKS]))


async def _read(chosen: Sequence[Code], arguments: CodeArguments, at: datetime) -> Observation:
    first, last = _range(arguments.lines)
    path = arguments.path or ""

    async def look(repository: Code) -> tuple[Code, Commit, Content]:
        commit = await repository.as_of(at, arguments.revision)
        return repository, commit, await repository.read(commit.revision, path)

    ((repository, commit, content), *others), errors = await _seen(look(repository) for repository in chosen)
    where = f"{_state(repository, commit)}, {quoted(path, 200) or 'top folder'}"
    also = f"Also in {', '.join(other.name for other, _, _ in others)}: give repository to read that."
    parts = [*await _remarks(chosen, errors, at), *([also] if others else [])]
    if content.names:
        parts += [f"{where} holds:", *_names(content)]
    elif content.text is None:
        parts.append(f"{where} is a binary file and not shown.")
    else:
        parts += _lines(where, content, first, last)
    url = repository.file_url(commit.revision, path, first if arguments.lines else None)
    links = (Link(quoted(path, 80), url),) if url and path else ()
    summary = f"Read {quoted(path, 100) or 'the top folder'} in {repository.name} at {commit.revision[:12]}"
    return Observation(summary, "\n".join(parts), missing=missing(errors), links=links)


async def _seen(looks: Iterable[Awaitable[T]]) -> tuple[list[T], list[SourceError]]:
    """What the repositories gave, at least one of them, and the errors of those that could not be seen.

    That one refuses (it does not know the revision or the path) matters only when all do.
    """
    found, errors = await gathered(looks)
    refused = [error for error in errors if isinstance(error, QueryRefusedError)]
    if not found:
        raise refused[0] if refused else all_failed(errors)
    return found, [error for error in errors if error not in refused]


async def _remarks(chosen: Sequence[Code], errors: Sequence[SourceError], at: datetime) -> list[str]:
    return [*unseen(errors), *(f"Note: {sentence}." for sentence in await lags(chosen, at))]


def _state(repository: Code, commit: Commit) -> str:
    return f"{repository.name} at {commit.revision} of {commit.time:%Y-%m-%d %H:%M:%S}Z"


def _counts(matches: Matches) -> str:
    if not matches.lines and not matches.binaries:
        return "nothing found"
    files = len({match.path for match in matches.lines})
    more = "more than " if matches.cut else ""
    binary = f" and {len(matches.binaries)} binary files" if matches.binaries else ""
    return f"{more}{len(matches.lines)} lines in {files} files{binary}"


def _shown(lines: Sequence[Match], room: int) -> Sequence[Match]:
    """The first lines of the first files, as many as there is room for."""
    chosen: list[Match] = []
    for number, (_, found) in enumerate(groupby(lines, lambda match: match.path)):
        if number < MAX_FILES:
            chosen += list(found)[:MAX_LINES_A_FILE]
    return chosen[: max(0, room)]


def _listed(matches: Matches, shown: Sequence[Match]) -> list[str]:
    listed: list[str] = []
    for path, found in groupby(shown, lambda match: match.path):
        listed.append(quoted(path, 200))
        listed += [f"  {match.number}: {_line(match.text)}" for match in found]
    if matches.binaries:
        listed.append(f"Binary: {', '.join(quoted(path, 100) for path in matches.binaries[:MAX_FILES])}")
    left = len(matches.lines) - len(shown)
    return [*listed, f"+{left} more lines: give a path or a narrower pattern"] if left > 0 else listed


def _line(text: str) -> str:
    """A line alone: one of a longer secret cannot be known for what it is, so such lines are not shown."""
    bare = text.strip(" \t\"'+,;\\")
    if _ENCODED.fullmatch(bare) and not _HEX.fullmatch(bare):
        return "(an encoded line, not shown)"
    return quoted(text, MAX_LINE)


def _links(repository: Code, commit: Commit, shown: Sequence[Match]) -> list[Link]:
    first = {match.path: match.number for match in reversed(shown)}
    urls = ((path, repository.file_url(commit.revision, path, first[path])) for path in sorted(first))
    return [Link(quoted(path, 80), url) for path, url in urls if url]


def _range(lines: str | None) -> tuple[int, int]:
    """First and last line that are asked for."""
    if lines is None:
        return 1, MAX_READ_LINES
    found = _LINES.fullmatch(lines.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 0 < first <= last:
        raise BadInputError(f"lines={quoted(lines, 40)!r} are no lines: write them like 120-180")
    return first, min(last, first + MAX_READ_LINES - 1)


def _names(content: Content) -> list[str]:
    more = len(content.names) - MAX_NAMES
    names = ", ".join(quoted(name, 100) for name in content.names[:MAX_NAMES])
    return [names] + ([f"+{more} more" + (" at least" if content.cut else "")] if more > 0 else [])


def _lines(where: str, content: Content, first: int, last: int) -> list[str]:
    """Lines with their numbers; secrets are taken out of the whole file, as they may be longer than what is shown."""
    whole = content.text or ""
    clean = _REDACTOR.redact(whole)
    lines, numbered = clean.split("\n"), clean.count("\n") == whole.count("\n")
    if lines[-1] == "":
        del lines[-1]
    if first > len(lines):
        return [f"{where} has only {len(lines)} lines{' that are read' if content.cut else ''}."]
    last = min(last, len(lines))
    shown = "\n".join(f"{n}: {line}" if numbered else line for n, line in enumerate(lines[first - 1 : last], first))
    why = "" if numbered else ", without numbers, as a secret of several lines was taken out"
    of = f"{'more than ' if content.cut else ''}{len(lines)}"
    return [f"{where}, lines {first} to {last} of {of}{why}; the text is its authors':", passage(shown, MAX_READ)]
