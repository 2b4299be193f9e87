"""Where it comes from: who calls whom, and where the failing calls lead. Pure."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.symptoms import SURGE
from sre_bot.signals.words import service_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.first_look.seen import Reading, Seen
    from sre_bot.first_look.symptoms import Symptom

DOUBT = 2
"""How many times as uncertain as it says an onset may be."""
_INSIDE = (".svc", ".local", ".internal", ".cluster", ".consul", ".lan", ".corp", ".localdomain")


def resolve(peer: str, services: Iterable[str]) -> str | None:
    """Our service behind a peer's address (``inventory``, ``inventory-svc:8080``, ``inventory.shop.svc``), or None."""
    host = host_of(peer)
    known = sorted(services)
    if host in known:
        return host
    if _is_outside(host):
        return None
    words = service_words(host.split(".")[0])
    return next((service for service in known if service_words(service) == words), None) if words else None


def is_third_party(peer: str) -> bool:
    """Whether the address is one out in the Internet, rather than of a database or a service nobody measures."""
    return _is_outside(host_of(peer))


def host_of(peer: str) -> str:
    """The host of an address, in lower case, without scheme, port and path."""
    address = re.sub(r"^\w+://", "", peer).split("/")[0].lower()
    return address if address.count(":") > 1 else address.split(":")[0]


