"""What changed lately: commits, and deploys with the commits they carry and the diffs of these."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.asking import Need
from sre_bot.incident import Change, ChangeKind, TimeWindow
from sre_bot.signals.carried import perhaps_carried
from sre_bot.tools.rollouts import rollouts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sre_bot.first_look.asking import Asking
    from sre_bot.tools.changes import Deploys, Repository

RECENT = timedelta(hours=25)
"""How far back changes are suspects: what breaks today may have been deployed yesterday."""
CARRIED_BACK = timedelta(hours=7)
"""How long ago a deploy may be to have its commits and their diffs looked at."""
DEPLOYS_BACK = timedelta(days=30)
"""How far back deploys are read, to know what ran before: a deploy carries all commits since the one before."""
MAX_EXPANDED, MAX_DIFFS = 16, 40
MAX_DIFF = 20_000
"""Characters of a diff that are held against what fails."""


@dataclass(frozen=True, slots=True)
class RecentChanges:
    """Suspects (commits and deploys), all deploys, newest first, and diffs by revision."""

    recent: tuple[Change, ...] = ()
    deploys: tuple[Change, ...] = ()
    diffs: Mapping[str, str] = field(default_factory=dict)


async def read_changes(
    repositories: Sequence[Repository], record: Deploys | None, at: datetime, asking: Asking
) -> RecentChanges:
    """Everything that changed in the day before ``at``."""
    if not repositories and record is None:
        asking.note("changes", "no repository and no record of deploys is configured")
    commits, deploys, _ = await asyncio.gather(
        _commits(repositories, at, asking), _deploys(record, at, asking), _note_stale(repositories, at, asking)
    )
    lately = [deploy for deploy in deploys if deploy.time >= at - CARRIED_BACK][:MAX_EXPANDED]
    expanded, errors = await asking.ask("changes", rollouts(lately, deploys, repositories), ([], []), Need.ESSENTIAL)
    for error in errors:
        asking.note(error.source, error.message)
    known = {commit.revision: commit for commit in commits if commit.revision}
    known |= {c.revision: c for rollout in expanded for c in rollout.commits or () if c.revision}
    carrying = {rollout.deploy: _carrying(rollout.deploy, rollout.commits) for rollout in expanded if rollout.commits}
    all_deploys = tuple(carrying.get(deploy, deploy) for deploy in deploys)
    out = dict.fromkeys(r for d in lately for r in (d.revision, *carrying.get(d, d).carries) if r in known)
    out |= dict.fromkeys(revision for revision, _ in perhaps_carried(known, [carrying.get(d, d) for d in lately]))
    read = (_diff(known[revision], repositories, asking) for revision in list(out)[:MAX_DIFFS])
    diffs = dict(zip(out, await asyncio.gather(*read), strict=False))
    recent = (*known.values(), *(deploy for deploy in all_deploys if deploy.time >= at - RECENT))
    return RecentChanges(recent, all_deploys, {revision: diff for revision, diff in diffs.items() if diff})


async def _commits(repositories: Sequence[Repository], at: datetime, asking: Asking) -> list[Change]:
    window = TimeWindow.before(at, RECENT)
    asked = (asking.ask(repository.name, repository.commits(window), (), Need.ESSENTIAL) for repository in repositories)
    return [commit for commits in await asyncio.gather(*asked) for commit in commits]


async def _note_stale(repositories: Sequence[Repository], at: datetime, asking: Asking) -> None:
    """What was pushed after a clone's last fetch is missing from it."""
    told = await asyncio.gather(*(asking.ask(one.name, one.stale(at), None) for one in repositories))
    for repository, stale in zip(repositories, told, strict=True):
        if stale:
            asking.note(repository.name, f"{stale}: changes since then are not seen")


async def _deploys(record: Deploys | None, at: datetime, asking: Asking) -> Sequence[Change]:
    if record is None:
        return ()
    found = await asking.ask(record.name, record.deploys(TimeWindow.before(at, DEPLOYS_BACK)), (), Need.ESSENTIAL)
    return [deploy for deploy in found if deploy.kind is ChangeKind.DEPLOY]


def _carrying(deploy: Change, commits: Sequence[Change]) -> Change:
    return replace(deploy, carries=tuple(commit.revision for commit in commits if commit.revision))


async def _diff(commit: Change, repositories: Sequence[Repository], asking: Asking) -> str:
    """The beginning of a commit's diff, "" when nobody knows it."""
    for repository in repositories:
        if repository.name == commit.repository:
            return (await asking.ask(repository.name, repository.diff(commit.revision or ""), "", Need.ESSENTIAL))[
                :MAX_DIFF
            ]
    return ""
