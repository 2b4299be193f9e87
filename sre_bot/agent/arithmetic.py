"""Whether quantities of a claim are in the evidence, or follow from what is. Pure.

A quantity is borne by the same quantity (in any unit, as rounded as it is stated), or by what follows from old and new
values: their difference, ratio or change in per cent, the rest to 100 %, a sum or count of what is listed, the time
between two events.
"""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from sre_bot.agent.exhibits import events
from sre_bot.agent.lines import current, only
from sre_bot.agent.quantities import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

MAX_EVENTS = 80
"""So many events are held against each other for the time between them."""
SHORTEST = 1.0
"""Moments are written to the second: the time between two says nothing of a shorter one."""
MAX_COMPARED = 12
"""So many values of different lines are held against each other."""
MAX_PARTS = 40
"""Of so many lines the parts of a whole are told."""
MAX_COUNT = 1_000


_FEWER = re.compile(r"\s*(?:less|fewer|lower|faster|smaller|shorter)\b")
_OWNER = re.compile(r"[,:] ([\w./-]*\w) $")
_COMPARED = re.compile(r"\s*(?:as|more|less|fewer|higher|lower|longer|slower|faster|the|what|its|their)\b")
_COMPARES = re.compile(r"\bas (?:\w+ ){1,4}as\b|\bthan\b")
_AGES = re.compile(r"\b(?:older|younger|earlier|later|apart)\b")
_REST = re.compile(
    r"\b(?:succe\w+|full|used|use|free|left|available|healthy|rest|remain\w*|without|fine|ok)\b", re.IGNORECASE
)
_MOVED = re.compile(
    r"\b(?:rose|grew|fell|dropped|increased|decreased|jumped|climbed|shrank|sank|up|down)\s(?:~|about )?$"
)


def wrong_quantity(reading: Reading, scope: Scope, asked_at: datetime) -> str | None:
    """The first quantity that the evidence does not bear, in a sentence; None when it bears all."""
    for quantity in reading.quantities:
        if not _is_borne(quantity, reading, scope, asked_at):
            if quantity.change or quantity.dimension is Dimension.FACTOR:
                return f"{quantity.text} does not follow from {scope.ids}"
            return f"{quantity.text} is not in {scope.ids}{_instead(quantity, scope)}"
    return None


def _is_borne(quantity: Quantity, reading: Reading, scope: Scope, asked_at: datetime) -> bool:
    total = scope.own and quantity.start > scope.first and quantity.dimension is Dimension.PLAIN
    held = (
        one
        for line in scope.lines
        if not (total and id(line) in scope.totals)
        for one in line.reading.quantities
        if not _is_of_another(one, line, scope)
    )
    if any(agree(quantity, one) for one in held if one.change or not quantity.change):
        return True
    moved = bool(_MOVED.search(reading.rest, max(0, quantity.start - 24), quantity.start))
    match quantity.dimension:
        case Dimension.FACTOR:
            return _is_frequency(quantity, reading, scope) or any(
                _meets(quantity, *ratio) for ratio in _ratios(scope, reading.rest, quantity.end)
            )
        case Dimension.RATIO:
            return _is_borne_share(quantity, reading, scope, moved=moved)
        case Dimension.SECONDS if _is_clocked(quantity) and (not quantity.change or _compares_ages(reading)):
            return any(_meets(quantity, *length) for length in _lengths(scope, asked_at))
        case Dimension.PLAIN if _is_count(quantity) and (_counted(quantity, scope) or _is_label(quantity, scope)):
            return True
    return _is_difference(quantity, scope) if quantity.change or moved else _is_sum(quantity, scope)


def agree(claimed: Quantity, held: Quantity) -> bool:
    """Whether they measure the same thing and may be the same value."""
    if claimed.dimension is Dimension.FACTOR and held.dimension is Dimension.PLAIN:
        return claimed.text[-1:] not in "ed" and _meets(claimed, held.middle, held.middle)
    if held.dimension is Dimension.SECONDS and claimed.dimension is Dimension.PLAIN and claimed.text.endswith("s"):
        return claimed.text[:-1].isdigit() and _meets(claimed, held.low, held.high)
    return _compatible(claimed, held) and _meets(claimed, held.low, held.high)


