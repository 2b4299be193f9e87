"""Episodes of alerts out of ALERTS and ALERTS_FOR_STATE."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sre_bot.incident import Alert, AlertState, TimeWindow
from sre_bot.signals.series import Series
from sre_bot.sources.episodes import Grid, episodes

END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GRID = Grid(END, timedelta(seconds=60), 61)
START = GRID.start.timestamp()
LABELS = {"alertname": "Slow", "service": "checkout"}


def _series(points: dict[int, float], **labels: str) -> Series:
    """Values by grid index."""
    times = np.array([START + 60 * index for index in points])
    return Series({**LABELS, **labels}, times, np.array(list(points.values()), dtype=np.float64))


def _alerts(first: int, last: int, state: str = "firing") -> Series:
    return _series(dict.fromkeys(range(first, last + 1), 1.0), __name__="ALERTS", alertstate=state)


def _since(*runs: tuple[int, int, float]) -> Series:
    points = {index: START + began for first, last, began in runs for index in range(first, last + 1)}
    return _series(points, __name__="ALERTS_FOR_STATE")


def _facts(alert: Alert) -> tuple[float, float | None, AlertState]:
    """Start and end in seconds from the grid's start, and the state."""
    ended = alert.ended_at.timestamp() - START if alert.ended_at else None
    return alert.started_at.timestamp() - START, ended, alert.state


def test_one_that_still_fires_has_no_end() -> None:
    (alert,) = episodes([_alerts(50, 60)], [], GRID)
    assert _facts(alert) == (3000, None, AlertState.FIRING)
    assert alert.name == "Slow"
    assert alert.labels == LABELS


def test_it_begins_when_its_condition_began_to_hold() -> None:
    (alert,) = episodes([_alerts(50, 60)], [_since((50, 60, 2951.5))], GRID)
    assert _facts(alert) == (2951.5, None, AlertState.FIRING)


def test_one_that_began_before_the_window_keeps_its_true_start() -> None:
    (alert,) = episodes([_alerts(0, 10)], [_since((0, 10, -86_400.0))], GRID)
    assert _facts(alert) == (-86_400, 660, AlertState.RESOLVED)


def test_pending_then_firing_is_one_episode_that_fired() -> None:
    (alert,) = episodes([_alerts(10, 14, "pending"), _alerts(15, 20)], [], GRID)
    assert _facts(alert) == (600, 1260, AlertState.RESOLVED)


def test_pending_that_never_fired_stays_pending_with_an_end() -> None:
    (alert,) = episodes([_alerts(10, 14, "pending")], [], GRID)
    assert _facts(alert) == (600, 900, AlertState.PENDING)


def test_a_gap_makes_two_episodes_latest_first() -> None:
    gap = [_series(dict.fromkeys([1, 2, 5, 6], 1.0), alertstate="firing")]
    assert [_facts(alert) for alert in episodes(gap, [], GRID)] == [
        (300, 420, AlertState.RESOLVED),
        (60, 180, AlertState.RESOLVED),
    ]


def test_two_beginnings_without_a_gap_are_two_episodes() -> None:
    found = episodes([_alerts(1, 6)], [_since((1, 3, 50.0), (4, 6, 230.0))], GRID)
    assert [_facts(alert) for alert in found] == [(230, 420, AlertState.RESOLVED), (50, 240, AlertState.RESOLVED)]


def test_alerts_with_other_labels_are_other_alerts() -> None:
    other = Series({**LABELS, "service": "cart", "alertstate": "firing"}, np.array([START]), np.array([1.0]))
    assert {alert.service for alert in episodes([_alerts(0, 0), other], [], GRID)} == {"checkout", "cart"}


def test_samples_beside_the_grid_are_not_seen() -> None:
    assert episodes([_series({-1: 1.0, 61: 1.0}, alertstate="firing")], [], GRID) == []


@pytest.mark.parametrize("began", [-1e9, 4000.0, np.nan, np.inf])
def test_a_beginning_that_cannot_be_is_not_believed(began: float) -> None:
    began_at = _series({10: began if began < 0 else START + began}, __name__="ALERTS_FOR_STATE")
    (alert,) = episodes([_alerts(10, 60)], [began_at], GRID)
    assert _facts(alert) == (600, None, AlertState.FIRING)


@pytest.mark.parametrize(
    ("hours", "series", "step", "points"),
    [(6, 1, 15, 1441), (168, 1, 61, 9916), (1, 10_000, 72, 51), (0, 1, 15, 1), (0.001, 1, 15, 2)],
)
def test_a_grid_ends_with_its_window_and_stays_small(hours: float, series: int, step: int, points: int) -> None:
    window = TimeWindow.before(END, timedelta(hours=hours))
    grid = Grid.over(window, series)
    assert (grid.step.total_seconds(), grid.points) == (step, points)
    assert grid.end == END
    assert window.start - grid.step < grid.start <= window.start
