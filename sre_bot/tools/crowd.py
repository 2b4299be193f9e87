"""Very many series: when they are too many to be sent one by one, their extremes and mean are an answer still."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.errors import SourceError
from sre_bot.signals.series import QueryResult

if TYPE_CHECKING:
    from datetime import timedelta

    from sre_bot.incident import TimeWindow
    from sre_bot.tools.metrics import Metrics

FEW = 200
"""A query of no more series than this was not refused for their number."""
_HOW = ("min", "avg", "max")


async def crowd(source: Metrics, promql: str, window: TimeWindow, step: timedelta) -> tuple[QueryResult, str] | None:
    """Minimum, mean and maximum over all series of a query, and a sentence that says so.

    None when the query has few series, or cannot be asked that way either.
    """
    try:
        count = await source.query(f"count(\n{promql}\n)", window.end)
        number = int(count.series[0].values[-1]) if count.series else 0
        if number <= FEW:
            return None
        parts = [await source.query_range(f"{how}(\n{promql}\n)", window, step) for how in _HOW]
    except SourceError:
        return None
    told = [replace(one, labels={"of": how}) for how, part in zip(_HOW, parts, strict=True) for one in part.series]
    sentence = (
        f"{number} series are too many to be sent: here are their min, avg and max. Aggregate by a label for more."
    )
    return QueryResult(tuple(told), parts[0].warnings), sentence
