"""The waiting room: who goes on when the model is back, in which order, and who does not."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DatabaseError

from sre_bot.errors import ModelRefusedError, ModelUnavailableError
from sre_bot.incident import Alert, AlertState
from sre_bot.investigation import Evidence, Listing, MissingSource, Observation, Question
from sre_bot.resuming import MOST_BROKEN, YOUNG, Patience, WaitingRoom, still_young
from sre_bot.store.database import open_database
from sre_bot.store.heard import Call, Heard
from sre_bot.store.investigations import Investigations
from sre_bot.store.waits import CONTINUES, TRY, Wait, Waits, WaitState
from sre_bot.telemetry.metrics import WAIT_ENDS, Metrics
from tests.agent.fakes import first_look
from tests.fakes import FakeCurrentAlerts, down
from tests.render import sample_answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.errors import ModelError
    from sre_bot.investigation import Answer, JsonObject

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
EVENT: JsonObject = {"channel": "C1", "text": "why?", "call": "reply"}


def alert(name: str, severity: str = "critical", state: AlertState = AlertState.FIRING) -> Alert:
    return Alert(name, {"severity": severity, "service": "checkout"}, {}, NOW, state=state)


@dataclass
class World:
    """A room, its model's provider, and what goes on; ``away`` is raised by a probe."""

    engine: Engine
    alerts: FakeCurrentAlerts | None = field(default_factory=FakeCurrentAlerts)
    away: ModelError | None = None
    moment: datetime = NOW
    hung: float = 60.0
    probes: int = 0
    resumed: list[tuple[str, JsonObject]] = field(default_factory=list)
    over: list[tuple[str, WaitState]] = field(default_factory=list)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="1", prompt="abc", model="claude-test"))
    table: type[Waits] = Waits

    def __post_init__(self) -> None:
        self.waits = self.table(self.engine)
        self.events: asyncio.Queue[str] = asyncio.Queue()
        self.room = WaitingRoom(
            self.waits,
            alerts=self.alerts,
            patience=Patience(timedelta(hours=1), 0.01, self.hung),
            metrics=self.metrics,
            now=lambda: self.moment.timestamp(),  # noqa: PLW0108 - the moment moves
        )

    async def probe(self) -> None:
        self.probes += 1
        self.events.put_nowait("probe")
        if self.away is not None:
            raise self.away

    async def resume(self, key: str, event: JsonObject) -> None:
        self.resumed.append((key, event))
        self.events.put_nowait(key)

    async def told(self, wait: Wait, why: WaitState) -> None:
        self.over.append((wait.key, why))
        self.events.put_nowait("over")

    async def until(self, event: str) -> None:
        async with asyncio.timeout(60):
            while await self.events.get() != event:
                pass

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.room.run(self.probe, self.resume, self.told))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def begin(self, *keys: str) -> None:
        for number, key in enumerate(keys):
            await self.room.begin(key, f"t-{key}", EVENT, since=NOW + timedelta(seconds=number), looks=0)

    async def tried(self, key: str = "a") -> Wait:
        """A wait that is being tried for the first time."""
        await self.begin(key)
        return await self.room.get(key, self.waits.attempt(key))

    def state(self, key: str) -> WaitState:
        wait = self.waits.get(key)
        assert wait is not None
        return wait.state

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"sre_bot_{name}", labels)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield opened
    opened.dispose()


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


# --- who goes on, and when ---


async def test_all_go_on_one_after_the_other_the_oldest_first(world: World) -> None:
    await world.begin("a", "b")
    assert world.counted("waiting_investigations") == 2
    async with world.running():
        await world.until("a:resumed:1")
        await asyncio.sleep(0.05)
        assert [key for key, _ in world.resumed] == ["a:resumed:1"], "the canary's end is waited for"
        await world.room.end("a", WaitState.RESUMED)
        await world.until("b:resumed:1")
        assert world.probes == 1
        await world.room.end("b", WaitState.RESUMED)
        await world.room.end("b", WaitState.STOPPED)
        await asyncio.sleep(0.5)  # for the room to see that nobody is left; it tells nobody of that
        await world.begin("c")
        await world.until("c:resumed:1")
    assert world.resumed[0][1] == {**EVENT, "call": "mention", CONTINUES: "a", TRY: 1}
    assert world.probes == 2, "who comes later is no reason to believe that it is still there"
    assert world.counted("waiting_investigations") == 1
    assert (world.counted("waits_total", end="resumed"), world.counted("waits_total", end="stopped")) == (2, 0)


