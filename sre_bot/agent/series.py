"""What a line tells of a series, value by value: usual, old, new, last, highest, lowest, mean. Pure.

Values of one series may be held against each other whichever they are; those of two only like with like.
"""

from __future__ import annotations

import enum
import itertools
import re
from typing import TYPE_CHECKING

from sre_bot.agent.claims import DAY
from sre_bot.agent.lines import WHENEVER
from sre_bot.agent.quantities import Dimension
from sre_bot.signals.series import STEADY, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity


class Role(enum.Enum):
    """Which value of a series it is."""

    USUAL = "median before"
    OLD = "old"
    NEW = "new"
    LAST = "last"
    LOW = "lowest"
    HIGH = "highest"
    MEAN = "mean"


PAST = frozenset({Role.USUAL, Role.OLD})
PRESENT = frozenset({Role.NEW, Role.LAST})
EXTREMES = frozenset({Role.LOW, Role.HIGH})
_LED = (
    (re.compile(r"\bmean $"), Role.MEAN),
    (re.compile(r"\b(?:last|now) $"), Role.LAST),
    (re.compile(r"\bmedian before $"), Role.USUAL),
    (re.compile(r"→ $"), Role.NEW),
    (re.compile(r"… $"), Role.HIGH),
    (re.compile(r"\bappeared\s+at $"), Role.NEW),
)
_FOLLOWED = ((re.compile(r" → "), Role.OLD), (re.compile(r" … "), Role.LOW))
_LOOKBACK = 32
MATERIAL = 1.2
"""By what factor a series moves at least."""


def roles(line: Line) -> list[tuple[Role, Quantity]]:
    """The values of a line about a series, each as often as it is read in another unit; none of another line."""
    if line.state not in WHENEVER:
        return []
    text = line.reading.rest
    values = [one for one in line.reading.quantities if text[one.start - 1 : one.start] != "="]
    told = [(_role(text, one), one) for one in values]
    found = [(role, one) for role, one in told if role]
    if not {Role.LOW, Role.HIGH} & {role for role, _ in found}:  # it is the same throughout
        found += [(role, one) for role, one in found if role is Role.LAST for role in EXTREMES]
    return found


def _role(text: str, value: Quantity) -> Role | None:
    lead = text[max(0, value.start - _LOOKBACK) : value.start]
    led = next((role for pattern, role in _LED if pattern.search(lead)), None)
    return led or next((role for pattern, role in _FOLLOWED if pattern.match(text, value.end)), None)


class Way(enum.StrEnum):
    """Where a series went."""

    UP = "rise"
    DOWN = "fall"
    STEADY = "stay"


def way(line: Line) -> Way | None:
    """Where a series went from what it was; None where it went up and down, or no farther than it varies."""
    if line.state in STEADY:
        range_ = {role: one.middle for role, one in roles(line) if role in EXTREMES}
        return Way.STEADY if range_ and range_[Role.HIGH] <= MATERIAL * range_[Role.LOW] else None
    if line.state in {Shape.GONE, Shape.APPEARED}:
        return Way.DOWN if line.state == Shape.GONE else Way.UP
    told = [(role, one) for role, one in roles(line)]
    before = [one.middle for role, one in told if role in PAST]
    now = [one.middle for role, one in told if role is Role.LAST]
    if not before or not now:
        return None
    if min(now) > MATERIAL * max(before):
        return Way.UP
    return Way.DOWN if max(now) * MATERIAL < min(before) else None


def changes(line: Line) -> Iterator[tuple[Quantity, Quantity]]:
    """What a series was before, with what it has been since, and with the farthest that it went."""
    told = roles(line)
    for (role, one), (other, value) in itertools.permutations(told, 2):
        if role in PAST and other in PRESENT | EXTREMES and one.dimension is value.dimension:
            yield one, value


def like_with_like(lines: Iterable[Line]) -> Iterator[list[Quantity]]:
    """The values of several series that may be held against each other: those that each has now, those it had."""
    told = [roles(line) for line in lines]
    for wanted in (Role.LAST, Role.USUAL, Role.OLD, Role.NEW, Role.HIGH):
        found = [one for values in told for role, one in values if role is wanted]
        if len(found) > 1:
            yield found


def slopes(line: Line, asked_at: datetime) -> Iterator[float]:
    """By how much a series of a number of things has moved a second since its onset."""
    told = roles(line)
    if any(one.dimension is not Dimension.PLAIN for _, one in told):
        return
    for moment in line.reading.moments[:1]:
        seconds = ((asked_at - moment.time) % DAY).total_seconds()
        for (role, one), (other, value) in itertools.permutations(told, 2):
            if role in PAST and other is Role.LAST and one.dimension is value.dimension and seconds > 0:
                yield abs(value.middle - one.middle) / seconds


def missing(line: Line, asked_at: datetime) -> Iterator[float]:
    """How much has not come, or has come on top, since the onset of a series that is a rate."""
    rates = [(role, one) for role, one in roles(line) if one.dimension is Dimension.RATE]
    for moment in line.reading.moments[:1]:
        seconds = ((asked_at - moment.time) % DAY).total_seconds()
        for (role, one), (other, value) in itertools.permutations(rates, 2):
            if role in PAST and other in PRESENT:
                yield abs(value.middle - one.middle) * seconds
