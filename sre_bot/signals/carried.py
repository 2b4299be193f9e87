"""Commits that may have gone out with a deploy of which nobody knows what ran before it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sre_bot.incident import Change


def perhaps_carried(commits: Mapping[str, Change], deploys: Sequence[Change]) -> Iterator[tuple[str, Change]]:
    """Revisions that no known deploy carries, each with a deploy that it may have gone out with, newest first.

    A deploy carries all commits since the one before. Of the first that is known of a service that may be any which is
    older than its own commit and of the same repository.

    Args:
        commits: those known, by revision.
        deploys: those known, in any order.
    """
    out = {revision for deploy in deploys for revision in (deploy.revision, *deploy.carries)}
    firsts = {deploy.service: deploy for deploy in sorted(deploys, key=lambda one: one.time, reverse=True)}
    loose = sorted((c for c in commits.values() if c.revision not in out), key=lambda c: c.time, reverse=True)
    for deploy in firsts.values():
        head = None if deploy.carries else commits.get(deploy.revision or "")
        for commit in loose if head else ():
            if head and commit.revision and commit.time <= head.time and commit.repository == head.repository:
                yield commit.revision, deploy
