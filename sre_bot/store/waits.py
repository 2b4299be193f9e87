"""Investigations whose model was away: which wait for it, until when, and how each wait ended."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from sre_bot.investigation import FIRST_LOOK
from sre_bot.store.schema import heard, investigations, waits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Engine, Row

    from sre_bot.investigation import JsonObject


CONTINUES, TRY = "continues", "try"
"""In an event that continues an investigation: which one, and for the how many-th time."""


class WaitState(enum.StrEnum):
    """Where a wait stands; all but the first two are ends."""

    WAITING = "waiting"
    TRYING = "trying"
    """It is being continued."""
    RESUMED = "resumed"
    """It was continued and answered."""
    SUPERSEDED = "superseded"
    """Somebody asked again in its thread, and was answered by the model."""
    RESOLVED = "resolved"
    """What fired when it began fires no longer."""
    STOPPED = "stopped"
    """Somebody asked for quiet in its thread."""
    EXPIRED = "expired"
    """The model was not back in time."""
    FAILED = "failed"
    """A fault of ours, or a model that breaks off each time."""


OPEN = (WaitState.WAITING, WaitState.TRYING)


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait; ``key`` is the investigation's, ``event`` what asked, ``firing`` hashes of alerts."""

    key: str
    thread: str
    event: JsonObject
    since: datetime
    until: datetime
    looks: int = 0
    firing: tuple[str, ...] = ()
    state: WaitState = WaitState.WAITING
    tries: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True)
class Waits:
    """The table of waits. Methods block; call them from a thread."""

    engine: Engine

    def begin(self, wait: Wait) -> None:
        """Note that an investigation waits; noting it again changes nothing, also when the wait is over."""
        columns = ("key", "thread", "event", "since", "until", "looks", "tries", "broken")
        row = {name: getattr(wait, name) for name in columns}
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(waits).values(**row, firing=[*wait.firing], state=wait.state.value))
        except IntegrityError:
            return

    def open(self, thread: str | None = None) -> Sequence[Wait]:
        """The waits that are not over, of all threads or of one: first what is being tried, then the least tried."""
        here = true() if thread is None else waits.c.thread == thread
        where = and_(waits.c.state.in_([state.value for state in OPEN]), here)
        order = (waits.c.state == WaitState.WAITING.value, waits.c.tries, waits.c.since, waits.c.key)
        with self.engine.connect() as connection:
            return [_wait(row) for row in connection.execute(select(waits).where(where).order_by(*order))]

    def get(self, key: str) -> Wait | None:
        """One wait."""
        with self.engine.connect() as connection:
            row = connection.execute(select(waits).where(waits.c.key == key)).one_or_none()
        return None if row is None else _wait(row)

    def attempt(self, key: str) -> int:
        """Note that it is being continued once more; the number of the try, from 1. 0: it no longer waits."""
        values = {"state": WaitState.TRYING.value, "tries": waits.c.tries + 1}
        if not self._change(and_(waits.c.key == key, waits.c.state == WaitState.WAITING.value), values):
            return 0
        wait = self.get(key)
        return wait.tries if wait else 0

    def again(self, key: str, tries: int, *, broke_off: bool) -> None:
        """Note that this try came to nothing, so that it waits on; ``broke_off``: after the model had begun."""
        where = and_(waits.c.key == key, waits.c.state == WaitState.TRYING.value, waits.c.tries == tries)
        self._change(where, {"state": WaitState.WAITING.value, "broken": waits.c.broken + int(broke_off)})

    def end(self, key: str, how: WaitState) -> bool:
        """End a wait; False when it was over before, which stays as it was."""
        where = and_(waits.c.key == key, waits.c.state.in_([state.value for state in OPEN]))
        return self._change(where, {"state": how.value})

    def is_superseded(self, thread: str, at: datetime) -> bool:
        """Whether a question that was asked in the thread after that moment was answered by a model."""
        later = and_(heard.c.thread == thread, heard.c.at > at, investigations.c.status == "answered")
        asked = select(func.count()).select_from(heard.join(investigations, investigations.c.id == heard.c.key))
        with self.engine.connect() as connection:
            return connection.execute(asked.where(later, investigations.c.model != FIRST_LOOK)).scalar_one() > 0

    def _change(self, where: ColumnElement[bool], values: dict[str, Any]) -> bool:
        with self.engine.begin() as connection:
            return connection.execute(update(waits).where(where).values(values)).rowcount == 1


def _wait(row: Row[Any]) -> Wait:
    return Wait(
        key=row.key,
        thread=row.thread,
        event=row.event,
        since=_aware(row.since),
        until=_aware(row.until),
        looks=row.looks,
        firing=tuple(row.firing),
        state=WaitState(row.state),
        tries=row.tries,
        broken=row.broken,
    )


def _aware(moment: datetime) -> datetime:
    """SQLite keeps no zone; what we write is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
