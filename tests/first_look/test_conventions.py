"""What is asked and read of the metrics of common exporters, proxies and meshes, by their names and labels."""

from __future__ import annotations

import re

import promql_parser
import pytest

from sre_bot.first_look import conventions
from sre_bot.first_look.discovery import Sign, Signal, discover, services
from sre_bot.incident import SERVICE_LABELS

Told = list[dict[str, str]]


def sets(*names: str, **labels: str) -> Told:
    """Series of these names, all with the same labels."""
    return [{"__name__": name, **labels} for name in names]


def histogram(base: str, **labels: str) -> Told:
    """The series of a histogram, as discovery finds them."""
    return sets(f"{base}_count", f"{base}_bucket", **labels)


ISTIO = [
    *sets(
        "istio_requests_total",
        reporter="destination",
        destination_workload="cart",
        source_workload="web",
        destination_service="cart.shop.svc.cluster.local",
        response_code="503",
        app="cart",
    ),
    *sets(
        "istio_requests_total",
        reporter="source",
        destination_workload="cart",
        source_workload="web",
        destination_service="cart.shop.svc.cluster.local",
        response_code="503",
        app="web",
    ),
]
LINKERD = [
    *sets("response_total", direction="inbound", deployment="cart", classification="failure", job="linkerd-proxy"),
    *histogram("response_latency_ms", direction="inbound", deployment="cart", job="linkerd-proxy"),
]
E, L, T = Sign.ERRORS, Sign.LATENCY, Sign.TRAFFIC
CASES: dict[str, tuple[Told, dict[Sign, str]]] = {
    "OpenTelemetry HTTP": (
        histogram("http_server_request_duration_seconds", service_name="cart", http_response_status_code="500"),
        {
            E: '_count{http_response_status_code=~"5.."}',
            L: "histogram_quantile(0.95, sum by (service_name, le)",
            T: "_count",
        },
    ),
    "OpenTelemetry RPC": (
        histogram("rpc_server_duration_milliseconds", service_name="cart", rpc_grpc_status_code="14"),
        {E: 'rpc_grpc_status_code=~"5..|14"', L: "rpc_server_duration_milliseconds_bucket", T: "_count"},
    ),
    "gRPC": (
        [
            *sets("grpc_server_handled_total", job="cart", grpc_code="Unavailable"),
            *histogram("grpc_server_handling_seconds", job="cart"),
        ],
        {E: 'grpc_code=~"5..|Unavailable"', L: "grpc_server_handling_seconds_bucket", T: "grpc_server_handled_total"},
    ),
    "Micrometer": (
        sets("http_server_requests_seconds_count", application="cart", status="500", outcome="SERVER_ERROR", job="k8s"),
        {E: 'count{status=~"5.."}', L: "http_server_requests_seconds_sum[", T: "sum by (application)"},
    ),
    "Istio": (
        ISTIO,
        {E: 'reporter="destination",response_code=~"5.."', T: "sum by (destination_workload)"},
    ),
    "Linkerd": (
        LINKERD,
        {E: 'direction="inbound",classification=~"5..|failure"', L: "response_latency_ms_bucket", T: "by (deployment)"},
    ),
    "nginx ingress": (
        [
            *sets("nginx_ingress_controller_requests", ingress="shop", exported_service="cart", status="502"),
            *histogram("nginx_ingress_controller_request_duration_seconds", ingress="shop", exported_service="cart"),
        ],
        {E: 'nginx_ingress_controller_requests{status=~"5.."}', L: "sum by (exported_service, le)", T: "requests["},
    ),
    "Traefik": (
        [
            *sets("traefik_service_requests_total", service="shop-cart-80@kubernetes", code="200"),
            *histogram("traefik_service_request_duration_seconds", service="shop-cart-80@kubernetes", code="200"),
        ],
        {
            E: 'traefik_service_requests_total{code=~"5.."}',
            L: "traefik_service_request_duration_seconds_bucket",
            T: "[",
        },
    ),
    "HAProxy": (
        sets("haproxy_backend_http_responses_total", proxy="cart", code="5xx", job="haproxy"),
        {E: 'code=~"5.."', T: "sum by (proxy)"},
    ),
    "gunicorn": (
        [
            *sets("gunicorn_response_code", job="cart", status="500"),
            *sets("gunicorn_request_duration_count", job="cart"),
        ],
        {E: 'gunicorn_response_code{status=~"5.."}', L: "gunicorn_request_duration_sum[", T: "gunicorn_response_code["},
    ),
    "uWSGI": (sets("uwsgi_worker_requests_total", job="cart"), {T: "uwsgi_worker_requests_total["}),
    "Django": (
        sets("django_http_responses_total_by_status_total", job="cart", status="500"),
        {E: 'status=~"5.."', T: "django_http_responses_total_by_status_total["},
    ),
    "prometheus-net": (
        sets("http_requests_received_total", app="cart", code="500"),
        {E: 'code=~"5.."', T: "http_requests_received_total["},
    ),
    "span metrics": (
        [
            *sets("traces_spanmetrics_calls_total", service="cart", status_code="STATUS_CODE_ERROR"),
            *histogram("traces_spanmetrics_latency", service="cart", status_code="STATUS_CODE_ERROR"),
        ],
        {E: 'status_code=~"5..|STATUS_CODE_ERROR"', L: "traces_spanmetrics_latency_bucket", T: "calls_total["},
    ),
}


