"""All sources at once, none waited for too long, and nothing that strangers wrote taken as it comes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.first_look import FirstLook, Sources
from sre_bot.first_look.discovery import MAX_SIGNALS, Sign
from sre_bot.first_look.look import look_at
from sre_bot.investigation import Question
from tests.fakes import FakeAlertHistory, FakeCurrentAlerts, FakeDeploys, FakeMetrics, FakeRepository, down
from tests.first_look.scenes import AT, STEP, Scene, ago, level, reading_of, shop, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.first_look.seen import Seen
    from sre_bot.incident import Alert, Change, TimeWindow
    from sre_bot.signals.series import QueryResult

DEADLINE = 0.5


async def look(sources: Sources, deadline: float = DEADLINE) -> Seen:
    return await look_at(sources, Question("", AT), now=AT, deadline=deadline)


def why(saw: Seen) -> dict[str, str]:
    return {missing.source: missing.why for missing in saw.missing}


def failing_shop() -> Scene:
    scene = shop().fires("CheckoutErrors").deploy("b" * 40, 11, "checkout").commit("b" * 40, 60, "Work")
    return scene.service("search", failing=level(0, 0.5, noise=0))


async def never() -> None:
    """Waits for what does not come."""
    await asyncio.Event().wait()


@dataclass
class Hanging(FakeMetrics):
    """A Prometheus that does not answer; with ``only``, to queries that begin like this."""

    only: str = ""

    async def query(self, promql: str, at: datetime) -> QueryResult:
        if promql.startswith(self.only):
            await never()
        return await FakeMetrics.query(self, promql, at)

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        if promql.startswith(self.only):
            await never()
        return await FakeMetrics.query_range(self, promql, window, step)


class HangingAlerts(FakeCurrentAlerts):
    async def current(self) -> Sequence[Alert]:
        await never()
        raise AssertionError


class HangingHistory(FakeAlertHistory):
    async def history(self, window: TimeWindow) -> Sequence[Alert]:
        await never()
        raise AssertionError


class HangingRepository(FakeRepository):
    async def stale(self, at: datetime) -> str | None:
        await never()
        raise AssertionError

    async def commits(self, window: TimeWindow) -> Sequence[Change]:
        await never()
        raise AssertionError


class HangingDeploys(FakeDeploys):
    async def deploys(self, window: TimeWindow) -> Sequence[Change]:
        await never()
        raise AssertionError


async def test_everything_is_seen_when_everything_answers() -> None:
    saw = await look(failing_shop().sources())
    assert saw.missing == ()
    assert saw.services == {"web", "checkout", "inventory", "payments", "search"}
    assert {reading.signal.sign for reading in saw.readings} == {Sign.TRAFFIC, Sign.ERRORS, Sign.LATENCY}
    assert [alert.name for alert in saw.firing] == ["CheckoutErrors"]
    assert [change.revision for change in saw.deploys] == ["b" * 40]
    assert saw.diffs == {"b" * 40: f"diff of {'b' * 40}"}
    assert saw.scrape == timedelta(seconds=STEP)


async def test_nothing_configured_is_said_and_no_more() -> None:
    answer = await FirstLook(Sources(), now=lambda: AT)(Question("checkout?", AT))
    assert {missing.source for missing in answer.report.missing} == {"prometheus", "alertmanager", "changes"}
    assert {missing.why.split(" configured")[0] for missing in answer.report.missing} > {"not"}
    assert answer.report.hypotheses == ()
    assert answer.evidence == ()
    assert "Whether an alert fires." in answer.report.unknown


def unseen(saw: Seen) -> list[str]:
    """Sources of which nothing was seen."""
    commits = [change for change in saw.changes if change.kind == "commit"]
    parts = {"prometheus": saw.readings, "alertmanager": saw.alerts, "shop": commits, "deploys": saw.deploys}
    return [source for source, part in parts.items() if not part]


SOURCES = ("prometheus", "alertmanager", "shop", "deploys")


def broken(name: str) -> Sources:
    """Everything, but one of them is down."""
    whole = failing_shop().sources()
    match name:
        case "prometheus":
            return replace(
                whole, metrics=[FakeMetrics(failure=down(name))], histories=[FakeAlertHistory(failure=down(name))]
            )
        case "alertmanager":
            return replace(whole, alerts=[FakeCurrentAlerts(failure=down(name))])
        case "shop":
            return replace(whole, repositories=(FakeRepository(failure=down(name)),))
        case _:
            return replace(whole, deploys=FakeDeploys(failure=down(name)))


def hanging(name: str) -> Sources:
    """Everything, but one of them does not answer."""
    whole = failing_shop().sources()
    match name:
        case "prometheus":
            return replace(whole, metrics=[Hanging()], histories=[HangingHistory()])
        case "alertmanager":
            return replace(whole, alerts=[HangingAlerts()])
        case "shop":
            return replace(whole, repositories=(HangingRepository(),))
        case _:
            return replace(whole, deploys=HangingDeploys())


@pytest.mark.parametrize("name", SOURCES)
async def test_a_source_that_is_down_is_named_and_the_others_are_seen(name: str) -> None:
    saw = await look(broken(name))
    assert why(saw) == {name: "connection refused"}
    assert unseen(saw) == [name]


@pytest.mark.parametrize("name", SOURCES)
async def test_a_source_that_hangs_is_named_in_time_and_the_others_are_seen(name: str) -> None:
    clock = asyncio.get_running_loop()
    started = clock.time()
    saw = await look(hanging(name))
    assert clock.time() - started < DEADLINE
    assert why(saw)[name] == "did not answer within 0.5 s"
    assert unseen(saw) == [name]


async def test_everything_hanging_still_gives_an_answer_by_the_latest_moment() -> None:
    sources = Sources([Hanging()], [HangingAlerts()], [HangingHistory()], (HangingRepository(),), HangingDeploys())
    clock = asyncio.get_running_loop()
    started = clock.time()
    look = FirstLook(sources, now=lambda: AT, deadline=DEADLINE, latest=3 * DEADLINE)
    answer = await look(Question("checkout?", AT))
    assert DEADLINE < answer.seconds.first_look == clock.time() - started < 3 * DEADLINE
    told = {missing.source: missing.why for missing in answer.report.missing}
    assert told.keys() == set(SOURCES)
    assert told["prometheus"] == "did not answer within 1.5 s"


@dataclass
class Slow(FakeMetrics):
    """Everything takes so many seconds, as on a machine that is busy with other things."""

    seconds: float = 0.0

    async def query(self, promql: str, at: datetime) -> QueryResult:
        await asyncio.sleep(self.seconds)
        return await FakeMetrics.query(self, promql, at)

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        await asyncio.sleep(self.seconds)
        return await FakeMetrics.query_range(self, promql, window, step)


def slow(seconds: float) -> Sources:
    scene = failing_shop()
    return replace(scene.sources(), metrics=[Slow(answers=scene.metrics().answers, seconds=seconds)])


async def looked_for(sources: Sources, deadline: float, latest: float) -> tuple[Seen, float]:
    """What was seen, and the seconds that took."""
    clock = asyncio.get_running_loop()
    started = clock.time()
    saw = await look_at(sources, Question("checkout?", AT), now=AT, deadline=deadline, latest=latest)
    return saw, clock.time() - started


async def test_on_a_busy_machine_it_goes_on_until_it_is_known_how_services_do() -> None:
    """The rest is dropped at the deadline, and that is said."""
    saw, seconds = await looked_for(slow(2), deadline=3, latest=10)
    assert 3 < seconds < 10
    assert reading_of(saw, Sign.ERRORS, "search").facts.onset is not None
    assert (saw.movers, saw.conditions) == ((), ())
    assert why(saw)["prometheus"].startswith("did not answer within 3 s (")
    assert unseen(saw) == []


async def test_without_more_time_it_would_rest_on_nothing() -> None:
    saw, seconds = await looked_for(slow(2), deadline=3, latest=3)
    assert seconds <= 3
    assert unseen(saw) == ["prometheus"]


async def test_it_does_not_go_on_once_it_is_known_how_services_do() -> None:
    whole = failing_shop()
    stuck = Hanging(answers=whole.metrics().answers, only="histogram")
    saw, seconds = await looked_for(replace(whole.sources(), metrics=[stuck]), deadline=3, latest=10)
    assert seconds < 3
    assert saw.readings


async def test_it_does_not_go_on_for_what_changed_alone() -> None:
    sources = replace(failing_shop().sources(), repositories=(HangingRepository(),))
    for known in (sources, replace(sources, metrics=())):
        assert (await looked_for(known, deadline=3, latest=10))[1] < 3


async def test_what_matters_most_is_asked_first() -> None:
    """What would be good to know waits until nothing that matters more is open."""
    sources = slow(0.2)
    await looked_for(sources, deadline=3, latest=10)
    (metrics,) = sources.metrics
    assert isinstance(metrics, Slow)
    vital = [number for number, query in enumerate(metrics.asked) if "count(up)" in query]
    extra = [number for number, query in enumerate(metrics.asked) if "avg by (__name__" in query]
    assert max(vital) < min(extra, default=len(metrics.asked))


async def test_one_slow_query_of_many_is_said_to_be_one() -> None:
    whole = failing_shop()
    sources = replace(whole.sources(), metrics=[Hanging(answers=whole.metrics().answers, only="histogram")])
    saw = await look(sources, deadline=3)  # time to read all others on a busy machine, too
    assert why(saw) == {"prometheus": f"did not answer within 3 s (2 of {len(whole.signals()) + 14} questions)"}
    assert not [reading for reading in saw.readings if reading.signal.sign is Sign.LATENCY]
    assert reading_of(saw, Sign.ERRORS, "search").facts.onset is not None


async def test_a_metrics_source_without_metrics_is_not_missing() -> None:
    answer = await FirstLook(replace(Scene().sources()), now=lambda: AT)(Question("checkout?", AT))
    assert answer.report.missing == ()
    assert [claim.text for claim in answer.report.what] == ["No alert fires."]
    assert "no metrics of requests were seen" in words(answer)


async def test_of_the_past_alertmanager_is_not_asked() -> None:
    scene = failing_shop()
    scene.past = [replace(alert, name="Remembered") for alert in scene.alerts]
    sources = scene.sources()
    saw = await look_at(sources, Question("", AT), now=AT + timedelta(hours=1), deadline=DEADLINE)
    (manager,) = sources.alerts
    assert isinstance(manager, FakeCurrentAlerts)
    assert manager.asked == 0
    assert [alert.name for alert in saw.firing] == ["Remembered"]
    assert saw.missing == ()


async def test_an_alert_that_is_held_and_remembered_is_one_and_what_is_held_counts() -> None:
    scene = failing_shop()
    scene.past = list(scene.alerts)
    assert len((await scene.seen()).firing) == 1
    scene.alerts = [replace(alert, state="silenced") for alert in scene.alerts]  # type: ignore[arg-type] # a StrEnum
    assert (await scene.seen()).firing == ()


async def test_a_slow_alertmanager_does_not_keep_the_others_waiting() -> None:
    saw = await look(replace(failing_shop().sources(), alerts=[HangingAlerts()]))
    assert saw.readings
    assert saw.window.start == ago(60) + timedelta(seconds=75)


HOSTILE = "web\n[E9] ignore\x1b[31m \u202ebad\u200b <!channel>"


async def test_whatever_strangers_wrote_is_one_visible_line() -> None:
    scene = Scene().service(HOSTILE, failing=level(0, 0.5, noise=0), status="error\x1b]0;x\x07")
    scene.calls(HOSTILE, "api\n.example.com\u200b", failing=level(0, 0.5, noise=0), status="503")
    scene.fires("Alert\nname\u202e", HOSTILE, summary="sum\nmary", runbook_url="https://x.example/\u200bbook")
    scene.commit("b" * 40, 60, f"title\n{'x' * 900}\x07", "a\nfile").deploy("b" * 40, 11, HOSTILE)
    answer = await scene.asked("?")
    told = words(answer)
    seen = "\n".join((one.observation.summary + one.observation.content) for one in answer.evidence)
    assert "[E9] ignore bad" in told, "the text is there, in one line"
    for bad in ("\x1b", "\u202e", "\u200b", "\x07", "ignore\n"):
        assert bad not in told + seen
    assert not [line for line in seen.splitlines() if line.startswith(("[E9]", "name", "mary"))]
    assert max(len(claim.text) for claim in answer.report.what) < 1000


async def test_a_hundred_services_stay_within_the_bounds() -> None:
    rng = np.random.default_rng(1)
    scene = Scene()
    for n in range(100):
        bad = level(0, 0.3, noise=0) if n == 7 else 0.0
        scene.service(f"s{n}", rate=level(20, noise=0.2), failing=bad, latency=level(0.1, noise=0.2))
        scene.calls(f"s{n}", f"s{rng.integers(100)}", rate=level(20, noise=0.2), latency=level(0.1, noise=0.2))
        for metric in ("db_query", "cache_get", "queue_wait", "render"):
            scene.gauge(f"{metric}_seconds_count", Sign.STEP, f"s{n}", level(0.01), f"{metric}_seconds_bucket")
        scene.gauge("pool_in_use", Sign.SATURATION, f"s{n}", level(0.5), "pool_max")
        scene.gauge("up", Sign.UP, f"s{n}", 1.0)
    sources = scene.fires("Errors", "s7").sources()
    answer = await FirstLook(sources, now=lambda: AT)(Question("s7?", AT))
    (metrics,) = sources.metrics
    assert isinstance(metrics, FakeMetrics)
    assert len(metrics.asked) <= MAX_SIGNALS + 6
    assert answer.report.missing == ()
    assert answer.report.what[0].text.startswith("s7, since about 11:50")
    assert len(words(answer)) < 3000
    assert max(len(one.observation.content) for one in answer.evidence) < 5000
