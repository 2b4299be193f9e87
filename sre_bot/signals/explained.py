"""Which movements are explained by others: a score shrinks by what a likelier cause that moved, too, accounts for.

A call takes at least as long as the calls it waits for. So of two services whose latency rose alike, the one that
takes longer may wait for the other, never the other way round. This needs no call graph, though one narrows it.
Within a service, work of any kind costs CPU, and a busy CPU costs latency.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sre_bot.signals.impact import callees_of, reached_from
from sre_bot.signals.metric_kinds import MetricKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from sre_bot.signals.level_shift import FloatArray, IntArray

    BoolArray: TypeAlias = NDArray[np.bool_]

BY_CALLEES = 0.85
"""What a rise of latency loses to an equal one, of the same course, in a service that answers sooner."""
ALIKE = 3.0
"""The likeness of two courses, a cosine, counts by this power: what rose at other times explains little."""
MOST_CALLEES = 256
"""Of more services than these the ones with the largest scores are compared with: the effort stays linear."""
AT_A_TIME = 1024
BY_CPU = 0.4
"""What the score of a latency loses to an equal rise of its service's CPU …"""
BY_OTHERS = 0.2
"""… and that of the CPU to an equal movement of what the CPU works for."""
WORKED_FOR = frozenset({MetricKind.MEMORY, MetricKind.DISK, MetricKind.NETWORK, MetricKind.QUEUE})

Key = tuple[str, str]


def less_callees(
    keys: Sequence[Key],
    scores: FloatArray,
    before: FloatArray,
    courses: FloatArray,
    calls: Collection[tuple[str, str]] = (),
) -> FloatArray:
    """The scores, those of latencies less what services that answer sooner explain of them.

    Args:
        keys: (service, metric) of each series; levels compare between those of the same metric.
        scores: how suspicious each is by itself.
        before: the old level of each latency that rose, in the unit of its metric; NaN of all others.
        courses: (series, parts) levels in the course of the searched time, NaN for none.
        calls: (caller, callee) pairs; where they are known, only callees and theirs explain.
    """
    by_metric: defaultdict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero((before > 0) & (scores > 0)).tolist():
        by_metric[keys[row][1]].append(row)
    left = scores.copy()
    for found in by_metric.values():
        rows = np.array(found)
        away = _directions(courses[rows] - before[rows, None])
        callees = np.lexsort((before[rows], -scores[rows]))[:MOST_CALLEES]
        for start in range(0, len(rows), AT_A_TIME):
            part = slice(start, start + AT_A_TIME)
            alike = np.maximum(away[part] @ away[callees].T, 0.0) ** ALIKE
            sooner = before[rows[callees]][None, :] < before[rows[part]][:, None]
            if calls:
                sooner &= _called(keys, rows[part], rows[callees], callees_of(calls))
            explained = np.where(sooner, alike * scores[rows[callees]][None, :], 0.0).max(axis=1)
            left[rows[part]] = _less(scores[rows[part]], explained, BY_CALLEES)
    return left


def _called(keys: Sequence[Key], callers: IntArray, callees: IntArray, graph: Mapping[str, set[str]]) -> BoolArray:
    """Whether the calls of each of these series' services lead to each of those."""
    services = [keys[row][0] for row in callees.tolist()]
    led: dict[str, list[bool]] = {}
    for service in {keys[row][0] for row in callers.tolist()}:
        reached = reached_from(service, graph)
        led[service] = [callee in reached for callee in services]
    return np.array([led[keys[row][0]] for row in callers.tolist()], dtype=np.bool_)


def _directions(away: FloatArray) -> FloatArray:
    known = np.nan_to_num(away)
    known = known / np.maximum(np.abs(known).max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    lengths = np.linalg.norm(known, axis=1, keepdims=True)
    return np.asarray(known / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)


def _less(scores: FloatArray, explained: FloatArray, share: float) -> FloatArray:
    return scores - share * np.minimum(explained, scores)


def most_telling(keys: Sequence[Key], kinds: Sequence[MetricKind], scores: FloatArray, rises: BoolArray) -> FloatArray:
    """The scores as they order the metrics of a service: a busy CPU before latency, what it works for before the CPU.

    Args:
        keys: (service, metric) of each series.
        kinds: the kind of each.
        scores: how suspicious each is by itself.
        rises: which of them rose.
    """
    cpu = np.array([kind is MetricKind.CPU for kind in kinds], dtype=np.bool_)
    latency = np.array([kind is MetricKind.LATENCY for kind in kinds], dtype=np.bool_)
    others = np.array([kind in WORKED_FOR for kind in kinds], dtype=np.bool_)
    services = [service for service, _ in keys]
    telling = np.where(cpu, _less(scores, _largest(services, scores, others), BY_OTHERS), scores)
    return np.where(latency, _less(scores, _largest(services, scores, cpu & rises), BY_CPU), telling)


def _largest(services: Collection[str], scores: FloatArray, of: BoolArray) -> FloatArray:
    """For each series the largest score of these in its service."""
    largest: defaultdict[str, float] = defaultdict(float)
    for service, score, counts in zip(services, scores.tolist(), of.tolist(), strict=True):
        if counts:
            largest[service] = max(largest[service], score)
    return np.array([largest[service] for service in services], dtype=np.float64)
