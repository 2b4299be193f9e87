"""Tables come in any order; counters become rates, whatever is only named like one stays."""

from __future__ import annotations

import numpy as np
import pytest

from sre_bot.signals.metric_table import MetricTable, as_rates, counters_of, in_order, rows_for

TIMES = 15 * np.arange(20, dtype=np.float64)
KEY = ("cart", "requests_total")


def table(*values: float, key: tuple[str, str] = KEY) -> MetricTable:
    return MetricTable(TIMES[: len(values)], (key,), np.array([values], dtype=np.float64))


def test_times_ascend_each_once_and_without_infinities() -> None:
    mixed = MetricTable(np.array([3.0, 1.0, 3.0, 2.0]), (KEY,), np.array([[30, np.inf, 31, 20]]))
    ordered = in_order(mixed)
    assert ordered.times.tolist() == [1, 2, 3]
    assert ordered.values[0, 1:].tolist() == [20, 30]
    assert np.isnan(ordered.values[0, 0])


def test_a_counter_becomes_a_rate_and_is_unknown_across_a_reset() -> None:
    counter = table(*range(0, 300, 30), 5, *range(35, 305, 30))
    assert counters_of(counter) == {KEY}
    rates = as_rates(counter, counters_of(counter)).values[0]
    assert np.flatnonzero(np.isnan(rates)).tolist() == [0, 10]
    assert rates[1:10] == pytest.approx(2)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([5, 7, 4, 8, 3, 9, 2, 8, 5, 6, 4, 7, 5], id="rated already"),
        pytest.param([5.0] * 15, id="constant"),
        pytest.param([1, 2, 3, 4, 5], id="too short to tell"),
    ],
)
def test_what_is_only_named_like_a_counter_stays(values: list[float]) -> None:
    plain = table(*values)
    assert not counters_of(plain)
    assert as_rates(plain, counters_of(plain)) is plain


def test_what_grows_without_the_name_stays() -> None:
    assert not counters_of(table(*range(15), key=("cart", "memory_bytes")))


def test_rows_of_another_table_are_found_by_key() -> None:
    rows = rows_for(table(1, 2), [("cart", "cpu"), KEY])
    assert np.isnan(rows[0]).all()
    assert rows[1].tolist() == [1, 2]
