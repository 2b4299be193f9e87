"""Ask every source at once, within a deadline, and hand what came back to the conclusion."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.asking import Asking
from sre_bot.first_look.recent_changes import read_changes
from sre_bot.first_look.seen import Seen
from sre_bot.first_look.vitals import LOOKBACK, read_vitals
from sre_bot.incident import TimeWindow
from sre_bot.investigation import rewritten
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.incident import Alert
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts
    from sre_bot.tools.changes import Deploys, Repository
    from sre_bot.tools.metrics import Metrics

PRESENT = timedelta(seconds=90)
"""An Alertmanager knows only the present; a question about longer ago is not asked of it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to look at; each may be absent."""

    metrics: Metrics | None = None
    alerts: CurrentAlerts | None = None
    history: AlertHistory | None = None
    repositories: tuple[Repository, ...] = ()
    deploys: Deploys | None = None


async def look_at(sources: Sources, at: datetime, *, now: datetime, deadline: float) -> Seen:
    """One look at all sources as of ``at``, done within ``deadline`` seconds; never raises for a source.

    Whatever strangers wrote is one line of visible characters from here on.
    """
    asking = Asking(deadline)
    async with asyncio.TaskGroup() as group:
        held = group.create_task(_held(sources.alerts, asking, is_present=now - at < PRESENT))
        remembered = group.create_task(_remembered(sources.history, asking, TimeWindow.before(at, LOOKBACK)))
        changing = group.create_task(read_changes(sources.repositories, sources.deploys, at, asking))
        reading = group.create_task(read_vitals(sources.metrics, at, asking, (held, remembered)))
    vitals, changes = reading.result(), changing.result()
    return Seen(
        at=at,
        window=vitals.window,
        alerts=rewritten(tuple(held.result() or ()), quoted),
        past_alerts=rewritten(tuple(remembered.result() or ()), quoted),
        alerts_known=(held.result(), remembered.result()) != (None, None),
        readings=vitals.readings,
        services=vitals.services | {change.service for change in changes.deploys if change.service},
        changes=rewritten(changes.recent, quoted),
        deploys=rewritten(changes.deploys, quoted),
        diffs=changes.diffs,
        missing=asking.missing(),
        scrape=vitals.scrape,
        graph_urls=vitals.graph_urls,
    )


async def _held(alerts: CurrentAlerts | None, asking: Asking, *, is_present: bool) -> Sequence[Alert] | None:
    if alerts is None:
        asking.note("alertmanager", "not configured")
        return None
    return await asking.ask(alerts.name, alerts.current(), None) if is_present else None


async def _remembered(history: AlertHistory | None, asking: Asking, window: TimeWindow) -> Sequence[Alert] | None:
    return await asking.ask(history.name, history.history(window), None) if history is not None else None
