"""A tool the model may ask, and the toolbox: the one place where a failure becomes an answer.

What a source or the model got wrong (a system that is down, a refused query, a bad argument, too slow) becomes an
`Observation` that says what was asked, what came back and how to mend it. Anything else is a fault of ours and passes.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sre_bot.errors import BadInputError, QueryRefusedError, SourceError
from sre_bot.investigation import MissingSource, Observation
from sre_bot.tools.schema import compact_schema
from sre_bot.tools.text import estimated_tokens, quoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from sre_bot.investigation import JsonObject

A = TypeVar("A", bound="Arguments")

TIMEOUT_S = 30.0
"""So long may one look take."""
MAX_TOKENS = 6_000
"""An answer is cut here, as a backstop: every tool keeps its answers far shorter by itself."""
MAX_CALL = 3_000
"""So many characters of a call are repeated in the answer to it: more than the longest query."""


class Arguments(BaseModel):
    """Arguments of a tool: unknown ones are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """One thing the model may ask.

    ``description`` says in a few sentences what it gives, when to use it and when not. ``ask`` gets checked arguments
    and the investigation's present; it may raise SourceError, and BadInputError for arguments that do not fit.
    ``sources`` are the names of the systems it reads from.
    """

    name: str
    description: str
    arguments: type[A]
    ask: Callable[[A, datetime], Awaitable[Observation]]
    sources: tuple[str, ...]

    async def look(self, arguments: JsonObject, at: datetime) -> Observation:
        """Check the arguments and ask. Raises ValidationError, BadInputError and SourceError."""
        return await self.ask(self.arguments.model_validate(arguments), at)

    @property
    def definition(self) -> JsonObject:
        """``name``, ``description`` and ``input_schema``, as small as they can be."""
        return {"name": self.name, "description": self.description, "input_schema": compact_schema(self.arguments)}


class Toolbox:
    """The tools as of one moment.

    Args:
        tools: each with a name of its own.
        at: the investigation's present (aware, UTC); no tool looks past it.
        timeout_s: so long may one look take.
    """

    def __init__(self, tools: Iterable[Tool[Any]], at: datetime, *, timeout_s: float = TIMEOUT_S) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._at = at
        self._timeout_s = timeout_s

    @property
    def definitions(self) -> Sequence[JsonObject]:
        """Per tool ``name``, ``description`` and ``input_schema``."""
        return [tool.definition for tool in self._tools.values()]

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        """Ask one tool. Never raises for what a source or the model got wrong; bounded in time and size."""
        tool = self._tools.get(name)
        if tool is None:
            return _failure(name, "no such tool", f"There is no such tool; there are: {', '.join(self._tools)}.")
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                return _bounded(await tool.look(arguments, self._at))
        except TimeoutError:
            if not deadline.expired():
                raise
            return self._too_slow(tool, arguments)
        except (ValidationError, BadInputError, SourceError) as error:
            return _answer(error, tool, arguments)

    def _too_slow(self, tool: Tool[Any], arguments: JsonObject) -> Observation:
        source = ", ".join(tool.sources) or tool.name
        why = f"no answer within {self._timeout_s:g} s"
        content = (
            f"{source}: {why}. Asked: {_call(tool.name, arguments)}. Nothing was seen, which says nothing about the "
            "system. Ask for a shorter window or fewer series, or go on without it and say that it could not be seen."
        )
        return Observation(f"{tool.name}: {why}", content, failed=True, missing=MissingSource(source, why))


def _answer(
    error: ValidationError | BadInputError | SourceError, tool: Tool[Any], arguments: JsonObject
) -> Observation:
    match error:
        case QueryRefusedError():
            return _refused(error, tool.name, arguments)
        case SourceError():
            return _unavailable(error, tool.name, arguments)
        case BadInputError():
            return _failure(tool.name, "wrong arguments", f"{quoted(str(error))}. Mend the call and ask again.")
        case ValidationError():
            return _failure(tool.name, "wrong arguments", _what_is_allowed(error, tool))


def _failure(name: str, summary: str, content: str) -> Observation:
    return Observation(f"{name}: {summary}", content, failed=True)


def _refused(error: QueryRefusedError, name: str, arguments: JsonObject) -> Observation:
    message = quoted(error.message)
    content = f"{error.source} refused this query: {message}\n{_asked(error, name, arguments)}\nMend it and ask again."
    return _failure(name, f"{error.source} refused the query: {quoted(error.message, 200)}", content)


def _unavailable(error: SourceError, name: str, arguments: JsonObject) -> Observation:
    message = quoted(error.message)
    content = (
        f"{error.source} could not be seen: {message}\n{_asked(error, name, arguments)}\n"
        "Nothing was seen, which says nothing about the system. Ask again once at most; otherwise go on with the "
        "other sources and say in the report that this one could not be seen."
    )
    summary = f"{error.source} could not be seen: {quoted(error.message, 200)}"
    return Observation(summary, content, failed=True, missing=MissingSource(error.source, message))


def _asked(error: SourceError, name: str, arguments: JsonObject) -> str:
    """The query as the source got it, the window it was asked for (a note on the error), and the call behind both."""
    parts = [f"Query: {error.query}"] if error.query else []
    return "\n".join([*parts, *getattr(error, "__notes__", []), f"Call: {_call(name, arguments)}"])


def _call(name: str, arguments: JsonObject) -> str:
    return quoted(f"{name} {json.dumps(arguments, ensure_ascii=False)}", MAX_CALL)


def _what_is_allowed(error: ValidationError, tool: Tool[Any]) -> str:
    """Which argument is wrong and what it may be, instead of pydantic's own prose."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in problem["loc"]) or "arguments"
        lines.append(
            f"{where}: {problem['msg'].removeprefix('Value error, ')}, got {quoted(repr(problem['input']), 80)}"
        )
    allowed = ", ".join(
        name + ("" if field.is_required() else " (optional)") for name, field in tool.arguments.model_fields.items()
    )
    return f"{tool.name} was called with wrong arguments.\n" + "\n".join(lines) + f"\nIt takes: {allowed}."


def _bounded(observation: Observation) -> Observation:
    """The observation, its content cut where it would cost more than MAX_TOKENS."""
    tokens = estimated_tokens(observation.content)
    if tokens <= MAX_TOKENS:
        return observation
    kept = observation.content[: len(observation.content) * MAX_TOKENS // tokens].rpartition("\n")[0]
    return replace(observation, content=f"{kept}\n… cut here: the answer was too long. Ask for less at once.")
