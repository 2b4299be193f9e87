"""What deploys carry, listed for a reader: of each the commits that concern its service, and every commit once."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sre_bot.signals.words import service_words
from sre_bot.tools.text import quoted, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sre_bot.incident import Change
    from sre_bot.tools.rollouts import Rollout

MAX_CARRIED = 8
"""So many commits are listed for a deploy, while there is room …"""
MIN_CARRIED = 2
"""… and so many are named in any case, when none concerns its service those that do not."""
MAX_FULL = 20
"""So many commits are shown in full in all, those of the newest deploys first; others with their titles."""
MAX_FILES = 4
_SHORT = 12
_SCOPE = re.compile(r"(?:\w+\()?([\w./-]+)\)?!?:")
_DOCUMENTS = frozenset({".md", ".rst", ".txt", ".adoc"})


class Listing:
    """Lines for one deploy after the other, newest first; remembers which commits were shown.

    Args:
        services: all that are deployed; a commit that touches only others than a deploy's does not concern it.
        end: the end of the window; times of another day are shown with their date.
    """

    def __init__(self, services: Iterable[str], end: datetime) -> None:
        self._services = frozenset(services)
        self._end = end
        self._shown: set[str | None] = set()
        self._room = MAX_FULL

    def lines(self, rollout: Rollout) -> list[str]:
        """The commits of a deploy that concern its service, and how many do not; the first ones when none does."""
        commits = rollout.commits or ()
        concern = list(self._by_concern(commits, rollout.deploy.service))
        at_most = max(MIN_CARRIED, min(MAX_CARRIED, self._room))
        listed = concern[:at_most] or list(commits[:MIN_CARRIED])
        again = [commit for commit in listed if commit.revision in self._shown]
        lines = [self._line(commit) for commit in listed if commit.revision not in self._shown]
        if again:
            lines.append(f"  {', '.join(_short(commit) for commit in again)}: shown above")
        more = max(0, len(concern) - at_most)
        others = len(commits) - len(listed) - more
        lines += [f"  +{more} more commits: ask for a shorter window or one service"] if more else []
        return [*lines, f"  +{others} that do not touch {_name(rollout.deploy)}"] if others else lines

    def _by_concern(self, commits: Sequence[Change], service: str | None) -> Iterator[Change]:
        """Those that touch the service, then those that touch what no service owns, documents apart."""
        if service is None:
            yield from commits
            return
        own = [commit for commit in commits if touches(commit, service)]
        yield from own
        others = [other for other in self._services if service_words(other) != service_words(service)]
        for commit in commits:
            elsewhere = _is_document(commit) or any(touches(commit, other) for other in others)
            if commit not in own and not elsewhere:
                yield commit

    def _line(self, commit: Change) -> str:
        if self._room == 0:
            return f"  - {_short(commit)} {quoted(commit.title, 60)}"
        self._room -= 1
        self._shown.add(commit.revision)
        return f"  {commit_line(commit, self._end)}"


def commit_line(commit: Change, end: datetime) -> str:
    """A commit with all that tells whether it may be to blame."""
    files = ", ".join(quoted(file, 60) for file in commit.files[:MAX_FILES])
    more = f", +{len(commit.files) - MAX_FILES}" if len(commit.files) > MAX_FILES else ""
    author = f" {quoted(commit.author, 40)}" if commit.author else ""
    return f"- {commit.revision} {stamp(commit.time, end)}{author}: {quoted(commit.title, 100)} [{files}{more}]"


def touches(commit: Change, service: str) -> bool:
    """Whether a part of a path, or what the title begins with (``web: …``, ``fix(web): …``), is the service's name."""
    words = service_words(service)
    scope = _SCOPE.match(commit.title)
    named = [scope[1]] if scope else []
    for file in commit.files:
        path = PurePosixPath(file)
        named += [*path.parent.parts, path.stem]
    return any(service_words(name) == words for name in dict.fromkeys(named))


def _is_document(commit: Change) -> bool:
    return bool(commit.files) and all(PurePosixPath(file).suffix in _DOCUMENTS for file in commit.files)


def _short(commit: Change) -> str:
    return (commit.revision or "")[:_SHORT]


def _name(deploy: Change) -> str:
    return quoted(deploy.service or deploy.title, 80)
