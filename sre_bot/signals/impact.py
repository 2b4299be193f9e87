"""What each service adds to the failure of an objective, along the call graph.

The excess of a service is how much worse a call got, times its calls: the seconds (or failed calls) that were lost
there. What its callees lost is theirs, so it is subtracted; only services that the failing one reaches can be causes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.signals.level_shift import quantiles
from sre_bot.signals.metric_kinds import MetricKind, kind_of, lower_is_worse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.signals.level_shift import FloatArray

PASSED_ON = 0.02
"""A service whose callees explain all of its excess keeps this share: subtraction is never exact."""


@dataclass(frozen=True, slots=True)
class Objective:
    """The failing objective: of which service, which metric and which statistic of it."""

    service: str
    metric: str
    stat: str


def impacts(
    keys: Sequence[tuple[str, str]],
    normals: Sequence[FloatArray],
    searched: FloatArray,
    objective: Objective,
    calls: Iterable[tuple[str, str]],
) -> dict[str, float]:
    """The share of each service in the failure, 0 to 1; empty when the objective cannot be followed.

    Args:
        keys: (service, metric) of each row.
        normals: each (series, samples) of a time held for normal, say a baseline and the time just before; the worse
            of their medians counts, so that what was bad before the failure is not blamed for it.
        searched: (series, samples) while the objective fails.
        objective: what fails.
        calls: (caller, callee) pairs.
    """
    measured = _measured(keys, objective)
    if objective.service not in measured:
        return {}
    loads = {service: row for row, (service, metric) in enumerate(keys) if kind_of(metric) is MetricKind.LOAD}
    excess = {
        service: _excess(
            [normal[row] for normal in normals],
            searched[row],
            lower=lower_is_worse(keys[row][1]),
            load=_load(searched, loads.get(service)),
        )
        for service, row in measured.items()
    }
    callees = callees_of(calls)
    own = {
        service: max(lost - sum(excess.get(callee, 0.0) for callee in callees.get(service, ())), PASSED_ON * lost)
        for service, lost in excess.items()
    }
    reached = reached_from(objective.service, callees)
    total = sum(own.values())
    if total <= 0:
        return {}
    return {service: share / total for service, share in own.items() if service in reached or not callees}


def _measured(keys: Sequence[tuple[str, str]], objective: Objective) -> dict[str, int]:
    """The row of each service that tells what the objective tells of its own."""
    exact = f"{objective.metric}_{objective.stat}"
    names = {metric for service, metric in keys if service == objective.service}
    name = next((each for each in (exact, objective.metric, *sorted(names)) if _tells(each, names, objective)), "")
    return {service: row for row, (service, metric) in reversed(list(enumerate(keys))) if metric == name}


def _tells(name: str, names: set[str], objective: Objective) -> bool:
    return name in names and kind_of(name) is kind_of(objective.metric)


def _load(searched: FloatArray, row: int | None) -> FloatArray:
    """Calls in each sample; without such a metric one, so that services compare by how much worse a call got."""
    return np.ones(searched.shape[1]) if row is None else np.nan_to_num(searched[row])


def _excess(normals: Sequence[FloatArray], searched: FloatArray, *, lower: bool, load: FloatArray) -> float:
    """How much worse than normal, in the metric's unit times calls; of what has no history nothing is known."""
    medians = [quantiles(normal, (0.5,))[0] for normal in normals if normal.size]
    normal = np.fmin.reduce(medians) if lower else np.fmax.reduce(medians)
    worse = normal - searched if lower else searched - normal
    return float(np.nansum(np.maximum(worse, 0.0) * load))


def callees_of(calls: Iterable[tuple[str, str]]) -> Mapping[str, set[str]]:
    """Whom each service calls, itself left out."""
    callees: defaultdict[str, set[str]] = defaultdict(set)
    for caller, callee in calls:
        if caller != callee:
            callees[caller].add(callee)
    return dict(callees)


def reached_from(start: str, callees: Mapping[str, set[str]]) -> set[str]:
    """The service and all that its calls lead to."""
    reached, waiting = {start}, [start]
    while waiting:
        fresh = callees.get(waiting.pop(), set()) - reached
        reached |= fresh
        waiting.extend(fresh)
    return reached
