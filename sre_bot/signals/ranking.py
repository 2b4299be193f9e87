"""Which service is at fault, from metrics around an alert: arrays in, suspects with their evidence out.

A series is as suspicious as it has left its old level (``level_shift``), mostly in the bad direction. A service is as
suspicious as its kinds of metric are together: of each kind (latency, errors, CPU …) the worst series counts, and
kinds add up, so that neither a service with many series nor one with a single loud one wins by that alone. Latency
that a service may have from others that it waits for counts little (``explained``). When the failing objective and the
call graph are known, what each service adds to the failure itself comes first (``impact``). Nothing is learnt per
system; units, offsets in time and the order of series make no difference.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.errors import BadInputError
from sre_bot.signals.explained import less_callees, most_telling
from sre_bot.signals.impact import Objective, impacts
from sre_bot.signals.level_shift import FROM_CONSTANT, LASTING, level_shifts
from sre_bot.signals.metric_kinds import MetricKind, kind_of, lower_is_worse
from sre_bot.signals.metric_table import MetricTable, as_rates, counters_of, in_order, rows_for
from sre_bot.signals.vanished import vanished

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sre_bot.signals.level_shift import BoolArray, FloatArray, IntArray, Shifts

MARGIN_SHARE = 0.25
"""The last quarter of the time before the alert is searched, not held for normal: alerts are late …"""
MARGIN_SECONDS = 180.0
"""… but seldom by more than this."""
KINDS_TOGETHER = 1.25
"""The kinds of a service add up in this norm: 1 is the sum, infinity the largest."""
OTHER_DIRECTION = 0.5
"""A shift in the good direction counts by this: a service that does less is more often a victim."""
WEIGHTS: dict[MetricKind, float] = {
    MetricKind.LATENCY: 0.6,
    MetricKind.LOAD: 0.5,
    MetricKind.CPU: 0.9,
    MetricKind.OTHER: 0.7,
}
"""Latency and load move along the call chain, and CPU with other resources; all other kinds count fully."""
LITTLE = 0.3
"""A score that may be noise; leads over it are not infinite."""
LONGEST_LEAD = 1.5
"""A lead of more than this many e-folds says no more than one of this."""
CONFIDENCE_AT_PAR = -0.3
"""The logit of the confidence when the second is as suspicious as the first …"""
CONFIDENCE_PER_LEAD = 5.1
"""… and by how much it grows per e-fold of lead."""
STANDING_OUT = 0.5
"""A first that leads the median of the others that moved by fewer e-folds than this may be noise: less confidence."""
TIE_BREAK = 1e-3
"""What moved decides between services whose shares in the failure differ by less than this."""
RESOURCES = frozenset({MetricKind.CPU, MetricKind.MEMORY})
"""What a living process always has; other series also stop when nobody calls."""
COUNTED = frozenset({MetricKind.ERROR, MetricKind.DISK, MetricKind.NETWORK})
NEVER_SEEN = 0.0
"""What such a metric was before it first appeared: exporters often create it with the first error, write or packet."""
USED = frozenset({MetricKind.MEMORY, MetricKind.DISK, MetricKind.NETWORK})
FROM_UNUSED = 100.0
"""Of a service's metrics, the use of what it never used before tells most; this is how much stronger it counts."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when the alert fires.

    ``alert_time`` is in unix seconds. ``baseline`` holds fault-free values of the same series from another time.
    ``calls`` are (caller, callee) pairs. ``objective`` is the failing one.
    """

    metrics: MetricTable
    alert_time: float
    baseline: MetricTable | None = None
    calls: frozenset[tuple[str, str]] = frozenset()
    objective: Objective | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """How one series moved: levels in its own unit (NaN: unknown, or gone), ``onset`` in unix seconds or None."""

    service: str
    metric: str
    score: float
    onset: float | None
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A service with its movements, largest first."""

    service: str
    score: float
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Suspects and movements, best first; ``confidence`` is the probability that the first suspect is right."""

    suspects: tuple[Suspect, ...]
    movements: tuple[Movement, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Moved:
    """Of each series its kind, how far it moved, whether up, its level since and the searched column it began at."""

    kinds: tuple[MetricKind, ...]
    strength: FloatArray
    rises: BoolArray
    after: FloatArray
    since: IntArray

    def weights(self) -> FloatArray:
        return np.array([WEIGHTS.get(kind, 1.0) for kind in self.kinds], dtype=np.float64)


def rank(situation: Situation) -> Ranking:
    """Rank the services of the table.

    Raises:
        BadInputError: there is no series, no sample to call normal or none to look at.
    """
    metrics, baseline = _prepared(situation)
    start = _search_start(metrics.times, situation.alert_time)
    recent, searched = metrics.values[:, :start], metrics.values[:, start:]
    history = recent if baseline is None else np.concatenate((baseline, recent), axis=1)
    if not history.size or not searched.size:
        raise BadInputError(_nothing_to_compare(metrics, situation.alert_time))
    history = _with_first_use(metrics.keys, history)
    shifts = level_shifts(history, searched)
    moved = _moved(metrics.keys, shifts, vanished(history, searched))
    scores = _service_scores(metrics.keys, moved, shifts, situation.calls)
    if situation.objective is not None:
        normals = (recent,) if baseline is None else (baseline, recent)
        own = impacts(metrics.keys, normals, searched, situation.objective, situation.calls)
        scores = _by_impact(scores, own) if own else scores
    return _ranked([*_movements(metrics.keys, moved, shifts, metrics.times[start:])], scores)


def _prepared(situation: Situation) -> tuple[MetricTable, FloatArray | None]:
    """The table, and the baseline's rows for its series; counters as rates in both."""
    metrics = in_order(situation.metrics)
    if situation.baseline is None:
        return as_rates(metrics, counters_of(metrics)), None
    baseline = in_order(situation.baseline)
    counters = counters_of(baseline)
    return as_rates(metrics, counters), rows_for(as_rates(baseline, counters), metrics.keys)


