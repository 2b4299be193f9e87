"""The metrics that tell how services do are found by their names and labels, whoever exports them."""

from __future__ import annotations

import promql_parser
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.first_look import conventions
from sre_bot.first_look.discovery import MAX_SIGNALS, MOST_OF_PEERS, Sign, Signal, discover, services
from sre_bot.incident import SERVICE_LABELS


def discovered(*metrics: str, **labels: str) -> dict[Sign, Signal]:
    """Signals by sign of series of these metrics that all have the same labels."""
    return {signal.sign: signal for signal in discover([{"__name__": name, **labels} for name in metrics], "1m")}


def queries(*metrics: str, **labels: str) -> dict[Sign, str]:
    return {sign: signal.promql for sign, signal in discovered(*metrics, **labels).items()}


CLASSIC = ("http_requests_total", "http_request_duration_seconds_count", "http_request_duration_seconds_bucket")


def test_counters_and_histograms_by_their_classic_names() -> None:
    assert queries(*CLASSIC, service="web", status="200") == {
        Sign.TRAFFIC: "sum by (service) (rate(http_requests_total[1m]))",
        Sign.ERRORS: 'sum by (service, status) (rate(http_requests_total{status=~"5.."}[1m]))',
        Sign.LATENCY: "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[1m])))",
    }


def test_a_human_is_shown_the_share_that_fails_as_one_short_expression() -> None:
    errors = discovered("http_requests_total", service="web", code="200")[Sign.ERRORS]
    everything = "sum by (service) (rate(http_requests_total[1m]))"
    assert errors.shown == f'sum by (service) (rate(http_requests_total{{code=~"5.."}}[1m])) / {everything}'
    assert errors.all_of == everything


def test_opentelemetrys_server_histogram_tells_all_three_golden_signals() -> None:
    name = "http_server_request_duration_seconds"
    told = queries(
        f"{name}_count", f"{name}_bucket", service_name="web", http_response_status_code="500", server_address="0.0.0.0"
    )
    rate = f"rate({name}_count"
    assert told[Sign.TRAFFIC] == f"sum by (service_name) ({rate}[1m]))"
    matcher = '{http_response_status_code=~"5.."}'
    assert told[Sign.ERRORS] == f"sum by (service_name, http_response_status_code) ({rate}{matcher}[1m]))"
    assert told[Sign.LATENCY].startswith("histogram_quantile(0.95, sum by (service_name, le)")


def test_grpc_codes_that_mean_failure_are_those_that_occur() -> None:
    sets = [
        {"__name__": "grpc_server_handled_total", "app": "a", "code": code} for code in ("OK", "NotFound", "Internal")
    ]
    errors = next(signal for signal in discover(sets, "1m") if signal.sign is Sign.ERRORS)
    assert '{code=~"5..|Internal"}' in errors.promql


def test_numbers_of_grpc_codes_are_known_where_the_label_is_grpcs() -> None:
    sets = [{"__name__": "rpc_server_requests_total", "job": "a", "rpc_grpc_status_code": n} for n in ("0", "5", "14")]
    assert any('rpc_grpc_status_code=~"5..|14"' in signal.promql for signal in discover(sets, "1m"))


def test_micrometers_timer_has_no_buckets_and_tells_a_mean_in_its_unit() -> None:
    told = discovered("http_server_requests_seconds_count", application="x", app="web", status="200", outcome="SUCCESS")
    assert told[Sign.LATENCY].promql == (
        "sum by (app) (rate(http_server_requests_seconds_sum[1m]))"
        " / sum by (app) (rate(http_server_requests_seconds_count[1m]))"
    )
    assert (told[Sign.LATENCY].stat, told[Sign.LATENCY].unit) == ("mean", "seconds")
    old = discovered("http_server_duration_milliseconds_count", "http_server_duration_milliseconds_bucket", job="web")
    assert (old[Sign.LATENCY].stat, old[Sign.LATENCY].unit) == ("p95", "milliseconds")


