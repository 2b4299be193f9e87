"""Why a query gave no data: is there no such metric, no such label value, or nothing that passes its filter?"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from sre_bot.errors import SourceError
from sre_bot.investigation import missing_of
from sre_bot.tools.selectors import selector
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import TimeWindow
    from sre_bot.tools.metrics import Metrics
    from sre_bot.tools.promql import Query, Selector

MAX_METRICS = 3
MAX_LABEL_SETS = 500
MAX_NAMES = 1_000
MAX_SIMILAR = 5
MAX_LABEL_VALUES = 10
LIKE = 0.6


async def why_no_data(source: Metrics, query: Query, window: TimeWindow) -> list[str]:
    """A sentence for each metric the query names: whether it exists, and what is there instead."""
    named = {asked.metric: asked for asked in query.selectors if asked.metric is not None}
    try:
        return [await _why(source, asked, metric, window) for metric, asked in list(named.items())[:MAX_METRICS]]
    except SourceError as error:
        return [f"Whether the metric exists could not be checked: {quoted(error.message, 200)}"]


async def _why(source: Metrics, asked: Selector, metric: str, window: TimeWindow) -> str:
    sets = await source.label_sets([selector({"__name__": metric})], window, MAX_LABEL_SETS)
    partial = missing_of(sets)
    if not sets and partial:
        return f"Whether there is a metric {metric} is not known: {quoted(partial[0].why, 200)}"
    if not sets:
        similar = await _similar(source, metric, window)
        hint = f" Similar names: {', '.join(similar)}." if similar else " find_metrics tells what there is."
        return f"There is no metric {metric} in this window.{hint}"
    for label, value in asked.equals:
        values = sorted({labels.get(label, "") for labels in sets})
        if value not in values:
            close = [*difflib.get_close_matches(value, values, cutoff=LIKE), *values]
            shown = ", ".join(quoted(v, 60) or '""' for v in list(dict.fromkeys(close))[:MAX_LABEL_VALUES])
            return f"{metric} exists, but not with {label}={quoted(value, 60)}; {label} is one of: {shown}."
    return f"{metric} exists, but nothing passes this query's matchers and filters in this window."


async def _similar(source: Metrics, metric: str, window: TimeWindow) -> Sequence[str]:
    """Names like this one, of metrics that exist."""
    longest = max(re.findall(r"[A-Za-z0-9]+", metric), key=len, default="")
    sets = await source.label_sets([selector({}, longest)], window, MAX_NAMES) if longest else []
    names = {labels.get("__name__", "") for labels in sets} | set(await source.metadata())
    return [quoted(name, 100) for name in difflib.get_close_matches(metric, names, MAX_SIMILAR, LIKE)]
