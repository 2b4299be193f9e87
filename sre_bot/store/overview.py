"""What runs, what was answered last and what it cost, over all investigations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from sqlalchemy import func, select

from sre_bot.investigation import Answer
from sre_bot.store.schema import investigations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine, Row

_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


@dataclass(frozen=True, slots=True)
class Asked:
    """An investigation: its key, what was asked by whom and when, and the answer, if there is one."""

    key: str
    question: str
    asked_by: str
    asked_at: datetime
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What investigations cost: US dollars, and tokens that went in (cached ones too) and came out."""

    investigations: int
    usd: float
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Reads the table of investigations. Methods block; call them from a thread."""

    engine: Engine

    def running(self) -> Sequence[Asked]:
        """Those that have begun and not ended, oldest first."""
        columns = [one for one in investigations.c if one.name != "answer"]
        wanted = select(*columns).where(investigations.c.status == "running").order_by(investigations.c.asked_at)
        with self.engine.connect() as connection:
            return [_asked(row, None) for row in connection.execute(wanted)]

    def latest(self, count: int) -> Sequence[Asked]:
        """Those that were answered last, newest first."""
        wanted = select(investigations).where(investigations.c.status == "answered")
        newest = wanted.order_by(investigations.c.finished_at.desc()).limit(count)
        with self.engine.connect() as connection:
            return [_asked(row, _ANSWER.validate_python(row.answer)) for row in connection.execute(newest)]

    def spent(self, since: datetime) -> Spent:
        """What those cost that were answered since then."""
        usage = investigations.c.answer["usage"]
        read = ("input_tokens", "cache_read_tokens", "cache_write_tokens")
        sums = [func.sum(usage[name].as_integer()) for name in (*read, "output_tokens")]
        done = investigations.c.status == "answered", investigations.c.finished_at >= since
        with self.engine.connect() as connection:
            found = select(func.count(), func.sum(investigations.c.usd), *sums).where(*done)
            count, usd, *tokens = connection.execute(found).one()
        *taken, given = (int(one or 0) for one in tokens)
        return Spent(int(count), float(usd or 0.0), sum(taken), given)


def _asked(row: Row[Any], answer: Answer | None) -> Asked:
    at = row.asked_at if row.asked_at.tzinfo else row.asked_at.replace(tzinfo=UTC)  # SQLite keeps no zone
    return Asked(row.id, row.question, row.asked_by or "", at, answer)
