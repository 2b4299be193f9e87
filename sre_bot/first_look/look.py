"""Ask every source at once, within a deadline, and hand what came back to the conclusion."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from sre_bot.catalogue import Catalogue
from sre_bot.first_look.asking import Asking, Need
from sre_bot.first_look.environments import Focus
from sre_bot.first_look.logs import read_complaints
from sre_bot.first_look.movers import read_movers
from sre_bot.first_look.naming import Naming
from sre_bot.first_look.pace import LOOKBACK
from sre_bot.first_look.ranking import read_ranking
from sre_bot.first_look.recent_changes import read_changes
from sre_bot.first_look.runbooks import read_runbooks
from sre_bot.first_look.seen import Seen
from sre_bot.first_look.traces import Asked, read_contrast
from sre_bot.first_look.vitals import Endpoint, read_vitals
from sre_bot.incident import SERVICE_LABELS, TimeWindow
from sre_bot.investigation import missing_of, rewritten
from sre_bot.tools.replicas import episodes_once, united
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.incident import Alert
    from sre_bot.investigation import Question
    from sre_bot.tools.alerts import AlertHistory, CurrentAlerts
    from sre_bot.tools.changes import Deploys, Repository
    from sre_bot.tools.docs import Documents
    from sre_bot.tools.logs import Logs
    from sre_bot.tools.metrics import Metrics, Rules
    from sre_bot.tools.traces import Traces

PRESENT = timedelta(seconds=90)
"""An Alertmanager knows only the present; a question about longer ago is not asked of it."""

T = TypeVar("T", "Metrics", "CurrentAlerts", "AlertHistory", "Logs", "Traces")


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to look at; of each there may be none.

    ``environments`` says, by name, where a source is; one that is not named may be anywhere.
    ``rules`` tells what those of ``metrics`` alert on; ``service_labels`` name services, the most telling first.
    """

    metrics: Sequence[Metrics] = ()
    alerts: Sequence[CurrentAlerts] = ()
    histories: Sequence[AlertHistory] = ()
    repositories: Sequence[Repository] = ()
    deploys: Deploys | None = None
    logs: Sequence[Logs] = ()
    traces: Sequence[Traces] = ()
    documents: Documents | None = None
    rules: Sequence[Rules] = ()
    service_labels: tuple[str, ...] = SERVICE_LABELS
    environments: Mapping[str, str] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)

    def focus(self, question: Question) -> Focus:
        """What the question is about, as far as its words and its channel tell."""
        of_services = (service.environment for service in self.catalogue.services.values())
        return Focus.of(question, [*self.environments.values(), *filter(None, of_services)])

    def within(self, sources: Sequence[T], focus: Focus) -> Sequence[T]:
        """Those of the sources that are in the environment, or do not say where they are."""
        return [source for source in sources if focus.has(self.environments.get(source.name))]


