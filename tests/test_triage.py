"""The story, with hand-written parts: what is told, in which order, and what the last step holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sre_bot.agent.budget import Limits
from sre_bot.errors import ModelRefusedError, ModelUnavailableError
from sre_bot.investigation import (
    FIRST_LOOK,
    AnswerStep,
    Evidence,
    EvidenceStep,
    FirstLookStep,
    LookStep,
    ModelStep,
    Observation,
    Seconds,
)
from sre_bot.triage import NO_MODEL, Investigator
from tests.agent.fakes import (
    NOW,
    PROMPT,
    QUESTION,
    Clock,
    FakeToolset,
    ScriptedModel,
    answer_of,
    asks,
    first_look,
    says,
    texts,
    writes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sre_bot.agent.transcript import Turn
    from sre_bot.errors import ModelError
    from sre_bot.investigation import Answer, Question, Step


@dataclass
class Parts:
    """The parts of an investigator; keeps as of when it was asked."""

    model: ScriptedModel | None = None
    clock: Callable[[], float] = field(default_factory=Clock)
    redact: Callable[[str], str] = str
    looked_at: list[Question] = field(default_factory=list)
    tools_as_of: list[datetime] = field(default_factory=list)

    async def look(self, question: Question) -> Answer:
        self.looked_at.append(question)
        return first_look()

    def toolset(self, at: datetime) -> FakeToolset:
        self.tools_as_of.append(at)
        return FakeToolset()

    async def triage(self, earlier: Sequence[Evidence] = ()) -> list[Step]:
        investigator = Investigator(
            self.look, self.toolset, self.model, PROMPT, Limits(), redact=self.redact, clock=self.clock
        )
        return [step async for step in investigator.triage(QUESTION, earlier=earlier)]


def model_away(steps: Sequence[Step]) -> bool:
    last = steps[-1]
    assert isinstance(last, AnswerStep)
    return last.model_away


async def test_without_a_model_the_first_look_is_the_answer_and_says_so() -> None:
    parts = Parts()
    first, last = await parts.triage()
    assert isinstance(first, FirstLookStep)
    assert first.answer.note is None
    assert isinstance(last, AnswerStep)
    assert (last.answer.model, last.answer.note) == (FIRST_LOOK, NO_MODEL)
    assert last.answer.report == first.answer.report
    assert parts.looked_at == [QUESTION]
    assert not parts.tools_as_of, "nobody asks for tools when there is no model"


async def test_with_a_model_the_first_look_is_told_then_each_turn_and_look_and_the_answer_last() -> None:
    parts = Parts(ScriptedModel([asks(("metrics", {})), says("It is checkout, see E1."), writes()]))
    steps = await parts.triage()
    assert [type(step) for step in steps] == [
        FirstLookStep, ModelStep, LookStep, EvidenceStep, ModelStep, ModelStep, AnswerStep,
    ]  # fmt: skip
    answer = answer_of(steps)
    assert (answer.model, answer.prompt, answer.note) == ("claude-test", PROMPT.sha, None)
    assert [claim.text for claim in answer.report.what] == ["Checkout fails."]
    assert parts.tools_as_of == [NOW], "the tools look as of the moment of the question"


async def test_the_answer_tells_how_long_the_first_look_and_the_whole_took() -> None:
    parts = Parts(ScriptedModel([says("It is checkout, see E1."), writes()]), Clock(10.0, 12.5, 19.0))
    assert answer_of(await parts.triage()).seconds == Seconds(first_look=2.5, total=9.0)


async def test_a_model_that_is_down_leaves_the_first_look_as_the_answer_with_a_note() -> None:
    steps = await Parts(ScriptedModel([ModelUnavailableError("claude-test is overloaded.")])).triage()
    answer = answer_of(steps)
    assert answer.report.what == first_look().report.what
    assert "claude-test is overloaded" in str(answer.note)
    assert model_away(steps), "so it may be continued"


@pytest.mark.parametrize(
    "turns",
    [
        [ModelRefusedError("claude-test refuses the key.")],
        [says("No.", stop="refusal")],
        [says("It is checkout, see E1."), says("no report"), says("none again")],
        [says("It is checkout, see E1."), writes()],
    ],
    ids=["refused", "declined", "no report", "answered"],
)
async def test_what_waiting_would_not_mend_is_not_to_be_waited_for(turns: list[Turn | ModelError]) -> None:
    assert not model_away(await Parts(ScriptedModel(turns)).triage())


async def test_a_model_that_goes_away_before_it_wrote_its_report_is_away() -> None:
    model = ScriptedModel([says("It is checkout, see E1."), ModelUnavailableError("claude-test broke off.")])
    assert model_away(await Parts(model).triage())


async def test_what_a_model_saw_earlier_stands_behind_the_first_look_under_new_ids() -> None:
    earlier = [
        Evidence("E1", "metrics", {}, Observation("up", "up was 1")),
        Evidence("E9", "logs", {}, Observation("x", "x")),
    ]
    model = ScriptedModel([says("It is checkout, see E1."), writes()])
    steps = await Parts(model).triage(earlier)
    ids = [one.id for one in answer_of(steps).evidence]
    first = len(first_look().evidence)
    assert ids[first:] == [f"E{first + 1}", f"E{first + 2}"]
    assert f"[E{first + 1}] metrics {{}}\nup was 1" in texts(model.shown[0])
    (told,) = [step for step in steps if isinstance(step, FirstLookStep)]
    assert told.answer.evidence == first_look().evidence


async def test_the_model_reads_what_redaction_left() -> None:
    model = ScriptedModel([says("It is checkout, see E1."), writes()])
    await Parts(model, redact=lambda text: text.replace("CheckoutErrors", "[redacted]")).triage()
    assert "[redacted] fires" in texts(model.shown[0])
    assert "CheckoutErrors" not in texts(model.shown[0])


async def test_secrets_go_from_the_question_and_from_what_is_said_of_the_answer() -> None:
    parts = Parts(
        ScriptedModel([ModelUnavailableError("claude-test refuses the key hunter2.")]),
        redact=lambda text: text.replace("hunter2", "[redacted]").replace("checkout", "[redacted]"),
    )
    answer = answer_of(await parts.triage())
    assert "claude-test refuses the key [redacted]." in str(answer.note)
    assert parts.looked_at[0].text == "[redacted] is failing, what's going on?"
