"""The grown size: the same tables, claims and workflows on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from sre_bot.durable import Workflows
from sre_bot.investigation import Message
from sre_bot.store.database import is_writable, open_database
from sre_bot.store.heard import Call, Heard
from sre_bot.store.posts import Posts
from sre_bot.store.schema import metadata
from sre_bot.store.waits import Wait, Waits, WaitState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from sre_bot.durable import Journal
    from sre_bot.investigation import JsonObject

pytestmark = pytest.mark.real

OWNER = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root."""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of an empty database of a server of our own."""
    if not shutil.which("initdb"):
        pytest.skip("postgresql is not installed, or its programs are not on the PATH")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, socket.socket() as probe:
        if OWNER:
            shutil.chown(folder, OWNER)
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        data = str(Path(folder) / "data")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("initdb", "--pgdata", data, "--username", "bot", "--auth", "trust")
        run("pg_ctl", "--pgdata", data, "--options", options, "--log", f"{folder}/log", "--wait", "start")
        try:
            yield f"postgresql://bot:hunter2@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")


def run(*command: str) -> None:
    subprocess.run(command, user=OWNER, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=60)


@contextlib.contextmanager
def closing_engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def test_it_takes_the_schema_and_keeps_claims(postgresql: str) -> None:
    open_database(postgresql).dispose()
    with closing_engine(postgresql) as engine:
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        posts = Posts(engine)
        assert [posts.claim("k", "C", datetime.now(UTC)) for _ in range(2)] == [True, False]
        posts.posted("k", "1.2")
        assert posts.ts("k") == "1.2"
        assert is_writable(engine)


def test_what_was_heard_is_answered_by_one(postgresql: str) -> None:
    with closing_engine(postgresql) as engine:
        heard, now = Heard(engine), datetime.now(UTC)
        assert [heard.note("mention", "t", Call.MENTION, now, claimed=True) for _ in range(2)] == [True, False]
        assert heard.is_listening("t", now)
        for key in ("joins", "alone"):
            heard.note(key, "t", Call.REPLY, now)
            heard.offer(key, Message("ben", key, now))
        assert heard.claim("alone")
        for _ in range(2):
            assert heard.take("mention", "t", 1) == (Message("ben", "joins", now),)
        assert not heard.claim("joins")
        assert heard.replies_since("t", now - timedelta(minutes=1)) == 1
        heard.note("quiet", "t", Call.QUIET, now + timedelta(seconds=1))
        assert not heard.is_listening("t", now + timedelta(seconds=1))
        assert heard.unfinished() == {}


def test_who_waits_for_the_model_is_tried_and_ended_once(postgresql: str) -> None:
    with closing_engine(postgresql) as engine:
        waits, now = Waits(engine), datetime.now(UTC)
        wait = Wait("a", "t", {"text": "why?"}, now, now + timedelta(hours=1), firing=("ab",))
        for _ in range(2):
            waits.begin(wait)
        assert [*waits.open("t")] == [wait]
        assert [waits.attempt("a"), waits.attempt("a")] == [1, 0]
        waits.again("a", 1, broke_off=True)
        assert not waits.is_superseded("t", now)
        assert [waits.end("a", WaitState.RESOLVED), waits.end("a", WaitState.EXPIRED)] == [True, False]
        Heard(engine).note("quiet", "t", Call.QUIET, now)
        assert not Heard(engine).is_listening("t", datetime.max.replace(tzinfo=UTC))


async def test_it_keeps_workflows(postgresql: str, tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        seen.append(key)

    for _ in range(2):
        workflows = Workflows(database_url=postgresql, lease=tmp_path / "serve.lock", handler=handler, now=time.time)
        async with workflows:
            await workflows.accept("k", {})
            assert await workflows.drain(60)
    assert seen == ["k"]
