"""Between which bucket bounds a quantile lies: inside a bucket ``histogram_quantile`` only interpolates."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.errors import SourceError
from sre_bot.signals.units import format_value
from sre_bot.tools.selectors import selector

if TYPE_CHECKING:
    from datetime import datetime

    from sre_bot.tools.metrics import Metrics
    from sre_bot.tools.promql import Query

CAVEAT = "histogram_quantile interpolates: its values are exact only to the bucket that they fall in."


@dataclass(frozen=True, slots=True)
class Buckets:
    """The finite upper bounds of a histogram's buckets, ascending; none when they are not known."""

    bounds: tuple[float, ...] = ()

    def around(self, value: float, unit: str) -> str:
        """The bucket that a quantile lies in, in words; "" when it is not known."""
        if not self.bounds or math.isnan(value):
            return ""
        place = bisect.bisect_left(self.bounds, value)
        if place >= len(self.bounds) - 1 and value >= self.bounds[-1]:
            # Prometheus gives the highest bound for whatever lies beyond it
            return f"{format_value(self.bounds[-1], unit)} or more"
        low = self.bounds[place - 1] if place else 0.0
        return f"{format_value(low, unit)} … {format_value(self.bounds[place], unit)}"


async def buckets_of(source: Metrics, query: Query, at: datetime) -> Buckets:
    """The buckets behind a query that is one ``histogram_quantile`` over one metric, as far as they can be seen."""
    if not query.quantile or len(query.selectors) != 1 or not query.buckets:
        return Buckets()
    (asked,) = query.buckets
    equals = {"__name__": asked.metric or "", **dict(asked.equals)}
    try:
        found = await source.query(f"group by (le) ({selector(equals)})", at)
        bounds = sorted(float(one.labels.get("le", "nan")) for one in found.series)
    except (SourceError, ValueError):  # a bound that is no number: no buckets that we know of
        return Buckets()
    return Buckets(tuple(bound for bound in bounds if math.isfinite(bound)))
