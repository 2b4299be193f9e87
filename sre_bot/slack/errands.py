"""Small durable work besides investigations: what was accepted is done once, also after a crash."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sre_bot.errors import DeliveryError
from sre_bot.slack.blocks import Post
from sre_bot.slack.shown import TITLE_OF_SHARED, shown_blocks
from sre_bot.slack.thread import Thread
from sre_bot.store.database import patiently

if TYPE_CHECKING:
    from sre_bot.durable import Handler, Journal
    from sre_bot.investigation import JsonObject
    from sre_bot.slack.client import SlackClient
    from sre_bot.store.posts import Posts
    from sre_bot.store.shares import Shares

_log = logging.getLogger(__name__)

ERRAND = "errand"
"""In an event that is none of somebody turning to us: which errand it is."""
SHARE = "share"
SHARED = "Shared with the channel."
TOO_OLD = "This is too old to be shared. Give the command again."
NOT_SHARED = "I could not post here ({why}). Invite me to the channel, and give the command again."
SHARE_PATIENCE_SECONDS = 300.0
"""So long a post is tried; what fires is another story after that."""


class Errands:
    """Does errands, and leaves all else to ``inner``.

    Args:
        inner: handles whatever is no errand.
        client: the bot's.
        posts: the claims.
        shares: what may be shared.
    """

    def __init__(self, inner: Handler, client: SlackClient, posts: Posts, shares: Shares) -> None:
        self._inner = inner
        self._client = client
        self._posts = posts
        self._shares = shares

    async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
        """Handle the event."""
        if event.get(ERRAND) == SHARE:
            await self._share(key, event)
        else:
            await self._inner(key, event, journal)

    async def _share(self, key: str, event: JsonObject) -> None:
        """Post what was shown; its text is ours, kept when it was shown."""
        share = await patiently(partial(self._shares.get, str(event["share"])))
        if share is None:
            await self._tell(event, TOO_OLD)
            return
        title = TITLE_OF_SHARED.format(person=event["user"])
        blocks = shown_blocks(share.text, title)
        channel = Thread(
            self._client,
            str(event["team"]),
            share.channel,
            None,
            self._posts,
            patience=SHARE_PATIENCE_SECONDS,
        )
        try:
            await channel.post_once(key, Post(f"{title}\n{share.text}", blocks, blocks))
        except DeliveryError as error:
            _log.warning("could not share %s: %s", key, error)
            await self._tell(event, NOT_SHARED.format(why=error))
        else:
            await self._tell(event, SHARED, shown_blocks(share.text, SHARED))

    async def _tell(self, event: JsonObject, text: str, blocks: list[JsonObject] | None = None) -> None:
        """Put it in the place of what they clicked in; only decoration, so a failure is logged and forgotten."""
        try:
            client = AsyncWebhookClient(str(event["response_url"]))
            await client.send(text=text, blocks=blocks, replace_original=True, response_type="ephemeral")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            _log.warning("could not tell how a share went: %s", type(error).__name__)
