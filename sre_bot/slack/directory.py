"""What Slack's ids stand for: channels, people and user groups, remembered for a few minutes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sre_bot.slack.messages import member

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sre_bot.slack.client import SlackClient

T = TypeVar("T")

KNOWN_SECONDS = 300.0
"""So long what Slack told is taken to hold: a change of a group or a name shows after that."""
ANSWER_SECONDS = 2.0
"""Slack waits three seconds for an acknowledgement, and who asks is looked up before it."""
_MOST_KNOWN = 10_000


class Directory:
    """Looks ids up. All methods raise what a call of the Web API raises, and remember nothing then.

    Args:
        client: the bot's.
        now: seconds, of any clock that only goes forward.
    """

    def __init__(self, client: SlackClient, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}

    async def channel_name(self, channel: str) -> str:
        """What a channel is called, without ``#``."""

        async def look() -> str:
            answer = await self._client.conversations_info(channel=channel)
            return str(answer["channel"].get("name") or "")

        return await self._remembered("channel", channel, look)

    async def is_public(self, channel: str) -> bool:
        """Whether every full member of our organisation may read a channel."""

        async def look() -> bool:
            answer = await self._client.conversations_info(channel=channel)
            closed = ("is_private", "is_im", "is_mpim")
            return not any(answer["channel"].get(kind) for kind in closed)

        return await self._remembered("public", channel, look)

    async def is_member(self, user: str, team: str) -> bool:
        """Whether somebody is a full member of our organisation: no guest, bot, or member of another one."""

        async def look() -> bool:
            answer = await self._client.users_info(user=user)
            return member(answer["user"], team).trusted

        return await self._remembered(f"member of {team}", user, look)

    async def in_group(self, user: str, group: str) -> bool:
        """Whether somebody is in a user group, told by its id or its handle; False where there is no such group."""
        groups = await self._remembered("groups", "", self._groups)
        ids = {group} if group in groups.values() else {groups[group]} if group in groups else set[str]()
        return any([user in await self._people(one) for one in ids])

    async def _groups(self) -> dict[str, str]:
        answer = await self._client.usergroups_list()
        return {str(one["handle"]): str(one["id"]) for one in answer["usergroups"]}

    async def _people(self, group: str) -> frozenset[str]:
        async def look() -> frozenset[str]:
            answer = await self._client.usergroups_users_list(usergroup=group)
            return frozenset(map(str, answer["users"]))

        return await self._remembered("people", group, look)

    async def _remembered(self, kind: str, id_: str, look: Callable[[], Awaitable[T]]) -> T:
        since, value = self._known.get((kind, id_), (None, None))
        if since is not None and self._now() - since < KNOWN_SECONDS:
            return cast("T", value)
        async with asyncio.timeout(ANSWER_SECONDS):
            found = await look()
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[kind, id_] = (self._now(), found)
        return found
