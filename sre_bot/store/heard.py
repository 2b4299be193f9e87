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

    from sqlalchemy import ColumnElement, Connection, Engine

_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)


class Call(enum.StrEnum):
    """How someone turned to us."""

    MENTION = "mention"
    """By name, or directly: always answered, and the thread is one we were called into."""
    REPLY = "reply"
    """Without our name, in a thread we were called into."""
    QUIET = "quiet"
    """To say that in this thread we are to answer to our name only."""
    STOP = "stop"
    """To have us stop what runs in this thread. Kept among the stops, not here."""
    CATCH_UP = "catch-up"
    """To be told how things stand. Answered at once; kept nowhere."""
    EDIT = "edit"
    """By changing the text of a question."""


_LEADING = (Call.MENTION.value, Call.QUIET.value)
"""Calls that decide whether we listen in a thread from then on."""


def edit_key(question: str, ts: str) -> str:
    """The key of an edit of a question, by the moment of the edit as Slack writes it."""
    return f"{question}:edit:{ts}"


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

    def is_ours(self, thread: str) -> bool:
        """Whether anything was said to us in a thread, whether or not we are to be quiet there."""
        with self.engine.connect() as connection:
            return connection.execute(select(heard.c.key).where(heard.c.thread == thread).limit(1)).first() is not None

    def is_listening(self, thread: str, at: datetime) -> bool:
        """Whether we were called into a thread by that moment, and not told to be quiet since."""
        called = select(heard.c.call).where(heard.c.thread == thread, heard.c.call.in_(_LEADING), heard.c.at <= at)
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

    def is_free(self, key: str) -> bool:
        """Whether a message is neither answered by itself nor taken in yet."""
        free = select(heard.c.key).where(heard.c.key == key, heard.c.taken_by.is_(None))
        with self.engine.connect() as connection:
            return connection.execute(free).first() is not None

    def release(self, run: str, after: datetime) -> None:
        """Give back what an investigation took in that was written after a moment: it is a question of its own."""
        late = and_(heard.c.taken_by == run, heard.c.key != run, heard.c.at > after)
        with self.engine.begin() as connection:
            connection.execute(update(heard).where(late).values(taken_by=None, turn=None))

    def reword(self, key: str, time: int) -> Message | None:
        """The latest edit of a question since the last time (from 0), which becomes part of it; None: not edited.

        Nothing else takes these edits in later. Asked again, a time gives the same, or what has come since.
        """
        mine = or_(heard.c.taken_by.is_(None), and_(heard.c.taken_by == key, heard.c.turn == -time))
        edits = and_(_is_edit_of(key), heard.c.message.is_not(None), mine)
        with self.engine.begin() as connection:
            connection.execute(update(heard).where(edits).values(taken_by=key, turn=-time))
            found = select(heard.c.message).where(edits).order_by(heard.c.at.desc(), heard.c.key.desc()).limit(1)
            latest = connection.execute(found).scalar()
        return None if latest is None else _MESSAGE.validate_python(latest)

    def is_last_edit(self, key: str, question: str, at: datetime) -> bool:
        """Whether an edit is the only one of its question that is to be answered by itself, of those not taken in."""
        later = and_(heard.c.taken_by.is_(None), heard.c.at > at)
        others = and_(_is_edit_of(question), heard.c.key != key, or_(later, heard.c.taken_by == heard.c.key))
        with self.engine.connect() as connection:
            return connection.execute(select(heard.c.key).where(others).limit(1)).first() is None

    def unfinished(self) -> Mapping[str, str]:
        """The threads of the investigations that have begun and not ended, by key."""
        running = select(heard.c.key, heard.c.thread).join(investigations, investigations.c.id == heard.c.key)
        with self.engine.connect() as connection:
            rows = connection.execute(running.where(investigations.c.status == "running")).all()
        return {row.key: row.thread for row in rows}


def _is_edit_of(question: str) -> ColumnElement[bool]:
    prefix = heard.c.key.startswith(edit_key(question, ""), autoescape=True)
    return and_(heard.c.call == Call.EDIT.value, prefix)


def _messages(connection: Connection, run: str, turn: int) -> tuple[Message, ...]:
    taken = select(heard.c.message).where(heard.c.taken_by == run, heard.c.turn == turn)
    return tuple(_MESSAGE.validate_python(one) for one in connection.execute(taken.order_by(heard.c.at)).scalars())
