"""What was shown to one person and may be posted for all: kept here, as a click's word for it is not taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from sre_bot.store.schema import shares

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

KEPT = timedelta(days=1)
"""So long a button works; what was shown is forgotten after that."""


@dataclass(frozen=True, slots=True)
class Share:
    """What was shown, where and to whom."""

    channel: str
    person: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shares:
    """The table of what may be shared. Methods block; call them from a thread."""

    engine: Engine

    def keep(self, id_: str, share: Share) -> None:
        """Keep what is about to be shown, and forget what is too old."""
        row = {"id": id_, "channel": share.channel, "person": share.person, "text": share.text, "at": share.at}
        with self.engine.begin() as connection:
            connection.execute(delete(shares).where(shares.c.at < share.at - KEPT))
            connection.execute(insert(shares).values(row))

    def get(self, id_: str) -> Share | None:
        """What was shown; None when it is too old, or never was."""
        with self.engine.connect() as connection:
            row = connection.execute(select(shares).where(shares.c.id == id_)).one_or_none()
        return None if row is None else Share(row.channel, row.person, row.text, row.at)
