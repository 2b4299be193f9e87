"""Faults to drill with, and how one is played: rollouts, good and bad, until the alert fires."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING

import yaml
from pydantic import TypeAdapter

from sre_bot.drills.card_processor import Condition  # noqa: TC001 pydantic reads it at run time
from sre_bot.drills.history import Commit
from sre_bot.errors import BadInputError, DrillError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from sre_bot.drills.shop import Shop

FIRES_WITHIN = 40.0
"""Seconds after the last step in which the alert must fire."""
_POLL_EVERY = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioCommit(Commit):
    """A commit of ``commits.yaml``; ``service`` is what it is rolled out to."""

    service: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """Commit and deploy, ``at`` seconds after the start; ``fault`` marks the one that breaks something."""

    at: float
    roll_out: str
    fault: bool = False


@dataclass(frozen=True, slots=True)
class Disturbance:
    """The card processor gets better or worse, ``at`` seconds after the start."""

    at: float
    card_processor: Condition


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and the scenario that brings it.

    ``culprit`` is the first failing service, or the host of a third party as callers' metrics show it; ``alert`` is
    what fires for it.
    """

    name: str
    description: str
    caused_by_change: bool
    culprit: str
    alert: str
    steps: tuple[Rollout | Disturbance, ...]


class EventKind(enum.StrEnum):
    """What happened in a drill."""

    ROLLOUT = "rollout"
    FAULT = "fault"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a drill, in words; ``sha`` is the commit that was rolled out, if any."""

    time: datetime
    kind: EventKind
    text: str
    sha: str | None = None
    service: str | None = None


def faults() -> Sequence[Fault]:
    """All faults, the first being the default of a demo."""
    return TypeAdapter(list[Fault]).validate_python(_read("faults.yaml"))


def fault_named(name: str) -> Fault:
    """One fault.

    Raises:
        BadInputError: there is none of that name; says which there are.
    """
    known = {fault.name: fault for fault in faults()}
    if name not in known:
        raise BadInputError(f"there is no fault {name!r}; there are: {', '.join(known)}")
    return known[name]


def commits() -> Mapping[str, ScenarioCommit]:
    """The commits that scenarios make, by name."""
    return TypeAdapter(dict[str, ScenarioCommit]).validate_python(_read("commits.yaml"))


def _read(name: str) -> object:
    return yaml.safe_load(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


async def run_scenario(shop: Shop, fault: Fault) -> AsyncIterator[Event]:
    """Play a fault in an open shop; ends with the event of its alert.

    Raises:
        DrillError: a process crashed, or the alert did not fire within `FIRES_WITHIN` s after the last step.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    known = commits()
    for step in fault.steps:
        await asyncio.sleep(start + step.at - loop.time())
        shop.ensure_open()
        if isinstance(step, Rollout):
            yield await _roll_out(shop, known[step.roll_out], EventKind.FAULT if step.fault else EventKind.ROLLOUT)
        else:
            await shop.put_card_processor_in(step.card_processor)
            yield Event(datetime.now(UTC), EventKind.FAULT, f"the card processor: {step.card_processor.status}")
    await _wait_for(shop, fault.alert)
    yield Event(datetime.now(UTC), EventKind.ALERT, f"{fault.alert} fires")


async def _roll_out(shop: Shop, commit: ScenarioCommit, kind: EventKind) -> Event:
    sha = await shop.commit(commit)
    deploy = await shop.deploy(commit.service, sha)
    title = commit.message.splitlines()[0]
    return Event(deploy.time, kind, f"{commit.author} rolled out {title!r}", sha, commit.service)


async def _wait_for(shop: Shop, alert: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + FIRES_WITHIN
    while alert not in await shop.firing():
        if loop.time() > deadline:
            raise DrillError(f"{alert} did not fire within {FIRES_WITHIN:g} s")
        await asyncio.sleep(_POLL_EVERY)