def _is_outside(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." in host and not host.endswith(_INSIDE)


@dataclass(frozen=True, slots=True)
class Calls:
    """Who calls whom as the metrics of callers tell, and the catalogue where these do not.

    ``more`` are the calls that someone suddenly makes more often per request; ``growth`` is by which factor the
    requests to each service grew; ``declared`` are those of ``of`` that only the catalogue knows.
    """

    of: Mapping[str, frozenset[str]]
    more: Mapping[tuple[str, str], Reading]
    growth: Mapping[str, float]
    declared: frozenset[tuple[str, str]] = frozenset()

    def callers(self, service: str) -> frozenset[str]:
        """Who calls it."""
        return frozenset(caller for caller, called in self.of.items() if service in called)

    def above(self, service: str) -> frozenset[str]:
        """Who calls it, directly or not."""
        found: set[str] = set()
        open_ends = {service}
        while open_ends:
            open_ends = {caller for end in open_ends for caller in self.callers(end)} - found
            found |= open_ends
        return frozenset(found)


def calls(seen: Seen, symptoms: Sequence[Symptom]) -> Calls:
    """The calls among our services.

    A caller that calls more often while its calls fail only tries again; so it is not one that calls more.
    """
    growth: dict[str, float] = {}
    for reading in seen.readings:
        if reading.signal.sign is Sign.TRAFFIC and reading.peer is None:
            growth[reading.service] = max(reading.growth, growth.get(reading.service, 0.0))
    of: dict[str, frozenset[str]] = {}
    more: dict[tuple[str, str], Reading] = {}
    failing = {(s.service, s.peer) for s in symptoms if s.sign is Sign.ERRORS}
    for reading in seen.readings:
        callee = resolve(reading.peer, seen.services) if reading.peer else None
        if callee is None:
            continue
        of[reading.service] = of.get(reading.service, frozenset()) | {callee}
        is_more = reading.signal.sign is Sign.TRAFFIC and reading.growth >= SURGE * growth.get(
            reading.service, math.inf
        )
        if is_more and (reading.service, reading.peer) not in failing:
            more[reading.service, callee] = reading
    declared = _declared(seen) - {(caller, callee) for caller, called in of.items() for callee in called}
    for caller, callee in declared:
        of[caller] = of.get(caller, frozenset()) | {callee}
    return Calls(of, more, growth, declared)


def _declared(seen: Seen) -> frozenset[tuple[str, str]]:
    """Who depends on whom as the catalogue says, of the services that are seen."""
    names = seen.catalogue.names()
    known = [service for service in seen.catalogue.services.values() if service.name in seen.services]
    told = ((service.name, names.get(one.casefold(), one)) for service in known for one in service.dependencies)
    return frozenset((caller, callee) for caller, callee in told if callee in seen.services and callee != caller)


@dataclass(frozen=True, slots=True)
class Trail:
    """From the service asked about to the one where it begins.

    ``peer`` is whom that last one calls in vain, when it is none of our services; ``more`` are the calls it suddenly
    makes more often.
    """

    services: tuple[str, ...] = ()
    peer: str | None = None
    more: Reading | None = None

    @property
    def end(self) -> str | None:
        """Where it begins, as far as can be seen."""
        return self.services[-1] if self.services else None


def follow(focus: Sequence[str], symptoms: Sequence[Symptom], calls: Calls, services: frozenset[str]) -> Trail:
    """Follow the failing calls from what was asked about, or from what failed first, as far as they lead.

    What is over is followed only when everything is. A service that is called more often than before, per request of
    its caller, suffers from its caller: there the trail turns back.
    """
    active = [s for s in symptoms if not s.over] or list(symptoms)
    own = dict.fromkeys(s.service for s in active if s.peer is None)
    start = next((service for service in focus if service in own), None)
    start = start or next(iter(own), None) or next((s.service for s in active), None)
    if start is None:
        return Trail()
    trail = [start]
    while True:
        step = _next(trail, active, calls, services)
        if step is None:
            return _turned_back(trail, calls)
        address, ours = step
        if ours is None:
            return Trail(tuple(trail), peer=address)
        trail.append(ours)


def _next(
    trail: Sequence[str], active: Sequence[Symptom], calls: Calls, services: frozenset[str]
) -> tuple[str, str | None] | None:
    """Whose failure explains that of the last service best: a service of ours that fails itself, or someone else."""
    here = trail[-1]
    for call in _failing_calls(here, active):
        address = call.peer or ""
        ours = resolve(address, services)
        if ours is None:
            return address, None
        fails = any(_may_cause(own, call) for own in active if own.service == ours and own.peer is None)
        if fails and ours not in trail and (here, ours) not in calls.more:
            return address, ours
    declared = _first_to_fail(here, active, calls)
    return (declared, declared) if declared and declared not in trail else None


def _first_to_fail(caller: str, active: Sequence[Symptom], calls: Calls) -> str | None:
    """Of what a service is only declared to call, what got worse first, if that was not later than the service did."""
    own = [symptom for symptom in active if symptom.peer is None and symptom.onset is not None]
    here = [symptom for symptom in own if symptom.service == caller]
    there = [symptom for symptom in own if (caller, symptom.service) in calls.declared]
    return next((one.service for one in there if here and _may_cause(one, here[0])), None)


def _failing_calls(caller: str, active: Sequence[Symptom]) -> list[Symptom]:
    """Calls that got worse, errors first, the worst first."""
    bad = [symptom for symptom in active if symptom.service == caller and symptom.peer]
    return sorted(bad, key=lambda s: (s.sign is not Sign.ERRORS, -abs(s.reading.facts.shift), s.peer or ""))


def _may_cause(own: Symptom, call: Symptom) -> bool:
    """Whether a service's own symptom began early enough to be why calls to it got worse."""
    if own.onset is None or call.onset is None:
        return True
    doubt = sum(symptom.reading.facts.onset_uncertainty or 0 for symptom in (own, call))
    return own.onset <= call.onset + timedelta(seconds=DOUBT * doubt)


def _turned_back(trail: list[str], calls: Calls) -> Trail:
    """The trail, led back to whoever calls its end more often than before."""
    end = trail[-1]
    for caller, callee in sorted(calls.more):
        if callee == end:
            kept = trail[: trail.index(caller) + 1] if caller in trail else [*trail, caller]
            return Trail(tuple(kept), more=calls.more[caller, callee])
        if caller == end:
            return Trail(tuple(trail), more=calls.more[caller, callee])
    return Trail(tuple(trail))
