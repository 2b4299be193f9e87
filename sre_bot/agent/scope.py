"""Which lines of the cited evidence a claim, or each of its clauses, is about. Pure.

When a claim names a subject (a service, an instance, a commit) that has lines of its own in the cited evidence, the
lines of other subjects do not count.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words, unlike
from sre_bot.agent.lines import Event, is_name
from sre_bot.agent.quantities import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line

_STATUSES = re.compile(r"\b([2-5]\d\d)s\b")
_LONG = 10
"""Two words are the name that they make without a space (``memory pressure``) when it has so many letters."""
_WORD = re.compile(r"[\w./:#-]*\w")
_SHA = re.compile(r"(?=[a-f]*\d)[0-9a-f]{7,40}")
_COMMIT = re.compile(r"commit ([0-9a-f]{7,40})")

_APART = re.compile(
    r"; (?:and |but )?|[,;]? (?:while|whereas|but) | (?:in|at) the same (?:second|minute|time|moment) as "
)
_PERHAPS = re.compile(r", (?:and )?| and ")
_FIRST = re.compile(r"(?:the |that of )?([\w./:#-]*\w)")


@dataclass(frozen=True, slots=True)
class Scope:
    """The cited evidence as far as it is about what the claim names."""

    ids: str
    exhibits: tuple[Exhibit, ...]
    lines: tuple[Line, ...]
    eventful: tuple[Line, ...]
    """Lines whose times count when the claim speaks of the time between things."""
    own: tuple[Line, ...]
    """Lines about something that the claim names."""
    words: frozenset[str]
    """The words of the claim, as tokens."""
    strangers: frozenset[str]
    """What other things there are, when the claim names any that evidence is about."""
    totals: frozenset[int]
    """The ids (of objects) of lines that tell of all things together, where an exhibit has lines of others as well."""
    first: int
    """Where in the text the first of the named things stands: what follows is no total of all things."""


def scope_of(text: str, reading: Reading, cited: Sequence[Exhibit], known: frozenset[tuple[str, str]]) -> Scope:
    """The scope of a claim: the lines that are not about others than it names.

    Args:
        text: the claim, or a clause of it.
        reading: what it states.
        cited: the evidence it cites.
        known: the labels of all evidence of the investigation: what kinds of things its names may be.
    """
    identifiers = [name.casefold() for name in reading.names]
    named = [*identifiers, *sorted(named_in(text, reading, known) - {*identifiers})]
    happened = [line for one in cited for line in one.lines if line.event in {Event.DEPLOY, Event.ALERT}]
    words = {word.casefold() for word in _WORD.findall(text)}
    placed = {name for name in named if any(line.names(name) for line in happened)}
    told = _of_named_commits(cited, named)
    lines = [line for exhibit in told for line in _own(exhibit, named, placed, words, known)]
    eventful = [line for exhibit in cited for line in _narrowest(exhibit, named, content_words(text))]
    folded = text.casefold()
    first = min((folded.find(name) for name in named if is_name(name) and name in folded), default=len(text))
    # A commit, a method or a file is no service: who names only such says nothing of whose the times are.
    subjects = frozenset(value for _, value in known if is_name(value))
    owners = {name for name in named if not _SHA.fullmatch(name)} & subjects
    strangers = subjects - {*named} if owners else frozenset[str]()
    own = [line for line in lines if line.labels and any(line.names(name) for name in named if is_name(name))]
    return Scope(
        ", ".join(one.id for one in cited),
        tuple(cited),
        tuple(lines),
        tuple(eventful),
        tuple(own),
        frozenset(words),
        strangers,
        _totals(cited, lines),
        first,
    )


def named_in(text: str, reading: Reading, known: frozenset[tuple[str, str]]) -> frozenset[str]:
    """The subjects of any evidence that a text names; a number (a status) only where it stands alone."""
    words = {word.casefold().removesuffix("'s") for word in _WORD.findall(text.replace("’", "'"))}
    words |= {part for word in words for part in (*word.split("'"), word.removesuffix("s"))}
    pairs = list(itertools.pairwise(_WORD.findall(text.casefold())))
    words |= {one + by + other for one, other in pairs for by in ("-", "_")}
    words |= {one + other for one, other in pairs if len(one + other) >= _LONG}
    alone = {one.text.removesuffix("s") for one in reading.quantities if one.dimension is Dimension.PLAIN}
    alone |= set(_STATUSES.findall(text))
    subjects = {value for _, value in known}
    spoken = content_words(text)
    paths = {one for one in subjects if one.count("/") > 1 and one[0] == "/" and not unlike(content_words(one), spoken)}
    return frozenset(word for word in (words & subjects) | paths if not word.isdigit() or word in alone)


def _own(
    exhibit: Exhibit, named: Sequence[str], placed: set[str], words: set[str], known: frozenset[tuple[str, str]]
) -> Iterator[Line]:
    """The lines of an exhibit that are not about others than the claim names.

    A line is about others when a name of the claim is missing from it, could stand in one of its labels, and that label
    names something else; so is a setting in a section when the claim's words name another section. A name that is only
    that of a deploy or an alert in other evidence says nothing of this.
    """
    shared = {value for _, value in exhibit.shared}
    here = {name for name in named if any(line.names(name) for line in exhibit.lines)}
    asked = [name for name in named if is_name(name) and name not in shared and (name in here or name not in placed)]
    kinds = {name: {label for label, value in known if value == name} for name in asked}
    headed = {name for name in asked if any(name in line.subjects for line in exhibit.lines)}
    sections = {name for name in words if any(name in line.sections for line in exhibit.lines)}
    alerts = [line for line in exhibit.lines if line.event is Event.ALERT and alert_of(line) in named]
    for line in exhibit.lines:
        missing = [name for name in asked if not line.names(name) or (name in headed and name not in line.subjects)]
        others = {label for label, value in line.labels if value not in named}
        lacking = bool(here.intersection(asked) and line.labels) and not any(line.names(name) for name in here)
        if line.event is Event.ALERT and alerts and line not in alerts:
            continue
        if sections and line.sections and not sections & line.sections:
            continue
        if not (lacking or any(kinds[name] & others for name in missing)):
            yield line


def _of_named_commits(cited: Sequence[Exhibit], named: Sequence[str]) -> list[Exhibit]:
    """The evidence without the texts of other commits, where that of a commit which the claim names is cited."""
    commits = {exhibit.id: _commit(exhibit) for exhibit in cited}
    shas = tuple(name for name in named if _SHA.fullmatch(name))
    if not shas or not any(commit.startswith(shas) for commit in commits.values()):
        return list(cited)
    return [one for one in cited if not commits[one.id] or commits[one.id].startswith(shas)]


def _commit(exhibit: Exhibit) -> str:
    """The sha of the commit that the evidence is the text of; empty when it is of none."""
    found = (_COMMIT.fullmatch(line.text) for line in exhibit.lines)
    return next((match[1] for match in found if match), "")


def _totals(cited: Iterable[Exhibit], lines: Iterable[Line]) -> frozenset[int]:
    inside = {id(line) for line in lines}
    narrowed = [one for one in cited if any(line.labels and id(line) not in inside for line in one.lines)]
    return frozenset(id(line) for one in narrowed for line in one.lines if not line.labels)


def alert_of(line: Line) -> str:
    """The (case-folded) name of the alert that a line of a list of alerts tells."""
    return next(iter(line.folded.removeprefix("- ").split(" ")[1:2]), "")


def _narrowest(exhibit: Exhibit, named: Sequence[str], words: frozenset[str]) -> Sequence[Line]:
    """Lines with anything that the claim names, and those that speak of it; else all."""
    shared = {value for _, value in exhibit.shared}
    own = [line for line in exhibit.lines if any(line.names(name) for name in named)]
    if any(line.reading.moments for line in own) and shared.isdisjoint(named):
        told = (line for line in exhibit.lines if line.event in {Event.START, Event.ALERT} and line not in own)
        return [*own, *(line for line in told if len(unlike(words, content_words(line.text))) < len(words))]
    return exhibit.lines


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
