"""From a mention to an answer in its thread.

One of the two doors where a broad ``except`` stands: whatever goes wrong behind it, the thread gets an honest sentence
and the log gets the stack.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from sre_bot.durable import MAX_ATTEMPTS, Journal, journaled
from sre_bot.errors import DeliveryError
from sre_bot.investigation import AnswerStep, FirstLookStep, Message, Question, rewritten
from sre_bot.slack.blocks import answer_post, first_look_post, plain_post, status_text
from sre_bot.slack.messages import plain_text
from sre_bot.slack.thread import Status, Thread
from sre_bot.store.database import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from sre_bot.investigation import Answer, JsonObject, Step
    from sre_bot.store.investigations import Investigations
    from sre_bot.store.posts import Posts
    from sre_bot.triage import Investigator

_log = logging.getLogger(__name__)

_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])

MAX_QUESTION_CHARS = 8_000
UNASKED = "What is going on?"
"""What a mention without words is taken to ask."""
ON_IT = "On it: looking …"
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
    """Answers mentions: one at a time in a thread, at most ``concurrent`` at once."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        posts: Posts,
        investigations: Investigations,
        investigator: Investigator,
        allowed_hosts: frozenset[str],
        concurrent: int,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._posts = posts
        self._investigations = investigations
        self._investigator = investigator
        self._hosts = allowed_hosts
        self._slots = asyncio.Semaphore(concurrent)
        self._threads: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._now = now

    async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
        """Answer one mention; called again with the same journal after a crash."""
        thread = self._thread(event)
        try:
            async with self._turn(event) as turn:
                question = self._question(event, datetime.fromtimestamp(journal.clock(), UTC))
                await patiently(partial(self._investigations.begin, key, question))
                await self._answer(key, event, question, thread=thread, journal=journal, turn=turn)
        except DeliveryError as error:
            _log.error("no answer could be brought to %s: %s", key, error)
            await self._failed(key)
        except Exception:  # noqa: BLE001 - a door: the stack is logged, and the thread is told
            _log.exception("the investigation of %s failed", key)
            await self._say(f"{key}:apology", APOLOGY.format(key=key), thread)
            await self._failed(key)

    async def give_up(self, key: str, event: JsonObject) -> bool:
        """Say that a mention was given up; said once, however often it is called. Returns whether it was said now."""
        said = f"{key}:apology"
        if await patiently(partial(self._posts.ts, said)) is not None:
            return False
        _log.error("given up after %d attempts: %s", MAX_ATTEMPTS, key)
        await self._say(said, GIVEN_UP.format(attempts=MAX_ATTEMPTS), self._thread(event))
        await self._failed(key)
        return await patiently(partial(self._posts.ts, said)) is not None

    def _thread(self, event: JsonObject) -> Thread:
        ts = str(event["thread_ts"] or event["ts"])
        return Thread(self._client, str(event["team"]), str(event["channel"]), ts, self._posts)

    def _question(self, event: JsonObject, asked_at: datetime) -> Question:
        text = plain_text(re.sub(rf"<@{re.escape(str(event['bot']))}(\|[^<>]*)?>", " ", str(event["text"]))) or UNASKED
        if len(text) > MAX_QUESTION_CHARS:
            text = f"{text[:MAX_QUESTION_CHARS]} …({len(text) - MAX_QUESTION_CHARS} more characters were cut)"
        return rewritten(Question(text, asked_at, asked_by=str(event["user"])), self._investigator.redact)

    @contextlib.asynccontextmanager
    async def _turn(self, event: JsonObject) -> AsyncIterator[asyncio.Task[bool]]:
        """A place in the queue of the thread, taken at once; whoever awaits what it gives is first."""
        lock = self._threads.setdefault(f"{event['channel']}:{event['thread_ts'] or event['ts']}", asyncio.Lock())
        turn = asyncio.create_task(lock.acquire())
        try:
            yield turn
        finally:
            turn.cancel()
            if turn.done() and not turn.cancelled():
                lock.release()

    async def _answer(
        self,
        key: str,
        event: JsonObject,
        question: Question,
        *,
        thread: Thread,
        journal: Journal,
        turn: Awaitable[bool],
    ) -> None:
        async with Status(thread, await thread.post_once(f"{key}:status", plain_post(ON_IT))) as status:
            await turn
            async with self._slots:
                if event["thread_ts"]:
                    read = partial(self._read, thread, str(event["ts"]))
                    question = replace(question, conversation=await journal.checkpoint("thread", _MESSAGES, read))
                answer = await self._investigate(key, question, thread, status, journal)
            status.end_with(_last_word(answer))

    async def _investigate(
        self, key: str, question: Question, thread: Thread, status: Status, journal: Journal
    ) -> Answer:
        steps: list[Step] = []
        async for step in journaled(self._investigator, journal).triage(question):
            match step:
                case FirstLookStep(first):
                    if self._investigator.model is not None:
                        await thread.post_once(f"{key}:first-look", first_look_post(first, allowed_hosts=self._hosts))
                case AnswerStep(answer):
                    finished = datetime.fromtimestamp(journal.clock(), UTC)
                    await patiently(partial(self._investigations.finish, key, answer, finished))
                    await thread.post_once(f"{key}:answer", answer_post(answer, allowed_hosts=self._hosts))
                    return answer
                case _:
                    steps.append(step)
                    status.show(status_text(steps))
        raise AssertionError("an investigation always ends with an answer")

    async def _read(self, thread: Thread, before: str) -> tuple[Message, ...]:
        """The thread as context, without secrets; an investigation without it is better than none."""
        try:
            return tuple(rewritten(one, self._investigator.redact) for one in await thread.read(before))
        except DeliveryError as error:
            _log.warning("%s", error)
            return ()

    async def _say(self, key: str, sentence: str, thread: Thread) -> None:
        try:
            await thread.post_once(key, plain_post(sentence))
        except DeliveryError as error:
            _log.error("could not even say so in the thread: %s", error)

    async def _failed(self, key: str) -> None:
        await patiently(partial(self._investigations.fail, key, datetime.fromtimestamp(self._now(), UTC)))


def _last_word(answer: Answer) -> str:
    tools = Counter(evidence.tool for evidence in answer.evidence)
    looks = ", ".join(f"{count} × {tool}" for tool, count in sorted(tools.items()))
    version = f" · prompt {answer.prompt}" if answer.prompt else ""
    return f"Done in {answer.seconds.total:.0f} s · {looks or 'nothing could be seen'} · {answer.model}{version}"
