"""The database: opened, migrated, and in the shape the code expects."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from sre_bot.errors import ConfigurationError
from sre_bot.store.database import MIGRATIONS, is_writable, open_database, patiently
from sre_bot.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@contextlib.contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Another process that writes, and does not end."""
    with closing(sqlite3.connect(str(engine.url.database), check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def impatient(engine: Engine) -> Engine:
    """The same database, for which nobody waits while it is locked."""
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))
    return engine


def test_migrations_bring_an_empty_database_to_the_shape_in_the_schema(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'deep' / 'state.sqlite'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_opening_twice_keeps_what_is_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO posts (key, channel, claimed_at) VALUES ('a', 'C', '2026-01-01')"))
    engine.dispose()
    again = open_database(url)
    with again.connect() as connection:
        assert connection.execute(text("SELECT key FROM posts")).scalars().all() == ["a"]
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    assert {"alembic_version", "investigations", "posts"} <= set(inspect(again).get_table_names())
    again.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////proc/nowhere/x.sqlite",
        "nonsense",
        "oracle://x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:////tmp/x.sqlite",
        "postgresql+asyncpg://db/bot",
    ],
)
def test_a_database_that_cannot_be_opened_says_which_setting_to_check(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"SRE_BOT_DATABASE_URL"):
        open_database(url)


def test_a_password_in_the_url_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_database("postgresql+psycopg://bot:hunter2@127.0.0.1:1/nowhere")
    assert "hunter2" not in str(raised.value)


def test_a_database_made_by_a_newer_program_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ConfigurationError, match=r"another version of sre-bot.*9999"):
        open_database(url)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text("these are notes, not a database " * 50)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path / 'state.sqlite'}")


def test_the_first_migration_can_be_taken_back(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]


def test_a_database_is_writable_until_it_is_locked_and_then_again(engine: Engine) -> None:
    impatient(engine)
    assert is_writable(engine)
    with locked(engine):
        assert not is_writable(engine)
    assert is_writable(engine)


def test_an_error_of_the_database_does_not_show_the_values(engine: Engine) -> None:
    with pytest.raises(SQLAlchemyError) as raised, engine.begin() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": "hunter2"})
    assert "hunter2" not in str(raised.value)


async def test_a_call_on_a_locked_database_is_made_again_until_it_works(engine: Engine) -> None:
    impatient(engine)
    calls: list[int] = []
    free = contextlib.ExitStack()
    free.enter_context(locked(engine))

    def call() -> int:
        calls.append(len(calls))
        if len(calls) == 2:
            free.close()
        with engine.begin() as connection:
            connection.execute(text("UPDATE posts SET ts = 'x'"))
        return len(calls)

    assert await patiently(call, pauses=(0.0, 0.0, 0.0)) == 2


async def test_patience_with_a_locked_database_ends(engine: Engine) -> None:
    impatient(engine)

    def call() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE posts SET ts = 'x'"))

    with locked(engine), pytest.raises(OperationalError, match="locked"):
        await patiently(call, pauses=(0.0,))


async def test_a_call_that_is_wrong_is_not_made_again(engine: Engine) -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise LookupError

    with pytest.raises(LookupError):
        await patiently(call, pauses=(0.0, 0.0))
    assert calls == [1]
