"""Which metrics tell how services do: golden signals found by the naming conventions of common exporters. Pure.

Conventions: Prometheus' own (``_total``, ``_bucket``, base units), OpenTelemetry's HTTP and RPC metrics as Prometheus
names them, gRPC's interceptors. A metric that names a peer (``server_address``, ``upstream`` …) is about a dependency.
"""

from __future__ import annotations

import enum
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.incident import SERVICE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SELECTORS = (
    '{__name__=~"(.+_)?(requests?|handled|responses|calls|errors)(_total|_count)"}',
    '{__name__=~".*(duration|latency|time|handling)_(seconds|milliseconds)_count"}',
    '{__name__=~".+_(in_use|used|active|busy|max|limit|capacity|size|idle)"}',
    '{__name__=~"up|process_resident_memory_bytes|process_cpu_seconds_total"}',
)
"""What discovery asks for; matched against the series that exist in the window."""

MAX_SIGNALS = 18
"""Queries of a first look at most."""

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
_BAD_STATUS = re.compile(
    r"5\d\d|.*(error|fail|time.?out|unavailable|internal|unknown|deadline|aborted|exhausted|data_?loss|reset|refused).*",
    re.IGNORECASE,
)
_BAD_CODES = frozenset({"2", "4", "13", "14", "15"})
"""gRPC's unknown, deadline exceeded, internal, unavailable and data loss, where they are written as numbers."""
_GRPC_NUMBERS = ("rpc_grpc_status_code", "grpc_code")
_FULL = ("in_use", "used", "active", "busy")
_LIMIT = ("max", "limit", "capacity", "size")


class Sign(enum.StrEnum):
    """What a signal is a sign of."""

    TRAFFIC = "traffic"
    ERRORS = "errors"
    LATENCY = "latency"
    SATURATION = "saturation"
    UP = "up"
    CPU = "cpu"
    MEMORY = "memory"


_GAUGES = {
    "up": (Sign.UP, "min by ({by}) (up)", ""),
    "process_resident_memory_bytes": (Sign.MEMORY, "max by ({by}) (process_resident_memory_bytes)", "bytes"),
    "process_cpu_seconds_total": (Sign.CPU, "sum by ({by}) (rate(process_cpu_seconds_total[{window}]))", "cores"),
}
"""Metrics that go by one name everywhere."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One query that tells one thing of many services (and, if ``peer`` is set, of what they call)."""

    sign: Sign
    metric: str
    promql: str
    unit: str
    service: str
    """The label that names the service."""
    peer: str | None = None
    """The label that names who is called, for signals about dependencies."""
    failed: str = ""
    """For errors, the regular expression of the statuses that count as such."""


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric with the labels its series have."""

    name: str
    service: str
    peer: str | None
    status: str | None
    failed: str
    """The regular expression of the status label's values that mean failure."""

    @property
    def by(self) -> str:
        return self.service if self.peer is None else f"{self.service}, {self.peer}"

    @property
    def is_client(self) -> bool:
        return self.peer is not None or bool(re.search(r"(^|_)client(_|$)", self.name))


def discover(label_sets: Sequence[Mapping[str, str]], rate_window: str) -> tuple[Signal, ...]:
    """The signals to query, most telling first, at most ``MAX_SIGNALS``.

    Args:
        label_sets: label sets (with ``__name__``) of the series that matched ``SELECTORS``.
        rate_window: e.g. ``1m``; at least four scrape intervals.
    """
    families = _families(label_sets)
    names = {family.name for family in families}
    found: list[Signal] = []
    for family in families:
        found += _signals(family, names, rate_window)
    order = list(Sign)
    found.sort(
        key=lambda signal: (signal.peer is not None, order.index(signal.sign), len(signal.metric), signal.metric)
    )
    own, peers = [s for s in found if s.peer is None], [s for s in found if s.peer is not None]
    return tuple((own[: MAX_SIGNALS - min(len(peers), 4)] + peers)[:MAX_SIGNALS])


