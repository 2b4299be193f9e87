"""How metrics of services are named and labelled, by the conventions of the common exporters.

Prometheus' own (``_total``, ``_bucket``, base units), OpenTelemetry's HTTP, RPC and database metrics as Prometheus
names them, gRPC's interceptors, Micrometer's, and those of proxies and meshes (Istio, Linkerd, Envoy, nginx' ingress,
Traefik, HAProxy), which speak of others than themselves.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.incident import ENVIRONMENT_LABELS, SERVICE_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

PEER_LABELS = (
    "server_address",
    "peer_service",
    "peer",
    "upstream",
    "upstream_service",
    "destination_service",
    "target_service",
    "dependency",
    "backend",
    "remote",
)
"""Labels that name who is called."""
STATUS_LABELS = (
    "status",
    "status_code",
    "code",
    "http_status",
    "http_status_code",
    "http_response_status_code",
    "response_code",
    "grpc_code",
    "rpc_grpc_status_code",
    "envoy_response_code_class",
    "classification",
    "outcome",
    "result",
)
"""Labels that say how a request ended."""
_COUNTERS = (
    "nginx_ingress_controller_requests",
    "envoy_cluster_upstream_rq_xx",
    "gunicorn_requests",
    "gunicorn_response_code",
)
"""Counters of requests whose names do not end as those of counters do."""
_TIMES = "seconds|milliseconds|latency_ms|upstream_rq_time|gunicorn_request_duration|spanmetrics_latency"
"""How the names of times end; those without a unit are in milliseconds, but for gunicorn's and Tempo's."""
_OF_SERVICES = (
    "(.+_)?(requests?|requests_received|handled|responses?|calls|responses_total_by_status)_total"
    f"|{'|'.join(_COUNTERS)}"
    f"|(.+_)?({_TIMES})_count"
    "|.+_(in_use|used|active|busy|max|limit|capacity|size)"
    "|up|process_resident_memory_bytes|process_cpu_seconds_total"
)
_OF_NOBODY = "(go|promhttp|prometheus|alertmanager|scrape|net_conntrack|jvm_gc|node|kube|kubelet|container|probe)_.+"
"""Metrics of runtimes, of the scrapes themselves, of the monitoring, and of what services stand on."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who tells of others: whose requests its metrics count, whom these called, and which of its series say so.

    ``service`` are labels, the most telling first; None where the usual ones hold. ``where`` is the label and the value
    that its series have, "" for any. ``but`` leaves out what is no service (the proxy's own business).
    """

    metrics: re.Pattern[str]
    service: tuple[str, ...] | None = None
    peer: str | None = None
    where: tuple[str, str] = ("", "")
    but: str = ""

    def matchers(self) -> tuple[str, ...]:
        """What its series have to match."""
        label, value = self.where
        return tuple(filter(None, (f'{label}="{value}"' if label else "", self.but)))


_ISTIO, _LINKERD = re.compile("istio_.+"), re.compile("(request|response)_(total|latency_ms_.+)")
SPEAKERS = (
    Speaker(_ISTIO, ("destination_workload", "destination_canonical_service"), None, ("reporter", "destination")),
    Speaker(_ISTIO, ("source_workload", "source_canonical_service"), "destination_service", ("reporter", "source")),
    Speaker(_LINKERD, ("deployment", "statefulset", "workload"), None, ("direction", "inbound")),
    Speaker(_LINKERD, ("deployment", "statefulset", "workload"), "authority", ("direction", "outbound")),
    Speaker(
        re.compile("envoy_cluster_.+"),
        peer="envoy_cluster_name",
        but='envoy_cluster_name!~"inbound.*|xds-grpc|sds-grpc|agent|prometheus_stats|zipkin|BlackHoleCluster"',
    ),
    Speaker(re.compile("nginx_ingress_.+|traefik_service_.+"), ("exported_service", "service", "ingress")),
    Speaker(re.compile("haproxy_(backend|server)_.+"), ("proxy", "backend")),
)
_OF_SPEAKERS = tuple(
    dict.fromkeys(
        label
        for one in SPEAKERS
        for label in (*(one.service or ()), one.peer, one.where[0])
        if label is not None and label
    )
)


def speaker_of(labels: Mapping[str, str]) -> Speaker | None:
    """Who tells of others with this series; None when it is a service that tells of itself, by the usual labels."""
    name = labels.get("__name__", "")
    for speaker in SPEAKERS:
        label, value = speaker.where
        if speaker.metrics.fullmatch(name) and (not label or labels.get(label) == value):
            return speaker
    return None


def plain_name(value: str) -> str:
    """A service's name without what proxies add: ``outbound|80||cart.shop.svc`` and ``shop-cart-80@kubernetes``."""
    return value.rsplit("|", 1)[-1].split("@", maxsplit=1)[0] if "|" in value or "@" in value else value


def query_of(service_labels: tuple[str, ...], *more: str) -> str:
    """Which metrics there are, with the values of the labels that matter; cheap, as no other label comes with them."""
    labels = dict.fromkeys((*service_labels, *PEER_LABELS, *STATUS_LABELS, *_OF_SPEAKERS, *more))
    return (
        f"group by (__name__, {', '.join(labels)}) ("
        f'{{__name__=~"{_OF_SERVICES}",__name__!~"{_OF_NOBODY}"}} or '
        f'{{__name__=~"(.+_)?({_TIMES})_bucket",__name__!~"{_OF_NOBODY}",le="+Inf"}})'
    )


DISCOVERY = query_of(SERVICE_LABELS)
DISCOVERY_BY_ENVIRONMENT = query_of(SERVICE_LABELS, *ENVIRONMENT_LABELS)
"""The same, for when one environment is meant."""

_REQUESTS = re.compile(r"(^|_)(https?|grpc|rpc|requests?|responses?|rq|spanmetrics)(_|$)")
_CLIENT = re.compile(r"(^|_)client(_|$)")
_USUAL = re.compile(
    r"(istio|nginx_ingress_controller|(https?|grpc|rpc)(_server)?)_(requests?|handled|handling|duration)(_|$)"
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_WORD = re.compile(r"[\w .:-]{1,60}")
_BAD_STATUS = re.compile(
    r".*(error|fail|time.?out|unavailable|internal|unknown|deadline|aborted|exhausted|data_?loss|reset|refused).*",
    re.IGNORECASE,
)
_BAD_CODES = frozenset({"2", "4", "13", "14", "15"})
"""gRPC's unknown, deadline exceeded, internal, unavailable and data loss, where they are written as numbers."""
_GRPC_NUMBERS = ("rpc_grpc_status_code", "grpc_code")
_USED = ("in_use", "used", "active", "busy")
_LIMIT = ("max", "limit", "capacity", "size")


def is_name(metric: str) -> bool:
    """Whether it can stand in PromQL as it is."""
    return _NAME.fullmatch(metric) is not None


def is_about_requests(metric: str) -> bool:
    """Whether it tells of requests, and not of some step on the way (a query, a wait for a lock)."""
    return _REQUESTS.search(metric) is not None


def is_of_a_client(metric: str) -> bool:
    """Whether it tells of requests sent, by its name."""
    return _CLIENT.search(metric) is not None


def is_counter(metric: str) -> bool:
    """Whether it counts what happened to requests."""
    return metric.endswith("_total") or metric in _COUNTERS


def family(metric: str) -> str:
    """The name that the parts of a histogram or a counter share."""
    return re.sub(r"_(bucket|count|sum|total)$", "", metric)


def unit_of_time(base: str) -> str:
    """What a time is measured in, by the metric's name without what histograms and summaries add."""
    return "milliseconds" if base.endswith(("milliseconds", "_ms", "upstream_rq_time")) else "seconds"


def is_usual(metric: str) -> bool:
    """Whether it is one of the metrics that most libraries write, rather than someone's own."""
    return _USUAL.match(metric) is not None


def peer_label(metric: str, labels: frozenset[str]) -> str | None:
    """The label that names who is called, if the metric counts or times what is sent there."""
    if not (is_counter(metric) or metric.endswith("_count")):
        return None
    named = next((label for label in PEER_LABELS if label in labels), None)
    if named == "server_address" and not is_of_a_client(metric):
        return None  # OpenTelemetry's server metrics carry their own address
    return named


def failed(label: str, values: set[str]) -> str:
    """A regular expression of the statuses that mean failure: server errors always, others as far as they occur."""
    if label.endswith("_class"):
        return "5"
    words = {value for value in values if _WORD.fullmatch(value) and _BAD_STATUS.fullmatch(value)}
    codes = values & _BAD_CODES if label in _GRPC_NUMBERS else set()
    return "|".join(["5..", *sorted(re.escape(value) for value in words | codes)])


def matcher(label: str, pattern: str) -> str:
    """A matcher of a label by a regular expression; PromQL shares the escapes of JSON."""
    return f"{label}=~{json.dumps(pattern, ensure_ascii=False)}"


def limit_of(gauge: str, metrics: frozenset[str]) -> str | None:
    """The gauge that holds the limit of this one (``pool_max`` for ``pool_in_use``), if it is among the metrics."""
    for used in _USED:
        if gauge.endswith(f"_{used}"):
            stem = gauge.removesuffix(used)
            return next((stem + word for word in _LIMIT if stem + word in metrics), None)
    return None
