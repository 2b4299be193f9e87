"""What people take back: stops, deleted questions and edited ones. Durable before Slack is told that they arrived."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sre_bot.slack.addressed import call_of, mentions
from sre_bot.slack.replies import event_of, mention_key, thread_of, written_at
from sre_bot.store.heard import Call, edit_key
from sre_bot.store.stops import Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sre_bot.investigation import JsonObject
    from sre_bot.slack.runs import Runs
    from sre_bot.store.heard import Heard

EDITS, BEFORE, CALLS = "edits", "before", "calls"
"""In the event of an edit: the question's key, its text before, and whether the new one still turns to us."""
STOPS = "stops"
"""In the event of a deletion: the key of the question that is gone."""


class Heeding:
    """Notices what is taken back.

    Args:
        runs: what is being worked on here, and ends when it is told to.
        heard: what was said to us.
        accept: makes an event durable and begins to work on it.
    """

    def __init__(self, runs: Runs, heard: Heard, accept: Callable[[str, JsonObject], Awaitable[None]]) -> None:
        self._runs = runs
        self._heard = heard
        self._accept = accept

    async def __call__(self, body: Mapping[str, Any], bot: str, call: Call | None) -> None:
        """Make durable what an event takes back, if it does, and end what is not wanted any more.

        Raises:
            Exception: whatever the database raises; then Slack is not to be told that it arrived.
        """
        said, team = body.get("event") or {}, str(body.get("team_id", ""))
        match said.get("type"), said.get("subtype"):
            case "agent_session_stopped", _:
                await self._button(said, team, bot)
            case _, _ if call is Call.STOP:
                await self._word(said, team, bot)
            case "message", "message_deleted":
                await self._deletion(said, team, bot)
            case "message", "message_changed":
                await self._edit(said, team, bot)

    async def _button(self, said: Mapping[str, Any], team: str, bot: str) -> None:
        if (at := said.get("event_ts")) and said.get("thread_ts"):
            event = event_of({**said, "ts": at}, team, bot, Call.STOP)
            await self._stop(Stop(f"{thread_of(event)}:stop:{at}", thread_of(event), written_at(event)), event)

    async def _word(self, said: Mapping[str, Any], team: str, bot: str) -> None:
        """Said alone in a thread of ours, or at the top of a direct conversation, which then stops as a whole."""
        event = event_of(said, team, bot, Call.STOP)
        thread, direct = thread_of(event), said.get("channel_type") == "im"
        if direct and not event["thread_ts"]:
            thread = thread.rpartition(":")[0]
        named = direct or mentions(str(said.get("text") or ""), bot)
        if named or self._runs.has(thread) or await asyncio.to_thread(self._heard.is_ours, thread):
            await self._stop(Stop(f"{mention_key(said, team)}:stop", thread, written_at(event)), event)

    async def _deletion(self, said: Mapping[str, Any], team: str, bot: str) -> None:
        gone, ts = said.get("previous_message") or {}, said.get("deleted_ts")
        question = mention_key({"channel": said["channel"], "ts": ts}, team)
        if await self._is_question(question):
            where = {"channel": said["channel"], "ts": said["ts"], "thread_ts": gone.get("thread_ts") or ts}
            event = {**event_of(where, team, bot, Call.STOP), STOPS: question}
            stop = Stop(f"{question}:deleted", thread_of(event), written_at(event), question=question)
            await self._stop(stop, event)

    async def _stop(self, stop: Stop, event: JsonObject) -> None:
        """End what runs at once; what only waits for its model is ended by the handler of events."""
        await self._runs.keep(replace(stop, by=str(event["user"]) or None))
        await self._accept(stop.key, event)

    async def _edit(self, said: Mapping[str, Any], team: str, bot: str) -> None:
        """A preview of a link changes a message, too, but not its text; and what bots write is nobody's question."""
        now, before = said.get("message") or {}, said.get("previous_message") or {}
        text, was = str(now.get("text") or ""), str(before.get("text") or "")
        if text == was or now.get("bot_id") or now.get("user") == bot or not now.get("edited"):
            return
        question = mention_key({"channel": said["channel"], "ts": now["ts"]}, team)
        if not await self._is_question(question):
            return
        at = str(now["edited"]["ts"])
        reads = {**now, "channel": said["channel"], "channel_type": said.get("channel_type"), "type": "message"}
        calls = call_of({**reads, "subtype": None}, bot) in {Call.MENTION, Call.REPLY}
        event = event_of({**reads, "ts": at, "thread_ts": now.get("thread_ts") or now["ts"]}, team, bot, Call.EDIT)
        key = edit_key(question, at)
        await asyncio.to_thread(self._heard.note, key, thread_of(event), Call.EDIT, written_at(event))
        await self._accept(key, {**event, EDITS: question, BEFORE: was, CALLS: calls})

    async def _is_question(self, key: str) -> bool:
        return self._runs.knows(key) or await asyncio.to_thread(self._heard.knows, key)
