"""What exporters told of a cluster in the hour before 2020-01-01 12:00, as OpenMetrics text for a real Prometheus.

From 11:40 on a container is killed for its memory again and again, and another is held back; a disk runs full at
11:30, a certificate expires at 11:50. Beside each there is one that does well.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

AT = datetime(2020, 1, 1, 12, tzinfo=UTC)
KILLED, FULL, EXPIRED = AT - timedelta(minutes=20), AT - timedelta(minutes=30), AT - timedelta(minutes=10)
SCRAPE = 15
TIMES = np.arange((AT - timedelta(hours=2)).timestamp(), AT.timestamp() + 1, SCRAPE)
SINCE = (TIMES - KILLED.timestamp()) / SCRAPE
"""Scrapes since 11:40."""

_KSM = 'job="kube-state-metrics",service="kube-state-metrics",namespace="shop"'
_CADVISOR = 'job="kubelet",service="kubelet",namespace="shop"'
_NODE = 'job="node-exporter",instance="node-3:9100"'
_BLACKBOX = 'job="blackbox"'


def openmetrics() -> str:
    """All samples."""
    return "\n".join([*_pods(), *_limits(), *_disks(), *_probes(), "# EOF\n"])


def _pods() -> Iterator[str]:
    restarts = np.maximum(0, np.ceil((SINCE + 1) / 20)) * (SINCE >= 0)  # every five minutes
    family = "kube_pod_container_status_restarts"
    yield f"# TYPE {family} counter"
    yield from _samples(f"{family}_total", f'{_KSM},pod="checkout-7d9f8b6c5d-x2x9k",container="app"', restarts)
    yield from _samples(f"{family}_total", f'{_KSM},pod="web-5c6b7d8f9-abcde",container="app"', restarts * 0 + 3)
    reason = "kube_pod_container_status_last_terminated_reason"
    yield f"# TYPE {reason} gauge"
    killed = f'{_KSM},pod="checkout-7d9f8b6c5d-x2x9k",container="app",reason="OOMKilled"'
    yield from _samples(reason, killed, (SINCE >= 0).astype(float))


def _limits() -> Iterator[str]:
    for family, per_scrape in (("periods", SINCE * 0 + 150), ("throttled_periods", np.where(SINCE >= 0, 90.0, 3.0))):
        yield f"# TYPE container_cpu_cfs_{family} counter"
        for pod, share in (("inventory-0", per_scrape), ("web-5c6b7d8f9-abcde", np.minimum(per_scrape, 150))):
            well = share if pod.startswith("inventory") or family == "periods" else share * 0
            labels = f'{_CADVISOR},pod="{pod}",container="app"'
            yield from _samples(f"container_cpu_cfs_{family}_total", labels, np.cumsum(well))


def _disks() -> Iterator[str]:
    used = np.where(FULL.timestamp() <= TIMES, 0.98, 0.6)
    for family, share in (("size", used * 0 + 1), ("avail", 1 - used)):
        yield f"# TYPE node_filesystem_{family}_bytes gauge"
        for mountpoint, told in (("/", share), ("/boot", np.maximum(share, 0.5))):
            labels = f'{_NODE},mountpoint="{mountpoint}",device="/dev/sda",fstype="ext4"'
            yield from _samples(f"node_filesystem_{family}_bytes", labels, told * 1e11)


def _probes() -> Iterator[str]:
    expiry, success = "probe_ssl_earliest_cert_expiry", "probe_success"
    sites = (("https://shop.example", EXPIRED), ("https://docs.example", AT + timedelta(days=60)))
    yield f"# TYPE {expiry} gauge"
    for site, end in sites:
        yield from _samples(expiry, f'{_BLACKBOX},instance="{site}"', np.full(len(TIMES), end.timestamp()))
    yield f"# TYPE {success} gauge"
    for site, end in sites:
        yield from _samples(success, f'{_BLACKBOX},instance="{site}"', (end.timestamp() > TIMES).astype(float))


def _samples(name: str, labels: str, values: FloatArray) -> Iterator[str]:
    for moment, value in zip(TIMES, values, strict=True):
        yield f"{name}{{{labels}}} {value:.14g} {moment:.0f}"
