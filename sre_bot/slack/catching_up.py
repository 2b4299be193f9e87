"""``catch me up``: how things stand in a thread, told to whoever asks and to nobody else."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sre_bot.errors import DeliveryError
from sre_bot.render.recap import Since, catch_up
from sre_bot.render.safe import slack_safe
from sre_bot.slack.blocks import plain_post
from sre_bot.slack.replies import thread_of
from sre_bot.slack.trouble import TROUBLE, reason_of
from sre_bot.store.database import patiently

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.investigation import Answer, JsonObject, Message
    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.thread import Thread
    from sre_bot.store.investigations import Investigations, Running
    from sre_bot.store.posts import Posts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """Tells how things stand, out of what is kept and what the thread says."""

    client: SlackClient
    investigations: Investigations
    posts: Posts

    async def tell(self, key: str, event: JsonObject, thread: Thread, now: float) -> None:
        """Tell it once; ``now`` in unix seconds.

        Raises:
            DeliveryError: it could be told in no way at all.
        """
        where, moment = thread_of(event), datetime.fromtimestamp(now, UTC)
        answer, running, answers = await patiently(partial(self._known, where))
        said = await self._said(thread, event, answer)
        people = tuple(dict.fromkeys(message.author for message in reversed(said)))
        happened = Since(len(said), people, answers, [one.question for one in running])
        await self._whisper(f"{key}:catch-up", event, "\n".join(catch_up(answer, happened, moment)), thread, moment)

    def _known(self, where: str) -> tuple[Answer | None, Sequence[Running], int]:
        """The newest that is known: the first look of what runs now, or else the last answer."""
        running = self.investigations.running(where)
        looks = [one.first_look for one in running if one.first_look]
        last = looks[-1] if looks else self.investigations.earlier("", where)
        return last, running, self.investigations.answered(where)

    async def _said(self, thread: Thread, event: JsonObject, answer: Answer | None) -> Sequence[Message]:
        """What people, not programs, said since that was known; nothing where the thread cannot be read."""
        if not event["thread_ts"]:
            return ()
        try:
            said = await thread.read(str(event["ts"]), people_only=True)
        except DeliveryError as error:
            _log.warning("%s", error)
            return ()
        return [one for one in said if answer is None or (one.time and one.time > answer.question.asked_at)]

    async def _whisper(self, key: str, event: JsonObject, text: str, thread: Thread, now: datetime) -> None:
        """To one person in the thread, else directly, else as a reply. Asked again after a kill it says nothing."""
        if await patiently(partial(self.posts.ts, key)):
            return
        channel, user = str(event["channel"]), str(event["user"])
        await patiently(partial(self.posts.claim, key, channel, now))
        for tell in (self._ephemeral, self._direct):
            try:
                ts = await tell(channel, user, event["thread_ts"], slack_safe(text, frozenset()))
            except TROUBLE as error:
                _log.warning("could not tell %s in private: %s", user, reason_of(error))
            else:
                await patiently(partial(self.posts.posted, key, ts))
                return
        await thread.post_once(f"{key}:reply", plain_post(text))

    async def _ephemeral(self, channel: str, user: str, thread_ts: object, text: str) -> str:
        where = str(thread_ts) if thread_ts else None
        answer = await self.client.chat_postEphemeral(channel=channel, user=user, text=text, thread_ts=where)
        return str(answer["message_ts"])

    async def _direct(self, _channel: str, user: str, _thread_ts: object, text: str) -> str:
        answer = await self.client.chat_postMessage(channel=user, text=text)
        return str(answer["ts"])
