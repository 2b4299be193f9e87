"""``sre-bot check``: does the configuration hold, and does each system answer? One line each, with what to do."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console

from sre_bot import bootstrap, configured
from sre_bot.errors import ConfigurationError, SourceError, SreBotError
from sre_bot.redaction import Redactor
from sre_bot.render.safe import clean_text
from sre_bot.sources.fetching import try_to_reach
from sre_bot.sources.repository import GitRepository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sre_bot.settings import Settings


class State(enum.StrEnum):
    """How a system does."""

    OK = "ok"
    WARNING = "warn"
    FAILED = "FAIL"
    ABSENT = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result."""

    system: str
    state: State
    sentence: str


async def check(settings: Settings) -> int:
    """Print a line a system; returns 0 when everything that is configured works, else 1."""
    findings = await examine(settings)
    redact = Redactor(settings.credentials()).redact
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    colours = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red", State.ABSENT: "dim"}
    width = max(len(finding.system) for finding in findings)
    for finding in findings:
        console.print(f"{finding.state:<4}", style=colours[finding.state], end="  ")
        sentence = redact(" ".join(clean_text(finding.sentence).split()))
        console.print(f"{finding.system:<{width}}  {sentence}", markup=False)
    return 1 if any(finding.state is State.FAILED for finding in findings) else 0


async def examine(settings: Settings) -> Sequence[Finding]:
    """Reach every system at once."""
    async with contextlib.AsyncExitStack() as stack:
        parts = await stack.enter_async_context(configured.sources(settings))
        fetched = {one.name: one.key_file for one in settings.repositories if one.fetch_seconds > 0}
        asked = [
            _database(settings),
            _slack(settings),
            _model(settings),
            *(_source(name, source, fetched) for name, source in parts.all()),
            *([_catalogue(settings)] if settings.catalogue_files or settings.services else []),
            *(_absent(name, why) for name, why in parts.absent()),
        ]
        return _told_once(await asyncio.gather(*asked))


def _told_once(findings: Sequence[Finding]) -> Sequence[Finding]:
    """The documents of a repository fail with it: that is told where the repository is."""
    elsewhere = {f"{one.system}: {one.sentence}": f"see {one.system}" for one in findings}
    return [replace(one, sentence=elsewhere.get(one.sentence, one.sentence)) for one in findings]


async def _source(name: str, source: configured.Checkable, fetched: Mapping[str, Path | None]) -> Finding:
    try:
        line = await source.check()
        if isinstance(source, GitRepository) and name in fetched:
            await try_to_reach(source.path, key_file=fetched[name])
        warning = await source.warning() if isinstance(source, GitRepository) else None
        return Finding(name, State.WARNING, warning) if warning else Finding(name, State.OK, line)
    except SourceError as error:
        told = error.message if error.source == source.name else f"{error.source}: {error.message}"
        return Finding(name, State.FAILED, told)  # what we asked for to find out was not the reader's idea


async def _catalogue(settings: Settings) -> Finding:
    try:
        services = len((await asyncio.to_thread(bootstrap.catalogue, settings)).services)
    except ConfigurationError as error:
        return Finding("catalogue", State.FAILED, str(error))
    if not services:
        return Finding("catalogue", State.FAILED, "knows no service: let catalogue_files name files with a Component")
    return Finding("catalogue", State.OK, f"services known: {services}")


async def _absent(name: str, why: str) -> Finding:
    return Finding(name, State.ABSENT, why)


async def _model(settings: Settings) -> Finding:
    if not settings.model.configured:
        return Finding("model", State.ABSENT, "no ANTHROPIC_API_KEY: the first look will be the answer")
    async with bootstrap.claude(settings) as model:
        try:
            status = await model.check()
        except SreBotError as error:
            advice = "" if "check " in str(error) else " Check ANTHROPIC_API_KEY, SRE_BOT_MODEL, ANTHROPIC_BASE_URL."
            return Finding("model", State.FAILED, f"{error}{advice}")
    if status.warning:
        return Finding("model", State.WARNING, status.warning)
    return Finding("model", State.OK, f"{status.name} answers")


async def _database(settings: Settings) -> Finding:
    from sre_bot.store.database import open_database  # noqa: PLC0415 - slow to import, and only this needs it

    try:
        engine = await asyncio.to_thread(open_database, settings.database)
    except SreBotError as error:
        return Finding("database", State.FAILED, str(error))
    shown = engine.url.render_as_string(hide_password=True)
    engine.dispose()
    return Finding("database", State.OK, f"{shown} is writable and up to date")


async def _slack(settings: Settings) -> Finding:
    """Events come over sockets (an app token), over signed HTTP (a signing secret), or over both."""
    slack = settings.slack
    if slack.bot_token is None and slack.app_token is None and slack.signing_secret is None:
        needed = "`sre-bot serve` needs it, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"
        return Finding("slack", State.ABSENT, f"no SLACK_BOT_TOKEN: {needed}")
    if slack.bot_token is None or (slack.app_token is None and slack.signing_secret is None):
        missing = "SLACK_BOT_TOKEN" if slack.bot_token is None else "SLACK_APP_TOKEN"
        instead = "" if slack.bot_token is None else ", nor SLACK_SIGNING_SECRET (to be reached over HTTP alone)"
        sentence = f"{missing} is not set{instead}; docs/slack-setup.md tells how to get it"
        return Finding("slack", State.FAILED, sentence)
    from sre_bot.slack.admission import Rules  # noqa: PLC0415 - slow to import, and only this needs it
    from sre_bot.slack.app import reach  # noqa: PLC0415 - as above
    from sre_bot.slack.survey import lacking  # noqa: PLC0415 - as above

    app_token = None if slack.app_token is None else slack.app_token.get_secret_value()
    bot_token = slack.bot_token.get_secret_value()
    try:
        who = await reach(bot_token, app_token, slack.api_url)
    except SreBotError as error:
        return Finding("slack", State.FAILED, str(error))
    if lacks := await lacking(bot_token, slack.api_url, Rules.of(slack)):
        return Finding("slack", State.WARNING, f"{who}, but: {'; '.join(lacks)}")
    return Finding("slack", State.OK, who)
