"""An incident of the past as OpenMetrics text, for a real Prometheus: a chain of services, the last of which fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class PastIncident:
    """Each service calls the next one; the last fails and is slow from the onset on, and with it all its callers."""

    services: tuple[str, ...] = ("web", "checkout")
    instances: int = 1
    at: datetime = datetime(2020, 1, 1, 12, tzinfo=UTC)
    onset: datetime = datetime(2020, 1, 1, 11, 40, tzinfo=UTC)
    scrape: int = 15
    length: timedelta = timedelta(hours=2)
    rate: float = 20.0
    more_labels: str = ""

    @property
    def times(self) -> NDArray[np.float64]:
        """Moments of the scrapes."""
        return np.arange((self.at - self.length).timestamp(), self.at.timestamp() + 1, self.scrape)

    def openmetrics(self) -> str:
        """All samples."""
        return "\n".join([*self._lines(), "# EOF\n"])

    def _lines(self) -> Iterator[str]:
        targets = [(place, n) for place in range(len(self.services)) for n in range(self.instances)]
        calling = [(place, n) for place, n in targets if place + 1 < len(self.services)]
        yield "# TYPE up gauge"
        for place, n in targets:
            yield from self._samples(f"up{{{self._target(place, n)}}}", np.ones(len(self.times)))
        for family, told in (("http", targets), ("http_client", calling)):
            yield f"# TYPE {family}_requests counter"
            for place, n in told:
                yield from self._requests(family, self._labels(family, place, n))
            yield f"# TYPE {family}_request_duration_seconds histogram"
            for place, n in told:
                yield from self._durations(family, self._labels(family, place, n))
        yield "# TYPE ALERTS gauge"
        firing = np.where(self.times >= (self.onset + timedelta(minutes=2)).timestamp(), 1.0, np.nan)
        labels = f'alertname="ErrorsHigh",service="{self.services[-1]}",severity="page",alertstate="firing"'
        yield from self._samples(f"ALERTS{{{labels}}}", firing)

    def _target(self, place: int, instance: int) -> str:
        name = self.services[place]
        return f'job="shop",service="{name}",instance="{name}-{instance}:80"{self.more_labels}'

    def _labels(self, family: str, place: int, instance: int) -> str:
        peer = f',server_address="{self.services[place + 1]}"' if family == "http_client" else ""
        return self._target(place, instance) + peer

    def _requests(self, family: str, labels: str) -> Iterator[str]:
        failing = np.where(self.times >= self.onset.timestamp(), 0.4, 0.0)
        for status, share in (("200", 1 - failing), ("500", failing)):
            yield from self._samples(f'{family}_requests_total{{{labels},status="{status}"}}', self._counted(share))

    def _durations(self, family: str, labels: str) -> Iterator[str]:
        typical = np.where(self.times >= self.onset.timestamp(), 0.6, 0.03)
        name = f"{family}_request_duration_seconds"
        for limit in BUCKETS:
            yield from self._samples(
                f'{name}_bucket{{{labels},le="{limit}"}}', self._counted(1 - np.exp(-limit / typical))
            )
        yield from self._samples(f'{name}_bucket{{{labels},le="+Inf"}}', self._counted(np.ones(len(self.times))))
        yield from self._samples(f"{name}_count{{{labels}}}", self._counted(np.ones(len(self.times))))
        yield from self._samples(f"{name}_sum{{{labels}}}", self._counted(typical))

    def _counted(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        """A counter of a share of the requests."""
        return np.asarray(np.cumsum(share) * self.rate * self.scrape / self.instances, dtype=np.float64)

    def _samples(self, series: str, values: NDArray[np.float64]) -> Iterator[str]:
        for moment, value in zip(self.times, values, strict=True):
            if np.isfinite(value):
                yield f"{series} {value:g} {moment:.0f}"
