"""What follows from numbers of several places: those a claim states itself, and those of what it names. Pure.

Operands are the other quantities that a claim states (each is checked for itself), what settings have that it names and
the present values of the things that it names.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import meets
from sre_bot.agent.claims import content_words
from sre_bot.agent.lines import current
from sre_bot.agent.quantities import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

MAX_OPERANDS = 16
"""So many numbers are held against each other; a claim that states more derives none."""

_NEAR = 24
"""So many characters before a number are looked at for a verb."""
_FAR = 200
"""So far behind a number its ``a minute`` may end."""
_SETTING = re.compile(r"\b([A-Za-z][\w.-]{2,60})[\"']?\s?[:=] ?[\"']?\d")
_A_TIME = re.compile(
    r"(?: {1,40}(?:[\"“][^\"”]{1,120}[\"”]|[A-Za-z_\"“”'./-]{1,40})){1,4} (?:per|an?|each|every) (second|minute|hour)\b"
)
_OFTEN = re.compile(r"(?: times)? (?:per|an?|each|every) (?:second|minute|hour)\b")
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3_600.0}
_LOGGED = re.compile(r"- [A-Z]+ (?:new )?(?:×|(?=\d+ \(×))(\d{1,9})\b")
_GAINED = re.compile(
    r"\b(?:gained|added|lost|shed)\s(?:~|about |around |roughly |nearly |almost |over |more than |at least )?$",
    re.IGNORECASE,
)
_BEYOND = re.compile(
    r" (?:beyond|above|below|short of|over|under|past|outside|left|more|less|longer|shorter)\b", re.IGNORECASE
)
_COUNTS = frozenset({Dimension.PLAIN, Dimension.RATE})
_PRODUCTS = {
    (Dimension.PLAIN, Dimension.BYTES): Dimension.BYTES,
    (Dimension.PLAIN, Dimension.SECONDS): Dimension.SECONDS,
    (Dimension.RATE, Dimension.SECONDS): Dimension.PLAIN,
    (Dimension.BYTE_RATE, Dimension.SECONDS): Dimension.BYTES,
    (Dimension.PLAIN, Dimension.PLAIN): Dimension.PLAIN,
} | {
    (Dimension.RATIO, one): one
    for one in (Dimension.PLAIN, Dimension.RATE, Dimension.SECONDS, Dimension.BYTES, Dimension.BYTE_RATE)
}


def is_gain(quantity: Quantity, reading: Reading) -> bool:
    """Whether it is told as what was gained or lost."""
    return bool(_GAINED.search(reading.rest, max(0, quantity.start - _NEAR), quantity.start))


def is_gained(quantity: Quantity, scope: Scope) -> bool:
    """Whether a line has two values, its last among them, that are so far apart."""
    for line in scope.lines:
        last = current(line)
        alike = [one for one in line.reading.quantities if last and one.dimension is last.dimension]
        if last and any(meets(quantity, *_apart(one, last)) for one in alike[:MAX_OPERANDS]):
            return True
    return False


def is_per_time(quantity: Quantity, reading: Reading) -> bool:
    """Whether it is the ``a minute`` of ``7 timeouts a minute``."""
    if quantity.text.split(" ")[0] not in {"a", "an", "each", "every"}:
        return False
    near = (one for one in reading.quantities if 0 < quantity.start - one.end < _FAR)
    told = (_A_TIME.match(reading.rest, one.end) for one in near)
    return any(match and match.end() == quantity.end for match in told)


def is_told_per_time(quantity: Quantity, reading: Reading) -> bool:
    """Whether it is the ``7`` of ``7 slow-query warnings a minute``."""
    return quantity.dimension is Dimension.PLAIN and bool(_A_TIME.match(reading.rest, quantity.end))


def is_logged(line: Line) -> bool:
    """Whether a line tells how many lines of a pattern were logged in all."""
    return bool(_LOGGED.match(line.text))


def over_time(quantity: Quantity, reading: Reading, scope: Scope) -> bool:
    """``7 timeouts a minute``: so many lines of a log in the time from the first to the last, or in the window."""
    told = _A_TIME.match(reading.rest, quantity.end)
    seconds = _SECONDS[told[1]] if told else 1.0
    if quantity.dimension is not Dimension.RATE and not told:
        return False
    stated = replace(quantity, low=quantity.low / seconds, high=quantity.high / seconds)
    for exhibit in scope.exhibits:
        windows = [length for line in exhibit.lines if line.window for length in _length(line)]
        for line in exhibit.lines:
            logged = _LOGGED.match(line.text) if line in scope.lines else None
            for length in (*_length(line), *windows) if logged else ():
                if logged and meets(stated, int(logged[1]) / length, int(logged[1]) / length):
                    return True
    return False


def is_derived(quantity: Quantity, reading: Reading, scope: Scope) -> bool:
    """Whether it is the ratio, the product or the difference of two operands, at least one of them stated or named."""
    if len(reading.quantities) > MAX_OPERANDS:
        return False
    stated = [one for one in reading.quantities if one.start != quantity.start]
    named = [*_settings(reading, scope), *_present(scope)][:MAX_OPERANDS]
    if quantity.dimension in {Dimension.RATIO, Dimension.FACTOR}:
        if _OFTEN.match(reading.rest, quantity.end):
            return False
        pairs = [*itertools.permutations(stated, 2), *_across(stated, named), *_apart_named(reading, scope)]
        return any(meets(quantity, *_through(*pair)) for pair in pairs if _comparable(*pair))
    if any(meets(quantity, *size) for size in _products(quantity, stated)):
        return True
    if not (quantity.change or _BEYOND.match(reading.rest, quantity.end)):
        return False
    pairs = [*itertools.combinations(stated, 2), *_across(stated, named), *_apart_named(reading, scope)]
    return any(
        meets(quantity, *_apart(*pair))
        for pair in pairs
        if _comparable(*pair) and pair[0].dimension is quantity.dimension
    )


def _length(line: Line) -> list[float]:
    moments = line.reading.moments
    length = (moments[1].time - moments[0].time).total_seconds() if len(moments) > 1 else 0.0
    return [length] if length > 0 else []


def _settings(reading: Reading, scope: Scope) -> Iterator[Quantity]:
    """The values of settings that the claim names, of whatever it cites."""
    names = [name.casefold() for name in reading.names if "_" in name]
    words = content_words(reading.rest)
    for exhibit in scope.exhibits:
        for line in exhibit.lines:
            told = _SETTING.search(line.text)
            spoken = told and 0 < len(content_words(told[1]) - {"ms"}) == len(content_words(told[1]) & words)
            if not line.state and (spoken or any(name in line.folded for name in names)):
                yield from line.reading.quantities


def _present(scope: Scope) -> Iterator[Quantity]:
    """The present values of the things that the claim names."""
    yield from (value for line in scope.own[:MAX_OPERANDS] if line.state and (value := current(line)))


def _across(one: list[Quantity], other: list[Quantity]) -> Iterator[tuple[Quantity, Quantity]]:
    for pair in itertools.product(one, other):
        yield pair
        yield pair[::-1]


def _apart_named(reading: Reading, scope: Scope) -> Iterator[tuple[Quantity, Quantity]]:
    """A thing that the claim names against a setting that it names."""
    return _across(list(_present(scope))[:MAX_OPERANDS], list(_settings(reading, scope))[:MAX_OPERANDS])


def _comparable(one: Quantity, other: Quantity) -> bool:
    return one.dimension is other.dimension or {one.dimension, other.dimension} <= _COUNTS


def _through(one: Quantity, other: Quantity) -> tuple[float, float]:
    return (one.low / other.high, one.high / other.low) if other.low > 0 else (-1.0, -1.0)


def _apart(one: Quantity, other: Quantity) -> tuple[float, float]:
    slack = (one.high - one.low + other.high - other.low) / 2
    apart = abs(one.middle - other.middle)
    return apart - slack, apart + slack


def _products(quantity: Quantity, stated: list[Quantity]) -> Iterator[tuple[float, float]]:
    for one, other in itertools.permutations(stated, 2):
        trivial = 1.0 in {one.middle, other.middle}
        if not trivial and _PRODUCTS.get((one.dimension, other.dimension)) is quantity.dimension:
            yield one.low * other.low, one.high * other.high
