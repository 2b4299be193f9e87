"""Durable work: accepted once, finished once, whatever happens to the process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import TypeAdapter

from sre_bot.agent.transcript import Conversation
from sre_bot.durable import MAX_ATTEMPTS, JournaledModel, Workflows
from sre_bot.errors import ConfigurationError, ModelRefusedError, ModelUnavailableError
from tests.agent.fakes import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from sre_bot.durable import Handler, Journal
    from sre_bot.investigation import JsonObject

INT = TypeAdapter(int)
CHILD = Path(__file__).with_name("durable_child.py")


def engine(folder: Path, handler: Handler, now: Callable[[], float] = time.time) -> Workflows:
    return Workflows(
        database_url=f"sqlite:///{folder / 'w.sqlite'}", lease=folder / "serve.lock", handler=handler, now=now
    )


def holders(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.iterdir() if text in path.read_bytes()]


async def test_an_event_is_handled_with_its_key_and_content(tmp_path: Path) -> None:
    seen: list[tuple[str, JsonObject]] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        seen.append((key, event))

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("slack:T:C:1", {"text": "hé 🙂"})
        assert await workflows.drain(60)
    assert seen == [("slack:T:C:1", {"text": "hé 🙂"})]


@pytest.mark.real
async def test_the_same_key_is_the_same_event_also_after_a_restart(tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        seen.append(key)

    async with engine(tmp_path, handler) as workflows:
        await asyncio.gather(*(workflows.accept("k", {}) for _ in range(5)))
        await workflows.drain(60)
    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        await workflows.accept("other", {})
        await workflows.drain(60)
    assert seen == ["k", "other"]


@pytest.mark.real
async def test_what_a_checkpoint_gave_is_not_asked_again_and_the_clock_tells_the_same(tmp_path: Path) -> None:
    ticks = itertools.count(1000.0)
    asked: list[str] = []
    told: list[tuple[int, float, float]] = []
    hold = asyncio.Event()

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        async def look() -> int:
            asked.append("look")
            return 7

        began = journal.clock()
        told.append((await journal.checkpoint("look", INT, look), began, journal.clock()))
        if not hold.is_set():
            await asyncio.sleep(3600)

    async with engine(tmp_path, handler, lambda: next(ticks)) as workflows:
        await workflows.accept("k", {})
        assert not await workflows.drain(0.5)
    hold.set()
    async with engine(tmp_path, handler, lambda: next(ticks)) as workflows:
        assert await workflows.drain(60)
    assert asked == ["look"]
    assert told[0] == told[1]


async def test_parallel_checkpoints_keep_their_answers_apart(tmp_path: Path) -> None:
    got: list[list[int]] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        async def look(number: int) -> int:
            await asyncio.sleep(0.02 * (3 - number))
            return number

        looks = (journal.checkpoint("look", INT, lambda n=n: look(n)) for n in range(3))  # type: ignore[misc]
        got.append(await asyncio.gather(*looks))

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        await workflows.drain(60)
    assert got == [[0, 1, 2]]


async def test_a_models_failure_is_remembered_as_such(tmp_path: Path) -> None:
    caught: list[str] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        async def ask() -> int:
            raise ModelUnavailableError("overloaded")

        try:
            await journal.checkpoint("model", INT, ask)
        except ModelUnavailableError as error:
            caught.append(str(error))

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        await workflows.drain(60)
    assert caught == ["overloaded"]


async def test_what_a_provider_says_when_it_fails_is_kept_without_secrets(tmp_path: Path) -> None:
    caught: list[str] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        model = ScriptedModel([ModelRefusedError("the key hunter2 is wrong")])
        wrapped = JournaledModel(model, journal, lambda text: text.replace("hunter2", "…"))
        try:
            await wrapped.respond(Conversation("", ()), max_tokens=1, schema=None, timeout=1)
        except ModelRefusedError as error:
            caught.append(f"{wrapped.name}: {error}")

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        await workflows.drain(60)
    assert caught == ["claude-test: the key … is wrong"]
    assert not holders(tmp_path, b"hunter2")


@pytest.mark.real
async def test_a_fault_passes_through_and_its_text_is_not_kept(tmp_path: Path) -> None:
    caught: list[str] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        async def look() -> int:
            raise LookupError("password hunter2")

        try:
            await journal.checkpoint("look", INT, look)
        except (LookupError, RuntimeError) as error:
            caught.append(str(error))
        if len(caught) == 1:
            await asyncio.sleep(3600)

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        assert not await workflows.drain(0.3)
    async with engine(tmp_path, handler) as workflows:
        assert await workflows.drain(60)
    first, again = caught
    assert first == "password hunter2"
    assert "look failed with LookupError before the restart" in again
    assert not holders(tmp_path, b"hunter2")


async def test_while_its_database_is_locked_nothing_is_accepted_and_nobody_else_is_held_up(tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        seen.append(key)

    async with engine(tmp_path, handler) as workflows:
        with contextlib.closing(sqlite3.connect(tmp_path / "w.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            accepting = [asyncio.create_task(workflows.accept("k", {})) for _ in range(2)]
            async with asyncio.timeout(4):
                for _ in range(20):
                    await asyncio.sleep(0.01)
            assert not any(task.done() for task in accepting)
            other.rollback()
        await asyncio.gather(*accepting)
        await workflows.drain(60)
    assert seen == ["k"]


async def test_threads_are_there_while_it_runs_and_afterwards(tmp_path: Path) -> None:
    """The engine makes its own threads the loop's, and takes them along when it ends."""

    async def handler(key: str, event: JsonObject, journal: Journal) -> None: ...

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        assert (await asyncio.to_thread(threading.current_thread)).name.startswith("dbos")
        await workflows.drain(60)
    assert not (await asyncio.to_thread(threading.current_thread)).name.startswith("dbos")


