"""Prometheus' result types as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sre_bot.sources.vectors import read_result


def _result(kind: str, result: Any) -> dict[str, Any]:
    return {"resultType": kind, "result": result}


def test_a_matrix_keeps_nan_and_infinities() -> None:
    points = [[1.5, "NaN"], [2.5, "+Inf"], [3.5, "-Inf"], [4.5, "1e-3"]]
    (series,) = read_result(_result("matrix", [{"metric": {"job": "x"}, "values": points}])).series
    assert series.labels == {"job": "x"}
    np.testing.assert_array_equal(series.times, [1.5, 2.5, 3.5, 4.5])
    np.testing.assert_array_equal(series.values, [np.nan, np.inf, -np.inf, 0.001])


def test_a_scalar_is_one_series_without_labels() -> None:
    (series,) = read_result(_result("scalar", [7, "42"])).series
    assert (dict(series.labels), series.times.tolist(), series.values.tolist()) == ({}, [7.0], [42.0])


def test_a_string_says_its_text_in_a_warning() -> None:
    result = read_result(_result("string", [7, "hello"]))
    assert np.isnan(result.series[0].values).all()
    assert result.warnings == ("the expression is a string: hello",)


def test_native_histograms_and_repeated_series_are_left_out_with_a_warning() -> None:
    series = {"metric": {"a": "1"}, "value": [1, "2"]}
    result = read_result(
        _result("vector", [series, {**series, "value": [1, "3"]}, {"metric": {}, "histogram": [1, {}]}]), ["partial"]
    )
    assert [found.values.tolist() for found in result.series] == [[2.0]]
    partial, histograms, repeated = result.warnings
    assert partial == "partial"
    assert "1 native histograms left out" in histograms
    assert "1 series with the same labels" in repeated


@pytest.mark.parametrize(
    "data",
    [
        {},
        _result("table", []),
        _result("vector", [{}]),
        _result("vector", [[]]),
        _result("vector", [{"metric": [1], "value": [1, "2"]}]),
        _result("vector", [{"metric": {}, "value": [1, "x"]}]),
        _result("scalar", [1]),
        _result("scalar", None),
        _result("string", [1]),
    ],
)
def test_another_form_is_an_error_that_can_be_told(data: Any) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        read_result(data)
