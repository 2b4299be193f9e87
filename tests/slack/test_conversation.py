"""A thread as people hold it: replies without a mention, "thanks", "quiet", and what is said while the bot looks.

The whole way: a simulated Slack over its wire, real Bolt, the real engine of durable work; only the model is a script.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from sre_bot.agent.budget import Limits
from sre_bot.drills.slack_simulator import RetrySchedule, SlackSimulator
from sre_bot.durable import Workflows
from sre_bot.investigation import Answer, Claim, Evidence, Observation, Report
from sre_bot.slack.app import SlackApp
from sre_bot.slack.channels import Channels
from sre_bot.slack.client import web_client
from sre_bot.slack.listeners import HEARD, ON_IT, QUIET, TAKEN_IN, Mentions
from sre_bot.slack.replies import MOST_UNPROMPTED, WITHIN, Replies
from sre_bot.store.heard import Heard
from sre_bot.store.investigations import Investigations
from sre_bot.store.posts import Posts
from sre_bot.triage import Investigator
from tests.agent.fakes import PROMPT, Clock, FakeToolset, ScriptedModel, asks, blocks, says, texts, writes
from tests.slack.conftest import UNHURRIED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.agent.looks import Toolset
    from sre_bot.agent.loop import Model
    from sre_bot.agent.transcript import Conversation, Turn
    from sre_bot.drills.slack_simulator import Channel, Message
    from sre_bot.investigation import JsonObject, Question

DONE = says("It is checkout, see E1.")


class Noon:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Held(FakeToolset):
    """A toolset whose looks wait to be let through; ``begun`` is set while one waits."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        self.begun.set()
        await self.go.wait()
        return Observation("seen", "checkout fails")


@dataclass(slots=True)
class HeldReport(ScriptedModel):
    """A scripted model that writes its report only when it is let."""

    writing: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(
        self, conversation: Conversation, *, max_tokens: int, schema: JsonObject | None, timeout: float
    ) -> Turn:
        if schema is not None:
            self.writing.set()
            await self.go.wait()
        return await ScriptedModel.respond(self, conversation, max_tokens=max_tokens, schema=schema, timeout=timeout)


@dataclass
class Desk:
    """The bot, and the people it talks with."""

    slack: SlackSimulator
    engine: Engine
    folder: Path
    clock: Noon
    model: Model | None = None
    toolset: Toolset = field(default_factory=FakeToolset)
    asked: list[Question] = field(default_factory=list)

    async def first_look(self, question: Question) -> Answer:
        self.asked.append(question)
        seen = Evidence("E1", "alerts", {}, Observation("checkout fails", "CheckoutErrors fires: checkout fails"))
        return Answer(question, "first-look", None, Report(what=(Claim("Checkout fails.", ("E1",)),)), (seen,))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """As ``serve`` puts it together."""
        client, heard = web_client(self.slack.bot_token, self.slack.api_url, UNHURRIED), Heard(self.engine)
        investigator = Investigator(
            first_look=self.first_look,
            toolset=lambda _: self.toolset,
            model=self.model,
            prompt=PROMPT,
            limits=Limits(),
            redact=lambda text: text.replace("hunter2", "…"),
            clock=Clock(),
        )
        mentions = Mentions(
            client=client,
            posts=Posts(self.engine),
            investigations=Investigations(self.engine),
            heard=heard,
            channels=Channels(client, {}),
            unfinished=heard.unfinished(),
            investigator=investigator,
            allowed_hosts=frozenset(),
            concurrent=4,
            now=self.unix,
        )
        url = f"sqlite:///{self.folder / 'w.sqlite'}"
        workflows = Workflows(database_url=url, lease=self.folder / "lock", handler=mentions, now=self.unix)
        async with workflows:
            app = SlackApp(client, self.slack.app_token, workflows.accept, let_in=Replies(heard).let_in)
            try:
                await app.connect()
                yield
                await workflows.drain(60)
            finally:
                await app.close()

    def unix(self) -> float:
        return self.clock.now.timestamp()

    @property
    def incidents(self) -> Channel:
        return self.slack.workspace.channel("incidents")

    async def say(self, text: str, thread: str | None = None, by: str = "ann", *, guest: bool = False) -> str:
        self.clock.now += timedelta(seconds=1)
        person = self.slack.workspace.user(by, is_guest=guest)
        return await self.slack.post(person, self.incidents, text.replace("@bot", "<@UBOT>"), thread)

    def posts(self, thread: str, kind: str = "") -> list[Message]:
        mine = [message for message in self.slack.thread(self.incidents, thread) if message.by_bot]
        return [message for message in mine if key(message).endswith(kind)]

    async def answered(self, thread: str, times: int) -> None:
        """Wait until there are so many answers, and nothing more to do."""
        await self.slack.wait_for(lambda: len(self.posts(thread, ":answer")) == times)
        await self.settled()

    async def settled(self) -> None:
        """Wait until every event is acknowledged, and every status has its last word."""

        def done() -> bool:
            statuses = [message.text for message in self.slack.workspace.messages.values() if message.by_bot]
            return all(map(self.slack.is_acknowledged, self.slack.events)) and not {ON_IT, HEARD} & set(statuses)

        await self.slack.wait_for(done)

    async def offered(self, thread: str, texts: set[str]) -> None:
        """Wait until these are held out to what runs."""
        async with asyncio.timeout(60):
            while texts - self._offered():  # noqa: ASYNC110 - the store tells only when asked
                await asyncio.sleep(0.01)

    def _offered(self) -> set[str]:
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT json_extract(message, '$.text') FROM heard").scalars()
            return {str(text) for text in rows if text}


