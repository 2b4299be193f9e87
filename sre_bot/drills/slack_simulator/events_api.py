"""What the app hears of: changes in the workspace turned into the events it has subscribed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator import payloads

if TYPE_CHECKING:
    from collections.abc import Collection

    from sre_bot.drills.slack_simulator.socket_mode import Event, SocketMode
    from sre_bot.drills.slack_simulator.wire import Json
    from sre_bot.drills.slack_simulator.workspace import Channel, Message, Workspace

SUBSCRIPTIONS = frozenset(
    {
        "agent_session_stopped",
        "app_home_opened",
        "app_mention",
        "message.channels",
        "message.groups",
        "message.im",
    }
)
"""Event subscriptions of the app unless told otherwise; names as in an app manifest."""

_MESSAGE_SUBSCRIPTIONS = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}


class EventsApi:
    """Tells the app, over Socket Mode, what it has subscribed to and may see."""

    def __init__(self, workspace: Workspace, socket_mode: SocketMode, subscriptions: Collection[str]) -> None:
        self.subscriptions = subscriptions
        self._workspace = workspace
        self._socket_mode = socket_mode

    def emit(self, event: Json) -> Event | None:
        """Deliver an event as the Events API would; None when the app has not subscribed to its type."""
        if event["type"] != "message" and event["type"] not in self.subscriptions:
            return None
        callback = payloads.event_callback(self._workspace, event)
        self._socket_mode.send(callback)
        return callback

    def posted(self, post: Message) -> None:
        """A message is new: the app hears of it, and of a person's mention a second time as ``app_mention``."""
        channel = self._workspace.channels[post.channel]
        body = payloads.message(self._workspace, post) | {"channel": channel.id}
        is_mention = self._workspace.bot.mention in post.text and not post.by_bot and channel.kind != "im"
        if is_mention and channel.has_bot:
            self.emit(body | {"type": "app_mention"})
        self._message(channel, body)

    def changed(self, before: Message, after: Message) -> None:
        """A message was edited."""
        self._message_subtype("message_changed", after, before, {"message": payloads.message(self._workspace, after)})

    def deleted(self, before: Message) -> None:
        """A message was deleted."""
        self._message_subtype("message_deleted", before, before, {"deleted_ts": before.ts})

    def _message_subtype(self, subtype: str, post: Message, before: Message, details: Json) -> None:
        previous = payloads.message(self._workspace, before)
        body: Json = {"type": "message", "subtype": subtype, "hidden": True, "channel": post.channel}
        body |= {"ts": self._workspace.next_ts(), "previous_message": previous} | details
        self._message(self._workspace.channels[post.channel], body)

    def _message(self, channel: Channel, body: Json) -> None:
        if channel.has_bot and _MESSAGE_SUBSCRIPTIONS[channel.kind] in self.subscriptions:
            self.emit(body | {"channel_type": channel.kind})
