"""Shares told by their opposite: misses where a query has hits, what is not approved where it has what is. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.claims import is_common
from sre_bot.agent.lines import current
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.series import roles
from sre_bot.signals.words import stem

if TYPE_CHECKING:
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_PAIRS = (
    (r"miss(?:es|ed)?", r"hits?"),
    (r"(?:fail\w*|errors?)", r"succe\w+"),
    (r"(?:declin\w+|reject\w+|refus\w+|denied|den(?:y|ies))", r"(?:approv\w+|accept\w+|authori[sz]\w+)"),
    (r"unavailab\w+", r"availab\w+"),
    (r"(?:lost|dropped|undelivered)", r"delivered"),
    (r"(?:free|idle)", r"(?:used|usage|busy|utili[sz]ation)"),
)
_OPPOSITES = tuple(
    (re.compile(rf"(?<![a-z-]){said}(?![a-z])"), re.compile(rf"(?<![a-z]){held}(?![a-z])"))
    for pair in _PAIRS
    for said, held in (pair, pair[::-1])
)
_NOT = re.compile(r"(?:\bnot|n't) (?:be |been |being )?([a-z]{5,20})\b")
_NOT_ANSWERED = re.compile(r"(?:\bnot|n't) (?:be )?[a-z]{3,20} (?:with|by|in) (?:an? )?([1-5]\d\d)\b")
_KIN = 5
"""Words that begin with so many letters alike are taken for kin."""
_QUERY = re.compile(r"query_metrics\n([^\n]*)")


def told_otherwise(text: str, scope: Scope) -> Scope:
    """The scope of a clause with each line that tells the share of the opposite of what it speaks of turned to 1 - it.

    A clause that names both sides, or a query that has both, says itself which is meant: nothing is turned then.
    """
    turned: dict[int, Line] = {}
    for exhibit in scope.exhibits:
        if tells_opposite(text, exhibit):
            turned |= {id(line): one for line in exhibit.lines if (one := _turned(line))}
    if not turned:
        return scope
    lines, own = (tuple(turned.get(id(line), line) for line in told) for told in (scope.lines, scope.own))
    return replace(scope, lines=lines, own=own)


def tells_opposite(text: str, exhibit: Exhibit) -> bool:
    """Whether a query asks for the opposite of what a clause speaks of, and for nothing that the clause names."""
    asked = _QUERY.match(exhibit.everything)
    if asked is None:
        return False
    folded = text.casefold()
    denied = any(status in asked[1] for status in _NOT_ANSWERED.findall(folded))
    denied = denied or any(not is_common(word) and stem(word)[:_KIN] in asked[1] for word in _NOT.findall(folded))
    return denied or any(
        said.search(folded) and held.search(asked[1]) and not held.search(folded) and not said.search(asked[1])
        for said, held in _OPPOSITES
    )


def _turned(line: Line) -> Line | None:
    """A line whose values are all shares of 1, each as the rest to that; None for any other."""
    values = [one for _, one in roles(line)] or [one for one in (current(line),) if one]
    if not (line.labels or line.state) or not values or not all(map(_is_part, values)):
        return None
    reading = replace(line.reading, quantities=tuple(map(_rest, line.reading.quantities)))
    moves = tuple((_rest(old), _rest(new)) for old, new in line.moves)
    return replace(line, reading=reading, moves=moves, turned=True)


def _is_part(one: Quantity) -> bool:
    return 0 <= one.low <= one.high <= 1 and (one.dimension is Dimension.RATIO or one.text[:2] in {"0", "1", "0."})


def _rest(one: Quantity) -> Quantity:
    if not _is_part(one):
        return one
    percent = one.dimension is Dimension.RATIO
    middle = 1 - one.middle
    text = f"{100 * middle:.4g} %" if percent else f"{middle:.4f}"
    return replace(one, text=text, low=1 - one.high, high=1 - one.low)
