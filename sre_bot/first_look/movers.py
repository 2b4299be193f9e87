"""What else moved: any gauge of the services that it is about, whatever its name.

The golden signals say that something is wrong. Often something else moves first and says what: a pool's limit, a
cache's hits, a throughput, a heap that fills for hours.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.pace import POINTS, Grid, ask_range
from sre_bot.incident import SERVICE_LABELS, TimeWindow
from sre_bot.signals.series import Series, Shape, facts
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sre_bot.first_look.asking import Asking
    from sre_bot.first_look.traces import Asked
    from sre_bot.first_look.vitals import Endpoint
    from sre_bot.signals.series import FloatArray, SeriesFacts

LOOKBACK = timedelta(hours=3)
"""Leaks fill and caches run dry for hours before anything fails."""
STEP = LOOKBACK / POINTS
MAX_SERVICES, MAX_METRICS = 8, 60
CLEARLY = 4.0
"""So many times its usual noise something has to move to be told of."""
_NOT_GAUGES = (
    ".+_(total|count|sum|bucket|created|info|timestamp|timestamp_seconds)|up|scrape_.+|ALERTS.*|(go|promhttp)_.+"
)
MAX_NAME = 120
MIN_POINTS, MIN_LEVEL = 20, 5
BENT = 0.5
"""A bend is one if it leaves at most this share of what a straight line leaves unexplained."""
BEND_DOUBT = 0.02
"""So uncertain is a bend, as a share of the time."""

_DEMAND = re.compile(r"requests?_(per|rate)|(^|_)(rps|visitors?|users|sessions?)(_|$)")
_LOAD = re.compile(r"(quer(y|ies)|calls?|reads?|gets?|lookups?|connects?|statements?)_(per|rate)|(^|_)(qps|tps)(_|$)")


@dataclass(frozen=True, slots=True)
class Mover:
    """A gauge of a service that is not what it was: its name, what it did, since when, and since when at the latest."""

    service: str
    metric: str
    facts: SeriesFacts
    onset: datetime
    latest: datetime
    series: Series = field(compare=False)

    @property
    def is_demand(self) -> bool:
        """Whether it tells, by its name, how much is asked for: that people come proves no trouble."""
        return _DEMAND.search(self.metric) is not None

    @property
    def is_load(self) -> bool:
        """Whether it tells how much is asked of it, by people or by those that call it."""
        return self.is_demand or _LOAD.search(self.metric) is not None

    @property
    def growth(self) -> float:
        """Its level as a multiple of what it was; 0 where it was nothing."""
        return self.facts.after / self.facts.before if self.facts.before > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Steady:
    """A gauge of how much is asked for that is what it was: people ask for that first."""

    service: str
    metric: str
    mean: float


@dataclass(frozen=True, slots=True)
class Gauges:
    """Those that moved, in the order in which they did, and the demand that did not."""

    movers: tuple[Mover, ...] = ()
    steady: tuple[Steady, ...] = ()


async def read_movers(endpoints: Sequence[Endpoint], asked: Asked, at: datetime, asking: Asking) -> Gauges:
    """The gauges that moved in the hours before ``at``, of the services asked about, then of those in the catalogue.

    Where an environment is meant that a Prometheus does not hold alone, it is not asked: of gauges with any labels
    nobody knows to which one they belong.
    """
    if not endpoints:
        return Gauges()
    names = list(dict.fromkeys((*await asked.services(asking), *asked.names.values())))[:MAX_SERVICES]
    here = [endpoint for endpoint in endpoints if endpoint.only is None] if names else []
    told = await asyncio.gather(*(_movers_of(endpoint, names, at, asking) for endpoint in here))
    gauges = [gauge for one in told for gauge in one]
    movers = sorted((g for g in gauges if isinstance(g, Mover)), key=lambda m: (m.onset, m.service, m.metric))
    return Gauges(tuple(movers), tuple(gauge for gauge in gauges if isinstance(gauge, Steady)))


async def _movers_of(endpoint: Endpoint, services: Sequence[str], at: datetime, asking: Asking) -> list[Mover | Steady]:
    """Which gauges there are, then what they did; of many metrics those that few series belong to."""
    metrics = endpoint.metrics
    value = json.dumps("|".join(re.escape(name) for name in services), ensure_ascii=False)
    chosen = " or ".join(f'{{{label}=~{value},__name__!~"{_NOT_GAUGES}"}}' for label in SERVICE_LABELS)
    labels = ", ".join(SERVICE_LABELS)
    there = await asking.series(metrics.name, metrics.query(f"count by (__name__) ({chosen})", at))
    found = Counter({series.labels.get("__name__", ""): float(series.values[-1]) for series in there})
    wanted = [name for name, _ in sorted(found.items(), key=lambda pair: (pair[1], pair[0])) if name][:MAX_METRICS]
    if not wanted:
        return []
    named = json.dumps("|".join(map(re.escape, wanted)), ensure_ascii=False)
    each = " or ".join(f"{{{label}=~{value},__name__=~{named}}}" for label in SERVICE_LABELS)
    grid = Grid(TimeWindow(at - LOOKBACK, at), STEP)
    series = await ask_range(metrics, f"avg by (__name__, {labels}) ({each})", grid, asking)
    return [mover for one in series if not asking.is_over for mover in _moved(one, services)]


def _moved(series: Series, services: Collection[str]) -> Iterator[Mover | Steady]:
    service = next((name for label in SERVICE_LABELS if (name := series.labels.get(label, "")) in services), None)
    told = facts(series)
    began = _began(series, told)
    metric = quoted(series.labels.get("__name__", ""), MAX_NAME)
    if service and began is None and told.shape is Shape.FLAT and _DEMAND.search(metric):
        yield Steady(quoted(service, MAX_NAME), metric, told.mean)
    if service and began is not None:
        onset, latest = (datetime.fromtimestamp(moment, UTC) for moment in began)
        yield Mover(quoted(service, MAX_NAME), metric, told, onset, latest, series)


def _began(series: Series, told: SeriesFacts) -> tuple[float, float] | None:
    """When it began to move, and the latest that may have been; None when it did not move clearly."""
    if told.onset is not None:
        return (told.onset, told.onset + (told.onset_uncertainty or 0.0)) if abs(told.shift) >= CLEARLY else None
    return ramp_start(series) if told.shape is Shape.RAMP else None


def ramp_start(series: Series) -> tuple[float, float] | None:
    """From when on a series climbed, up to its highest point: the bend of the two lines that fit best.

    None when it climbed (or fell) all the while, as then nothing of this time made it do so.
    """
    known = np.isfinite(series.values)
    t, v = series.times[known], series.values[known]
    t, v = t[: int(np.argmax(v)) + 1], v[: int(np.argmax(v)) + 1]
    if len(v) < MIN_POINTS:
        return None
    bends = range(MIN_LEVEL, len(v) - MIN_LEVEL)
    errors = [_unexplained(t, v, t[bend]) for bend in bends]
    straight = float(np.sum((v - np.polyval(np.polyfit(t - t[0], v, 1), t - t[0])) ** 2))
    best = int(np.argmin(errors))
    if errors[best] > BENT * straight:
        return None
    bend = bends[best]
    return float(t[bend]), float(t[bend] + (t[-1] - t[0]) * BEND_DOUBT)


def _unexplained(t: FloatArray, v: FloatArray, bend: float) -> float:
    """The squared error of a level that climbs from ``bend`` on."""
    shape = np.stack([np.ones_like(t), np.clip(t - bend, 0.0, None)], axis=1)
    found, *_ = np.linalg.lstsq(shape, v, rcond=None)
    return float(np.sum((v - shape @ found) ** 2))
