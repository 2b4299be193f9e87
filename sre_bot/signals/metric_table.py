"""Many series of many services on one time axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sre_bot.signals.metric_kinds import may_be_cumulative

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

ENOUGH_STEPS = 10
"""A series named like a counter (its values may be rates already) must be at least this long to be judged …"""
FALLS = 0.05
"""… and fall in at most this share of its steps, or once (a restart begins anew) …"""
GROWS = 0.1
"""… and grow in at least this share."""


@dataclass(frozen=True, slots=True)
class MetricTable:
    """``values`` (series, samples) at ``times`` (unix seconds); ``keys`` are (service, metric), NaN is no value."""

    times: FloatArray
    keys: tuple[tuple[str, str], ...]
    values: FloatArray


def in_order(table: MetricTable) -> MetricTable:
    """The same with ascending times, each once (of equal times the first), and without infinities."""
    times, first = np.unique(table.times, return_index=True)
    values = table.values if np.array_equal(first, np.arange(len(table.times))) else table.values[:, first]
    if not np.isinf(values).any():
        return replace(table, times=times, values=values)
    return replace(table, times=times, values=np.where(np.isfinite(values), values, np.nan))


def counters_of(table: MetricTable) -> frozenset[tuple[str, str]]:
    """The series that are named like counters and behave like ones; too short a table has none."""
    named = np.flatnonzero([may_be_cumulative(metric) for _, metric in table.keys])
    steps = np.diff(table.values[named], axis=1)
    known = np.isfinite(steps).sum(axis=1)
    grows, falls = (steps > 0).sum(axis=1), (steps < 0).sum(axis=1)
    counters = (known >= ENOUGH_STEPS) & (falls <= np.maximum(1, FALLS * known)) & (grows >= GROWS * known)
    return frozenset(table.keys[row] for row in named[counters])


def as_rates(table: MetricTable, counters: frozenset[tuple[str, str]]) -> MetricTable:
    """The same with these counters as rates per second; the rate across a reset is unknown."""
    rows = np.flatnonzero([key in counters for key in table.keys])
    if not len(rows):
        return table
    rates = np.diff(table.values[rows], axis=1) / np.diff(table.times)[None, :]
    values = table.values.copy()
    values[rows, :1] = np.nan
    values[rows, 1:] = np.where(rates < 0, np.nan, rates)
    return replace(table, values=values)


def rows_for(table: MetricTable, keys: Sequence[tuple[str, str]]) -> FloatArray:
    """The rows of these keys, all NaN where the table has none."""
    rows = {key: row for row, key in reversed(list(enumerate(table.keys)))}
    wanted = np.array([rows.get(key, -1) for key in keys], dtype=np.int64)
    padded = np.concatenate((table.values, np.full((1, len(table.times)), np.nan)))
    return padded[wanted]
