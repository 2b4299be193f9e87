"""Hand-written doubles at the loop's two seams, and short ways to write turns and looks."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from sre_bot.agent.budget import Limits
from sre_bot.agent.hearing import nobody
from sre_bot.agent.loop import investigate
from sre_bot.agent.prompt import Prompt
from sre_bot.agent.transcript import Turn
from sre_bot.investigation import Answer, AnswerStep, Claim, Evidence, Observation, Question, Report, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sre_bot.agent.hearing import Listen
    from sre_bot.agent.loop import Model, Toolset
    from sre_bot.agent.transcript import Conversation
    from sre_bot.errors import ModelError
    from sre_bot.investigation import JsonObject, Step

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
QUESTION = Question("checkout is failing, what's going on?", NOW, "alice")
PROMPT = Prompt("You investigate.", "abc123")
SHA = "4f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192"
COST = Usage(input_tokens=100, output_tokens=10, usd=0.01)

_numbers = itertools.count(1)


def says(*words: str, stop: str = "end_turn", detail: str = "", usage: Usage = COST) -> Turn:
    """A turn of text."""
    return Turn(tuple({"type": "text", "text": text} for text in words), stop, usage, detail)


def asks(*calls: tuple[str, JsonObject], stop: str = "tool_use", usage: Usage = COST) -> Turn:
    """A turn of tool calls."""
    blocks: list[JsonObject] = [
        {"type": "tool_use", "id": f"toolu_{next(_numbers)}", "name": name, "input": arguments}
        for name, arguments in calls
    ]
    return Turn(tuple(blocks), stop, usage)


def writes(report: Mapping[str, object] | None = None) -> Turn:
    """A turn that is a report; by default one claim that cites E1."""
    return says(json.dumps(report or {"what_is_going_on": [{"text": "Checkout fails.", "evidence": ["E1"]}]}))


Said: TypeAlias = "Turn | ModelError | Callable[[Conversation], Turn]"


@dataclass(slots=True)
class ScriptedModel:
    """Plays its turns in order; keeps what it was shown and asked for each time."""

    turns: Sequence[Said]
    name: str = "claude-test"
    shown: list[tuple[JsonObject, ...]] = field(default_factory=list)
    asked: list[tuple[int, JsonObject | None, float]] = field(default_factory=list)

    async def respond(
        self, conversation: Conversation, *, max_tokens: int, schema: JsonObject | None, timeout: float
    ) -> Turn:
        self.shown.append(conversation.messages)
        self.asked.append((max_tokens, schema, timeout))
        said = self.turns[len(self.shown) - 1]
        if isinstance(said, Exception):
            raise said
        return said(conversation) if callable(said) else said


@dataclass(slots=True)
class FakeToolset:
    """Two tools whose answers are looked up by name, else made up from the arguments."""

    answers: Mapping[str, Observation] = field(default_factory=dict)
    names: Sequence[str] = ("metrics", "changes")
    looked: list[tuple[str, JsonObject]] = field(default_factory=list)

    @property
    def definitions(self) -> Sequence[JsonObject]:
        return [
            {"name": name, "description": f"Ask {name}.", "input_schema": {"type": "object"}} for name in self.names
        ]

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        self.looked.append((name, arguments))
        delay = arguments.get("turns_of_the_loop", 0)
        for _ in range(delay if isinstance(delay, int) else 0):
            await asyncio.sleep(0)
        return self.answers.get(name) or Observation(f"{name} seen", f"{name} says {json.dumps(arguments)}")


def first_look(*contents: str) -> Answer:
    """A first look with one piece of evidence per content, and a report that cites the first."""
    evidence = tuple(
        Evidence(f"E{number}", "alerts", {}, Observation(f"alert {number}: checkout fails", content))
        for number, content in enumerate(contents or ("CheckoutErrors fires",), 1)
    )
    report = Report(what=(Claim("CheckoutErrors fires since 02:50.", ("E1",)),))
    return Answer(QUESTION, "first-look", None, report, evidence)


class Clock:
    """Tells each reading once, then the last one forever."""

    def __init__(self, *readings: float) -> None:
        self._readings = list(readings) or [0.0]

    def __call__(self) -> float:
        return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]


async def run(
    model: Model,
    toolset: Toolset | None = None,
    *,
    question: Question = QUESTION,
    first: Answer | None = None,
    limits: Limits | None = None,
    redact: Callable[[str], str] = str,
    clock: Callable[[], float] | None = None,
    listen: Listen = nobody,
) -> list[Step]:
    """All steps of an investigation."""
    return [
        step
        async for step in investigate(
            question,
            model=model,
            toolset=toolset or FakeToolset(),
            prompt=PROMPT,
            first_look=first,
            limits=limits or Limits(),
            redact=redact,
            clock=clock or Clock(),
            listen=listen,
        )
    ]


def answer_of(steps: Sequence[Step]) -> Answer:
    """The answer in the last step."""
    last = steps[-1]
    assert isinstance(last, AnswerStep)
    return last.answer


def blocks(message: JsonObject) -> list[JsonObject]:
    """The content blocks of a message."""
    content = message["content"]
    assert isinstance(content, list)
    return [block for block in content if isinstance(block, dict)]


def texts(messages: Sequence[JsonObject]) -> str:
    """Everything the messages say, tool results included."""
    return "\n".join(
        str(block.get("text") or block.get("content")) for message in messages for block in blocks(message)
    )
