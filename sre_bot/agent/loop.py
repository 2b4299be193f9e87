"""The one loop: ask the model, take the looks it asks for, and at the end have it write a report.

It is deterministic given its model's and tools' answers and the clock's readings, so whoever checkpoints those can
resume it. Trouble with the model or a tool never raises: it ends in an honest answer. Our own bugs do raise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sre_bot.agent.budget import Budget
from sre_bot.agent.draft import SCHEMA, BrokenReportError, parse
from sre_bot.agent.ending import concluded, fallen_back
from sre_bot.agent.hearing import heard, nobody
from sre_bot.agent.looks import Notebook, Toolset
from sre_bot.agent.opening import opening
from sre_bot.agent.transcript import Conversation, Turn, result_block, sendable, text_block
from sre_bot.agent.verify import ids_in, verify
from sre_bot.errors import ModelError, ModelRefusedError, ModelUnavailableError
from sre_bot.investigation import AnswerStep, EvidenceStep, HeardStep, LookStep, ModelStep, rewritten

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sre_bot.agent.budget import Limits
    from sre_bot.agent.hearing import Listen
    from sre_bot.agent.prompt import Prompt
    from sre_bot.investigation import Answer, JsonObject, Message, Question, Report, Step

__all__ = ["Model", "Toolset", "Turn", "investigate"]

_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})
_NUDGES = 2
_GO_ON = (
    "That cites no evidence. Look further with the tools; or, when you have seen enough or cannot learn more, say in a "
    "sentence or two what you conclude and which evidence ids it rests on. Not knowing is a conclusion."
)
_MEND = (
    "Code held the report against the evidence it cites; this does not hold:\n{doubts}\n"
    "Write the whole report once more: correct these claims, cite the evidence that has what they say, or leave them "
    "out. Keep the rest. One JSON object of the same schema and nothing else."
)
_WRITE = (
    "Stop looking and write the report now, as one JSON object of the given schema and nothing else. Use only what the "
    "evidence above shows, cite its ids for every claim, and put what you could not learn under unknown."
)


class Model(Protocol):
    """Who investigates."""

    @property
    def name(self) -> str:
        """Its id."""
        ...

    async def respond(
        self,
        conversation: Conversation,
        *,
        max_tokens: int,
        schema: JsonObject | None,
        timeout: float,
    ) -> Turn:
        """The model's next turn; with ``schema``, a JSON text of it. ``timeout`` in seconds bounds it all, retries too.

        Raises:
            ModelUnavailableError: unreachable, overloaded, too slow.
            ModelRefusedError: credentials or request rejected.
        """
        ...


async def investigate(
    question: Question,
    *,
    model: Model,
    toolset: Toolset,
    prompt: Prompt,
    first_look: Answer | None,
    limits: Limits,
    redact: Callable[[str], str],
    clock: Callable[[], float],
    listen: Listen = nobody,
) -> AsyncIterator[Step]:
    """Investigate; the last step is an AnswerStep, whatever happened.

    Args:
        question: what to find out, and as of when.
        model: who investigates.
        toolset: what it may ask.
        prompt: its system prompt.
        first_look: what is known before; its evidence opens the conversation, new ids continue after it.
        limits: what it may cost.
        redact: takes secrets out of every text before the model, or anyone else, sees it.
        clock: seconds, from any origin; read at the start, before each call of the model and when one fails.
        listen: tells what people said meanwhile; asked before each turn, and once more before the report is begun.
    """
    notebook = Notebook(toolset, redact, first_look.evidence if first_look else ())
    first = opening(question, notebook.evidence, first_look.report.missing if first_look else ())
    talk = _Talk(model, Conversation(prompt.text, toolset.definitions), Budget(limits), clock)
    talk.said.append(text_block(redact(sendable(first))))
    report: Report | None = None
    try:
        async for step in _look_around(talk, notebook, _Ear(listen, question, redact)):
            if isinstance(step, HeardStep):
                question = replace(question, conversation=(*question.conversation, step.message))
            yield step
        yield ModelStep(talk.budget.usage.turns + 1)
        report = await _write_report(talk)
        if report is not None and (doubts := _doubts(report, notebook, question)) and _can_mend(talk):
            yield ModelStep(talk.budget.usage.turns + 1)
            mended = await _mend_report(talk, redact(doubts))
            report = max(mended or report, report, key=lambda one: _standing(one, notebook, question))
    except ModelError as error:
        talk.note = str(error)
    evidence, usage = notebook.evidence, talk.budget.usage
    if report is None:
        rest = "the first look" if first_look else "what was seen"
        note = f"This is {rest}, which no model wrote. {talk.note}"
        answer = fallen_back(question, first_look=first_look, evidence=evidence, usage=usage, note=note)
    else:
        answer = concluded(
            question,
            report,
            model=model.name,
            prompt=prompt,
            first_look=first_look,
            evidence=evidence,
            usage=usage,
            note=talk.note or None,
        )
    yield AnswerStep(answer, model_away=report is None and talk.away)


class _Talk:
    """A conversation under a budget. What we say is collected in ``said`` and goes out when the model is asked.

    ``room`` is how many tokens a turn may have; ``note`` is why the investigation ended before its time,
    ``waited_for`` what the model's provider did while the time ran out; ``away`` is whether the model was unavailable
    when it was last asked.
    """

    def __init__(self, model: Model, conversation: Conversation, budget: Budget, clock: Callable[[], float]) -> None:
        self.said: list[JsonObject] = []
        self.note = ""
        self.waited_for = ""
        self.away = False
        self.room = budget.limits.turn_tokens
        self.model = model
        self.conversation = conversation
        self.budget = budget
        self._clock = clock
        self._started = clock()

    def look_at_clock(self) -> Budget:
        self.budget = self.budget.at(self._clock() - self._started)
        return self.budget

    async def ask(self, seconds: float, schema: JsonObject | None = None) -> Turn:
        """The model's next turn. A cut turn must not be kept, as a call in it may be half a call; the next has room."""
        if self.said:
            self.conversation.tell(self.said)
            self.said = []
        try:
            turn = await self.model.respond(self.conversation, max_tokens=self.room, schema=schema, timeout=seconds)
        except ModelError as error:
            self.away = isinstance(error, ModelUnavailableError)
            raise
        self.away = False
        self.budget = self.budget.after_turn(turn.usage)
        if turn.stop_reason in _CUT:
            self.room = 2 * self.budget.limits.turn_tokens
        return turn


