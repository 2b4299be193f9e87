"""Mentions: each is answered in its thread, in turn, and whatever goes wrong is said there once."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import select

from sre_bot.agent.budget import Limits
from sre_bot.durable import MAX_ATTEMPTS, Journal
from sre_bot.investigation import Answer, Claim, Message, Report, Scope
from sre_bot.redaction import Redactor
from sre_bot.slack.channels import Channels
from sre_bot.slack.listeners import (
    APOLOGY,
    GIVEN_UP,
    ON_IT,
    QUIET,
    TAKEN_IN,
    Mentions,
)
from sre_bot.slack.looking import MAX_QUESTION_CHARS, UNASKED
from sre_bot.slack.replies import mention_key, thread_of, written_at
from sre_bot.slack.runs import Runs
from sre_bot.slack.thread import STOPPED
from sre_bot.store.heard import Call, Heard
from sre_bot.store.investigations import Investigations
from sre_bot.store.posts import Posts
from sre_bot.store.schema import investigations
from sre_bot.store.stops import Stops
from sre_bot.triage import Investigator
from tests.agent.fakes import PROMPT, QUESTION, Clock, FakeToolset, ScriptedModel, asks, says, texts, writes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pydantic import TypeAdapter
    from sqlalchemy import Engine, RowMapping

    from sre_bot.agent.loop import Model
    from sre_bot.drills.slack_simulator import Channel, SlackSimulator
    from sre_bot.drills.slack_simulator import Message as Posted
    from sre_bot.investigation import JsonObject, Question
    from sre_bot.resuming import WaitingRoom
    from sre_bot.slack.client import SlackClient

T = TypeVar("T")

SECRET = "hunter2-hunter2"
NOW = 1_795_000_000.0


class UnkeptJournal(Journal):
    """A journal that keeps nothing: each look is taken at once. The real one is tested with its engine."""

    def __init__(self) -> None:
        super().__init__(NOW, lambda: NOW)

    async def checkpoint(self, name: str, adapter: TypeAdapter[T], look: Callable[[], Awaitable[T]]) -> T:
        return adapter.validate_python(adapter.dump_python(await look(), mode="json"))


async def quick(question: Question) -> Answer:
    return Answer(question, "first-look", None, Report(what=(Claim("All is well."),)), ())


@dataclasses.dataclass
class Bot:
    """The listeners over a simulated Slack, with an investigator of the test's making."""

    slack: SlackSimulator
    client: SlackClient
    engine: Engine
    first_look: Callable[[Question], Awaitable[Answer]] = quick
    model: Model | None = None
    concurrent: int = 4
    scopes: Mapping[str, Scope] = dataclasses.field(default_factory=dict)
    unfinished: Mapping[str, str] = dataclasses.field(default_factory=dict)
    patience: float = 60.0
    room: WaitingRoom | None = None

    def mentions(self) -> Mentions:
        investigator = Investigator(
            first_look=self.first_look,
            toolset=lambda _: FakeToolset(),
            model=self.model,
            prompt=PROMPT,
            limits=Limits(),
            redact=Redactor([SECRET]).redact,
            clock=Clock(),
        )
        return Mentions(
            client=self.client,
            posts=Posts(self.engine),
            investigations=Investigations(self.engine),
            heard=Heard(self.engine),
            channels=Channels(self.client, self.scopes),
            runs=Runs(Stops(self.engine)),
            unfinished=self.unfinished,
            investigator=investigator,
            allowed_hosts=frozenset(),
            concurrent=self.concurrent,
            now=lambda: NOW,
            patience=self.patience,
            room=self.room,
        )

    @property
    def incidents(self) -> Channel:
        return self.slack.workspace.channel("incidents")

    async def asked(self, text: str, thread_ts: str | None = None) -> JsonObject:
        """The event that someone's mention makes."""
        bot = self.slack.workspace.bot
        ts = await self.slack.post(self.slack.workspace.user("ann"), self.incidents, f"{bot.mention} {text}", thread_ts)
        event: JsonObject = {"team": self.slack.workspace.team_id, "channel": self.incidents.id, "bot": bot.user_id}
        return {**event, "ts": ts, "thread_ts": thread_ts, "user": "U0001", "text": f"{bot.mention} {text}"}

    async def handle(self, event: JsonObject, mentions: Mentions | None = None) -> None:
        await (mentions or self.mentions())(key_of(event), event, UnkeptJournal())

    def thread(self, event: JsonObject) -> Sequence[Posted]:
        ts = str(event["thread_ts"] or event["ts"])
        return [message for message in self.slack.thread(self.incidents, ts) if message.by_bot]

    def said(self, event: JsonObject) -> dict[str, str]:
        """What the bot said about a mention, by kind of post."""
        keys = {cast("Any", message.metadata)["event_payload"]["key"]: message.text for message in self.thread(event)}
        return {key.rpartition(":")[2]: text for key, text in keys.items() if key.startswith(f"{key_of(event)}:")}

    def row(self) -> RowMapping:
        with self.engine.connect() as connection:
            return connection.execute(select(investigations)).mappings().one()


