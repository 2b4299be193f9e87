"""What becomes of a question whose model was away: promised, continued once, or told why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import ModelRefusedError, ModelUnavailableError
from sre_bot.resuming import Patience, WaitingRoom
from sre_bot.slack.listeners import APOLOGY, GIVEN_UP, QUIET
from sre_bot.slack.replies import thread_of, written_at
from sre_bot.store.investigations import Investigations
from sre_bot.store.stops import Stop, Stops
from sre_bot.store.waits import CONTINUES, TRY, Wait, Waits, WaitState
from sre_bot.telemetry.metrics import Metrics
from tests.agent.fakes import ScriptedModel, asks, says, texts, writes
from tests.slack.test_listeners import NOW, Bot, UnkeptJournal, key_of, quick

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import SlackSimulator
    from sre_bot.investigation import Answer, JsonObject, Question
    from sre_bot.slack.client import SlackClient
    from sre_bot.slack.listeners import Mentions

AWAY = ModelUnavailableError("claude-test is overloaded.")
PROMISE = "I go on by myself"
REPORT: JsonObject = {"what_is_going_on": [{"text": "Metrics were seen.", "evidence": ["E1"]}]}


@dataclass
class Waiting:
    """A bot that waits for its model, and somebody's question to it."""

    bot: Bot
    waits: Waits
    model: ScriptedModel
    event: JsonObject

    def script(self, *turns: object) -> None:
        self.model = ScriptedModel(turns)  # type: ignore[arg-type]  # turns and errors, as there
        self.bot.model = self.model

    async def asked(self) -> Mentions:
        mentions = self.bot.mentions()
        await self.bot.handle(self.event, mentions)
        return mentions

    async def go_on(self) -> JsonObject:
        """Continue it, as the room would."""
        key = key_of(self.event)
        event: JsonObject = {**self.event, "call": "mention", CONTINUES: key, TRY: self.waits.attempt(key)}
        await self.handle_try(event)
        return event

    async def handle_try(self, event: JsonObject) -> None:
        await self.bot.mentions()(try_key(event), event, UnkeptJournal())

    def wait(self) -> Wait:
        wait = self.waits.get(key_of(self.event))
        assert wait is not None
        return wait

    def session(self) -> str | None:
        return self.bot.slack.workspace.sessions.get((self.bot.incidents.id, str(self.event["ts"])))

    def said(self) -> dict[str, str]:
        return self.bot.said(self.event)


def try_key(event: JsonObject) -> str:
    return f"{event[CONTINUES]}:resumed:{event[TRY]}"


@pytest.fixture
async def waiting(slack: SlackSimulator, client: SlackClient, engine: Engine) -> Waiting:
    room = WaitingRoom(
        Waits(engine),
        alerts=None,
        patience=Patience(timedelta(hours=1), 1.0),
        metrics=Metrics(version="1", prompt="abc", model="claude-test"),
        now=lambda: NOW,
    )
    bot = Bot(slack, client, engine, room=room)
    waiting = Waiting(bot, Waits(engine), ScriptedModel([]), await bot.asked("what is going on?"))
    waiting.script(AWAY)
    return waiting


# --- the promise ---


async def test_a_question_whose_model_is_away_waits_and_its_answer_promises_to_go_on(waiting: Waiting) -> None:
    await waiting.asked()
    assert PROMISE in waiting.said()["answer"]
    assert waiting.said()["status"].startswith("Done")
    wait = waiting.wait()
    assert (wait.state, wait.event) == (WaitState.WAITING, waiting.event)
    assert wait.until - wait.since == timedelta(hours=1)
    assert waiting.bot.row()["answer"]["note"] == (
        "This is the first look, which no model wrote. claude-test is overloaded."
    ), "what is kept is the answer, without promises"


async def test_a_refusal_is_not_waited_for(waiting: Waiting) -> None:
    waiting.script(ModelRefusedError("the key is wrong: check ANTHROPIC_API_KEY."))
    await waiting.asked()
    assert PROMISE not in waiting.said()["answer"]
    assert waiting.waits.get(key_of(waiting.event)) is None


async def test_without_a_waiting_room_nothing_is_promised(waiting: Waiting) -> None:
    waiting.bot.room = None
    await waiting.asked()
    assert PROMISE not in waiting.said()["answer"]


async def test_quiet_while_it_is_looked_into_leaves_no_promise(waiting: Waiting) -> None:
    quiet = {**await waiting.bot.asked("quiet", str(waiting.event["ts"])), "call": "quiet"}

    async def disturbed(question: Question) -> Answer:
        await waiting.bot.handle(quiet)
        return await quick(question)

    waiting.bot.first_look = disturbed
    waiting.event = await waiting.bot.asked("and this?")
    waiting.event["thread_ts"] = quiet["thread_ts"]
    waiting.event["ts"] = str(float(str(quiet["ts"])) - 0.5)
    await waiting.asked()
    assert PROMISE not in waiting.said()["answer"]


async def test_quiet_ends_the_waiting_and_says_so_where_the_status_stands(waiting: Waiting) -> None:
    mentions = await waiting.asked()
    quiet = {**await waiting.bot.asked("quiet", str(waiting.event["ts"])), "call": "quiet"}
    await waiting.bot.handle(quiet, mentions)
    assert waiting.wait().state is WaitState.STOPPED
    assert waiting.said()["status"] == "Not continued: quiet or a stop was asked for here."
    assert waiting.bot.said(quiet) == {"quiet": QUIET}


