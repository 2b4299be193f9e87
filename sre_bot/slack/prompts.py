"""What we suggest to ask when somebody opens the conversation with us."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sre_bot.slack.sessions import is_not_here
from sre_bot.slack.trouble import TROUBLE, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_bolt.app.async_app import AsyncApp

    from sre_bot.slack.client import SlackClient

_log = logging.getLogger(__name__)

TITLE = "Ask what is wrong, or where to look"
PROMPTS = (
    {"title": "What is going on?", "message": "What is going on right now?"},
    {
        "title": "What changed?",
        "message": "What was deployed or changed in the last two hours, and did anything get worse?",
    },
    {"title": "Why does it fire?", "message": "Which alerts fire, and what causes the worst of them?"},
    {"title": "Is it over?", "message": "Is everything back to normal? What still looks odd?"},
)
"""Slack takes four at most."""


class Prompts:
    """Sets the suggested prompts of a direct conversation; where that cannot be done, nothing is lost."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._here = True

    def register(self, app: AsyncApp) -> None:
        """Listen for who opens the conversation."""
        app.event("app_home_opened", matchers=[_is_conversation])(self._opened)

    async def _opened(self, event: Mapping[str, Any]) -> None:
        """Suggest prompts to whoever opened the conversation."""
        if not self._here or not event.get("channel"):
            return
        try:
            await self._client.assistant_threads_setSuggestedPrompts(
                channel_id=str(event["channel"]), title=TITLE, prompts=[*map(dict, PROMPTS)]
            )
        except TROUBLE as error:
            self._here = not is_not_here(error)
            _log.info("no suggested prompts: %s", reason_of(error))


async def _is_conversation(event: Mapping[str, Any]) -> bool:
    return event.get("tab") == "messages"
