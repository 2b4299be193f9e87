"""The service catalogue: who owns a service, whom to call, what it depends on, where its runbooks are. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.incident import Service

_WORD = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """What a conversation is about unless it says otherwise: the default service and environment of a channel."""

    service: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Services by name, and the places of channels by their name or id (without ``#``)."""

    services: Mapping[str, Service] = field(default_factory=dict)
    channels: Mapping[str, Place] = field(default_factory=dict)

    @classmethod
    def of(cls, *sources: Iterable[Service], channels: Mapping[str, Place] | None = None) -> Catalogue:
        """One catalogue of several; where two describe a service, the later one's words win, field by field."""
        merged: dict[str, Service] = {}
        for service in (service for source in sources for service in source):
            merged[service.name] = merged[service.name].overlaid(service) if service.name in merged else service
        return cls(merged, {name.removeprefix("#"): place for name, place in (channels or {}).items()})

    def find(self, name: str) -> Service | None:
        """The service of that name or alias, whatever the case."""
        wanted = name.casefold()
        exact = (service for service in self.services.values() if service.name.casefold() == wanted)
        alias = (service for service in self.services.values() if wanted in {a.casefold() for a in service.aliases})
        return next(exact, None) or next(alias, None)

    def named_in(self, text: str) -> tuple[Service, ...]:
        """Services whose name or alias stands as a word in a text, in the order they stand there."""
        found = (self.find(word.strip(".-")) for word in _WORD.findall(text))
        return tuple({service.name: service for service in found if service is not None}.values())

    def place_of(self, *channel: str) -> Place:
        """The place of a channel, by its name or its id; an empty one for a channel that has none."""
        return next((self.channels[name] for name in channel if name in self.channels), Place())

    def dependencies(self) -> Mapping[str, frozenset[str]]:
        """Service to the services it calls."""
        return {name: frozenset(s.dependencies) for name, s in self.services.items() if s.dependencies}

    def described(self, names: Sequence[str]) -> str:
        """What is known of these services, a line each; empty when nothing is."""
        known = (self.find(name) for name in dict.fromkeys(names))
        return "\n".join(line for service in known if service is not None and (line := _line(service)))


def _line(service: Service) -> str:
    facts = {
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
