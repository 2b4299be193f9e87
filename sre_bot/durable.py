"""Durable work: what is accepted is finished once, whatever happens to the process.

The only importer of the workflow engine (DBOS). An accepted event is a row in its database before anyone is told so;
every answer from outside (a model's turn, a tool's look, a post) is a checkpoint. After a kill the handler runs again
and is given the recorded answers up to where it was; the answer in flight is asked for again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID, WorkflowStatusString
from pydantic import TypeAdapter
from sqlalchemy.exc import SQLAlchemyError

from sre_bot.agent.transcript import Turn
from sre_bot.errors import ConfigurationError, ModelError, ModelRefusedError, ModelUnavailableError
from sre_bot.investigation import Answer, JsonObject, Observation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self, TextIO

    from sre_bot.agent.loop import Model, Toolset
    from sre_bot.agent.transcript import Conversation
    from sre_bot.investigation import Question
    from sre_bot.triage import Investigator

T = TypeVar("T")

_log = logging.getLogger(__name__)

APPLICATION_VERSION = "2"
"""Pending work survives a deploy of new code as long as this stays; raise it when recorded steps cannot be replayed."""

_UNFINISHED = [WorkflowStatusString.PENDING.value, WorkflowStatusString.ENQUEUED.value]
_DRAIN_POLL_SECONDS = 0.05

MAX_ATTEMPTS = 3
"""How often a piece of work may be started before it is given up as poisonous."""


class Handler(Protocol):
    """What is done with an accepted event; it is run again, with its journal, after a crash."""

    async def __call__(self, key: str, event: JsonObject, journal: Journal) -> None:
        """Handle the event; only what goes through the journal is remembered."""
        ...


class Journal:
    """The checkpoints of one piece of work, and a clock that tells the same time when they are replayed."""

    def __init__(self, accepted_at: float, now: Callable[[], float]) -> None:
        self._time = accepted_at
        self._now = now

    def clock(self) -> float:
        """Unix seconds when the newest checkpoint was taken, so that a replay decides what the first run decided."""
        return self._time

    async def checkpoint(self, name: str, adapter: TypeAdapter[T], look: Callable[[], Awaitable[T]]) -> T:
        """Do it once and remember what came of it.

        Args:
            name: what it is called in the engine's records; the same order of names must come up in a replay.
            adapter: turns the result to JSON and back.
            look: does it. A ModelError it raises is remembered and raised again; anything else is a fault of ours that
                passes through, and of which only the name is kept: its text may hold whatever was being handled.
        """
        faults: list[BaseException] = []

        async def record() -> JsonObject:
            [came] = await asyncio.gather(look(), return_exceptions=True)
            if isinstance(came, ModelError):
                done: JsonObject = {"error": str(came), "refused": isinstance(came, ModelRefusedError)}
            elif isinstance(came, BaseException):
                faults.append(came)
                done = {"fault": type(came).__name__}
            else:
                done = {"value": adapter.dump_python(came, mode="json")}
            return {**done, "at": self._now()}

        recorded = await DBOS.run_step_async({"name": name}, record)
        self._time = max(self._time, cast("float", recorded["at"]))
        if faults:
            raise faults[0]
        if "fault" in recorded:
            raise RuntimeError(f"{name} failed with {recorded['fault']} before the restart; the log of then tells more")
        if "error" in recorded:
            kind = ModelRefusedError if recorded["refused"] else ModelUnavailableError
            raise kind(str(recorded["error"]))
        return adapter.validate_python(recorded["value"])


_TURN: TypeAdapter[Turn] = TypeAdapter(Turn)
_OBSERVATION: TypeAdapter[Observation] = TypeAdapter(Observation)
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


@dataclass(frozen=True, slots=True)
class JournaledModel:
    """A model whose turns are checkpoints; what its provider says when it fails is kept without secrets."""

    model: Model
    journal: Journal
    redact: Callable[[str], str]

    @property
    def name(self) -> str:
        """The model's id."""
        return self.model.name

    async def respond(
        self, conversation: Conversation, *, max_tokens: int, schema: JsonObject | None, timeout: float
    ) -> Turn:
        """As the model does, once."""

        async def ask() -> Turn:
            try:
                return await self.model.respond(conversation, max_tokens=max_tokens, schema=schema, timeout=timeout)
            except ModelError as error:
                raise type(error)(self.redact(str(error))) from error

        return await self.journal.checkpoint("model", _TURN, ask)


@dataclass(frozen=True, slots=True)
class JournaledToolset:
    """A toolset whose looks are checkpoints."""

    toolset: Toolset
    journal: Journal

    @property
    def definitions(self) -> Sequence[JsonObject]:
        """The tools as the model is shown them."""
        return self.toolset.definitions

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        """As the toolset does, once."""
        return await self.journal.checkpoint(f"look:{name}", _OBSERVATION, lambda: self.toolset.look(name, arguments))