class _Ear:
    """Takes what people say meanwhile into the conversation."""

    def __init__(self, listen: Listen, question: Question, redact: Callable[[str], str]) -> None:
        self._listen = listen
        self._question = question
        self._redact = redact

    async def hear(self, talk: _Talk) -> list[Message]:
        """What was said since the last time; it goes to the model with the next turn, behind the results of looks."""
        said = [rewritten(message, self._redact) for message in await self._listen()]
        talk.said += [text_block(self._redact(heard(self._question, message))) for message in said]
        return said


async def _look_around(talk: _Talk, notebook: Notebook, ear: _Ear) -> AsyncIterator[Step]:
    """Ask and look until the model has concluded or the budget is spent; the reason for an early end is the note."""
    nudges, concludes, paused = 0, False, False
    while not (spent := talk.look_at_clock().spent()):
        for message in () if paused else await ear.hear(talk):
            nudges, concludes = 0, False
            yield HeardStep(message)
        if concludes:
            return
        yield ModelStep(talk.budget.usage.turns + 1)
        turn = await _next_turn(talk)
        if turn is None:
            continue
        if turn.stop_reason in _CUT:
            talk.note = f"{talk.model.name} ran out of room to think, so the investigation ended early."
            return
        talk.conversation.hear(turn)
        paused = turn.stop_reason == "pause_turn"  # it goes on when it is sent back as it is
        if turn.tool_uses:
            async for step in _take_looks(talk, notebook, turn.tool_uses):
                yield step
        elif not paused:
            concludes = nudges == _NUDGES or notebook.knows(ids_in(turn.text))
            if not concludes:
                nudges += 1
                talk.said.append(text_block(_GO_ON))
    talk.note = "" if concludes else f"The budget of {spent} was used up, so the investigation ended early."


