"""How things stand: what runs, what waits, what was answered, how the sources do, what was spent; for whoever asks."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.slack.trouble import TROUBLE, reason_of
from sre_bot.store.database import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.slack.directory import Directory
    from sre_bot.store.grades import Grades, Vote
    from sre_bot.store.overview import Asked, Overview, Spent
    from sre_bot.store.waits import Waits
    from sre_bot.tools.health import Health, Watch

_log = logging.getLogger(__name__)

LATEST = 20
"""So many of the last answers are looked at; those of them that may be seen are shown."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and from which channel; empty: from none."""

    person: str
    team: str
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand at a moment, as a viewer may know it; ``hidden`` counts what runs besides."""

    at: datetime
    model: str
    sources: Sequence[Health]
    running: Sequence[Asked]
    hidden: int
    waiting: int
    latest: Sequence[Asked]
    votes: Mapping[str, Sequence[Vote]]
    spent: Spent


class Standing:
    """Puts together how things stand.

    Args:
        overview, waits, grades: where it is kept.
        watch: how the sources do.
        directory: tells channels that all may read from others.
        model: the model's name; empty where there is none.
        now: tells the present.
    """

    def __init__(
        self,
        *,
        overview: Overview,
        waits: Waits,
        grades: Grades,
        watch: Watch,
        directory: Directory,
        model: str,
        now: Callable[[], datetime],
    ) -> None:
        self._overview = overview
        self._waits = waits
        self._grades = grades
        self._watch = watch
        self._directory = directory
        self._model = model
        self._now = now

    async def snapshot(self, viewer: Viewer) -> Snapshot:
        """How things stand, as somebody may know it: questions asked by themselves, where they look, or in public."""
        now = self._now()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        sources, running, latest, waiting, spent = await asyncio.gather(
            self._watch.look(),
            patiently(self._overview.running),
            patiently(lambda: self._overview.latest(LATEST)),
            patiently(self._waits.open),
            patiently(lambda: self._overview.spent(today)),
        )
        seen = await self._visible(running, viewer)
        shown = await self._visible(latest, viewer)
        votes = await patiently(lambda: self._grades.of([one.key for one in shown]))
        return Snapshot(
            now, self._model, sources, seen, len(running) - len(seen), len(waiting), shown, votes=votes, spent=spent
        )

    async def _visible(self, asked: Sequence[Asked], viewer: Viewer) -> Sequence[Asked]:
        may = await asyncio.gather(*(self._may_see(one, viewer) for one in asked))
        return [one for one, seen in zip(asked, may, strict=True) if seen]

    async def _may_see(self, one: Asked, viewer: Viewer) -> bool:
        """What Slack does not tell to be public is not."""
        channel = channel_of(one)
        if one.asked_by == viewer.person or channel == viewer.channel:
            return True
        try:
            return await self._directory.is_public(channel) and await self._directory.is_member(
                viewer.person, viewer.team
            )
        except TROUBLE as error:
            _log.warning("cannot see whether %s is public: %s", channel, reason_of(error))
            return False


def channel_of(one: Asked) -> str:
    """The channel that it was asked in."""
    _, _, channel, *_ = (*one.key.split(":"), "", "", "")
    return channel