def journaled(investigator: Investigator, journal: Journal) -> Investigator:
    """The same investigator, with every answer from outside a checkpoint of ``journal``."""
    model = investigator.model

    async def first_look(question: Question) -> Answer:
        return await journal.checkpoint("first-look", _ANSWER, lambda: investigator.first_look(question))

    return replace(
        investigator,
        first_look=first_look,
        toolset=lambda at: JournaledToolset(investigator.toolset(at), journal),
        model=None if model is None else JournaledModel(model, journal, investigator.redact),
        clock=journal.clock,
    )


class Workflows:
    """The engine of one process: accepts events, works them off, drains. An async context manager."""

    def __init__(self, *, database_url: str, lease: Path, handler: Handler, now: Callable[[], float]) -> None:
        self._url = database_url
        self._lease_path = lease
        self._handler = handler
        self._now = now
        self._running: dict[str, asyncio.Task[None]] = {}
        self._lease: TextIO | None = None
        self._answer: Callable[..., Awaitable[None]] | None = None

    async def __aenter__(self) -> Self:
        """Take the lease, start the engine and begin to resume what was left unfinished.

        Raises:
            ConfigurationError: another process has the lease, or the engine's database cannot be opened.
        """
        self._lease = _take_lease(self._lease_path)
        try:
            self._launch()
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            await self.__aexit__(None, None, None)
            raise _cannot_keep_work(self._lease_path.parent, error) from error
        return self

    def _launch(self) -> None:
        # Without a handler of its own the engine would make one that writes past ours, and past the redaction.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        if self._url.startswith("sqlite:///"):
            _use_wal(Path(self._url.removeprefix("sqlite:///")))
        DBOS(
            config={
                "name": "sre-bot",
                "system_database_url": self._url,
                "executor_id": "serve",
                "application_version": APPLICATION_VERSION,
                "serializer": DBOSPortableJSONSerializer(),
                "console_log_level": "WARNING",
                "log_level": "WARNING",
                "enable_otlp": False,
            }
        )
        register = DBOS.workflow(name="event", max_recovery_attempts=MAX_ATTEMPTS - 1)  # after the first attempt
        self._answer = register(self._workflow())
        DBOS.launch()  # on this thread, so that resumed work runs on this event loop

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go; what is unfinished stays recorded and resumes at the next start."""
        unfinished = list(self._running.values())
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        # The engine had made its own threads the loop's; they are gone now, and others still need some.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        if self._lease is not None:
            self._lease.close()

    async def accept(self, key: str, event: JsonObject) -> None:
        """Make the event durable and begin to work on it. The same key again is the same event.

        Raises:
            Exception: whatever the database raises; then nothing was accepted.
        """
        if self._answer is None:
            raise RuntimeError("the engine was not started")
        with SetWorkflowID(key):
            await DBOS.start_workflow_async(self._answer, key, event, self._now())  # type: ignore[arg-type]  # registered above

    async def drain(self, seconds: float) -> bool:
        """Wait until all that was accepted is done; False when some is not after that time."""
        try:
            async with asyncio.timeout(seconds):
                while await self._unfinished():  # noqa: ASYNC110 - the engine tells only when asked
                    await asyncio.sleep(_DRAIN_POLL_SECONDS)
        except TimeoutError:
            _log.warning("unfinished after %.0f s, to be resumed at the next start: %s", seconds, sorted(self._running))
            return False
        return True

    async def _unfinished(self) -> bool:
        return bool(await DBOS.list_workflows_async(status=_UNFINISHED, load_input=False, load_output=False))

    @property
    def running(self) -> int:
        """How many events are being worked on."""
        return len(self._running)

    async def given_up(self) -> Mapping[str, JsonObject]:
        """Events that were given up as poisonous, by key."""
        status = WorkflowStatusString.MAX_RECOVERY_ATTEMPTS_EXCEEDED.value
        found = await DBOS.list_workflows_async(status=status)
        return {work.workflow_id: cast("JsonObject", work.input["args"][1]) for work in found if work.input}

    def _workflow(self) -> Callable[[str, JsonObject, float], Awaitable[None]]:
        async def work(key: str, event: JsonObject, accepted_at: float) -> None:
            self._running[key] = cast("asyncio.Task[None]", asyncio.current_task())
            try:
                await self._handler(key, event, Journal(accepted_at, self._now))
            finally:
                del self._running[key]

        return work


def _take_lease(path: Path) -> TextIO:
    """One process per state directory: two would work on the same events twice."""
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lease = stack.enter_context(path.open("w", encoding="utf-8"))
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"another sre-bot serves from {path.parent}. Stop it, or give this one a SRE_BOT_STATE_DIR of its own."
            ) from None
        except OSError as error:
            raise _cannot_keep_work(path.parent, error) from error
        stack.pop_all()
    return lease


def _cannot_keep_work(folder: Path, error: Exception) -> ConfigurationError:
    reason = str(error).splitlines()[0]
    return ConfigurationError(
        f"cannot keep work in {folder}: {reason}. Check SRE_BOT_STATE_DIR and SRE_BOT_DATABASE_URL."
    )


def _use_wal(path: Path) -> None:
    """A step costs a third in WAL mode, and readers do not block the writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
