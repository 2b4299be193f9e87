"""Which record of a list a piece of a claim speaks of, and whether what it states stands there. Pure.

A list is the patterns of a log, the deploys and commits, the sentences of a document. What a piece states (a number, a
time, a name) stands in some of its records. When it has words of another record which those lack, and none of theirs
that the other lacks, it tells of the other what is not so: ``288 time-outs`` where 288 is how often streams closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree
from sre_bot.agent.claims import content_words, hyphened, read, unlike
from sre_bot.agent.lines import Event
from sre_bot.agent.quantities import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

FEWEST = 2
"""So many words of the other record has a piece at least."""
_PIECES = re.compile(r"\b(?:before|after|when|while|until|because|since|so|but|which|than|from|with)\b|[,;:()](?= |$)")
_LOGGED = re.compile(r"- [A-Z]{4,8} ")
_MORE = re.compile(r"  (?:<\*>:|e\.g\.)")
_CHANGED = re.compile(r"(?:\d\d-\d\d )?\d\d:\d\d:\d\d deploy |\s*- [0-9a-f]{7,40} ")


@dataclass(frozen=True, slots=True)
class Record:
    """Lines that tell one thing."""

    lines: tuple[Line, ...]
    words: frozenset[str]
    head: int | None = None
    """The place in its list of the deploy that carries it."""

    @classmethod
    def of(cls, lines: list[Line], head: int | None) -> Record:
        """What the lines tell together."""
        return cls(tuple(lines), content_words(" ".join(line.text for line in lines)), head)

    @property
    def quantities(self) -> Iterator[Quantity]:
        """All of its lines."""
        return (one for line in self.lines for one in line.reading.quantities)

    @property
    def moments(self) -> Iterator[Moment]:
        """All of its lines."""
        return (one for line in self.lines for one in line.reading.moments)


def records(exhibit: Exhibit) -> list[Record]:
    """The records of a list; none of other evidence."""
    found: list[list[Line]] = []
    heads: list[int | None] = []
    for line in exhibit.lines:
        if _LOGGED.match(line.text) or _CHANGED.match(line.text):
            heads.append(next((at for at in range(len(found) - 1, -1, -1) if _is_deploy(found[at])), None))
            heads[-1] = heads[-1] if line.text[:1].isspace() else None
            found.append([line])
        elif found and _MORE.match(line.text):
            found[-1].append(line)
    return [Record.of(lines, head) for lines, head in zip(found, heads, strict=True)] if len(found) > 1 else []


def _is_deploy(lines: list[Line]) -> bool:
    return lines[0].event is Event.DEPLOY


def wrong_record(text: str, scope: Scope, asked_at: datetime) -> str | None:
    """The first thing stated that stands only in other records than that which the words are of."""
    listed = [(one, records(one)) for one in scope.exhibits]
    for piece in _pieces(text):
        reading = read(piece, asked_at)
        words = content_words(piece)
        for exhibit, told in listed:
            subjects = {name for one in told for line in one.lines for name in line.subjects}
            for anchor, bearing in _anchors(reading, told):
                others = words - content_words(f"{anchor} {' '.join(subjects)}")
                carried = [one for one in told if one.head is not None and told[one.head] in bearing]
                bearing += [one for one in carried if one not in bearing]
                if bearing and any(_is_of(others, one, bearing) for one in told if one not in bearing):
                    return f"{exhibit.id} has {anchor} of something else"
    return None


def _pieces(text: str) -> Iterator[str]:
    yield from (piece for piece in _PIECES.split(text) if piece.strip())


def _anchors(reading: Reading, told: list[Record]) -> Iterator[tuple[str, list[Record]]]:
    """What is stated, and the records that have it; how long something takes may be reckoned."""
    for quantity in reading.quantities:
        if quantity.dimension is not Dimension.SECONDS:
            yield quantity.text, [one for one in told if any(agree(quantity, held) for held in one.quantities)]
    for moment in reading.moments:
        yield moment.text, [one for one in told if any(moment.meets(held) for held in one.moments)]
    for name in (*reading.names, *hyphened(reading.rest)):
        yield name, [one for one in told if any(line.names(name.casefold()) for line in one.lines)]


def _is_of(words: frozenset[str], other: Record, bearing: list[Record]) -> bool:
    for one in bearing:
        strange, own = unlike(words, one.words), unlike(words, other.words)
        if len(strange - own) < FEWEST or own - strange:
            return False
    return True
