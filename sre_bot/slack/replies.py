"""Whether a reply without our name is let in: where we were called, are not to be quiet, and have not answered much."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sre_bot.agent.transcript import sendable
from sre_bot.slack.addressed import mentions
from sre_bot.store.heard import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sre_bot.investigation import JsonObject
    from sre_bot.store.heard import Heard

MOST_UNPROMPTED = 2
"""So many answers a thread gets without a mention …"""
WITHIN = timedelta(minutes=10)
"""… in this time. What joins an investigation that runs anyway is no answer of its own."""


def mention_key(event: Mapping[str, object], team: str) -> str:
    """What makes a mention one and the same, however often it is delivered."""
    return f"slack:{team}:{event['channel']}:{event['ts']}"


def event_of(said: Mapping[str, Any], team: str, bot: str, call: Call) -> JsonObject:
    """What is kept of an event that Slack delivered: what was said where, when and by whom."""
    return {
        "team": team,
        "channel": str(said["channel"]),
        "ts": str(said["ts"]),
        "thread_ts": said.get("thread_ts"),
        "user": str(said.get("user") or said.get("bot_id") or ""),
        "text": sendable(str(said.get("text", ""))),  # half a character could not be kept
        "bot": bot,
        "call": call.value,
    }


def thread_of(event: JsonObject) -> str:
    """The thread that an event belongs to, or would begin, as the store knows it."""
    return f"slack:{event['team']}:{event['channel']}:{event['thread_ts'] or event['ts']}"


def written_at(event: JsonObject) -> datetime:
    """When it was written; deliveries late or repeated change nothing about that."""
    return datetime.fromtimestamp(float(str(event["ts"])), UTC)


class Replies:
    """Lets replies in, one after the other, so that two at once are not both the last that may come."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._one_by_one = asyncio.Lock()

    async def let_in(self, key: str, event: JsonObject) -> bool:
        """Whether the reply is to be answered; what was let in once always is.

        Raises:
            Exception: whatever the database raises; then nothing was decided.
        """
        async with self._one_by_one:
            return await asyncio.to_thread(self._let_in, key, event)

    async def expects(self, body: Mapping[str, Any]) -> bool:
        """Whether what is said in the thread of an event, as Slack sent it, is listened to; notes nothing."""
        said = body["event"]
        event = {"team": body.get("team_id", ""), "channel": said["channel"], "ts": said["ts"]}
        thread = thread_of({**event, "thread_ts": said.get("thread_ts")})
        return await asyncio.to_thread(self._heard.is_listening, thread, written_at(event))

    def _let_in(self, key: str, event: JsonObject) -> bool:
        thread, at, call = thread_of(event), written_at(event), Call(str(event["call"]))
        if call is Call.CATCH_UP:  # which is kept nowhere, and answered to whoever asks where we may speak
            return mentions(str(event["text"]), str(event["bot"])) or self._heard.is_ours(thread)
        if self._heard.knows(key):
            return True
        if not self._heard.is_listening(thread, at):
            return False
        if call is Call.REPLY and self._heard.replies_since(thread, at - WITHIN) >= MOST_UNPROMPTED:
            return False
        self._heard.note(key, thread, call, at)
        return True
