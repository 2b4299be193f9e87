"""Keeps the Home tabs of those who look at theirs up to date: coalesced, and for nobody more often than of use."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from sre_bot.slack.home import home_view
from sre_bot.slack.standing import Viewer
from sre_bot.slack.trouble import TROUBLE, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from slack_bolt.app.async_app import AsyncApp

    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.standing import Standing
    from sre_bot.store.viewers import Viewers

_log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=1)
"""So long after they opened it somebody's tab is kept up to date."""
WATCHED = timedelta(hours=1)
"""So long it is also renewed although nothing happened, since sources fail and lag by themselves."""


class Homes:
    """The tabs of all; to be made where the event loop runs.

    Args:
        client: the bot's.
        viewers: who opened theirs, and when.
        standing: what there is to show.
        now: tells the present.
        pause: seconds from one publication to the next, for each person.
        renewed: seconds from one renewal to the next.
    """

    def __init__(
        self,
        client: SlackClient,
        viewers: Viewers,
        standing: Standing,
        *,
        now: Callable[[], datetime],
        pause: float = 10.0,
        renewed: float = 180.0,
    ) -> None:
        self._client = client
        self._viewers = viewers
        self._standing = standing
        self._now = now
        self._pause = pause
        self._renewed = renewed
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._changed = False
        self._due: dict[str, str] = {}
        self._free_at: dict[str, float] = {}

    def register(self, app: AsyncApp) -> None:
        """Listen for who opens theirs."""
        app.event("app_home_opened", matchers=[_is_home])(self._opened)

    def changed(self) -> None:
        """Tell that there is something new to show; from any thread."""
        self._loop.call_soon_threadsafe(self._note_change)

    def _note_change(self) -> None:
        self._changed = True
        self._news.set()

    async def _opened(self, event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        person, team = str(event["user"]), str(body.get("team_id", ""))
        self._due[person] = team
        self._news.set()
        try:
            await asyncio.to_thread(self._viewers.opened, person, team, self._now())
        except SQLAlchemyError as error:
            _log.warning("cannot remember who looks at the Home tab: %s", error)

    async def run(self) -> None:
        """Publish what is due, forever."""
        renewal = self._loop.time() + self._renewed
        while True:
            self._news.clear()
            try:
                if self._changed:
                    self._changed = False
                    await self._all_due(REMEMBERED)
                if self._loop.time() >= renewal:
                    renewal = self._loop.time() + self._renewed
                    await self._all_due(WATCHED)
                await self._publish_due()
            except SQLAlchemyError as error:
                _log.warning("cannot see what to show on Home tabs: %s", error)
            await self._wait(min([renewal, *(self._free_at.get(person, 0.0) for person in self._due)]))

    async def _all_due(self, age: timedelta) -> None:
        self._due.update(await asyncio.to_thread(self._viewers.since, self._now() - age))

    async def _publish_due(self) -> None:
        for person in [one for one in self._due if self._free_at.get(one, 0.0) <= self._loop.time()]:
            team = self._due.pop(person)
            self._free_at[person] = self._loop.time() + self._pause
            await self._publish(Viewer(person, team))

    async def _publish(self, viewer: Viewer) -> None:
        view = home_view(await self._standing.snapshot(viewer))
        try:
            await self._client.views_publish(user_id=viewer.person, view=view)
        except TROUBLE as error:
            _log.warning("could not publish the Home tab of %s: %s", viewer.person, reason_of(error))

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(max(until, self._loop.time() + 0.01)):
                await self._news.wait()
        except TimeoutError:
            return


async def _is_home(event: Mapping[str, Any]) -> bool:
    return str(event.get("tab", "home")) == "home"
