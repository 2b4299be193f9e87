"""``sre-bot serve``: answer mentions in Slack until told to stop, and lose none."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from sre_bot import __version__, bootstrap, configured
from sre_bot.agent.claude import preload
from sre_bot.durable import Workflows
from sre_bot.errors import ConfigurationError
from sre_bot.first_look.naming import Naming
from sre_bot.investigation import FIRST_LOOK, Scope
from sre_bot.metered import MeteredHandler, metered, watch_freshness
from sre_bot.redaction import Redactor
from sre_bot.resuming import Patience, WaitingRoom
from sre_bot.slack.admission import Admission, Rules
from sre_bot.slack.app import SlackApp
from sre_bot.slack.channels import Channels
from sre_bot.slack.client import web_client
from sre_bot.slack.commands import Commands
from sre_bot.slack.desk import Desk
from sre_bot.slack.directory import Directory
from sre_bot.slack.errands import ERRAND, Errands
from sre_bot.slack.gate import Gate
from sre_bot.slack.grading import Grading
from sre_bot.slack.heeding import BEFORE, Heeding
from sre_bot.slack.homes import Homes
from sre_bot.slack.listeners import Mentions
from sre_bot.slack.metering import meter
from sre_bot.slack.pictures import Pictures
from sre_bot.slack.prompts import Prompts
from sre_bot.slack.replies import Replies
from sre_bot.slack.runs import Runs
from sre_bot.slack.standing import Standing
from sre_bot.store.database import is_writable, open_database
from sre_bot.store.grades import Grades
from sre_bot.store.heard import Heard
from sre_bot.store.investigations import Investigations
from sre_bot.store.overview import Overview
from sre_bot.store.posts import Posts
from sre_bot.store.shares import Shares
from sre_bot.store.stops import Stops
from sre_bot.store.viewers import Viewers
from sre_bot.store.waits import Waits
from sre_bot.telemetry.logs import log_to_stderr
from sre_bot.telemetry.metrics import Metrics
from sre_bot.tools.health import Watch
from sre_bot.web import start_web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping

    from pydantic import SecretStr
    from sqlalchemy import Engine

    from sre_bot.agent.claude import Claude
    from sre_bot.configured import ConfiguredSources
    from sre_bot.investigation import JsonObject
    from sre_bot.settings import Settings
    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.commands import Reply
    from sre_bot.slack.standing import Viewer
    from sre_bot.triage import Investigator
    from sre_bot.web import Check

_log = logging.getLogger(__name__)

_GIVEN_UP_SECONDS = 5.0
"""The engine gives work up when it would start it once too often, which is a while after our own start."""


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        ConfigurationError: a token is missing or refused, or a part of the configuration cannot work.
    """
    redactor = Redactor(settings.credentials())
    log_to_stderr(settings.log_format, redactor.redact)
    told_to_stop = _told_to_stop()
    bot_token = _required(settings.slack.bot_token, "SLACK_BOT_TOKEN", "xoxb-…, from OAuth & Permissions")
    app_token = _app_token(settings)
    async with contextlib.AsyncExitStack() as stack:
        engine = await asyncio.to_thread(open_database, settings.database)
        stack.callback(engine.dispose)
        await stack.enter_async_context(configured.fetching(settings))
        investigator = await stack.enter_async_context(bootstrap.investigator(settings, redactor))
        parts = await stack.enter_async_context(configured.sources(settings))
        metrics = _metrics(investigator, parts)
        client = web_client(bot_token, settings.slack.api_url)
        meter(client, metrics)
        heard, grades, shares = Heard(engine), Grades(engine), Shares(engine)
        directory = Directory(client, time.monotonic)
        standing = _standing(engine, grades, parts, directory, investigator)
        homes = Homes(client, Viewers(engine), standing, now=_utc_now)
        investigations = Investigations(engine, homes.changed)
        room = _waiting_room(settings, engine, parts, metrics)
        runs, replies = Runs(Stops(engine)), Replies(heard)
        mentions = Mentions(
            client=client,
            posts=Posts(engine),
            investigations=investigations,
            heard=heard,
            channels=Channels(client, _scopes(settings)),
            runs=runs,
            unfinished=await asyncio.to_thread(heard.unfinished),
            investigator=metered(investigator, metrics, time.time),
            allowed_hosts=bootstrap.link_hosts(settings),
            concurrent=settings.concurrent_investigations,
            now=time.time,
            room=room,
            pictures=Pictures(),
        )
        workflows = Workflows(
            database_url=_workflow_database(settings),
            lease=settings.state_dir / "serve.lock",
            handler=Errands(
                MeteredHandler(mentions, investigations, metrics, time.time), client, Posts(engine), shares
            ),
            now=time.time,
        )
        await stack.enter_async_context(workflows)
        accept = _accepting(workflows, redactor)
        commands = _commands(settings, parts, redactor, standing)

        async def answer(words: str, viewer: Viewer) -> Reply:
            metrics.questions.labels("command").inc()
            return await commands.answer(words, viewer)

        desk = Desk(client, shares, accept, answer, _utc_now)
        grading = Grading(client, grades, directory, metrics, redact=redactor.redact, graded=homes.changed)
        app = SlackApp(
            client,
            app_token,
            accept,
            let_in=replies.let_in,
            heed=Heeding(runs, heard, accept),
            register=(desk.register, grading.register, homes.register, Prompts(client).register),
            gate=_gate(settings, client, replies, directory),
        )
        stack.push_async_callback(app.close)
        readiness = _readiness(engine, app, told_to_stop, metrics)
        await stack.enter_async_context(_listening(settings, app, readiness, metrics))
        who = await app.connect()
        await stack.enter_async_context(_background(_tell_what_was_given_up(workflows, mentions, metrics)))
        await stack.enter_async_context(_background(homes.run()))
        await stack.enter_async_context(_background(watch_freshness(parts.repositories, metrics)))
        if investigator.model is not None:
            await preload()
        model = investigator.model.name if investigator.model else "no model: the first look is the answer"
        _log.info("serving as %s, with %s", who, model)
        model_probe = await stack.enter_async_context(bootstrap.claude(settings))
        async with _background(_waiting(room, model_probe, workflows, mentions)):
            await told_to_stop.wait()
        _log.info("stopping: %d investigations to finish first", workflows.running)
        await app.close()
        await workflows.drain(settings.drain_seconds)


