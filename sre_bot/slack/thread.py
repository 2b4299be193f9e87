"""One Slack thread as the bot sees it: read as context, posted to exactly once per post, a status edited in place."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from sre_bot.errors import DeliveryError
from sre_bot.render.safe import clean_text, slack_safe
from sre_bot.slack import limits
from sre_bot.slack.messages import METADATA_TYPE, Person, member, message
from sre_bot.slack.trouble import TROUBLE, code_of, is_about_this, may_pass, reason_of
from sre_bot.store.database import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from sre_bot.investigation import Message
    from sre_bot.render.finding import Finding
    from sre_bot.slack.blocks import Post
    from sre_bot.slack.client import SlackClient
    from sre_bot.store.posts import Posts

_log = logging.getLogger(__name__)

PICTURE = "finding.png"
MAX_CONTEXT_MESSAGES = 50
_NEWEST = 200
"""So far back a post of unknown outcome is looked for in a channel."""
STOPPED = "Stopped: something broke inside me."
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_PATIENCE_SECONDS = 3_600.0
_ATTEMPTS_IN_LINE = 3
"""Of a post that Slack fails at in its own words, which others need not: then it goes on beside the line."""
_MAX_UPDATE = 3_900
"""Characters of text that an edit may have; with blocks it is for notifications only."""
_BLOCK_ERRORS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_block_type"})


class Thread:
    """A thread of a channel.

    Args:
        client: of the bot; it repeats no posts by itself, since a post whose answer was lost may have been made.
        team: id of our workspace.
        channel: channel id.
        ts: id of the thread's first message; None: the channel itself, outside threads.
        posts: the claims.
        patience: seconds to go on trying to post while Slack does not take it.
        pauses: seconds between attempts; the last one repeats.
    """

    def __init__(
        self,
        client: SlackClient,
        team: str,
        channel: str,
        ts: str | None,
        posts: Posts,
        *,
        patience: float = _PATIENCE_SECONDS,
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        self._client = client
        self._team = team
        self.channel = channel
        self.ts = ts
        self._posts = posts
        self._patience = patience
        self._pauses = pauses

    @property
    def root(self) -> str:
        """Id of the thread's first message; "" for the channel itself."""
        return self.ts or ""

    async def read(self, before: str, *, people_only: bool = False) -> tuple[Message, ...]:
        """The thread's messages before the message ``before``, oldest first, at most the newest fifty.

        With ``people_only``, those of programs, ours among them, are left out.

        People from other organisations, guests and bots are marked as not trusted, as is whoever is not known.

        Raises:
            DeliveryError: Slack refuses, e.g. for a missing scope.
        """
        try:
            replies = await self._replies()
        except TROUBLE as error:
            raise DeliveryError(f"cannot read the thread: {reason_of(error)}") from error
        earlier = [one for one in replies if float(one["ts"]) < float(before) and one.get("subtype") != "tombstone"]
        if people_only:
            earlier = [one for one in earlier if one.get("user") and not one.get("bot_id")]
        earlier = earlier[-MAX_CONTEXT_MESSAGES:]
        people = await self._people({str(one["user"]) for one in earlier if one.get("user") and not one.get("bot_id")})
        return tuple(message(one, people) for one in earlier)

    async def post_once(self, key: str, post: Post, *, ahead: bool = False) -> str:
        """Post to the thread unless ``key`` was posted before; returns the message's id.

        Where what is folded in the post cannot be shown so, it follows as a message of its own. What goes ``ahead``
        waits only for what Slack is being asked to take, not for all that is still to be posted to the channel.

        Raises:
            DeliveryError: Slack refuses the post, or does not take it for too long.
        """
        ts = await self._post_in_line(key, post, ahead=ahead)
        details = _details_key(key)
        if post.details is not None and await patiently(partial(self._posts.is_claimed, details)):
            await self.post_once(details, post.details)
        return ts

    async def _post_in_line(self, key: str, post: Post, *, ahead: bool) -> str:
        until = asyncio.get_running_loop().time() + self._patience
        async with contextlib.AsyncExitStack() as in_line:
            await in_line.enter_async_context(self._client.line(self.channel).turn(ahead=ahead))
            fresh = await patiently(partial(self._posts.claim, key, self.channel, datetime.now(UTC)))
            known = None if fresh else await patiently(partial(self._posts.ts, key))
            if known is not None:
                return known
            made = await self._deliver(key, post, until, in_line, maybe_posted=not fresh)
            if post.details is not None and not _is_folded(made):
                await patiently(partial(self._posts.claim, _details_key(key), self.channel, datetime.now(UTC)))
            ts = str(made["ts"])
            await patiently(partial(self._posts.posted, key, ts))
            return ts

    async def has_tried(self, key: str) -> bool:
        """Whether ``key`` was claimed before."""
        return await patiently(partial(self._posts.is_claimed, key))

    async def upload_once(self, key: str, png: bytes, finding: Finding) -> None:
        """Upload a picture to the thread unless ``key`` was claimed before; only decoration, so never a second time."""
        if not await patiently(partial(self._posts.claim, key, self.channel, datetime.now(UTC))):
            return
        try:
            await self._client.files_upload_v2(
                channel=self.channel,
                thread_ts=self.ts,
                file=png,
                filename=PICTURE,
                title=clean_text(finding.title)[: limits.TITLE],
                alt_txt=finding.alt,
                initial_comment=slack_safe(f"Chart: {finding.title}", frozenset()),
            )
        except TROUBLE as error:
            _log.warning("could not upload the picture of %s: %s", key, reason_of(error))

    async def edit(self, ts: str, text: str) -> None:
        """Replace the text of a message of ours; only decoration, so a failure is logged and forgotten."""
        await self.edit_to_latest(ts, lambda: text)

    async def replace(self, ts: str, post: Post) -> None:
        """Put another post in the place of one of ours; as ``edit``, it is no more than tidy."""
        for blocks in (post.blocks, post.plain_blocks):
            try:
                await self._client.chat_update(
                    channel=self.channel, ts=ts, text=post.text[:_MAX_UPDATE], blocks=[dict(one) for one in blocks]
                )
            except TROUBLE as error:
                if code_of(error) not in _BLOCK_ERRORS:
                    _log.warning("could not replace a post: %s", reason_of(error))
                    return
            else:
                return

    async def edit_to_latest(self, ts: str, latest: Callable[[], str]) -> None:
        """As ``edit``, by what is the latest text when our turn to edit comes."""
        try:
            await self._client.edit(self.channel, ts, latest)
        except TROUBLE as error:
            _log.warning("could not edit the status message: %s", reason_of(error))

    async def _deliver(
        self, key: str, post: Post, until: float, in_line: contextlib.AsyncExitStack, *, maybe_posted: bool
    ) -> Mapping[str, Any]:
        """Try until it stands there; the message. What is posted later waits for that: order is worth a delay."""
        variants: list[Sequence[Mapping[str, Any]] | None] = [post.blocks, post.plain_blocks, None]
        pauses = itertools.chain(self._pauses, itertools.repeat(self._pauses[-1]))
        for attempt in itertools.count(1):
            try:
                found = await self._find(key) if maybe_posted else None
                return found or await self._post(key, post.text, variants[0])
            except TROUBLE as error:
                if code_of(error) in _BLOCK_ERRORS and len(variants) > 1:
                    _log.warning("Slack refused the blocks of %s (%s); trying plainer ones", key, code_of(error))
                    del variants[0]
                    continue
                pause = self._pause(key, error, next(pauses), until - asyncio.get_running_loop().time())
                if attempt >= _ATTEMPTS_IN_LINE and is_about_this(error):
                    await in_line.aclose()
            maybe_posted = True
            await asyncio.sleep(pause)
        raise AssertionError("attempts go on until one ends them")

    def _pause(self, key: str, error: Exception, pause: float, left: float) -> float:
        """The seconds until the next attempt, when ``left`` ones remain. Raises DeliveryError when there is none."""
        if not may_pass(error):
            raise DeliveryError(f"Slack refused the post: {code_of(error)}") from error
        if pause > left:
            raise DeliveryError(f"Slack did not take the post for {self._patience - left:.0f} s: {reason_of(error)}")
        _log.warning("posting %s failed (%s); again in %g s", key, reason_of(error), pause)
        return pause

    async def _post(self, key: str, text: str, blocks: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
        response = await self._client.chat_postMessage(
            channel=self.channel,
            thread_ts=self.ts,
            text=text,
            blocks=None if blocks is None else [dict(block) for block in blocks],
            metadata={"event_type": METADATA_TYPE, "event_payload": {"key": key}},
        )
        return {"blocks": blocks or (), "ts": response["ts"]}

    async def _find(self, key: str) -> Mapping[str, Any] | None:
        for reply in await self._replies():
            metadata = reply.get("metadata") or {}
            if metadata.get("event_type") == METADATA_TYPE and metadata.get("event_payload", {}).get("key") == key:
                return reply
        return None

    async def _replies(self) -> list[dict[str, Any]]:
        if self.ts is None:
            page = await self._client.conversations_history(
                channel=self.channel, limit=_NEWEST, include_all_metadata=True
            )
            return list(page["messages"])
        replies: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self._client.conversations_replies(
                channel=self.channel, ts=self.ts, limit=200, cursor=cursor or None, include_all_metadata=True
            )
            replies.extend(page["messages"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return replies

    async def author(self, user: str) -> Person:
        """Who wrote to us; not trusted when Slack does not tell."""
        return await self._person(user) or Person(user, trusted=False)

    async def _people(self, users: Iterable[str]) -> Mapping[str, Person]:
        """Those of the users whom Slack tells about."""
        asked = list(users)
        told = await asyncio.gather(*map(self._person, asked))
        return {user: person for user, person in zip(asked, told, strict=True) if person is not None}

    async def _person(self, user: str) -> Person | None:
        try:
            answer = await self._client.users_info(user=user)
        except TROUBLE as error:
            _log.warning("cannot see who %s is: %s", user, reason_of(error))
            return None
        return member(answer["user"], self._team)


def _details_key(key: str) -> str:
    return f"{key}:details"


def _is_folded(message: Mapping[str, Any]) -> bool:
    return any(block.get("type") == "container" for block in message.get("blocks") or ())


class Status:
    """The one message that tells what is going on while it goes on, edited at most every ``every`` seconds.

    An async context manager; at its end stands the last word, or, after a fault of ours, that it stopped.
    """

    def __init__(self, thread: Thread, ts: str, every: float = 2.5) -> None:
        self._thread = thread
        self._ts = ts
        self._every = every
        self._text = ""
        self._last: str | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        last = STOPPED if isinstance(error, Exception) else self._last
        if last is not None:
            await self._thread.edit(self._ts, last)

    def show(self, text: str) -> None:
        """Show this line soon; a newer one replaces it if it comes first."""
        self._text = text
        self._changed.set()

    def end_with(self, text: str) -> None:
        """What the message is to say in the end."""
        self._last = text

    async def _keep_up(self) -> None:
        while True:
            await self._changed.wait()
            await self._thread.edit_to_latest(self._ts, self._latest)
            await asyncio.sleep(self._every)

    def _latest(self) -> str:
        self._changed.clear()
        return self._text
