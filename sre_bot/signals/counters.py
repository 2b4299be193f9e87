"""Counters as what people read: per second. Pure."""

from __future__ import annotations

import numpy as np

from sre_bot.signals.series import Series


def rates(counter: Series) -> Series:
    """By how much a counter grew each second since its sample before; as long as the counter, NaN at first.

    A counter that fell was reset, and has counted from 0 since (as Prometheus' ``rate`` takes it). Over a gap it is the
    mean of the gap, told at its end.
    """
    known = np.flatnonzero(np.isfinite(counter.values))
    values = np.full(len(counter.values), np.nan)
    level = counter.values[known]
    grown = np.diff(level)
    values[known[1:]] = np.where(grown < 0, level[1:], grown) / np.diff(counter.times[known])
    return Series(counter.labels, counter.times, values)
