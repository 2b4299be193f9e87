"""Investigations, from the question to the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from sre_bot.investigation import Answer, Question
from sre_bot.store.schema import investigations

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


def _nobody() -> None:
    """Nobody wants to know."""


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
        return None if stored is None else _ANSWER.validate_python(stored)

    def status(self, key: str) -> str | None:
        """How it stands (running, answered, failed); None when there is no such investigation."""
        with self.engine.connect() as connection:
            return connection.execute(select(investigations.c.status).where(investigations.c.id == key)).scalar()
