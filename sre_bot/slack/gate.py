"""The gate before all listeners: whoever may not ask is told so once in a while, and nothing of it goes further."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from slack_bolt.response import BoltResponse

from sre_bot.errors import DeliveryError
from sre_bot.slack.admission import Asker
from sre_bot.slack.trouble import TROUBLE, reason_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sre_bot.slack.admission import Admission
    from sre_bot.slack.client import SlackClient

_log = logging.getLogger(__name__)

TOLD_SECONDS = 600.0
"""So long somebody who was told in a channel why they are not answered is not told again there."""
NOT_NOW = "Slack does not tell me just now whether I may answer you. Try again in a minute."
_INTERACTIONS = frozenset({"block_actions", "message_action", "shortcut", "view_submission", "block_suggestion"})
_EVENTS = frozenset(
    {"agent_session_stopped", "app_home_opened", "app_context_changed", "reaction_added", "reaction_removed"}
)
"""Events besides messages that are done for somebody."""
_MOST_TOLD = 10_000


class Gate:
    """Lets through whom ``admission`` lets ask.

    Args:
        admission: decides.
        client: the bot's.
        now: seconds, of any clock that only goes forward.
        expects: whether a reply without our name, by channel, thread and ts, would be answered; others are not told
            that theirs is not.
    """

    def __init__(
        self,
        admission: Admission,
        client: SlackClient,
        now: Callable[[], float],
        expects: Callable[[Mapping[str, Any]], Awaitable[bool]],
    ) -> None:
        self._admission = admission
        self._client = client
        self._now = now
        self._expects = expects
        self._told: dict[tuple[str, str], float] = {}
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def bots(self) -> frozenset[str]:
        """Ids of bots and apps that may ask."""
        return self._admission.rules.bots

    async def turn_away(self, body: Mapping[str, Any], *, called: bool, named: bool) -> BoltResponse | None:
        """The acknowledgement of a request that is refused; None for one that may go on.

        Args:
            body: of the request, as Slack sent it.
            called: whether it is an event in which somebody turns to us.
            named: whether by our name.

        Raises:
            DeliveryError: it cannot be seen just now whether an event may go on; Slack is to send it again.
        """
        asker = _asker(body, called=called)
        if asker is None:
            return None
        try:
            why = await self._admission.refusal(asker)
        except DeliveryError:
            if "event" in body:
                raise
            return await self._refused(body, asker, NOT_NOW)
        if why is None:
            return None
        if called and not named and not await self._expects(body):
            return BoltResponse(status=200)
        _log.info("refused a request of %s in %s", asker.user, asker.channel or "no channel")
        return await self._refused(body, asker, why if self._is_news(asker) else None)

    async def close(self) -> None:
        """Tell what is still to be told."""
        await asyncio.gather(*self._telling)

    async def _refused(self, body: Mapping[str, Any], asker: Asker, why: str | None) -> BoltResponse:
        if "command" in body:
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": why} if why else "")
        if why and asker.channel:
            telling = asyncio.create_task(self._tell(body, asker, why))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        return BoltResponse(status=200)

    async def _tell(self, body: Mapping[str, Any], asker: Asker, why: str) -> None:
        """Beside the acknowledgement, which is not to wait for it."""
        where = body.get("event") or body.get("container") or {}
        try:
            await self._client.chat_postEphemeral(
                channel=asker.channel, user=asker.user, text=why, thread_ts=where.get("thread_ts")
            )
        except TROUBLE as error:
            _log.warning("could not tell %s why they are refused: %s", asker.user, reason_of(error))

    def _is_news(self, asker: Asker) -> bool:
        key, now = (asker.user, asker.channel), self._now()
        if key in self._told and now - self._told[key] < TOLD_SECONDS:
            return False
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told[key] = now
        return True


def _asker(body: Mapping[str, Any], *, called: bool) -> Asker | None:
    """Who asks for something; None where nobody does, as in what is said to others."""
    team = str(body.get("team_id") or _id(body.get("team")))
    if event := body.get("event"):
        if not called and event.get("type") not in _EVENTS:
            return None
        user = str(event.get("user") or event.get("bot_id") or "")
        channel = str(event.get("channel") or (event.get("item") or {}).get("channel") or "")
        return Asker(team, channel, user, is_bot=bool(event.get("bot_id")))
    if "command" in body:
        return Asker(team, str(body.get("channel_id", "")), str(body.get("user_id", "")))
    if body.get("type") in _INTERACTIONS:
        channel = _id(body.get("channel")) or str((body.get("container") or {}).get("channel_id") or "")
        return Asker(team, channel, _id(body.get("user")))
    return None


def _id(value: Any) -> str:
    return str(value.get("id", "")) if isinstance(value, dict) else ""
