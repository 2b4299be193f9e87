"""Ticks of a chart's axes: round numbers with units, round moments in UTC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_STEPS = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
    604_800,
)
_MINUTE, _DAY = 60, 86_400
_SMALLEST = 1e-200
_FLOOR = 0.5
"""A scale starts at zero unless all values lie above this share of the largest."""

# Units by size: from this value on, divide by this, and write this behind the number.
_SECONDS = ((7_200.0, 3_600.0, " h"), (120.0, 60.0, " min"), (1.0, 1.0, " s"), (1e-3, 1e-3, " ms"), (0.0, 1e-6, " µs"))
_BYTES = (
    *((1024.0**power, 1024.0**power, f" {name}") for power, name in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB"))),
    (0.0, 1.0, " B"),
)
_PLAIN = ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"), (0.0, 1.0, ""))
_UNITS = {
    "seconds": _SECONDS,
    "milliseconds": tuple((least * 1e3, factor * 1e3, suffix) for least, factor, suffix in _SECONDS),
    "bytes": _BYTES,
    "ratio": ((0.0, 0.01, " %"),),
    "percent": ((0.0, 1.0, " %"),),
}


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in the units of the data, and what stands there."""

    at: float
    label: str


def value_ticks(low: float, high: float, unit: str, wanted: int = 4) -> tuple[Tick, ...]:
    """Round values that enclose all between ``low`` and ``high``; the first and the last are the ends of the axis."""
    low, high = (0.0 if abs(value) < _SMALLEST else value for value in (low, high))
    factor, suffix = _scale(max(abs(low), abs(high)), unit)
    bottom = 0.0 if low >= 0 and low <= _FLOOR * high else low / factor
    top = high / factor
    if not top > bottom:
        bottom, top = (0.0, 1.0) if top == 0 else (min(0.0, 2 * top), max(0.0, 2 * top))
    step = _round_step((top - bottom) / wanted, binary=unit.startswith("bytes"))
    first, last = math.floor(bottom / step + 1e-9), math.ceil(top / step - 1e-9)
    decimals = max(0, -int(Decimal(f"{step:.6g}").as_tuple().exponent))
    return tuple(
        Tick(index * step * factor, f"{index * step:.{decimals}f}{suffix}") for index in range(first, last + 1)
    )


def is_written(unit: str) -> bool:
    """Whether numbers carry this unit with them (5 ms), or there is none to carry."""
    return unit.removesuffix("/s") in {"", *_UNITS}


def value_text(value: float, unit: str) -> str:
    """One value with its unit, to three digits."""
    factor, suffix = _scale(abs(value), unit)
    return f"{float(f'{value / factor:.3g}'):,.10g}{suffix}"


def time_ticks(start: float, end: float, wanted: int = 5) -> tuple[Tick, ...]:
    """Round moments (unix seconds) between the two, labelled in UTC; with the date where the window is long."""
    step = next((step for step in _TIME_STEPS if (end - start) / step <= wanted), _TIME_STEPS[-1])
    pattern = "%H:%M:%S" if step < _MINUTE else "%H:%M" if step < _DAY else "%b %d"
    first = math.ceil(start / step)
    return tuple(
        Tick(float(index * step), datetime.fromtimestamp(index * step, UTC).strftime(pattern))
        for index in range(first, math.floor(end / step) + 1)
    )


def _scale(size: float, unit: str) -> tuple[float, str]:
    """By what to divide values of this size, and what to write behind them."""
    base = unit.removesuffix("/s")
    factor, suffix = next((factor, suffix) for least, factor, suffix in _UNITS.get(base, _PLAIN) if size >= least)
    return factor, suffix + ("/s" if unit.endswith("/s") else "")


def _round_step(least: float, *, binary: bool) -> float:
    """The smallest round number that is no less."""
    if binary and least > 1:
        return 2.0 ** math.ceil(math.log2(least))
    size = 10.0 ** math.floor(math.log10(least))
    return next(size * digit for digit in _ROUND if size * digit >= least * (1 - 1e-9))
