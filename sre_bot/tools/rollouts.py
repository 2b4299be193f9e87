"""Deploys, expanded to the commits they carry."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.errors import QueryRefusedError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import Change
    from sre_bot.tools.changes import Repository


@dataclass(frozen=True, slots=True)
class Rollout:
    """A deploy and the commits it carries, newest first.

    ``commits`` is None when these are unknown: no earlier deploy of the service is known, or no repository knows both
    revisions. An empty tuple means that it carries nothing new (a restart, a rollback). They may be more than these
    when not ``complete``.
    """

    deploy: Change
    commits: tuple[Change, ...] | None
    complete: bool = True


async def rollouts(
    deploys: Sequence[Change], history: Sequence[Change], repositories: Sequence[Repository]
) -> tuple[list[Rollout], list[SourceError]]:
    """What each of these deploys carries, in their order; and what could not be asked.

    Args:
        deploys: the ones that are meant.
        history: these and earlier ones, so that each has a predecessor.
        repositories: to ask for the commits between a deploy and its predecessor.
    """
    newest = sorted(history, key=lambda deploy: deploy.time, reverse=True)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_rollout(deploy, _before(deploy, newest), repositories)) for deploy in deploys]
    expanded = [task.result() for task in tasks]
    return [rollout for rollout, _ in expanded], [error for _, errors in expanded for error in errors]


def _before(deploy: Change, newest: Sequence[Change]) -> Change | None:
    """The deploy of the same service before this one."""
    earlier = (other for other in newest if other.time < deploy.time and other.service == deploy.service)
    return next(earlier, None)


async def _rollout(
    deploy: Change, before: Change | None, repositories: Sequence[Repository]
) -> tuple[Rollout, list[SourceError]]:
    errors: list[SourceError] = []
    if before is None or before.revision is None or deploy.revision is None:
        return Rollout(deploy, None), errors
    for repository in repositories:
        if deploy.repository in {None, repository.name}:
            try:
                return Rollout(deploy, tuple(await repository.between(before.revision, deploy.revision))), errors
            except QueryRefusedError:
                continue  # it does not know these revisions; another repository may
            except SourceError as error:
                errors.append(error)
    return Rollout(deploy, None), errors
