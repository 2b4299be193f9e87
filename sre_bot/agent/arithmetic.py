"""What measures the same, and what follows from old and new values: ratios, shares, differences, sums, times. Pure."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.agent.claims import DAY
from sre_bot.agent.exhibits import events
from sre_bot.agent.lines import current, only
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.series import Role, changes, like_with_like, roles
from sre_bot.agent.shares import MAX_PARTS, earlier, later

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

MAX_EVENTS = 80
"""So many events are held against each other for the time between them."""
MAX_COMPARED = 12
"""So many values of different lines are held against each other."""
LASTING = timedelta(minutes=5)
"""What is less exact is no event, but goes on for a while."""

_FEWER = re.compile(r"\s*(?:less|fewer|lower|faster|smaller|shorter)\b")


def agree(claimed: Quantity, held: Quantity) -> bool:
    """Whether they measure the same thing and may be the same value."""
    if claimed.dimension is Dimension.FACTOR and held.dimension is Dimension.PLAIN:
        return not claimed.text.isalpha() and meets(claimed, held.middle, held.middle)
    if held.dimension is Dimension.SECONDS and claimed.dimension is Dimension.PLAIN and claimed.text.endswith("s"):
        return claimed.text[:-1].isdigit() and meets(claimed, held.low, held.high)
    return _compatible(claimed, held) and meets(claimed, held.low, held.high)


def _compatible(claimed: Quantity, held: Quantity) -> bool:
    pair = (claimed.dimension, held.dimension)
    if pair in {(Dimension.PLAIN, Dimension.RATIO), (Dimension.RATIO, Dimension.PLAIN)}:
        share = claimed if claimed.dimension is Dimension.PLAIN else held
        other = held if share is claimed else claimed
        if share.text in {"0", "1"}:
            return meets(other, share.middle, share.middle)
        return share.text.startswith(("0.", "1.0")) and share.high <= 1
    return (
        pair[0] is pair[1]
        or pair
        in {
            (Dimension.PLAIN, Dimension.FACTOR),
            (Dimension.PLAIN, Dimension.RATE),
        }
        or (pair == (Dimension.BYTES, Dimension.PLAIN) and held.text[-1:] in "MGT")
    )


def meets(quantity: Quantity, low: float, high: float) -> bool:
    """Whether they have values in common; two that only touch (2 and 3, each as rounded) have none."""
    slack = 1e-9 * max(abs(quantity.high), abs(high))
    if quantity.high - quantity.low > slack < high - low:
        slack = -slack
    return quantity.low <= high + slack and low <= quantity.high + slack


def is_share(quantity: Quantity) -> bool:
    """Whether it is a part of a whole, or may be one: ``0.91``."""
    return quantity.dimension is Dimension.RATIO or (
        quantity.dimension is Dimension.PLAIN and quantity.text[:2] == "0."
    )


def _moves(scope: Scope) -> Iterator[tuple[Quantity, Quantity]]:
    """Old and new values, and pairs of what the lines of a short answer say of the same thing."""
    for line in scope.lines:
        yield from line.moves
        yield from changes(line)
    for exhibit in scope.exhibits:
        yield from itertools.permutations(_single(exhibit, scope), 2)


def against_others(scope: Scope) -> Iterator[tuple[float, float]]:
    """The last value of what is named through that of each other line of the same look."""
    for exhibit in scope.exhibits:
        latest = [(line, value) for line in exhibit.lines[:MAX_PARTS] if (value := current(line))]
        own = [value for line, value in latest if line in scope.own]
        for one, (line, other) in itertools.product(own, latest):
            if line not in scope.own and one.dimension is other.dimension and other.low > 0:
                yield one.low / other.high, one.high / other.low


def _single(exhibit: Exhibit, scope: Scope) -> list[Quantity]:
    """The values of lines that hold one each; none when there are too many to compare."""
    inside = {id(line) for line in scope.lines if line.labels}
    told = (only(line) for line in exhibit.lines if id(line) in inside)
    values = [value for value in told if value]
    return values if len(values) <= MAX_COMPARED else []


def between(scope: Scope, *, present: bool = False) -> Iterator[tuple[float, float]]:
    """The value of one named thing through that of another, as intervals: what each is now, what each was."""
    if not 1 < len(scope.own) <= MAX_COMPARED:
        return
    latest = [value for line in scope.own if (value := current(line))]
    alike = [] if present else like_with_like(scope.own)
    of_two = [pair for values in alike for pair in itertools.permutations(values, 2)]
    for one, other in (*itertools.permutations(latest, 2), *of_two):
        if one.dimension is other.dimension and one.low > 0:
            yield other.low / one.high, other.high / one.low


def ratios(scope: Scope, text: str = "", end: int = 0) -> Iterator[tuple[float, float]]:
    """New through old, as intervals; also old through new where the text goes on with ``less`` or ``faster``."""
    inverse = bool(text) and bool(_FEWER.match(text, end))
    if text:
        yield from between(scope)
    for old, new in _moves(scope):
        if old.dimension is new.dimension:
            if old.low > 0:
                yield new.low / old.high, new.high / old.low
            if inverse and new.low > 0:
                yield old.low / new.high, old.high / new.low


def is_difference(quantity: Quantity, scope: Scope) -> bool:
    """Whether it is by how much an old and a new value differ."""
    return any(
        meets(quantity, *sorted((abs(new.middle - old.middle) - slack, abs(new.middle - old.middle) + slack)))
        for old, new in _moves(scope)
        if old.dimension is new.dimension is quantity.dimension
        for slack in ((old.high - old.low + new.high - new.low) / 2,)
    )


def is_gap(quantity: Quantity, scope: Scope) -> bool:
    """Whether it is by how much two series differ, both now or both before (what comes in and what is read)."""
    return any(
        meets(quantity, abs(one.middle - other.middle) - half, abs(one.middle - other.middle) + half)
        for values in like_with_like(scope.lines[:MAX_PARTS])
        for one, other in itertools.combinations(values, 2)
        if one.dimension is other.dimension is quantity.dimension
        for half in ((one.high - one.low + other.high - other.low) / 2,)
    )


def _adds_up(part: Quantity, whole: Quantity) -> bool:
    told = (whole.dimension, part.dimension)
    return told[0] is told[1] is not Dimension.RATIO or told == (Dimension.PLAIN, Dimension.RATE)


def is_total(quantity: Quantity, scope: Scope) -> bool:
    """Whether it is what all lines of an exhibit come to now."""
    for exhibit in scope.exhibits:
        latest = [value for line in exhibit.lines[:MAX_PARTS] if line.labels and (value := current(line))]
        alike = [one for one in latest if _adds_up(one, quantity)]
        if len(alike) > 1 and meets(quantity, sum(one.low for one in alike), sum(one.high for one in alike)):
            return True
    return False


def is_sum(quantity: Quantity, scope: Scope, *, together: bool = False) -> bool:
    """Whether it is what the lines of an exhibit, or those about what the claim names, come to together."""
    if together:
        for values in like_with_like(scope.lines[:MAX_PARTS]):
            parts = [one for one in values if _adds_up(one, quantity)]
            if len(parts) > 1 and meets(quantity, sum(one.low for one in parts), sum(one.high for one in parts)):
                return True
    for lines, when in itertools.product((scope.own, scope.lines), (current, earlier, later)):
        latest = {line.labels: value for line in lines[:MAX_COMPARED] if line.labels and (value := when(line))}
        alike = [one for one in latest.values() if _adds_up(one, quantity)]
        if lines is scope.lines:  # states (1 is up, 0 down) do not add up to a number of what is spoken of
            alike = [one for one in alike if one.dimension is Dimension.RATE]
        if len(alike) > 1 and meets(quantity, sum(one.low for one in alike), sum(one.high for one in alike)):
            return True
    for exhibit in scope.exhibits:
        values = [one for one in _single(exhibit, scope) if one.dimension is quantity.dimension]
        if len(values) > 1 and meets(quantity, sum(one.low for one in values), sum(one.high for one in values)):
            return True
    return False


def is_quotient(quantity: Quantity, scope: Scope) -> bool:
    """``268 requests a second for each pod``: the last value of one line over that of another."""
    latest = [value for line in scope.own[:MAX_COMPARED] if (value := current(line))]
    told = [one for line in scope.lines[:MAX_COMPARED] for role, one in roles(line) if role is not Role.MEAN]
    parts = [one for one in (*latest, *told) if one.dimension is Dimension.PLAIN and one.low > 1]
    wholes = [one for one in (*latest, *told) if one.dimension is quantity.dimension]
    return any(meets(quantity, one.low / part.high, one.high / part.low) for one in wholes for part in parts)


def lengths(reading: Reading, scope: Scope, asked_at: datetime) -> Iterator[tuple[float, float]]:
    """Times between two events, from an event to the present, and over how long a query looks, in seconds."""
    for exhibit in scope.exhibits:
        yield from ((length, length) for length in exhibit.ranges)
        for line in exhibit.lines:
            if line.window:
                yield from _between(line.reading.moments[:4], asked_at=None)
    told = [sharp for one in (*events(scope.eventful), *reading.moments) for sharp in _sharpened(one)]
    happened = list({(one.time, one.before): one for one in told}.values())[:MAX_EVENTS]
    yield from _between(happened, asked_at)


def _sharpened(moment: Moment) -> Iterator[Moment]:
    """A moment or, of one that lasts (``12:30 ±1800s``), its beginning and its middle, each more exactly."""
    if moment.before <= LASTING:
        yield moment
        return
    for time in (moment.time - moment.before, moment.time):
        yield replace(moment, time=time, before=moment.before / 10, after=moment.after / 10)


def _between(moments: Sequence[Moment], asked_at: datetime | None) -> Iterator[tuple[float, float]]:
    """Times between each two, and from each to the present; without days, also over midnight."""
    pairs = [
        (abs((one.time - other.time).total_seconds()), (one, other))
        for one, other in itertools.combinations(moments, 2)
    ]
    if asked_at is not None:
        pairs += [(abs((asked_at - one.time).total_seconds()), (one, one)) for one in moments]
    for seconds, (one, other) in pairs:
        yield _apart(seconds, one, other)
        if not (one.dated and other.dated):
            yield _apart(DAY.total_seconds() - seconds, one, other)


def _apart(seconds: float, *moments: Moment) -> tuple[float, float]:
    slack = max(moment.before.total_seconds() for moment in moments)
    return seconds - slack, seconds + slack
