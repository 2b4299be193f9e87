"""Which queries tell how services do: golden signals, found among the metrics that there are. Pure.

A metric that names a peer (``server_address``, ``upstream`` …) is about the calls to a dependency.
"""

from __future__ import annotations

import enum
import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sre_bot.first_look import conventions
from sre_bot.incident import SERVICE_LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sre_bot.first_look.conventions import Speaker


class Sign(enum.StrEnum):
    """What a signal is a sign of; the most telling first."""

    UP = "up"
    ERRORS = "errors"
    LATENCY = "latency"
    SATURATION = "saturation"
    LIMIT = "limit"
    """The limit that a saturation is measured against."""
    STEP = "step"
    """Time that a step on the way takes: a query, a wait for a connection."""
    TRAFFIC = "traffic"
    CPU = "cpu"
    MEMORY = "memory"


MOST = {
    Sign.UP: 2,
    Sign.ERRORS: 3,
    Sign.LATENCY: 3,
    Sign.SATURATION: 2,
    Sign.LIMIT: 2,
    Sign.STEP: 3,
    Sign.TRAFFIC: 3,
    Sign.CPU: 2,
    Sign.MEMORY: 2,
}
"""Metrics looked at for each sign …"""
MOST_OF_PEERS = 2
"""… and for each sign of calls to others."""
MAX_SIGNALS = sum(MOST.values()) + 3 * MOST_OF_PEERS

