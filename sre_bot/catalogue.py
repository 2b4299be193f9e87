"""The service catalogue: who owns a service, whom to call, what it depends on, where its runbooks are. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.incident import Service


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Services by name."""

    services: Mapping[str, Service] = field(default_factory=dict)

    @classmethod
    def of(cls, *sources: Iterable[Service]) -> Catalogue:
        """One catalogue of several; where two describe a service, the later one's words win, field by field."""
        merged: dict[str, Service] = {}
        for service in (service for source in sources for service in source):
            merged[service.name] = merged[service.name].overlaid(service) if service.name in merged else service
        return cls(merged)

    def find(self, name: str) -> Service | None:
        """The service of that name or alias, whatever the case."""
        wanted = name.casefold()
        exact = (service for service in self.services.values() if service.name.casefold() == wanted)
        alias = (service for service in self.services.values() if wanted in {a.casefold() for a in service.aliases})
        return next(exact, None) or next(alias, None)

    def names(self) -> Mapping[str, str]:
        """What each service is called here, by its name and by its aliases, in lower case."""
        known = reversed(list(self.services.values()))  # so that the first to claim an alias has it
        aliases = {alias.casefold(): service.name for service in known for alias in service.aliases}
        return aliases | {name.casefold(): name for name in self.services}

    def mentioned(self) -> frozenset[str]:
        """The services that are described, and those that they depend on."""
        return frozenset({*self.services, *(one for service in self.services.values() for one in service.dependencies)})

    def described(self, names: Sequence[str]) -> str:
        """What is known of these services, a line each; empty when nothing is."""
        known = (self.find(name) for name in dict.fromkeys(names))
        return "\n".join(line for service in known if service is not None and (line := _line(service)))


def _line(service: Service) -> str:
    facts = {
        "also called": ", ".join(service.aliases),
        "owner": service.owner,
        "on call": service.on_call,
        "environment": service.environment,
        "repository": service.repository,
        "depends on": ", ".join(service.dependencies),
        "runbooks": ", ".join(service.runbooks),
        "dashboards": ", ".join(service.dashboards),
    }
    told = "; ".join(f"{name} {value}" for name, value in facts.items() if value)
    return f"{service.name}: {told}" if told else ""
