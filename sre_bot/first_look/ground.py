"""What is wrong with the ground that services stand on, asked of one Prometheus."""

from __future__ import annotations

import asyncio
import math
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look import surroundings
from sre_bot.first_look.checks import Check, Whose
from sre_bot.first_look.conditions import Condition, ConditionKind
from sre_bot.first_look.pace import Grid, ask_range
from sre_bot.incident import SERVICE_LABELS
from sre_bot.signals.units import format_value
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.first_look.asking import Asking
    from sre_bot.incident import TimeWindow
    from sre_bot.signals.series import Series
    from sre_bot.tools.metrics import Metrics

MAX_SAMPLES = 300_000
"""Samples that one query may read, 50 ms of a Prometheus: of more series there are fewer moments …"""
MIN_POINTS = 12
"""… and what has so many series that this few moments are too many is not looked at."""
MAX_OF_A_CHECK = 30
"""Conditions that one query may tell of, the latest first: a cluster in which everything restarts needs no more."""
JOINED = timedelta(minutes=10)
"""Between kills of a container that is started again and again there are up to five minutes and its own life."""
MAX_SUBJECT = 120
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_POD = re.compile(rf"(?P<workload>.+?)(-[{_SAFE}a-f0-9]{{6,10}}-[{_SAFE}]{{5}}|-[{_SAFE}]{{5}}|-\d+)")
"""Pods are named after their workload: a Deployment's with two hashes, a DaemonSet's with one, or with a number."""
_EXPORTER = re.compile(r"(^|.*[-_])(exporter|kube-state-metrics|kubelet|cadvisor|blackbox)s?([-_].*|$)")
_TOLD_APART = frozenset({"reason", "condition"})
"""Labels that say what is wrong rather than with what."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The checks of one Prometheus that can be made, with the series that each reads."""

    checks: Sequence[tuple[Check, int]] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A check as it was asked: the query, at which moments, over which window of rates, with which labels."""

    check: Check
    promql: str
    grid: Grid
    rate_window: timedelta
    service_labels: tuple[str, ...] = SERVICE_LABELS

    @property
    def smeared(self) -> timedelta:
        """How long trouble may last before a rate shows it."""
        return self.rate_window if "$window" in self.check.expression and not self.check.event else timedelta(0)

    def subject(self, labels: Mapping[str, str]) -> str:
        """What it is about, as people write it."""
        whose = self.check.whose
        named = [labels[label] for label in whose.value if labels.get(label) and label not in _TOLD_APART]
        if whose is Whose.NODE and labels.get("node"):
            named = [labels["node"], *(one for one in named if one not in {labels["node"], labels.get("instance")})]
        joined = " ".join(named) if whose in {Whose.NODE, Whose.TARGET, Whose.PROCESS} else "/".join(named)
        return quoted(joined or self._labelled(labels) or "somewhere", MAX_SUBJECT)

    def service(self, labels: Mapping[str, str]) -> str | None:
        """The service it belongs to: of a pod its workload, of a process its labels, unless these name an exporter."""
        name: str | None = None
        if self.check.whose in {Whose.POD, Whose.WORKLOAD}:
            found = next((labels[kind] for kind in Whose.WORKLOAD.value[1:] if labels.get(kind)), None)
            name = found or workload_of(labels.get("pod", "")) or labels.get("container")
        elif self.check.whose in {Whose.PROCESS, Whose.TARGET}:
            named = self._labelled(labels)
            name = named if named and not _EXPORTER.fullmatch(named) else None
        return quoted(name, MAX_SUBJECT) if name else None

    def _labelled(self, labels: Mapping[str, str]) -> str | None:
        return next((labels[label] for label in self.service_labels if labels.get(label)), None)


async def ground_of(metrics: Metrics, at: datetime, asking: Asking) -> Ground:
    """Which checks the metrics that there are allow."""
    found = await asking.series(metrics.name, metrics.query(surroundings.DISCOVERY, at))
    counts = {
        one.labels.get("__name__", ""): int(one.values[-1]) for one in found if np.isfinite(one.values[-1:]).all()
    }
    return Ground(tuple(surroundings.possible(counts)))


async def read_conditions(
    metrics: Metrics,
    ground: Ground,
    grid: Grid,
    asking: Asking,
    *,
    rate_window: timedelta,
    matchers: tuple[str, ...] = (),
    service_labels: tuple[str, ...] = SERVICE_LABELS,
) -> tuple[Condition, ...]:
    """What was wrong at some moment of the grid, the most telling kinds first, the latest first of each."""
    laid = [(check, _grid_for(series, grid)) for check, series in ground.checks]
    unread = sum(coarse is None for _, coarse in laid)
    if unread:
        asking.note(metrics.name, f"{unread} checks of nodes, pods and limits have too many series and were left out")
    window = f"{rate_window.total_seconds():.0f}s"
    asked = [
        Asked(check, check.promql(service_labels, window, matchers), coarse, rate_window, service_labels)
        for check, coarse in laid
        if coarse is not None
    ]
    answers = await asyncio.gather(*(ask_range(metrics, one.promql, one.grid, asking) for one in asked))
    found: list[Condition] = []
    for one, series in zip(asked, answers, strict=True):
        told = sorted(conditions_of(one, series), key=_latest_first)
        found += told[:MAX_OF_A_CHECK]
        if len(told) > MAX_OF_A_CHECK:
            asking.note(metrics.name, f"{len(told) - MAX_OF_A_CHECK} more are {one.check.kind}, and were left out")
    return once(found)


def _grid_for(series: int, grid: Grid) -> Grid | None:
    """Fewer moments for more series, None when even a few would be too many."""
    points = max(1, round(grid.window.duration / grid.step))
    times = math.ceil(series * points / MAX_SAMPLES)
    if times > 1 and points / times < MIN_POINTS:
        return None
    return grid if times <= 1 else replace(grid, step=grid.step * times)


def conditions_of(asked: Asked, series: Iterable[Series]) -> list[Condition]:
    """What a check's answer says, one condition of each series. Pure."""
    told = (_condition(asked, asked.grid.laid(one)) for one in series)
    return [condition for condition in told if condition is not None]