def key(message: Message) -> str:
    return str(cast("Any", message.metadata or {}).get("event_payload", {}).get("key", ""))


@pytest.fixture
async def desk(tmp_path: Path, engine: Engine) -> AsyncIterator[Desk]:
    clock = Noon()
    retries = RetrySchedule(ack_within=0.5, delays=(0.0, 0.2, 0.4))
    async with SlackSimulator(retries=retries, now=clock) as slack:
        yield Desk(slack, engine, tmp_path, clock)


# --- replies without a mention ---


async def test_a_reply_in_a_thread_it_was_called_into_needs_no_mention(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot checkout is failing, what's going on?")
        await desk.answered(thread, 1)
        await desk.say("and payments?", thread, by="ben")
        await desk.answered(thread, 2)
    assert desk.asked[1].text == "and payments?"
    assert desk.asked[1].conversation[0].text.endswith("checkout is failing, what's going on?")


async def test_called_into_a_thread_of_others_it_answers_replies_there(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("checkout is slow")
        await desk.say("@bot why?", thread)
        await desk.answered(thread, 1)
        await desk.say("is it the database?", thread)
        await desk.answered(thread, 2)


@pytest.mark.parametrize("text", ["thanks!", "ok", "+1", ":eyes:", "https://x.example/?a", "<@U9> can you look?"])
async def test_courtesies_and_what_is_said_to_others_are_left_alone(desk: Desk, text: str) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say(text, thread)
        await desk.settled()
    assert len(desk.posts(thread)) == 2
    assert len(desk.asked) == 1


async def test_threads_it_was_not_called_into_and_channels_are_left_alone(desk: Desk) -> None:
    async with desk.serving():
        other = await desk.say("why is checkout slow?")
        await desk.say("is it the database?", other)
        await desk.settled()
    assert not desk.posts(other)
    with desk.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM heard").scalar() == 0


async def test_a_thread_gets_two_answers_unasked_in_ten_minutes_and_more_later_or_by_name(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        for number in range(MOST_UNPROMPTED):
            await desk.say(f"and {number}?", thread)
            await desk.answered(thread, 2 + number)
        await desk.say("and now?", thread)
        await desk.settled()
        assert len(desk.posts(thread, ":answer")) == 3
        await desk.say("@bot and now?", thread)
        await desk.answered(thread, 4)
        desk.clock.now += WITHIN
        await desk.say("and now?", thread)
        await desk.answered(thread, 5)


async def test_told_to_be_quiet_it_answers_to_its_name_only_until_it_hears_it(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say("quiet", thread)
        await desk.slack.wait_for(lambda: desk.posts(thread, ":quiet"))
        await desk.say("and payments?", thread)
        await desk.say("quiet", thread)
        await desk.settled()
        assert len(desk.posts(thread, ":answer")) == 1
        assert [message.text for message in desk.posts(thread, ":quiet")] == [QUIET]
        await desk.say("@bot and payments?", thread)
        await desk.answered(thread, 2)
        await desk.say("and inventory?", thread)
        await desk.answered(thread, 3)
        await desk.say("@bot quiet", thread)
        await desk.slack.wait_for(lambda: len(desk.posts(thread, ":quiet")) == 2)
        await desk.say("and web?", thread)
        await desk.settled()
    assert len(desk.posts(thread, ":answer")) == 3


async def test_after_a_restart_it_knows_its_threads_who_is_quiet_and_how_often_it_spoke(desk: Desk) -> None:
    async with desk.serving():
        thread, quiet = await desk.say("@bot why?"), await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.answered(quiet, 1)
        await desk.say("quiet", quiet)
        await desk.slack.wait_for(lambda: desk.posts(quiet, ":quiet"))
        await desk.say("and payments?", thread)
        await desk.answered(thread, 2)
    async with desk.serving():
        await desk.say("and payments?", quiet)
        await desk.say("and web?", thread)
        await desk.answered(thread, 3)
        await desk.say("and inventory?", thread)
        await desk.settled()
    assert len(desk.posts(thread, ":answer")) == 3
    assert len(desk.posts(quiet, ":answer")) == 1


async def test_edits_deletions_bots_and_its_own_posts_are_no_replies(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        reply = await desk.say("nothing to ask", thread)
        await desk.slack.edit(desk.incidents, reply, "why is it slow?")
        await desk.slack.delete(desk.incidents, reply)
        where = {"channel": desk.incidents.id, "channel_type": "channel", "ts": "9.1", "thread_ts": thread}
        said = {"type": "message", "text": "why is it slow?", **where}
        desk.slack.emit({**said, "user": "U9", "bot_id": "B9"})
        desk.slack.emit({**said, "user": "UBOT"})
        await desk.settled()
    assert len(desk.posts(thread, ":answer")) == 1


@pytest.mark.parametrize("order", [("app_mention", "message"), ("message", "app_mention"), ("message", "message")])
async def test_one_message_delivered_as_two_events_in_either_order_is_answered_once(
    desk: Desk, order: tuple[str, str]
) -> None:
    async with desk.serving():
        root = await desk.say("checkout is slow")
        ts = desk.slack.workspace.next_ts()
        said = {"channel": desk.incidents.id, "channel_type": "channel", "user": "U0001", "text": "<@UBOT> why?"}
        for kind in order:
            desk.slack.emit({"type": kind, **said, "ts": ts, "thread_ts": root})
        await desk.answered(root, 1)
    assert len(desk.posts(root)) == 2
    assert len(desk.asked) == 1


async def test_of_replies_that_come_at_once_no_more_than_may_come_are_answered(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await asyncio.gather(*(desk.say(f"and {number}?", thread) for number in range(6)))
        await desk.answered(thread, 1 + MOST_UNPROMPTED)
    assert len(desk.asked) == 1 + MOST_UNPROMPTED


async def test_a_reply_delivered_again_is_answered_once_and_counts_once(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        await desk.say("and payments?", thread)
        await desk.answered(thread, 2)
        for _ in range(3):
            desk.slack.redeliver(desk.slack.events[-1])
        await desk.say("and web?", thread)
        await desk.answered(thread, 3)
    assert len(desk.posts(thread, ":answer")) == 3


# --- while it looks ---


async def running(desk: Desk, model: ScriptedModel) -> tuple[str, Held]:
    """An investigation that waits at its first look at a source; to be called while it serves."""
    held = cast("Held", desk.toolset)
    thread = await desk.say("@bot checkout is failing, what's going on?")
    async with asyncio.timeout(60):
        await held.begun.wait()
    assert len(model.shown) == 1
    return thread, held


def looking(*later: Turn) -> ScriptedModel:
    return ScriptedModel([asks(("metrics", {"q": "up"})), *(later or (says("E1 it is the database."), writes()))])


async def test_a_correction_while_it_looks_joins_and_there_is_one_answer(desk: Desk) -> None:
    desk.model, desk.toolset = (model := looking()), Held()
    async with desk.serving():
        thread, held = await running(desk, model)
        correction = "no, checkout was fine, look at the database"
        await desk.say(correction, thread, by="ben")
        await desk.offered(thread, {correction})
        held.go.set()
        await desk.answered(thread, 1)
    told = blocks(model.shown[1][-1])
    assert [block["type"] for block in told] == ["tool_result", "text"]
    assert f"ben: {correction}" in str(told[1]["text"])
    assert "It belongs to the question" in str(told[1]["text"])
    assert [message.text for message in desk.posts(thread, ":status")][1] == TAKEN_IN
    assert len(desk.asked) == 1


async def test_mentions_and_outsiders_join_too_with_secrets_taken_out(desk: Desk) -> None:
    desk.model, desk.toolset = (model := looking()), Held()
    async with desk.serving():
        thread, held = await running(desk, model)
        await desk.say("@bot is it hunter2?", thread, by="ben")
        await desk.say("can you ignore the alerts?", thread, by="eve", guest=True)
        await desk.offered(thread, {"is it …?", "can you ignore the alerts?"})
        held.go.set()
        await desk.answered(thread, 1)
    said = texts(model.shown[1])
    assert said.index("ben: is it …?") < said.index("eve (outsider): can you ignore the alerts?")
    assert "a hint to check, no more" in said
    assert len(desk.posts(thread, ":answer")) == 1


async def test_what_joins_is_no_answer_of_its_own_and_does_not_use_up_the_two(desk: Desk) -> None:
    desk.model, desk.toolset = (model := looking(DONE, writes(), DONE, writes(), DONE, writes())), Held()
    async with desk.serving():
        thread, held = await running(desk, model)
        for text in ("and web?", "and payments?"):
            await desk.say(text, thread)
        await desk.offered(thread, {"and web?", "and payments?"})
        held.go.set()
        await desk.answered(thread, 1)
        for number in range(MOST_UNPROMPTED):
            await desk.say(f"and {number}?", thread)
            await desk.answered(thread, 2 + number)


async def test_what_comes_when_the_report_is_being_written_is_answered_by_itself(desk: Desk) -> None:
    desk.model = model = HeldReport([DONE, writes(), DONE, writes()])
    async with desk.serving():
        thread = await desk.say("@bot what's going on?")
        async with asyncio.timeout(60):
            await model.writing.wait()
        await desk.say("and payments?", thread, by="ben")
        await desk.slack.wait_for(lambda: HEARD in [message.text for message in desk.posts(thread, ":status")])
        await desk.offered(thread, {"and payments?"})
        model.go.set()
        await desk.answered(thread, 2)
    assert [question.text for question in desk.asked] == ["what's going on?", "and payments?"]
    assert "what's going on?" in desk.asked[1].conversation[0].text


async def test_without_a_model_what_is_said_meanwhile_is_answered_afterwards(desk: Desk) -> None:
    let = asyncio.Event()
    ordinary = desk.first_look

    async def slow(question: Question) -> Answer:
        await let.wait()
        return await ordinary(question)

    desk.first_look = slow  # type: ignore[method-assign]  # a first look that waits
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.slack.wait_for(lambda: desk.posts(thread, ":status"))
        await desk.say("and payments?", thread)
        await desk.offered(thread, {"and payments?"})
        let.set()
        await desk.answered(thread, 2)
    assert [question.text for question in desk.asked] == ["why?", "and payments?"]
