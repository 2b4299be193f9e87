"""What several sources tell, without telling anything twice. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sre_bot.incident import AlertState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sre_bot.first_look.seen import Reading
    from sre_bot.incident import Alert
    from sre_bot.signals.series import FloatArray

    _Key: TypeAlias = tuple[str, str, str, str, str | None]

PARTS = 4
"""Parts of the window in which readings are compared: a copy may lag, so that single points differ."""
CLOSE = 0.03
"""Levels that differ by this share of the largest, at most, are the same."""
_HELD_BACK = (AlertState.SILENCED, AlertState.INHIBITED)


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
    return signal.sign, signal.metric, signal.service, reading.service, reading.peer


def _is_copy(own: dict[_Key, Reading], other: dict[_Key, Reading]) -> bool:
    common = own.keys() & other.keys()
    return bool(common) and all(_agree(own[key], other[key]) for key in common)


def _agree(one: Reading, other: Reading) -> bool:
    ours, theirs = _levels(one), _levels(other)
    largest = np.nanmax(np.abs(np.concatenate([ours, theirs])))
    differences = np.abs(ours - theirs)
    known = np.isfinite(differences)
    return bool(known.any() and (differences[known] <= CLOSE * largest).all())


def _levels(reading: Reading) -> FloatArray:
    """The median of each part of the window; NaN where there is no value."""
    parts = np.array_split(reading.series.values, PARTS)
    finite = (part[np.isfinite(part)] for part in parts)
    return np.array([np.median(part) if len(part) else np.nan for part in finite])


def united(held: Iterable[Sequence[Alert]]) -> tuple[Alert, ...]:
    """The alerts of several Alertmanagers; replicas hold the same ones, and what one holds back is held back."""
    found: dict[frozenset[tuple[str, str]], Alert] = {}
    for alert in (alert for alerts in held for alert in alerts):
        fingerprint = frozenset(alert.labels.items())
        known = found.get(fingerprint)
        if known is None or (alert.state in _HELD_BACK and known.state not in _HELD_BACK):
            found[fingerprint] = alert
    return tuple(found.values())


def remembered_once(remembered: Iterable[Sequence[Alert]]) -> tuple[Alert, ...]:
    """The episodes of several records; one that overlaps with an episode of the same alert elsewhere is that one."""
    found: list[Alert] = []
    for alerts in remembered:
        before = list(found)
        found += [alert for alert in alerts if not any(_is_same(alert, other) for other in before)]
    return tuple(found)


def _is_same(one: Alert, other: Alert) -> bool:
    if one.labels != other.labels:
        return False
    begun_in_time = other.ended_at is None or one.started_at <= other.ended_at
    return begun_in_time and (one.ended_at is None or other.started_at <= one.ended_at)
