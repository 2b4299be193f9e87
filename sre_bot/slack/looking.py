"""One investigation of a question from Slack: the question in its context, what is said meanwhile, what is shown."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from sre_bot.durable import journaled
from sre_bot.investigation import AnswerStep, EvidenceStep, FirstLookStep, Message, Question, rewritten
from sre_bot.render.recap import earlier_answer
from sre_bot.slack.addressed import without_mention
from sre_bot.slack.blocks import answer_post, first_look_post, status_text
from sre_bot.slack.context import CONTEXT, Context, said_in
from sre_bot.slack.feedback import with_feedback
from sre_bot.slack.messages import plain_text
from sre_bot.slack.replies import thread_of, written_at
from sre_bot.slack.rewording import EDITED
from sre_bot.slack.runs import whole
from sre_bot.slack.times import localised
from sre_bot.store.database import patiently
from sre_bot.store.heard import Call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from sre_bot.agent.hearing import Listen
    from sre_bot.durable import Journal
    from sre_bot.investigation import Answer, JsonObject, Step
    from sre_bot.slack.blocks import Post
    from sre_bot.slack.channels import Channels
    from sre_bot.slack.runs import Run, Runs
    from sre_bot.slack.thread import Status, Thread
    from sre_bot.slack.turns import Turn
    from sre_bot.store.heard import Heard
    from sre_bot.store.investigations import Investigations
    from sre_bot.triage import Investigator

_EDITED: TypeAdapter[str | None] = TypeAdapter(str | None)
_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])

MAX_QUESTION_CHARS = 8_000
UNASKED = "What is going on?"
"""What a mention without words is taken to ask."""


class Task:
    """A piece of work and what it works with; ``seen`` is what was done on the way, ``answer`` what was answered."""

    status: Status

    def __init__(self, run: Run, event: JsonObject, thread: Thread, journal: Journal, turn: Turn) -> None:
        self.run = run
        self.event = event
        self.thread = thread
        self.journal = journal
        self.turn = turn
        self.seen: list[Step] = []
        self.answer: Answer | None = None

    @property
    def looks(self) -> int:
        """How many looks the model took."""
        return sum(isinstance(one, EvidenceStep) for one in self.seen)

    def now(self) -> datetime:
        """The same in a replay."""
        return datetime.fromtimestamp(self.journal.clock(), UTC)


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks into questions; all of it can be repeated after a crash, with the same journal."""

    investigator: Investigator
    investigations: Investigations
    heard: Heard
    channels: Channels
    runs: Runs
    allowed_hosts: Collection[str]

    def question(self, event: JsonObject, asked_at: datetime) -> Question:
        """What was typed, without our name, markup and secrets."""
        text = plain_text(without_mention(str(event["text"]), str(event["bot"]))) or UNASKED
        if len(text) > MAX_QUESTION_CHARS:
            text = f"{text[:MAX_QUESTION_CHARS]} …({len(text) - MAX_QUESTION_CHARS} more characters were cut)"
        return rewritten(Question(text, asked_at, asked_by=str(event["user"])), self.investigator.redact)

    @contextlib.asynccontextmanager
    async def stoppable(self, run: Run) -> AsyncIterator[None]:
        """As `Runs.stoppable`; what was answered before a restart cannot be stopped any more."""
        if await patiently(partial(self.investigations.status, run.key)) == "answered":
            yield
        else:
            async with self.runs.stoppable(run):
                yield

    async def look_into(self, task: Task, question: Question) -> AnswerStep:
        """Investigate. Without a model an edit begins the first look anew; with one, it is told of it at a turn."""
        question = await self.in_context(task, question)
        for time in itertools.count(1):
            steps = journaled(self.investigator, task.journal).triage(question, self.listening(task))
            ended = await self.investigate(task, steps, question.asked_at)
            if self.investigator.model is not None:
                break
            look = partial(self.edited, task.run.key, time)
            if (edited := await task.journal.checkpoint("edited", _EDITED, look)) is None:
                break
            question = replace(question, text=edited)
        return ended

    async def edited(self, key: str, time: int = 0) -> str | None:
        """What a question was edited to since it was last asked for this."""
        edit = await patiently(partial(self.heard.reword, key, time))
        return None if edit is None else edit.text.removeprefix(EDITED)

    def note(self, key: str, event: JsonObject, question: Question, *, alone: bool) -> bool:
        """Note what was said; whether it may be a question of its own, which it is at once where nothing else runs."""
        call = Call(str(event.get("call", Call.MENTION)))
        fresh = self.heard.note(key, thread_of(event), call, written_at(event), claimed=alone)
        if alone and fresh:
            self.investigations.begin(key, question)
        return fresh or not alone or self.claim(key, question)

    def claim(self, key: str, question: Question) -> bool:
        """Whether the message is a question of its own, which is then noted as begun."""
        if not self.heard.claim(key):
            return False
        self.investigations.begin(key, question)
        return True

    async def offer(self, task: Task, question: Question) -> None:
        """Hold what was said out to an investigation that runs in the thread."""
        by = await task.thread.author(str(task.event["user"]))
        said = Message(by.name, question.text, task.run.asked_at, by.trusted)
        await patiently(partial(self.heard.offer, task.run.key, rewritten(said, self.investigator.redact)))

    def listening(self, task: Task) -> Listen:
        """Tells the loop what was said in the thread meanwhile; each turn of it is remembered."""
        turns = itertools.count(1)

        async def take() -> tuple[Message, ...]:
            look = partial(self.heard.take, task.run.key, task.run.thread, next(turns))
            return await task.journal.checkpoint("heard", _MESSAGES, lambda: patiently(look))

        return take

    async def investigate(self, task: Task, steps: AsyncIterator[Step], day: datetime) -> AnswerStep:
        """How it ended; what was done on the way is in ``task.seen``."""
        async for step in steps:
            match step:
                case FirstLookStep(first):
                    if self.investigator.model is not None:
                        await whole(self._show_first_look(task, first))
                case AnswerStep():
                    return step
                case _:
                    task.seen.append(step)
                    task.status.show(localised(status_text(task.seen), day))
        raise AssertionError("an investigation always ends with an answer")

    async def _show_first_look(self, task: Task, first: Answer) -> None:
        key = task.run.key
        await patiently(partial(self.investigations.saw, key, first))
        await task.thread.post_once(f"{key}:first-look", first_look_post(first, allowed_hosts=self.allowed_hosts))

    def post(self, key: str, answer: Answer, earlier: Answer | None) -> Post:
        """An answer as it is posted, with what it changed against an earlier one, and what it may be graded with."""
        return with_feedback(answer_post(answer, allowed_hosts=self.allowed_hosts, earlier=earlier), answer, key)

    async def finish(self, key: str, answer: Answer, journal: Journal) -> Answer:
        """Keep an answer, and give it back."""
        await patiently(partial(self.investigations.finish, key, answer, datetime.fromtimestamp(journal.clock(), UTC)))
        return answer

    async def in_context(self, task: Task, question: Question, until: datetime | None = None) -> Question:
        """The question, as it reads by now, with what was said and answered in its thread before it, or ``until`` then.

        What its channel is about goes with it.
        """
        event, key = task.event, task.run.key

        async def look() -> Context:
            said, scope, by, text, earlier = await asyncio.gather(
                said_in(task.thread, event, until),
                self.channels.scope(str(event["channel"])),
                task.thread.author(str(event["user"])),
                self.edited(key),
                patiently(partial(self.investigations.earlier, key, task.run.thread)),
            )
            said = tuple(rewritten(one, self.investigator.redact) for one in said)
            return Context(said, scope, not by.trusted, text, earlier_answer(earlier) if earlier else "")

        context = await task.journal.checkpoint("context", CONTEXT, look)
        return replace(
            question,
            text=context.text or question.text,
            asked_by=f"{question.asked_by} (outsider)" if context.by_outsider else question.asked_by,
            conversation=context.conversation,
            scope=context.scope,
            earlier=context.earlier,
        )


def last_word(answer: Answer) -> str:
    """How long it took, what was asked and by whom: what the status says in the end."""
    tools = Counter(evidence.tool for evidence in answer.evidence)
    looks = ", ".join(f"{count} × {tool}" for tool, count in sorted(tools.items()))
    version = f" · prompt {answer.prompt}" if answer.prompt else ""
    return f"Done in {answer.seconds.total:.0f} s · {looks or 'nothing could be seen'} · {answer.model}{version}"
