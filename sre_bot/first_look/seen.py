"""What a first look has seen, as records: readings of services, alerts, changes, and what could not be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sre_bot.catalogue import Catalogue
from sre_bot.first_look.environments import Focus, plain
from sre_bot.first_look.symptoms import is_over
from sre_bot.incident import AlertState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sre_bot.first_look.conditions import Condition
    from sre_bot.first_look.discovery import Signal
    from sre_bot.first_look.movers import Mover, Steady
    from sre_bot.incident import Alert, Change, LogLevel, TimeWindow
    from sre_bot.investigation import MissingSource, Observation
    from sre_bot.signals.ranking import Ranking
    from sre_bot.signals.series import Series, SeriesFacts
    from sre_bot.tools.promql import Threshold


@dataclass(frozen=True, slots=True)
class Reading:
    """One series of one signal: what ``service`` (calling ``peer``, if set) did, as a series and as facts.

    ``statuses`` says, of a share of failures, what each status contributes to the latest of them (shares of 1).
    ``place`` is the name of the Prometheus that told it, "" where there is only one; ``environment`` is that of whose
    data it holds no other, "" where that is not known.
    """

    signal: Signal
    service: str
    peer: str | None
    series: Series = field(compare=False)
    facts: SeriesFacts
    statuses: Mapping[str, float] = field(default_factory=dict)
    place: str = ""
    environment: str = ""

    @property
    def name(self) -> str:
        """The service, or who calls whom."""
        return f"{self.service} → {self.peer}{self._at}" if self.peer else self.who

    @property
    def who(self) -> str:
        """The service, and which of several sources tells of it."""
        return f"{self.service}{self._at}"

    @property
    def _at(self) -> str:
        return f" ({self.place})" if self.place else ""

    @property
    def onset(self) -> datetime | None:
        """When it changed, if it did."""
        return None if self.facts.onset is None else datetime.fromtimestamp(self.facts.onset, UTC)

    @property
    def growth(self) -> float:
        """The new level as a multiple of the old one: 0 when nothing is left, 1 when nothing changed for good."""
        facts = self.facts
        if facts.onset is None or not facts.before > 0 or is_over(facts):  # NaN is not greater, either
            return 1.0
        return 0.0 if math.isnan(facts.after) else facts.after / facts.before


@dataclass(frozen=True, slots=True)
class Complaint:
    """What services log as a warning or worse, and log newly or more often than before: a pattern of lines.

    ``first`` is the first line from its beginning (or rise) on, ``last`` the latest one; ``count`` lines are from then
    on and ``before`` in the time looked at before that. ``services`` said it, most often first, none when no line
    tells; ``common`` are the attributes that all its lines have alike. ``rise`` is how much likelier such a rise makes
    these lines than a steady rate (natural logarithm). ``at_least`` is whether there may be more lines than were read.
    """

    services: tuple[str, ...]
    pattern: str
    example: str
    level: LogLevel
    first: datetime
    last: datetime
    count: int
    before: int
    rise: float
    common: Mapping[str, str] = field(default_factory=dict)
    at_least: bool = False

    @property
    def service(self) -> str:
        """Who says it most often, "" when that is not known."""
        return self.services[0] if self.services else ""

    @property
    def is_new(self) -> bool:
        """Whether it was not said before."""
        return self.before == 0


@dataclass(frozen=True, slots=True)
class Contrast:
    """A step of bad requests against the same step of healthy ones of the same route.

    It is the deepest one that ``failed``; where none fails, that which takes most of the time that bad requests take
    longer. ``way`` are the services from where requests came in to ``service``; ``peer`` is whom the step calls, where
    it says so, and ``error`` what it says of its failure. ``self_time`` is what it takes itself in a bad request,
    without what it calls; ``total`` a whole bad request; ``calls`` how often it is done in one. The same of healthy
    requests are None when there are none. ``attributes`` are those that healthy ones do not have alike, and
    ``unreached`` services that only healthy ones call; ``edges`` are which service calls which in any of them.
    ``first`` is when the first bad one began of those found.
    """

    route: str
    service: str
    operation: str
    failed: bool
    way: tuple[str, ...]
    first: datetime
    bad: int
    healthy: int
    duration: timedelta
    self_time: timedelta
    total: timedelta
    calls: float = 1.0
    error: str = ""
    peer: str | None = None
    healthy_self_time: timedelta | None = None
    healthy_total: timedelta | None = None
    healthy_calls: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()
    trace_id: str = ""
    edges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the sources gave.

    ``conditions`` are what is wrong with nodes, pods, disks, certificates and limits, the most telling first.
    ``alerts`` are held now, ``past_alerts`` remembered; ``alerts_known`` is whether anyone told of alerts at all.
    ``deploys`` are those of the last weeks, newest first, so that each has a predecessor; ``changes`` the commits
    and deploys of the last day or so; ``graph_urls`` tells where a human sees each query, by place and PromQL.
    ``focus`` is what was looked at, ``told_apart`` whether anything told of its environment; ``catalogue`` is what is
    known of services, by whose names they go here. ``part`` is the environment whose readings these are, when several
    were looked at and this is but one of them. ``complaints`` are what is logged newly or more, the most alarming
    first, and ``log_window`` the time whose logs were read, None when there are none to be had; ``contrast`` is where
    bad requests differ from healthy ones, None when there are no bad ones or (``traces_known``) no traces.
    ``runbooks`` are those of alerts that are known documents, by the addresses that the alerts give. ``movers`` are
    the gauges, whatever they are called, of the services that it is about which are not what they were, ``steady``
    those of demand that are. ``ranking`` is how unusual each service was around the first alert that fires.
    ``thresholds`` are those beyond which alerts fire now.
    """

    at: datetime
    window: TimeWindow
    alerts: tuple[Alert, ...] = ()
    past_alerts: tuple[Alert, ...] = ()
    alerts_known: bool = True
    readings: tuple[Reading, ...] = ()
    conditions: tuple[Condition, ...] = ()
    services: frozenset[str] = frozenset()
    changes: tuple[Change, ...] = ()
    deploys: tuple[Change, ...] = ()
    diffs: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[MissingSource, ...] = ()
    scrape: timedelta = timedelta(seconds=15)
    graph_urls: Mapping[tuple[str, str], str] = field(default_factory=dict)
    focus: Focus = field(default_factory=Focus)
    told_apart: bool = False
    catalogue: Catalogue = field(default_factory=Catalogue)
    part: str = ""
    complaints: tuple[Complaint, ...] = ()
    log_window: TimeWindow | None = None
    contrast: Contrast | None = None
    traces_known: bool = False
    runbooks: Mapping[str, Observation] = field(default_factory=dict)
    movers: tuple[Mover, ...] = ()
    steady: tuple[Steady, ...] = ()
    ranking: Ranking | None = None
    thresholds: tuple[Threshold, ...] = ()

    @property
    def environment(self) -> str:
        """The environment that this is about and no other, "" when that is not so."""
        return self.part or (self.focus.environment or "") if self.told_apart else ""

    def by_environment(self) -> tuple[Seen, ...]:
        """What was seen of each environment by itself, as their services do not call each other; else all of it."""
        there = {plain(reading.environment): reading.environment for reading in self.readings if reading.environment}
        return tuple(self._of(environment) for environment in there.values()) if len(there) > 1 else (self,)

    def _of(self, environment: str) -> Seen:
        focus = Focus(environment=environment)
        readings = tuple(reading for reading in self.readings if focus.has(reading.environment))
        conditions = tuple(one for one in self.conditions if focus.has(one.environment))
        services = {r.service for r in readings} | {deploy.service for deploy in self.deploys if deploy.service}
        held, past = (
            tuple(one for one in alerts if focus.has(one.environment)) for alerts in (self.alerts, self.past_alerts)
        )
        return replace(
            self,
            readings=readings,
            conditions=conditions,
            services=frozenset(services),
            alerts=held,
            past_alerts=past,
            part=environment,
            ranking=None,  # of services of all environments
        )

    @property
    def all_alerts(self) -> tuple[Alert, ...]:
        """Alerts that are held now, then those remembered; where both know one, what holds now counts."""
        held = {(alert.name, alert.service) for alert in self.alerts}
        return (*self.alerts, *(alert for alert in self.past_alerts if (alert.name, alert.service) not in held))

    def ran_before(self, deploy: Change) -> Change | None:
        """The deploy of the same service that another one replaced, if it is known."""
        earlier = [d for d in self.deploys if d.service == deploy.service and d.time < deploy.time and d.revision]
        return max(earlier, key=lambda one: one.time, default=None)

    @property
    def firing(self) -> tuple[Alert, ...]:
        """What fires at the moment asked about."""
        return tuple(alert for alert in self.all_alerts if alert.state is AlertState.FIRING)
