"""The waiting room of investigations whose model was away: who waits until when, and who goes on when it is back.

A wait is a row with an absolute deadline, so it outlives the process. It is no sleeping piece of work on purpose: that
would hold up the drain at a stop, and three restarts would count as three attempts and give it up as poisonous. What
goes on is a new piece of work, with a journal and attempts of its own.

One process has one room, and a room one probe: a model's provider that is recovering is asked once in a while, whoever
waits. When it answers, one investigation goes on as a canary, then the others one after the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import SQLAlchemyError

from sre_bot.errors import ModelRefusedError, ModelUnavailableError, SourceError
from sre_bot.incident import AlertState, Severity
from sre_bot.investigation import missing_of
from sre_bot.store.database import patiently
from sre_bot.store.heard import Call
from sre_bot.store.waits import CONTINUES, TRY, Wait, WaitState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sre_bot.incident import Alert
    from sre_bot.investigation import Answer, Evidence, JsonObject
    from sre_bot.store.waits import Waits
    from sre_bot.telemetry.metrics import Metrics
    from sre_bot.tools.alerts import CurrentAlerts

_log = logging.getLogger(__name__)

YOUNG = timedelta(minutes=5)
"""What the model saw before it went away is shown to it again when it is no older; else it looks again."""
MOST_BROKEN = 3
"""So often a model may break off an investigation that it had begun: each time costs money."""
_LONGEST_PAUSE = 8.0
"""In first pauses: 15 s become 2 min."""
_JITTER = 0.75


class Resume(Protocol):
    """Begins a piece of work, once per key."""

    async def __call__(self, key: str, event: JsonObject) -> None:
        """Make the event durable and begin to work on it."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an investigation waits, and in seconds how soon the model is first probed, and when a try hangs.

    ``hung`` is longer than an investigation and one before it in its thread: what takes so long waits for Slack, say.
    """

    wait: timedelta
    first_pause: float
    hung: float = 1_800.0


class WaitingRoom:
    """The waits of one process.

    Args:
        waits: where they are kept.
        alerts: the Alertmanagers, if any: without them nothing is known to be resolved.
        patience: how long, how often.
        metrics: where they are counted.
        now: unix seconds.
    """

    def __init__(
        self,
        waits: Waits,
        *,
        alerts: CurrentAlerts | None,
        patience: Patience,
        metrics: Metrics,
        now: Callable[[], float],
    ) -> None:
        self._waits = waits
        self._alerts = alerts
        self._patience = patience
        self._metrics = metrics
        self._now = now
        self._changed = asyncio.Event()

    def until(self, since: datetime) -> datetime:
        """Until when an investigation waits that begins to at ``since``."""
        return since + self._patience.wait

    async def begin(self, key: str, thread: str, event: JsonObject, *, since: datetime, looks: int) -> None:
        """Have an investigation wait from ``since``; asked again after a restart, it changes nothing.

        ``looks`` is how many of the last looks of its answer the model had taken.
        """
        firing = tuple(sorted(await self._firing() or ()))
        wait = Wait(key, thread, event, since, self.until(since), looks, firing)
        await patiently(partial(self._waits.begin, wait))
        await self._update()

    async def get(self, key: str, tries: int) -> Wait:
        """The wait of an investigation, as the try of that number sees it."""
        wait = await patiently(partial(self._waits.get, key))
        if wait is None:
            raise LookupError(f"{key} does not wait")
        return wait if wait.tries == tries else replace(wait, tries=tries, state=WaitState.FAILED)

    async def why_not(self, wait: Wait, asked_at: datetime) -> WaitState | None:
        """Why an investigation is not to be continued although the model is back; None when it is.

        Not when somebody asked again and was answered: the thread has moved on, and an answer to the older question
        would talk past it. Not when what fired then fires no longer: nobody wants to be woken by the cause of what is
        over, and whoever does want to know it asks. In doubt it goes on.
        """
        if wait.state is not WaitState.TRYING:
            return wait.state
        if await patiently(partial(self._waits.is_superseded, wait.thread, asked_at)):
            return WaitState.SUPERSEDED
        now = await self._firing() if wait.firing else None
        return WaitState.RESOLVED if now is not None and now.isdisjoint(wait.firing) else None

    async def again(self, wait: Wait, *, broke_off: bool) -> WaitState | None:
        """A try came to nothing, as the model was away again: None where the investigation waits on, or how it ended.

        ``broke_off`` is whether the model had begun before it went away.
        """
        if wait.until.timestamp() <= self._now():
            await self.end(wait.key, WaitState.EXPIRED)
            return WaitState.EXPIRED
        if wait.broken + broke_off >= MOST_BROKEN:
            await self.end(wait.key, WaitState.FAILED)
            return WaitState.FAILED
        await patiently(partial(self._waits.again, wait.key, wait.tries, broke_off=broke_off))
        await self._update()
        return None

    async def end(self, key: str, how: WaitState) -> None:
        """End a wait; one that is over stays as it was."""
        if await patiently(partial(self._waits.end, key, how)):
            self._metrics.waits.labels(how.value).inc()
            _log.info("no longer waiting for the model: %s (%s)", key, how.value)
        await self._update()

    async def stop(self, thread: str, question: str | None = None) -> Sequence[Wait]:
        """End the waits of a thread, or of one question, as somebody wants; what is under way is left alone."""
        waiting = [one for one in await self._open(thread) if one.state is WaitState.WAITING]
        stopped = [one for one in waiting if question in {None, one.key}]
        for wait in stopped:
            await self.end(wait.key, WaitState.STOPPED)
        return stopped

    async def run(
        self,
        probe: Callable[[], Awaitable[object]],
        resume: Resume,
        over: Callable[[Wait, WaitState], Awaitable[None]],
    ) -> None:
        """Probe while somebody waits, and have them go on; forever.

        Args:
            probe: asks the model's provider for a sign of life; raises ModelUnavailableError where there is none.
            resume: begins to continue an investigation.
            over: is told of a wait before it ends because the model was not back in time.
        """
        pause = first = self._patience.first_pause
        while True:
            try:
                self._changed.clear()
                waiting = await self._in_time(over)
                if not waiting:
                    pause = first
                    await self._changed.wait()
                    continue
                await asyncio.sleep(self._nap(waiting, pause))
                pause = min(2 * pause, _LONGEST_PAUSE * first)
                if await self._is_back(probe) and await self._let_go_on(resume, over):
                    pause = first
            except SQLAlchemyError as error:
                _log.warning("could not see who waits for the model: %s", error)
                await asyncio.sleep(pause)

    def _nap(self, waiting: Sequence[Wait], pause: float) -> float:
        """Seconds until the next probe, or until the first wait is over."""
        jittered = random.uniform(_JITTER, 1.0) * pause  # noqa: S311 - spreads probes, no secret
        left = (one.until.timestamp() - self._now() for one in waiting if one.state is WaitState.WAITING)
        return max(0.0, min([jittered, *left]))

    async def _let_go_on(self, resume: Resume, over: Callable[[Wait, WaitState], Awaitable[None]]) -> bool:
        """Have all go on, one after the other; False as soon as the model is away again."""
        while waiting := await self._in_time(over):
            wait = waiting[0]
            interrupted = wait.state is WaitState.TRYING
            tries = wait.tries if interrupted else await patiently(partial(self._waits.attempt, wait.key))
            if tries:  # else it ended meanwhile
                await resume(f"{wait.key}:resumed:{tries}", _event(wait, tries))
                if await self._came_back(wait.key, tries):
                    return False
        return True

    async def _came_back(self, key: str, tries: int) -> bool:
        """Wait until a try has ended; whether it is back in the room. One that hangs holds up nobody."""
        try:
            async with asyncio.timeout(self._patience.hung):
                while True:
                    self._changed.clear()
                    wait = await self.get(key, tries)
                    if wait.state is not WaitState.TRYING:
                        return wait.state is WaitState.WAITING
                    await self._changed.wait()
        except TimeoutError:
            await self.end(key, WaitState.FAILED)
            return False

    async def _in_time(self, over: Callable[[Wait, WaitState], Awaitable[None]]) -> Sequence[Wait]:
        """Who waits and still may; the wait of the others ends."""
        waiting = await self._open()
        late = [one for one in waiting if one.state is WaitState.WAITING and one.until.timestamp() <= self._now()]
        for wait in late:
            await over(wait, WaitState.EXPIRED)
            await self.end(wait.key, WaitState.EXPIRED)
        return [one for one in waiting if one not in late]

    async def _is_back(self, probe: Callable[[], Awaitable[object]]) -> bool:
        """Whether the provider gives a sign of life. One that refuses does: whoever goes on tells what it says."""
        try:
            await probe()
        except ModelUnavailableError as error:
            _log.info("the model is still away: %s", error)
            return False
        except ModelRefusedError as error:
            _log.warning("asked for a sign of life: %s", error)
        return True

    async def _open(self, thread: str | None = None) -> Sequence[Wait]:
        waiting = await patiently(partial(self._waits.open, thread))
        if thread is None:
            self._metrics.waiting.set(len(waiting))
        return waiting

    async def _update(self) -> None:
        await self._open()
        self._changed.set()

    async def _firing(self) -> frozenset[str] | None:
        """Hashes of what fires; None when that is not known. Watchdogs, which always fire, are informational."""
        if self._alerts is None:
            return None
        try:
            alerts = await self._alerts.current()
        except SourceError:
            return None
        if missing_of(alerts):
            return None
        urgent = (one for one in alerts if one.state is AlertState.FIRING and one.severity is not Severity.INFO)
        return frozenset(map(_hash, urgent))


def _event(wait: Wait, tries: int) -> JsonObject:
    """What asked, once more; whoever asked without our name is not counted as asking again."""
    return {**wait.event, "call": Call.MENTION.value, CONTINUES: wait.key, TRY: tries}


def _hash(alert: Alert) -> str:
    labels = json.dumps([alert.name, *sorted(alert.labels.items())])
    return hashlib.sha256(labels.encode()).hexdigest()[:16]


def still_young(answer: Answer | None, looks: int, now: datetime) -> tuple[Evidence, ...]:
    """What the model saw in its first attempt, as far as it is young, each with the moment it is of.

    Args:
        answer: of the first attempt.
        looks: how many of the last pieces of its evidence the model had asked for.
        now: the moment of the continuation.
    """
    if answer is None or not looks or now - answer.question.asked_at > YOUNG:
        return ()
    moment = f"{answer.question.asked_at.astimezone(UTC):%H:%M:%S} UTC"
    return tuple(_dated(one, moment) for one in answer.evidence[-looks:] if not one.observation.failed)


def _dated(evidence: Evidence, moment: str) -> Evidence:
    seen = evidence.observation
    content = f"Seen earlier, as of {moment}:\n{seen.content}"
    return replace(evidence, observation=replace(seen, summary=f"{seen.summary} (as of {moment})", content=content))
