"""What is wrong with what services stand on, rather than with their code: nodes, pods, disks, certificates, limits."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.investigation import CauseKind

if TYPE_CHECKING:
    from datetime import datetime


class ConditionKind(enum.StrEnum):
    """What was found; the ones that stop a service outright first."""

    OOM_KILLED = "out of memory, killed"
    CERTIFICATE = "certificate expires"
    DISK_FULL = "disk full"
    READ_ONLY = "file system read-only"
    NODE = "node not healthy"
    CRASH_LOOP = "container does not start"
    EVICTED = "pod evicted"
    PENDING = "pod pending"
    DOWN = "dependency down"
    PROBE = "probe fails"
    UNREADY = "replicas unavailable"
    RESTARTED = "container restarted"
    MEMORY = "memory at its limit"
    THROTTLED = "CPU throttled"
    CONNECTIONS = "connections used up"
    THREADS = "threads used up"
    FILES = "file descriptors used up"
    SCALED_OUT = "autoscaler at its maximum"
    BACKLOG = "backlog grows"
    REPLICATION = "replication lags"
    NETWORK = "network errors"
    CLOCK = "clock off"
    LOAD = "node overloaded"

    @property
    def cause(self) -> CauseKind:
        """What sort of cause it would be: a certificate, a limit that was reached, or something that broke."""
        if self is ConditionKind.CERTIFICATE:
            return CauseKind.CERTIFICATE
        return CauseKind.CAPACITY if self in _OF_CAPACITY else CauseKind.INFRASTRUCTURE


_OF_CAPACITY = frozenset(
    {
        ConditionKind.OOM_KILLED,
        ConditionKind.DISK_FULL,
        ConditionKind.MEMORY,
        ConditionKind.THROTTLED,
        ConditionKind.CONNECTIONS,
        ConditionKind.THREADS,
        ConditionKind.FILES,
        ConditionKind.SCALED_OUT,
        ConditionKind.BACKLOG,
        ConditionKind.LOAD,
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is, or was, wrong.

    ``subject`` is what it is wrong with (``node-3 /var/lib``, ``checkout-7d9f/app``, ``https://shop.example``),
    ``service`` the service it belongs to, None when that is not told (a node concerns everything on it). ``since`` is
    the first moment at which it was seen, None when it was so throughout the window, ``uncertainty_s`` how many
    seconds earlier it may have been so; ``over`` when it is so no more. ``worst`` is the value that says so, in
    ``unit``; ``said`` is all of that in a sentence without the time (``disk full on node-3 /var/lib: 98 % used``).
    ``promql`` shows it to a human, of the Prometheus ``place`` ("" where there is only one).
    """

    kind: ConditionKind
    subject: str
    service: str | None
    since: datetime | None
    uncertainty_s: float
    over: bool
    worst: float
    unit: str
    said: str
    metric: str
    promql: str
    place: str = ""
    environment: str = ""

    @property
    def cause(self) -> CauseKind:
        """What sort of cause it would be."""
        return self.kind.cause
