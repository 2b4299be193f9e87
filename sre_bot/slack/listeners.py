"""From what is said to us to an answer in its thread, or into the investigation that already runs there.

One of the two doors where a broad ``except`` stands: whatever goes wrong behind it, the thread gets an honest sentence
and the log gets the stack.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from pydantic import TypeAdapter

from sre_bot.durable import MAX_ATTEMPTS, Journal, journaled
from sre_bot.errors import DeliveryError
from sre_bot.investigation import AnswerStep, EvidenceStep, FirstLookStep, Message, Question, rewritten
from sre_bot.resuming import still_young
from sre_bot.slack.addressed import without_mention
from sre_bot.slack.blocks import answer_post, first_look_post, plain_post, status_text
from sre_bot.slack.context import CONTEXT, Context, said_in
from sre_bot.slack.feedback import with_feedback
from sre_bot.slack.messages import plain_text
from sre_bot.slack.replies import thread_of, written_at
from sre_bot.slack.thread import Status, Thread
from sre_bot.slack.times import localised
from sre_bot.slack.turns import Turns
from sre_bot.slack.waiting import NOT_CONTINUED, away_again, back, continued, not_continued, promised
from sre_bot.store.database import patiently
from sre_bot.store.heard import Call
from sre_bot.store.waits import CONTINUES, TRY, WaitState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from sre_bot.agent.hearing import Listen
    from sre_bot.investigation import Answer, JsonObject, Step
    from sre_bot.resuming import WaitingRoom
    from sre_bot.slack.blocks import Post
    from sre_bot.slack.channels import Channels
    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.pictures import Pictures
    from sre_bot.slack.turns import Turn
    from sre_bot.store.heard import Heard
    from sre_bot.store.investigations import Investigations
    from sre_bot.store.posts import Posts
    from sre_bot.store.waits import Wait
    from sre_bot.triage import Investigator

_log = logging.getLogger(__name__)


_WHY_NOT: TypeAdapter[WaitState | None] = TypeAdapter(WaitState | None)
_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])

MAX_QUESTION_CHARS = 8_000
UNASKED = "What is going on?"
"""What a mention without words is taken to ask."""
ON_IT = "On it: looking …"
HEARD = "Heard: it goes into what I am looking at here, or comes right after it."
TAKEN_IN = "Taken in: it became part of what I was looking into here."
QUIET = "Quiet: in this thread I answer to a mention only."
RESUMED_SECONDS = 10.0
"""So long what was said waits for an investigation of its thread that a restart has yet to take up."""
GIVEN_UP = (
    "I tried to look into this {attempts} times and was killed each time, so I have given up. Please go on without me; "
    "my log around the restarts tells more."
)
APOLOGY = (
    "Something broke inside me while I looked into this, so I have no answer. The stack is in my log under `{key}`. "
    "Please go on without me, and ask again once it is mended."
)


def mention_key(event: Mapping[str, object], team: str) -> str:
    """What makes a mention one and the same, however often it is delivered."""
    return f"slack:{team}:{event['channel']}:{event['ts']}"


class Mentions:
    """Answers what is said to us: one at a time in a thread, at most ``concurrent`` at once.

    What is said in a thread while one of its questions is looked into joins that: it is held out in the store, and
    taken in before the model's next turn, or claimed by its own handler when its turn comes. Whichever is first has it.
    """

    def __init__(
        self,
        *,
        client: SlackClient,
        posts: Posts,
        investigations: Investigations,
        heard: Heard,
        channels: Channels,
        unfinished: Mapping[str, str],
        investigator: Investigator,
        allowed_hosts: frozenset[str],
        concurrent: int,
        now: Callable[[], float],
        patience: float = RESUMED_SECONDS,
        room: WaitingRoom | None = None,
        pictures: Pictures | None = None,
    ) -> None:
        self._client = client
        self._posts = posts
        self._investigations = investigations
        self._heard = heard
        self._channels = channels
        self._investigator = investigator
        self._hosts = allowed_hosts
        self._slots = asyncio.Semaphore(concurrent)
        self._turns = Turns(unfinished, patience)
        self._now = now
        self._room = room
        self._pictures = pictures

    async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
        """Answer one message; called again with the same journal after a crash."""
        thread = self._thread(event)
        try:
            if event.get("call") == Call.QUIET:
                await patiently(partial(self._heard.note, key, thread_of(event), Call.QUIET, written_at(event)))
                await thread.post_once(f"{key}:quiet", plain_post(QUIET))
                for wait in await self._room.quiet(thread_of(event)) if self._room else ():
                    await self.not_continued(wait, WaitState.STOPPED)
                return
            await self._turns.let_resume(key, thread_of(event))
            async with self._turns.queue(thread_of(event)) as turn:
                if self._room and CONTINUES in event:
                    await self._continue(key, event, self._room, thread=thread, journal=journal, turn=turn)
                    return
                question = self._question(event, datetime.fromtimestamp(journal.clock(), UTC))
                await self._answer(key, event, question, thread=thread, journal=journal, turn=turn)
        except DeliveryError as error:
            _log.error("no answer could be brought to %s: %s", key, error)
            await self._failed(key, event)
        except Exception:  # noqa: BLE001 - a door: the stack is logged, and the thread is told
            _log.exception("the investigation of %s failed", key)
            await self._say(f"{key}:apology", APOLOGY.format(key=key), thread)
            await self._failed(key, event)

    async def give_up(self, key: str, event: JsonObject) -> bool:
        """Say that a mention was given up; said once, however often it is called. Returns whether it was said now."""
        said = f"{key}:apology"
        if await patiently(partial(self._posts.ts, said)) is not None:
            return False
        _log.error("given up after %d attempts: %s", MAX_ATTEMPTS, key)
        await self._say(said, GIVEN_UP.format(attempts=MAX_ATTEMPTS), self._thread(event))
        await self._failed(key, event)
        return await patiently(partial(self._posts.ts, said)) is not None

    def _thread(self, event: JsonObject) -> Thread:
        ts = str(event["thread_ts"] or event["ts"])
        return Thread(self._client, str(event["team"]), str(event["channel"]), ts, self._posts)

    def _question(self, event: JsonObject, asked_at: datetime) -> Question:
        text = plain_text(without_mention(str(event["text"]), str(event["bot"]))) or UNASKED
        if len(text) > MAX_QUESTION_CHARS:
            text = f"{text[:MAX_QUESTION_CHARS]} …({len(text) - MAX_QUESTION_CHARS} more characters were cut)"
        return rewritten(Question(text, asked_at, asked_by=str(event["user"])), self._investigator.redact)

    async def _answer(
        self,
        key: str,
        event: JsonObject,
        question: Question,
        *,
        thread: Thread,
        journal: Journal,
        turn: Turn,
    ) -> None:
        mine = await patiently(partial(self._note, key, event, question, alone=not turn.busy))
        begun = ON_IT if mine and not turn.busy else HEARD
        async with Status(thread, await thread.post_once(f"{key}:status", plain_post(begun), ahead=True)) as status:
            if turn.busy:
                await self._offer(key, event, question, thread)
            await turn.come
            if not mine or (turn.busy and not await patiently(partial(self._claim, key, question))):
                status.end_with(TAKEN_IN)
                return
            async with self._slots:
                question = await self._in_context(event, question, thread, journal)
                listen = self._listening(key, event, journal)
                steps = journaled(self._investigator, journal).triage(question, listen)
                ended, looks = await self._investigate(key, steps, thread, status, question.asked_at)
                answer = await self._finish(key, ended.answer, journal)
                if ended.model_away and self._room and await self._may_speak(event):
                    answer = await self._promise(key, event, answer, looks, room=self._room, journal=journal)
                await thread.post_once(f"{key}:answer", self._post(key, answer))
            status.end_with(_last_word(answer))
        if self._pictures:
            await self._pictures.show(key, answer, thread)

    async def _may_speak(self, event: JsonObject) -> bool:
        """Whether nobody asked for quiet while it was looked into."""
        until_now = datetime.max.replace(tzinfo=UTC)  # Slack's clock may be ahead of ours
        return await patiently(partial(self._heard.is_listening, thread_of(event), until_now))

    async def _promise(
        self, key: str, event: JsonObject, answer: Answer, looks: int, *, room: WaitingRoom, journal: Journal
    ) -> Answer:
        """Have the investigation wait for its model; the answer, which tells so."""
        since = datetime.fromtimestamp(journal.clock(), UTC)
        await room.begin(key, thread_of(event), event, since=since, looks=looks)
        return promised(answer, room.until(since))

    async def _continue(
        self, key: str, event: JsonObject, room: WaitingRoom, *, thread: Thread, journal: Journal, turn: Turn
    ) -> None:
        """Go on, as of now, with an investigation whose model is back; or tell why it is not needed any more."""
        await turn.come
        async with self._slots:
            wait = await room.get(str(event[CONTINUES]), cast("int", event[TRY]))
            look = partial(room.why_not, wait, written_at(event))
            if why := await journal.checkpoint("why-not", _WHY_NOT, look):
                await room.end(wait.key, why)
                await self.not_continued(wait, why)
                return
            question = self._question(event, datetime.fromtimestamp(journal.clock(), UTC))
            await patiently(partial(self._note, key, event, question, alone=True))
            now = question.asked_at
            begun = back(written_at(event), now)
            async with Status(thread, await thread.post_once(f"{wait.key}:resumed", plain_post(begun, now))) as status:
                status.show(localised(begun, now))
                last = await self._go_on(key, event, question, wait, room=room, status=status, journal=journal)
                status.end_with(localised(last, now))

    async def _go_on(
        self,
        key: str,
        event: JsonObject,
        question: Question,
        wait: Wait,
        *,
        room: WaitingRoom,
        status: Status,
        journal: Journal,
    ) -> str:
        """Look again and investigate; the last word about that."""
        thread = self._thread(event)
        question = await self._in_context(event, question, thread, journal, until=question.asked_at)
        before = await patiently(partial(self._investigations.answer, wait.key))
        steps = journaled(self._investigator, journal).triage(
            question, self._listening(key, event, journal), still_young(before, wait.looks, question.asked_at)
        )
        ended, _ = await self._investigate(key, _after_first_look(steps), thread, status, question.asked_at)
        if ended.model_away:
            await patiently(partial(self._investigations.forget, key))
            why = await room.again(wait, broke_off=ended.answer.usage.turns > 0)
            return not_continued(wait, why) if why else away_again(wait)
        answer = await self._finish(key, ended.answer, journal)
        await thread.post_once(f"{key}:answer", self._post(key, continued(answer, written_at(event))))
        await room.end(wait.key, WaitState.RESUMED)
        if self._pictures:
            await self._pictures.show(key, answer, thread)
        return _last_word(answer)

    def _post(self, key: str, answer: Answer) -> Post:
        return with_feedback(answer_post(answer, allowed_hosts=self._hosts), answer, key)

    async def not_continued(self, wait: Wait, why: WaitState) -> None:
        """Tell why an investigation does not go on, where its state was told last; nothing of one that does."""
        if why not in NOT_CONTINUED:
            return
        for key in (f"{wait.key}:resumed", f"{wait.key}:status"):
            if ts := await patiently(partial(self._posts.ts, key)):
                await self._thread(wait.event).edit(ts, localised(not_continued(wait, why), wait.until))
                return

    def _note(self, key: str, event: JsonObject, question: Question, *, alone: bool) -> bool:
        """Note what was said; whether it may be a question of its own, which it is at once where nothing else runs."""
        call = Call(str(event.get("call", Call.MENTION)))
        fresh = self._heard.note(key, thread_of(event), call, written_at(event), claimed=alone)
        if alone and fresh:
            self._investigations.begin(key, question)
        return fresh or not alone or self._claim(key, question)

    def _claim(self, key: str, question: Question) -> bool:
        """Whether the message is a question of its own, which is then noted as begun."""
        if not self._heard.claim(key):
            return False
        self._investigations.begin(key, question)
        return True

    async def _offer(self, key: str, event: JsonObject, question: Question, thread: Thread) -> None:
        by = await thread.author(str(event["user"]))
        said = Message(by.name, question.text, written_at(event), by.trusted)
        await patiently(partial(self._heard.offer, key, rewritten(said, self._investigator.redact)))

    def _listening(self, key: str, event: JsonObject, journal: Journal) -> Listen:
        turns = itertools.count(1)

        async def take() -> tuple[Message, ...]:
            look = partial(self._heard.take, key, thread_of(event), next(turns))
            return await journal.checkpoint("heard", _MESSAGES, lambda: patiently(look))

        return take

    async def _investigate(
        self, key: str, steps: AsyncIterator[Step], thread: Thread, status: Status, day: datetime
    ) -> tuple[AnswerStep, int]:
        """How it ended, and how many looks the model took."""
        seen: list[Step] = []
        async for step in steps:
            match step:
                case FirstLookStep(first):
                    if self._investigator.model is not None:
                        await thread.post_once(f"{key}:first-look", first_look_post(first, allowed_hosts=self._hosts))
                case AnswerStep():
                    return step, sum(isinstance(one, EvidenceStep) for one in seen)
                case _:
                    seen.append(step)
                    status.show(localised(status_text(seen), day))
        raise AssertionError("an investigation always ends with an answer")

    async def _finish(self, key: str, answer: Answer, journal: Journal) -> Answer:
        await patiently(partial(self._investigations.finish, key, answer, datetime.fromtimestamp(journal.clock(), UTC)))
        return answer

    async def _in_context(
        self, event: JsonObject, question: Question, thread: Thread, journal: Journal, until: datetime | None = None
    ) -> Question:
        """The question with what was said in its thread before it, or ``until`` then, and what its channel is about."""

        async def look() -> Context:
            said, scope, by = await asyncio.gather(
                said_in(thread, event, until),
                self._channels.scope(str(event["channel"])),
                thread.author(str(event["user"])),
            )
            conversation = tuple(rewritten(one, self._investigator.redact) for one in said)
            return Context(conversation, scope, by_outsider=not by.trusted)

        context = await journal.checkpoint("context", CONTEXT, look)
        asked_by = f"{question.asked_by} (outsider)" if context.by_outsider else question.asked_by
        return replace(question, conversation=context.conversation, scope=context.scope, asked_by=asked_by)

    async def _say(self, key: str, sentence: str, thread: Thread) -> None:
        try:
            await thread.post_once(key, plain_post(sentence))
        except DeliveryError as error:
            _log.error("could not even say so in the thread: %s", error)

    async def _failed(self, key: str, event: JsonObject) -> None:
        await patiently(partial(self._investigations.fail, key, datetime.fromtimestamp(self._now(), UTC)))
        if self._room and CONTINUES in event:
            await self._room.end(str(event[CONTINUES]), WaitState.FAILED)


async def _after_first_look(steps: AsyncIterator[Step]) -> AsyncIterator[Step]:
    """In a thread that has one already, the next that is worth a notification is the answer."""
    async for step in steps:
        if not isinstance(step, FirstLookStep):
            yield step


def _last_word(answer: Answer) -> str:
    tools = Counter(evidence.tool for evidence in answer.evidence)
    looks = ", ".join(f"{count} × {tool}" for tool, count in sorted(tools.items()))
    version = f" · prompt {answer.prompt}" if answer.prompt else ""
    return f"Done in {answer.seconds.total:.0f} s · {looks or 'nothing could be seen'} · {answer.model}{version}"
