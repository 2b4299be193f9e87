"""The HTTP side: routes, tokens, faults and the log of calls."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiohttp import web

from sre_bot.drills.slack_simulator import apps, chat, conversations, files
from sre_bot.drills.slack_simulator.faults import CutAfterwards, Delayed, Fault, RateLimited, Refused, ServerFailure
from sre_bot.drills.slack_simulator.wire import ApiError, Arguments, Json, read_arguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.drills.slack_simulator.backend import Backend
    from sre_bot.drills.slack_simulator.faults import Faults
    from sre_bot.drills.slack_simulator.workspace import Message

_METHODS = {**apps.METHODS, **chat.METHODS, **conversations.METHODS, **files.METHODS}
_NEEDS_NO_TOKEN = frozenset({"blocks.validate"})
_NEEDS_APP_TOKEN = frozenset({"apps.connections.open"})
_SCOPES: Mapping[str, str] = {
    "agents.sessions.setStatus": "assistant:write",
    "assistant.threads.setStatus": "assistant:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "reactions.add": "reactions:write",
    "conversations.list": "channels:read",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
}
"""What a method needs; those that read conversations need one by the kind of conversation."""
_READS: Mapping[str, str] = {
    "conversations.history": "history",
    "conversations.info": "read",
    "conversations.replies": "history",
}
_FAMILIES: Mapping[str, str] = {"channel": "channels", "group": "groups", "im": "im"}
_MAX_UPLOAD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tokens:
    """The app's credentials."""

    bot: str
    app: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Web API; ``outcome`` is ``ok``, Slack's error, or the fault it ran into."""

    at: datetime
    method: str
    arguments: Json
    outcome: str


class Server:
    """Answers the Web API, uploads and response_urls, and hands WebSockets to Socket Mode.

    Attributes:
        calls: every call of the Web API, in order.
        missing: methods that are unknown here.
        scopes: what the bot token may do.
    """

    def __init__(
        self,
        backend: Backend,
        tokens: Tokens,
        faults: Faults,
        scopes: Sequence[str],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self.calls: list[Call] = []
        self.missing: set[str] = set()
        self._backend = backend
        self._tokens = tokens
        self._faults = faults
        self.scopes = set(scopes)
        self._changed = changed
        self._origins: dict[str, Message] = {}

    def application(self) -> web.Application:
        """The routes; made anew for every start."""
        application = web.Application(client_max_size=_MAX_UPLOAD_BYTES)
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_get("/link", self._backend.socket_mode.link)
        application.router.add_post("/upload/{file_id}", self._upload)
        application.router.add_post("/respond/{token}", self._respond)
        application.on_shutdown.append(self._close_connections)
        return application

    def response_url(self, origin: Message) -> str:
        """A fresh URL that answers a command or a click from ``origin``; see `chat.respond`."""
        token = uuid.uuid4().hex
        self._origins[token] = origin
        return f"{self._backend.base_url}/respond/{token}"

    async def _close_connections(self, _application: web.Application) -> None:
        await self._backend.socket_mode.close()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments, fault = Arguments({}), self._faults.take(method)
        try:
            arguments = await read_arguments(request)
            outcome, response = self._perform(method, request, arguments, fault)
        except ApiError as error:
            outcome, response = error.error, self._json(error.body)
        shown = {name: value for name, value in arguments.values.items() if name != "token"}
        self.calls.append(Call(self._backend.workspace.now(), method, shown, outcome))
        await self._changed()
        if outcome == "cut" and request.transport is not None:
            request.transport.abort()
        if isinstance(fault, Delayed):
            await asyncio.sleep(fault.seconds)
        return response

    def _perform(
        self, method: str, request: web.Request, arguments: Arguments, fault: Fault | None
    ) -> tuple[str, web.Response]:
        match fault:
            case RateLimited(retry_after):
                headers = {"Retry-After": str(retry_after)}
                body = {"ok": False, "error": "ratelimited"}
                return "http 429", web.json_response(body, status=429, headers=headers)
            case ServerFailure(status):
                page = "<html>upstream failure</html>"
                return f"http {status}", web.Response(status=status, text=page, content_type="text/html")
            case Refused(error):
                raise ApiError(error)
        answer = self._json({"ok": True} | self._answer(method, request, arguments))
        return "cut" if isinstance(fault, CutAfterwards) else "ok", answer

    def _json(self, body: Json) -> web.Response:
        return web.json_response(body, headers={"x-oauth-scopes": ",".join(sorted(self.scopes))})

    def _answer(self, method: str, request: web.Request, arguments: Arguments) -> Json:
        answer = None if method in self.missing else _METHODS.get(method)
        if answer is None:
            raise ApiError("unknown_method")
        if method not in _NEEDS_NO_TOKEN:
            self._authenticate(method, request, arguments)
            self._authorise(method, arguments)
        return answer(self._backend, arguments)

    def _authenticate(self, method: str, request: web.Request, arguments: Arguments) -> None:
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ") if header.startswith("Bearer ") else arguments.text("token")
        if not token:
            raise ApiError("not_authed")
        if token not in {self._tokens.bot, self._tokens.app}:
            raise ApiError("invalid_auth")
        if (token == self._tokens.app) != (method in _NEEDS_APP_TOKEN):
            raise ApiError("not_allowed_token_type")

    def _authorise(self, method: str, arguments: Arguments) -> None:
        needed = _SCOPES.get(method)
        if method in _READS:
            channel = self._backend.workspace.find_channel(arguments.required("channel"))
            needed = f"{_FAMILIES[channel.kind]}:{_READS[method]}" if channel else None
        if needed is not None and needed not in self.scopes:
            raise ApiError("missing_scope")

    async def _upload(self, request: web.Request) -> web.Response:
        file = self._backend.workspace.files.get(request.match_info["file_id"])
        if file is None:
            return web.Response(status=404, text="no such upload")
        content = await request.read()
        self._backend.workspace.files[file.id] = replace(file, content=content)
        return web.Response(text=f"OK - {len(content)}")

    async def _respond(self, request: web.Request) -> web.Response:
        origin = self._origins.get(request.match_info["token"])
        if origin is None:
            return web.Response(status=404, text="no_such_url")
        try:
            chat.respond(self._backend, origin, await read_arguments(request))
        except ApiError as error:
            return web.json_response(error.body, status=400)
        await self._changed()
        return web.Response(text="ok")
