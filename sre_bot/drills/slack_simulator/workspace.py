"""The workspace: people, channels and messages, with no wire in sight."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sre_bot.drills.slack_simulator.wire import Json

ChannelKind = Literal["channel", "group", "im"]


@dataclass(frozen=True, slots=True)
class Bot:
    """The app as installed in the workspace."""

    user_id: str = "UBOT"
    bot_id: str = "BBOT"
    app_id: str = "ASREBOT"
    name: str = "sre-bot"

    @property
    def mention(self) -> str:
        """How a message mentions it on the wire."""
        return f"<@{self.user_id}>"


@dataclass(frozen=True, slots=True)
class User:
    """A person."""

    id: str
    name: str
    is_guest: bool = False
    tz: str = "Etc/UTC"
    team: str = ""
    """Of another organisation, which the channel is shared with; empty: of ours."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A public channel, a private one ("group") or a direct conversation with the bot ("im")."""

    id: str
    name: str
    kind: ChannelKind = "channel"
    has_bot: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """A user group, e.g. ``@oncall``, of people told by their ids."""

    id: str
    handle: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file; ``alt`` is what a picture shows, in words."""

    id: str
    name: str
    title: str
    content: bytes = b""
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands now; ``thread_ts`` is set on replies only, ``visible_to`` on ephemeral ones only."""

    channel: str
    ts: str
    user: str
    text: str
    by_bot: bool = False
    thread_ts: str | None = None
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    files: tuple[File, ...] = ()
    metadata: Json | None = None
    edited_ts: str | None = None
    deleted: bool = False
    reactions: tuple[tuple[str, str], ...] = ()
    visible_to: str | None = None

    @property
    def root_ts(self) -> str:
        """The ts of the thread it belongs to or would begin."""
        return self.thread_ts or self.ts


@dataclass(slots=True)
class Workspace:
    """Everything that Slack remembers. Not safe across threads: it belongs to the event loop of its simulator."""

    now: Callable[[], datetime]
    bot: Bot = field(default_factory=Bot)
    team_id: str = "T0SIM"
    team_name: str = "Simulated Inc"
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    ephemeral: list[Message] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    home_views: dict[str, Json] = field(default_factory=dict)
    modals: list[Json] = field(default_factory=list)
    triggers: set[str] = field(default_factory=set)
    """What opens a modal, once; Slack's live three seconds, these as long as the simulator."""
    sessions: dict[tuple[str, str], str] = field(default_factory=dict)
    prompts: dict[tuple[str, str | None], tuple[Json, ...]] = field(default_factory=dict)
    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    _last_ts: int = 0

    def user(self, name: str, *, is_guest: bool = False) -> User:
        """The person of that name, who joins when first named."""
        known = next((user for user in self.users.values() if user.name == name), None)
        user = known or User(f"U{len(self.users) + 1:04}", name, is_guest)
        self.users[user.id] = user
        return user

    def channel(self, name: str, *, private: bool = False, with_bot: bool = True) -> Channel:
        """The channel of that name, made when first named."""
        known = next((channel for channel in self.channels.values() if channel.name == name), None)
        return known or self._open(Channel(self._channel_id("C"), name, "group" if private else "channel", with_bot))

    def group(self, handle: str, *users: User) -> Group:
        """The user group of that handle, from now on of these people."""
        known = next((one.id for one in self.groups.values() if one.handle == handle), f"S{len(self.groups) + 1:04}")
        self.groups[known] = Group(known, handle, tuple(user.id for user in users))
        return self.groups[known]

    def direct(self, user: User) -> Channel:
        """The direct conversation between a person and the bot."""
        known = next((channel for channel in self.channels.values() if channel.name == user.id), None)
        return known or self._open(Channel(self._channel_id("D"), user.id, "im"))

    def find_channel(self, id_or_name: str) -> Channel | None:
        """By id, or by name with or without ``#``."""
        by_name = {channel.name: channel for channel in self.channels.values()}
        return self.channels.get(id_or_name) or by_name.get(id_or_name.removeprefix("#"))

    def name_of(self, id_: str) -> str:
        """What people call a user, the bot or a channel; the id itself when unknown."""
        if id_ == self.bot.user_id:
            return self.bot.name
        known = self.users.get(id_) or self.channels.get(id_)
        return known.name if known else id_

    def next_ts(self) -> str:
        """Now as a message id: unique and rising, even when the clock is not."""
        moment = int((self.now() - datetime.fromtimestamp(0, UTC)).total_seconds() * 1_000_000)
        self._last_ts = max(moment, self._last_ts + 1)
        return "{}.{:06}".format(*divmod(self._last_ts, 1_000_000))

    def keep(self, message: Message) -> Message:
        """Add a message, or put a new state of it in its place."""
        self.messages[message.channel, message.ts] = message
        return message

    def find(self, channel: str, ts: str) -> Message | None:
        """The message, unless it is gone."""
        message = self.messages.get((channel, ts))
        return None if message is None or message.deleted else message

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A thread, its first message first; empty when there is no such message."""
        return [m for m in self._in(channel) if ts in {m.ts, m.thread_ts}]

    def top_level(self, channel: str) -> list[Message]:
        """The messages of a channel without replies, oldest first."""
        return [m for m in self._in(channel) if m.thread_ts is None]

    def delete(self, message: Message) -> None:
        """Take a message away; what began a thread leaves a tombstone."""
        if len(self.thread(message.channel, message.ts)) > 1:
            self.keep(replace(message, text="This message was deleted.", blocks=(), attachments=(), deleted=True))
        else:
            del self.messages[message.channel, message.ts]

    def _in(self, channel: str) -> list[Message]:
        return sorted((m for m in self.messages.values() if m.channel == channel), key=lambda m: m.ts)

    def _open(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        return channel

    def _channel_id(self, prefix: str) -> str:
        return f"{prefix}{len(self.channels) + 1:04}"
