"""Which readings got worse, by how much at least, and since when. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.discovery import Sign
from sre_bot.signals.series import SeriesFacts, Shape, facts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sre_bot.first_look.seen import Reading
    from sre_bot.signals.series import FloatArray, Series

MIN_ERROR_RISE = 0.02
"""An error ratio that rises by less is not what anyone is called for."""
MIN_SLOWER, MIN_SLOWER_S = 1.5, 0.02
"""Nor is time that grows by less than this factor, or by less than so many seconds."""
FULL = 0.9
"""A pool or limit used to this share is a bottleneck."""
SURGE = 1.8
"""Traffic that grew by this factor explains other things."""
MIN_RAMP = 2.0
"""Errors that grow without a clear onset count from this factor on."""
MIN_MOVED = 1.5
"""Load that moves by less than this factor is weather."""
BACK = 0.2
"""A spike is over once this share of it, at most, is left."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """A reading that got worse; ``over`` when it is back to what it was."""

    reading: Reading
    over: bool

    @property
    def service(self) -> str:
        """Who shows it."""
        return self.reading.service

    @property
    def peer(self) -> str | None:
        """Who is called, for a symptom of calls."""
        return self.reading.peer

    @property
    def sign(self) -> Sign:
        """What it is a sign of."""
        return self.reading.signal.sign

    @property
    def onset(self) -> datetime | None:
        """Since when, if that can be told."""
        return self.reading.onset


def symptoms(readings: Iterable[Reading], at: datetime) -> tuple[Symptom, ...]:
    """What got worse, in the order in which it began; what began nobody knows when comes last.

    A limit that was lowered only matters where it is used up.
    """
    worse = [Symptom(reading, is_over(reading.facts)) for reading in readings if _is_worse(reading)]
    full = {symptom.service for symptom in worse if symptom.sign is Sign.SATURATION}
    worse = [symptom for symptom in worse if symptom.sign is not Sign.LIMIT or symptom.service in full]
    order = list(Sign)
    return tuple(
        sorted(
            worse, key=lambda s: (s.onset or at, s.service, s.peer or "", order.index(s.sign), s.reading.signal.metric)
        )
    )


def course(series: Series, sign: Sign, unit: str) -> SeriesFacts:
    """Facts of a series on a grid. What moved too little to matter is not searched for an onset, which takes time."""
    known = series.values[np.isfinite(series.values)]
    if len(known) < len(series.values) or _could_matter(known, sign, unit):
        return facts(series)
    level = float(np.median(known))
    return SeriesFacts(
        minimum=float(known.min()),
        maximum=float(known.max()),
        mean=float(known.mean()),
        last=float(known[-1]),
        before=level,
        after=level,
        onset=None,
        shift=0.0,
        shape=Shape.FLAT,
        points=len(known),
    )


def _could_matter(values: FloatArray, sign: Sign, unit: str) -> bool:
    low, level, high = float(values.min()), float(np.median(values)), float(values.max())
    match sign:
        case Sign.UP | Sign.LIMIT:
            return low < high
        case Sign.ERRORS:
            return high - low >= MIN_ERROR_RISE
        case Sign.LATENCY | Sign.STEP:
            return _is_slower(low, high, unit)
        case Sign.SATURATION:
            return low < FULL <= high
        case _:
            return high >= MIN_MOVED * level or low <= level / MIN_MOVED


def _is_worse(reading: Reading) -> bool:
    facts, sign = reading.facts, reading.signal.sign
    before = 0.0 if math.isnan(facts.before) else facts.before
    after = facts.last if math.isnan(facts.after) else facts.after
    changed, gone = facts.onset is not None, facts.shape is Shape.GONE
    worse = {
        Sign.UP: gone or (changed and after < before),
        Sign.ERRORS: after - before >= MIN_ERROR_RISE and (changed or after >= MIN_RAMP * before),
        Sign.SATURATION: before < FULL <= after,
        Sign.LIMIT: changed and after < before,
        Sign.TRAFFIC: gone and before > 0 and reading.peer is None,
    }
    if sign in {Sign.LATENCY, Sign.STEP}:
        begun = changed or facts.shape is Shape.RAMP
        return begun and before > 0 and _is_slower(before, after, reading.signal.unit)
    return worse.get(sign, False)


def _is_slower(before: float, after: float, unit: str) -> bool:
    second = 1000 if unit == "milliseconds" else 1
    return after >= MIN_SLOWER * before and after - before >= MIN_SLOWER_S * second


def is_over(facts: SeriesFacts) -> bool:
    """Whether it was a spike (or a dip), and the last value is near what it was before."""
    return facts.shape is Shape.SPIKE and abs(facts.last - facts.before) <= BACK * abs(facts.after - facts.before)
