"""Open the database and bring its schema up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sre_bot.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(url: str) -> Engine:
    """Connect, migrate to the newest schema and return the engine; the caller disposes of it.

    Raises:
        ConfigurationError: the database cannot be reached, or is newer than this program.
    """
    parsed = _parse(url)
    try:
        engine = sqlalchemy.create_engine(parsed, pool_pre_ping=True)
        if engine.dialect.name == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            event.listen(engine, "connect", _tune_sqlite)
        migrate(engine)
    except (SQLAlchemyError, CommandError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(
            f"cannot open the database {parsed.render_as_string(hide_password=True)}: {reason}. "
            "Check SRE_BOT_DATABASE_URL and SRE_BOT_STATE_DIR."
        ) from error
    return engine


def _parse(url: str) -> sqlalchemy.URL:
    try:
        parsed = sqlalchemy.make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "SRE_BOT_DATABASE_URL is not a database URL such as sqlite:////var/x.sqlite."
        ) from None
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigurationError(
            f"SRE_BOT_DATABASE_URL names {parsed.get_backend_name()}; sqlite and postgresql are what we keep state in."
        )
    return parsed


def migrate(engine: Engine, revision: str = "head") -> None:
    """Run alembic's upgrades on an open engine."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _tune_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """WAL lets readers and one writer work at once; a locked file is waited for, not an error."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