def _compatible(claimed: Quantity, held: Quantity) -> bool:
    pair = (claimed.dimension, held.dimension)
    if pair in {(Dimension.PLAIN, Dimension.RATIO), (Dimension.RATIO, Dimension.PLAIN)}:
        share = claimed if claimed.dimension is Dimension.PLAIN else held
        return share.text in {"0", "1"} or (share.text.startswith(("0.", "1.0")) and share.high <= 1)
    return pair[0] is pair[1] or pair in {
        (Dimension.PLAIN, Dimension.FACTOR),
        (Dimension.PLAIN, Dimension.RATE),
    }


def _meets(quantity: Quantity, low: float, high: float) -> bool:
    """Whether they have values in common; two that only touch (2 and 3, each as rounded) have none."""
    slack = 1e-9 * max(abs(quantity.high), abs(high))
    if quantity.high - quantity.low > slack < high - low:
        slack = -slack
    return quantity.low <= high + slack and low <= quantity.high + slack


def _is_borne_share(quantity: Quantity, reading: Reading, scope: Scope, *, moved: bool) -> bool:
    """A share: the rest to 100 %, a change in per cent or in points, or a part of what it was (``a quarter of``)."""
    if quantity.change or moved:
        changes = ((low - 1, high - 1) for low, high in _ratios(scope))
        sizes = ((low, high) if high > 0 else (-high, -low) for low, high in changes)
        return any(_meets(quantity, *size) for size in sizes) or _is_difference(quantity, scope)
    if _REST.search(reading.rest):
        shares = [one for line in scope.lines for one in line.reading.quantities if one.dimension is Dimension.RATIO]
        if any(_meets(quantity, 1 - one.high, 1 - one.low) for one in shares):
            return True
    if any(_meets(quantity, *share) for share in _shares(scope)):
        return True
    worded = not quantity.text[:1].isdigit()
    return worded and any(_meets(quantity, *ratio) for ratio in _ratios(scope))


def _shares(scope: Scope) -> Iterator[tuple[float, float]]:
    """The part that each line in scope has, now, of the lines that differ from it in one label only."""
    inside = {id(line) for line in scope.lines}
    for exhibit in scope.exhibits:
        values = [(line, value) for line in exhibit.lines[:MAX_PARTS] if line.labels and (value := current(line))]
        for line, part in values:
            for label in line.labels if id(line) in inside and part.dimension is not Dimension.RATIO else ():
                rest = line.labels - {label}
                alike = [value for other, value in values if _differs_in(other, rest, label[0], value, part)]
                whole = sum(value.middle for value in alike)
                if len(alike) > 1 and whole > 0:
                    yield part.low / whole, part.high / whole


def _differs_in(line: Line, rest: frozenset[tuple[str, str]], key: str, value: Quantity, part: Quantity) -> bool:
    more = line.labels - rest
    return value.dimension is part.dimension and len(line.labels) == len(rest) + 1 and {one for one, _ in more} == {key}


def _moves(scope: Scope) -> Iterator[tuple[Quantity, Quantity]]:
    """Old and new values, and pairs of what the lines of a short answer say of the same thing."""
    for line in scope.lines:
        yield from line.moves
    for exhibit in scope.exhibits:
        yield from itertools.permutations(_single(exhibit, scope), 2)


def _single(exhibit: Exhibit, scope: Scope) -> list[Quantity]:
    """The values of lines that hold one each; none when there are too many to compare."""
    inside = {id(line) for line in scope.lines if line.labels}
    told = (only(line) for line in exhibit.lines if id(line) in inside)
    values = [value for value in told if value]
    return values if len(values) <= MAX_COMPARED else []


def _ratios(scope: Scope, text: str = "", end: int = 0) -> Iterator[tuple[float, float]]:
    """New through old, as intervals; also old through new where the text goes on with ``less`` or ``faster``."""
    inverse = bool(text) and bool(_FEWER.match(text, end))
    if text and _COMPARES.search(text) and 1 < len(scope.own) <= MAX_COMPARED:
        latest = [value for line in scope.own if (value := current(line))]
        for one, other in itertools.permutations(latest, 2):
            if one.dimension is other.dimension and one.low > 0:
                yield other.low / one.high, other.high / one.low
    for old, new in _moves(scope):
        if old.dimension is new.dimension:
            if old.low > 0:
                yield new.low / old.high, new.high / old.low
            if inverse and new.low > 0:
                yield old.low / new.high, old.high / new.low


