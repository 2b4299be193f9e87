"""Stopping for real: the button and the word end the loop, its looks and its call of the model, also over restarts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from sre_bot.agent.claude import Claude
from sre_bot.slack.runs import Run, Runs, StoppedError, whole
from sre_bot.slack.stopping import DELETED
from sre_bot.store.stops import Stop, Stops
from tests.agent.fakes import NOW, ScriptedModel, asks, says, writes
from tests.slack.desk import Held, HeldReport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Engine

    from tests.slack.desk import Desk

SET_STATUS = "agents.sessions.setStatus"


def looking() -> ScriptedModel:
    return ScriptedModel([asks(("metrics", {"q": "up"})), says("E1 it is the database."), writes()])


async def begun(desk: Desk) -> tuple[str, Held]:
    """An investigation that waits for a look at a source; to be called while it serves."""
    held = Held()
    desk.toolset = held
    thread = await desk.say("@bot checkout is failing, what's going on?")
    await asyncio.wait_for(held.begun.wait(), 10)
    await desk.slack.wait_for(lambda: desk.session(thread) == "processing")
    return thread, held


@contextlib.asynccontextmanager
async def dying(desk: Desk) -> AsyncIterator[None]:
    """Serve, and be killed in the middle of it."""

    class KilledError(Exception):
        pass

    with contextlib.suppress(KilledError):
        async with desk.serving():
            yield
            raise KilledError


# --- the native button ---


async def test_the_button_ends_the_looks_and_the_thread_says_who_pressed_it(desk: Desk) -> None:
    desk.model = looking()
    async with desk.serving():
        thread, held = await begun(desk)
        desk.press_stop(thread, by="ben")
        await asyncio.wait_for(held.cancelled.wait(), 10)
        await desk.status(thread, "Stopped by ben. What I know is the first look below.")
        await desk.slack.wait_for(lambda: desk.session(thread) == "closed")
    assert not desk.posts(thread, ":answer")
    assert desk.how() == ["stopped"]
    assert len(desk.model.shown) == 1


async def test_the_first_look_promises_no_answer_any_more(desk: Desk) -> None:
    desk.model = looking()
    async with desk.serving():
        thread, _ = await begun(desk)
        [before] = desk.posts(thread, ":first-look")
        desk.press_stop(thread)
        await desk.status(thread, "Stopped by")
    [after] = desk.posts(thread, ":first-look")
    assert "The investigation goes on" in before.text
    assert "The investigation goes on" not in str((after.text, after.blocks))
    assert "No answer comes after it" in str(after.blocks)
    assert "Checkout fails." in str(after.blocks)


async def test_the_request_to_the_model_in_flight_is_closed(desk: Desk) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        while await reader.read(65_536):
            pass
        closed.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        claude = Claude("claude-test", api_key="k", base_url=f"http://127.0.0.1:{port}")
        async with claude as desk.model, desk.serving():
            thread = await desk.say("@bot why?")
            await asyncio.wait_for(asked.wait(), 30)
            await desk.slack.wait_for(lambda: desk.session(thread) == "processing")
            desk.press_stop(thread)
            await asyncio.wait_for(closed.wait(), 10)
            await desk.status(thread, "Stopped by ben.")


async def test_all_that_was_asked_in_the_thread_by_then_is_stopped_and_what_comes_later_is_not(desk: Desk) -> None:
    desk.model = ScriptedModel([*looking().turns[:1], says("It is checkout, see E1."), writes()])
    async with desk.serving():
        thread, held = await begun(desk)
        await desk.say("@bot and payments?", thread)
        await desk.offered(thread, {"and payments?"})
        desk.press_stop(thread)
        await desk.slack.wait_for(lambda: [m.text[:7] for m in desk.posts(thread, ":status")] == ["Stopped", "Stopped"])
        held.go.set()
        await desk.say("@bot and inventory?", thread)
        await desk.answered(thread, 1)
    assert [question.text for question in desk.asked][-1] == "and inventory?"
    assert "payments" not in str(desk.model.shown[1][0]).partition("thread it was asked in")[0]


async def test_other_threads_go_on(desk: Desk) -> None:
    desk.model = ScriptedModel([*looking().turns[:1], *looking().turns])
    async with desk.serving():
        thread, held = await begun(desk)
        other = await desk.say("@bot why is web slow?")
        await desk.slack.wait_for(lambda: desk.posts(other, ":first-look"))
        desk.press_stop(thread)
        await desk.status(thread, "Stopped by ben.")
        held.go.set()
        await desk.answered(other, 1)


async def test_a_stop_delivered_again_changes_nothing(desk: Desk) -> None:
    desk.model = ScriptedModel([*looking().turns[:1], says("It is checkout, see E1."), writes()])
    async with desk.serving():
        thread, held = await begun(desk)
        desk.press_stop(thread)
        await desk.status(thread, "Stopped by ben.")
        again = next(event for event in desk.slack.events if event.type == "agent_session_stopped")
        held.go.set()
        later = await desk.say("@bot and now?", thread)
        desk.slack.redeliver(again)
        await desk.answered(thread, 1)
        desk.slack.redeliver(again)
        await desk.settled()
    assert later
    assert desk.how() == ["stopped", "answered"]


async def test_a_stop_where_nothing_runs_does_nothing(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        before = [message.text for message in desk.posts(thread)]
        where = {"channel": desk.incidents.id, "user": "U0001", "streaming_message_ts": [], "thread_ts": thread}
        desk.slack.emit({"type": "agent_session_stopped", **where})
        desk.slack.emit({"type": "agent_session_stopped", **where, "thread_ts": "1.000001"})
        await desk.say("stop", thread)
        await desk.say("@bot stop")
        await desk.settled()
    assert [message.text for message in desk.posts(thread)] == before
    assert desk.how() == ["answered"]


# --- over restarts ---


async def test_a_stop_that_was_kept_before_a_kill_holds_after_it(desk: Desk) -> None:
    desk.model = looking()
    async with dying(desk):
        thread, _ = await begun(desk)
    at = desk.clock.now
    Stops(desk.engine).keep(Stop("k", f"slack:T0SIM:{desk.incidents.id}:{thread}", at, by=desk.person("ben").id))
    async with desk.serving():
        await desk.status(thread, "Stopped by ben. What I know is the first look below.")
        await desk.slack.wait_for(lambda: desk.session(thread) == "closed")
    assert len(desk.model.shown) == 1
    assert not desk.posts(thread, ":answer")


async def test_a_stop_that_came_while_it_was_down_ends_what_is_taken_up_again(desk: Desk) -> None:
    desk.model = looking()
    async with dying(desk):
        thread, _ = await begun(desk)
    assert desk.session(thread) == "processing", "the button stays while we are down"
    desk.press_stop(thread)
    async with desk.serving():
        await desk.status(thread, "Stopped by ben.")
    assert desk.how() == ["stopped"]


async def test_what_was_answered_before_the_kill_is_not_stopped_after_it(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
    key = f"slack:T0SIM:{desk.incidents.id}:{thread}"
    Stops(desk.engine).keep(Stop("k", key, desk.clock.now, by="U0001"))
    async with desk.serving():
        await desk.settled()
    assert desk.how() == ["answered"]
    assert not [message for message in desk.posts(thread) if message.text.startswith("Stopped")]


# --- the word, where there is no button ---


@pytest.mark.parametrize("word", ["stop", "Stop!", "please stop", "<@UBOT> stop", "cancel"])
async def test_the_word_stop_does_the_same_where_there_is_no_button(desk: Desk, word: str) -> None:
    desk.model = looking()
    desk.slack.lacks(SET_STATUS)
    desk.toolset = held = Held()
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await asyncio.wait_for(held.begun.wait(), 10)
        await desk.say(word, thread, by="ben")
        await asyncio.wait_for(held.cancelled.wait(), 10)
        await desk.status(thread, "Stopped by ben.")
    assert [call.outcome for call in desk.slack.calls if call.method == SET_STATUS] == ["unknown_method"]
    assert len(desk.posts(thread)) == 2, "the status and the first look; no error"


async def test_a_scope_that_is_missing_is_no_error_in_the_thread_either(desk: Desk) -> None:
    desk.slack.forget_scopes("assistant:write")
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
    assert len(desk.posts(thread)) == 2
    assert {call.outcome for call in desk.slack.calls if call.method == SET_STATUS} == {"missing_scope"}


async def test_in_a_direct_conversation_stop_at_the_top_ends_what_runs_there(desk: Desk) -> None:
    desk.model = looking()
    desk.toolset = held = Held()
    ann = desk.person("ann")
    async with desk.serving():
        ts = await desk.slack.dm(ann, "why is checkout failing?")
        await asyncio.wait_for(held.begun.wait(), 10)
        desk.clock.now = desk.clock.now.replace(minute=5)
        await desk.slack.dm(ann, "stop")
        direct = desk.slack.workspace.direct(ann)
        await desk.slack.wait_for(
            lambda: [m for m in desk.slack.thread(direct, ts) if m.text.startswith("Stopped by ann.")]
        )


async def test_stop_in_threads_that_are_not_ours_is_not_kept(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("let us deploy")
        await desk.say("stop", thread)
        await desk.settled()
    with desk.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM stops").scalar() == 0


# --- deleted questions ---


async def test_a_deleted_question_is_not_looked_into_any_more(desk: Desk) -> None:
    desk.model = looking()
    async with desk.serving():
        thread, held = await begun(desk)
        await desk.slack.delete(desk.incidents, thread)
        await asyncio.wait_for(held.cancelled.wait(), 10)
        await desk.status(thread, DELETED)
    assert desk.how() == ["stopped"]
    assert not desk.posts(thread, ":answer")


async def test_of_two_questions_in_a_thread_only_the_deleted_one_is_stopped(desk: Desk) -> None:
    desk.model = model = HeldReport([says("It is checkout, see E1."), writes()])
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await asyncio.wait_for(model.writing.wait(), 10)
        second = await desk.say("@bot and payments?", thread)
        await desk.offered(thread, {"and payments?"})
        await desk.slack.delete(desk.incidents, second)
        await desk.status(thread, DELETED)
        model.go.set()
        await desk.answered(thread, 1)
    assert desk.how() == ["answered"]


async def test_a_question_deleted_after_its_answer_changes_nothing(desk: Desk) -> None:
    async with desk.serving():
        thread = await desk.say("@bot why?")
        await desk.answered(thread, 1)
        before = [message.text for message in desk.posts(thread)]
        await desk.slack.delete(desk.incidents, thread)
        await desk.settled()
    assert [message.text for message in desk.posts(thread)] == before


# --- the machinery ---


async def test_a_run_is_cancelled_where_it_waits_and_only_there(engine: Engine) -> None:
    runs, run = Runs(Stops(engine)), Run("q", "slack:T:C:1", NOW)

    async def stopped_on_the_way() -> None:
        async with runs.stoppable(run):
            await runs.keep(Stop("s", run.thread, NOW))
            await asyncio.Event().wait()

    async def stopped_before() -> None:
        async with runs.stoppable(run):
            raise AssertionError("a stop holds from then on")

    with runs.present(run):
        with pytest.raises(StoppedError):
            await stopped_on_the_way()
        await asyncio.sleep(0)
        with pytest.raises(StoppedError):
            await stopped_before()


async def test_a_time_out_of_what_runs_stays_one(engine: Engine) -> None:
    runs, run = Runs(Stops(engine)), Run("q", "slack:T:C:1", NOW)
    with runs.present(run), pytest.raises(TimeoutError):
        async with runs.stoppable(run):
            raise TimeoutError


async def test_what_is_to_be_whole_ends_before_a_stop_comes_into_force() -> None:
    go, done = asyncio.Event(), asyncio.Event()

    async def post() -> None:
        await go.wait()
        done.set()

    task = asyncio.ensure_future(whole(post()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()
