"""Data younger than what was asked for: when they begin, and whether other series of the metric are older."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.errors import SourceError
from sre_bot.incident import TimeWindow
from sre_bot.signals.onset import MIN_BEFORE
from sre_bot.signals.series import Series, on_grid
from sre_bot.tools.selectors import selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.tools.metrics import Metrics
    from sre_bot.tools.promql import Query

MAX_METRICS = 3
_COUNTED = timedelta(minutes=5)
"""Samples are counted over so long: two of them, which a rate takes, at any usual interval between scrapes."""
_JITTER = 0.8
"""A step may be this much shorter than the interval between samples as counted, which is out by one sample."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """When the first data of an answer are (unix seconds), inside what was asked for.

    ``alone`` when the metric has older series, so that these appeared; otherwise there are no data before. Samples are
    at least ``interval`` apart, as far as can be told.
    """

    time: float
    alone: bool
    interval: timedelta


async def beginning(source: Metrics, query: Query, series: Sequence[Series], step: timedelta) -> Beginning | None:
    """When the data of an answer begin, or None when they are as old as what was asked for.

    Args:
        source: asked for how long the metrics themselves exist.
        query: what was asked.
        series: the answer, all on one grid.
        step: of the grid.
    """
    first = min((index for one in series if (index := first_value(one)) is not None), default=0)
    if first < MIN_BEFORE:
        return None
    times = series[0].times
    counts = await _counts(source, query, times, step)
    needed = 2 if query.rated else 1
    exist = np.flatnonzero(counts >= needed)
    alone = len(exist) > 0 and int(exist[0]) <= first - MIN_BEFORE
    return Beginning(float(times[first]), alone, _interval(counts, step))


def first_value(series: Series) -> int | None:
    """The index of the first finite value."""
    finite = np.flatnonzero(np.isfinite(series.values))
    return int(finite[0]) if len(finite) else None


async def _counts(
    source: Metrics, query: Query, times: np.ndarray[tuple[int, ...], np.dtype[np.float64]], step: timedelta
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """How many samples the fullest series of the query's metrics had lately, along the grid; 0 when not known."""
    window = TimeWindow(datetime.fromtimestamp(times[0], UTC), datetime.fromtimestamp(times[-1], UTC))
    counts = np.zeros(len(times))
    for metric in query.metrics[:MAX_METRICS]:
        counted = f"max(count_over_time({selector({'__name__': metric})}[{_COUNTED.total_seconds():.0f}s]))"
        try:
            answer = await source.query_range(counted, window, step)
        except SourceError:
            continue  # then the metric is not known to be older, which is said of none that was not seen
        for one in answer.series:
            on = on_grid(one, start=float(times[0]), end=float(times[-1]), step=step.total_seconds())
            counts = np.fmax(counts, on.values)
    return counts


def _interval(counts: np.ndarray[tuple[int, ...], np.dtype[np.float64]], step: timedelta) -> timedelta:
    """The time between two samples, from the most that came in one step; the step itself when none is known."""
    most = float(np.diff(counts, prepend=0.0).max())
    return min(step, _COUNTED) * _JITTER / most if most > 1 else step
