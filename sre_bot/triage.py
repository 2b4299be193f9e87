"""THE STORY: a question, a first look, an investigation whose report is held against its evidence. Read this first.

Nothing here knows who asks (Slack, a terminal, an eval) or whom it asks (live systems, a recording): the parts are
handed in, and everything happens as of the moment the question was asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.agent.hearing import nobody
from sre_bot.agent.loop import investigate
from sre_bot.investigation import AnswerStep, FirstLookStep, Seconds, rewritten

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from sre_bot.agent.budget import Limits
    from sre_bot.agent.hearing import Listen
    from sre_bot.agent.looks import Toolset
    from sre_bot.agent.loop import Model
    from sre_bot.agent.prompt import Prompt
    from sre_bot.investigation import Answer, Evidence, Question, Step

NO_MODEL = "No model is configured (set ANTHROPIC_API_KEY): this is the first look, which no model wrote."


@dataclass(frozen=True, slots=True)
class Investigator:
    """Everything an investigation needs.

    Args:
        first_look: looks at once, without a model.
        toolset: the tools as of a moment.
        model: who investigates, or None: then the first look is the answer.
        prompt: the investigator's system prompt.
        limits: what one investigation may cost.
        redact: takes secrets out of a text before the model, or anyone else, sees it.
        clock: seconds; only differences count.
    """

    first_look: Callable[[Question], Awaitable[Answer]]
    toolset: Callable[[datetime], Toolset]
    model: Model | None
    prompt: Prompt
    limits: Limits
    redact: Callable[[str], str]
    clock: Callable[[], float]

    async def triage(
        self, question: Question, listen: Listen = nobody, earlier: Sequence[Evidence] = ()
    ) -> AsyncIterator[Step]:
        """Look, investigate, report; the last step carries the answer, whatever happened to the model or a source.

        ``listen`` tells what people say meanwhile; without a model nothing is taken in. ``earlier`` is what a model saw
        before it was cut off: it is shown behind the first look, under new ids.
        """
        question = rewritten(question, self.redact)
        started = self.clock()
        first = await self.first_look(question)
        looked = self.clock()
        yield FirstLookStep(first)
        if self.model is None:
            yield AnswerStep(replace(first, note=NO_MODEL))
            return
        async for step in investigate(
            question,
            model=self.model,
            toolset=self.toolset(question.asked_at),
            prompt=self.prompt,
            first_look=_with_earlier(first, earlier),
            limits=self.limits,
            redact=self.redact,
            clock=self.clock,
            listen=listen,
        ):
            if isinstance(step, AnswerStep):
                seconds = Seconds(first_look=looked - started, total=self.clock() - started)
                answer = rewritten(replace(step.answer, seconds=seconds), self.redact)
                yield replace(step, answer=answer)
            else:
                yield step


def _with_earlier(first: Answer, earlier: Sequence[Evidence]) -> Answer:
    last = max((int(one.id[1:]) for one in first.evidence), default=0)
    known = (replace(one, id=f"E{number}") for number, one in enumerate(earlier, last + 1))
    return replace(first, evidence=(*first.evidence, *known))
