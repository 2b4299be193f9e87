"""Which series stopped coming while the others went on: a process that died takes its series along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sre_bot.signals.level_shift import FloatArray, IntArray

DENSE = 0.95
"""A series must have had this share of its samples before, or its gaps say nothing."""
COMPANY = 0.5
"""At moments at which fewer than this share of the dense series came, it was the scrape that failed."""
LEAST = 3
"""So many samples in a row must be missing."""


def vanished(history: FloatArray, searched: FloatArray) -> tuple[FloatArray, IntArray]:
    """The share of the searched time for which each series was away at a stretch, and the column at which that began.

    Args:
        history: (series, samples) of the time held for normal; NaN for no value.
        searched: (series, samples) of the time in which to look.
    """
    away = ~np.isfinite(searched)
    share, first = np.zeros(len(away)), np.zeros(len(away), dtype=np.int64)
    dense = np.isfinite(history).mean(axis=1) >= DENSE
    suspected = np.flatnonzero(dense & (away.sum(axis=1) >= LEAST))
    if not len(suspected):
        return share, first
    scraped = np.flatnonzero(away[dense].mean(axis=0) <= 1 - COMPANY)
    for row in suspected.tolist():
        length, start = _longest_run(away[row, scraped])
        if length >= LEAST:
            share[row], first[row] = length / searched.shape[1], scraped[start]
    return share, first


def _longest_run(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    return int(lengths[longest]), int(edges[2 * longest])
