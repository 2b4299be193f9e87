"""What the questions of a channel are about, as configured by the channel's name or id."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sre_bot.investigation import Scope
from sre_bot.slack.trouble import TROUBLE, reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.web.async_client import AsyncWebClient

_log = logging.getLogger(__name__)

_ANSWER_SECONDS = 3.0
"""So long an investigation waits to learn where it is."""


class Channels:
    """Scopes of channels; names are asked for once.

    Args:
        client: the bot's.
        scopes: by a channel's id, or its name with or without ``#``.
    """

    def __init__(self, client: AsyncWebClient, scopes: Mapping[str, Scope]) -> None:
        self._client = client
        self._scopes = {channel.removeprefix("#"): scope for channel, scope in scopes.items()}
        self._names: dict[str, str] = {}

    async def scope(self, channel: str) -> Scope:
        """What a channel, by its id, is about; empty when that is not configured or Slack does not tell its name.

        A direct conversation is about nothing in particular.
        """
        if channel in self._scopes:
            return self._scopes[channel]
        if not self._scopes or channel.startswith("D"):
            return Scope()
        if channel not in self._names and (name := await self._name(channel)) is not None:
            self._names[channel] = name
        return self._scopes.get(self._names.get(channel, ""), Scope())

    async def _name(self, channel: str) -> str | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await self._client.conversations_info(channel=channel)
        except TROUBLE as error:
            _log.warning("cannot see what the channel %s is called: %s", channel, reason_of(error))
            return None
        return str(answer["channel"].get("name") or "")