async def test_nobody_goes_on_while_the_provider_gives_no_sign_of_life(world: World) -> None:
    world.away = ModelUnavailableError("connection refused")
    await world.begin("a")
    async with world.running():
        for _ in range(4):
            await world.until("probe")
        assert not world.resumed
        world.away = None
        await world.until("a:resumed:1")


async def test_a_provider_that_refuses_is_there_and_whoever_goes_on_tells_what_it_says(world: World) -> None:
    world.away = ModelRefusedError("401: check ANTHROPIC_API_KEY")
    await world.begin("a")
    async with world.running():
        await world.until("a:resumed:1")


async def test_nobody_is_probed_while_nobody_waits(world: World) -> None:
    async with world.running():
        await asyncio.sleep(0.1)
        assert not world.probes
        await world.begin("a")
        await world.until("a:resumed:1")


async def test_a_canary_that_comes_back_keeps_the_others_in_and_they_are_next(world: World) -> None:
    await world.begin("a", "b")
    async with world.running():
        await world.until("a:resumed:1")
        assert await world.room.again(await world.room.get("a", 1), broke_off=False) is None
        await world.until("b:resumed:1")
        assert world.probes == 2
        await world.room.end("b", WaitState.RESUMED)
        await world.until("a:resumed:2")


async def test_a_try_that_a_restart_interrupted_is_first_and_the_same_try(world: World) -> None:
    await world.begin("a", "b")
    world.waits.attempt("b")
    async with world.running():
        await world.until("b:resumed:1")


async def test_a_try_that_hangs_holds_up_nobody(engine: Engine) -> None:
    world = World(engine, hung=0.05)
    await world.begin("a", "b")
    async with world.running():
        await world.until("b:resumed:1")
    assert world.state("a") is WaitState.FAILED


class Flaky(Waits):
    """A table that cannot be read at first."""

    trouble = itertools.count()

    def open(self, thread: str | None = None) -> Sequence[Wait]:
        if next(self.trouble) == 1:
            raise DatabaseError("SELECT", None, Exception("disk image is malformed"))
        return super().open(thread)


