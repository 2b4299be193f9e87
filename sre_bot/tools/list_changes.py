"""The tool ``list_changes``: deploys with what they carry, other commits, tags, flags; or the diff of one commit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sre_bot.errors import BadInputError, QueryRefusedError
from sre_bot.incident import TimeWindow
from sre_bot.investigation import Link, Observation
from sre_bot.signals.words import service_words
from sre_bot.tools.carried import Listing, commit_line
from sre_bot.tools.freshness import lags
from sre_bot.tools.gathering import all_failed, gathered, missing, unseen
from sre_bot.tools.rollouts import Rollout, rollouts
from sre_bot.tools.text import passage, quoted, stamp
from sre_bot.tools.tool import Tool
from sre_bot.tools.window import WindowArguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sre_bot.errors import SourceError
    from sre_bot.incident import Change
    from sre_bot.tools.changes import Deploys, Flags, Repository

DEFAULT_WINDOW = timedelta(hours=24)
PREDECESSORS = timedelta(days=14)
"""How long before the window a service's deploy before is looked for, to tell what a deploy carries."""
MAX_DEPLOYS, MAX_COMMITS, MAX_TAGS, MAX_FLAGS, MAX_LINKS = 20, 15, 10, 15, 5
MAX_DIFF = 8_000
"""Characters of a message and diff."""

DESCRIPTION = (
    "List what changed in the window (default: 24h), newest first: deploys with the commits they carry that concern "
    "their service, commits that no deploy carries, tags. With revision: its message and diff. Use "
    "it to see what changed before an onset, and read a suspect's diff before you blame or clear it: a change after "
    "the onset is innocent. "
)
KNOWS, KNOWS_FLAGS = "It knows only Git and deploys.", "It knows only Git, deploys and feature flags."


