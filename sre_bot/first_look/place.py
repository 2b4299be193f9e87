"""Where and since when it fails, as alerts, logs and traces tell it where no golden signal does. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from sre_bot.first_look.symptoms import SURGE
from sre_bot.signals.words import service_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.first_look.movers import Mover
    from sre_bot.first_look.seen import Complaint, Seen

GAVE_UP = re.compile(r"cancel", re.IGNORECASE)
"""Who is told to stop is not who failed: the caller gave up."""


def failing_place(seen: Seen, asked: Sequence[str], well: frozenset[str]) -> tuple[str, ...]:
    """The way to the service where it begins; empty when neither alerts nor logs nor traces speak of trouble.

    It is where the alert is, of what was asked about; else who complains first. From there the trace of a failed
    request leads on to the deepest step that failed, if that service says so itself. Where the alert is all that
    speaks of trouble, and the signals of its service (``well``) do not agree, nobody knows.
    """
    complaining = [one.service for one in sorted(seen.complaints, key=lambda one: one.first) if one.service]
    firing = dict.fromkeys(alert.service for alert in seen.firing if alert.service)
    alerting = [service for service in firing if service in complaining or service not in well]
    start = next((s for s in alerting if s in asked), None) or next(
        (s for s in asked if s in complaining), next(iter((*alerting, *complaining)), None)
    )
    if start is None:
        return ()
    contrast = seen.contrast
    if contrast is None or not contrast.failed or start not in contrast.way or GAVE_UP.search(contrast.error):
        return (start,)
    way = contrast.way[contrast.way.index(start) :]
    deeper = contrast.service in complaining and complaining.index(contrast.service) < complaining.index(start)
    return way if start in complaining and deeper else (start,)


def told_calls(seen: Seen) -> Mapping[str, frozenset[str]]:
    """Who calls whom, as the traces of bad and healthy requests show and as services complain of each other by name."""
    of: dict[str, set[str]] = {}
    contrast = seen.contrast
    for caller, callee in (*pairwise(contrast.way), *contrast.edges) if contrast else ():
        of.setdefault(caller, set()).add(callee)
    for one in seen.complaints:
        words = frozenset(re.findall(r"[\w-]+", one.pattern.lower()))
        for callee in seen.services:
            if callee.lower() in words and callee not in one.services:
                of.setdefault(one.service, set()).add(callee)
    return {caller: frozenset(called) for caller, called in of.items()}


def driven(seen: Seen, failing: Iterable[str]) -> frozenset[str]:
    """Of failing services those of which more is asked, although nobody is known to ask more of who calls them."""
    callers: dict[str, set[str]] = {}
    for caller, called in told_calls(seen).items():
        for callee in called:
            callers.setdefault(callee, set()).add(caller)
    grown = {mover.service for mover in seen.movers if mover.is_load and mover.growth >= SURGE}
    flat = {steady.service for steady in seen.steady}
    return frozenset(s for s in failing if s in grown and callers.get(s, set()) & flat and not callers[s] & grown)


def onset_by_logs(seen: Seen, service: str) -> datetime | None:
    """When a service began to complain; of one that does not, by when an alert says that it failed."""
    complained = [one.first for one in seen.complaints if service in one.services]
    alerted = [alert.started_at for alert in seen.firing if alert.service == service]
    return min(complained or alerted, default=None)


def first_sign(movers: Iterable[Mover], near: frozenset[str], onset: datetime | None) -> datetime | None:
    """When, at the latest, anything of these services first moved before the onset; None when nothing did."""
    told = [m.latest for m in movers if m.service in near and not m.is_demand]
    first = min(told, default=None)
    return first if first is not None and onset is not None and first < onset else None


def moved(movers: Iterable[Mover]) -> Mapping[str, datetime]:
    """When the first gauge of each service moved."""
    found: dict[str, datetime] = {}
    for mover in movers:
        found[mover.service] = min(mover.onset, found.get(mover.service, mover.onset))
    return found


def texts(seen: Seen, services: Iterable[str], near: frozenset[str]) -> tuple[str, ...]:
    """What is said of the failure: by the services on the way to it, by those that they call, and by alerts."""
    about = {*services, *near}
    complaints = [one for one in seen.complaints if not one.services or about.intersection(one.services)]
    told = [text for one in complaints for text in said(one)]
    told += [alert.summary for alert in seen.firing if alert.service in about]
    contrast = seen.contrast
    if contrast is not None and contrast.service in about:
        told += [contrast.operation, contrast.error, *contrast.attributes]
    return tuple(filter(None, told))


def said(complaint: Complaint) -> tuple[str, ...]:
    """The words of a complaint, and of the attributes that its lines have alike."""
    return (complaint.pattern, complaint.example, *(f"{key} {value}" for key, value in complaint.common.items()))


def same_service(one: str, others: Iterable[str]) -> bool:
    """Whether a service is one of these, however it is written."""
    return any(one == other or service_words(one) == service_words(other) for other in others)