def _search_start(times: FloatArray, alert_time: float) -> int:
    """The first sample that is searched; those before it are held for normal. 0 when all come after the alert."""
    if not len(times) or alert_time <= times[0]:
        return 0
    margin = min(MARGIN_SHARE * (alert_time - float(times[0])), MARGIN_SECONDS)
    return max(1, int(np.searchsorted(times, alert_time - margin)))


def _nothing_to_compare(metrics: MetricTable, alert_time: float) -> str:
    if not metrics.keys or not len(metrics.times):
        return "there are no series to rank"
    first, last = metrics.times[0], metrics.times[-1]
    return f"alert_time {alert_time:.0f} leaves nothing to compare: the samples reach from {first:.0f} to {last:.0f}"


def _with_first_use(keys: Sequence[tuple[str, str]], history: FloatArray) -> FloatArray:
    """What is counted and was never seen before was zero, not unknown."""
    unseen = np.flatnonzero(~np.isfinite(history).any(axis=1))
    rows = [row for row in unseen.tolist() if kind_of(keys[row][1]) in COUNTED and not lower_is_worse(keys[row][1])]
    if not rows:
        return history
    filled = history.copy()
    filled[rows] = NEVER_SEEN
    return filled


def _moved(keys: Sequence[tuple[str, str]], shifts: Shifts, gone: tuple[FloatArray, IntArray]) -> _Moved:
    """The strongest of rise, fall (after directions are weighed) and vanishing of each series."""
    kinds = tuple(kind_of(metric) for _, metric in keys)
    lower = np.array([lower_is_worse(metric) for _, metric in keys], dtype=np.bool_)
    both = np.array([kind is MetricKind.LOAD for kind in kinds], dtype=np.bool_)
    up = np.where(lower & ~both, OTHER_DIRECTION, 1.0) * shifts.rise
    down = np.where(lower | both, 1.0, OTHER_DIRECTION) * shifts.fall
    resource = np.array([kind in RESOURCES for kind in kinds], dtype=np.bool_)
    lost = np.where(resource, FROM_CONSTANT * gone[0] ** LASTING, 0.0)
    went, rises = lost > np.maximum(up, down), up >= down
    return _Moved(
        kinds=kinds,
        strength=np.maximum.reduce([up, down, lost]),
        rises=rises & ~went,
        after=np.where(went, math.nan, np.where(rises, shifts.high, shifts.low)),
        since=np.where(went, gone[1], np.where(rises, shifts.high_from, shifts.low_from)),
    )