class ChangeArguments(WindowArguments):
    """Arguments of ``list_changes``."""

    service: Annotated[str | None, Field(max_length=200)] = None
    revision: Annotated[str | None, Field(pattern="^[0-9a-fA-F]{7,40}$", description="commit sha")] = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What changed: deploys expanded (``older_deploys`` more were not), commits that none of them carries, tags, flags.

    ``services`` are all that are known to be deployed.
    """

    services: frozenset[str]
    rollouts: tuple[Rollout, ...]
    older_deploys: int
    commits: tuple[Change, ...]
    tags: tuple[Change, ...]
    flags: tuple[Change, ...]


def list_changes(
    repositories: Sequence[Repository], deploys: Sequence[Deploys], flags: Sequence[Flags] = ()
) -> Tool[ChangeArguments]:
    """The tool over repositories, records of deploys and of feature flags, each possibly none."""

    async def ask(arguments: ChangeArguments, at: datetime) -> Observation:
        if arguments.revision is not None:
            return await _diff(repositories, arguments.revision.lower())
        asked = arguments.window(at, DEFAULT_WINDOW)
        found, errors = await _look(repositories, deploys, flags, asked.window, arguments.service)
        about = f" of {quoted(arguments.service, 60)}" if arguments.service else ""
        remarks = [*unseen(errors), *(f"Note: {sentence}." for sentence in await lags(repositories, asked.window.end))]
        lines = [f"{asked}{about}: {_counts(found)}.", *remarks, *_listed(found, asked.window.end)]
        summary = f"Changes{about}: {_counts(found)}{_latest(found, asked.window.end)}"
        links = _links(repositories, found)
        return Observation(summary, "\n".join(lines), missing=missing(errors), links=links)

    names = [source.name for source in repositories] + [source.name for source in deploys]
    names += [source.name for source in flags]
    description = DESCRIPTION + (KNOWS_FLAGS if flags else KNOWS)
    return Tool("list_changes", description, ChangeArguments, ask, tuple(dict.fromkeys(names)))


async def _look(
    repositories: Sequence[Repository],
    deploys: Sequence[Deploys],
    flags: Sequence[Flags],
    window: TimeWindow,
    service: str | None,
) -> tuple[_Found, list[SourceError]]:
    """Everything of the window, or what concerns a service: deployed to it, or named after it."""
    wide = TimeWindow(window.start - PREDECESSORS, window.end)
    (
        (commits, commit_errors),
        (tags, tag_errors),
        (deployed, deploy_errors),
        (turned, flag_errors),
    ) = await asyncio.gather(
        gathered(repository.commits(window) for repository in repositories),
        gathered(repository.tags(window) for repository in repositories),
        gathered(source.deploys(wide) for source in deploys),
        gathered(source.flags(window) for source in flags),
    )
    errors = [*commit_errors, *tag_errors, *deploy_errors, *flag_errors]
    if errors and not commits and not deployed and not turned:
        raise all_failed(errors)
    history = _newest(_flat(deployed))
    meant = [deploy for deploy in history if window.contains(deploy.time) and _is_to(deploy, service)]
    rolled, roll_errors = await rollouts(meant[:MAX_DEPLOYS], history, repositories)
    known = {commit.revision: commit for commit in _flat(commits)}
    rolled = [_filled(rollout, known) for rollout in rolled]
    carried = {revision for deploy in history for revision in (deploy.revision, *deploy.carries)}
    carried |= {commit.revision for rollout in rolled for commit in rollout.commits or ()}
    # older commits may be carried by the deploys that were not looked into
    since = rolled[-1].deploy.time if len(meant) > MAX_DEPLOYS else window.start
    recent = (commit for commit in known.values() if commit.time >= since and commit.revision not in carried)
    loose = (commit for commit in recent if _names(commit, service))
    tagged = (tag for tag in _flat(tags) if _names(tag, service))
    services = frozenset(deploy.service for deploy in history if deploy.service)
    flagged = (flag for flag in _flat(turned) if _is_to(flag, service))
    found = _Found(
        services=services,
        rollouts=tuple(rolled),
        older_deploys=len(meant) - len(rolled),
        commits=tuple(_newest(loose)),
        tags=tuple(_newest(tagged)),
        flags=tuple(_newest(flagged)),
    )
    return found, [*errors, *roll_errors]


async def _diff(repositories: Sequence[Repository], revision: str) -> Observation:
    """The diff from the first repository that knows the revision."""
    refusals: list[QueryRefusedError] = []
    for repository in repositories:
        try:
            text = await repository.diff(revision)
        except QueryRefusedError as error:
            refusals.append(error)
            continue
        url = repository.commit_url(revision)
        links = (Link(f"commit {revision[:12]}", url),) if url else ()
        head = f"{revision} in {repository.name}; the text is its author's:"
        return Observation(f"Diff of {revision[:12]}", f"{head}\n{passage(text, MAX_DIFF)}", links=links)
    if refusals:
        raise refusals[0]
    raise BadInputError("no repository is configured, so there are no diffs")


def _flat(lists: Iterable[Sequence[Change]]) -> list[Change]:
    return [change for changes in lists for change in changes]


def _filled(rollout: Rollout, known: dict[str | None, Change]) -> Rollout:
    """Where no repository could tell what a deploy carries: the commits its record names, as far as they are known."""
    if rollout.commits is not None:
        return rollout
    deploy = rollout.deploy
    named = dict.fromkeys((deploy.revision, *deploy.carries))
    return Rollout(deploy, tuple(known[revision] for revision in named if revision in known), complete=False)


def _newest(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: change.time, reverse=True)


def _is_to(deploy: Change, service: str | None) -> bool:
    return service is None or service_words(deploy.service or deploy.title) == service_words(service)


def _names(change: Change, service: str | None) -> bool:
    return service is None or service_words(service) <= service_words(" ".join((change.title, *change.files)))


def _counts(found: _Found) -> str:
    deploys = len(found.rollouts) + found.older_deploys
    counted = ((deploys, "deploys"), (len(found.commits), "other commits"), (len(found.tags), "tags"))
    turned = f", {len(found.flags)} flags turned" if found.flags else ""
    return ", ".join(f"{number} {what}" for number, what in counted) + turned


def _latest(found: _Found, end: datetime) -> str:
    if not found.rollouts:
        return ""
    deploy = found.rollouts[0].deploy
    return f"; latest deploy {quoted(deploy.service or deploy.title, 60)} {stamp(deploy.time, end)}"


def _listed(found: _Found, end: datetime) -> list[str]:
    lines: list[str] = []
    listing = Listing(found.services, end)
    for rollout in found.rollouts:
        lines += [_told(rollout, end), *listing.lines(rollout)]
    lines += _more(found.older_deploys, "deploys")
    if found.commits:
        lines.append("Commits that no deploy here is known to carry:")
        lines += [commit_line(commit, end) for commit in found.commits[:MAX_COMMITS]]
        lines += _more(len(found.commits) - MAX_COMMITS, "commits")
    if found.tags:
        lines.append("Tags:")
        lines += [_tag(tag, end) for tag in found.tags[:MAX_TAGS]]
        lines += _more(len(found.tags) - MAX_TAGS, "tags")
    if found.flags:
        lines.append("Feature flags turned:")
        lines += [_flag(flag, end) for flag in found.flags[:MAX_FLAGS]]
        lines += _more(len(found.flags) - MAX_FLAGS, "flags")
    return lines


def _tag(tag: Change, end: datetime) -> str:
    return f"- {stamp(tag.time, end)} {quoted(tag.title, 80)} {tag.revision or ''}".rstrip()


def _flag(flag: Change, end: datetime) -> str:
    service = f" ({quoted(flag.service, 60)})" if flag.service else ""
    author = f" by {quoted(flag.author, 60)}" if flag.author else ""
    return f"- {stamp(flag.time, end)} {quoted(flag.title, 120)}{service}{author}"


def _told(rollout: Rollout, end: datetime) -> str:
    """A deploy: what runs since, and how much is new in it."""
    deploy = rollout.deploy
    parts = [stamp(deploy.time, end), "deploy", quoted(deploy.service or deploy.title, 80)]
    parts += [quoted(deploy.version, 60)] if deploy.version else []
    parts += [f"by {quoted(deploy.author, 60)}"] if deploy.author else []
    parts += [f"at revision {deploy.revision}"] if deploy.revision else []
    commits = len(rollout.commits or ())
    if commits:
        carries = f"; carries {'' if rollout.complete else 'at least '}{commits}"
    else:
        carries = "; carries no new commit" if rollout.complete else " (what it carries is not known)"
    return " ".join(parts) + carries


def _more(number: int, what: str) -> list[str]:
    return [f"  +{number} more {what}: ask for a shorter window or one service"] if number > 0 else []


def _links(repositories: Sequence[Repository], found: _Found) -> tuple[Link, ...]:
    """Links to the newest deploys' revisions and to commits that no deploy carries."""
    revisions = [r.deploy.revision for r in found.rollouts] + [commit.revision for commit in found.commits]
    links = []
    for revision in dict.fromkeys(revision for revision in revisions if revision):
        urls = (repository.commit_url(revision) for repository in repositories)
        links += [Link(f"commit {revision[:12]}", url) for url in urls if url][:1]
    return tuple(links[:MAX_LINKS])
