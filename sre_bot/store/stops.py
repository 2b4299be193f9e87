"""What was stopped: all that was asked in a thread until then, or one question that was deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, insert, or_, select
from sqlalchemy.exc import IntegrityError

from sre_bot.store.schema import stops

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Stop:
    """Someone's wish that we stop.

    Args:
        key: what makes it one and the same, however often it is delivered.
        thread: where it was said; a whole conversation (without a message's id) means each of its threads.
        at: when (aware); what was asked later goes on.
        by: the user who said so, if that is known.
        question: the question that was deleted; None: everything in the thread is to stop.
    """

    key: str
    thread: str
    at: datetime
    by: str | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Stops:
    """The table of stops. Methods block; call them from a thread."""

    engine: Engine

    def keep(self, stop: Stop) -> None:
        """Note a stop; noting it again changes nothing."""
        row = {name: getattr(stop, name) for name in ("key", "thread", "at", "by", "question")}
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(stops).values(row))
        except IntegrityError:
            return

    def of(self, questions: Collection[str], thread: str, asked_at: datetime) -> Stop | None:
        """The first stop that holds for what was asked under these keys at that moment in a thread, if any."""
        conversation = thread.rpartition(":")[0]
        here = and_(stops.c.question.is_(None), stops.c.thread.in_([thread, conversation]), stops.c.at >= asked_at)
        found = select(stops).where(or_(stops.c.question.in_(questions), here)).order_by(stops.c.at, stops.c.key)
        with self.engine.connect() as connection:
            row = connection.execute(found.limit(1)).one_or_none()
        return None if row is None else Stop(row.key, row.thread, row.at, row.by, row.question)
