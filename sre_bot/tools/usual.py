"""What moved, held against the same time a day and a week before: two more questions for a whole answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.errors import SourceError
from sre_bot.incident import TimeWindow
from sre_bot.signals.seasons import compared
from sre_bot.signals.series import Shape, on_grid
from sre_bot.signals.units import format_value
from sre_bot.tools.readings import label_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.signals.series import Series
    from sre_bot.tools.metrics import Metrics
    from sre_bot.tools.readings import Reading

SEASONS = {"a day": timedelta(days=1), "a week": timedelta(weeks=1)}
MAX_COMPARED = 3
"""So many series are compared, those that moved most."""
MAX_POINTS = 60
"""So many points of each are asked for: for a level they are enough."""
MAX_SERIES = 50
"""An answer of more series is not asked for again."""
_COMPARABLE = frozenset({Shape.STEP, Shape.RAMP, Shape.SPIKE, Shape.SATURATED, Shape.PERIODIC})


async def usual(source: Metrics, promql: str, readings: Sequence[Reading], window: TimeWindow, unit: str) -> list[str]:
    """A line for each season of which there are data, if anything moved; never raises for a source."""
    moved = [one for one in readings if one.facts is not None and one.facts.shape in _COMPARABLE][:MAX_COMPARED]
    if not moved or len(readings) > MAX_SERIES:
        return []
    step = max(timedelta(seconds=1), window.duration / MAX_POINTS)
    told = await asyncio.gather(
        *(
            _told(source, promql, moved, TimeWindow(window.start - ago, window.end - ago), step)
            for ago in SEASONS.values()
        )
    )
    lines = []
    for (name, ago), then in zip(SEASONS.items(), told, strict=True):
        said = [text for reading in moved if (text := _compared(reading, then, ago, window, unit))]
        lines += [f"same time {name} before: {'; '.join(said)}"] if said else []
    return lines


async def _told(
    source: Metrics, promql: str, moved: Sequence[Reading], window: TimeWindow, step: timedelta
) -> dict[frozenset[tuple[str, str]], Series]:
    """What moved, by its labels, as it was in an earlier window; nothing when that cannot be told."""
    try:
        answer = await source.query_range(promql, window, step)
    except SourceError:
        return {}
    grid = {"start": window.start.timestamp(), "end": window.end.timestamp(), "step": step.total_seconds()}
    wanted = {frozenset(one.series.labels.items()) for one in moved}
    found = {frozenset(one.labels.items()): on_grid(one, **grid) for one in answer.series}
    return {labels: series for labels, series in found.items() if labels in wanted}


def _compared(
    reading: Reading, then: dict[frozenset[tuple[str, str]], Series], ago: timedelta, window: TimeWindow, unit: str
) -> str:
    """``{service="cart"} 118/s, now 121/s: as usual``; the level since it changed, or in the whole window."""
    earlier = then.get(frozenset(reading.series.labels.items()))
    if earlier is None:
        return ""
    start = window.start.timestamp()
    since = start if reading.onset is None else max(start, reading.onset)
    found = compared(reading.asked, earlier, ago=ago.total_seconds(), since=since)
    if found is None:
        return ""
    name = f"{label_text(reading.series.labels)} " if reading.series.labels else ""
    levels = f"{format_value(found.then, unit)}, now {format_value(found.now, unit)}"
    return f"{name}{levels}: {'as usual' if found.alike else 'unusual'}"