@pytest.mark.parametrize(("stops", "ends"), [(None, True), ("this", True), ("other", False)])
async def test_a_stop_ends_the_waiting_and_a_deletion_that_of_its_question(
    waiting: Waiting, *, stops: str | None, ends: bool
) -> None:
    mentions = await waiting.asked()
    stop: JsonObject = {**waiting.event, "thread_ts": waiting.event["ts"], "call": "stop"}
    if stops:
        stop["stops"] = key_of(waiting.event) if stops == "this" else "slack:T:C:1"
    await waiting.bot.handle(stop, mentions)
    assert waiting.wait().state is (WaitState.STOPPED if ends else WaitState.WAITING)
    assert waiting.said()["status"].startswith("Not continued: quiet or a stop") == ends
    assert waiting.session() == ("closed" if ends else "suspended")


async def test_stopped_while_it_goes_on_it_says_so_and_does_not_try_again(waiting: Waiting) -> None:
    await waiting.asked()
    key = thread_of(waiting.event)
    Stops(waiting.bot.engine).keep(Stop("s", key, written_at(waiting.event)))
    await waiting.go_on()
    assert waiting.wait().state is WaitState.STOPPED
    assert waiting.said()["status"].startswith("Not continued: quiet or a stop")
    assert waiting.session() == "closed"


# --- going on ---


async def test_it_goes_on_with_what_was_seen_and_its_answer_is_one_message_more(waiting: Waiting) -> None:
    waiting.script(asks(("metrics", {"query": "up"})), AWAY)
    await waiting.asked()
    assert waiting.wait().looks == 1
    waiting.script(says("E1 shows it."), writes(REPORT))
    event = await waiting.go_on()
    posts = [message.text for message in waiting.bot.thread(waiting.event)]
    assert len(posts) == 5
    status, _, first, resumed, answer = posts
    assert status.startswith("Done")
    assert PROMISE in first
    assert resumed.startswith("Done")
    assert "\n:information_source: The model is back: this continues what was asked at" in answer
    assert "Metrics were seen." in answer
    assert "Seen earlier, as of" in texts(waiting.model.shown[0])
    assert waiting.wait().state is WaitState.RESUMED
    await waiting.handle_try(event)
    assert len(waiting.bot.thread(waiting.event)) == 5, "handled again after a crash nothing is said twice"


async def test_a_try_that_comes_to_nothing_leaves_a_line_that_the_next_one_replaces(waiting: Waiting) -> None:
    await waiting.asked()
    first = waiting.said()["answer"]
    waiting.script(AWAY)
    event = await waiting.go_on()
    assert waiting.said()["resumed"].startswith("The model was back, and is away again.")
    assert (waiting.wait().state, waiting.wait().broken) == (WaitState.WAITING, 0)
    assert Investigations(waiting.bot.engine).status(try_key(event)) is None
    for broken in (1, 2):
        waiting.script(asks(("metrics", {})), AWAY)
        await waiting.go_on()
        assert waiting.wait().broken == broken
    waiting.script(asks(("metrics", {})), AWAY)
    await waiting.go_on()
    assert waiting.said()["resumed"].startswith("Not continued: the model broke off each time.")
    assert waiting.said()["answer"] == first
    assert [*waiting.said()] == ["status", "first-look", "answer", "resumed"]


async def test_a_provider_that_refuses_by_now_is_quoted(waiting: Waiting) -> None:
    await waiting.asked()
    waiting.script(ModelRefusedError("the key is wrong: check ANTHROPIC_API_KEY."))
    await waiting.go_on()
    (_, answer) = [one.text for one in waiting.bot.thread(waiting.event) if "which no model wrote" in one.text]
    assert "The provider is back, the model no help" in answer
    assert "check ANTHROPIC_API_KEY" in answer


async def test_what_is_not_needed_any_more_is_told_where_its_state_stands(waiting: Waiting) -> None:
    await waiting.asked()
    waiting.script(AWAY)
    await waiting.go_on()
    key = key_of(waiting.event)
    event: JsonObject = {**waiting.event, CONTINUES: key, TRY: waiting.waits.attempt(key)}
    waiting.waits.end(key, WaitState.EXPIRED)
    await waiting.handle_try(event)
    assert waiting.said()["resumed"].startswith("Not continued: the model was not back by")
    assert waiting.said()["status"].startswith("Done")


async def test_a_wait_of_which_nothing_was_said_has_nothing_to_correct(waiting: Waiting) -> None:
    mentions = await waiting.asked()
    unknown = Wait("unknown", "t", waiting.event, waiting.wait().since, waiting.wait().until)
    await mentions.not_continued(unknown, WaitState.EXPIRED)
    assert waiting.said()["status"].startswith("Done")


async def test_a_fault_of_ours_while_it_goes_on_is_apologised_for_and_ends_the_wait(waiting: Waiting) -> None:
    await waiting.asked()

    async def broken(question: Question) -> Answer:
        raise LookupError("of ours")

    waiting.bot.first_look = broken
    event = await waiting.go_on()
    assert waiting.said()["apology"] == APOLOGY.format(key=try_key(event))
    assert waiting.wait().state is WaitState.FAILED


async def test_one_that_kills_the_process_each_time_is_given_up_and_waits_no_longer(waiting: Waiting) -> None:
    mentions = await waiting.asked()
    key = key_of(waiting.event)
    event: JsonObject = {**waiting.event, CONTINUES: key, TRY: waiting.waits.attempt(key)}
    assert await mentions.give_up(try_key(event), event)
    assert waiting.said()["apology"] == GIVEN_UP.format(attempts=3)
    assert waiting.wait().state is WaitState.FAILED
