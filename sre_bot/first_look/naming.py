"""One name a service, whatever metrics, alerts and deploys call it, as the catalogue knows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.first_look.trail import host_of
from sre_bot.incident import SERVICE_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sre_bot.first_look.conditions import Condition
    from sre_bot.first_look.movers import Mover
    from sre_bot.first_look.seen import Complaint, Contrast, Reading
    from sre_bot.incident import Alert, Change


@dataclass(frozen=True, slots=True)
class Naming:
    """``names`` by other names, in lower case; ``labels`` that name a service, the most telling first."""

    names: Mapping[str, str]
    labels: Sequence[str] = SERVICE_LABELS

    def service(self, name: str) -> str:
        """What the catalogue calls it."""
        return self.names.get(name.casefold(), name)

    def peer(self, address: str) -> str:
        """The service behind an address, if the catalogue knows it by its host or the first part of that."""
        host = host_of(address)
        return self.names.get(host) or self.names.get(host.split(".")[0], address)

    def reading(self, reading: Reading) -> Reading:
        """The reading, of and about services as the catalogue calls them."""
        service, peer = self.service(reading.service), reading.peer and self.peer(reading.peer)
        same = (service, peer) == (reading.service, reading.peer)
        return reading if same else replace(reading, service=service, peer=peer)

    def alert(self, alert: Alert) -> Alert:
        """The alert, of a service as the catalogue calls it."""
        said = next((alert.labels[label] for label in self.labels if alert.labels.get(label)), None)
        if said is None or (name := self.service(said)) == alert.service:
            return alert
        return replace(alert, labels={**alert.labels, "service": name})

    def change(self, change: Change) -> Change:
        """The change, of a service as the catalogue calls it."""
        return change if change.service is None else replace(change, service=self.service(change.service))

    def condition(self, condition: Condition) -> Condition:
        """The condition, of a service as the catalogue calls it."""
        return condition if condition.service is None else replace(condition, service=self.service(condition.service))

    def mover(self, mover: Mover) -> Mover:
        """The gauge, of a service as the catalogue calls it."""
        return replace(mover, service=self.service(mover.service))

    def complaint(self, complaint: Complaint) -> Complaint:
        """The complaint, of services as the catalogue calls them."""
        return replace(complaint, services=tuple(dict.fromkeys(map(self.service, complaint.services))))

    def contrast(self, contrast: Contrast) -> Contrast:
        """The contrast, of services as the catalogue calls them."""
        way, peer = tuple(dict.fromkeys(map(self.service, contrast.way))), contrast.peer and self.peer(contrast.peer)
        return replace(contrast, service=self.service(contrast.service), way=way, peer=peer)
