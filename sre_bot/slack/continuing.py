"""Investigations whose model was away: told that they wait, gone on with when it is back, or told that they are not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from pydantic import TypeAdapter

from sre_bot.durable import journaled
from sre_bot.investigation import FirstLookStep
from sre_bot.resuming import still_young
from sre_bot.slack.blocks import plain_post
from sre_bot.slack.heeding import STOPS
from sre_bot.slack.looking import last_word
from sre_bot.slack.replies import thread_of, written_at
from sre_bot.slack.runs import StoppedError
from sre_bot.slack.sessions import SessionStatus
from sre_bot.slack.thread import Status
from sre_bot.slack.times import localised
from sre_bot.slack.waiting import NOT_CONTINUED, away_again, back, continued, not_continued, promised
from sre_bot.store.database import patiently
from sre_bot.store.waits import CONTINUES, TRY, WaitState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sre_bot.investigation import Answer, AnswerStep, JsonObject, Question, Step
    from sre_bot.resuming import WaitingRoom
    from sre_bot.slack.looking import Looking, Task
    from sre_bot.slack.sessions import Sessions
    from sre_bot.slack.stopping import Stopping
    from sre_bot.slack.thread import Thread
    from sre_bot.store.posts import Posts
    from sre_bot.store.waits import Wait

_WHY_NOT: TypeAdapter[WaitState | None] = TypeAdapter(WaitState | None)


@dataclass(frozen=True, slots=True)
class Continuing:
    """Goes on with what waits in the room; ``thread`` finds the thread of an event, ``now`` is in unix seconds."""

    room: WaitingRoom
    looking: Looking
    stopping: Stopping
    posts: Posts
    sessions: Sessions
    thread: Callable[[JsonObject], Thread]
    now: Callable[[], float]

    async def promise(self, task: Task, answer: Answer) -> Answer:
        """Have the investigation wait for its model; the answer, which tells so."""
        since = task.now()
        await self.room.begin(task.run.key, task.run.thread, task.event, since=since, looks=task.looks)
        return promised(answer, self.room.until(since))

    async def stop(self, event: JsonObject) -> None:
        """End what waits in a thread, or one question that is gone; what runs knows of a stop by itself."""
        gone = str(event[STOPS]) if STOPS in event else None
        for wait in await self.room.stop(thread_of(event), gone):
            await self.not_continued(wait, WaitState.STOPPED)

    async def failed(self, event: JsonObject) -> None:
        """Note that going on failed, if that is what an event was about."""
        if CONTINUES in event:
            await self.room.end(str(event[CONTINUES]), WaitState.FAILED)

    async def go_on(self, task: Task) -> SessionStatus:
        """Go on, as of now, with an investigation whose model is back; or tell why it is not needed any more."""
        event, key = task.event, task.run.key
        wait = await self.room.get(task.run.of, cast("int", event[TRY]))
        look = partial(self.room.why_not, wait, written_at(event))
        why = await task.journal.checkpoint("why-not", _WHY_NOT, look)
        if why is None and await self.looking.runs.stop_of(task.run):
            why = WaitState.STOPPED
        if why is not None:
            await self.room.end(wait.key, why)
            await self.not_continued(wait, why)
            return SessionStatus.CLOSED
        question = self.looking.question(event, task.now())
        await patiently(partial(self.looking.note, key, event, question, alone=True))
        now = question.asked_at
        begun = back(written_at(event), now)
        ts = await task.thread.post_once(f"{wait.key}:resumed", plain_post(begun, now))
        async with Status(task.thread, ts) as status:
            task.status = status
            status.show(localised(begun, now))
            last, ends = await self._told(task, question, wait)
            status.end_with(localised(last, now))
        return ends

    async def _told(self, task: Task, question: Question, wait: Wait) -> tuple[str, SessionStatus]:
        """Look again and bring the answer; the last word about that, and what the session is then."""
        key, investigations = task.run.key, self.looking.investigations
        before = await patiently(partial(investigations.answer, wait.key))
        try:
            async with self.looking.stoppable(task.run):
                ended = await self._look_again(task, question, wait, before)
        except StoppedError as error:
            await self.stopping.close(key, error.stop, task.seen, task.thread, self.now())
            await self.room.end(wait.key, WaitState.STOPPED)
            return not_continued(wait, WaitState.STOPPED), SessionStatus.CLOSED
        if ended.model_away:
            await patiently(partial(investigations.forget, key))
            why = await self.room.again(wait, broke_off=ended.answer.usage.turns > 0)
            if why is not None:
                return not_continued(wait, why), SessionStatus.CLOSED
            return away_again(wait), SessionStatus.SUSPENDED
        answer = await self.looking.finish(key, ended.answer, task.journal)
        marked = continued(answer, written_at(task.event))
        await task.thread.post_once(f"{key}:answer", self.looking.post(key, marked, before))
        await self.room.end(wait.key, WaitState.RESUMED)
        task.answer = answer
        return last_word(answer), SessionStatus.CLOSED

    async def _look_again(self, task: Task, question: Question, wait: Wait, before: Answer | None) -> AnswerStep:
        question = await self.looking.in_context(task, question, until=question.asked_at)
        young = still_young(before, wait.looks, question.asked_at)
        investigator = journaled(self.looking.investigator, task.journal)
        steps = investigator.triage(question, self.looking.listening(task), young)
        return await self.looking.investigate(task, _after_first_look(steps), question.asked_at)

    async def not_continued(self, wait: Wait, why: WaitState) -> None:
        """Tell why an investigation does not go on, where its state was told last; nothing of one that does."""
        if why not in NOT_CONTINUED:
            return
        for key in (f"{wait.key}:resumed", f"{wait.key}:status"):
            if ts := await patiently(partial(self.posts.ts, key)):
                thread = self.thread(wait.event)
                await thread.edit(ts, localised(not_continued(wait, why), wait.until))
                await self.sessions.show(thread.channel, thread.root, SessionStatus.CLOSED)
                return


async def _after_first_look(steps: AsyncIterator[Step]) -> AsyncIterator[Step]:
    """In a thread that has one already, the next that is worth a notification is the answer."""
    async for step in steps:
        if not isinstance(step, FirstLookStep):
            yield step
