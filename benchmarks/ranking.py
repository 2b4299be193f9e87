"""How well the culprit is ranked on published cases: ours, NSigma and BARO, per set, in one table.

Run ``.venv/bin/python -m benchmarks.ranking FOLDER`` where FOLDER holds a folder a set, each with a folder a case (as
``sre-bot rank`` reads them) and a ``truth.json``. Rows: the alert exact, 60 s early, 60 and 120 s late, then a scrape
interval of 60 s; also brief faults (the data after the alert cut to a quarter of fault and three quarters of normal),
names that tell no kind, and a crowd: the services of four other cases in which nothing happens. Then calibration (of
ours) and the time a case takes.

The findings, and what was chosen on which data, are in docs/ranking.md.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.baselines import baro, nsigma
from sre_bot.rank import read_case
from sre_bot.signals.metric_table import MetricTable
from sre_bot.signals.ranking import Situation, rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

BINS = 5
BRIEF_SHARE = 0.25
STRANGERS, MARGIN_S = 4, 30
PLACES = range(1, 6)


@dataclass(frozen=True, slots=True)
class Case:
    """A situation, who was to blame for it and which metrics show it (keys; empty when none is named)."""

    situation: Situation
    service: str
    shown_by: frozenset[tuple[str, str]]
    databases_count: bool


@dataclass(slots=True)
class Tally:
    """Places (from 0) of the true service and metric over the cases of a set."""

    services: list[int] = field(default_factory=list)
    metrics: list[int] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def accuracy(self, places: int) -> float:
        """The share of cases with the true service among the first so many."""
        return float(np.mean(np.array(self.services) < places))

    def cells(self) -> str:
        """AC@1, AC@3, Avg@5 and the metric's AC@1."""
        average = np.mean([self.accuracy(places) for places in PLACES])
        metric = f"{np.mean(np.array(self.metrics) == 0):.2f}" if self.metrics else "  – "
        return f"{self.accuracy(1):.3f} {self.accuracy(3):.3f} {average:.3f} {metric}"


Order = tuple[list[str], list[tuple[str, str]], float]


def ours(situation: Situation) -> Order:
    """Services, metrics and confidence as ``sre-bot rank`` gives them."""
    ranking = rank(situation)
    movements = [(each.service, each.metric) for each in ranking.movements]
    return [suspect.service for suspect in ranking.suspects], movements, ranking.confidence


def by_series(scorer: Callable[[Situation], list[tuple[str, str]]]) -> Callable[[Situation], Order]:
    """A ranking of series as one of services: in the order of their first series."""

    def order(situation: Situation) -> Order:
        keys = scorer(situation)
        return list(dict.fromkeys(service for service, _ in keys)), keys, 0.0

    return order


RANKERS: Mapping[str, Callable[[Situation], Order]] = {
    "ours": ours,
    "NSigma": by_series(nsigma),
    "BARO": by_series(baro),
}


@lru_cache(maxsize=8)
def cases(folder: Path) -> tuple[Case, ...]:
    """All cases of a set. In RCAEval's sets a database ``X-db`` counts as ``X``."""
    truth = json.loads((folder / "truth.json").read_text())
    found = []
    for path in sorted(folder.glob("*/case.json")):
        name, situation = read_case(path.parent)
        known = truth[name]
        shown_by = frozenset((known["service"], metric) for metric in known["metrics"])
        found.append(Case(situation, known["service"], shown_by, folder.name.startswith("re")))
    return tuple(found)


def tally(ranker: Callable[[Situation], Order], of: Iterable[Case], change: Callable[[Situation], Situation]) -> Tally:
    """Rank every case, changed as told."""
    result = Tally()
    for case in of:
        situation = change(case.situation)
        started = time.perf_counter()
        services, metrics, confidence = ranker(situation)
        result.seconds.append(time.perf_counter() - started)
        known = [name.removesuffix("-db") if case.databases_count else name for name in services]
        true = case.service.removesuffix("-db") if case.databases_count else case.service
        result.services.append(_place(list(dict.fromkeys(known)), {true}))
        result.confidences.append(confidence)
        if case.shown_by and situation.metrics.keys == case.situation.metrics.keys:
            result.metrics.append(_place(metrics, case.shown_by))
    return result


def _place(ranked: list[str] | list[tuple[str, str]], right: Iterable[object]) -> int:
    return next((place for place, each in enumerate(ranked) if each in right), sys.maxsize)  # type: ignore[operator]


def shifted(seconds: float) -> Callable[[Situation], Situation]:
    """The alert so much later."""
    return lambda situation: replace(situation, alert_time=situation.alert_time + seconds)


def scraped(interval: float, seconds: float = 0.0) -> Callable[[Situation], Situation]:
    """Samples at least so far apart, and the alert so much later."""

    def change(situation: Situation) -> Situation:
        times = situation.metrics.times
        step = max(1, round(interval / float(np.median(np.diff(times)))))
        fewer = replace(situation.metrics, times=times[::step], values=situation.metrics.values[:, ::step])
        return replace(situation, metrics=fewer, alert_time=situation.alert_time + seconds)

    return change


