"""A Slack to talk to, and a database for what was posted."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sre_bot.drills.slack_simulator import RetrySchedule, SlackSimulator
from sre_bot.slack.client import Pacing, web_client
from sre_bot.slack.http import PATH
from sre_bot.store.database import open_database
from tests.slack.desk import Desk, Noon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Channel, User
    from sre_bot.slack.app import SlackApp
    from sre_bot.slack.client import SlackClient


UNHURRIED = Pacing(post_seconds=0, edit_seconds=0)
"""In order, but without a pause."""


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    """A simulator that delivers again soon."""
    async with SlackSimulator(retries=RetrySchedule(ack_within=0.5, delays=(0.0, 0.2, 0.4))) as simulator:
        yield simulator


@pytest.fixture
def ann(slack: SlackSimulator) -> User:
    """Somebody on call."""
    return slack.workspace.user("ann")


@pytest.fixture
def incidents(slack: SlackSimulator) -> Channel:
    """The channel in which she asks."""
    return slack.workspace.channel("incidents")


@pytest.fixture
def client(slack: SlackSimulator) -> SlackClient:
    """The bot's client."""
    return web_client(slack.bot_token, slack.api_url, UNHURRIED)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    opened = open_database(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield opened
    opened.dispose()


@pytest.fixture
async def desk(tmp_path: Path, engine: Engine) -> AsyncIterator[Desk]:
    """The whole bot, at a noon that goes on as things are said."""
    clock = Noon()
    retries = RetrySchedule(ack_within=0.5, delays=(0.0, 0.2, 0.4))
    async with SlackSimulator(retries=retries, now=clock) as simulator:
        yield Desk(simulator, engine, tmp_path, clock)


@contextlib.asynccontextmanager
async def connected(app: SlackApp, slack: SlackSimulator, door: str) -> AsyncIterator[None]:
    """The app, reached by ``socket`` or by ``http``, in a server with a path prefix as behind a reverse proxy."""
    server = web.Application()
    if door == "http":
        server.add_routes(app.routes(slack.signing_secret, time.time, prefix="/ops/sre-bot"))
    async with TestServer(server) as listening:
        if door == "http":
            slack.deliver_to(str(listening.make_url(f"/ops/sre-bot{PATH}")))
        await app.connect()
        try:
            yield
        finally:
            await app.close()