def _movements(keys: Sequence[tuple[str, str]], moved: _Moved, shifts: Shifts, times: FloatArray) -> Iterator[Movement]:
    """One movement a series, scored by how much it tells beside the other metrics of its service."""
    used = np.array([kind in USED for kind in moved.kinds], dtype=np.bool_)
    strength = np.where(shifts.from_zero & used, FROM_UNUSED, 1.0) * moved.strength
    scores = most_telling(keys, moved.kinds, moved.weights() * np.log1p(strength), moved.rises)
    onsets = times[moved.since]
    for row, key in enumerate(keys):
        onset = float(onsets[row]) if scores[row] > 0 else None
        yield Movement(*key, float(scores[row]), onset, float(shifts.before[row]), float(moved.after[row]))


def _service_scores(
    keys: Sequence[tuple[str, str]], moved: _Moved, shifts: Shifts, calls: frozenset[tuple[str, str]]
) -> dict[str, float]:
    """Of each service its kinds together, of each kind the worst series."""
    scores = moved.weights() * np.log1p(moved.strength)
    latency = np.array([kind is MetricKind.LATENCY for kind in moved.kinds], dtype=np.bool_)
    slower = np.where(latency & moved.rises, shifts.before, np.nan)
    own = less_callees(keys, scores, slower, shifts.courses, calls)
    worst: defaultdict[str, defaultdict[MetricKind, float]] = defaultdict(lambda: defaultdict(float))
    for (service, _), kind, score in zip(keys, moved.kinds, own.tolist(), strict=True):
        worst[service][kind] = max(worst[service][kind], score)
    return {
        service: math.fsum(score**KINDS_TOGETHER for score in kinds.values()) ** (1 / KINDS_TOGETHER)
        for service, kinds in worst.items()
    }


def _by_impact(scores: Mapping[str, float], own: Mapping[str, float]) -> dict[str, float]:
    """Shares in the failure; services that have none in it follow by what moved."""
    return {service: own.get(service, 0.0) + TIE_BREAK * score / (1 + score) for service, score in scores.items()}


def _ranked(movements: Sequence[Movement], scores: Mapping[str, float]) -> Ranking:
    """Everything in order; equal scores by name, so that the order of series makes no difference."""
    by_service: defaultdict[str, list[Movement]] = defaultdict(list)
    ordered = sorted(movements, key=lambda each: (-scores[each.service], each.service, -each.score, each.metric))
    for each in ordered:
        by_service[each.service].append(each)
    suspects = tuple(Suspect(service, scores[service], tuple(moved)) for service, moved in by_service.items())
    return Ranking(suspects, tuple(ordered), _confidence(suspects))


def _confidence(suspects: Sequence[Suspect]) -> float:
    """A logistic function of the first one's lead over the second, less when it hardly stands out from all others."""
    scores = [suspect.score for suspect in suspects]
    if scores[0] <= 0 or len(scores) == 1:
        return 1 / len(scores)
    lead = math.log((scores[0] + LITTLE) / (scores[1] + LITTLE))
    others = statistics.median([score for score in scores[1:] if score > 0] or [0.0])
    standing_out = math.log((scores[0] + LITTLE) / (others + LITTLE))
    likely = 1 / (1 + math.exp(-(CONFIDENCE_AT_PAR + CONFIDENCE_PER_LEAD * min(lead, LONGEST_LEAD))))
    return likely * min(1.0, standing_out / STANDING_OUT)
