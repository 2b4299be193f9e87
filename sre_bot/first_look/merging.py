"""What several sources tell, without telling anything twice. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.first_look.seen import Reading

    _Key: TypeAlias = tuple[str, str, str, str, str, str | None]

PARTS = 4
"""Parts of the window in which readings are compared: a copy may lag, so that single points differ."""
CLOSE = 0.03
"""Levels that differ by this share of the largest, at most, are the same."""


def merged(told: Sequence[Sequence[Reading]]) -> tuple[Reading, ...]:
    """The readings of all sources, those that tell most exactly first; what a copy tells again is left out.

    Two sources that agree on everything that both tell of a service have the same series: replicas, or one that gets
    them from the other. Where they do not, they tell of different instances, and both count. Nothing is ever added up.
    """
    kept: list[dict[str, dict[_Key, Reading]]] = []
    for readings in told:
        by_service: dict[str, dict[_Key, Reading]] = {}
        for reading in readings:
            by_service.setdefault(reading.service, {})[_key(reading)] = reading
        new = {}
        for service, own in by_service.items():
            known = [other[service] for other in kept if service in other and _is_copy(own, other[service])]
            new[service] = {key: reading for key, reading in own.items() if not any(key in other for other in known)}
        kept.append(new)
    return tuple(reading for source in kept for own in source.values() for reading in own.values())


def _key(reading: Reading) -> _Key:
    signal = reading.signal
    return reading.environment, signal.sign, signal.metric, signal.service, reading.service, reading.peer


def _is_copy(own: dict[_Key, Reading], other: dict[_Key, Reading]) -> bool:
    common = own.keys() & other.keys()
    return bool(common) and all(_agree(own[key], other[key]) for key in common)


def _agree(one: Reading, other: Reading) -> bool:
    """Whether they have the same levels all over the time that both tell of."""
    starts, ends = zip(*((r.series.times[0], r.series.times[-1]) for r in (one, other)), strict=True)
    edges = np.linspace(max(starts), min(ends), PARTS + 1)
    ours, theirs = (np.array([_level(r, *edges[part : part + 2]) for part in range(PARTS)]) for r in (one, other))
    known = np.isfinite(ours) & np.isfinite(theirs)
    allowed = CLOSE * np.abs(np.concatenate([ours[known], theirs[known]])).max(initial=0.0)
    return bool(known.any() and (np.abs(ours - theirs)[known] <= allowed).all())


def _level(reading: Reading, start: float, end: float) -> float:
    """The median over a time; NaN where there is no value."""
    series = reading.series
    values = series.values[(series.times >= start) & (series.times < end) & np.isfinite(series.values)]
    return float(np.median(values)) if len(values) else np.nan