async def look_at(sources: Sources, question: Question, *, now: datetime, deadline: float, latest: float = 0.0) -> Seen:
    """One look at all sources as of the question's moment, done within ``deadline`` seconds; never raises for a source.

    Until ``latest`` it may go on when nobody has told by then how services do. Whatever strangers wrote is one line of
    visible characters from here on.
    """
    at, focus, asking = question.asked_at, sources.focus(question), Asking(deadline, latest)
    endpoints, managers = _endpoints(sources, focus, asking), _managers(sources, focus, asking)
    records = sources.within(sources.histories, focus)
    loggers, tracers = sources.within(sources.logs, focus), sources.within(sources.traces, focus)
    names = sources.catalogue.names()
    window, is_present = TimeWindow.before(at, LOOKBACK), now - at < PRESENT
    async with asyncio.TaskGroup() as group:
        told = [
            group.create_task(asking.ask(m.name, m.current(), None, Need.ESSENTIAL)) for m in managers if is_present
        ]
        kept = [
            group.create_task(asking.ask(record.name, record.history(window), None, Need.ESSENTIAL))
            for record in records
        ]
        changing = group.create_task(read_changes(sources.repositories, sources.deploys, at, asking))
        reading = group.create_task(read_vitals(endpoints, at, asking, (*told, *kept)))
        logging = group.create_task(read_complaints(loggers, at, (*told, *kept), asking))
        asked = Asked(question, names, loggers, (*told, *kept))
        opening = group.create_task(read_runbooks(sources.documents, at, (*told, *kept), asking))
        tracing = group.create_task(read_contrast(tracers, asked, asking))
        moving = group.create_task(read_movers(endpoints, asked, at, asking))
        ranking = group.create_task(read_ranking(endpoints, (*told, *kept), at, asking))
    vitals, changes, naming = reading.result(), changing.result(), Naming(names, sources.service_labels)
    complaints = rewritten(tuple(naming.complaint(one) for one in logging.result().complaints), quoted)
    contrast = tracing.result().contrast
    contrast = contrast and rewritten(naming.contrast(contrast), quoted)
    held = [(m.name, answer) for m, task in zip(managers, told, strict=False) if (answer := task.result()) is not None]
    remembered = [answer for task in kept if (answer := task.result()) is not None]
    alerts, unaware = united(held)
    unseen = (one for found in (*(found for _, found in held), *remembered) for one in missing_of(found))
    for one in (*unseen, *unaware):
        asking.note(one.source, one.why)
    meant = _Meant(focus, naming)
    deploys = tuple(naming.change(deploy) for deploy in changes.deploys)
    services = {*vitals.services, *(deploy.service for deploy in deploys if deploy.service)}
    services |= {service for complaint in complaints for service in complaint.services}
    services |= set(contrast.way if contrast else ())
    return Seen(
        at=at,
        window=vitals.window,
        alerts=meant.alerts(alerts),
        past_alerts=meant.alerts(episodes_once(remembered)),
        alerts_known=bool(held or remembered),
        readings=tuple(naming.reading(reading) for reading in vitals.readings),
        conditions=tuple(naming.condition(condition) for condition in vitals.conditions),
        services=frozenset(naming.service(service) for service in services),
        changes=rewritten(tuple(naming.change(change) for change in changes.recent), quoted),
        deploys=rewritten(deploys, quoted),
        diffs=changes.diffs,
        complaints=complaints,
        log_window=logging.result().window,
        contrast=contrast,
        traces_known=tracing.result().known,
        runbooks=opening.result(),
        movers=tuple(naming.mover(mover) for mover in moving.result().movers),
        steady=moving.result().steady,
        ranking=ranking.result(),
        missing=asking.missing(),
        scrape=vitals.scrape,
        graph_urls=vitals.graph_urls,
        focus=focus,
        told_apart=vitals.told_apart or any(sources.environments.get(e.metrics.name) for e in endpoints),
        catalogue=sources.catalogue,
        thresholds=vitals.thresholds,
    )


def _endpoints(sources: Sources, focus: Focus, asking: Asking) -> list[Endpoint]:
    """Each Prometheus that may tell of the environment; of one that is known to be there, everything is meant."""
    there = sources.within(sources.metrics, focus)
    if not there:
        asking.note("prometheus", _absent(sources.metrics, focus))
    return [
        Endpoint(
            metrics,
            None if metrics.name in sources.environments else focus.environment,
            metrics.name if len(there) > 1 else "",
            sources.environments.get(metrics.name, ""),
            next((one for one in sources.rules if one.name == metrics.name), None),
            sources.service_labels,
        )
        for metrics in there
    ]


def _managers(sources: Sources, focus: Focus, asking: Asking) -> Sequence[CurrentAlerts]:
    there = sources.within(sources.alerts, focus)
    if not there:
        asking.note("alertmanager", _absent(sources.alerts, focus))
    return there


def _absent(configured: Sequence[object], focus: Focus) -> str:
    return f"none is configured for {focus.environment}" if configured else "not configured"


@dataclass(frozen=True, slots=True)
class _Meant:
    """Alerts of the environment that is looked at, of services as the catalogue calls them."""

    focus: Focus
    naming: Naming

    def alerts(self, found: Iterable[Alert]) -> tuple[Alert, ...]:
        kept = tuple(self.naming.alert(alert) for alert in found if self.focus.has(alert.environment))
        return rewritten(kept, quoted)
