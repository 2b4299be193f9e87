"""Which lines of the cited evidence a claim is about. Pure.

When a claim names a subject (a service, an instance, a commit) that has lines of its own in the cited evidence, the
lines of other subjects do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.exhibits import Exhibit, Line

_WORD = re.compile(r"[\w./:#-]*\w")


@dataclass(frozen=True, slots=True)
class Scope:
    """The cited evidence as far as it is about what the claim names."""

    ids: str
    exhibits: tuple[Exhibit, ...]
    lines: tuple[Line, ...]
    eventful: tuple[Line, ...]
    """Lines whose times count when the claim speaks of the time between things."""


def scope_of(text: str, reading: Reading, cited: Sequence[Exhibit], subjects: frozenset[str]) -> Scope:
    """The scope of a claim: its names are identifiers in it and words that are a subject of any evidence."""
    identifiers = [name.casefold() for name in reading.names]
    words = {word.casefold().removesuffix("'s") for word in _WORD.findall(text.replace("’", "'"))}
    words |= {part for word in words for part in word.split("'")}
    named = [*identifiers, *sorted(words & subjects)]
    lines: list[Line] = []
    anywhere = any(line.names(name) for name in named for exhibit in cited for line in exhibit.lines)
    for exhibit in cited:
        own = [line for line in exhibit.lines if any(line.names(name) for name in named)]
        if own or (anywhere and not exhibit.shared.intersection(named)):
            lines += [line for line in exhibit.lines if not line.subjects or any(line.names(name) for name in named)]
        else:
            lines += exhibit.lines
    eventful = [line for exhibit in cited for line in _narrowest(exhibit, identifiers, named)]
    return Scope(", ".join(one.id for one in cited), tuple(cited), tuple(lines), tuple(eventful))


def _narrowest(exhibit: Exhibit, identifiers: Sequence[str], named: Sequence[str]) -> Sequence[Line]:
    """Lines with the claim's identifiers, else with anything that it names, else all."""
    for names in (identifiers, named):
        own = [line for line in exhibit.lines if any(line.names(name) for name in names)]
        if own:
            return own
    return exhibit.lines
