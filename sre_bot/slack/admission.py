"""Who may ask, and where: decided before anything of a request is kept, the same for every door and every kind."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sre_bot.errors import DeliveryError
from sre_bot.slack.trouble import TROUBLE, may_pass, reason_of

if TYPE_CHECKING:
    from sre_bot.settings import SlackSettings
    from sre_bot.slack.directory import Directory

_log = logging.getLogger(__name__)

WRONG_CHANNEL = (
    "I do not answer here, only in the channels I was set up for. Ask in one of those, or have whoever runs me add "
    "this one ({channel}) to `slack.allowed_channels`."
)
NOT_DIRECTLY = (
    "I do not answer direct messages here, only in channels. Ask in one I was set up for, or have whoever runs me set "
    "`slack.direct_messages`."
)
NOT_YOU = (
    "I answer to some people only, and you are not among them yet. Ask one of them, or have whoever runs me add you "
    "({user}) to `slack.allowed_users` or to a group in `slack.allowed_groups`."
)
OUTSIDER = (
    "I answer to full members of this organisation only, not to guests or people of other ones. Ask a colleague who is "
    "a member to ask me."
)
CANNOT_SEE = (
    "I cannot see whether I may answer you, as Slack does not tell me ({why}), so I do not. Have whoever runs me look "
    "at what `sre-bot check` says."
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask, and where. Empty lists allow all; a user group is told by handle or id, a channel by name or id.

    ``direct``: whether direct messages are answered; None: where no channels are listed. ``bots``: ids of bots and apps
    that are answered when they mention us, which holds of no other.
    """

    channels: frozenset[str] = frozenset()
    direct: bool | None = None
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    refuse_outsiders: bool = False
    bots: frozenset[str] = frozenset()

    @classmethod
    def of(cls, slack: SlackSettings) -> Self:
        """As they are configured."""
        return cls(
            channels=frozenset(slack.allowed_channels),
            direct=slack.direct_messages,
            users=frozenset(slack.allowed_users),
            groups=frozenset(slack.allowed_groups),
            refuse_outsiders=slack.refuse_outsiders,
            bots=frozenset(slack.allowed_bots),
        )


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks and where; ``channel`` is empty where a request comes from none, as one from the Home tab."""

    team: str
    channel: str
    user: str
    is_bot: bool = False


class Admission:
    """Decides by the rules, and by what Slack says of channels, people and groups.

    Args:
        rules: as configured.
        directory: looks up what the rules name.
    """

    def __init__(self, rules: Rules, directory: Directory) -> None:
        self.rules = rules
        self._directory = directory

    async def refusal(self, asker: Asker) -> str | None:
        """What to tell somebody who may not ask; None for who may. What cannot be seen is refused.

        Raises:
            DeliveryError: Slack does not tell just now; asked again it may.
        """
        try:
            return await self._place(asker) or await self._person(asker)
        except TROUBLE as error:
            if may_pass(error):
                raise DeliveryError(f"cannot see who may ask: {reason_of(error)}") from error
            _log.error("refused %s, as Slack does not tell who may ask: %s", asker.user, reason_of(error))
            return CANNOT_SEE.format(why=reason_of(error))

    async def _place(self, asker: Asker) -> str | None:
        channels, direct = self.rules.channels, self.rules.direct
        if asker.channel.startswith("D"):
            return None if direct or (direct is None and not channels) else NOT_DIRECTLY
        if not asker.channel or not channels or asker.channel in channels:
            return None
        if await self._directory.channel_name(asker.channel) in channels:
            return None
        return WRONG_CHANNEL.format(channel=asker.channel)

    async def _person(self, asker: Asker) -> str | None:
        rules = self.rules
        if asker.is_bot:
            return None  # those that are not allowed were ignored
        if (rules.users or rules.groups) and asker.user not in rules.users and not await self._in_a_group(asker.user):
            return NOT_YOU.format(user=asker.user)
        if rules.refuse_outsiders and not await self._directory.is_member(asker.user, asker.team):
            return OUTSIDER
        return None

    async def _in_a_group(self, user: str) -> bool:
        return any([await self._directory.in_group(user, group) for group in sorted(self.rules.groups)])