def _accepting(workflows: Workflows, redactor: Redactor) -> Callable[[str, JsonObject], Awaitable[None]]:
    async def accept(key: str, event: JsonObject) -> None:
        said = {name: redactor.redact(str(event[name])) for name in ("text", BEFORE) if name in event}
        await workflows.accept(key, {**event, **said})

    return accept


def _waiting_room(settings: Settings, engine: Engine, parts: ConfiguredSources, metrics: Metrics) -> WaitingRoom | None:
    """Where investigations wait for a model that is away; None where there is none, or none that is waited for."""
    model = settings.model
    if not model.configured or not model.resume_minutes:
        return None
    return WaitingRoom(
        Waits(engine),
        alerts=parts.current_alerts(),
        patience=Patience(timedelta(minutes=model.resume_minutes), model.probe_seconds),
        metrics=metrics,
        now=time.time,
    )


async def _waiting(room: WaitingRoom | None, probe: Claude, workflows: Workflows, mentions: Mentions) -> None:
    if room is not None:
        await room.run(probe.check, workflows.accept, mentions.not_continued)


def _scopes(settings: Settings) -> Mapping[str, Scope]:
    return {name: Scope(one.service, one.environment) for name, one in settings.channels.items()}


def _standing(
    engine: Engine, grades: Grades, parts: ConfiguredSources, directory: Directory, investigator: Investigator
) -> Standing:
    clones = {one.name: one for one in parts.repositories}
    return Standing(
        overview=Overview(engine),
        waits=Waits(engine),
        grades=grades,
        watch=Watch(dict(parts.all()), clones, _utc_now, time.monotonic),
        directory=directory,
        model=investigator.model.name if investigator.model else "",
        now=_utc_now,
    )


