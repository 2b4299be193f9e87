"""Episodes of alerts, out of the series that Prometheus writes while it evaluates its rules.

``ALERTS{alertstate=…}`` is 1 while an alert is pending or firing; ``ALERTS_FOR_STATE`` holds, as its value, the unix
time at which the condition began to hold. Both end with a staleness marker when the alert does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sre_bot.incident import Alert, AlertState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from sre_bot.incident import TimeWindow
    from sre_bot.signals.series import Series

_Labels: TypeAlias = "frozenset[tuple[str, str]]"
_FINEST_STEP = 15.0
_MAX_POINTS = 10_000
_MAX_SAMPLES = 500_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Moments at which `ALERTS` is looked at: ``points`` of them, ``step`` apart, the last at ``end``."""

    end: datetime
    step: timedelta
    points: int

    @classmethod
    def over(cls, window: TimeWindow, series: int) -> Grid:
        """The finest grid over a window that a server answers, and that stays small for so many series."""
        seconds = window.duration.total_seconds()
        step = np.ceil(max(_FINEST_STEP, seconds / _MAX_POINTS, seconds * series / _MAX_SAMPLES))
        return cls(window.end, timedelta(seconds=float(step)), int(np.ceil(seconds / step)) + 1)

    @property
    def start(self) -> datetime:
        """The first moment; it may lie up to a step before the window."""
        return self.end - self.step * (self.points - 1)

    def at(self, index: int) -> datetime:
        """One of its moments."""
        return self.start + self.step * int(index)

    def fill(self, series: Series) -> NDArray[np.float64]:
        """The values of a series at each moment, NaN where it has none."""
        values = np.full(self.points, np.nan)
        indices = np.rint((series.times - self.start.timestamp()) / self.step.total_seconds()).astype(np.int64)
        inside = (indices >= 0) & (indices < self.points)
        values[indices[inside]] = series.values[inside]
        return values


def episodes(alerts: Iterable[Series], for_state: Iterable[Series], grid: Grid) -> list[Alert]:
    """Each episode of each alert, latest start first.

    An episode starts when its condition began to hold (so it includes the time it was pending), as precisely as
    ``ALERTS_FOR_STATE`` tells, else at the first moment of the grid that shows it; it ends at the first moment that
    no longer does. One that fired and ended is RESOLVED; one that ended without firing stays PENDING, with an end.
    """
    since = {_identity(series): grid.fill(series) for series in for_state}
    states: dict[_Labels, dict[str, NDArray[np.bool_]]] = {}
    for series in alerts:
        by_state = states.setdefault(_identity(series), {})
        by_state[series.labels.get("alertstate", "")] = ~np.isnan(grid.fill(series))
    nothing = np.zeros(grid.points, dtype=np.bool_)
    unknown = np.full(grid.points, np.nan)
    found: list[Alert] = []
    for identity, by_state in states.items():
        firing = by_state.get("firing", nothing)
        active = firing | by_state.get("pending", nothing)
        begun = since.get(identity, unknown)
        for first, last in _runs(active, begun):
            found.append(_episode(dict(identity), firing, begun, (first, last), grid))
    return sorted(found, key=lambda alert: alert.started_at, reverse=True)


def _identity(series: Series) -> _Labels:
    return frozenset((name, value) for name, value in series.labels.items() if name not in {"__name__", "alertstate"})


def _runs(active: NDArray[np.bool_], begun: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """First and last index of each unbroken run; a new time of beginning starts a new run."""
    indices = np.flatnonzero(active)
    if not indices.size:
        return
    before, after = begun[indices[:-1]], begun[indices[1:]]
    again = (before != after) & ~np.isnan(before) & ~np.isnan(after)
    for run in np.split(indices, np.flatnonzero((np.diff(indices) > 1) | again) + 1):
        yield int(run[0]), int(run[-1])


def _episode(
    labels: Mapping[str, str],
    firing: NDArray[np.bool_],
    begun: NDArray[np.float64],
    run: tuple[int, int],
    grid: Grid,
) -> Alert:
    first, last = run
    fired = bool(firing[first : last + 1].any())
    over = last < grid.points - 1
    state = AlertState.PENDING if not fired else AlertState.RESOLVED if over else AlertState.FIRING
    started_at = grid.at(first)
    told = begun[first : last + 1]
    told = told[(told > 0) & (told <= started_at.timestamp())]
    if told.size:
        started_at = datetime.fromtimestamp(float(told[0]), UTC)
    ended_at = grid.at(last + 1) if over else None
    return Alert(labels.get("alertname", ""), labels, {}, started_at, ended_at, state)
