"""Which way things went: from what to what, and whether before or after the onset. Pure."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree
from sre_bot.agent.quantities import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_ONSET = re.compile(r"\s*(before|after) (?:the |its )?onset\b")
_SIDE = re.compile(r"\s*(before|after)\b")
_NEARLY = r"(?:about |around |roughly |nearly |almost |over |only |just )?(?:the )?~?"
_FROM_TO = re.compile(rf"\s*(?:→|->|to)\s*{_NEARLY}")
_FROM = re.compile(rf"(?:\bfrom |→ ?){_NEARLY}$")
_INSTEAD = re.compile(rf",?\s*(?:instead of|rather than|up from|down from)\s{_NEARLY}")


_WENT = re.compile(
    r"\b(?:(?P<up>rose|risen|grew|grown|increased?|climbed|jumped|surged|raised?|went up|up)|"
    r"(?:fell|fallen|dropped|decreased?|sank|shrank|lowered|cut|reduced?|went down|down))\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|no|none|never|neither|nor|un\w+less)\b|n't\b", re.IGNORECASE)
_TO = re.compile(rf"\bto {_NEARLY}$")


def wrong_way(reading: Reading, scope: Scope) -> str | None:
    """Old and new value exchanged, or of two moves, or before and after the onset."""
    for old, new in _stated_moves(reading):
        lines = [line for line in scope.lines if line.moves]
        if any(_holds(line, old, new) for line in lines):
            continue
        moves = [move for line in lines for move in line.moves]
        if any(agree(old, after) and agree(new, before) for before, after in moves):
            return f"{scope.ids} has {old.text} and {new.text} the other way round"
        other = next((after for before, after in moves if agree(old, before)), None)
        if other is not None:
            return f"{scope.ids} has {old.text} → {other.text}"
    return _wrong_verb(reading) or _wrong_end(reading, scope) or _wrong_side(reading, scope)


def _wrong_verb(reading: Reading) -> str | None:
    """``rose from 12 to 2`` says two things."""
    for old, new in _stated_moves(reading):
        verbs = list(_WENT.finditer(reading.rest, 0, old.start))
        if verbs and old.dimension is new.dimension and not _NOT.search(reading.rest):
            up = bool(verbs[-1]["up"])
            if (new.high < old.low) if up else (new.low > old.high):
                return f"{verbs[-1][0]} is not what {old.text} → {new.text} did"
    return None


def _wrong_end(reading: Reading, scope: Scope) -> str | None:
    """``fell to`` what is an old value only."""
    for new in reading.quantities:
        verb = _WENT.search(reading.rest, max(0, new.start - 64), new.start)
        if verb and _TO.search(reading.rest, verb.end(), new.start):
            moves = [move for line in scope.lines for move in line.moves]
            olds = {old.text for old, _ in moves if agree(new, old)}
            held = {one.text for line in scope.lines for one in line.reading.quantities if agree(new, one)}
            if olds and held <= olds and not any(agree(new, after) for _, after in moves):
                return f"{scope.ids} has {new.text} before, not after"
    return None


def _stated_moves(reading: Reading) -> Iterator[tuple[Quantity, Quantity]]:
    """Old and new values as a claim tells them: ``from A to B``, ``A → B``, ``B instead of A``, ``B, up from A``."""
    for one, other in itertools.pairwise(reading.quantities):
        stated = _FROM_TO.fullmatch(reading.rest, one.end, other.start)
        if stated and _FROM.search(f"{reading.rest[: one.start]}{'→' if '→' in stated[0] else ''}"):
            yield one, other
        elif _INSTEAD.fullmatch(reading.rest, one.end, other.start):
            yield other, one


def _holds(line: Line, old: Quantity, new: Quantity) -> bool:
    """Whether a line has the move, or the old value of one and the new value anywhere (its last, its highest)."""
    if any(agree(old, before) and agree(new, after) for before, after in line.moves):
        return True
    started = any(agree(old, before) and not agree(new, before) for before, _ in line.moves)
    ended = any(agree(new, after) and not agree(old, after) for _, after in line.moves)
    others = line.reading.quantities
    return (started and any(agree(new, one) for one in others)) or (ended and any(agree(old, one) for one in others))


def _wrong_side(reading: Reading, scope: Scope) -> str | None:
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
