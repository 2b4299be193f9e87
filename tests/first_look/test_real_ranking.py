"""What is ranked from a real Prometheus is what is ranked from the files that filled it."""

from __future__ import annotations

import math
import re
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.first_look import ranking
from sre_bot.first_look.asking import Asking
from sre_bot.first_look.vitals import Endpoint
from sre_bot.incident import TimeWindow
from sre_bot.rank import read_case
from sre_bot.servers import PrometheusServer, backfill
from sre_bot.signals.metric_table import MetricTable
from sre_bot.signals.ranking import rank
from sre_bot.sources.prometheus import PrometheusSource

if TYPE_CHECKING:
    from sre_bot.signals.ranking import Situation

SHARED = Path(__file__).parents[2] / "../shared/rca"
SETS = {"re1-ob": 15, "re1-ss": 15, "re2-ob": 15, "petshop": 1, "nezha-ob": 1}
"""Of each set of cases, every how manieth sample is taken: those of one second are thinned."""
MAX_SAMPLES = 1_000_000
CASES = [(name, every, number) for name, every in SETS.items() for number in range(2)]


def thinned(table: MetricTable, every: int) -> MetricTable:
    """Every so manieth sample, under names that PromQL knows, each series once."""
    named = {(s, re.sub(r"[^a-zA-Z0-9_]", "_", m)): row for row, (s, m) in reversed([*enumerate(table.keys)])}
    return MetricTable(table.times[::every], tuple(named), table.values[list(named.values()), ::every])


def openmetrics(tables: list[MetricTable]) -> str:
    """All samples, by series and time; a missing one is none at all. ``up`` tells of the scrapes."""
    told: dict[tuple[str, str], dict[float, float]] = {}
    for table in tables:
        up = np.ones((1, len(table.times)))
        for (service, metric), values in zip((*table.keys, ("", "up")), (*table.values, *up), strict=True):
            known = zip(table.times.tolist(), values.tolist(), strict=True)
            told.setdefault((metric, service), {}).update((t, v) for t, v in known if math.isfinite(v))
    lines = (
        f'{metric}{{service="{service}"}} {value!r} {time:.0f}'
        for (metric, service), samples in sorted(told.items())
        for time, value in sorted(samples.items())
    )
    return "\n".join((*lines, "# EOF\n"))


async def read_back(metrics: PrometheusSource, table: MetricTable) -> MetricTable:
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in (table.times[0], table.times[-1]))
    window = TimeWindow(first - timedelta(seconds=1), last)
    return await ranking.read_table(Endpoint(metrics), window, Asking(20.0), samples=MAX_SAMPLES)


@pytest.mark.real
@pytest.mark.skipif(not SHARED.exists(), reason="the published cases are not here")
@pytest.mark.parametrize(("name", "every", "number"), CASES)
async def test_the_live_path_ranks_as_the_files_do(
    prometheus_installed: None, tmp_path: Path, name: str, every: int, number: int
) -> None:
    folders = sorted(path.parent for path in (SHARED / name).glob("*/case.json"))
    _, whole = read_case(folders[number * 7 % len(folders)])
    baseline = whole.baseline and thinned(whole.baseline, every)
    files = replace(whole, metrics=thinned(whole.metrics, every), baseline=baseline)
    await backfill(openmetrics([one for one in (baseline, files.metrics) if one]), tmp_path)
    async with PrometheusServer(tmp_path) as server, aclosing(PrometheusSource(server.url)) as metrics:
        table = await read_back(metrics, files.metrics)
        before = baseline and await read_back(metrics, baseline)
    assert np.array_equal(table.times, files.metrics.times)
    _assert_same(replace(files, metrics=table, baseline=before), files)


def _assert_same(live: Situation, files: Situation) -> None:
    ours, theirs = rank(live), rank(files)
    assert [suspect.service for suspect in ours.suspects] == [suspect.service for suspect in theirs.suspects]
    assert ours.confidence == pytest.approx(theirs.confidence, rel=1e-6)
    for suspect, expected in zip(ours.suspects, theirs.suspects, strict=True):
        assert suspect.score == pytest.approx(expected.score, rel=1e-6)
    told, known = ({(m.service, m.metric): m for m in ranked.movements} for ranked in (ours, theirs))
    assert {key: m.onset for key, m in told.items()} == {key: known[key].onset for key in told}
    for key, movement in told.items():
        levels = [known[key].score, known[key].before, known[key].after]
        assert [movement.score, movement.before, movement.after] == pytest.approx(levels, rel=1e-6, nan_ok=True)
    assert all(not known[key].score for key in known.keys() - told.keys())  # series without a single sample