async def _next_turn(talk: _Talk) -> Turn | None:
    """The next turn; None when there is none to keep, because it was cut for the first time or our time ran out."""
    had_room = talk.room > talk.budget.limits.turn_tokens
    try:
        turn = await talk.ask(talk.budget.seconds_for_turn)
    except ModelUnavailableError as error:
        if talk.look_at_clock().spent():
            talk.waited_for = str(error)
            return None
        raise
    if turn.stop_reason == "refusal":
        raise ModelRefusedError(_declined(talk.model.name, turn.detail))
    return None if turn.stop_reason == "max_tokens" and not had_room else turn


async def _take_looks(talk: _Talk, notebook: Notebook, tool_uses: Sequence[JsonObject]) -> AsyncIterator[Step]:
    calls = notebook.plan(tool_uses, talk.budget.looks_left)
    for call in calls:
        if not call.refusal:
            yield LookStep(call.tool, call.arguments)
    taken = await notebook.take(calls)
    for evidence in taken:
        yield EvidenceStep(evidence)
    talk.budget = talk.budget.after_looks(len(taken))
    talk.said += notebook.results(calls)


async def _write_report(talk: _Talk) -> Report | None:
    """Have the report written, with one more try when it is none; without one, the note says why."""
    trouble = talk.waited_for or "The budget (model.limits) was used up before a report could be written."
    talk.said.append(text_block(_WRITE))
    for _ in range(2):
        budget = talk.look_at_clock()
        if not budget.report_affordable():
            break
        turn = await talk.ask(budget.seconds_for_report, SCHEMA)
        if turn.stop_reason == "refusal":
            trouble = _declined(talk.model.name, turn.detail)
        elif turn.stop_reason in _CUT:
            trouble = f"{talk.model.name} ran out of room to write its report."
        else:
            try:
                report = parse(turn.text)
            except BrokenReportError as error:
                trouble = f"{talk.model.name} wrote no usable report: {error}."
                _keep(talk, turn)
                talk.said.append(text_block(f"That is not the report: {error}. {_WRITE}"))
            else:
                _keep(talk, turn)
                return report
    talk.note = trouble
    return None


def _keep(talk: _Talk, turn: Turn) -> None:
    """Keep a turn that was to be the report; looks that it asks for all the same are refused."""
    talk.conversation.hear(turn)
    talk.said += [result_block(str(use["id"]), "No more looks.", failed=True) for use in turn.tool_uses]


def _doubts(report: Report, notebook: Notebook, question: Question) -> str:
    """What of a report does not hold, a line each; "" when all of it does."""
    unverified = verify(report, notebook.evidence, question.asked_at).unverified
    return "\n".join(f"- {one.claim}: {one.why}." for one in unverified)


def _standing(report: Report, notebook: Notebook, question: Question) -> int:
    """How much of a report holds, less what does not: a report that only drops what was wrong is better than before."""
    held = verify(report, notebook.evidence, question.asked_at)
    return len(held.what) + len(held.impact) + len(held.hypotheses) + len(held.ruled_out) - len(held.unverified)


def _can_mend(talk: _Talk) -> bool:
    return talk.look_at_clock().report_affordable()


async def _mend_report(talk: _Talk, doubts: str) -> Report | None:
    """Ask once for the report without what does not hold; None when none comes, whatever the reason."""
    talk.said.append(text_block(_MEND.format(doubts=doubts)))
    try:
        turn = await talk.ask(talk.budget.seconds_for_report, SCHEMA)
        return None if turn.stop_reason == "refusal" or turn.stop_reason in _CUT else parse(turn.text)
    except (ModelError, BrokenReportError):
        return None


def _declined(model: str, detail: str) -> str:
    return f"{model} declined to go on" + (f" ({detail})." if detail else ".")
