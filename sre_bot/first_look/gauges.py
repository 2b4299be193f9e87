"""Gauges that moved, as evidence and as a line of the report. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.phrases import EXACT_S, is_near
from sre_bot.investigation import Chart, ChartLine, ChartMark, Claim, Observation
from sre_bot.signals.series import Shape, sparkline
from sre_bot.signals.units import format_value, unit_of
from sre_bot.tools.text import stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from sre_bot.first_look.exhibits import Case
    from sre_bot.first_look.movers import Mover, Steady
    from sre_bot.first_look.seen import Seen

MAX_TOLD, MAX_DEMAND, MAX_LINES, MAX_CHARTED = 4, 1, 12, 5


def of_gauges(seen: Seen, onset: datetime | None) -> Observation | None:
    """All that moved, first to last, and the demand that did not, as evidence; None when there is neither."""
    if not (seen.movers or seen.steady):
        return None
    told = [f"{_moved(mover, seen.at)} {sparkline(mover.series.values)}" for mover in seen.movers[:MAX_LINES]]
    left = len(seen.movers) - MAX_LINES
    rest = [f"… and {left} more"] if left > 0 else []
    rest += [_as_before(steady) for steady in seen.steady[:MAX_LINES]]
    shown = [_moved(mover, seen.at) for mover in _most_moved(seen.movers, MAX_TOLD)]
    summary = f"gauges that moved: {'; '.join(shown)}" if shown else rest[0]
    return Observation(summary, "\n".join([*told, *rest]), charts=tuple(_charts(seen.movers, onset)))


def moved_gauges(case: Case) -> Iterator[Claim]:
    """Those of the services in play that moved most, in the order in which they did."""
    found, seen = case.found, case.seen
    shown = {symptom.reading.signal.metric for symptom in found.symptoms}
    near = {*found.trail.services, *found.asked, *(alert.service for alert in seen.firing)}
    movers = [mover for mover in seen.movers if mover.metric not in shown]
    chosen = _most_moved([mover for mover in movers if mover.service in near] or movers, MAX_TOLD)
    told = [_moved(mover, seen.at) for mover in chosen]
    flat = [] if any(mover.is_demand for mover in chosen) else _demand(seen, near)[:MAX_DEMAND]
    if told:
        yield Claim(f"Moved: {'; '.join((*told, *flat))}.", case.cite("gauges"))
    elif flat:
        yield Claim(f"{'; '.join(flat)}.", case.cite("gauges"))


def _demand(seen: Seen, near: Collection[str | None]) -> list[str]:
    """How much is asked for, of the services in play, else of any that tell: the first thing that people ask."""
    told = [(steady.service not in near, False, _as_before(steady)) for steady in seen.steady]
    told += [(mover.service not in near, True, _moved(mover, seen.at)) for mover in seen.movers if mover.is_demand]
    return [text for _, _, text in sorted(told)]


def _as_before(steady: Steady) -> str:
    return f"{steady.service} {steady.metric} as before, {format_value(steady.mean, unit_of(steady.metric))}"


def _most_moved(movers: Sequence[Mover], most: int) -> list[Mover]:
    """Each metric of a service once, in order of time."""
    clearest = sorted(movers, key=lambda mover: -abs(mover.facts.shift))[:most]
    return sorted(clearest, key=lambda mover: (mover.onset, mover.service, mover.metric))


def _moved(mover: Mover, at: datetime) -> str:
    """Which one, from what to what, and since when."""
    before, after = _levels(mover)
    unit = unit_of(mover.metric)
    times = f"×{after / before:.1f}, " if mover.is_demand and after > before > 0 else ""
    levels = f"{times}{format_value(before, unit)} → {format_value(after, unit)}"
    about = "" if (mover.latest - mover.onset).total_seconds() <= EXACT_S else "about "
    last = mover.facts.last
    now = "" if is_near(last, after) else f", now {format_value(last, unit)}"
    return f"{mover.service} {mover.metric} {levels} since {about}{stamp(mover.onset, at)}{now}"


def _levels(mover: Mover) -> tuple[float, float]:
    """What it was before, and is (or was at its peak) since; of a slope its beginning and its end."""
    told, series = mover.facts, mover.series
    after = told.last if math.isnan(told.after) else told.after
    if told.shape is not Shape.RAMP:
        return told.before, after
    known = np.isfinite(series.values)
    times, values = series.times[known], series.values[known]
    start, slope = values[times <= mover.onset.timestamp()], values[times >= mover.onset.timestamp()]
    before = float(np.median(start)) if len(start) else float(values[0])
    return before, float(max(slope, key=lambda value: abs(value - before), default=values[-1]))


def _charts(movers: Sequence[Mover], onset: datetime | None) -> Iterator[Chart]:
    """Those in one unit, as many as can be told apart."""
    if not movers:
        return
    unit = unit_of(movers[0].metric)
    lines = tuple(
        ChartLine(
            f"{mover.service} {mover.metric}",
            tuple(float(t) for t in mover.series.times),
            tuple(float(v) if math.isfinite(v) else None for v in mover.series.values),
        )
        for mover in movers
        if unit_of(mover.metric) == unit
    )
    marks = (ChartMark(onset.timestamp(), "onset"),) if onset else ()
    yield Chart("gauges that moved", unit, lines[:MAX_CHARTED], marks)


def query_of(seen: Seen) -> str:
    """A query that shows them, whichever label names the service."""
    metrics = [*(mover.metric for mover in seen.movers), *(steady.metric for steady in seen.steady)]
    names = "|".join(list(dict.fromkeys(metrics))[:MAX_LINES])
    return f'{{__name__=~"{names}"}}'
