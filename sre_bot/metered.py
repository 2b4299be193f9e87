"""Counts and times what passes the seams: the handler of questions, the model, the tools, the first look.

Like `durable`, it wraps the parts, and nothing inside them knows. The parts of an investigator are wrapped before their
answers become checkpoints, so that what a restart replays is not counted again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from sre_bot.errors import ModelError, ModelRefusedError, SourceError
from sre_bot.investigation import FIRST_LOOK
from sre_bot.store.heard import Call
from sre_bot.store.waits import CONTINUES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sre_bot.agent.looks import Toolset
    from sre_bot.agent.loop import Model
    from sre_bot.agent.transcript import Conversation, Turn
    from sre_bot.durable import Handler, Journal
    from sre_bot.investigation import Answer, JsonObject, Observation, Question, Report
    from sre_bot.store.investigations import Investigations
    from sre_bot.telemetry.metrics import Metrics
    from sre_bot.tools.freshness import Fetched
    from sre_bot.triage import Investigator

_log = logging.getLogger(__name__)

FRESHNESS_SECONDS = 60.0
"""So often is each repository asked when it was fetched."""


@dataclass(frozen=True, slots=True)
class MeteredModel:
    """A model whose turns are timed and whose tokens, dollars and errors are counted; ``clock`` in seconds."""

    model: Model
    metrics: Metrics
    clock: Callable[[], float]

    @property
    def name(self) -> str:
        """The model's id."""
        return self.model.name

    async def respond(
        self, conversation: Conversation, *, max_tokens: int, schema: JsonObject | None, timeout: float
    ) -> Turn:
        """As the model does."""
        started = self.clock()
        try:
            turn = await self.model.respond(conversation, max_tokens=max_tokens, schema=schema, timeout=timeout)
        except ModelError as error:
            kind = "refused" if isinstance(error, ModelRefusedError) else "unavailable"
            self.metrics.model_errors.labels(kind).inc()
            raise
        self.metrics.turn_seconds.observe(self.clock() - started)
        if turn.stop_reason == "refusal":
            self.metrics.model_errors.labels("declined").inc()
        usage = turn.usage
        for kind, tokens in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ):
            self.metrics.tokens.labels(kind).inc(tokens)
        self.metrics.dollars.inc(usage.usd)
        return turn


@dataclass(frozen=True, slots=True)
class MeteredToolset:
    """A toolset whose looks are timed and counted; ``clock`` in seconds."""

    toolset: Toolset
    metrics: Metrics
    clock: Callable[[], float]

    @property
    def definitions(self) -> Sequence[JsonObject]:
        """The tools as the model is shown them."""
        return self.toolset.definitions

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        """As the toolset does."""
        started = self.clock()
        seen = await self.toolset.look(name, arguments)
        self.metrics.looked(name, self.clock() - started, failed=seen.failed)
        if seen.missing is not None:
            self.metrics.unseen(seen.missing.source)
        return seen


def metered(investigator: Investigator, metrics: Metrics, now: Callable[[], float]) -> Investigator:
    """The same investigator, counted; to be wrapped into a journal afterwards.

    Args:
        investigator: the one to watch.
        metrics: where it is counted.
        now: unix seconds, the clock by which a question's ``asked_at`` was taken.
    """
    model, clock = investigator.model, investigator.clock

    async def first_look(question: Question) -> Answer:
        answer = await investigator.first_look(question)
        metrics.first_evidence_seconds.observe(now() - question.asked_at.timestamp())
        for one in answer.report.missing:
            metrics.unseen(one.source)
        return answer

    return replace(
        investigator,
        first_look=first_look,
        toolset=lambda at: MeteredToolset(investigator.toolset(at), metrics, clock),
        model=None if model is None else MeteredModel(model, metrics, clock),
    )


class MeteredHandler:
    """A handler of questions that are counted as they come in, while they are worked on, and as they end.

    Args:
        handler: does the work.
        investigations: where it notes how it ended.
        metrics: where it is counted.
        now: unix seconds. What was accepted before this handler was made is a resumed question and no new one.
    """

    def __init__(
        self, handler: Handler, investigations: Investigations, metrics: Metrics, now: Callable[[], float]
    ) -> None:
        self._handler = handler
        self._investigations = investigations
        self._metrics = metrics
        self._now = now
        self._since = now()

    async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
        """Handle the event; being told to be quiet, say, is no question; to continue or reword one is no new one."""
        if event.get("call") in {Call.QUIET, Call.STOP, Call.CATCH_UP}:
            await self._handler(key, event, journal)
            return
        accepted_at = journal.clock()
        if accepted_at >= self._since and CONTINUES not in event and event.get("call") != Call.EDIT:
            self._metrics.questions.labels(_door(event)).inc()
        with self._metrics.in_progress.track_inprogress():
            await self._handler(key, event, journal)
            seconds = self._now() - accepted_at
            with _no_harm():
                await self._count_end(key, seconds)

    async def _count_end(self, key: str, seconds: float) -> None:
        """Count how a question ended; one that joined another has no end of its own."""
        status = await asyncio.to_thread(self._investigations.status, key)
        if status in {"failed", "stopped"}:
            self._metrics.answers.labels(status).inc()
        answer = await asyncio.to_thread(self._investigations.answer, key) if status == "answered" else None
        if answer is not None:
            self._metrics.answer_seconds.observe(seconds)
            self._count_answer(answer)

    def _count_answer(self, answer: Answer) -> None:
        by_model = answer.model != FIRST_LOOK
        self._metrics.answers.labels("model" if by_model else "first_look").inc()
        if by_model:
            self._metrics.claims.labels("verified").inc(_held(answer.report))
            self._metrics.claims.labels("unverified").inc(len(answer.report.unverified))


def _door(event: JsonObject) -> str:
    """Ids of direct messages begin with D; what came through another door than a message says so."""
    if "door" in event:
        return str(event["door"])
    if str(event["channel"]).startswith("D"):
        return "direct"
    return "reply" if event.get("call") == Call.REPLY else "mention"


def _held(report: Report) -> int:
    return len(report.what) + len(report.impact) + len(report.hypotheses) + len(report.ruled_out)


@contextlib.contextmanager
def _no_harm() -> Iterator[None]:
    """Work that is done stays done, also when the database cannot be asked how it ended."""
    try:
        yield
    except SQLAlchemyError as error:
        _log.warning("could not count an answer: %s", error)


async def watch_freshness(repositories: Sequence[Fetched], metrics: Metrics, every: float = FRESHNESS_SECONDS) -> None:
    """Keep the time each repository was fetched, forever; of one that cannot be read it stays as it was."""
    while True:
        for repository in repositories:
            with contextlib.suppress(SourceError):
                fetched = await repository.freshness()
                if fetched is not None:
                    metrics.fetched.labels(repository.name).set(fetched.timestamp())
        await asyncio.sleep(every)