@pytest.mark.parametrize("peer", conventions.PEER_LABELS)
def test_metrics_of_a_client_are_told_by_caller_and_peer(peer: str) -> None:
    told = discovered("http_client_requests_total", "http_client_request_duration_seconds_count", **{
        "service": "web", peer: "checkout", "status": "timeout",
    })  # fmt: skip
    assert set(told) == {Sign.ERRORS, Sign.LATENCY, Sign.TRAFFIC}
    assert {signal.peer for signal in told.values()} == {peer}
    assert told[Sign.ERRORS].promql == (
        f'sum by (service, {peer}, status) (rate(http_client_requests_total{{status=~"5..|timeout"}}[1m]))'
    )


def test_a_client_that_does_not_say_whom_it_calls_tells_nothing() -> None:
    assert queries("http_client_requests_total", service="web", status="200") == {}


def test_without_a_status_there_is_traffic_but_no_errors() -> None:
    assert set(queries("http_requests_total", service="web")) == {Sign.TRAFFIC}
    assert set(queries("http_request_duration_seconds_count", service="web")) == {Sign.TRAFFIC, Sign.LATENCY}
    both = discover([{"__name__": name, "service": "web"} for name in CLASSIC], "1m")
    assert [s.metric for s in both if s.sign is Sign.TRAFFIC] == ["http_requests_total"], "requests are counted once"


@pytest.mark.parametrize(
    ("used", "limit"),
    [
        ("db_pool_connections_in_use", "db_pool_connections_max"),
        ("hikaricp_connections_active", "hikaricp_connections_max"),
        ("worker_threads_busy", "worker_threads_size"),
        ("queue_slots_used", "queue_slots_capacity"),
    ],
)
def test_a_gauge_with_its_limit_tells_how_full_it_is_and_what_the_limit_is(used: str, limit: str) -> None:
    told = discovered(used, limit, service="web")
    assert told[Sign.SATURATION].promql == f"max by (service) ({used} / {limit})"
    assert (told[Sign.LIMIT].promql, told[Sign.LIMIT].metric) == (f"min by (service) ({limit})", limit)
    assert queries(used, service="web") == {}, "without a limit nothing can be full"


def test_a_duration_towards_a_peer_is_the_time_of_a_call() -> None:
    told = discovered("redis_client_command_duration_seconds_count", service="web", server_address="cache")
    assert set(told) == {Sign.LATENCY}
    assert told[Sign.LATENCY].peer == "server_address"


def test_durations_of_steps_on_the_way_are_not_the_time_to_answer() -> None:
    told = discovered("db_query_duration_seconds_count", "db_query_duration_seconds_bucket", service="web")
    assert set(told) == {Sign.STEP}


def test_what_every_target_has() -> None:
    assert queries("up", "process_cpu_seconds_total", "process_resident_memory_bytes", job="web") == {
        Sign.UP: "avg by (job) (up)",
        Sign.CPU: "sum by (job) (rate(process_cpu_seconds_total[1m]))",
        Sign.MEMORY: "max by (job) (process_resident_memory_bytes)",
    }


@pytest.mark.parametrize("label", SERVICE_LABELS)
def test_any_usual_label_names_the_service(label: str) -> None:
    assert queries("http_requests_total", **{label: "web"}) == {
        Sign.TRAFFIC: f"sum by ({label}) (rate(http_requests_total[1m]))"
    }
    assert services([{"__name__": "up", label: "web"}, {"__name__": "up"}, {label: ""}]) == {"web"}


def test_series_with_different_labels_for_the_service_are_counted_once_each() -> None:
    sets = [
        {"__name__": "http_requests_total", "service": "web", "job": "shop"},
        {"__name__": "http_requests_total", "job": "batch"},
    ]
    assert [signal.promql for signal in discover(sets, "1m")] == [
        "sum by (service) (rate(http_requests_total[1m]))",
        'sum by (job) (rate(http_requests_total{service=""}[1m]))',
    ]
    assert services(sets) == {"web", "batch"}