async def test_the_engine_logs_through_our_handlers_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        raise LookupError("of ours")

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        await workflows.drain(60)
        handlers = logging.getLogger("dbos").handlers
    assert not [one for one in handlers if isinstance(one, logging.StreamHandler)]
    assert "LookupError: of ours" in caplog.text


@pytest.mark.real
async def test_what_was_left_is_taken_up_about_a_second_after_the_start(tmp_path: Path) -> None:
    begun = asyncio.Event()
    hold = True

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        begun.set()
        if hold:
            await asyncio.sleep(3600)

    async with engine(tmp_path, handler) as workflows:
        await workflows.accept("k", {})
        await begun.wait()
    begun.clear()
    hold = False
    async with engine(tmp_path, handler) as workflows:
        async with asyncio.timeout(60):
            await begun.wait()
        assert await workflows.drain(60)


@pytest.mark.parametrize("spoil", ["w.sqlite", "serve.lock", ""])
async def test_a_state_that_cannot_be_written_is_explained(tmp_path: Path, spoil: str) -> None:
    async def handler(key: str, event: JsonObject, journal: Journal) -> None: ...

    folder = tmp_path / "state"
    if spoil:
        (folder / spoil).mkdir(parents=True)
    else:
        folder.write_text("a file where a folder should be")
    with pytest.raises(ConfigurationError, match=r"cannot keep work in .*Check SRE_BOT_STATE_DIR"):
        await engine(folder, handler).__aenter__()


async def test_a_second_process_on_the_same_state_is_refused(tmp_path: Path) -> None:
    async def handler(key: str, event: JsonObject, journal: Journal) -> None: ...

    async with engine(tmp_path, handler):
        with pytest.raises(ConfigurationError, match="another sre-bot serves from"):
            await engine(tmp_path, handler).__aenter__()


async def test_nothing_is_accepted_before_the_start(tmp_path: Path) -> None:
    async def handler(key: str, event: JsonObject, journal: Journal) -> None: ...

    with pytest.raises(RuntimeError):
        await engine(tmp_path, handler).accept("k", {})


async def run_child(folder: Path, mode: str) -> tuple[int | None, list[JsonObject]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(folder), mode, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    return child.returncode, [json.loads(line) for line in output.splitlines()]


@pytest.mark.real
async def test_after_a_kill_the_rest_is_done_once_and_the_finished_part_not_again(tmp_path: Path) -> None:
    code, before = await run_child(tmp_path, "die-after-first")
    assert code == -signal.SIGKILL
    assert [line["ran"] for line in before] == ["first"]
    code, after = await run_child(tmp_path, "live")
    assert code == 0
    assert [line["ran"] for line in after] == ["second", "done"]
    code, again = await run_child(tmp_path, "live")
    assert (code, again) == (0, [])


@pytest.mark.real
async def test_an_event_that_kills_the_process_every_time_is_given_up_after_that_many_attempts(tmp_path: Path) -> None:
    runs = [await run_child(tmp_path, "die-always") for _ in range(MAX_ATTEMPTS)]
    assert [code for code, _ in runs] == [-signal.SIGKILL] * MAX_ATTEMPTS
    assert [lines for _, lines in runs] == [[{"ran": "handler"}]] * MAX_ATTEMPTS
    code, lines = await run_child(tmp_path, "die-always")
    assert code == 0
    assert lines == [{"given_up": {"k": {}}}]