def _commands(settings: Settings, parts: ConfiguredSources, redactor: Redactor, standing: Standing) -> Commands:
    known = bootstrap.catalogue(settings)
    return Commands(
        parts.current_alerts(),
        parts.alert_history(),
        allowed_hosts=bootstrap.link_hosts(settings),
        redact=redactor.redact,
        now=_utc_now,
        naming=Naming(known.names(), parts.service_labels),
        services=known.mentioned(),
        standing=standing,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _gate(settings: Settings, client: SlackClient, replies: Replies, directory: Directory) -> Gate:
    return Gate(Admission(Rules.of(settings.slack), directory), client, time.monotonic, replies.expects)


def _required(secret: SecretStr | None, variable: str, what: str) -> str:
    if secret is None:
        raise ConfigurationError(f"{variable} is not set ({what}). docs/slack-setup.md tells how to get it.")
    return secret.get_secret_value()


def _workflow_database(settings: Settings) -> str:
    """On SQLite a file of its own, so that checkpoints and answers do not wait for each other's locks."""
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        return settings.database_url
    return f"sqlite:///{settings.state_dir.absolute() / 'workflows.sqlite'}"


def _app_token(settings: Settings) -> str | None:
    """The token for Socket Mode; None where a signing secret opens the HTTP door instead."""
    if settings.slack.app_token is None and settings.slack.signing_secret is not None:
        return None
    what = "xapp-…, with connections:write; or set SLACK_SIGNING_SECRET to be reached over HTTP alone"
    return _required(settings.slack.app_token, "SLACK_APP_TOKEN", what)


def _metrics(investigator: Investigator, parts: ConfiguredSources) -> Metrics:
    return Metrics(
        version=__version__,
        prompt=investigator.prompt.sha,
        model=investigator.model.name if investigator.model else FIRST_LOOK,
        tools=[str(tool["name"]) for tool in investigator.toolset(datetime.now(UTC)).definitions],
        sources=[name for name, _ in parts.all()],
    )


def _readiness(engine: Engine, app: SlackApp, told_to_stop: asyncio.Event, metrics: Metrics) -> Mapping[str, Check]:
    """What must hold for us to take questions; asked by probes, and at every scrape."""

    async def slack() -> bool:
        metrics.sockets.set(await app.sockets())
        return await app.connected()

    async def database() -> bool:
        return await asyncio.to_thread(is_writable, engine)

    async def not_stopping() -> bool:
        return not told_to_stop.is_set()

    return {"slack": slack, "database": database, "not_stopping": not_stopping}


@contextlib.asynccontextmanager
async def _listening(
    settings: Settings, app: SlackApp, readiness: Mapping[str, Check], metrics: Metrics
) -> AsyncIterator[None]:
    """Serve HTTP. Health is what a restart may mend; an outage of Slack is none of it."""
    secret = settings.slack.signing_secret
    routes = app.routes(secret.get_secret_value(), time.time, prefix=settings.http.path_prefix) if secret else None
    host, port = settings.http.host, settings.http.port
    health = {"database": readiness["database"]}
    try:
        runner = await start_web(host, port, health=health, readiness=readiness, metrics=metrics, routes=routes)
    except OSError as error:
        variable = "SRE_BOT_HTTP_PORT" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "SRE_BOT_HTTP_HOST"
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}. Set {variable}.") from error
    try:
        yield
    finally:
        await runner.cleanup()


async def _tell_what_was_given_up(workflows: Workflows, mentions: Mentions, metrics: Metrics) -> None:
    while True:
        try:
            for key, event in (await workflows.given_up()).items():
                if ERRAND not in event and await mentions.give_up(key, event):
                    metrics.answers.labels("given_up").inc()
        except SQLAlchemyError as error:
            _log.warning("could not see what was given up: %s", error)
        await asyncio.sleep(_GIVEN_UP_SECONDS)


@contextlib.asynccontextmanager
async def _background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _told_to_stop() -> asyncio.Event:
    """Set by SIGTERM or SIGINT; listened for from the start, since work may begin before everything is up."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told
