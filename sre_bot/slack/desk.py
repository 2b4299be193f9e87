"""Commands, the button that shares what one showed, and the shortcut on a message.

What is to be done for somebody is accepted before Slack is told that it arrived; an exception before that makes Slack
tell them that it did not work.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any

from sre_bot.agent.transcript import sendable
from sre_bot.slack.commands import COMMAND
from sre_bot.slack.errands import ERRAND, SHARE
from sre_bot.slack.messages import said_by, spoken
from sre_bot.slack.shown import SHARE_ACTION, cut, with_share
from sre_bot.slack.standing import Viewer
from sre_bot.slack.trouble import TROUBLE, code_of, may_pass, reason_of
from sre_bot.store.heard import Call
from sre_bot.store.shares import Share

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck
    from slack_bolt.context.respond.async_respond import AsyncRespond

    from sre_bot.investigation import JsonObject
    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.commands import Reply
    from sre_bot.store.shares import Shares

_log = logging.getLogger(__name__)

SHORTCUT = "ask_about_message"
"""The shortcut's callback id, as in the manifest."""
ASKED = "What is going on? This is about the message of {author} in this thread:\n{text}"
LOOKING = "I am looking into it: the answer will stand in the message's thread."
NOT_HERE = (
    "I am not in this conversation, so I could not answer in it. Invite me (`/invite` and my name) and use the "
    "shortcut again, or write to me directly."
)
NOTHING_SAID = "There is no text in that message that I could look into."
_MEMBER_SECONDS = 1.5


class Desk:
    """Where people come with other things than messages.

    Args:
        client: the bot's.
        shares: what was shown and may be shared.
        accept: makes an event durable.
        answer: answers the words behind the command.
        now: tells the present.
    """

    def __init__(
        self,
        client: SlackClient,
        shares: Shares,
        accept: Callable[[str, JsonObject], Awaitable[None]],
        answer: Callable[[str, Viewer], Awaitable[Reply]],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._shares = shares
        self._accept = accept
        self._answer = answer
        self._now = now

    def register(self, app: AsyncApp) -> None:
        """Listen to the command, the button and the shortcut."""
        app.command(COMMAND)(self._command)
        app.action(SHARE_ACTION)(self._share)
        app.shortcut({"type": "message_action", "callback_id": SHORTCUT})(self._ask_about)

    async def _command(self, ack: AsyncAck, command: Mapping[str, Any]) -> None:
        viewer = Viewer(str(command["user_id"]), str(command["team_id"]), str(command["channel_id"]))
        reply = await self._answer(str(command.get("text", "")), viewer)
        if not reply.shareable:
            await ack(text=reply.text, response_type="ephemeral")
            return
        text, id_ = cut(reply.text), secrets.token_urlsafe(16)
        share = Share(viewer.channel, viewer.person, text, self._now())
        await asyncio.to_thread(self._shares.keep, id_, share)
        await ack(text=text, blocks=with_share(text, id_), response_type="ephemeral")

    async def _share(self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]) -> None:
        """The click tells which text, and Slack where and by whom: it is shared where it was shown only."""
        id_ = str(action.get("value", ""))
        share = await asyncio.to_thread(self._shares.get, id_)
        person, channel = str(body["user"]["id"]), str(body["container"]["channel_id"])
        if share is None or (share.person, share.channel) == (person, channel):
            event: JsonObject = {
                ERRAND: SHARE,
                "share": id_,
                "team": str(body["team"]["id"]),
                "channel": channel,
                "user": person,
                "response_url": str(body["response_url"]),
                "text": "",
            }
            await self._accept(f"share:{id_}", event)
        await ack()

    async def _ask_about(self, ack: AsyncAck, body: Mapping[str, Any], respond: AsyncRespond) -> None:
        event = asked_about(body)
        if event is None or not await self._is_in(str(body["channel"]["id"])):
            await ack()
            await respond(text=NOTHING_SAID if event is None else NOT_HERE, response_type="ephemeral")
            return
        key = f"slack:{event['team']}:{event['channel']}:{body['message']['ts']}:{event['user']}"
        await self._accept(key, event)
        await ack()
        _log.info("accepted %s", key)
        await respond(text=LOOKING, response_type="ephemeral")

    async def _is_in(self, channel: str) -> bool:
        """Whether we may post there; in doubt it is tried."""
        try:
            async with asyncio.timeout(_MEMBER_SECONDS):
                answer = await self._client.conversations_info(channel=channel)
        except TROUBLE as error:
            _log.warning("cannot see whether I am in %s: %s", channel, reason_of(error))
            return may_pass(error) or code_of(error) != "channel_not_found"
        found = answer["channel"]
        return bool(found.get("is_member") or found.get("is_im"))


def asked_about(body: Mapping[str, Any]) -> JsonObject | None:
    """The shortcut as an event: a question in the message's thread, asked now; None where the message says nothing."""
    message = body["message"]
    if not (text := spoken(message)):
        return None
    author = said_by(message)
    return {
        "team": str(body["team"]["id"]),
        "channel": str(body["channel"]["id"]),
        "ts": str(body["action_ts"]),
        "thread_ts": str(message.get("thread_ts") or message["ts"]),
        "user": str(body["user"]["id"]),
        "text": sendable(ASKED.format(author=author, text=text)),
        "bot": "",
        "call": Call.MENTION.value,
        "door": "shortcut",
    }
