"""How metrics of services are named and labelled, by the conventions of the common exporters.

Prometheus' own (``_total``, ``_bucket``, base units), OpenTelemetry's HTTP, RPC and database metrics as Prometheus
names them, gRPC's interceptors, Micrometer's.
"""

from __future__ import annotations

import json
import re

from sre_bot.incident import ENVIRONMENT_LABELS, SERVICE_LABELS

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
    "outcome",
    "result",
)
"""Labels that say how a request ended."""
_OF_SERVICES = (
    "(.+_)?(requests?|handled|responses|calls)_total"
    "|.+_(seconds|milliseconds)_count"
    "|.+_(in_use|used|active|busy|max|limit|capacity|size)"
    "|up|process_resident_memory_bytes|process_cpu_seconds_total"
)
_OF_NOBODY = "(go|promhttp|prometheus|alertmanager|scrape|net_conntrack|jvm_gc)_.+"
"""Metrics of runtimes, of the scrapes themselves and of the monitoring."""


def _by(labels: tuple[str, ...]) -> str:
    return (
        f"group by (__name__, {', '.join(labels)}) ("
        f'{{__name__=~"{_OF_SERVICES}",__name__!~"{_OF_NOBODY}"}} or '
        f'{{__name__=~".+_(seconds|milliseconds)_bucket",__name__!~"{_OF_NOBODY}",le="+Inf"}})'
    )


DISCOVERY = _by((*SERVICE_LABELS, *PEER_LABELS, *STATUS_LABELS))
"""Which metrics there are, with the values of the labels that matter; cheap, as no other label comes with them."""
DISCOVERY_BY_ENVIRONMENT = _by((*SERVICE_LABELS, *PEER_LABELS, *STATUS_LABELS, *ENVIRONMENT_LABELS))
"""The same, for when one environment is meant."""

_REQUESTS = re.compile(r"(^|_)(https?|grpc|rpc|requests?)(_|$)")
_CLIENT = re.compile(r"(^|_)client(_|$)")
_USUAL = re.compile(r"(https?|grpc|rpc)_(server_)?(requests?|handled|handling|duration)(_|$)")
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


def is_usual(metric: str) -> bool:
    """Whether it is one of the metrics that most libraries write, rather than someone's own."""
    return _USUAL.match(metric) is not None


def peer_label(metric: str, labels: frozenset[str]) -> str | None:
    """The label that names who is called, if the metric counts or times what is sent there."""
    if not metric.endswith(("_total", "_count")):
        return None
    named = next((label for label in PEER_LABELS if label in labels), None)
    if named == "server_address" and not is_of_a_client(metric):
        return None  # OpenTelemetry's server metrics carry their own address
    return named


def failed(label: str, values: set[str]) -> str:
    """A regular expression of the statuses that mean failure: server errors always, others as far as they occur."""
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
