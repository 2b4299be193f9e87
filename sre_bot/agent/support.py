"""Whether evidence bears what a claim states: its names, quantities and moments, their order, else its words. Pure."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree, wrong_quantity
from sre_bot.agent.claims import read
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.scope import scope_of
from sre_bot.agent.topics import unrelated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.exhibits import Exhibit, Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

MAX_CLAIM = 4_000
"""So many characters may a claim have."""

_ONSET = re.compile(r"\s*(before|after) (?:the |its )?onset\b")
_SIDE = re.compile(r"\s*(before|after)\b")
_FROM_TO = re.compile(r"\s*(?:→|->|to)\s*(?:about |around |roughly |nearly |almost |over |only )?~?")
_FROM = re.compile(r"(?:\bfrom |→ ?)(?:about )?$")


def why_not_borne(text: str, cited: Sequence[Exhibit], subjects: frozenset[str], asked_at: datetime) -> str | None:
    """Why a claim does not follow from the evidence it cites, in a short sentence; None when nothing speaks against it.

    Args:
        text: the claim.
        cited: the evidence it cites, at least one.
        subjects: everything that any evidence of the investigation is about.
        asked_at: the investigation's present.
    """
    if len(text) > MAX_CLAIM:
        return "it is too long to be checked"
    reading = read(text, asked_at)
    ids = ", ".join(exhibit.id for exhibit in cited)
    missing = [name for name in reading.names if not any(name.casefold() in one.everything for one in cited)]
    if missing:
        return f"{missing[0]} does not occur in {ids}"
    scope = scope_of(text, reading, cited, subjects)
    return (
        wrong_quantity(reading, scope, asked_at)
        or _wrong_moment(reading, scope, asked_at)
        or _wrong_way(reading, scope)
        or unrelated(text, reading, scope, subjects)
    )


def _wrong_moment(reading: Reading, scope: Scope, asked_at: datetime) -> str | None:
    held = [moment for line in scope.lines for moment in line.reading.moments]
    for moment in reading.moments:
        present = moment.dated is False and _is_present(moment, asked_at)
        if not present and not any(moment.meets(other) for other in held):
            return f"{moment.text} is not a time in {scope.ids}"
    return None


def _is_present(moment: Moment, asked_at: datetime) -> bool:
    return -moment.before <= asked_at - moment.time <= moment.after


def _wrong_way(reading: Reading, scope: Scope) -> str | None:
    """Old and new value exchanged, or before and after the onset."""
    for one, other in itertools.pairwise(reading.quantities):
        stated = _FROM_TO.fullmatch(reading.rest, one.end, other.start)
        if stated and _FROM.search(f"{reading.rest[: one.start]}{'→' if '→' in stated[0] else ''}"):
            moves = [move for line in scope.lines for move in line.moves]
            right = any(agree(one, old) and agree(other, new) for old, new in moves)
            if not right and any(agree(one, new) and agree(other, old) for old, new in moves):
                return f"{scope.ids} has {one.text} and {other.text} the other way round"
    for quantity in reading.quantities:
        side = _ONSET.match(reading.rest, quantity.end)
        sides = set(_sides(quantity, scope.lines)) if side else set()
        if side and sides and side[1] not in sides:
            return f"{scope.ids} has {quantity.text} {' and '.join(sides)} the onset"
    return None


def _sides(quantity: Quantity, lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        for one in line.reading.quantities:
            side = _SIDE.match(line.reading.rest, one.end)
            if side and one.dimension is Dimension.SECONDS and agree(quantity, one):
                yield side[1]