def key_of(event: JsonObject) -> str:
    return mention_key(event, str(event["team"]))


@pytest.fixture
def bot(slack: SlackSimulator, client: SlackClient, engine: Engine) -> Bot:
    return Bot(slack, client, engine)


def noting(questions: list[Question]) -> Callable[[Question], Awaitable[Answer]]:
    async def first_look(question: Question) -> Answer:
        questions.append(question)
        return await quick(question)

    return first_look


# --- the answer ---


async def test_without_a_model_the_first_look_is_the_one_answer(bot: Bot) -> None:
    event = await bot.asked("what is going on?")
    await bot.handle(event)
    said = bot.said(event)
    assert list(said) == ["status", "answer"]
    assert "All is well." in said["answer"]
    assert said["status"].startswith("Done in ")
    row = bot.row()
    assert (row["id"], row["status"], row["question"]) == (key_of(event), "answered", "what is going on?")


async def test_with_a_model_the_first_look_comes_first_and_the_status_tells_the_steps(bot: Bot) -> None:
    report = {"what_is_going_on": [{"text": "Metrics were seen.", "evidence": ["E1"]}]}
    bot.model = ScriptedModel([asks(("metrics", {"query": "up"})), says("E1 shows it."), writes(report)])
    event = await bot.asked("what is going on?")
    await bot.handle(event)
    said = bot.said(event)
    assert list(said) == ["status", "first-look", "answer"]
    assert "First look" in said["first-look"]
    assert "claude-test" in said["status"]
    edits = [str(call.arguments["text"]) for call in bot.slack.calls if call.method == "chat.update"]
    assert edits[-1] == said["status"]


async def test_handled_again_after_a_crash_nothing_is_said_twice(bot: Bot) -> None:
    event = await bot.asked("what is going on?")
    await bot.handle(event)
    await bot.handle(event)
    assert list(bot.said(event)) == ["status", "answer"]
    assert len(bot.thread(event)) == 2


# --- the question ---


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("why?", "why?"),
        ("", UNASKED),
        (" \u200b\u202e\x00 ", UNASKED),
        ("<@UBOT|sre-bot> and <@UBOT>", "and"),
        ("<@U7> says 🔥 שלום &lt;b&gt;", "@U7 says 🔥 שלום <b>"),
        ("x" * 40_000, "x" * MAX_QUESTION_CHARS + " …(32000 more characters were cut)"),
    ],
    ids=["plain", "empty", "hidden", "only mentions", "odd characters", "forty thousand characters"],
)
async def test_the_question_is_what_was_typed(bot: Bot, text: str, question: str) -> None:
    questions: list[Question] = []
    bot.first_look = noting(questions)
    event = await bot.asked(text)
    await bot.handle(event)
    assert questions[0].text == question
    assert questions[0].asked_by == "U0001"
    assert questions[0].asked_at.timestamp() == NOW
    assert "answer" in bot.said(event)


