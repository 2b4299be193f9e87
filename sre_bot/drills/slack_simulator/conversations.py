"""``conversations.*``, ``users.*`` and ``reactions.*``: reading what was said, and by whom."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator import payloads
from sre_bot.drills.slack_simulator.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sre_bot.drills.slack_simulator.backend import Backend, Method
    from sre_bot.drills.slack_simulator.wire import Arguments, Json
    from sre_bot.drills.slack_simulator.workspace import Message

MAX_PAGE = 999


def replies(backend: Backend, arguments: Arguments) -> Json:
    """``conversations.replies``: a thread, oldest first."""
    channel = backend.channel(arguments)
    thread = backend.workspace.thread(channel.id, arguments.required("ts"))
    if not thread:
        raise ApiError("thread_not_found")
    return _page(backend, thread, arguments, default_limit=MAX_PAGE)


def history(backend: Backend, arguments: Arguments) -> Json:
    """``conversations.history``: what stands in a channel outside threads, newest first."""
    channel = backend.channel(arguments)
    messages = [message for message in backend.workspace.top_level(channel.id) if not message.deleted]
    return _page(backend, messages[::-1], arguments, default_limit=100)


def _page(backend: Backend, messages: Sequence[Message], arguments: Arguments, default_limit: int) -> Json:
    wanted = [message for message in messages if _in_range(message.ts, arguments)]
    start = _position(wanted, arguments.text("cursor"))
    end = start + max(1, min(arguments.number("limit", default_limit), MAX_PAGE))
    with_metadata = arguments.flag("include_all_metadata")
    shown = [payloads.message(backend.workspace, m, with_metadata=with_metadata) for m in wanted[start:end]]
    more = wanted[end:]
    cursor = base64.b64encode(f"next_ts:{more[0].ts}".encode()).decode() if more else ""
    return {"messages": shown, "has_more": bool(more), "response_metadata": {"next_cursor": cursor}}


def _in_range(ts: str, arguments: Arguments) -> bool:
    oldest, latest = arguments.text("oldest"), arguments.text("latest")
    if ts in {oldest, latest}:
        return arguments.flag("inclusive")
    return (oldest is None or float(ts) > float(oldest)) and (latest is None or float(ts) < float(latest))


def _position(messages: Sequence[Message], cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        ts = base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError("invalid_cursor") from None
    position = next((number for number, message in enumerate(messages) if message.ts == ts), None)
    if position is None:
        raise ApiError("invalid_cursor")
    return position


def info(backend: Backend, arguments: Arguments) -> Json:
    """``conversations.info``: also of channels that the bot is not in."""
    channel = backend.workspace.find_channel(arguments.required("channel"))
    if channel is None:
        raise ApiError("channel_not_found")
    return {"channel": payloads.channel(backend.workspace, channel)}


def user_info(backend: Backend, arguments: Arguments) -> Json:
    """``users.info``."""
    user = backend.workspace.users.get(arguments.required("user"))
    if user is None:
        raise ApiError("user_not_found")
    return {"user": payloads.user(backend.workspace, user)}


def add_reaction(backend: Backend, arguments: Arguments) -> Json:
    """``reactions.add``."""
    message = backend.message(backend.channel(arguments), arguments.required("timestamp"))
    reaction = (arguments.required("name"), backend.workspace.bot.user_id)
    if reaction in message.reactions:
        raise ApiError("already_reacted")
    backend.workspace.keep(replace(message, reactions=(*message.reactions, reaction)))
    return {}


def list_conversations(backend: Backend, arguments: Arguments) -> Json:
    """``conversations.list``: of private channels only those the bot is in."""
    kinds = {"public_channel": "channel", "private_channel": "group", "im": "im"}
    wanted = {kinds[one] for one in (arguments.text("types") or "public_channel").split(",") if one in kinds}
    found = [one for one in backend.workspace.channels.values() if one.kind in wanted]
    seen = [one for one in found if one.kind == "channel" or one.has_bot]
    return {
        "channels": [payloads.channel(backend.workspace, one) for one in seen],
        "response_metadata": {"next_cursor": ""},
    }


def groups(backend: Backend, _arguments: Arguments) -> Json:
    """``usergroups.list``."""
    team = backend.workspace.team_id
    known = backend.workspace.groups.values()
    return {"usergroups": [{"id": one.id, "team_id": team, "name": one.handle, "handle": one.handle} for one in known]}


def people_of_group(backend: Backend, arguments: Arguments) -> Json:
    """``usergroups.users.list``."""
    group = backend.workspace.groups.get(arguments.required("usergroup"))
    if group is None:
        raise ApiError("no_such_subteam")
    return {"users": list(group.users)}


METHODS: Mapping[str, Method] = {
    "conversations.history": history,
    "conversations.info": info,
    "conversations.list": list_conversations,
    "conversations.replies": replies,
    "reactions.add": add_reaction,
    "usergroups.list": groups,
    "usergroups.users.list": people_of_group,
    "users.info": user_info,
}
