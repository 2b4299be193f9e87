"""Which service is most unusual around the alert: all its metrics, whatever they are called, ranked by signals.ranking.

Samples are read as they were scraped, with range selectors: a range query would fill every gap for five minutes, and
a process whose metrics stop is a suspect. Only how samples of several series become one row is decided here.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.errors import BadInputError
from sre_bot.incident import AlertState, TimeWindow
from sre_bot.signals.metric_table import MetricTable, as_rates, counters_of
from sre_bot.signals.ranking import Situation, rank

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sre_bot.first_look.asking import Asking
    from sre_bot.first_look.vitals import Endpoint
    from sre_bot.incident import Alert
    from sre_bot.signals.ranking import Ranking
    from sre_bot.signals.series import FloatArray, Series

LEAD, AFTER = timedelta(minutes=15), timedelta(minutes=10)
"""The time that is looked at, before and after the first alert began to fire."""
MAX_SAMPLES, MAX_LABELS = 60_000, 4
SELDOM = timedelta(seconds=15)
"""How often samples are taken to come where nothing tells."""
_SKIPPED = ".+_(count|sum|bucket|created|info|timestamp|timestamp_seconds)|up|scrape_.+|ALERTS.*|(go|promhttp)_.+"
"""Histograms' parts mean nothing by themselves, and the golden signals tell of them."""


async def read_ranking(
    endpoints: Sequence[Endpoint], told: Collection[asyncio.Task[Sequence[Alert] | None]], at: datetime, asking: Asking
) -> Ranking | None:
    """The services by how unusual they were around the first alert that fires; None without one or without metrics.

    A Prometheus that holds more than the environment meant is not asked, as in `read_movers`.
    """
    here = [endpoint for endpoint in endpoints if endpoint.only is None]
    alerts = await asking.soon(told) if here else []
    began = min((one.started_at for one in alerts if one.state is AlertState.FIRING), default=None)
    if began is None or began > at:
        return None
    window = TimeWindow(began - LEAD, min(at, began + AFTER))
    tables = await asyncio.gather(*(read_table(endpoint, window, asking) for endpoint in here))
    if asking.is_over:
        return None
    try:
        return rank(Situation(max(tables, key=lambda table: len(table.keys)), began.timestamp()))
    except BadInputError:  # nothing is scraped, or nothing was before the alert
        return None


async def read_table(
    endpoint: Endpoint, window: TimeWindow, asking: Asking, *, samples: int = MAX_SAMPLES
) -> MetricTable:
    """The metrics of all services in the window, at the moments at which they were scraped.

    Services are told by the first label that has any. Of more than so many ``samples``, only the metrics with the
    fewest series are read.
    """
    metrics, length = endpoint.metrics, f"{max(1, round(window.duration.total_seconds()))}s"
    chosen = {label: f'{label}!="",__name__!~"{_SKIPPED}"' for label in endpoint.service_labels[:MAX_LABELS]}
    queries = [f"count by (__name__) ({{{which}}})" for which in chosen.values()]
    queries.append(f"max(count_over_time(up[{length}]))")
    *named, scrapes = await asyncio.gather(
        *(asking.series(metrics.name, metrics.query(query, window.end)) for query in queries)
    )
    label, there = next(((one, found) for one, found in zip(chosen, named, strict=True) if found), ("", ()))
    each = float(scrapes[0].values[-1]) if scrapes else window.duration / SELDOM
    wanted = _affordable(there, samples / max(1.0, each))
    if not wanted:
        return table_of((), label)
    names = json.dumps("|".join(map(re.escape, wanted)), ensure_ascii=False)
    promql = f'{{{label}!="",__name__=~{names}}}[{length}]'
    return table_of(await asking.series(metrics.name, metrics.query(promql, window.end)), label)


def _affordable(there: Iterable[Series], most: float) -> list[str]:
    """The names of the metrics with the fewest series, of so many series in all."""
    sizes = sorted((float(one.values[-1]), one.labels.get("__name__", "")) for one in there)
    total = np.cumsum([size for size, _ in sizes])
    return [name for (_, name), so_far in zip(sizes, total, strict=True) if name and so_far <= most]


def table_of(series: Iterable[Series], label: str) -> MetricTable:
    """The series on one axis: of each service (which ``label`` names) and metric a row.

    The axis has the moments at which anything was scraped, to within the usual interval. Replicas count on average,
    counters of several series as rates.
    """
    alike: defaultdict[tuple[str, str], list[Series]] = defaultdict(list)
    for one in series:
        alike[one.labels.get(label, ""), one.labels.get("__name__", "")].append(one)
    times = _axis([one.times for one in chain.from_iterable(alike.values())])
    rows = [_row(key, group, times) for key, group in alike.items()]
    return MetricTable(times, tuple(alike), np.array(rows, dtype=np.float64).reshape(len(rows), len(times)))


def _axis(times: Sequence[FloatArray]) -> FloatArray:
    """The moments of the scrapes; those of targets that are scraped a little later are those of the first."""
    steps = np.concatenate([np.diff(one) for one in times]) if times else np.empty(0)
    every = np.unique(np.concatenate(times)) if times else np.empty(0)
    if not len(steps):
        return every
    slots = np.rint((every - every[0]) / float(np.median(steps)))
    return np.asarray(every[np.unique(slots, return_index=True)[1]], dtype=np.float64)


def _row(key: tuple[str, str], group: Sequence[Series], times: FloatArray) -> FloatArray:
    values = np.full((len(group), len(times)), np.nan)
    for row, one in enumerate(group):
        after = np.clip(np.searchsorted(times, one.times), 1, max(1, len(times) - 1))
        nearer = np.abs(times[after - 1] - one.times) <= np.abs(times[after % len(times)] - one.times)
        values[row, np.where(nearer, after - 1, after % len(times))] = one.values
    if len(group) == 1:
        return np.asarray(values[0], dtype=np.float64)
    keys = tuple((key[0], f"{row}_{key[1]}") for row in range(len(group)))
    table = MetricTable(times, keys, values)
    rates = as_rates(table, counters_of(table)).values
    known = np.isfinite(rates)
    total = np.where(known, rates, 0.0).sum(axis=0)
    return np.asarray(np.where(known.any(axis=0), total / np.maximum(1, known.sum(axis=0)), np.nan), dtype=np.float64)
