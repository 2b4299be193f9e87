"""The status of a conversation as Slack shows it natively: with a Stop button while we work.

It is decoration: a workspace or an emulator without it loses nothing but the button, and no thread hears of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from sre_bot.slack.trouble import TROUBLE, code_of, reason_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sre_bot.slack.client import SlackClient

_log = logging.getLogger(__name__)

_NOT_HERE = frozenset(
    {"unknown_method", "missing_scope", "not_allowed_token_type", "feature_not_enabled", "access_denied"}
)

Where: TypeAlias = tuple[str, str]
"""A channel and the first message of a thread."""


class SessionStatus(enum.StrEnum):
    """What Slack knows a session to be doing, of what we tell it."""

    PROCESSING = "processing"
    """We work on it; it has a Stop button."""
    SUSPENDED = "suspended"
    """It waits, for the model to be back, say."""
    CLOSED = "closed"
    """Answered, stopped or failed; whatever is asked next opens it again."""


@dataclass(slots=True)
class Session:
    """One piece of work in a thread; ``ends`` is what the thread is when nothing else is done there."""

    ends: SessionStatus = SessionStatus.CLOSED


class Sessions:
    """Tells Slack what each thread's session is doing, in order, the latest only."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._here = True
        self._working: Counter[Where] = Counter()
        self._wanted: dict[Where, SessionStatus] = {}
        self._telling: dict[Where, asyncio.Task[None]] = {}

    @contextlib.asynccontextmanager
    async def working(self, channel: str, thread_ts: str) -> AsyncIterator[Session]:
        """While this lasts the thread is being processed; afterwards, unless more is, it is what the session ends as.

        When the process is told to end, nothing is told: the work goes on after a restart.
        """
        where, session = (channel, thread_ts), Session()
        self._working[where] += 1
        self._want(where, SessionStatus.PROCESSING)
        try:
            yield session
        except asyncio.CancelledError:
            self._working -= Counter([where])
            if task := self._telling.get(where):
                task.cancel()
            raise
        except BaseException:
            self._working -= Counter([where])
            await self.show(channel, thread_ts, SessionStatus.CLOSED)
            raise
        self._working -= Counter([where])
        await self.show(channel, thread_ts, session.ends)

    async def show(self, channel: str, thread_ts: str, status: SessionStatus) -> None:
        """Tell what a thread is while nothing is worked on there."""
        where = (channel, thread_ts)
        if not self._working[where]:
            self._want(where, status)
        await self._told(where)

    def _want(self, where: Where, status: SessionStatus) -> None:
        if not self._here:
            return
        self._wanted[where] = status
        if where not in self._telling:
            self._telling[where] = asyncio.create_task(self._tell(where))

    async def _told(self, where: Where) -> None:
        if task := self._telling.get(where):
            await asyncio.gather(task, return_exceptions=True)

    async def _tell(self, where: Where) -> None:
        told = None
        try:
            while self._here and (status := self._wanted[where]) is not told:
                await self._set(where, status)
                told = status
        finally:
            del self._telling[where], self._wanted[where]

    async def _set(self, where: Where, status: SessionStatus) -> None:
        channel, thread_ts = where
        try:
            await self._client.agents_sessions_setStatus(channel_id=channel, thread_ts=thread_ts, status=status.value)
        except TROUBLE as error:
            if is_not_here(error):
                self._here = False
                _log.info(
                    "no native status and no Stop button here (%s); the word stop does the same", reason_of(error)
                )
            else:
                _log.warning("could not tell Slack that a session is %s: %s", status.value, reason_of(error))


def is_not_here(error: Exception) -> bool:
    """Whether a method is not there to be called, now or later: an older workspace, an emulator, a missing scope."""
    return code_of(error) in _NOT_HERE or getattr(getattr(error, "response", None), "status", 0) == HTTPStatus.NOT_FOUND