async def test_the_thread_before_the_question_is_its_context(bot: Bot) -> None:
    questions: list[Question] = []
    bot.first_look = noting(questions)
    first = await bot.asked("what is going on?")
    ben = bot.slack.workspace.user("ben", is_guest=True)
    await bot.slack.post(ben, bot.incidents, "we moved the database", str(first["ts"]))
    await bot.handle(await bot.asked("related?", str(first["ts"])))
    (question,) = questions
    assert [(one.author, one.trusted) for one in question.conversation] == [("ann", True), ("ben", False)]


async def test_a_thread_that_cannot_be_read_is_answered_without_it(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    first = await bot.asked("what is going on?")
    bot.slack.faults.refuse("conversations.replies", "internal_error")
    event = await bot.asked("and now?", str(first["ts"]))
    await bot.handle(event)
    assert "answer" in bot.said(event)
    assert "cannot read the thread" in caplog.text


async def test_secrets_in_the_question_and_the_thread_go_no_further(bot: Bot) -> None:
    model = ScriptedModel([says("I see E1."), writes()])
    bot.model = model
    first = await bot.asked(f"the password is {SECRET}")
    event = await bot.asked(f"does {SECRET} still work?", str(first["ts"]))
    await bot.handle(event)
    assert SECRET not in str(bot.row())
    assert SECRET not in " ".join(message.text for message in bot.thread(event))
    assert SECRET not in texts(model.shown[-1])
    assert "[redacted:configured]" in texts(model.shown[-1])


async def test_a_guest_who_asks_is_answered_and_marked(bot: Bot) -> None:
    questions: list[Question] = []
    bot.first_look = noting(questions)
    event = await bot.asked("what is going on?")
    guest = bot.slack.workspace.user("guest", is_guest=True)
    await bot.handle({**event, "user": guest.id})
    assert questions[0].asked_by == f"{guest.id} (outsider)"


async def test_what_the_channel_is_about_goes_with_the_question(bot: Bot) -> None:
    questions: list[Question] = []
    bot.first_look, bot.scopes = noting(questions), {"incidents": Scope("checkout", "production")}
    await bot.handle(await bot.asked("what is going on?"))
    assert questions[0].scope == Scope("checkout", "production")


# --- what was said while another question was looked into ---


async def test_what_another_investigation_took_in_is_not_answered_again_after_a_restart(bot: Bot) -> None:
    first = await bot.asked("first")
    second = await bot.asked("and payments?", str(first["ts"]))
    heard = Heard(bot.engine)
    for event in (first, second):
        heard.note(key_of(event), thread_of(event), Call.MENTION, written_at(event))
    heard.offer(key_of(second), Message("ann", "and payments?"))
    assert heard.take(key_of(first), thread_of(first), 1)
    await bot.handle(second)
    assert bot.said(second) == {"status": TAKEN_IN}


async def test_after_a_restart_the_interrupted_investigation_of_a_thread_goes_first(bot: Bot) -> None:
    questions: list[Question] = []
    bot.first_look = noting(questions)
    first = await bot.asked("first")
    second = await bot.asked("second", str(first["ts"]))
    elsewhere = await bot.asked("elsewhere")
    bot.unfinished = {key_of(first): thread_of(first)}
    mentions = bot.mentions()
    handling = [asyncio.create_task(bot.handle(event, mentions)) for event in (second, elsewhere)]
    await handling[1]
    await bot.handle(first, mentions)
    await handling[0]
    assert [question.text for question in questions] == ["elsewhere", "first", "second"]


async def test_an_interrupted_investigation_that_never_comes_back_is_waited_for_once(bot: Bot) -> None:
    first = await bot.asked("first")
    bot.unfinished, bot.patience = {"slack:given:up": thread_of(first)}, 0.05
    mentions = bot.mentions()
    for text in ("second", "third"):
        event = await bot.asked(text, str(first["ts"]))
        async with asyncio.timeout(60):
            await bot.handle(event, mentions)
        assert "answer" in bot.said(event)
    assert mentions._turns._unfinished == {}


async def test_whoever_slack_does_not_tell_about_is_an_outsider(bot: Bot) -> None:
    gate = Gate()
    bot.first_look = gate
    mentions = bot.mentions()
    first = await bot.asked("first")
    second = {**await bot.asked("second", str(first["ts"])), "user": "U404"}
    handling = [asyncio.create_task(bot.handle(event, mentions)) for event in (first, second)]
    await bot.slack.wait_for(lambda: any(call.method == "users.info" for call in bot.slack.calls))
    gate.open.set()
    await asyncio.gather(*handling)
    with bot.engine.connect() as connection:
        (said,) = connection.exec_driver_sql("SELECT message FROM heard WHERE message IS NOT NULL").scalars()
    assert '"trusted": false' in said
    assert "U404" in said


async def test_quiet_is_confirmed_once_however_often_it_is_handled(bot: Bot) -> None:
    first = await bot.asked("first")
    event = {**await bot.asked("quiet", str(first["ts"])), "call": "quiet"}
    for _ in range(2):
        await bot.handle(event)
    assert bot.said(event) == {"quiet": QUIET}
    assert len(bot.thread(event)) == 1


# --- many at once ---


class Gate:
    """A first look that waits to be let through, and counts who is in."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.most = 0
        self.open = asyncio.Event()
        self._changed = asyncio.Condition()

    async def __call__(self, question: Question) -> Answer:
        self.inside.append(question.text)
        self.most = max(self.most, len(self.inside))
        async with self._changed:
            self._changed.notify_all()
        await self.open.wait()
        self.inside.remove(question.text)
        return await quick(question)

    async def holds(self, count: int) -> None:
        """Wait until so many are inside."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(self.inside) >= count)


async def statuses(bot: Bot, count: int) -> None:
    await bot.slack.wait_for(lambda: sum(call.method == "chat.postMessage" for call in bot.slack.calls) == count)


async def test_two_mentions_in_one_thread_are_answered_one_after_the_other(bot: Bot) -> None:
    gate = Gate()
    bot.first_look = gate
    mentions = bot.mentions()
    first = await bot.asked("first")
    second = await bot.asked("second", str(first["ts"]))
    handling = [asyncio.create_task(bot.handle(event, mentions)) for event in (first, second)]
    await statuses(bot, 2)
    await gate.holds(1)
    await asyncio.sleep(0.05)
    assert gate.inside == ["first"]
    gate.open.set()
    await asyncio.gather(*handling)
    assert gate.most == 1
    assert "answer" in bot.said(first)
    assert "answer" in bot.said(second)


async def test_mentions_in_several_threads_are_answered_at_once_up_to_the_limit(bot: Bot) -> None:
    gate = Gate()
    bot.first_look, bot.concurrent = gate, 2
    mentions = bot.mentions()
    events = [await bot.asked(f"question {number}") for number in range(4)]
    handling = [asyncio.create_task(bot.handle(event, mentions)) for event in events]
    await statuses(bot, 4)
    await gate.holds(2)
    await asyncio.sleep(0.05)
    assert len(gate.inside) == 2
    gate.open.set()
    await asyncio.gather(*handling)
    assert gate.most == 2
    assert all("answer" in bot.said(event) for event in events)


async def test_mentions_of_a_thread_are_answered_in_the_order_they_came(bot: Bot) -> None:
    questions: list[Question] = []
    bot.first_look = noting(questions)
    mentions = bot.mentions()
    root = await bot.asked("0")
    events = [root, *[await bot.asked(str(number), str(root["ts"])) for number in range(1, 8)]]
    await asyncio.gather(*(bot.handle(event, mentions) for event in events))
    assert [question.text for question in questions] == list("01234567")


async def test_one_that_cannot_be_answered_lets_the_next_in_its_thread_through(bot: Bot) -> None:
    gate = Gate()
    bot.first_look = gate
    mentions = bot.mentions()
    first = await bot.asked("first")
    second, third = [await bot.asked(text, str(first["ts"])) for text in ("second", "third")]
    handling = [asyncio.create_task(bot.handle(event, mentions)) for event in (first, second, third)]
    await gate.holds(1)
    await statuses(bot, 3)
    handling[1].cancel()
    await asyncio.sleep(0.05)
    assert gate.inside == ["first"]
    gate.open.set()
    await asyncio.gather(*handling, return_exceptions=True)
    assert gate.most == 1
    assert "answer" in bot.said(third)


async def test_one_that_waits_its_turn_in_a_thread_takes_no_ones_place(bot: Bot) -> None:
    gate = Gate()
    bot.first_look, bot.concurrent = gate, 2
    mentions = bot.mentions()
    first = await bot.asked("first")
    events = [first, await bot.asked("behind it", str(first["ts"])), await bot.asked("elsewhere")]
    handling = [asyncio.create_task(bot.handle(event, mentions)) for event in events]
    await statuses(bot, 3)
    await gate.holds(2)
    await asyncio.sleep(0.05)
    assert sorted(gate.inside) == ["elsewhere", "first"]
    gate.open.set()
    await asyncio.gather(*handling)


# --- what goes wrong ---


async def broken(question: Question) -> Answer:
    raise LookupError(f"no such thing: {question.text}")


async def test_a_fault_of_ours_is_apologised_for_once_with_the_stack_in_the_log(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    bot.first_look = broken
    event = await bot.asked("what is going on?")
    await bot.handle(event)
    await bot.handle(event)
    assert bot.said(event) == {"status": STOPPED, "apology": APOLOGY.format(key=key_of(event))}
    assert len(bot.thread(event)) == 2
    assert "LookupError: no such thing: what is going on?" in caplog.text
    assert bot.row()["status"] == "failed"


async def test_where_nothing_can_be_said_it_is_logged_and_over(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    event = {**await bot.asked("what is going on?"), "channel": "C9999"}
    await bot.handle(event)
    assert "no answer could be brought to" in caplog.text
    assert "channel_not_found" in caplog.text
    assert bot.row()["status"] == "failed"


async def test_an_apology_that_cannot_be_posted_is_logged_and_over(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    async def leave_and_break(question: Question) -> Answer:
        del bot.slack.workspace.channels[bot.incidents.id]
        return await broken(question)

    bot.first_look = leave_and_break
    await bot.handle(await bot.asked("what is going on?"))
    assert "LookupError" in caplog.text
    assert "could not even say so in the thread: Slack refused the post: channel_not_found" in caplog.text
    assert bot.row()["status"] == "failed"


async def test_a_database_that_is_locked_for_a_while_costs_time_and_no_answer(bot: Bot) -> None:
    bot.engine.dispose()
    sql_event.listen(bot.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))
    event = await bot.asked("what is going on?")
    with closing(sqlite3.connect(str(bot.engine.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        handling = asyncio.create_task(bot.handle(event))
        await asyncio.sleep(0.05)
        assert not bot.thread(event)
    await handling
    assert list(bot.said(event)) == ["status", "answer"]


async def test_giving_up_is_said_and_logged_once(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    event = await bot.asked("what is going on?")
    Investigations(bot.engine).begin(key_of(event), QUESTION)
    for _ in range(2):
        await bot.mentions().give_up(key_of(event), event)
    assert bot.said(event) == {"apology": GIVEN_UP.format(attempts=MAX_ATTEMPTS)}
    assert caplog.text.count("given up after") == 1
    assert bot.row()["status"] == "failed"


async def test_giving_up_where_nothing_can_be_said_is_logged(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    event = {**await bot.asked("what is going on?"), "channel": "C9999"}
    await bot.mentions().give_up(key_of(event), event)
    assert "channel_not_found" in caplog.text


async def test_the_status_is_there_while_others_are_being_answered(bot: Bot) -> None:
    gate = Gate()
    bot.first_look, bot.concurrent = gate, 1
    mentions = bot.mentions()
    events = [await bot.asked("first"), await bot.asked("second")]
    handling = [asyncio.create_task(bot.handle(event, mentions)) for event in events]
    await statuses(bot, 2)
    assert all(bot.said(event) == {"status": ON_IT} for event in events)
    gate.open.set()
    await asyncio.gather(*handling)
