"""From a mention to an answer in its thread.

One of the two doors where a broad ``except`` stands: whatever goes wrong behind it, the thread gets an honest sentence
and the log gets the stack.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from sre_bot.durable import MAX_ATTEMPTS, Journal, journaled
from sre_bot.errors import DeliveryError
from sre_bot.investigation import AnswerStep, FirstLookStep, Message, Question
from sre_bot.slack.blocks import answer_post, first_look_post, plain_post, status_text
from sre_bot.slack.thread import Status, Thread, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        channel, ts = str(event["channel"]), str(event["thread_ts"] or event["ts"])
        thread = Thread(self._client, channel, ts, self._posts)
        lock = self._threads.setdefault(f"{channel}:{ts}", asyncio.Lock())
        try:
            status = Status(thread, await thread.post_once(f"{key}:status", plain_post("On it: looking …")))
            try:
                async with lock, self._slots:
                    answer = await self._investigate(key, event, thread, status, journal)
                await status.close(_last_word(answer))
            finally:
                await status.close()
        except DeliveryError as error:
            _log.error("no answer could be brought to %s: %s", key, error)
            await asyncio.to_thread(self._investigations.fail, key, datetime.fromtimestamp(self._now(), UTC))
        except Exception:  # noqa: BLE001 - a door: the stack is logged, and the thread is told
            _log.exception("the investigation of %s failed", key)
            await asyncio.to_thread(self._investigations.fail, key, datetime.fromtimestamp(self._now(), UTC))
            await thread.post_once(f"{key}:apology", plain_post(APOLOGY.format(key=key)))

    async def give_up(self, key: str, event: JsonObject) -> None:
        """Say that a mention was given up; said once, however often it is called."""
        thread = Thread(self._client, str(event["channel"]), str(event["thread_ts"] or event["ts"]), self._posts)
        _log.error("given up after %d attempts: %s", MAX_ATTEMPTS, key)
        await thread.post_once(f"{key}:apology", plain_post(GIVEN_UP.format(attempts=MAX_ATTEMPTS)))

    async def _investigate(
        self, key: str, event: JsonObject, thread: Thread, status: Status, journal: Journal
    ) -> Answer:
        question = await self._question(event, thread, journal)
        await asyncio.to_thread(self._investigations.begin, key, question)
        steps: list[Step] = []
        async for step in journaled(self._investigator, journal).triage(question):
            match step:
                case FirstLookStep(first):
                    if self._investigator.model is not None:
                        await thread.post_once(f"{key}:first-look", first_look_post(first, allowed_hosts=self._hosts))
                case AnswerStep(answer):
                    finished = datetime.fromtimestamp(journal.clock(), UTC)
                    await asyncio.to_thread(self._investigations.finish, key, answer, finished)
                    await thread.post_once(f"{key}:answer", answer_post(answer, allowed_hosts=self._hosts))
                    return answer
                case _:
                    steps.append(step)
                    status.show(status_text(steps))
        raise AssertionError("an investigation always ends with an answer")

    async def _question(self, event: JsonObject, thread: Thread, journal: Journal) -> Question:
        asked_at = datetime.fromtimestamp(journal.clock(), UTC)
        conversation: tuple[Message, ...] = ()
        if event["thread_ts"]:
            conversation = await journal.checkpoint("thread", _MESSAGES, lambda: _read(thread, str(event["ts"])))
        text = plain_text(str(event["text"]).replace(f"<@{event['bot']}>", " ")) or UNASKED
        if len(text) > MAX_QUESTION_CHARS:
            text = f"{text[:MAX_QUESTION_CHARS]} …({len(text) - MAX_QUESTION_CHARS} more characters were cut)"
        return Question(text, asked_at, asked_by=str(event["user"]), conversation=conversation)


async def _read(thread: Thread, before: str) -> tuple[Message, ...]:
    """The thread as context; an investigation without it is better than none."""
    try:
        return await thread.read(before)
    except DeliveryError as error:
        _log.warning("%s", error)
        return ()


def _last_word(answer: Answer) -> str:
    tools = Counter(evidence.tool for evidence in answer.evidence)
    looks = ", ".join(f"{count} × {tool}" for tool, count in sorted(tools.items()))
    version = f" · prompt {answer.prompt}" if answer.prompt else ""
    return f"Done in {answer.seconds.total:.0f} s · {looks or 'nothing could be seen'} · {answer.model}{version}"
