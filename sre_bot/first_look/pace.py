"""How often a Prometheus scrapes, since when it has data, and the moments at which to evaluate there."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.asking import Need
from sre_bot.incident import AlertState, TimeWindow
from sre_bot.signals.series import Series, on_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.first_look.asking import Asking
    from sre_bot.incident import Alert
    from sre_bot.tools.metrics import Metrics

LOOKBACK = timedelta(hours=1)
"""How far back signals are looked at, when what fires is younger than that."""
LEAD = timedelta(minutes=30)
"""How long before the oldest firing alert the signals begin …"""
MAX_LOOKBACK = timedelta(hours=12)
"""… unless it has fired for longer than this."""
POINTS = 240
PRESENCE = ((MAX_LOOKBACK, timedelta(seconds=60)), (timedelta(minutes=15), timedelta(seconds=2)))
"""Windows and steps in which to see since when there is data at all: coarse, and fine for what was just started."""
SCRAPE_WINDOWS = (10, 60, 300)
"""Seconds over which scrapes are counted to learn their interval."""
ENOUGH_SCRAPES = 4
SLOW_SHARE = 0.1
"""The interval is that of the targets scraped most rarely, but for this share of them: fewer may be new or broken."""
SCRAPES = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
"""Usual intervals, in seconds."""
UNKNOWN_SCRAPE = timedelta(seconds=60)
"""Taken when it cannot be learnt: a rate over five of them sees something at most intervals."""
RATE_WINDOW_SCRAPES = 5


@dataclass(frozen=True, slots=True)
class Pace:
    """How often there are samples, and since when, as far as one would look back; None when that is not known."""

    scrape: timedelta
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Grid:
    """The moments at which signals are evaluated."""

    window: TimeWindow
    step: timedelta

    def laid(self, series: Series) -> Series:
        """The series at these moments, NaN where it has no value."""
        start, end = self.window.start.timestamp(), self.window.end.timestamp()
        return on_grid(series, start=start, end=end, step=self.step.total_seconds())


async def ask_range(
    metrics: Metrics, promql: str, grid: Grid, asking: Asking, need: Need = Need.EXTRA
) -> Sequence[Series]:
    """The series of a query, none when there is no answer; partial data are noted."""
    return await asking.series(metrics.name, metrics.query_range(promql, grid.window, grid.step), need)


async def pace_of(metrics: Metrics, at: datetime, asking: Asking) -> Pace:
    """What the scrapes of all targets tell."""

    async def present(length: timedelta, step: timedelta) -> float:
        grid = Grid(TimeWindow.before(at, length), step)
        found = await ask_range(metrics, "count(up)", grid, asking, Need.ESSENTIAL)
        return min((float(series.times[0]) for series in found), default=math.nan)

    async def count(length: int) -> float:
        scrapes = f"quantile({SLOW_SHARE}, count_over_time(up[{length}s]))"
        found = await asking.series(metrics.name, metrics.query(scrapes, at), Need.ESSENTIAL)
        return float(found[0].values[-1]) if found else 0.0

    (long, recently), counts = await asyncio.gather(
        asyncio.gather(*(present(length, step) for length, step in PRESENCE)),
        asyncio.gather(*(count(length) for length in SCRAPE_WINDOWS)),
    )
    first = float(np.fmin(long, recently))
    age = math.inf if math.isnan(first) else at.timestamp() - first
    since = None if math.isnan(first) else datetime.fromtimestamp(first, UTC)
    return Pace(_scrape_interval(counts, age), since)


def _scrape_interval(counts: Sequence[float], age: float) -> timedelta:
    """The usual interval that fits the samples in the longest of SCRAPE_WINDOWS which there is data for (``age`` s)."""
    told = [(length, count) for length, count in zip(SCRAPE_WINDOWS, counts, strict=True) if count >= ENOUGH_SCRAPES]
    if not told:
        return UNKNOWN_SCRAPE
    longest, count = next((pair for pair in reversed(told) if pair[0] <= age), told[0])
    length = min(longest, max(age, 1.0))
    # a window may have a sample at both ends, or at none
    fitting = [usual for usual in SCRAPES if length / (count + 1) < usual <= length / (count - 1)]
    return timedelta(seconds=min(fitting or SCRAPES, key=lambda usual: abs(math.log(usual * count / length))))


def window_of(at: datetime, alerts: Sequence[Alert], since: datetime | None) -> TimeWindow:
    """From well before the trouble (but not from before there is data) until ``at``."""
    oldest = at - MAX_LOOKBACK
    firing = [a.started_at for a in alerts if a.state is AlertState.FIRING and oldest <= a.started_at <= at]
    start = max(min([at - LOOKBACK, *(began - LEAD for began in firing)]), oldest, since or oldest)
    return TimeWindow(min(start, at), at)
