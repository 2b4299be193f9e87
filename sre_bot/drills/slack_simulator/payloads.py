"""What Slack's JSON looks like: messages, people, channels and the bodies of envelopes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator.socket_mode import Event

if TYPE_CHECKING:
    from sre_bot.drills.slack_simulator.wire import Json
    from sre_bot.drills.slack_simulator.workspace import Channel, File, Message, User, Workspace


def message(workspace: Workspace, post: Message, *, with_metadata: bool = True) -> Json:
    """A message as the Web API and events carry it; a thread's first message counts its replies."""
    payload: Json = {"type": "message", "ts": post.ts, "user": post.user, "text": post.text, "team": workspace.team_id}
    if post.deleted:
        payload |= {"subtype": "tombstone", "user": "USLACKBOT", "hidden": True}
    elif post.by_bot:
        bot = workspace.bot
        profile = {"id": bot.bot_id, "app_id": bot.app_id, "name": bot.name, "team_id": workspace.team_id}
        payload |= {"bot_id": bot.bot_id, "app_id": bot.app_id, "bot_profile": profile}
    else:
        payload["client_msg_id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, post.channel + post.ts))
    payload |= _content(post) | _thread_fields(workspace, post)
    if with_metadata and post.metadata:
        payload["metadata"] = post.metadata
    if post.edited_ts:
        payload["edited"] = {"user": post.user, "ts": post.edited_ts}
    return payload


def _content(post: Message) -> Json:
    payload: Json = {}
    if post.blocks:
        payload["blocks"] = [{"block_id": f"b{number}", **block} for number, block in enumerate(post.blocks)]
    if post.attachments:
        payload["attachments"] = list(post.attachments)
    if post.files:
        payload["files"] = [file(item) for item in post.files]
    if post.reactions:
        names = dict.fromkeys(name for name, _ in post.reactions)
        people = {name: [user for other, user in post.reactions if other == name] for name in names}
        payload["reactions"] = [{"name": name, "users": who, "count": len(who)} for name, who in people.items()]
    return payload


def _thread_fields(workspace: Workspace, post: Message) -> Json:
    if post.thread_ts:
        root = workspace.messages.get((post.channel, post.thread_ts))
        return {"thread_ts": post.thread_ts} | ({"parent_user_id": root.user} if root else {})
    replies = workspace.thread(post.channel, post.ts)[1:]
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    counts = {"reply_count": len(replies), "reply_users_count": len(users), "reply_users": users}
    return {"thread_ts": post.ts, "latest_reply": replies[-1].ts, "subscribed": False, "is_locked": False} | counts


def file(item: File) -> Json:
    """A file's facts."""
    return {"id": item.id, "name": item.name, "title": item.title, "size": len(item.content), "mode": "hosted"}


def user(workspace: Workspace, person: User) -> Json:
    """A person, as in ``users.info``."""
    return {
        "id": person.id,
        "team_id": person.team or workspace.team_id,
        "name": person.name,
        "real_name": person.name,
        "tz": person.tz,
        "deleted": False,
        "is_bot": False,
        "is_restricted": person.is_guest,
        "is_ultra_restricted": False,
        "is_stranger": bool(person.team),
        "profile": {"display_name": person.name, "real_name": person.name, "team": workspace.team_id},
    }


def channel(workspace: Workspace, place: Channel) -> Json:
    """A conversation, as in ``conversations.info``."""
    payload: Json = {"id": place.id, "context_team_id": workspace.team_id, "is_archived": False}
    if place.kind == "im":
        return payload | {"is_im": True, "user": place.name}
    kind = {"is_channel": True, "is_im": False, "is_private": place.kind == "group", "is_member": place.has_bot}
    return payload | {"name": place.name, "name_normalized": place.name, "num_members": len(workspace.users)} | kind


def event_callback(workspace: Workspace, event: Json) -> Event:
    """Wrap what happened into the body that the Events API delivers."""
    event_ts = event.get("event_ts") or event.get("ts") or workspace.next_ts()
    event_id = f"Ev{uuid.uuid4().hex[:10].upper()}"
    bot = workspace.bot
    authorization = {"enterprise_id": None, "team_id": workspace.team_id, "user_id": bot.user_id, "is_bot": True}
    payload: Json = {
        "type": "event_callback",
        "team_id": workspace.team_id,
        "api_app_id": bot.app_id,
        "event": event | {"event_ts": event_ts},
        "event_id": event_id,
        "event_time": int(float(event_ts)),
        "authorizations": [authorization | {"is_enterprise_install": False}],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }
    return Event(event_id, payload)


def slash_command(workspace: Workspace, person: User, command: str, text: str, place: Channel) -> Json:
    """The body of a slash command, but for its response_url."""
    return {
        "command": command,
        "text": text,
        "user_id": person.id,
        "user_name": person.name,
        "channel_id": place.id,
        "channel_name": "directmessage" if place.kind == "im" else place.name,
        "team_id": workspace.team_id,
        "team_domain": "simulated",
        "api_app_id": workspace.bot.app_id,
        "is_enterprise_install": "false",
        "trigger_id": _trigger(workspace),
    }


def block_actions(workspace: Workspace, person: User, post: Message, element: Json) -> Json:
    """The body of a click on ``element`` (with the block_id of its block), but for its response_url.

    Of an ephemeral message there is no copy in it.
    """
    is_ephemeral = post.visible_to is not None
    container = {"type": "message", "message_ts": post.ts, "channel_id": post.channel, "is_ephemeral": is_ephemeral}
    return {
        "type": "block_actions",
        **_interaction(workspace, person),
        "channel": {"id": post.channel, "name": workspace.name_of(post.channel)},
        "container": container | ({"thread_ts": post.thread_ts} if post.thread_ts else {}),
        **({} if is_ephemeral else {"message": message(workspace, post)}),
        "actions": [element | {"action_ts": workspace.next_ts()}],
    }


def message_action(workspace: Workspace, person: User, post: Message, callback_id: str) -> Json:
    """The body of a shortcut on a message, but for its response_url."""
    return {
        "type": "message_action",
        **_interaction(workspace, person),
        "callback_id": callback_id,
        "action_ts": workspace.next_ts(),
        "channel": {"id": post.channel, "name": workspace.name_of(post.channel)},
        "message_ts": post.ts,
        "message": message(workspace, post),
    }


def view_submission(workspace: Workspace, person: User, view: Json, values: Json) -> Json:
    """The body of a submitted modal; ``values`` by block_id and action_id."""
    return {
        "type": "view_submission",
        **_interaction(workspace, person),
        "view": view | {"state": {"values": values}},
        "response_urls": [],
    }


def _interaction(workspace: Workspace, person: User) -> Json:
    return {
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": workspace.team_id},
        "api_app_id": workspace.bot.app_id,
        "team": {"id": workspace.team_id, "domain": "simulated"},
        "trigger_id": _trigger(workspace),
    }


def _trigger(workspace: Workspace) -> str:
    trigger = uuid.uuid4().hex
    workspace.triggers.add(trigger)
    return trigger
