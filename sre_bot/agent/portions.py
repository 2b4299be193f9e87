"""Whether a share that a claim tells follows: a part of a whole, a rest, a change in per cent, what is left. Pure."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import against_others, is_difference, is_share, meets, ratios
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.series import Role, roles
from sre_bot.agent.shares import shares, shares_of_looks, shares_together
from sre_bot.agent.spans import parts_of_traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_IS = re.compile(
    r"\b(?:is|are|has|have|stands?|takes?|uses?|runs?|gets?|fails?|reads?|answers?|sends?|serves?|holds?|approves?|declines?|misses|now)\b",
    re.IGNORECASE,
)
_WAS = re.compile(
    r"\b(?:was|were|had|been|did|before|from|until|till|ago|instead|than|up|peak\w*|most|least|highest|lowest|worst|"
    r"max\w*|min\w*|between|range\w*|mean|average\w*|median|usual\w*|normal\w*|previous\w*|earlier|first|used|once|\w+ed)\b",
    re.IGNORECASE,
)
_LACKS = re.compile(r"\b(?:un\w+ed|fail\w*|miss\w*|lost|los\w+)\b", re.IGNORECASE)
_HAS = re.compile(r"\b(?:answers|success\w*|hits?|availab\w+|ready)\b")
_SUCCEEDS = re.compile(r"^query_metrics\n(?=.*(?:success|_up\b))(?!.*(?:err|fail))")
_OTHERS = re.compile(r"\bothers?\b|\brest\b", re.IGNORECASE)
_OF_WHAT = re.compile(r"\s*of (?:what|(?:its|their|the) (?:usual|normal|former|previous|old|own|earlier))\b")
_OF_THE_OTHER = re.compile(r" of (?:that of )?(?:the|an?) (?:[a-z]+ ){0,2}ones?\b")
_REST = re.compile(
    r"\b(?:succe\w+|full|used|use|free|left|available|healthy|rest|remain\w*|without|fine|ok|spare)\b", re.IGNORECASE
)
_OF_ITSELF = re.compile(r"\s*of (?:what|the [a-z]+(?: that| which)?) (?:it|they) [a-z]+(?: [a-z]+)? before\b")
_THAN = re.compile(r"\bthan (?!before|usual|normal)")
_NO = re.compile(r"\b(?:not|never)\b|n't\b", re.IGNORECASE)


def is_of_now(reading: Reading) -> bool:
    """Whether a clause tells what is, not what was."""
    return bool(_IS.search(reading.rest)) and not _WAS.search(reading.rest)


def is_borne_share(quantity: Quantity, reading: Reading, scope: Scope, *, moved: bool) -> bool:
    """A share: the rest to 100 %, a change in per cent or in points, or a part of what it was (``a quarter of``)."""
    if quantity.change or moved:
        against = (reading.rest, quantity.end) if _THAN.search(reading.rest, quantity.end) else ("", 0)
        changes = ((low - 1, high - 1) for low, high in ratios(scope, *against))
        sizes = ((low, high) if high > 0 else (-high, -low) for low, high in changes)
        return any(meets(quantity, *size) for size in sizes) or is_difference(quantity, scope)
    if _OF_ITSELF.match(reading.rest, quantity.end) and scope.own:
        return any(meets(quantity, *interval) for interval in ratios(scope))
    present = is_of_now(reading)
    intervals = itertools.chain(_rests(quantity, reading, scope), shares(scope, present=present))
    intervals = itertools.chain(intervals, shares_together(scope, present=present), shares_of_looks(scope))
    if _REST.search(reading.rest) or _NO.search(reading.rest):
        intervals = itertools.chain(intervals, ((1 - high, 1 - low) for low, high in shares_of_looks(scope)))
    if _OTHERS.search(reading.rest):
        intervals = itertools.chain(intervals, against_others(scope))
    if not quantity.text[:1].isdigit() or _OF_WHAT.match(reading.rest, quantity.end):
        intervals = itertools.chain(intervals, ratios(scope))
    if _OF_THE_OTHER.match(reading.rest, quantity.end):
        intervals = itertools.chain(intervals, _inverse(ratios(scope)))
    intervals = itertools.chain(intervals, parts_of_traces(scope))
    return any(meets(quantity, *interval) for interval in intervals)


def _inverse(intervals: Iterator[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    yield from ((1 / high, 1 / low) for low, high in intervals if low > 0)


def _rests(quantity: Quantity, reading: Reading, scope: Scope) -> Iterator[tuple[float, float]]:
    """What is missing to 100 %, where the claim speaks of a rest; what is beyond a quantile."""
    stated = [one for one in reading.quantities if one.dimension is Dimension.RATIO]
    rest = _REST.search(reading.rest) or any(meets(quantity, 1 - one.high, 1 - one.low) for one in stated)
    lacks = _LACKS.search(reading.rest)
    counted = any(_SUCCEEDS.search(exhibit.everything) for exhibit in scope.exhibits)
    present = is_of_now(reading)
    for line in scope.lines:
        if not line.turned and (rest or (lacks and (counted or _HAS.search(line.folded)))):
            mean = [one for role, one in roles(line) if role is Role.MEAN] if present else []
            held = (one for one in line.reading.quantities if is_share(one) and one not in mean)
            yield from ((1 - one.high, 1 - one.low) for one in held)
    yield from ((1 - one, 1 - one) for exhibit in scope.exhibits for one in exhibit.quantiles)
