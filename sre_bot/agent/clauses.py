"""A claim taken apart into what it says of one thing and what of another. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.agent.quantities import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.agent.claims import Reading

_APART = re.compile(r"; (?:and |but )?|[,;]? (?:while|whereas|but) ")
_PERHAPS = re.compile(r", (?:and )?| and ")
_FIRST = re.compile(r"(?:the |that of )?([\w./:#-]*\w)")


def clauses(text: str, reading: Reading, subjects: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where each clause of a claim starts and ends.

    A semicolon, ``while`` and ``but`` part what they stand between. A comma and an ``and`` do where another subject
    follows, and both sides state a value: ``api fails 4 %, web 2 %``.
    """
    start = 0
    for low, high in sorted((*_sure(text), *_likely(text, reading, subjects))):
        if low >= start:
            yield start, low
            start = high
    yield start, len(text)


def _sure(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _APART.finditer(text)]


def _likely(text: str, reading: Reading, subjects: frozenset[str]) -> Iterator[tuple[int, int]]:
    places = [one.start for one in reading.quantities if one.dimension is not Dimension.FACTOR and not one.change]
    start = 0
    for match in _PERHAPS.finditer(text):
        follows = _FIRST.match(text, match.end())
        if follows and follows[1].casefold() in subjects:
            after = _PERHAPS.search(text, follows.end())
            end = after.start() if after else len(text)
            if any(start <= place < match.start() for place in places) and any(
                match.end() <= place < end for place in places
            ):
                yield match.span()
                start = match.end()
