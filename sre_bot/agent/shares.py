"""Which part of a whole something is: of the lines of one look, of some of them together, of what another look has.

Pure. Parts and wholes are held like with like: what each is now, or what each was.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sre_bot.agent.lines import current
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.series import Role, roles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

MAX_PARTS = 40
"""Of so many lines the parts of a whole are told."""
_LIKE = (Role.LAST, Role.NEW, Role.USUAL, Role.OLD)


def earlier(line: Line) -> Quantity | None:
    """What a line tells of before, or, of one that tells of no move, its value."""
    return line.moves[0][0] if line.moves else current(line)


def later(line: Line) -> Quantity | None:
    """What a line tells of after a move, or, of one that tells of none, its value."""
    return line.moves[0][1] if line.moves else current(line)


def _whens(*, present: bool) -> tuple[Callable[[Line], Quantity | None], ...]:
    return (current, later) if present else (current, earlier, later)


def shares(scope: Scope, *, present: bool = False) -> Iterator[tuple[float, float]]:
    """The part that each line in scope has of the lines that differ from it in one label only: now, before, after."""
    inside = {id(line) for line in scope.lines}
    for exhibit, when in itertools.product(scope.exhibits, _whens(present=present)):
        values = [(line, value) for line in exhibit.lines[:MAX_PARTS] if line.labels and (value := when(line))]
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


def shares_together(scope: Scope, *, present: bool = False) -> Iterator[tuple[float, float]]:
    """The part that several named lines of a look have together of all its lines: now, before, after."""
    named = {id(line) for line in scope.own}
    for exhibit, when in itertools.product(scope.exhibits, _whens(present=present)):
        told = [(line, value) for line in exhibit.lines[:MAX_PARTS] if line.labels and (value := when(line))]
        own = [value for line, value in told if id(line) in named]
        kinds = {(frozenset(key for key, _ in line.labels), value.dimension) for line, value in told}
        whole = sum(value.middle for _, value in told)
        if 1 < len(own) < len(told) and len(kinds) == 1 and own[0].dimension is not Dimension.RATIO and whole > 0:
            yield sum(one.low for one in own) / whole, sum(one.high for one in own) / whole


def shares_of_looks(scope: Scope) -> Iterator[tuple[float, float]]:
    """The part that a series of one look (answers of one status) is of that of the same thing in another (of all)."""
    inside = {id(line) for line in scope.lines}
    for part, whole in itertools.permutations(scope.exhibits, 2):
        wholes = {line.labels: line for line in _series(whole, inside)}
        for line in _series(part, inside):
            if line.labels in wholes:
                yield from _through(line, wholes[line.labels])


def _series(exhibit: Exhibit, inside: set[int]) -> list[Line]:
    return [line for line in exhibit.lines[:MAX_PARTS] if line.labels and id(line) in inside]


def _through(part: Line, whole: Line) -> Iterator[tuple[float, float]]:
    values, wholes = _values(part), _values(whole)
    for role, one in values.items():
        other = wholes.get(role)
        alike = other and other.dimension is one.dimension is not Dimension.RATIO
        if other and alike and 0 < one.middle <= other.middle and other.low > 0:
            yield one.low / other.high, one.high / other.low


def _values(line: Line) -> dict[Role, Quantity]:
    """What a series is and was; of a line that has one value only, that."""
    told = {role: one for role, one in reversed(roles(line)) if role in _LIKE}
    value = current(line)
    return told or ({Role.LAST: value} if value else {})
