"""Takes clicks on the buttons under an answer: a vote is in the database before Slack is told that it arrived."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sre_bot.agent.transcript import sendable
from sre_bot.slack import feedback
from sre_bot.slack.trouble import TROUBLE, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck

    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.directory import Directory
    from sre_bot.store.grades import Grades, Vote
    from sre_bot.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_GRADES = re.compile(rf"{re.escape(feedback.THUMB)}(?::\d+)?|{re.escape(feedback.GRADE)}\d+")


class Grading:
    """The buttons' other end.

    Args:
        client: the bot's.
        grades: where votes are kept.
        directory: tells who is one of us.
        metrics: where they are counted.
        redact: takes secrets out of what people write.
        graded: is told that there is a new vote.
    """

    def __init__(
        self,
        client: SlackClient,
        grades: Grades,
        directory: Directory,
        metrics: Metrics,
        *,
        redact: Callable[[str], str],
        graded: Callable[[], None],
    ) -> None:
        self._client = client
        self._grades = grades
        self._directory = directory
        self._metrics = metrics
        self._redact = redact
        self._graded = graded

    def register(self, app: AsyncApp) -> None:
        """Listen to the buttons and the modal."""
        app.action(_GRADES)(self._vote)
        app.action(feedback.SAY)(self._ask_why)
        app.view(feedback.MODAL)(self._say)

    async def _vote(self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]) -> None:
        person, found = str(body["user"]["id"]), None
        if (read := feedback.vote_of(action, person)) and _is_from(body, read[0]):
            key, vote = read
            at = datetime.fromtimestamp(float(action["action_ts"]), UTC)
            found = await asyncio.to_thread(self._grades.give, key, vote, at)
        await ack()
        if read is None or found is None:
            await self._tell(body, feedback.GONE, None)
            return
        key, vote = read
        if found:
            self._metrics.grades.labels(vote.kind.value, str(vote.value)).inc()
            self._graded()
        await self._tell(body, *feedback.confirmation(vote, key))
        await self._mark(body, vote)

    async def _ask_why(self, ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any]) -> None:
        await ack()
        if (read := feedback.kind_and_key(str(action.get("value", "")))) is None:
            return
        kind, key = read
        try:
            await self._client.views_open(trigger_id=str(body["trigger_id"]), view=feedback.sentence_view(key, kind))
        except TROUBLE as error:
            _log.warning("could not open the view for a sentence: %s", reason_of(error))

    async def _say(self, ack: AsyncAck, body: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        """Their own vote is looked up by who they are; the view only tells which answer it was about."""
        read = feedback.kind_and_key(str(view.get("private_metadata", "")))
        sentence, kept = self._redact(sendable(feedback.sentence_of(view))), False
        if read is not None:
            kind, key = read
            kept = await asyncio.to_thread(self._grades.say, key, str(body["user"]["id"]), kind, sentence)
        if kept:
            await ack()
            self._graded()
        else:
            await ack(response_action="errors", errors={"sentence": feedback.UNVOTED})

    async def _mark(self, body: Mapping[str, Any], vote: Vote) -> None:
        """Note whether whoever voted is one of us; where Slack does not tell, that stays unknown."""
        try:
            member = await self._directory.is_member(vote.person, str(body["team"]["id"]))
        except TROUBLE as error:
            _log.warning("cannot see who %s is: %s", vote.person, reason_of(error))
            return
        await asyncio.to_thread(self._grades.know, vote.person, member=member)

    async def _tell(self, body: Mapping[str, Any], text: str, blocks: list[Any] | None) -> None:
        """Seen by whoever clicked only; a vote counts without it."""
        where = body["container"]
        try:
            await self._client.chat_postEphemeral(
                channel=str(where["channel_id"]),
                user=str(body["user"]["id"]),
                thread_ts=where.get("thread_ts"),
                text=text,
                blocks=blocks,
            )
        except TROUBLE as error:
            _log.warning("could not confirm a vote: %s", reason_of(error))


def _is_from(body: Mapping[str, Any], key: str) -> bool:
    """Whether an investigation was answered where it was clicked: Slack shows a button to those who may see that."""
    team, channel = str(body["team"]["id"]), str(body["container"].get("channel_id", ""))
    return key.startswith(f"slack:{team}:{channel}:")