def own(told: Told) -> dict[Sign, Signal]:
    """The first signal of each sign, of services themselves."""
    found: dict[Sign, Signal] = {}
    for signal in discover(told, "75s"):
        if signal.peer is None:
            found.setdefault(signal.sign, signal)
    return found


@pytest.mark.parametrize("exporter", CASES)
def test_what_is_asked_of_each_exporter(exporter: str) -> None:
    told, asked = CASES[exporter]
    found = own(told)
    assert found.keys() == asked.keys()
    for sign, part in asked.items():
        assert part in found[sign].promql
        promql_parser.parse(found[sign].promql)


@pytest.mark.parametrize("exporter", CASES)
def test_discovery_finds_it(exporter: str) -> None:
    names, but = (re.compile(one) for one in re.findall(r'__name__[=!]~"([^"]+)"', conventions.DISCOVERY)[:2])
    grouped = set(re.findall(r"\w+", conventions.DISCOVERY.split(") (")[0]))
    for labels in CASES[exporter][0]:
        name = labels["__name__"]
        assert (names.fullmatch(name) and not but.fullmatch(name)) or name.endswith("_bucket")
        assert labels.keys() - {"instance"} <= grouped | {"__name__"}


def test_discovery_is_promql() -> None:
    promql_parser.parse(conventions.DISCOVERY)
    promql_parser.parse(conventions.DISCOVERY_BY_ENVIRONMENT)


@pytest.mark.parametrize(
    ("base", "unit"),
    [
        ("http_server_request_duration_seconds", "seconds"),
        ("rpc_server_duration_milliseconds", "milliseconds"),
        ("response_latency_ms", "milliseconds"),
        ("envoy_cluster_upstream_rq_time", "milliseconds"),
        ("gunicorn_request_duration", "seconds"),
    ],
)
def test_what_a_time_is_measured_in(base: str, unit: str) -> None:
    (latency,) = [one for one in discover(histogram(base, job="cart"), "75s") if one.sign in {Sign.LATENCY, Sign.STEP}]
    assert latency.unit == unit


def test_a_mesh_tells_who_calls_whom_and_the_proxy_is_not_the_service() -> None:
    calls = [signal for signal in discover(ISTIO, "75s") if signal.peer]
    assert {(one.service, one.peer) for one in calls} == {("source_workload", "destination_service")}
    assert all('reporter="source"' in one.promql for one in calls)
    assert services(ISTIO) == {"cart", "web"}


def test_envoys_clusters_are_whom_a_service_calls() -> None:
    told = sets(
        "envoy_cluster_upstream_rq_xx",
        app="web",
        envoy_cluster_name="outbound|80||cart.shop.svc.cluster.local",
        envoy_response_code_class="5",
    )
    errors = next(signal for signal in discover(told, "75s") if signal.sign is Sign.ERRORS)
    assert (errors.service, errors.peer, errors.status) == ("app", "envoy_cluster_name", "envoy_response_code_class")
    assert 'envoy_cluster_name!~"inbound.*' in errors.promql
    assert 'envoy_response_code_class=~"5"' in errors.promql


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("cart", "cart"),
        ("outbound|80||cart.shop.svc.cluster.local", "cart.shop.svc.cluster.local"),
        ("shop-cart-80@kubernetes", "shop-cart-80"),
        ("", ""),
    ],
)
def test_names_are_without_what_proxies_add(value: str, name: str) -> None:
    assert conventions.plain_name(value) == name


@pytest.mark.parametrize("label", SERVICE_LABELS)
def test_each_label_may_name_the_service(label: str) -> None:
    found = own(sets("http_requests_total", status="500", **{label: "cart"}))
    assert {one.service for one in found.values()} == {label}


def test_own_labels_come_before_the_usual_ones() -> None:
    told = sets("http_requests_total", status="500", team_service="cart", job="pods")
    labels = ("team_service", *SERVICE_LABELS)
    assert {one.service for one in discover(told, "75s", service_labels=labels)} == {"team_service"}
    assert services(told, labels) == {"cart"}
    assert "team_service" in conventions.query_of(labels)


def test_what_alerts_watch_comes_first() -> None:
    names = [f"http_requests{n}_total" for n in range(9)]
    told = sets(*names, "shop_orders_requests_total", service="cart", status="500")
    assert "shop_orders_requests_total" not in {one.metric for one in discover(told, "75s")}
    hinted = discover(told, "75s", hints={"shop_orders_requests_total"})
    assert next(one.metric for one in hinted if one.sign is Sign.ERRORS) == "shop_orders_requests_total"
    assert {one.all_of for one in hinted if one.all_of} <= {one.promql for one in hinted}