def services(label_sets: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Names of all services that the label sets speak of."""
    return frozenset(name for labels in label_sets for name in (labels.get(_service_label(labels) or ""),) if name)


def _families(label_sets: Sequence[Mapping[str, str]]) -> tuple[_Family, ...]:
    labels_of: dict[str, set[str]] = defaultdict(set)
    values_of: dict[tuple[str, str], set[str]] = defaultdict(set)
    for labels in label_sets:
        name = labels["__name__"]
        labels_of[name] |= labels.keys()
        for label in STATUS_LABELS:
            if label in labels:
                values_of[name, label].add(labels[label])
    families = []
    for name, present in sorted(labels_of.items()):
        service = _service_label(present)
        if service is not None:
            peer = next((label for label in PEER_LABELS if label in present and label != service), None)
            if peer == "server_address" and "client" not in name:
                peer = None  # OpenTelemetry's server metrics carry their own address
            status = next((label for label in STATUS_LABELS if label in present), None)
            failed = _failed(status, values_of[name, status]) if status else ""
            families.append(_Family(name, service, peer, status, failed))
    return tuple(families)


def _failed(label: str, values: set[str]) -> str:
    """A regular expression of the values that mean failure; server errors always, others as far as they occur."""
    words = {value for value in values if _BAD_STATUS.fullmatch(value) and not value.isdigit()}
    codes = values & _BAD_CODES if label in _GRPC_NUMBERS else set()
    return "|".join(["5..", *sorted(re.escape(value).replace("\\", "\\\\") for value in words | codes)])


def _service_label(labels: Iterable[str]) -> str | None:
    present = set(labels)
    return next((label for label in SERVICE_LABELS if label in present), None)


def _signals(family: _Family, names: set[str], window: str) -> list[Signal]:
    by, name = family.by, family.name
    if name in _GAUGES:
        sign, query, unit = _GAUGES[name]
        return [_plain(family, sign, query.format(by=by, window=window), unit)]
    if family.is_client and family.peer is None:
        return []
    if re.search(r"(seconds|milliseconds)_count$", name):
        return _duration_signals(family, window)
    if name.endswith("_total") and family.status is not None:
        return _request_signals(family, window)
    return _saturation_signals(family, names)


def _plain(family: _Family, sign: Sign, promql: str, unit: str) -> Signal:
    return Signal(sign, family.name, promql, unit, family.service, family.peer)


def _request_signals(family: _Family, window: str) -> list[Signal]:
    rate = f"sum by ({family.by}) (rate({family.name}[{window}]))"
    errors = _plain(family, Sign.ERRORS, _error_ratio(family, window), "ratio")
    return [
        _plain(family, Sign.TRAFFIC, rate, "/s"),
        replace(errors, failed=family.failed),
    ]


def _error_ratio(family: _Family, window: str) -> str:
    """Failed requests as a share of all; 0 where requests were made and none failed, no value where none were made."""
    failed = f'sum by ({family.by}) (rate({family.name}{{{family.status}=~"{family.failed}"}}[{window}]))'
    everything = f"sum by ({family.by}) (rate({family.name}[{window}]))"
    return f"({failed} or 0 * {everything}) / ({everything} > 0)"


def _duration_signals(family: _Family, window: str) -> list[Signal]:
    """The 95th percentile from the histogram, or the mean where there are no buckets."""
    base = family.name.removesuffix("_count")
    unit = "milliseconds" if base.endswith("milliseconds") else "seconds"
    buckets = f"histogram_quantile(0.95, sum by ({family.by}, le) (rate({base}_bucket[{window}])))"
    mean = (
        f"sum by ({family.by}) (rate({base}_sum[{window}])) / (sum by ({family.by}) (rate({base}_count[{window}])) > 0)"
    )
    found = [Signal(Sign.LATENCY, f"{base}_bucket", f"{buckets} or {mean}", unit, family.service, family.peer)]
    if family.status is not None:  # OpenTelemetry has no request counter: the histogram's count is one
        found += _request_signals(family, window)
    return found


def _saturation_signals(family: _Family, names: set[str]) -> list[Signal]:
    for full in _FULL:
        if family.name.endswith(f"_{full}"):
            stem = family.name.removesuffix(full)
            limit = next((stem + word for word in _LIMIT if stem + word in names), None)
            if limit is not None:
                ratio = f"max by ({family.by}) ({family.name}) / (max by ({family.by}) ({limit}) > 0)"
                return [_plain(family, Sign.SATURATION, ratio, "ratio")]
    return []