def brief(situation: Situation) -> Situation:
    """The fault lasts a quarter of the time after the alert: the rest is the end of the time before it."""
    metrics = situation.metrics
    split = int(np.searchsorted(metrics.times, situation.alert_time))
    rest = int(split * 0.4)
    if rest < BINS:  # too little time before the alert to take any away
        return situation
    fault = max(2, round(rest * BRIEF_SHARE / (1 - BRIEF_SHARE)))
    columns = np.r_[0 : split - rest, split : split + fault, split - rest : split]
    columns = columns[columns < len(metrics.times)]
    times = metrics.times[: len(columns)]
    cut = replace(metrics, times=times, values=metrics.values[:, columns])
    return replace(situation, metrics=cut, alert_time=float(times[split - rest]))


def nameless(situation: Situation) -> Situation:
    """Every metric renamed so that its name tells nothing."""

    def renamed(key: tuple[str, str]) -> tuple[str, str]:
        return key[0], "x" + hashlib.sha256(key[1].encode()).hexdigest()[:6].translate(
            str.maketrans("0123456789", "ghijklmnop")
        )

    table = replace(situation.metrics, keys=tuple(map(renamed, situation.metrics.keys)))
    baseline = situation.baseline
    if baseline is not None:
        baseline = replace(baseline, keys=tuple(map(renamed, baseline.keys)))
    return replace(situation, metrics=table, baseline=baseline, objective=None)


def among(strangers: Sequence[Situation]) -> Callable[[Situation], Situation]:
    """With the services of other cases, from their time before the alert, stretched over the time of this one."""

    def change(situation: Situation) -> Situation:
        table = situation.metrics
        keys, values = list(table.keys), [table.values]
        for number, other in enumerate(strangers):
            normal = other.metrics.values[:, other.metrics.times < other.alert_time - MARGIN_S]
            columns = np.arange(len(table.times)) * normal.shape[1] // len(table.times)
            keys += [(f"{service}~{number}", metric) for service, metric in other.metrics.keys]
            values.append(normal[:, columns])
        return replace(situation, metrics=MetricTable(table.times, tuple(keys), np.vstack(values)))

    return change


CHANGES: Mapping[str, Callable[[Situation], Situation]] = {
    "exact": shifted(0),
    "60 s early": shifted(-60),
    "60 s late": shifted(60),
    "120 s late": shifted(120),
    "60 s scrape": scraped(60),
    "60 s scrape, 120 s late": scraped(60, 120),
    "brief fault": brief,
    "nameless": nameless,
}


def calibration(result: Tally) -> str:
    """Expected calibration error, and AC@1 of all and of the four fifths it is surest of."""
    sure = np.array(result.confidences)
    right = np.array(result.services) == 0
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    error = sum(
        np.mean(bins == each) * abs(float(np.mean(sure[bins == each]) - np.mean(right[bins == each])))
        for each in np.unique(bins)
    )
    surest = np.argsort(sure, kind="stable")[len(sure) // 5 :]
    return f"ECE {error:.3f}; AC@1 {np.mean(right):.3f}, of the surest four fifths {np.mean(right[surest]):.3f}"


def strangers(sets: Sequence[Path]) -> list[Situation]:
    """A few cases from all sets, of those without a baseline."""
    usable = [case.situation for each in sets for case in cases(each) if case.situation.baseline is None]
    return usable[:: max(1, len(usable) // STRANGERS)][:STRANGERS]


def main(folder: Path) -> None:
    """Print the table, the calibration and the times."""
    sets = sorted(path.parent for path in folder.glob("*/truth.json"))
    print("AC@1 AC@3 Avg@5, metric AC@1")
    print(f"{'':31}" + "".join(f"{each.name:24}" for each in sets))
    exact: dict[str, list[Tally]] = defaultdict(list)
    for change_name, change in {**CHANGES, "crowd": among(strangers(sets))}.items():
        for name, ranker in RANKERS.items():
            tallies = [tally(ranker, cases(each), change) for each in sets]
            print(f"{change_name:24}{name:7}" + "".join(f"{each.cells():24}" for each in tallies), flush=True)
            if change_name == "exact":
                exact[name] = tallies
    print("\nConfidence of ours, exact alerts")
    for each, result in zip(sets, exact["ours"], strict=True):
        print(f"{each.name:24}{calibration(result)}")
    pooled = Tally()
    for result in exact["ours"]:
        pooled.services += result.services
        pooled.confidences += result.confidences
    print(f"{'all':24}{calibration(pooled)}")
    print("\nMilliseconds a case, median and longest, with the median number of series")
    for number, each in enumerate(sets):
        series = np.median([len(case.situation.metrics.keys) for case in cases(each)])
        timed = [f"{name} {_milliseconds(tallies[number])}" for name, tallies in exact.items()]
        print(f"{each.name:24}{series:.0f} series: " + ", ".join(timed))


def _milliseconds(result: Tally) -> str:
    taken = 1000 * np.array(result.seconds)
    return f"{np.median(taken):.1f} / {taken.max():.1f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
