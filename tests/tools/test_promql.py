"""What may be asked of a Prometheus: bounded, cheap enough, not of the future; and what its values are."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.errors import QueryRefusedError
from sre_bot.tools.promql import Query, Selector, guarded

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CORPORA = Path(__file__).parents[2] / "../shared/corpora"


def read(query: str, *, end: datetime = NOW) -> Query:
    return guarded(query, source="prometheus", end=end, now=NOW)


def refusal(query: str, *, end: datetime = NOW) -> str:
    with pytest.raises(QueryRefusedError) as caught:
        read(query, end=end)
    assert caught.value.source == "prometheus"
    return caught.value.message


def corpus(name: str) -> list[dict[str, str]]:
    path = CORPORA / name
    if not path.exists():
        pytest.skip(f"the corpus {name} is not here")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_real_alert_expressions_pass() -> None:
    rows = corpus("promql_awesome_alerts.jsonl.gz")
    refused = []
    for row in rows:
        try:
            read(row["expr"])
        except QueryRefusedError as error:
            refused.append((row["name"], error.message))
    assert len(refused) <= 0.01 * len(rows), refused


def test_hostile_queries_are_refused() -> None:
    for row in corpus("promql_hostile.jsonl.gz"):
        if "q" in row:
            refusal(row["q"])


@pytest.mark.parametrize(
    ("query", "mend"),
    [
        ("(" * 3_000 + "1" + ")" * 3_000, "at most 2048"),
        (" or ".join(["a"] * 5_000), "at most 2048"),
        ("sum(" * 500 + "a" + ")" * 500, "at most 2048"),
        ("a" * 5_000, "at most 2048"),
        ("^".join(["2"] * 1_000), "more than 64 operators"),
        ("-" * 2_000 + "1", "more than 64 operators"),
        ("sum(" * 21 + "a" + ")" * 21, "deeper than 20"),
        ('a{b="' + "(" * 21 + '"}', "deeper than 20"),
        ("up\x00", "control characters"),
        ("up\u202e", "control characters"),
        ("\ud800", "control characters"),
        ("", "no expression"),
        ("rate(up)", "expected type"),
        ("a{", "unexpected end"),
        ('{job=~".+"}', "needs a metric name or an exact label"),
        ('{job="",x=~".+"}', "needs a metric name or an exact label"),
        ('topk(100000, {__name__!=""})', "needs a metric name or an exact label"),
        ('sum(up) / sum({a="b" or c!="d"})', "needs a metric name or an exact label"),
        ("quantile_over_time(0.9, a[52w])", "more than 7 days"),
        ("max_over_time(rate(a[5m])[8d:1h])", "more than 7 days"),
        ("max_over_time(rate(a[5m])[1d:5s])", "longer step"),
        ("max_over_time(max_over_time(a[1h:1m])[1d:1m])", "longer step"),
        ("max_over_time(rate(a[5m])[7d:])", "longer step"),
        ("up[5m]", "wrap it in rate()"),
        ('"text"', "a string is no metric"),
        ("up offset -5m", "the present of this investigation"),
        ("up @ 4102444800", "the present of this investigation"),
        ("up @ 1763640000 offset -52w", "the present of this investigation"),
        ("max_over_time(rate(up[5m])[1h:1m] offset -1h)", "the present of this investigation"),
        ("max_over_time(rate(up[5m] offset -1h)[1h:1m])", "the present of this investigation"),
        ("up @ 1e12", "the present of this investigation"),
        ("up @ 1e300", "the present of this investigation"),
    ],
)
def test_what_is_refused_says_how_to_mend_it(query: str, mend: str) -> None:
    assert mend in refusal(query)


@pytest.mark.parametrize(
    "query",
    [
        "up",
        '{job="api"}',
        '{__name__="up"}',
        "time()",
        "1 + 1",
        "rate(a_total[7d])",
        "up offset 1w",
        "up @ 1700000000",
        "up @ end()",
        "up @ start()",
        "up @ -5",
        "max_over_time(rate(a_total[5m])[1d:1m])",
        'sum by (code) (rate(a_total{path=~"/api/.*", code!~"2.."}[5m]))',
        'a{url="http://x/y-z-' + "-" * 100 + '"}',
        "up # a comment with ((((((( brackets",
        "sum(rate(a_total[5m]))\n  /\nsum(rate(b_total[5m]))",
        "(" * 20 + "1" + ")" * 20,
    ],
)
def test_ordinary_queries_pass(query: str) -> None:
    assert read(query).text == query


def test_a_negative_offset_is_fine_when_it_ends_before_the_present() -> None:
    earlier = NOW - timedelta(hours=2)
    assert read("up offset -1h", end=earlier).metrics == ("up",)
    assert "the present" in refusal("up offset -3h", end=earlier)


def test_the_metrics_and_exact_labels_of_a_query_are_known() -> None:
    query = read('sum(rate(a_total{code="500", path!="/"}[5m])) / on() sum({__name__="b_total"}) + a_total')
    assert query.metrics == ("a_total", "b_total")
    assert query.selectors[0] == Selector("a_total", (("code", "500"),))


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("process_resident_memory_bytes > 1e9", "bytes"),
        ("sum by (code) (rate(http_requests_total[5m]))", "requests/s"),
        ("increase(http_requests_total[5m])", "requests"),
        ("histogram_quantile(0.99, sum by (le) (rate(request_duration_seconds_bucket[5m])))", "seconds"),
        ("rate(request_duration_seconds_sum[5m]) / rate(request_duration_seconds_count[5m])", "seconds"),
        ('sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))', "ratio"),
        ("100 * (used_bytes / free_bytes)", "percent"),
        ("1 - used_bytes / free_bytes", "ratio"),
        ("time() - process_start_time_seconds", "seconds"),
        ("max_over_time(queue_bytes[1h])", "bytes"),
        ("avg(rate(node_cpu_seconds_total[5m]))", "seconds/s"),
        ("rate(queue_depth[5m])", "units/s"),
        ("count(up_bytes)", ""),
        ("used_bytes / 1024", ""),
        ("used_bytes > bool 3", ""),
        ("up", ""),
        ("1", ""),
        ("vector(1)", ""),
    ],
)
def test_the_unit_of_an_expression_follows_from_its_names_and_functions(query: str, unit: str) -> None:
    assert read(query).unit == unit


words = (
    'sum( rate( ) [5m] [1h:1m] { } up =~ != a="b" @ -1e300 1e999 ^ - + on() # " \' ` \\ [99999999999y] , 0x NaN {{ é'
)
pieces = st.sampled_from([*words.split(), " offset -1h", " @ ", " and ", "\n", "\x7f"])


def test_it_is_known_whether_a_query_is_a_quantile_or_has_one_in_it_and_whether_it_takes_ranges() -> None:
    quantile = "(histogram_quantile(0.9, sum by (le) (rate(a_seconds_bucket[5m]))))"
    told = [
        (read(q).rated, read(q).interpolated, read(q).quantile) for q in (quantile, f"{quantile} * 1000", "a_total")
    ]
    assert told == [(True, True, True), (True, True, False), (False, False, False)]
    assert [one.metric for one in read(f"{quantile} + b").buckets] == ["a_seconds_bucket"]


@given(st.lists(pieces, max_size=40).map("".join))
@settings(max_examples=500, deadline=None)
def test_whatever_is_asked_is_either_read_or_refused(query: str) -> None:
    try:
        assert read(query).text == query
    except QueryRefusedError as error:
        assert error.message  # noqa: PT017 -- both ends are right, and each says something
