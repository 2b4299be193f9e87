"""Who looks at the Home tab, so that it can be kept up to date for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from sre_bot.store.schema import home_viewers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Viewers:
    """The table of those who look. Methods block; call them from a thread."""

    engine: Engine

    def opened(self, person: str, team: str, at: datetime) -> None:
        """Note that somebody opened their Home tab."""
        try:
            with self.engine.begin() as connection:
                connection.execute(delete(home_viewers).where(home_viewers.c.person == person))
                connection.execute(insert(home_viewers).values(person=person, team=team, opened_at=at))
        except IntegrityError:  # twice at once
            return

    def since(self, at: datetime) -> Mapping[str, str]:
        """The team of each person who opened it after that moment."""
        wanted = select(home_viewers.c.person, home_viewers.c.team).where(home_viewers.c.opened_at > at)
        with self.engine.connect() as connection:
            return {row.person: row.team for row in connection.execute(wanted)}