def test_the_usual_metrics_come_before_someones_own_and_errors_never_without_their_traffic() -> None:
    own = [{"__name__": f"own{n}_requests_total", "service": "web", "status": "200"} for n in range(20)]
    plain = [{"__name__": f"a{n}_requests_total", "service": "web"} for n in range(20)]
    usual = [{"__name__": "http_requests_total", "service": "web", "status": "200"}]
    signals = discover([*plain, *own, *usual], "1m")
    errors = [signal for signal in signals if signal.sign is Sign.ERRORS]
    assert errors[0].metric == "http_requests_total"
    assert {signal.all_of for signal in errors} <= {signal.promql for signal in signals}


@pytest.mark.parametrize(
    "metric",
    ["go_gc_duration_seconds_count", "promhttp_metric_handler_requests_total", "prometheus_http_requests_total"],
)
def test_metrics_of_runtimes_and_of_the_monitoring_are_not_asked_for(metric: str) -> None:
    assert not asked_for(metric)


@pytest.mark.parametrize("metric", [*CLASSIC[:2], "up", "grpc_server_handled_total", "pool_in_use", "requests_total"])
def test_metrics_of_services_are_asked_for(metric: str) -> None:
    assert asked_for(metric)


def asked_for(metric: str) -> bool:
    """Whether the first selector of the discovery matches a metric's name."""
    selector = conventions.DISCOVERY.split("({")[1].split("} or")[0]
    parsed = promql_parser.parse("{" + selector + "}")
    assert isinstance(parsed, promql_parser.VectorSelector)
    wanted, unwanted = (matcher.value for matcher in parsed.matchers.matchers)
    return bool(re2.fullmatch(wanted, metric)) and not re2.fullmatch(unwanted, metric)


def test_the_discovery_is_valid_promql() -> None:
    promql_parser.parse(conventions.DISCOVERY)


names = st.one_of(
    st.sampled_from(
        [*CLASSIC, "up", "pool_in_use", "pool_max", "http_client_requests_total", "grpc_server_handled_total"]
    ),
    st.from_regex(r"[a-z_]{1,12}(_total|_seconds_count|_in_use|_max)", fullmatch=True),
    st.text(max_size=12),
)
label_names = st.sampled_from([*SERVICE_LABELS, *conventions.PEER_LABELS, *conventions.STATUS_LABELS])
label_sets = st.lists(
    st.builds(
        lambda name, labels: {**labels, "__name__": name}, names, st.dictionaries(label_names, st.text(max_size=20))
    ),
    max_size=40,
)


@given(label_sets)
def test_whatever_metrics_and_labels_are_called_the_queries_are_valid_and_few(sets: list[dict[str, str]]) -> None:
    signals = discover(sets, "1m")
    for signal in signals:
        promql_parser.parse(signal.promql)
        promql_parser.parse(signal.shown)
    assert len({signal.promql for signal in signals}) <= len(signals) <= MAX_SIGNALS
    assert sum(signal.peer is not None for signal in signals) <= 3 * MOST_OF_PEERS


@given(label_sets, st.permutations(range(40)))
def test_the_order_in_which_metrics_are_told_makes_no_difference(sets: list[dict[str, str]], places: list[int]) -> None:
    shuffled = [sets[place] for place in places if place < len(sets)]
    assert discover(shuffled, "1m") == discover(sets, "1m")


@pytest.mark.parametrize("status", ['error"} or up{x="', "failed\\", "error\n", "(error", "time.out"])
def test_a_hostile_status_cannot_break_out_of_the_query(status: str) -> None:
    errors = discovered("http_requests_total", service="web", status=status)[Sign.ERRORS]
    parsed = promql_parser.parse(errors.promql)
    assert isinstance(parsed, promql_parser.AggregateExpr)
    assert isinstance(parsed.expr, promql_parser.Call), "the sum of one rate, and nothing behind it"