def _is_difference(quantity: Quantity, scope: Scope) -> bool:
    return any(
        _meets(quantity, *sorted((abs(new.middle - old.middle) - slack, abs(new.middle - old.middle) + slack)))
        for old, new in _moves(scope)
        if old.dimension is new.dimension is quantity.dimension
        for slack in ((old.high - old.low + new.high - new.low) / 2,)
    )


def _is_sum(quantity: Quantity, scope: Scope) -> bool:
    """Whether it is what the lines of an exhibit, or those about what the claim names, come to together."""
    latest = {line.labels: value for line in scope.own[:MAX_COMPARED] if (value := current(line))}
    alike = [one for one in latest.values() if one.dimension is quantity.dimension is not Dimension.RATIO]
    if len(alike) > 1 and _meets(quantity, sum(one.low for one in alike), sum(one.high for one in alike)):
        return True
    for exhibit in scope.exhibits:
        values = [one for one in _single(exhibit, scope) if one.dimension is quantity.dimension]
        if len(values) > 1 and _meets(quantity, sum(one.low for one in values), sum(one.high for one in values)):
            return True
    return False


def _is_count(quantity: Quantity) -> bool:
    return quantity.middle < MAX_COUNT and float(round(quantity.middle)) == quantity.middle and "." not in quantity.text


def _counted(quantity: Quantity, scope: Scope) -> bool:
    together = len(frozenset[str]().union(*(exhibit.subjects for exhibit in scope.exhibits)))
    counts = {together, *(count for exhibit in scope.exhibits for count in exhibit.counts)}
    return any(_meets(quantity, count, count) for count in counts)


def _is_frequency(quantity: Quantity, reading: Reading, scope: Scope) -> bool:
    """``web asks 64 times a second and cart 12 times``: a rate, unless it goes on as a comparison does."""
    if not quantity.text.endswith("times") or _COMPARED.match(reading.rest, quantity.end):
        return False
    rates = (one for line in scope.lines for one in line.reading.quantities if one.dimension is Dimension.RATE)
    return "times a " in reading.rest and any(_meets(quantity, one.low, one.high) for one in rates)


def _is_label(quantity: Quantity, scope: Scope) -> bool:
    """Whether it is the value of a label (a status), be it only of the query."""
    stated = quantity.text.removesuffix("s")
    shared = {value for one in scope.exhibits for _, value in one.shared}
    return stated in shared or any(stated in line.subjects for line in scope.lines)


def _is_of_another(quantity: Quantity, line: Line, scope: Scope) -> bool:
    """Whether a line that lists several (``self time: api 41 ms, db 3 ms``) has it right behind what is not named."""
    before = _OWNER.search(line.text, max(0, quantity.start - 64), quantity.start)
    return before is not None and before[1].casefold() in scope.strangers


def _is_clocked(quantity: Quantity) -> bool:
    """Whether it may be the time between two moments: those are written to the second."""
    return quantity.middle >= SHORTEST and quantity.high - quantity.low > SHORTEST / 2


def _compares_ages(reading: Reading) -> bool:
    return _AGES.search(reading.rest) is not None


def _lengths(scope: Scope, asked_at: datetime) -> Iterator[tuple[float, float]]:
    """Times between two events, from an event to the present, and lengths of windows, in seconds."""
    happened = list({(one.time, one.before): one for one in events(scope.eventful)}.values())[:MAX_EVENTS]
    for one, other in itertools.combinations(happened, 2):
        yield _apart(abs((one.time - other.time).total_seconds()), one, other)
    for one in happened:
        yield _apart(abs((asked_at - one.time).total_seconds()), one)
    for exhibit in scope.exhibits:
        for line in exhibit.lines:
            if line.window:
                for one, other in itertools.combinations(line.reading.moments[:4], 2):
                    yield _apart(abs((one.time - other.time).total_seconds()), one, other)


def _apart(seconds: float, *moments: Moment) -> tuple[float, float]:
    slack = max(moment.before.total_seconds() for moment in moments)
    return seconds - slack, seconds + slack


def _instead(quantity: Quantity, scope: Scope) -> str:
    """What the evidence has that comes nearest, by proportion."""
    held = [one for line in scope.lines for one in line.reading.quantities if one.dimension is quantity.dimension]
    nearest = min(held, key=lambda one: _proportion(one.middle, quantity.middle), default=None)
    return f", which has {nearest.text}" if nearest and nearest.dimension is not Dimension.PLAIN else ""


def _proportion(one: float, other: float) -> float:
    return abs(math.log(one / other)) if one > 0 < other else math.inf
