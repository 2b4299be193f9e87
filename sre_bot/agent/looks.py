"""The tool calls of a model, made into looks at sources, and their answers into numbered evidence."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sre_bot.agent.transcript import result_block, sendable
from sre_bot.investigation import Evidence, JsonObject, Observation, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SAME_CALL = 3
"""So often may the very same call be made; from then on the answer is where to find the earlier ones."""


class Toolset(Protocol):
    """What the model may ask: read-only, as of one moment."""

    @property
    def definitions(self) -> Sequence[JsonObject]:
        """Per tool ``name``, ``description`` and ``input_schema``."""
        ...

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        """Ask a tool, by its exact name. Never raises for a source's failure or bad arguments; bounded in time."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call: a look with the id its evidence will have, or, with ``refusal``, one that is not made."""

    use_id: str
    tool: str
    arguments: JsonObject
    evidence_id: str = ""
    refusal: str = ""


class Notebook:
    """All evidence of one investigation, numbered in the order it was asked for."""

    def __init__(self, toolset: Toolset, redact: Callable[[str], str], evidence: Iterable[Evidence]) -> None:
        self._toolset = toolset
        self._redact = redact
        self._names = {str(tool["name"]).casefold(): str(tool["name"]) for tool in toolset.definitions}
        self._asked: dict[str, list[str]] = {}
        self.evidence = tuple(rewritten(one, self._clean) for one in evidence)
        self._last = max((int(one.id[1:]) for one in self.evidence), default=0)

    def knows(self, ids: Iterable[str]) -> bool:
        """Whether any of these is the id of a piece of evidence."""
        return not {one.id for one in self.evidence}.isdisjoint(ids)

    def plan(self, tool_uses: Iterable[JsonObject], looks_left: int) -> tuple[Call, ...]:
        """Number the looks of one turn in the order they were asked for, and refuse what cannot be asked."""
        calls: list[Call] = []
        for use in tool_uses:
            calls.append(self._call(use, looks_left - sum(not call.refusal for call in calls)))
        return tuple(calls)

    async def take(self, calls: Iterable[Call]) -> tuple[Evidence, ...]:
        """Make the looks of a plan, all at once; in the order of the plan."""
        looks = [call for call in calls if not call.refusal]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._toolset.look(call.tool, call.arguments)) for call in looks]
        taken = tuple(
            Evidence(call.evidence_id, call.tool, call.arguments, rewritten(task.result(), self._clean))
            for call, task in zip(looks, tasks, strict=True)
        )
        self.evidence += taken
        return taken

    def results(self, calls: Iterable[Call]) -> list[JsonObject]:
        """The answer to each call of a plan whose looks were taken, for the model; starts with the evidence's id."""
        seen = {one.id: one.observation for one in self.evidence}
        return [_result(call, seen.get(call.evidence_id)) for call in calls]

    def _call(self, use: JsonObject, looks_left: int) -> Call:
        use_id, asked = str(use["id"]), str(use.get("name"))
        arguments = use.get("input")
        tool = self._names.get(asked.strip().casefold())
        if tool is None:
            known = ", ".join(self._names.values())
            return Call(use_id, asked, {}, refusal=f"There is no tool named {asked!r}. The tools are: {known}.")
        if not isinstance(arguments, dict):
            return Call(use_id, tool, {}, refusal=f"The input of {tool} must be a JSON object.")
        same = self._asked.setdefault(json.dumps([tool, arguments], sort_keys=True), [])
        if len(same) >= _SAME_CALL:
            return Call(use_id, tool, arguments, refusal=_again(same))
        if looks_left <= 0:
            return Call(use_id, tool, arguments, refusal="Not looked: the budget of tool calls is used up.")
        self._last += 1
        same.append(f"E{self._last}")
        return Call(use_id, tool, arguments, evidence_id=same[-1])

    def _clean(self, text: str) -> str:
        return self._redact(sendable(text))


def _result(call: Call, seen: Observation | None) -> JsonObject:
    if seen is None:
        return result_block(call.use_id, call.refusal, failed=True)
    return result_block(call.use_id, f"[{call.evidence_id}] {seen.content}", failed=seen.failed)


def _again(ids: Sequence[str]) -> str:
    seen = ", ".join(ids)
    return f"[{ids[-1]}] You have asked exactly this {len(ids)} times: see {seen}. Ask something else, or conclude."
