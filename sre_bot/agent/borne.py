"""Whether quantities of a claim are in the evidence, or follow from what is. Pure.

A quantity is borne by the same quantity (in any unit, as rounded as it is stated), or by what follows from old and new
values: their difference, ratio or change in per cent, the rest to 100 %, a sum or count of what is listed, the time
between two events.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import (
    agree,
    between,
    is_difference,
    is_gap,
    is_quotient,
    is_sum,
    is_total,
    lengths,
    meets,
    ratios,
)
from sre_bot.agent.attribution import is_span_without
from sre_bot.agent.derived import is_derived, is_gain, is_gained, is_logged, is_per_time, is_told_per_time, over_time
from sre_bot.agent.lines import WHENEVER, current
from sre_bot.agent.portions import is_borne_share, is_of_now
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.series import missing, slopes
from sre_bot.agent.spans import is_of_another, owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

SHORTEST = 1.0
"""Moments are written to the second: the time between two says nothing of a shorter one."""
MAX_COUNT = 1_000


_COMPARED = re.compile(r"\s*(?:as|more|less|fewer|higher|lower|longer|slower|faster|the|what|its|their)\b")
_AS_MUCH = re.compile(r"\s*(?:as (?:many|much|long|high|large|big|often|fast|slow)|more|less|fewer|what)\b")
"""What follows a factor by which one thing is more than another: no count of times bears it."""
_AGES = re.compile(r"\b(?:older|younger|earlier|later|apart|followed|follows|preceded|behind|ahead)\b")
NEARLY = 0.05
"""What is reckoned from an onset is no nearer than this share: onsets are seen late."""
PAST = 1.5
"""By what factor the present value differs from one that only was."""
_NOUN = re.compile(r" ([a-z]{4,20}?)s?\b")
_LIMIT = re.compile(
    r"\b(?:takes?|took|after|tim(?:es?|ed) out|waits?|timeout|limit|every|each) (?:about |only |of |to )?$",
    re.IGNORECASE,
)
"""What follows is how long one thing takes or may take, not the time between two events."""
_THAN_OTHER = re.compile(r"\b(?:as|than) (?:in |at |on |that of |those of |the )?([\w./:-]*\w| +)[.,;]?\s*$")
_TOGETHER = re.compile(r"\b(?:together|combined|in all|in total|altogether|all (?:the )?\w+|sum|both)\b", re.IGNORECASE)
_OF_SO_MANY = re.compile(r" of (?:the |all )?\d")
_MISSING = re.compile(
    r"\b(?:missing|lost|lacking|fewer|less|more|extra|pil(?:e|es|ed|ing) up|in all|so far)\b",
    re.IGNORECASE,
)
_OF = re.compile(r"[\w.-]+ of (?:the |all |its )?")
_EACH = re.compile(r"\b(?:each|every|per|apiece)\b(?! (?:second|minute|hour|day)\b)", re.IGNORECASE)
_MOVED = re.compile(
    r"\b(?:rose|grew|fell|dropped|increased|decreased|jumped|climbed|shrank|sank|up|down)\s(?:~|about )?$"
)


def wrong_quantity(reading: Reading, scope: Scope, asked_at: datetime) -> str | None:
    """The first quantity that the evidence does not bear, in a sentence; None when it bears all."""
    for quantity in reading.quantities:
        aside = is_per_time(quantity, reading) or is_span_without(quantity, reading)
        if not aside and not _is_borne(quantity, reading, scope, asked_at):
            if quantity.change or quantity.dimension is Dimension.FACTOR:
                return f"{quantity.text} does not follow from {scope.ids}"
            owner = owner_of(quantity, scope)
            if owner:
                return f"{quantity.text} is told of {owner} in {scope.ids}"
            return f"{quantity.text} is not in {scope.ids}{_instead(quantity, scope)}"
    return None


def _is_borne(quantity: Quantity, reading: Reading, scope: Scope, asked_at: datetime) -> bool:
    if is_gain(quantity, reading):
        quantity = replace(quantity, change=True)
    compared = quantity.dimension is Dimension.FACTOR and _AS_MUCH.match(reading.rest, quantity.end)
    bearing = [(line, one) for line, one in _held(quantity, scope) if _is_told(quantity, one, line)]
    bearing = [(line, one) for line, one in bearing if not compared or one.dimension is Dimension.FACTOR]
    if is_told_per_time(quantity, reading):
        bearing = [(line, one) for line, one in bearing if not (line.window or is_logged(line))]
    if bearing and not _is_of_something_else(quantity, reading, scope):
        present = is_of_now(reading)
        return not (present and all(_is_past(line, one) for line, one in bearing)) or is_total(quantity, scope)
    return (
        _follows(quantity, reading, scope, asked_at)
        or (quantity.change and is_gain(quantity, reading) and is_gained(quantity, scope))
        or over_time(quantity, reading, scope)
        or is_derived(quantity, reading, scope)
    )


def _held(quantity: Quantity, scope: Scope) -> Iterator[tuple[Line, Quantity]]:
    """What the lines in scope state of the things that the claim names."""
    total = scope.own and quantity.start > scope.first and quantity.dimension is Dimension.PLAIN
    for line in scope.lines:
        if not (total and id(line) in scope.totals):
            yield from ((line, one) for one in line.reading.quantities if not is_of_another(one, line, scope))


def _is_told(quantity: Quantity, held: Quantity, line: Line) -> bool:
    amount = held.change or line.text[held.start - 1 : held.start] == "+"
    return (amount or not quantity.change) and agree(quantity, held)


def _follows(quantity: Quantity, reading: Reading, scope: Scope, asked_at: datetime) -> bool:
    """Whether it follows from what the lines in scope state."""
    moved = bool(_MOVED.search(reading.rest, max(0, quantity.start - 24), quantity.start))
    match quantity.dimension:
        case Dimension.RATIO:
            return is_borne_share(quantity, reading, scope, moved=moved)
        case Dimension.SECONDS if _is_clocked(quantity) and (not quantity.change or _compares_ages(reading)):
            limit = _LIMIT.search(reading.rest, 0, quantity.start)
            return not limit and any(meets(quantity, *length) for length in lengths(reading, scope, asked_at))
        case Dimension.FACTOR if _is_ratio(quantity, reading, scope):
            return True
        case Dimension.PLAIN if _is_whole(quantity, reading, scope) or _is_count(quantity, scope):
            return True
    lost = quantity.dimension is Dimension.RATE and bool(_MISSING.search(reading.rest))
    made = (not (quantity.change or moved) or lost) and _is_made_of(quantity, reading, scope)
    made = made or (bool(_MISSING.search(reading.rest)) and is_gap(quantity, scope))
    grown = any(meets(quantity, *size) for size in _grown(quantity, reading, scope, asked_at))
    return made or grown or ((quantity.change or moved or lost) and is_difference(quantity, scope))


def _is_ratio(quantity: Quantity, reading: Reading, scope: Scope) -> bool:
    """Whether it is how many times as much: as another named thing (``as many as web``), else as before."""
    after = reading.rest[quantity.end :].casefold()
    other = _AS_MUCH.match(after) and _THAN_OTHER.search(after)
    subjects = {name for line in scope.own for name in line.subjects}
    of_two = other and (other[1] in subjects or other[1].isspace())  # a name with a digit is blanked
    told = between(scope, present=is_of_now(reading)) if of_two else ratios(scope, reading.rest, quantity.end)
    return any(meets(quantity, *one) for one in told)


def _is_made_of(quantity: Quantity, reading: Reading, scope: Scope) -> bool:
    """Whether it is a sum or, where the claim speaks of each, a quotient."""
    if quantity.text.endswith("times") and not _COMPARED.match(reading.rest, quantity.end):
        quantity = replace(quantity, dimension=Dimension.PLAIN)
    together = _TOGETHER.search(reading.rest) or _OF_SO_MANY.match(reading.rest, quantity.end)
    if is_sum(quantity, scope, together=bool(together)):
        return True
    return bool(_EACH.search(reading.rest)) and is_quotient(quantity, scope)


def _grown(quantity: Quantity, reading: Reading, scope: Scope, asked_at: datetime) -> Iterator[tuple[float, float]]:
    """By how much what the lines tell of has moved a second, or what has been missed of a rate, since its onset."""
    for line in scope.lines:
        if quantity.dimension is Dimension.RATE:
            sizes = slopes(line, asked_at)
        elif quantity.dimension is Dimension.PLAIN and _MISSING.search(reading.rest):
            sizes = missing(line, asked_at)
        else:
            return
        yield from ((one * (1 - NEARLY), one * (1 + NEARLY)) for one in sizes)


def _is_of_something_else(quantity: Quantity, reading: Reading, scope: Scope) -> bool:
    """Whether prose counts what the claim counts (``280 pods``), and never as many."""
    noun = _NOUN.match(reading.rest, quantity.end) if quantity.dimension in {Dimension.PLAIN, Dimension.RATE} else None
    if noun is None or any(not one.prose for one in scope.exhibits):
        return False
    after = re.compile(rf"\s{noun[1]}s?\b", re.IGNORECASE)
    counted = [
        one
        for exhibit in scope.exhibits
        for line in exhibit.lines
        for one in line.reading.quantities
        if after.match(line.reading.rest, one.end) or noun[1] in one.text
    ]
    return bool(counted) and not any(agree(quantity, one) for one in counted)


def _is_past(line: Line, quantity: Quantity) -> bool:
    """Whether a series only had this value, by its own last and new ones."""
    latest = current(line)
    alike = [
        one
        for one in line.reading.quantities
        if latest and (one.start, one.dimension) == (latest.start, quantity.dimension)
    ]
    presents = [*alike, *(new for _, new in line.moves if new.dimension is quantity.dimension)]
    return bool(line.state and alike) and all(_differ(quantity.middle, one.middle) for one in presents)


def _differ(one: float, other: float) -> bool:
    return max(one, other) > PAST * min(one, other)


def _is_whole(quantity: Quantity, reading: Reading, scope: Scope) -> bool:
    """Whether the ``nine`` of ``four of nine`` is told anywhere: the whole is no more about the part that is named."""
    if not any(_OF.fullmatch(reading.rest, one.start, quantity.start) for one in reading.quantities):
        return False
    everything = [one for exhibit in scope.exhibits for line in exhibit.lines for one in line.reading.quantities]
    return (
        any(agree(quantity, one) for one in everything)
        or is_sum(quantity, scope, together=True)
        or is_total(quantity, scope)
    )


def _is_count(quantity: Quantity, scope: Scope) -> bool:
    """Whether it counts what is listed, or is the value of a label."""
    whole = (
        quantity.middle < MAX_COUNT and float(round(quantity.middle)) == quantity.middle and "." not in quantity.text
    )
    return whole and (_counted(quantity, scope) or _is_label(quantity, scope))


def _counted(quantity: Quantity, scope: Scope) -> bool:
    if sum(line.state in WHENEVER for line in scope.own) == 1:
        return False  # what is told of one series is no number of series
    together = len(frozenset[str]().union(*(exhibit.subjects for exhibit in scope.exhibits)))
    counts = {together, *(count for exhibit in scope.exhibits for count in exhibit.counts)}
    return any(meets(quantity, count, count) for count in counts)


def _is_label(quantity: Quantity, scope: Scope) -> bool:
    """Whether it is the value of a label (a status), be it only of the query."""
    stated = quantity.text.removesuffix("s")
    shared = {value for one in scope.exhibits for _, value in one.shared}
    return stated in shared or any(stated in line.subjects for line in scope.lines)


def _is_clocked(quantity: Quantity) -> bool:
    """Whether it may be the time between two moments: those are written to the second."""
    return quantity.middle >= SHORTEST and quantity.high - quantity.low > SHORTEST / 2


def _compares_ages(reading: Reading) -> bool:
    return _AGES.search(reading.rest) is not None


def _instead(quantity: Quantity, scope: Scope) -> str:
    """What the evidence has that comes nearest, by proportion; never the value itself that is denied."""
    held = [one for line in scope.lines for one in line.reading.quantities if one.dimension is quantity.dimension]
    others = [one for one in held if not agree(quantity, one)]
    nearest = min(others, key=lambda one: _proportion(one.middle, quantity.middle), default=None)
    return f", which has {nearest.text}" if nearest and nearest.dimension is not Dimension.PLAIN else ""


def _proportion(one: float, other: float) -> float:
    return abs(math.log(one / other)) if one > 0 < other else math.inf
