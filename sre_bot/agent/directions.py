"""Which way things went: from what to what, and in what state they are. Pure."""

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


_GONE = re.compile(r"\b(?:gone|disappeared|vanished|went away)\b", re.IGNORECASE)
_STEADY = re.compile(
    r"\b(?:unchanged|steady|flat|unaffected|(?:is|are|was|were) (?:stable|constant)|not affected|"
    r"did(?: not|n't) (?:change|move))\b",
    re.IGNORECASE,
)
_ALERT_STATES = re.compile(r"\b(?:is|are|was|were|has been|have been) (?:\w+ )?(silenced|inhibited|pending|resolved)\b")
_NOT = re.compile(r"\b(?:not|no|none|never|neither|nor|un\w+less)\b|n't\b", re.IGNORECASE)
_SECTIONS = frozenset({"firing", "pending", "silenced", "inhibited", "resolved"})
_MOVED = frozenset({"step", "ramp"})
MOVED_BY = 1.2
"""A series that a claim calls steady may have moved by no more than this factor."""


def wrong_state(text: str, scope: Scope) -> str | None:
    """Why things that a claim calls gone, steady or silenced are not so in the evidence; None when nothing is said."""
    told = [line for line in scope.own if line.state]
    if not told:
        return None
    kinds = {line.state for exhibit in scope.exhibits for line in exhibit.lines}
    stated = _ALERT_STATES.search(text)
    if stated and not _NOT.search(text) and {line.state for line in told} <= _SECTIONS - {stated[1]}:
        return f"{scope.ids} has it {told[0].state}, not {stated[1]}"
    if "gone" in kinds and _GONE.search(text) and not _NOT.search(text) and all(line.state != "gone" for line in told):
        return f"{scope.ids} has something else gone"
    if _STEADY.search(text) and all(_has_moved(line) for line in told):
        return f"{scope.ids} has it move"
    return None


def _has_moved(line: Line) -> bool:
    if line.state == "gone":
        return True
    pairs = ((old.middle, new.middle) for old, new in line.moves[:1])
    return line.state in _MOVED and any(max(pair) > MOVED_BY * min(pair) for pair in pairs)


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
    return _wrong_side(reading, scope)


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
