"""Methods about the app itself: who it is, its connections, views, sessions, and whether its blocks are sound."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sre_bot.drills.slack_simulator import block_kit
from sre_bot.drills.slack_simulator.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sre_bot.drills.slack_simulator.backend import Backend, Method
    from sre_bot.drills.slack_simulator.wire import Arguments, Json

MAX_PROMPTS = 4
SESSION_STATUSES = frozenset({"active", "processing", "suspended", "closed"})


def auth_test(backend: Backend, _arguments: Arguments) -> Json:
    """``auth.test``."""
    workspace, bot = backend.workspace, backend.workspace.bot
    return {
        "url": f"{backend.base_url}/",
        "team": workspace.team_name,
        "team_id": workspace.team_id,
        "user": bot.name,
        "user_id": bot.user_id,
        "bot_id": bot.bot_id,
        "is_enterprise_install": False,
    }


def open_connection(backend: Backend, _arguments: Arguments) -> Json:
    """``apps.connections.open``: where to connect, once."""
    origin = backend.base_url.replace("http://", "ws://", 1)
    return {"url": f"{origin}/link?ticket={backend.socket_mode.issue_ticket()}"}


def bot_info(backend: Backend, arguments: Arguments) -> Json:
    """``bots.info``."""
    bot = backend.workspace.bot
    if arguments.text("bot") not in {None, bot.bot_id}:
        raise ApiError("bot_not_found")
    names = {"id": bot.bot_id, "app_id": bot.app_id, "user_id": bot.user_id, "name": bot.name}
    return {"bot": names | {"deleted": False}}


def publish_view(backend: Backend, arguments: Arguments) -> Json:
    """``views.publish``: someone's Home tab."""
    user = arguments.required("user_id")
    if user not in backend.workspace.users:
        raise ApiError("user_not_found")
    view = _view(arguments, "home")
    backend.workspace.home_views[user] = view
    return {"view": view}


def open_view(backend: Backend, arguments: Arguments) -> Json:
    """``views.open``: a modal."""
    if arguments.required("trigger_id") not in backend.workspace.triggers:
        raise ApiError("invalid_trigger_id")
    view = _view(arguments, "modal")
    backend.workspace.triggers.remove(arguments.required("trigger_id"))
    backend.workspace.modals.append(view)
    return {"view": view}


def _view(arguments: Arguments, kind: str) -> Json:
    view = arguments.json("view")
    if not isinstance(view, dict) or view.get("type") != kind:
        raise ApiError("invalid_arguments", [f"[ERROR] must be a {kind} view [json-pointer:/view]"])
    found = [*block_kit.check(view.get("blocks"), "/view/blocks", most=block_kit.MAX_BLOCKS_OF_VIEW)]
    if kind == "modal":
        found += block_kit.check_title(view)
    if problems := [f"[ERROR] {problem}" for problem in found]:
        raise ApiError("invalid_arguments", problems)
    return view | {"id": f"V{uuid.uuid4().hex[:10].upper()}"}


def set_session_status(backend: Backend, arguments: Arguments) -> Json:
    """``agents.sessions.setStatus``."""
    channel = backend.channel(arguments, "channel_id")
    root = backend.message(channel, arguments.required("thread_ts"), "thread_not_found").root_ts
    status = arguments.required("status")
    if status not in SESSION_STATUSES:
        raise ApiError("invalid_arguments", ["[ERROR] unknown status [json-pointer:/status]"])
    backend.workspace.sessions[channel.id, root] = status
    if "agent_session_stopped" in backend.events_api.subscriptions:
        return {"status": status}
    return {"status": status, "warning": "missing_agent_session_stopped_event_subscription"}


def set_thread_status(backend: Backend, arguments: Arguments) -> Json:
    """``assistant.threads.setStatus``; the app's next post in the thread, or an empty status, clears it."""
    channel = backend.channel(arguments, "channel_id")
    root = backend.message(channel, arguments.required("thread_ts"), "thread_not_found").root_ts
    status = arguments.text("status")
    if status:
        backend.workspace.statuses[channel.id, root] = status
    else:
        backend.workspace.statuses.pop((channel.id, root), None)
    return {}


def set_suggested_prompts(backend: Backend, arguments: Arguments) -> Json:
    """``assistant.threads.setSuggestedPrompts``: of a direct conversation, or of one thread in it."""
    channel = backend.channel(arguments, "channel_id")
    thread_ts = arguments.text("thread_ts")
    if thread_ts is not None:
        backend.message(channel, thread_ts, "thread_not_found")
    prompts = arguments.json("prompts")
    if not isinstance(prompts, list) or not 1 <= len(prompts) <= MAX_PROMPTS or not all(map(_is_prompt, prompts)):
        raise ApiError(
            "invalid_arguments", ["[ERROR] one to four prompts of a title and a message [json-pointer:/prompts]"]
        )
    backend.workspace.prompts[channel.id, thread_ts] = tuple(prompts)
    return {}


def _is_prompt(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(key), str) and value[key] for key in ("title", "message")
    )


def validate_blocks(_backend: Backend, arguments: Arguments) -> Json:
    """``blocks.validate``: pointers are relative to what was sent."""
    sent = [name for name in ("blocks", "message", "view") if name in arguments]
    if len(sent) != 1:
        raise ApiError("invalid_arguments", ["must provide exactly one of `blocks`, `view`, or `message`"])
    value = arguments.json(sent[0])
    if sent[0] == "blocks":
        problems = list(block_kit.check(value, ""))
    elif not isinstance(value, dict):
        problems = [block_kit.Problem("", "must be an object")]
    else:
        problems = list(block_kit.check(value.get("blocks"), "/blocks"))
    if problems:
        errors = [{"pointer": p.pointer, "code": "failed_constraint", "message": p.message} for p in problems]
        raise ApiError(f"invalid_{sent[0]}", errors=errors)
    return {}


METHODS: Mapping[str, Method] = {
    "agents.sessions.setStatus": set_session_status,
    "apps.connections.open": open_connection,
    "assistant.threads.setStatus": set_thread_status,
    "assistant.threads.setSuggestedPrompts": set_suggested_prompts,
    "auth.test": auth_test,
    "blocks.validate": validate_blocks,
    "bots.info": bot_info,
    "views.open": open_view,
    "views.publish": publish_view,
}
