"""Prometheus' answers to queries, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sre_bot.signals.series import QueryResult, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def read_result(data: Mapping[str, Any], warnings: Iterable[str] = ()) -> QueryResult:
    """The ``data`` of an answer of ``/api/v1/query`` or ``/api/v1/query_range``, of any result type.

    A scalar is one series without labels, a string one series with a NaN and its text among the warnings. Native
    histograms are left out and repeated series dropped, with a warning.

    Raises:
        KeyError, TypeError, ValueError: it has another form than Prometheus gives.
    """
    said = list(warnings)
    kind, result = data["resultType"], data["result"]
    if kind == "string":
        said.append(f"the expression is a string: {result[1]}")
        return QueryResult((_series({}, [(result[0], "NaN")]),), tuple(said))
    if kind == "scalar":
        return QueryResult((_series({}, [result]),), tuple(said))
    if kind not in {"vector", "matrix"}:
        raise ValueError(f"unknown result type {kind!r}")
    series: dict[frozenset[tuple[str, str]], Series] = {}
    histograms = repeated = 0
    for element in result:
        labels = {str(name): str(value) for name, value in dict(element["metric"]).items()}
        points = element["values"] if "values" in element else [element["value"]] if "value" in element else []
        histograms += not points
        repeated += bool(points) and frozenset(labels.items()) in series
        if points:
            series.setdefault(frozenset(labels.items()), _series(labels, points))
    if histograms:
        said.append(f"{histograms} native histograms left out: ask for histogram_quantile() or histogram_count() of it")
    if repeated:
        said.append(f"{repeated} series with the same labels as another were left out")
    return QueryResult(tuple(series.values()), tuple(said))


def _series(labels: Mapping[str, str], points: Iterable[tuple[float, str]]) -> Series:
    times, values = zip(*points, strict=True)
    return Series(labels, np.array(times, np.float64), np.array(list(map(float, values)), np.float64))
