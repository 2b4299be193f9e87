"""What people think of answers: one vote a person and kind; a newer one takes the place of the older."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from sre_bot.store.schema import grades, investigations

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Engine


class GradeKind(enum.StrEnum):
    """What is asked of whoever grades."""

    THUMB = "thumb"
    """Whether the answer helped: 100 or 0."""
    GRADE = "grade"
    """Whether acting on it would have fixed the incident: 100, 65 (one hop short), 35 (right area) or 0."""


VALUES = {GradeKind.THUMB: frozenset({100, 0}), GradeKind.GRADE: frozenset({100, 65, 35, 0})}
"""The values of each kind."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What somebody thinks of an answer; ``member`` is None while it is not known whether they are one of ours."""

    person: str
    kind: GradeKind
    value: int
    sentence: str | None = None
    member: bool | None = None


@dataclass(frozen=True, slots=True)
class Grades:
    """The table of grades. Methods block; call them from a thread."""

    engine: Engine

    def give(self, investigation: str, vote: Vote, at: datetime) -> bool | None:
        """Keep a vote with the model and prompt of the answer it is of, in place of an older one of the same kind.

        A vote for another value begins without a sentence. A click that comes again or late changes nothing.

        Returns:
            Whether it is a new vote or another value; None where there is no such answer.
        """
        with self.engine.begin() as connection:
            columns = (investigations.c.model, investigations.c.prompt)
            answered = and_(investigations.c.id == investigation, investigations.c.status == "answered")
            answer = connection.execute(select(*columns).where(answered)).one_or_none()
            if answer is None:
                return None
            values = {"value": vote.value, "sentence": None, "model": answer.model, "prompt": answer.prompt, "at": at}
            mine = _of(investigation, vote.person, vote.kind)
            newer = and_(mine, grades.c.at <= at, grades.c.value != vote.value)
            if connection.execute(update(grades).where(newer).values(values)).rowcount:
                return True
            if connection.execute(select(grades.c.value).where(mine)).first() is not None:
                return False
        row = {"investigation": investigation, "person": vote.person, "kind": vote.kind.value, **values}
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(grades).values(row))
        except IntegrityError:  # the same person, twice at once
            return False
        return True

    def say(self, investigation: str, person: str, kind: GradeKind, sentence: str) -> bool:
        """Keep a sentence with somebody's vote, in place of what they said before; False where they have none."""
        where = _of(investigation, person, kind)
        with self.engine.begin() as connection:
            return connection.execute(update(grades).where(where).values(sentence=sentence or None)).rowcount == 1

    def know(self, person: str, *, member: bool) -> None:
        """Note of all votes of a person whether they are a full member of our organisation."""
        with self.engine.begin() as connection:
            connection.execute(update(grades).where(grades.c.person == person).values(member=member))

    def of(self, keys: Collection[str]) -> Mapping[str, Sequence[Vote]]:
        """The votes on each of these investigations, oldest first."""
        wanted = select(grades).where(grades.c.investigation.in_(keys)).order_by(grades.c.at, grades.c.person)
        found: dict[str, list[Vote]] = {key: [] for key in keys}
        with self.engine.connect() as connection:
            for row in connection.execute(wanted):
                vote = Vote(row.person, GradeKind(row.kind), row.value, row.sentence, row.member)
                found[row.investigation].append(vote)
        return found


def _of(investigation: str, person: str, kind: GradeKind) -> ColumnElement[bool]:
    return and_(grades.c.investigation == investigation, grades.c.person == person, grades.c.kind == kind.value)
