"""Several Alertmanagers, or several records of earlier alerts, as one: nothing twice, and what is missing is said."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from sre_bot.errors import SourceError, SourceUnavailableError
from sre_bot.incident import AlertState
from sre_bot.investigation import Listing, MissingSource, missing_of
from sre_bot.tools.gathering import all_failed, as_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from sre_bot.incident import Alert, TimeWindow
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts, Named

    _Labels: TypeAlias = frozenset[tuple[str, str]]

PATIENCE = 1.2
"""Seconds after which who asks in a hurry goes on without those that have not answered, if another has."""
_HELD_BACK = (AlertState.SILENCED, AlertState.INHIBITED)


@dataclass(frozen=True, slots=True)
class Alertmanagers:
    """At least one Alertmanager; fits CurrentAlerts.

    Args:
        sources: the replicas, or Alertmanagers of different places; the links lead to the first.
        patience: seconds after which the answer does without the others once one has answered; None: all have the
            time they take.
    """

    sources: Sequence[CurrentAlerts]
    patience: float | None = None

    @property
    def name(self) -> str:
        """All their names."""
        return _names(self.sources)

    async def current(self) -> Listing[Alert]:
        """The alerts that any of them holds; those that did not tell are missing. Raises SourceError if none did."""
        told, missing = await _each(self.sources, lambda source: source.current(), self.patience)
        alerts, unaware = united(told)
        return Listing(tuple(alerts), (*missing, *unaware))

    def alerts_url(self) -> str:
        """Where a human sees them."""
        return self.sources[0].alerts_url()


@dataclass(frozen=True, slots=True)
class AlertRecords:
    """At least one record of earlier alerts; fits AlertHistory. ``patience`` is as for Alertmanagers."""

    sources: Sequence[AlertHistory]
    patience: float | None = None

    @property
    def name(self) -> str:
        """All their names."""
        return _names(self.sources)

    async def history(self, window: TimeWindow) -> Listing[Alert]:
        """The episodes that any of them tells of. Raises SourceError if none could be seen."""
        told, missing = await _each(self.sources, lambda source: source.history(window), self.patience)
        return Listing(tuple(episodes_once([alerts for _, alerts in told])), missing)


def united(told: Sequence[tuple[str, Sequence[Alert]]]) -> tuple[list[Alert], list[MissingSource]]:
    """What Alertmanagers hold, latest start first, and those that have not heard of a silence that another has.

    The same labels are the same alert: Alertmanager's fingerprint is made of them. A silence or an inhibition that one
    replica knows holds for all: the other will hear of it, or is cut off. The earliest start is the true one, since a
    Prometheus that was restarted may have sent a later one.
    """
    held: dict[_Labels, list[tuple[str, Alert]]] = {}
    for name, alerts in told:
        for alert in alerts:
            held.setdefault(frozenset(alert.labels.items()), []).append((name, alert))
    unaware: Counter[tuple[str, str]] = Counter()
    found = []
    for copies in held.values():
        silencing = next((copy for copy in copies if copy[1].state is AlertState.SILENCED), None)
        if silencing is not None:
            unaware.update((name, silencing[0]) for name, alert in copies if alert.state is AlertState.FIRING)
        found.append(_one(alert for _, alert in copies))
    found.sort(key=lambda alert: alert.started_at, reverse=True)
    missing = [
        MissingSource(name, f"has not heard of silences that {other} has (of {count} alerts): it may still notify")
        for (name, other), count in unaware.items()
    ]
    return found, missing


def _one(copies: Iterable[Alert]) -> Alert:
    alerts = sorted(copies, key=lambda alert: alert.state not in _HELD_BACK)
    return replace(alerts[0], started_at=min(alert.started_at for alert in alerts))


def episodes_once(told: Sequence[Sequence[Alert]]) -> list[Alert]:
    """Episodes, latest start first; one that overlaps with one of the same labels from another record is that one.

    Replicas evaluate their rules at different moments, so that their episodes differ a little. What still goes on by
    any of them goes on: another may have missed its targets for a while.
    """
    kept: list[Alert] = []
    for alerts in told:
        before = list(kept)
        for alert in alerts:
            same = [one for one in before if one.labels == alert.labels and _overlap(one, alert)]
            if not same:
                kept.append(alert)
            elif alert.ended_at is None and all(one.ended_at is not None for one in same):
                since = min(one.started_at for one in (alert, *same))
                kept = [one for one in kept if one not in same] + [replace(alert, started_at=since)]
    return sorted(kept, key=lambda alert: alert.started_at, reverse=True)


def _overlap(one: Alert, other: Alert) -> bool:
    begun = other.ended_at is None or one.started_at <= other.ended_at
    return begun and (one.ended_at is None or other.started_at <= one.ended_at)


S = TypeVar("S", "CurrentAlerts", "AlertHistory")


async def _each(
    sources: Sequence[S], ask: Callable[[S], Coroutine[None, None, Sequence[Alert]]], patience: float | None
) -> tuple[list[tuple[str, Sequence[Alert]]], tuple[MissingSource, ...]]:
    """What each told, by its name, and what is missing. Raises SourceError if none told anything."""
    async with asyncio.TaskGroup() as group:
        tasks = {source.name: group.create_task(_guarded(ask(source))) for source in sources}
        _, waiting = await asyncio.wait(tasks.values(), timeout=patience)
        while waiting and not _any_told(tasks.values()):
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
    told: list[tuple[str, Sequence[Alert]]] = []
    errors: list[SourceError] = []
    for name, task in tasks.items():
        late = SourceUnavailableError(name, f"has not answered within {patience or 0:g} s, as another has")
        answer = late if task.cancelled() else task.result()
        if isinstance(answer, SourceError):
            errors.append(answer)
        else:
            told.append((name, answer))
    if not told:
        raise all_failed(errors)
    missing = [as_missing(error) for error in errors]
    missing += [one for _, alerts in told for one in missing_of(alerts)]
    return told, tuple(missing)


async def _guarded(look: Coroutine[None, None, Sequence[Alert]]) -> Sequence[Alert] | SourceError:
    try:
        return await look
    except SourceError as error:
        return error


def _any_told(tasks: Iterable[asyncio.Task[Sequence[Alert] | SourceError]]) -> bool:
    return any(task.done() and not isinstance(task.result(), SourceError) for task in tasks)


def _names(sources: Iterable[Named]) -> str:
    return ", ".join(source.name for source in sources)
