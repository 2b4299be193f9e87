"""Readings by hand, for what is judged without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign, Signal
from sre_bot.first_look.seen import Reading, Seen
from sre_bot.first_look.symptoms import course, symptoms
from sre_bot.incident import TimeWindow
from sre_bot.signals.series import Series
from tests.first_look.scenes import AT, TIMES, level

if TYPE_CHECKING:
    import numpy as np

UNITS = {Sign.ERRORS: "ratio", Sign.SATURATION: "ratio", Sign.UP: "ratio", Sign.TRAFFIC: "/s", Sign.LIMIT: ""}


def reading(
    sign: Sign,
    service: str,
    before: float,
    after: float | None = None,
    minutes: float = 10,
    *,
    peer: str | None = None,
    until: float = 0,
    metric: str = "m",
    unit: str | None = None,
    statuses: dict[str, float] | None = None,
) -> Reading:
    """A reading whose level changes so many minutes ago, and back ``until`` minutes ago."""
    values = level(before, after, minutes, until=until, noise=0.01 if sign in {Sign.LATENCY, Sign.TRAFFIC} else 0)
    return of(sign, service, values, peer=peer, metric=metric, unit=unit, statuses=statuses)


def of(
    sign: Sign,
    service: str,
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    *,
    peer: str | None = None,
    metric: str = "m",
    unit: str | None = None,
    statuses: dict[str, float] | None = None,
) -> Reading:
    """A reading of these values at TIMES."""
    unit = UNITS.get(sign, "seconds") if unit is None else unit
    signal = Signal(sign, metric, f"{sign} {metric}", unit, "service", "server_address" if peer else None, shown=metric)
    series = Series({}, TIMES, values)
    return Reading(signal, service, peer, series, course(series, sign, unit), statuses or {})


def seen(*readings: Reading, services: str = "web checkout inventory payments") -> Seen:
    """A look that saw these readings, of services that are known besides."""
    window = TimeWindow(AT.replace(hour=11), AT)
    return Seen(AT, window, readings=readings, services=frozenset(services.split()) | {r.service for r in readings})


def worse(*readings: Reading) -> list[tuple[Sign, str]]:
    """Sign and service of those that got worse."""
    return [(symptom.sign, symptom.service) for symptom in symptoms(readings, AT)]
