"""Posts made or about to be made: the claim that keeps a message from being posted twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from sre_bot.store.schema import posts

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Posts:
    """The table of posts. Methods block; call them from a thread."""

    engine: Engine

    def claim(self, key: str, channel: str, at: datetime) -> bool:
        """Claim the right to post ``key``: True for the first to ask, False if it was claimed before."""
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(posts).values(key=key, channel=channel, claimed_at=at))
        except IntegrityError:
            return False
        return True

    def posted(self, key: str, ts: str) -> None:
        """Note the id of the message that was posted for ``key``."""
        with self.engine.begin() as connection:
            connection.execute(update(posts).where(posts.c.key == key).values(ts=ts))

    def ts(self, key: str) -> str | None:
        """The id of the message posted for ``key``; None when unknown."""
        with self.engine.connect() as connection:
            return connection.execute(select(posts.c.ts).where(posts.c.key == key)).scalar()

    def is_claimed(self, key: str) -> bool:
        """Whether ``key`` was posted or is to be."""
        with self.engine.connect() as connection:
            return connection.execute(select(posts.c.key).where(posts.c.key == key)).first() is not None
