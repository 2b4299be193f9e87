"""Open the database, bring its schema up to date, and bear with it while it is locked, full or away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import event, false, update
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError

from sre_bot.errors import ConfigurationError
from sre_bot.mistakes import why_unreadable
from sre_bot.store.schema import posts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

_log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, *([15.0] * 40))
"""Seconds between attempts while the database does not work; about ten minutes in all."""
_CHECK = "Check SRE_BOT_DATABASE_URL and SRE_BOT_STATE_DIR."


def open_database(url: str) -> Engine:
    """Connect, migrate to the newest schema and return the engine; the caller disposes of it.

    Raises:
        ConfigurationError: the database cannot be reached, or is newer than this program.
    """
    parsed = _parse(url)
    shown = parsed.render_as_string(hide_password=True)
    try:
        with contextlib.ExitStack() as stack:
            # An error must not carry the values: they hold whole answers, and end up in the log.
            engine = sqlalchemy.create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
            stack.callback(engine.dispose)
            if engine.dialect.name == "sqlite":
                Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
                event.listen(engine, "connect", _tune_sqlite)
            migrate(engine)
            stack.pop_all()
    except CommandError as error:
        raise ConfigurationError(
            f"the database {shown} was made by another version of sre-bot ({error}): start that one. {_CHECK}"
        ) from error
    except NoSuchModuleError as error:
        raise ConfigurationError(
            f"the database {shown} wants a driver that is not here: write postgresql+psycopg://…."
        ) from error
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise ConfigurationError(f"cannot open the database {shown}: {_reason(error)}. {_CHECK}") from error
    return engine


def migrate(engine: Engine, revision: str = "head") -> None:
    """Run alembic's upgrades on an open engine."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def is_writable(engine: Engine) -> bool:
    """Whether something could be written now; nothing is. Blocks while the database is locked."""
    try:
        with engine.begin() as connection:
            connection.execute(update(posts).where(false()).values(ts=None))
    except SQLAlchemyError:
        return False
    return True


async def patiently(call: Callable[[], T], pauses: Sequence[float] = PAUSES) -> T:
    """Call in a thread; while the database is locked, full or away, wait and call again.

    Raises:
        OperationalError: it did not come back in time.
    """
    for pause in pauses:
        try:
            return await asyncio.to_thread(call)
        except OperationalError as error:
            _log.warning("the database does not work (%s); again in %g s", error.orig, pause)
            await asyncio.sleep(pause)
    return await asyncio.to_thread(call)


def _reason(error: Exception) -> str:
    """What is wrong, in the words of the database or the file system rather than in those of our libraries."""
    if isinstance(error, OSError):
        return why_unreadable(error)
    said = str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(". ")
    if "not a database" in said or "malformed" in said:
        said += ", or a broken one: restore it from a backup, or move it away to begin anew"
    if "full" in said:
        said += ": make room"
    return said


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
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError(
            "SRE_BOT_DATABASE_URL names no file, so all would be forgotten: sqlite:////var/x.sqlite."
        )
    return parsed


def _tune_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """WAL lets readers and one writer work at once; a locked file is waited for, not an error."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
