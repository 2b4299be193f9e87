"""What every Web API method works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sre_bot.drills.slack_simulator.wire import ApiError, Arguments, Json

if TYPE_CHECKING:
    from sre_bot.drills.slack_simulator.events_api import EventsApi
    from sre_bot.drills.slack_simulator.socket_mode import SocketMode
    from sre_bot.drills.slack_simulator.workspace import Channel, Message, Workspace


@dataclass(slots=True)
class Backend:
    """The workspace, the app's feed of events, and the look-ups that refuse as Slack does.

    ``base_url`` is known once the server has its port.
    """

    workspace: Workspace
    events_api: EventsApi
    socket_mode: SocketMode
    base_url: str = ""

    def channel(self, arguments: Arguments, name: str = "channel") -> Channel:
        """The channel of a call. Raises ApiError."""
        channel = self.workspace.find_channel(arguments.required(name))
        if channel is None:
            raise ApiError("channel_not_found")
        if not channel.has_bot:
            raise ApiError("not_in_channel")
        return channel

    def message(self, channel: Channel, ts: str, missing: str = "message_not_found") -> Message:
        """A message of a channel. Raises ApiError with ``missing``."""
        message = self.workspace.find(channel.id, ts)
        if message is None:
            raise ApiError(missing)
        return message


Method: TypeAlias = Callable[[Backend, Arguments], Json]
"""Answers one Web API method, without the ``ok``. Raises ApiError."""
