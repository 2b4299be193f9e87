"""Deploys near the onset that are not the cause, and why: people will ask. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.phrases import capitalized, change_name
from sre_bot.incident import ChangeKind
from sre_bot.signals.changes import judge_changes, span

if TYPE_CHECKING:
    from sre_bot.first_look.conclusion import Conclusion
    from sre_bot.first_look.seen import Seen
    from sre_bot.incident import Change
    from sre_bot.signals.changes import Failure

BEFORE = timedelta(hours=1)
"""From so long before the onset on they are told of; nobody would suspect earlier ones."""
MOST = 3


@dataclass(frozen=True, slots=True)
class Innocent:
    """A deploy that is not the cause."""

    deploy: Change
    said: str
    """Which one it is, and why it is not the cause."""


def innocents(seen: Seen, found: Conclusion) -> tuple[Innocent, ...]:
    """The latest deploys around the onset of what no explanation blames, the latest first."""
    if found.culprit is None:
        return ()
    blamed = {verdict.revision for verdict in found.explanations if verdict is not None}
    since = (found.onset or seen.at) - BEFORE
    deploys = [c for c in seen.changes if c.kind is ChangeKind.DEPLOY and c.time >= since and c.revision]
    near = [deploy for deploy in deploys if not blamed & {deploy.revision, *deploy.carries}]
    near.sort(key=lambda deploy: (deploy.time, deploy.service or ""), reverse=True)
    commits = {change.revision: change for change in seen.changes if change.kind is ChangeKind.COMMIT}
    return tuple(_innocent(deploy, commits.get(deploy.revision), found.failure) for deploy in near[:MOST])


def _innocent(deploy: Change, commit: Change | None, failure: Failure) -> Innocent:
    """It came later, or, weighed by itself, its time, place and content fit less."""
    name = capitalized(change_name(deploy, commit, deploy.revision or ""))
    if failure.onset is not None and deploy.time > failure.onset + failure.onset_slack:
        return Innocent(deploy, f"{name}: deployed {span(deploy.time - failure.onset)} after it began")
    alone = (replace(deploy, carries=()), *([commit] if commit else []))
    (verdict,) = judge_changes(alone, failure)
    told = dict.fromkeys((*verdict.reasons[:2], *verdict.reasons[-1:]))
    return Innocent(deploy, f"{name}: fits less: {'; '.join(told)}")
