"""Investigations, from the question to the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sre_bot.investigation import Answer, Question
from sre_bot.store.schema import heard, investigations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


def _nobody() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Running:
    """An investigation that runs: its question, and its first look once there is one."""

    question: str
    first_look: Answer | None


@dataclass(frozen=True, slots=True)
class Investigations:
    """The table of investigations. Methods block; call them from a thread.

    ``changed`` is told, in that thread, that one began or ended.
    """

    engine: Engine
    changed: Callable[[], None] = _nobody

    def begin(self, key: str, question: Question) -> None:
        """Note that a question is being looked into; noting it again changes nothing."""
        row = {
            "id": key,
            "question": question.text,
            "asked_by": question.asked_by,
            "asked_at": question.asked_at,
            "status": "running",
            "usd": 0.0,
        }
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(investigations).values(row))
        except IntegrityError:
            return
        self.changed()

    def finish(self, key: str, answer: Answer, at: datetime) -> None:
        """Keep the answer."""
        values = {
            "status": "answered",
            "model": answer.model,
            "prompt": answer.prompt,
            "answer": _ANSWER.dump_python(answer, mode="json"),
            "usd": answer.usage.usd,
            "finished_at": at,
        }
        with self.engine.begin() as connection:
            connection.execute(update(investigations).where(investigations.c.id == key).values(values))
        self.changed()

    def saw(self, key: str, first_look: Answer) -> None:
        """Keep what is known while it is being looked into."""
        running = and_(investigations.c.id == key, investigations.c.status == "running")
        with self.engine.begin() as connection:
            kept = _ANSWER.dump_python(first_look, mode="json")
            connection.execute(update(investigations).where(running).values(answer=kept))

    def stop(self, key: str, known: Answer | None, at: datetime) -> None:
        """Note that it was stopped, and what was known by then; nothing of one that has ended."""
        kept = {} if known is None else {"answer": _ANSWER.dump_python(known, mode="json")}
        running = and_(investigations.c.id == key, investigations.c.status == "running")
        with self.engine.begin() as connection:
            connection.execute(update(investigations).where(running).values(status="stopped", finished_at=at, **kept))
        self.changed()

    def fail(self, key: str, at: datetime) -> None:
        """Note that it ended without an answer, through a fault of ours."""
        with self.engine.begin() as connection:
            connection.execute(
                update(investigations).where(investigations.c.id == key).values(status="failed", finished_at=at)
            )
        self.changed()

    def forget(self, key: str) -> None:
        """Take back that it was begun: it came to nothing, and is to be begun again under another key."""
        with self.engine.begin() as connection:
            connection.execute(delete(investigations).where(investigations.c.id == key))
        self.changed()

    def answer(self, key: str) -> Answer | None:
        """The answer to an investigation, or None while there is none."""
        with self.engine.connect() as connection:
            stored = connection.execute(select(investigations.c.answer).where(investigations.c.id == key)).scalar()
        return _seen(stored)

    def earlier(self, key: str, thread: str) -> Answer | None:
        """The last answer that was given in a thread, but for this investigation's own."""
        answered = and_(heard.c.thread == thread, investigations.c.status == "answered", investigations.c.id != key)
        joined = select(investigations.c.answer).join(heard, heard.c.key == investigations.c.id).where(answered)
        with self.engine.connect() as connection:
            stored = connection.execute(joined.order_by(investigations.c.finished_at.desc()).limit(1)).scalar()
        return _seen(stored)

    def answered(self, thread: str) -> int:
        """How many answers were given in a thread."""
        given = and_(heard.c.thread == thread, investigations.c.status == "answered")
        joined = select(func.count()).select_from(heard.join(investigations, heard.c.key == investigations.c.id))
        with self.engine.connect() as connection:
            return connection.execute(joined.where(given)).scalar_one()

    def running(self, thread: str) -> Sequence[Running]:
        """What is being looked into in a thread, in the order it was asked."""
        mine = and_(heard.c.thread == thread, investigations.c.status == "running")
        joined = select(investigations).join(heard, heard.c.key == investigations.c.id).where(mine)
        with self.engine.connect() as connection:
            rows = connection.execute(joined.order_by(investigations.c.asked_at)).all()
        return [Running(row.question, _seen(row.answer)) for row in rows]

    def status(self, key: str) -> str | None:
        """How it stands (running, answered, failed, stopped); None when there is no such investigation."""
        with self.engine.connect() as connection:
            return connection.execute(select(investigations.c.status).where(investigations.c.id == key)).scalar()


def _seen(stored: object) -> Answer | None:
    return None if stored is None else _ANSWER.validate_python(stored)
