"""One Slack thread as the bot sees it: read as context, posted to exactly once per post, a status edited in place."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from sre_bot.errors import DeliveryError
from sre_bot.investigation import Message
from sre_bot.render.safe import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from sre_bot.slack.blocks import Post
    from sre_bot.store.posts import Posts

_log = logging.getLogger(__name__)

METADATA_TYPE = "sre_bot_post"
"""Type of the message metadata that carries our key, by which a post of unknown outcome is found again."""

MAX_CONTEXT_MESSAGES = 50
MAX_MESSAGE_CHARS = 4_000
_BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_PATIENCE_SECONDS = 3_600.0
_BLOCK_ERRORS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_block_type"})
_HTTP_SERVER_ERROR = 500


class Thread:
    """A thread of a channel.

    Args:
        client: of the bot; it must not retry posts by itself, since a post whose answer was lost may have been made.
        channel: channel id.
        ts: id of the thread's first message.
        posts: the claims.
        patience: seconds to go on trying to post while Slack does not answer.
    """

    def __init__(
        self, client: AsyncWebClient, channel: str, ts: str, posts: Posts, patience: float = _PATIENCE_SECONDS
    ) -> None:
        self._client = client
        self._channel = channel
        self._ts = ts
        self._posts = posts
        self._patience = patience

    async def read(self, before: str) -> tuple[Message, ...]:
        """The thread's messages before the message ``before``, oldest first, at most the newest fifty.

        People from other organisations, guests and bots are marked as not trusted.

        Raises:
            DeliveryError: Slack refuses, e.g. for a missing scope.
        """
        try:
            found = await self._replies()
            earlier = [message for message in found if float(message["ts"]) < float(before)][-MAX_CONTEXT_MESSAGES:]
            people = {str(user): await self._person(str(user)) for user in {m.get("user") for m in earlier} if user}
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            raise DeliveryError(f"cannot read the thread: {_reason(error)}") from error
        return tuple(_message(message, people) for message in earlier)

    async def post_once(self, key: str, post: Post) -> str:
        """Post to the thread unless ``key`` was posted before; returns the message's id.

        Raises:
            DeliveryError: Slack refuses the post, or does not answer for too long.
        """
        fresh = await asyncio.to_thread(self._posts.claim, key, self._channel, datetime.now(UTC))
        known = None if fresh else await asyncio.to_thread(self._posts.ts, key)
        if known is not None:
            return known
        ts = await self._deliver(key, post, maybe_posted=not fresh)
        await asyncio.to_thread(self._posts.posted, key, ts)
        return ts

    async def edit(self, ts: str, text: str) -> None:
        """Replace the text of a message of ours; only decoration, so a failure is logged and forgotten."""
        try:
            await self._client.chat_update(channel=self._channel, ts=ts, text=text)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("could not edit the status message: %s", _reason(error))

    async def _deliver(self, key: str, post: Post, *, maybe_posted: bool) -> str:
        variants: list[Sequence[Mapping[str, Any]] | None] = [post.blocks, post.plain_blocks, None]
        waited, attempt = 0.0, 0
        while True:
            try:
                found = await self._find(key) if maybe_posted else None
                return found or await self._post(key, post.text, variants[0])
            except SlackApiError as error:
                code = str(error.response.get("error", ""))
                if code in _BLOCK_ERRORS and len(variants) > 1:
                    _log.warning("Slack refused the blocks of %s (%s); trying plainer ones", key, code)
                    variants.pop(0)
                    continue
                if error.response.status_code < _HTTP_SERVER_ERROR and code != "ratelimited":
                    raise DeliveryError(f"Slack refused the post: {code}") from error
                reason = _reason(error)
            except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
                reason = _reason(error)
            maybe_posted = True
            pause = _BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)]
            if waited + pause > self._patience:
                raise DeliveryError(f"Slack did not take the post for {waited:.0f} s: {reason}")
            _log.warning("posting %s failed (%s); again in %.0f s", key, reason, pause)
            await asyncio.sleep(pause)
            waited, attempt = waited + pause, attempt + 1

    async def _post(self, key: str, text: str, blocks: Sequence[Mapping[str, Any]] | None) -> str:
        response = await self._client.chat_postMessage(
            channel=self._channel,
            thread_ts=self._ts,
            text=text,
            blocks=None if blocks is None else [dict(block) for block in blocks],
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": METADATA_TYPE, "event_payload": {"key": key}},
        )
        return str(response["ts"])

    async def _find(self, key: str) -> str | None:
        for message in await self._replies():
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == METADATA_TYPE and metadata.get("event_payload", {}).get("key") == key:
                return str(message["ts"])
        return None

    async def _replies(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self._client.conversations_replies(
                channel=self._channel, ts=self._ts, limit=200, cursor=cursor or None, include_all_metadata=True
            )
            messages.extend(page["messages"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return messages

    async def _person(self, user: str) -> tuple[str, bool]:
        """Display name, and whether it is a full member of our own organisation."""
        found = (await self._client.users_info(user=user))["user"]
        profile = found.get("profile") or {}
        name = profile.get("display_name") or found.get("real_name") or found.get("name") or user
        strange = ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot")
        return clean_text(str(name))[:80], not any(found.get(flag) for flag in strange)


class Status:
    """The one message that tells what is going on while it goes on, edited at most every ``every`` seconds."""

    def __init__(self, thread: Thread, ts: str, every: float = 2.5) -> None:
        self._thread = thread
        self._ts = ts
        self._every = every
        self._text = ""
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._keep_up())

    def show(self, text: str) -> None:
        """Show this line soon; a newer one replaces it if it comes first."""
        self._text = text
        self._changed.set()

    async def close(self, text: str | None = None) -> None:
        """Stop, and leave ``text`` as the last word."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if text is not None:
            await self._thread.edit(self._ts, text)

    async def _keep_up(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._thread.edit(self._ts, self._text)
            await asyncio.sleep(self._every)


def plain_text(text: str) -> str:
    """What a person typed, without Slack's markup: links keep their address, mentions their id, entities undone."""
    text = re.sub(r"<([@#!])([^>|]+)(?:\|([^>]*))?>", lambda found: f"{found[1]}{found[3] or found[2]}", text)
    text = re.sub(r"<([^>|]+)\|([^>]*)>", r"\2 (\1)", text)
    text = re.sub(r"<([^>]+)>", r"\1", text)
    return clean_text(unescape(text)).strip()


def _message(message: Mapping[str, Any], people: Mapping[str, tuple[str, bool]]) -> Message:
    name, trusted = people.get(str(message.get("user")), ("unknown", False))
    if message.get("bot_id"):
        trusted = False
    text = plain_text(str(message.get("text") or ""))
    if len(text) > MAX_MESSAGE_CHARS:
        text = f"{text[:MAX_MESSAGE_CHARS]} …({len(text) - MAX_MESSAGE_CHARS} more characters)"
    return Message(name, text, datetime.fromtimestamp(float(message["ts"]), UTC), trusted)


def _reason(error: Exception) -> str:
    """What went wrong, in a few words; Slack's error text carries the whole response otherwise."""
    if isinstance(error, SlackApiError):
        return str(error.response.get("error") or f"HTTP {error.response.status_code}")
    return str(error) or type(error).__name__