async def test_a_database_that_fails_for_a_while_ends_no_wait(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    world = World(engine, table=Flaky)
    await world.begin("a")
    async with world.running():
        await world.until("a:resumed:1")
    assert "could not see who waits for the model" in caplog.text


class Interrupted(Waits):
    """A table in which a wait ends just before it is tried."""

    def attempt(self, key: str) -> int:
        if key == "a":
            self.end(key, WaitState.STOPPED)
        return super().attempt(key)


async def test_a_wait_that_ends_just_before_its_turn_is_passed_over(engine: Engine) -> None:
    world = World(engine, table=Interrupted)
    await world.begin("a", "b")
    async with world.running():
        await world.until("b:resumed:1")
    assert [key for key, _ in world.resumed] == ["b:resumed:1"]


async def test_whoever_waited_too_long_is_told_and_the_others_go_on(world: World) -> None:
    world.away = ModelUnavailableError("overloaded")
    await world.begin("a", "b")
    world.moment = NOW + timedelta(hours=1)
    async with world.running():
        await world.until("over")
        await world.until("probe")
        world.away = None
        await world.until("b:resumed:1")
    assert world.over == [("a", WaitState.EXPIRED)]
    assert world.state("a") is WaitState.EXPIRED


# --- a try that came to nothing ---


async def test_a_try_that_came_to_nothing_waits_on_until_its_time_is_over(world: World) -> None:
    wait = await world.tried()
    assert await world.room.again(wait, broke_off=False) is None
    assert world.state("a") is WaitState.WAITING
    wait = await world.room.get("a", world.waits.attempt("a"))
    world.moment = wait.until
    assert await world.room.again(wait, broke_off=False) is WaitState.EXPIRED


async def test_a_model_that_breaks_off_each_time_is_left_at_that(world: World) -> None:
    await world.begin("a")
    ends = []
    for _ in range(MOST_BROKEN):
        wait = await world.room.get("a", world.waits.attempt("a"))
        ends.append(await world.room.again(wait, broke_off=True))
    assert ends == [None] * (MOST_BROKEN - 1) + [WaitState.FAILED]


async def test_a_try_of_old_changes_nothing_about_the_present_one(world: World) -> None:
    old = await world.tried()
    await world.room.again(old, broke_off=False)
    world.waits.attempt("a")
    await world.room.again(old, broke_off=True)
    now = world.waits.get("a")
    assert now is not None
    assert (now.state, now.tries, now.broken) == (WaitState.TRYING, 2, 0)
    assert (await world.room.get("a", 1)).state is WaitState.FAILED


async def test_what_does_not_wait_cannot_be_asked_for(world: World) -> None:
    with pytest.raises(LookupError, match="nobody does not wait"):
        await world.room.get("nobody", 1)


# --- what is not needed any more ---


async def test_it_goes_on_when_nothing_speaks_against_it(world: World) -> None:
    assert await world.room.why_not(await world.tried(), NOW) is None


async def test_quiet_ends_the_waits_of_a_thread_and_not_what_is_under_way(world: World) -> None:
    trying = await world.tried("a")
    await world.begin("b")
    assert [one.key for one in await world.room.stop("t-b")] == ["b"]
    assert not await world.room.stop("t-a")
    assert (world.state("a"), world.state("b")) == (WaitState.TRYING, WaitState.STOPPED)
    assert await world.room.why_not(replace(trying, state=WaitState.STOPPED), NOW) is WaitState.STOPPED


@pytest.mark.parametrize(
    ("minutes", "answer", "why"),
    [
        (1, sample_answers.BAD_DEPLOY, WaitState.SUPERSEDED),
        (1, first_look(), None),
        (-1, sample_answers.BAD_DEPLOY, None),
    ],
    ids=["asked later, answered by the model", "asked later, answered by the first look", "asked before"],
)
async def test_asked_again_and_answered_by_the_model_it_is_not_needed(
    world: World, minutes: float, answer: Answer, why: WaitState | None
) -> None:
    wait = await world.tried()
    Heard(world.engine).note("other", wait.thread, Call.MENTION, NOW + timedelta(minutes=minutes), claimed=True)
    investigations = Investigations(world.engine)
    investigations.begin("other", Question("and now?", NOW))
    investigations.finish("other", answer, NOW)
    assert await world.room.why_not(wait, NOW) is why


FIRED = alert("CheckoutErrors")


@pytest.mark.parametrize(
    ("then", "now", "why"),
    [
        ([FIRED, alert("Watchdog", "none")], [alert("Watchdog", "none")], WaitState.RESOLVED),
        ([FIRED], [replace(FIRED, state=AlertState.SILENCED)], WaitState.RESOLVED),
        ([FIRED], [alert("DiskFull")], WaitState.RESOLVED),
        ([FIRED, alert("DiskFull")], [FIRED], None),
        ([], [], None),
        ([alert("Watchdog", "none")], [], None),
        ([FIRED], Listing((), (MissingSource("alertmanager", "is down"),)), None),
    ],
    ids=["resolved", "silenced", "another", "one still", "nothing fired", "a watchdog", "not all is known"],
)
async def test_it_is_not_needed_when_nothing_urgent_that_fired_then_fires_still(
    engine: Engine, then: Sequence[Alert], now: Sequence[Alert], why: WaitState | None
) -> None:
    alerts = FakeCurrentAlerts(alerts=then)
    world = World(engine, alerts)
    wait = await world.tried()
    alerts.alerts = now
    assert await world.room.why_not(wait, NOW) is why


async def test_where_it_cannot_be_known_what_fires_it_goes_on(engine: Engine) -> None:
    alerts = FakeCurrentAlerts(alerts=[FIRED])
    world = World(engine, alerts)
    wait = await world.tried()
    alerts.failure = down("alertmanager")
    assert await world.room.why_not(wait, NOW) is None
    without = World(engine, alerts=None)
    assert await without.room.why_not(await without.tried("b"), NOW) is None


def test_every_end_is_counted_from_the_start(world: World) -> None:
    ends = [state.value for state in WaitState if state not in {WaitState.WAITING, WaitState.TRYING}]
    assert sorted(ends) == sorted(WAIT_ENDS)
    assert [world.counted("waits_total", end=end) for end in ends] == [0.0] * len(ends)


# --- what was seen before ---


def test_what_the_model_saw_is_shown_again_while_it_is_young_with_its_moment() -> None:
    asked = first_look().question.asked_at
    numbers = itertools.count(1)
    looks = [Observation("up is 1", "up 1"), Observation("none", "none", failed=True), Observation("errors", "50")]
    evidence = tuple(Evidence(f"E{next(numbers)}", "metrics", {}, look) for look in looks)
    answer = replace(first_look(), evidence=(*first_look().evidence, *evidence))
    young = still_young(answer, 3, asked + YOUNG)
    assert [one.observation.content for one in young] == [
        f"Seen earlier, as of {asked:%H:%M:%S} UTC:\n{content}" for content in ("up 1", "50")
    ]
    assert young[0].summary == f"up is 1 (as of {asked:%H:%M:%S} UTC)"
    assert not still_young(answer, 3, asked + YOUNG + timedelta(seconds=1))
    assert not still_young(answer, 0, asked)
    assert not still_young(None, 3, asked)
