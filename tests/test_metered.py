"""What passes the seams is counted once, also when a restart replays it, and comes through as it was."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sre_bot.agent.budget import Limits
from sre_bot.agent.transcript import Conversation
from sre_bot.durable import Journal, Workflows, journaled
from sre_bot.errors import ModelRefusedError, ModelUnavailableError
from sre_bot.investigation import Answer, AnswerStep, MissingSource, Observation, Question, Report, Usage
from sre_bot.metered import MeteredHandler, MeteredModel, MeteredToolset, metered, watch_freshness
from sre_bot.store.database import open_database
from sre_bot.store.investigations import Investigations
from sre_bot.store.waits import CONTINUES
from sre_bot.telemetry.metrics import Metrics
from sre_bot.triage import Investigator
from tests.agent.fakes import PROMPT, QUESTION, Clock, FakeToolset, ScriptedModel, asks, says, writes
from tests.fakes import FakeRepository, down
from tests.render import sample_answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.errors import ModelError
    from sre_bot.investigation import JsonObject

NOW = 1_795_000_000.0
EVENT: JsonObject = {"channel": "C1"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="1", prompt="abc", model="claude-test", tools=["metrics"], sources=["prometheus"])


@pytest.fixture
def investigations(tmp_path: Path) -> Iterator[Investigations]:
    engine = open_database(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield Investigations(engine)
    engine.dispose()


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(f"sre_bot_{name}", labels)
    assert found is not None, f"there is no {name} {labels}"
    return found


# --- the model ---


async def respond(model: MeteredModel) -> None:
    await model.respond(Conversation("", ()), max_tokens=1, schema=None, timeout=1)


async def test_a_turn_is_timed_and_its_tokens_and_dollars_are_counted(metrics: Metrics) -> None:
    usage = Usage(1, 100, 10, 2000, 30, 0.25)
    model = MeteredModel(ScriptedModel([says("hm", usage=usage)]), metrics, Clock(10.0, 13.5))
    assert model.name == "claude-test"
    await respond(model)
    kinds = {kind: value(metrics, "model_tokens_total", kind=kind) for kind in ("input", "output")}
    cached = {kind: value(metrics, "model_tokens_total", kind=kind) for kind in ("cache_read", "cache_write")}
    assert (kinds, cached) == ({"input": 100, "output": 10}, {"cache_read": 2000, "cache_write": 30})
    assert value(metrics, "model_cost_dollars_total") == 0.25
    assert (value(metrics, "model_turn_seconds_count"), value(metrics, "model_turn_seconds_sum")) == (1, 3.5)


@pytest.mark.parametrize(
    ("error", "kind"), [(ModelUnavailableError("529"), "unavailable"), (ModelRefusedError("401"), "refused")]
)
async def test_an_error_of_the_model_is_counted_by_kind_and_passes(
    metrics: Metrics, error: ModelError, kind: str
) -> None:
    with pytest.raises(type(error)):
        await respond(MeteredModel(ScriptedModel([error]), metrics, Clock()))
    assert value(metrics, "model_errors_total", kind=kind) == 1
    assert value(metrics, "model_turn_seconds_count") == 0


async def test_a_model_that_declines_costs_and_is_an_error(metrics: Metrics) -> None:
    await respond(MeteredModel(ScriptedModel([says("no", stop="refusal")]), metrics, Clock()))
    assert value(metrics, "model_errors_total", kind="declined") == 1
    assert value(metrics, "model_turn_seconds_count") == 1


# --- the looks ---


async def test_looks_are_counted_by_tool_and_outcome_and_sources_that_could_not_be_seen(metrics: Metrics) -> None:
    failed = Observation("none", "none", failed=True, missing=MissingSource("prometheus, shop", "is down"))
    toolset = MeteredToolset(FakeToolset({"changes": failed}), metrics, Clock(1.0, 1.5))
    assert toolset.definitions == FakeToolset().definitions
    await toolset.look("metrics", {})
    assert await toolset.look("changes", {}) == failed
    assert value(metrics, "looks_total", tool="metrics", outcome="ok") == 1
    assert value(metrics, "looks_total", tool="changes", outcome="failed") == 1
    assert value(metrics, "look_seconds_sum", tool="metrics") == 0.5
    assert value(metrics, "source_errors_total", source="prometheus") == 1


# --- the investigation, and its replay ---


def investigator(*, missing: str = "prometheus") -> Investigator:
    async def first_look(question: Question) -> Answer:
        return Answer(question, "first-look", None, Report((), missing=(MissingSource(missing, "is down"),)), ())

    report = {"what_is_going_on": [{"text": "Metrics were seen.", "evidence": ["E1"]}]}
    model = ScriptedModel([asks(("metrics", {"query": "up"})), says("E1 shows it."), writes(report)])
    return Investigator(first_look, lambda _: FakeToolset(), model, PROMPT, Limits(), str, Clock())


async def test_what_a_restart_replays_is_not_counted_again(tmp_path: Path, metrics: Metrics) -> None:
    watched = metered(investigator(), metrics, lambda: QUESTION.asked_at.timestamp() + 4)
    held = asyncio.Event()

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        async for step in journaled(watched, journal).triage(QUESTION):
            if isinstance(step, AnswerStep) and not held.is_set():
                held.set()
                await asyncio.sleep(3600)

    def engine() -> Workflows:
        url = f"sqlite:///{tmp_path / 'w.sqlite'}"
        return Workflows(database_url=url, lease=tmp_path / "lock", handler=handler, now=lambda: NOW)

    async with engine() as workflows:
        await workflows.accept("k", EVENT)
        await asyncio.wait_for(held.wait(), 60)
    counted = metrics.exposition()
    async with engine() as workflows:
        assert await workflows.drain(60)
    assert value(metrics, "model_turn_seconds_count") == 3
    assert value(metrics, "looks_total", tool="metrics", outcome="ok") == 1
    assert value(metrics, "first_evidence_seconds_sum") == 4
    assert value(metrics, "source_errors_total", source="prometheus") == 1
    assert ours(metrics.exposition()) == ours(counted)


def ours(exposition: bytes) -> list[str]:
    return [line for line in exposition.decode().splitlines() if line.startswith("sre_bot_")]


async def test_without_a_model_there_is_none_to_count(metrics: Metrics) -> None:
    without = dataclasses.replace(investigator(), model=None)
    assert metered(without, metrics, lambda: NOW).model is None


# --- the questions ---


class Ends:
    """A handler whose questions end as told."""

    def __init__(self, investigations: Investigations, answer: Answer | None, *, failed: bool = False) -> None:
        self.kept = investigations
        self.answer = answer
        self.failed = failed

    async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
        at = datetime.fromtimestamp(NOW, UTC)
        self.kept.begin(key, QUESTION)
        if self.answer:
            self.kept.finish(key, self.answer, at)
        if self.failed:
            self.kept.fail(key, at)


async def handled(handler: Ends, metrics: Metrics, *, accepted: float = NOW, event: JsonObject = EVENT) -> None:
    now = Clock(NOW, NOW + 12)
    await MeteredHandler(handler, handler.kept, metrics, now)("k", event, Journal(accepted, now))


def outcomes(metrics: Metrics) -> dict[str, float]:
    kinds = ("model", "first_look", "failed", "stopped", "given_up")
    return {kind: found for kind in kinds if (found := value(metrics, "answers_total", outcome=kind))}


@pytest.mark.parametrize(
    ("answer", "failed", "outcome"),
    [
        (sample_answers.BAD_DEPLOY, False, "model"),
        (sample_answers.ALL_WELL, False, "first_look"),
        (None, True, "failed"),
        (sample_answers.BAD_DEPLOY, True, "failed"),
    ],
    ids=["model", "first look", "fault", "not delivered"],
)
async def test_a_question_ends_with_one_outcome(
    metrics: Metrics, investigations: Investigations, *, answer: Answer | None, failed: bool, outcome: str
) -> None:
    await handled(Ends(investigations, answer, failed=failed), metrics)
    assert outcomes(metrics) == {outcome: 1.0}
    assert value(metrics, "answer_seconds_sum") == (0 if failed else 12)


async def test_claims_of_the_model_are_counted_by_whether_they_held(
    metrics: Metrics, investigations: Investigations
) -> None:
    report = sample_answers.BAD_DEPLOY.report
    await handled(Ends(investigations, sample_answers.BAD_DEPLOY), metrics)
    held = [*report.what, *report.impact, *report.hypotheses, *report.ruled_out]
    assert value(metrics, "claims_total", verdict="verified") == len(held) > 0
    assert value(metrics, "claims_total", verdict="unverified") == len(report.unverified) > 0


@pytest.mark.parametrize(
    ("channel", "call", "door"),
    [("C1", "mention", "mention"), ("G1", "mention", "mention"), ("D1", "mention", "direct"), ("C1", "reply", "reply")],
)
async def test_a_question_is_counted_by_its_door(
    metrics: Metrics, investigations: Investigations, channel: str, call: str, door: str
) -> None:
    await handled(Ends(investigations, None), metrics, event={"channel": channel, "call": call})
    assert value(metrics, "questions_total", door=door) == 1
    assert outcomes(metrics) == {}


async def test_being_told_to_be_quiet_is_no_question(metrics: Metrics, investigations: Investigations) -> None:
    before = ours(metrics.exposition())
    await handled(Ends(investigations, None), metrics, event={"channel": "C1", "call": "quiet"})
    assert investigations.status("k") == "running", "it was handled"
    assert ours(metrics.exposition()) == before


async def test_a_question_resumed_after_a_restart_is_no_new_one_but_its_answer_is(
    metrics: Metrics, investigations: Investigations
) -> None:
    await handled(Ends(investigations, sample_answers.ALL_WELL), metrics, accepted=NOW - 60)
    assert value(metrics, "questions_total", door="mention") == 0
    assert value(metrics, "answer_seconds_sum") == 72


async def test_a_question_that_goes_on_when_the_model_is_back_is_no_new_one_but_its_answer_is(
    metrics: Metrics, investigations: Investigations
) -> None:
    await handled(Ends(investigations, sample_answers.BAD_DEPLOY), metrics, event={**EVENT, CONTINUES: "k0"})
    assert value(metrics, "questions_total", door="mention") == 0
    assert value(metrics, "answers_total", outcome="model") == 1


async def test_what_is_worked_on_is_in_progress(metrics: Metrics, investigations: Investigations) -> None:
    seen: list[float] = []

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        seen.append(value(metrics, "questions_in_progress"))
        raise RuntimeError("a fault")

    watched = MeteredHandler(handler, investigations, metrics, lambda: NOW)
    with pytest.raises(RuntimeError, match="a fault"):
        await watched("k", EVENT, Journal(NOW, lambda: NOW))
    assert (seen, value(metrics, "questions_in_progress")) == ([1.0], 0.0)


async def test_a_database_that_cannot_be_asked_costs_a_count_and_nothing_else(
    metrics: Metrics, investigations: Investigations, caplog: pytest.LogCaptureFixture
) -> None:
    class Spoils(Ends):
        async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
            spoil(self.kept.engine)

    await handled(Spoils(investigations, None), metrics)
    assert "could not count an answer" in caplog.text
    assert outcomes(metrics) == {}


def spoil(engine: Engine) -> None:
    with closing(sqlite3.connect(str(engine.url.database))) as connection:
        connection.execute("DROP TABLE investigations")


# --- the repositories ---


async def test_repositories_tell_when_they_were_fetched_and_one_that_cannot_be_read_does_not(metrics: Metrics) -> None:
    fetched = datetime.fromtimestamp(NOW, UTC)
    repositories = [FakeRepository("broken", failure=down("broken")), FakeRepository("shop", fetched=fetched)]
    task = asyncio.create_task(watch_freshness([*repositories, FakeRepository("local")], metrics, every=0.01))
    async with asyncio.timeout(60):
        while metrics.registry.get_sample_value(*SHOP) is None:  # noqa: ASYNC110 - the registry tells only when asked
            await asyncio.sleep(0.01)
    repositories[1].fetched = datetime.fromtimestamp(NOW + 60, UTC)
    async with asyncio.timeout(60):
        while metrics.registry.get_sample_value(*SHOP) == NOW:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    task.cancel()
    (family,) = metrics.fetched.collect()
    assert [(s.labels["repository"], s.value) for s in family.samples] == [("shop", NOW + 60)]


SHOP = ("sre_bot_repository_fetched_timestamp_seconds", {"repository": "shop"})
