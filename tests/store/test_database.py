"""The database: opened, migrated, and in the shape the code expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from sre_bot.errors import ConfigurationError
from sre_bot.store.database import open_database
from sre_bot.store.schema import metadata

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("url", ["sqlite:////proc/nowhere/x.sqlite", "nonsense", "oracle://x"])
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
    with pytest.raises(ConfigurationError, match="9999"):
        open_database(url)