_GAUGES = {
    "up": (Sign.UP, "avg by ({by}) (up{only})", "ratio"),
    "process_resident_memory_bytes": (Sign.MEMORY, "max by ({by}) (process_resident_memory_bytes{only})", "bytes"),
    "process_cpu_seconds_total": (Sign.CPU, "sum by ({by}) (rate(process_cpu_seconds_total{only}[{window}]))", "cores"),
}
"""Metrics that go by one name everywhere."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One query that tells one thing of many services (and, if ``peer`` is set, of what they call).

    ``service``, ``peer`` and ``status`` are labels: who it is about, who is called, how a request ended. For errors,
    ``promql`` gives failures per second by status, to be divided by what ``all_of`` gives, the query of their traffic;
    ``shown`` is the same as one expression, for humans. (Asked as one expression, the share would have no value where
    nothing failed.)
    """

    sign: Sign
    metric: str
    promql: str
    unit: str
    service: str
    peer: str | None = None
    status: str | None = None
    all_of: str = ""
    shown: str = ""
    stat: str = ""
    """What is told of a distribution: p95 or mean."""


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric with the labels its series have, the services it tells of and the ``values`` of its status label.

    ``only`` are matchers that leave out series with a better label for the service, as these are another family, and
    whatever is not to be looked at.
    """

    name: str
    service: str
    peer: str | None
    status: str | None
    window: str
    services: frozenset[str]
    values: set[str] = field(default_factory=set)
    only: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        return self.service if self.peer is None else f"{self.service}, {self.peer}"

    @property
    def is_counter_of_requests(self) -> bool:
        return conventions.is_counter(self.name) and self.name not in _GAUGES

    def chosen(self, *matchers: str) -> str:
        return "{" + ",".join((*self.only, *matchers)) + "}" if self.only or matchers else ""

    def rate(self, metric: str, *matchers: str, by: str = "") -> str:
        """The rate of this or a sister metric."""
        return f"sum by ({self.by}{by}) (rate({metric}{self.chosen(*matchers)}[{self.window}]))"

    def signal(self, sign: Sign, promql: str, unit: str, stat: str = "") -> Signal:
        return Signal(sign, self.name, promql, unit, self.service, self.peer, shown=promql, stat=stat)


def discover(
    label_sets: Iterable[Mapping[str, str]],
    rate_window: str,
    matchers: tuple[str, ...] = (),
    *,
    service_labels: tuple[str, ...] = SERVICE_LABELS,
    hints: Collection[str] = (),
) -> tuple[Signal, ...]:
    """The signals to query, most telling first, at most ``MAX_SIGNALS``; errors never without their traffic.

    Args:
        label_sets: what ``conventions.query_of`` these labels gave, in any order.
        rate_window: e.g. ``1m``; at least four scrape intervals.
        matchers: what else all series have to match.
        service_labels: labels that name a service, the most telling first.
        hints: metrics that matter here, as the rules of alerts tell.
    """
    families = _families(label_sets, rate_window, matchers, service_labels)
    names = frozenset(family.name for family in families)
    counters = [family for family in families if family.is_counter_of_requests]
    found = [signal for family in families for signal in _signals(family, names, counters)]
    hinted = frozenset(map(conventions.family, hints))
    found.sort(key=lambda signal: _rank(signal, service_labels, hinted))
    chosen: list[Signal] = []
    for (is_of_peers, sign), alike in itertools.groupby(
        found, key=lambda signal: (signal.peer is not None, signal.sign)
    ):
        chosen += itertools.islice(alike, MOST_OF_PEERS if is_of_peers else MOST[sign])
    return tuple(chosen)


def services(
    label_sets: Iterable[Mapping[str, str]], service_labels: tuple[str, ...] = SERVICE_LABELS
) -> frozenset[str]:
    """Names of all services that the label sets speak of."""
    told = ((labels, _service_label(labels, conventions.speaker_of(labels), service_labels)) for labels in label_sets)
    return frozenset(conventions.plain_name(labels[label]) for labels, label in told if label)


def _rank(
    signal: Signal, service_labels: tuple[str, ...], hinted: frozenset[str]
) -> tuple[bool, int, bool, bool, bool, int, str, int]:
    """Own before peers, sign by sign; what alerts watch, metrics with a status first, then the usual ones.

    So the traffic that belongs to the errors chosen is among the traffic chosen.
    """
    return (
        signal.peer is not None,
        list(Sign).index(signal.sign),
        conventions.family(signal.metric) not in hinted,
        signal.sign is Sign.TRAFFIC and signal.status is None,
        not conventions.is_usual(signal.metric),
        len(signal.metric),
        signal.metric,
        service_labels.index(signal.service) if signal.service in service_labels else -1,
    )


def _families(
    label_sets: Iterable[Mapping[str, str]], window: str, matchers: tuple[str, ...], service_labels: tuple[str, ...]
) -> list[_Family]:
    """Metrics by name, by the label that names their services, and by who tells of these."""
    alike: dict[tuple[str, str, Speaker | None], list[Mapping[str, str]]] = defaultdict(list)
    for labels in label_sets:
        speaker = conventions.speaker_of(labels)
        service = _service_label(labels, speaker, service_labels)
        if service is not None and conventions.is_name(labels.get("__name__", "")):
            alike[labels["__name__"], service, speaker].append(labels)
    families = []
    for (name, service, speaker), sets in sorted(alike.items(), key=lambda one: (*one[0][:2], repr(one[0][2]))):
        present = frozenset(label for labels in sets for label in labels)
        peer = conventions.peer_label(name, present) if speaker is None else speaker.peer
        status = next((label for label in conventions.STATUS_LABELS if label in present), None)
        values = {labels[status] for labels in sets if status in labels} if status else set()
        told_by = service_labels if speaker is None or speaker.service is None else speaker.service
        better = (label for label in told_by[: told_by.index(service)] if (name, label, speaker) in alike)
        only = (*(f'{label}=""' for label in better), *(speaker.matchers() if speaker else ()), *matchers)
        whose = frozenset(labels[service] for labels in sets)
        families.append(_Family(name, service, peer, status, window, whose, values, only))
    return families


def _service_label(labels: Mapping[str, str], speaker: Speaker | None, service_labels: tuple[str, ...]) -> str | None:
    named = service_labels if speaker is None or speaker.service is None else speaker.service
    return next((label for label in named if labels.get(label)), None)


def _signals(family: _Family, names: frozenset[str], counters: Sequence[_Family]) -> Iterator[Signal]:
    """What one metric tells."""
    name = family.name
    if name in _GAUGES:
        sign, query, unit = _GAUGES[name]
        promql = query.replace("{by}", family.by).replace("{only}", family.chosen()).replace("{window}", family.window)
        yield family.signal(sign, promql, unit)
    elif family.peer is None and conventions.is_of_a_client(name):
        return  # requests sent, but not to whom
    elif family.is_counter_of_requests:
        yield from _request_signals(family)
    elif name.endswith("_count"):
        yield from _duration_signals(family, names)
        if conventions.is_about_requests(name) and not _is_counted(family, counters):
            yield from _request_signals(family)  # OpenTelemetry has no counter of requests: a histogram's count is one
    elif limit := conventions.limit_of(name, names):
        ratio = f"max by ({family.by}) ({name}{family.chosen()} / {limit}{family.chosen()})"
        yield family.signal(Sign.SATURATION, ratio, "ratio")
        yield replace(family.signal(Sign.LIMIT, f"min by ({family.by}) ({limit}{family.chosen()})", ""), metric=limit)


def _is_counted(family: _Family, counters: Sequence[_Family]) -> bool:
    """Whether counters tell of the requests of the same services, and how these end, if the family tells that."""
    alike = (counter for counter in counters if counter.by == family.by and (counter.status or not family.status))
    return family.services <= frozenset[str]().union(*(counter.services for counter in alike))


def _request_signals(family: _Family) -> Iterator[Signal]:
    everything = family.rate(family.name)
    if family.status is None:
        yield family.signal(Sign.TRAFFIC, everything, "/s")
        return
    matcher = conventions.matcher(family.status, conventions.failed(family.status, family.values))
    failures = family.rate(family.name, matcher, by=f", {family.status}")
    shown = f"{family.rate(family.name, matcher)} / {everything}"
    about = (family.service, family.peer, family.status)
    yield Signal(Sign.TRAFFIC, family.name, everything, "/s", *about, shown=everything)
    yield Signal(Sign.ERRORS, family.name, failures, "ratio", *about, all_of=everything, shown=shown)


def _duration_signals(family: _Family, names: frozenset[str]) -> Iterator[Signal]:
    """The 95th percentile from a histogram, the mean from what has no buckets."""
    base = family.name.removesuffix("_count")
    unit = conventions.unit_of_time(base)
    sign = Sign.LATENCY if family.peer or conventions.is_about_requests(base) else Sign.STEP
    if f"{base}_bucket" in names:
        yield family.signal(sign, f"histogram_quantile(0.95, {family.rate(f'{base}_bucket', by=', le')})", unit, "p95")
    else:
        yield family.signal(sign, f"{family.rate(f'{base}_sum')} / {family.rate(family.name)}", unit, "mean")
