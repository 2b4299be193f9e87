"""From what is said to us to an answer in its thread, or into the investigation that already runs there.

One of the two doors where a broad ``except`` stands: whatever goes wrong behind it, the thread gets an honest sentence
and the log gets the stack.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sre_bot.durable import MAX_ATTEMPTS, Journal
from sre_bot.errors import DeliveryError
from sre_bot.slack.addressed import without_mention
from sre_bot.slack.blocks import plain_post
from sre_bot.slack.catching_up import CatchingUp
from sre_bot.slack.continuing import Continuing
from sre_bot.slack.heeding import BEFORE, CALLS, EDITS
from sre_bot.slack.looking import Looking, Task, last_word
from sre_bot.slack.messages import plain_text
from sre_bot.slack.replies import thread_of, written_at
from sre_bot.slack.rewording import EDITED, asks_otherwise
from sre_bot.slack.runs import Run, StoppedError
from sre_bot.slack.sessions import Sessions, SessionStatus
from sre_bot.slack.stopping import Stopping
from sre_bot.slack.thread import Status, Thread
from sre_bot.slack.turns import Turn, Turns
from sre_bot.store.database import patiently
from sre_bot.store.heard import Call
from sre_bot.store.waits import CONTINUES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sre_bot.investigation import AnswerStep, JsonObject
    from sre_bot.resuming import WaitingRoom
    from sre_bot.slack.channels import Channels
    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.pictures import Pictures
    from sre_bot.slack.runs import Runs
    from sre_bot.store.heard import Heard
    from sre_bot.store.investigations import Investigations
    from sre_bot.store.posts import Posts
    from sre_bot.store.waits import Wait, WaitState
    from sre_bot.triage import Investigator

_log = logging.getLogger(__name__)


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
        runs: Runs,
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
        self._hosts = allowed_hosts
        self._slots = asyncio.Semaphore(concurrent)
        self._runs = runs
        self._sessions = Sessions(client)
        self._stopping = Stopping(investigations, heard, posts, allowed_hosts)
        self._catching_up = CatchingUp(client, investigations, posts)
        self._turns = Turns(unfinished, patience)
        self._now = now
        self._pictures = pictures
        self._looking = Looking(investigator, investigations, heard, channels, runs, allowed_hosts)
        self._continuing: Continuing | None = None
        if room is not None:
            stopping, sessions = self._stopping, self._sessions
            self._continuing = Continuing(room, self._looking, stopping, posts, sessions, self._thread, now)

    async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
        """Answer one message; called again with the same journal after a crash."""
        thread = self._thread(event)
        try:
            match event.get("call"):
                case Call.QUIET:
                    await self._be_quiet(key, event, thread)
                case Call.STOP:
                    await self._stop_waiting(event)
                case Call.CATCH_UP:
                    await self._catching_up.tell(key, event, thread, self._now())
                case _:
                    await self._work(key, event, thread, journal)
        except DeliveryError as error:
            _log.error("no answer could be brought to %s: %s", key, error)
            await self._failed(key, event)
        except Exception:  # noqa: BLE001 - a door: the stack is logged, and the thread is told
            _log.exception("the investigation of %s failed", key)
            await self._say(f"{key}:apology", APOLOGY.format(key=key), thread)
            await self._failed(key, event)

    async def _be_quiet(self, key: str, event: JsonObject, thread: Thread) -> None:
        await patiently(partial(self._heard.note, key, thread_of(event), Call.QUIET, written_at(event)))
        await thread.post_once(f"{key}:quiet", plain_post(QUIET))
        await self._stop_waiting(event)

    async def _stop_waiting(self, event: JsonObject) -> None:
        if self._continuing is not None:
            await self._continuing.stop(event)

    async def not_continued(self, wait: Wait, why: WaitState) -> None:
        """Tell why an investigation that waited does not go on."""
        if self._continuing is not None:
            await self._continuing.not_continued(wait, why)

    async def _work(self, key: str, event: JsonObject, thread: Thread, journal: Journal) -> None:
        """Look into it, in its turn."""
        of = str(event.get(EDITS) or event.get(CONTINUES) or "")
        run = Run(key, thread_of(event), written_at(event), of)
        with self._runs.present(run):
            await self._turns.let_resume(key, run.thread)
            async with self._turns.queue(run.thread) as turn:
                task = Task(run, event, thread, journal, turn)
                if event.get("call") == Call.EDIT and not await self._is_asked_anew(task):
                    return
                async with self._sessions.working(thread.channel, thread.root) as session:
                    if self._continuing is not None and CONTINUES in event:
                        await turn.come
                        async with self._slots:
                            session.ends = await self._continuing.go_on(task)
                    else:
                        session.ends = await self._answer(task)
            if task.answer is not None and self._pictures is not None:
                await self._pictures.show(key, task.answer, thread)

    async def give_up(self, key: str, event: JsonObject) -> bool:
        """Say that a mention was given up; said once, however often it is called. Returns whether it was said now."""
        said = f"{key}:apology"
        if await patiently(partial(self._posts.ts, said)) is not None:
            return False
        _log.error("given up after %d attempts: %s", MAX_ATTEMPTS, key)
        thread = self._thread(event)
        await self._say(said, GIVEN_UP.format(attempts=MAX_ATTEMPTS), thread)
        await self._failed(key, event)
        await self._sessions.show(thread.channel, thread.root, SessionStatus.CLOSED)
        return await patiently(partial(self._posts.ts, said)) is not None

    def _thread(self, event: JsonObject) -> Thread:
        ts = str(event["thread_ts"] or event["ts"])
        return Thread(self._client, str(event["team"]), str(event["channel"]), ts, self._posts)

    async def _is_asked_anew(self, task: Task) -> bool:
        """Offer an edit to what runs; whether, when that is over, it is a question of its own."""
        question = self._looking.question(task.event, task.now())
        await self._looking.offer(task, replace(question, text=f"{EDITED}{question.text}"))
        try:
            async with self._looking.stoppable(task.run):
                await task.turn.come
        except StoppedError:
            await patiently(partial(self._heard.claim, task.run.key))
            return False
        was = plain_text(without_mention(str(task.event[BEFORE]), str(task.event["bot"])))
        otherwise = bool(task.event[CALLS]) and asks_otherwise(was, question.text)
        task.turn = Turn(task.turn.come, busy=False)
        return await patiently(partial(self._rewords, task.run, otherwise=otherwise))

    def _rewords(self, run: Run, *, otherwise: bool) -> bool:
        """Whether an edit is to be answered: its question was, and nothing took the edit in, nor is it edited again."""
        status = self._investigations.status(run.of)
        if status is None and self._heard.is_free(run.of):
            return False  # its own handler has yet to come, and finds the edit
        last = self._heard.is_last_edit(run.key, run.of, run.asked_at)
        return self._heard.claim(run.key) and otherwise and last and status != "stopped"

    async def _answer(self, task: Task) -> SessionStatus:
        """Look into a question, or have it taken in by what runs; what the session is afterwards."""
        key, thread, turn = task.run.key, task.thread, task.turn
        question = self._looking.question(task.event, task.now())
        mine = await patiently(partial(self._looking.note, key, task.event, question, alone=not turn.busy))
        if await self._was_stopped_before(task):
            return SessionStatus.CLOSED
        begun = ON_IT if mine and not turn.busy else HEARD
        async with Status(thread, await thread.post_once(f"{key}:status", plain_post(begun), ahead=True)) as status:
            task.status = status
            try:
                async with self._looking.stoppable(task.run):
                    if turn.busy:
                        await self._looking.offer(task, question)
                    await turn.come
                    if not mine or (turn.busy and not await patiently(partial(self._looking.claim, key, question))):
                        status.end_with(TAKEN_IN)
                        return SessionStatus.CLOSED
                    async with self._slots:
                        ended = await self._looking.look_into(task, question)
            except StoppedError as error:
                status.end_with(await self._stopping.close(key, error.stop, task.seen, thread, self._now()))
                return SessionStatus.CLOSED
            return await self._bring(task, ended)

    async def _was_stopped_before(self, task: Task) -> bool:
        """Whether it is not worth a word any more: a question that was deleted at once, say."""
        key = task.run.key
        stop = await self._runs.stop_of(task.run)
        if stop is None or await patiently(partial(self._posts.ts, f"{key}:status")) is not None:
            return False
        await self._stopping.close(key, stop, (), task.thread, self._now())
        return True

    async def _bring(self, task: Task, ended: AnswerStep) -> SessionStatus:
        """Keep the answer and post it; from here on it cannot be stopped."""
        key, journal = task.run.key, task.journal
        earlier = await patiently(partial(self._investigations.earlier, key, task.run.thread))
        answer, ends = await self._looking.finish(key, ended.answer, journal), SessionStatus.CLOSED
        if ended.model_away and self._continuing and await self._may_speak(task.event):
            answer = await self._continuing.promise(task, answer)
            ends = SessionStatus.SUSPENDED
        await task.thread.post_once(f"{key}:answer", self._looking.post(key, answer, earlier))
        task.status.end_with(last_word(answer))
        task.answer = answer
        return ends

    async def _may_speak(self, event: JsonObject) -> bool:
        """Whether nobody asked for quiet while it was looked into."""
        until_now = datetime.max.replace(tzinfo=UTC)  # Slack's clock may be ahead of ours
        return await patiently(partial(self._heard.is_listening, thread_of(event), until_now))

    async def _say(self, key: str, sentence: str, thread: Thread) -> None:
        try:
            await thread.post_once(key, plain_post(sentence))
        except DeliveryError as error:
            _log.error("could not even say so in the thread: %s", error)

    async def _failed(self, key: str, event: JsonObject) -> None:
        await patiently(partial(self._investigations.fail, key, datetime.fromtimestamp(self._now(), UTC)))
        if self._continuing is not None:
            await self._continuing.failed(event)
