"""What a metric is measured in, told from its name, and how humans write such a value."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_SUFFIX_UNITS = {
    "seconds": "seconds",
    "milliseconds": "milliseconds",
    "ms": "milliseconds",
    "millis": "milliseconds",
    "microseconds": "microseconds",
    "usec": "microseconds",
    "nanoseconds": "nanoseconds",
    "bytes": "bytes",
    "kilobytes": "kilobytes",
    "kb": "kilobytes",
    "megabytes": "megabytes",
    "mb": "megabytes",
    "ratio": "ratio",
    "percent": "percent",
    "celsius": "celsius",
    "timestamp": "timestamp",
    "created": "timestamp",
}
_SCALED = {
    "milliseconds": ("seconds", 1e-3),
    "microseconds": ("seconds", 1e-6),
    "nanoseconds": ("seconds", 1e-9),
    "kilobytes": ("bytes", 1024),
    "megabytes": ("bytes", 1024**2),
}
"""Units that are written as another one, and what one of them is of that."""
_HISTOGRAM_COUNTS = ("_bucket", "_count")
_SMALLEST_PLAIN = 1e-4
_TIMESTAMPS = ("_timestamp_seconds", "_start_time_seconds", "_boot_time_seconds")


def unit_of(metric_name: str, *, rated: bool = False) -> str:
    """The unit that a name promises by the Prometheus naming convention, or "" when it promises none.

    Args:
        metric_name: e.g. ``http_request_duration_seconds_bucket``.
        rated: whether the values are a per-second rate of the metric.

    Returns:
        ``seconds``, ``bytes``, ``ratio``, ``percent``, ``timestamp`` …; the noun of a counter (``requests`` for
        ``http_requests_total``); ``observations`` for a histogram's counts; with ``/s`` behind it when rated.
    """
    unit = _unit(metric_name)
    return f"{unit or 'units'}/s" if rated else unit


def _unit(name: str) -> str:
    if name.endswith(_HISTOGRAM_COUNTS):
        return "observations"
    if name.endswith(_TIMESTAMPS):
        return "timestamp"
    counter = name.endswith("_total")
    words = name.removesuffix("_total").removesuffix("_sum").split("_")
    known = _SUFFIX_UNITS.get(words[-1], "")
    return known or (words[-1] if counter else "")


def format_value(value: float, unit: str) -> str:
    """The value as an on-call engineer writes it, to three digits: 340 ms, 1.2 s, 31 %, 1.4 GiB, 12.3/s, 1.2k."""
    if math.isnan(value):
        return "no data"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    per_second = "/s" if unit.endswith("/s") else ""
    base = unit.removesuffix("/s")
    if base == "timestamp" and not per_second:
        return _moment(value)
    base, factor = _SCALED.get(base, (base, 1))
    value *= factor
    formatter = {"seconds": _seconds, "bytes": _bytes, "ratio": _ratio, "percent": _percent}.get(base)
    return (formatter(value) if formatter else _plain(value)) + per_second


def _digits(value: float) -> str:
    """Three significant digits, without trailing zeros and exponent."""
    if value == 0:
        return "0"
    if math.isinf(value):  # a huge share, as per cent
        return "+Inf" if value > 0 else "-Inf"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(value: float) -> str:
    size = abs(value)
    for factor, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= factor * 0.9995:
            return _digits(value / factor) + suffix
    return _digits(value) if size >= _SMALLEST_PLAIN or size == 0 else f"{value:.2e}"


def _seconds(value: float) -> str:
    size = abs(value)
    scales = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"), (0.9995, 1, "s"), (0.9995e-3, 1e-3, "ms"))
    for least, factor, suffix in scales:
        if size >= least:
            return f"{_digits(value / factor)} {suffix}"
    return "0 s" if size == 0 else f"{_digits(value * 1e6)} µs"


def _bytes(value: float) -> str:
    size = abs(value)
    for power, suffix in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power * 0.9995:
            return f"{_digits(value / 1024**power)} {suffix}"
    return f"{_digits(value)} B"


def _ratio(value: float) -> str:
    return _percent(value * 100)


def _percent(value: float) -> str:
    """Close below 100 % the digits after the point are what matters: 99.95 %, not 100 %."""
    nines = 99 < value < 100  # noqa: PLR2004 -- the range the docstring names
    return f"{value:.3f}".rstrip("0").rstrip(".") + " %" if nines else f"{_digits(value)} %"


def _moment(value: float) -> str:
    try:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return _plain(value)