def _condition(asked: Asked, series: Series) -> Condition | None:
    check, grid = asked.check, asked.grid
    wrong = np.flatnonzero(np.isfinite(series.values))
    if not len(wrong):
        return None
    gaps = np.flatnonzero(np.diff(wrong) > JOINED / grid.step)
    first, last = int(wrong[gaps[-1] + 1] if len(gaps) else wrong[0]), int(wrong[-1])
    since = datetime.fromtimestamp(float(series.times[first]), UTC) if first else None
    worst = float(series.values[wrong[wrong >= first]].max())
    if check.kind is ConditionKind.CERTIFICATE:
        worst = float(series.values[last])
        since = _expired(float(series.times[last]), worst, grid.window)
    if check.normal and since is None:
        return None
    subject = asked.subject(series.labels)
    words = check.words.format_map(_Labels({**series.labels, "value": format_value(worst, check.unit)}))
    patience = JOINED / grid.step if check.event else 1
    return Condition(
        kind=check.kind,
        subject=subject,
        service=asked.service(series.labels),
        since=since,
        uncertainty_s=(grid.step + asked.smeared).total_seconds(),
        over=len(series.times) - 1 - last > max(1, patience),
        worst=worst,
        unit=check.unit,
        said=quoted(f"{subject} {words}", 2 * MAX_SUBJECT),
        metric=check.metric,
        promql=asked.promql,
    )


def _expired(seen: float, left: float, window: TimeWindow) -> datetime | None:
    """When a certificate expired, if it did while one looked."""
    inside = left < 0 and window.start.timestamp() <= seen + left <= window.end.timestamp()
    return datetime.fromtimestamp(seen + left, UTC) if inside else None


class _Labels(dict[str, str]):
    """Labels for a sentence; one that is missing is empty."""

    def __missing__(self, _: str) -> str:
        return ""


def workload_of(pod: str) -> str | None:
    """The Deployment, DaemonSet or StatefulSet that a pod is of, by its name; None when it is not named so."""
    found = _POD.fullmatch(pod)
    return found["workload"] if found else None


def _latest_first(condition: Condition) -> tuple[bool, float]:
    return condition.over, -(condition.since.timestamp() if condition.since else -math.inf)


def once(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Each thing that is wrong once, however many exporters tell of it, and no restart of what was killed."""
    order = list(ConditionKind)
    alike: dict[tuple[ConditionKind, str, str], Condition] = {}
    killed: defaultdict[str, set[ConditionKind]] = defaultdict(set)
    for one in conditions:
        alike.setdefault((one.kind, one.subject, one.environment), one)
        killed[one.subject].add(one.kind)
    outright = {ConditionKind.OOM_KILLED, ConditionKind.CRASH_LOOP}
    kept = (
        one
        for (kind, subject, _), one in alike.items()
        if kind is not ConditionKind.RESTARTED or not killed[subject] & outright
    )
    return tuple(sorted(kept, key=lambda one: (order.index(one.kind), *_latest_first(one), one.subject)))
