"""What people said to us: in which thread, and which investigation took it in. One message is taken in by one."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sre_bot.investigation import Message
from sre_bot.store.schema import heard, investigations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Engine

_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)


class Call(enum.StrEnum):
    """How someone turned to us."""

    MENTION = "mention"
    """By name, or directly: always answered, and the thread is one we were called into."""
    REPLY = "reply"
    """Without our name, in a thread we were called into."""
    QUIET = "quiet"
    """To say that in this thread we are to answer to our name only."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The table of what was heard. Methods block; call them from a thread."""

    engine: Engine

    def note(self, key: str, thread: str, call: Call, at: datetime, *, claimed: bool = False) -> bool:
        """Note that a message was meant for us, and with ``claimed`` that it is answered by itself.

        Noting it again changes nothing and returns False.
        """
        row = {"key": key, "thread": thread, "call": call.value, "at": at, "taken_by": key if claimed else None}
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(heard).values(row))
        except IntegrityError:
            return False
        return True

    def knows(self, key: str) -> bool:
        """Whether the message was noted."""
        with self.engine.connect() as connection:
            return connection.execute(select(heard.c.key).where(heard.c.key == key)).first() is not None

    def is_listening(self, thread: str, at: datetime) -> bool:
        """Whether we were called into a thread by that moment, and not told to be quiet since."""
        called = select(heard.c.call).where(
            heard.c.thread == thread, heard.c.call != Call.REPLY.value, heard.c.at <= at
        )
        with self.engine.connect() as connection:
            last = connection.execute(called.order_by(heard.c.at.desc(), heard.c.key.desc()).limit(1)).scalar()
        return last == Call.MENTION.value

    def replies_since(self, thread: str, since: datetime) -> int:
        """How many messages without our name got, or wait for, an answer of their own."""
        alone = or_(heard.c.taken_by.is_(None), heard.c.taken_by == heard.c.key)
        mine = and_(heard.c.thread == thread, heard.c.call == Call.REPLY.value, heard.c.at > since, alone)
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(heard).where(mine)).scalar_one()

    def offer(self, key: str, message: Message) -> None:
        """Hold a noted message out to an investigation that runs in its thread."""
        with self.engine.begin() as connection:
            said = _MESSAGE.dump_python(message, mode="json")
            connection.execute(update(heard).where(heard.c.key == key, heard.c.taken_by.is_(None)).values(message=said))

    def take(self, run: str, thread: str, turn: int) -> tuple[Message, ...]:
        """Take what is held out in a thread into an investigation, oldest first; asked again, a turn gives the same.

        More may come when it is asked again, if what it gave was not kept before.
        """
        offered = and_(heard.c.thread == thread, heard.c.taken_by.is_(None), heard.c.message.is_not(None))
        with self.engine.begin() as connection:
            connection.execute(update(heard).where(offered, heard.c.key != run).values(taken_by=run, turn=turn))
            return _messages(connection, run, turn)

    def claim(self, key: str) -> bool:
        """Whether the message is answered by itself; from then on nothing takes it in. False: something has."""
        free = or_(heard.c.taken_by.is_(None), heard.c.taken_by == key)
        with self.engine.begin() as connection:
            claimed = connection.execute(update(heard).where(heard.c.key == key, free).values(taken_by=key))
        return claimed.rowcount == 1

    def unfinished(self) -> Mapping[str, str]:
        """The threads of the investigations that have begun and not ended, by key."""
        running = select(heard.c.key, heard.c.thread).join(investigations, investigations.c.id == heard.c.key)
        with self.engine.connect() as connection:
            rows = connection.execute(running.where(investigations.c.status == "running")).all()
        return {row.key: row.thread for row in rows}


def _messages(connection: Connection, run: str, turn: int) -> tuple[Message, ...]:
    taken = select(heard.c.message).where(heard.c.taken_by == run, heard.c.turn == turn)
    return tuple(_MESSAGE.validate_python(one) for one in connection.execute(taken.order_by(heard.c.at)).scalars())
