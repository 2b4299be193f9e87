"""The edge: what callers send in, and the refusals they get back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

Json: TypeAlias = dict[str, Any]
"""A JSON object as it goes over the wire."""


class ApiError(Exception):
    """A call is answered with ``{"ok": false, "error": ...}``.

    Args:
        error: Slack's word for it, e.g. ``channel_not_found``.
        messages: what was wrong, one sentence each, as Slack puts them into ``response_metadata``.
        errors: the same for callers of methods that answer an ``errors`` list.
    """

    def __init__(self, error: str, messages: list[str] | None = None, errors: list[Any] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.body: Json = {"ok": False, "error": error}
        if errors:
            self.body["errors"] = errors
        if messages:
            self.body["response_metadata"] = {"messages": messages}


class Arguments:
    """The arguments of one call, wherever they were: query, form or JSON body."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values: Json = {name: value for name, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str | None:
        """A string, or None when it was not sent. Raises ApiError when it is something else."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float):
            return str(value)
        raise ApiError("invalid_arguments", [f"[ERROR] must be a string [json-pointer:/{name}]"])

    def required(self, name: str) -> str:
        """A string that must be there and not empty. Raises ApiError."""
        if value := self.text(name):
            return value
        raise ApiError("invalid_arguments", [f"[ERROR] missing required field: {name}"])

    def flag(self, name: str) -> bool:
        """A yes or no in any of the spellings in use."""
        return str(self.values.get(name, "")).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        """A whole number. Raises ApiError."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            raise ApiError("invalid_arguments", [f"[ERROR] must be a number [json-pointer:/{name}]"]) from None

    def json(self, name: str, malformed: str = "invalid_arguments") -> Any:
        """A nested value, or None; forms carry it as a JSON string. Raises ApiError with ``malformed``."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(malformed) from None


async def read_arguments(request: web.Request) -> Arguments:
    """Collect the arguments of a call. Raises ApiError when its body cannot be read."""
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise ApiError("invalid_json") from None
        if not isinstance(body, dict):
            raise ApiError("json_not_object")
        values |= body
    else:
        values |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return Arguments(values)
