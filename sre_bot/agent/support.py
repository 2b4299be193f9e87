"""Whether evidence bears what a claim states: its quantities, moments, names and, failing those, its words. Pure.

A quantity is borne by the same quantity (in any unit, as rounded as it is stated), or by what follows from old and new
values: their difference, ratio or change in per cent, the rest to 100 %, a sum or count of what is listed, the time
between two events. When a claim names a subject that has lines of its own in the cited evidence, the lines of other
subjects do not count.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words, read
from sre_bot.agent.exhibits import Exhibit, Line, events
from sre_bot.agent.quantities import Dimension, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading

MAX_EVENTS = 80
"""So many events are held against each other for the time between them."""
MAX_COMPARED = 12
"""So many values of different lines are held against each other."""
MAX_COUNT = 1_000

_FEWER = re.compile(r"\s*(?:less|fewer|lower|faster|smaller|shorter)\b")
_REST = re.compile(
    r"\b(?:succe\w+|full|used|use|free|left|available|healthy|rest|remain\w*|without|fine|ok)\b", re.IGNORECASE
)
_MOVED = re.compile(
    r"\b(?:rose|grew|fell|dropped|increased|decreased|jumped|climbed|shrank|sank|up|down)\s(?:~|about )?$"
)
_ONSET = re.compile(r"\s*(before|after) (?:the |its )?onset\b")
_SIDE = re.compile(r"\s*(before|after)\b")
_FROM_TO = re.compile(r"\s*(?:→|->|to)\s*(?:about |around |roughly |nearly |almost |over |only )?~?")
_FROM = re.compile(r"(?:\bfrom |→ ?)(?:about )?$")
_WORD = re.compile(r"[\w./:#-]*\w")
_ALIKE = 4
"""Words that share so many first letters are taken for the same."""

_TOPICS = {
    "memory": "memory rss heap oom leak byte mib gib resident",
    "errors": "error fail failure failing 5xx worse exception refused panic crash",
    "latency": "latency slow slower duration p50 p90 p95 p99 quantile answer takes seconds ms delay",
    "traffic": "traffic request load surge demand rps",
    "changes": "deploy release commit change rollout rolled merge diff version",
    "certificates": "certificate cert tls ssl expiry expire expired",
    "disk": "disk filesystem volume space",
    "queue": "queue lag backlog kafka consumer",
    "pool": "pool connection exhausted saturation limit",
    "alerts": "alert firing fire page silenced",
    "cpu": "cpu throttled throttling core",
    "settings": "timeout retry retrie setting config configuration threshold",
    "network": "dns network packet resolver",
    "up": "up down restart restarted scrape",
}
_TOPIC_OF = {word: topic for topic, words in _TOPICS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class _Scope:
    """The cited evidence as far as it is about what the claim names."""

    ids: str
    exhibits: tuple[Exhibit, ...]
    lines: tuple[Line, ...]
    eventful: tuple[Line, ...]
    """Lines whose times count when the claim speaks of the time between things."""


def why_not_borne(text: str, cited: Sequence[Exhibit], subjects: frozenset[str], asked_at: datetime) -> str | None:
    """Why a claim does not follow from the evidence it cites, in a short sentence; None when nothing speaks against it.

    Args:
        text: the claim.
        cited: the evidence it cites, at least one.
        subjects: everything that any evidence of the investigation is about.
        asked_at: the investigation's present.
    """
    reading = read(text, asked_at)
    ids = ", ".join(exhibit.id for exhibit in cited)
    missing = [name for name in reading.names if not any(name.casefold() in one.everything for one in cited)]
    if missing:
        return f"{missing[0]} does not occur in {ids}"
    scope = _scope(text, reading, cited, subjects)
    return (
        _wrong_quantity(reading, scope, asked_at)
        or _wrong_moment(reading, scope, asked_at)
        or _wrong_way(reading, scope)
        or _unrelated(text, reading, scope, subjects)
    )


def _scope(text: str, reading: Reading, cited: Sequence[Exhibit], subjects: frozenset[str]) -> _Scope:
    identifiers = [name.casefold() for name in reading.names]
    words = {word.casefold().removesuffix("'s") for word in _WORD.findall(text.replace("’", "'"))}
    words |= {part for word in words for part in word.split("'")}
    named = [*identifiers, *sorted(words & subjects)]
    lines: list[Line] = []
    anywhere = any(line.names(name) for name in named for exhibit in cited for line in exhibit.lines)
    for exhibit in cited:
        own = [line for line in exhibit.lines if any(line.names(name) for name in named)]
        if own or (anywhere and not exhibit.shared.intersection(named)):
            lines += own + [line for line in exhibit.lines if not line.subjects and line not in own]
        else:
            lines += exhibit.lines
    eventful = [line for exhibit in cited for line in _narrowest(exhibit, identifiers, named)]
    return _Scope(", ".join(one.id for one in cited), tuple(cited), tuple(lines), tuple(eventful))


def _narrowest(exhibit: Exhibit, identifiers: Sequence[str], named: Sequence[str]) -> Sequence[Line]:
    """Lines with the claim's identifiers, else with anything that it names, else all."""
    for names in (identifiers, named):
        own = [line for line in exhibit.lines if any(line.names(name) for name in names)]
        if own:
            return own
    return exhibit.lines


# --- quantities ---


def _wrong_quantity(reading: Reading, scope: _Scope, asked_at: datetime) -> str | None:
    for quantity in reading.quantities:
        if not _is_borne(quantity, reading, scope, asked_at):
            if quantity.change or quantity.dimension is Dimension.FACTOR:
                return f"{quantity.text} does not follow from {scope.ids}"
            return f"{quantity.text} is not in {scope.ids}{_instead(quantity, scope)}"
    return None


def _is_borne(quantity: Quantity, reading: Reading, scope: _Scope, asked_at: datetime) -> bool:
    held = (one for line in scope.lines for one in line.reading.quantities)
    if any(_agree(quantity, one) for one in held if one.change or not quantity.change):
        return True
    moved = bool(_MOVED.search(reading.rest, max(0, quantity.start - 24), quantity.start))
    match quantity.dimension:
        case Dimension.FACTOR:
            return any(_meets(quantity, *ratio) for ratio in _ratios(scope, reading.rest, quantity.end))
        case Dimension.RATIO:
            return _is_borne_share(quantity, reading, scope, moved=moved)
        case Dimension.SECONDS if not quantity.change:
            return any(_meets(quantity, *length) for length in _lengths(scope, asked_at))
        case Dimension.PLAIN if _is_count(quantity) and _counted(quantity, scope):
            return True
    return _is_difference(quantity, scope) if quantity.change or moved else _is_sum(quantity, scope)


def _agree(claimed: Quantity, held: Quantity) -> bool:
    """Whether they measure the same thing and may be the same value."""
    if claimed.dimension is Dimension.FACTOR and held.dimension is Dimension.PLAIN:
        return claimed.text[-1:] not in "ed" and _meets(claimed, held.middle, held.middle)
    return _compatible(claimed, held) and _meets(claimed, held.low, held.high)


def _compatible(claimed: Quantity, held: Quantity) -> bool:
    pair = (claimed.dimension, held.dimension)
    if pair in {(Dimension.PLAIN, Dimension.RATIO), (Dimension.RATIO, Dimension.PLAIN)}:
        share = claimed if claimed.dimension is Dimension.PLAIN else held
        return share.text in {"0", "1"} or (share.text.startswith(("0.", "1.0")) and share.high <= 1)
    return pair[0] is pair[1] or pair in {
        (Dimension.PLAIN, Dimension.FACTOR),
        (Dimension.PLAIN, Dimension.RATE),
    }


def _meets(quantity: Quantity, low: float, high: float) -> bool:
    slack = 1e-9 * max(abs(quantity.high), abs(high))
    return quantity.low <= high + slack and low <= quantity.high + slack


def _is_borne_share(quantity: Quantity, reading: Reading, scope: _Scope, *, moved: bool) -> bool:
    """A share: the rest to 100 %, a change in per cent or in points, or a part of what it was (``a quarter of``)."""
    if quantity.change or moved:
        changes = ((low - 1, high - 1) for low, high in _ratios(scope))
        sizes = ((low, high) if high > 0 else (-high, -low) for low, high in changes)
        return any(_meets(quantity, *size) for size in sizes) or _is_difference(quantity, scope)
    if _REST.search(reading.rest):
        shares = [one for line in scope.lines for one in line.reading.quantities if one.dimension is Dimension.RATIO]
        if any(_meets(quantity, 1 - one.high, 1 - one.low) for one in shares):
            return True
    worded = not quantity.text[:1].isdigit()
    return worded and any(_meets(quantity, *ratio) for ratio in _ratios(scope))


def _moves(scope: _Scope) -> Iterator[tuple[Quantity, Quantity]]:
    """Old and new values, and pairs of what the lines of a short answer say of the same thing."""
    for line in scope.lines:
        yield from line.moves
    for exhibit in scope.exhibits:
        yield from itertools.permutations(_single(exhibit, scope), 2)


def _single(exhibit: Exhibit, scope: _Scope) -> list[Quantity]:
    """The values of lines that hold one each; none when there are too many to compare."""
    inside = [line for line in exhibit.lines if line in scope.lines and line.subjects]
    values = [line.reading.quantities[0] for line in inside if len(line.reading.quantities) == 1]
    return values if len(values) <= MAX_COMPARED else []


def _ratios(scope: _Scope, text: str = "", end: int = 0) -> Iterator[tuple[float, float]]:
    """New through old, as intervals; also old through new where the text goes on with ``less`` or ``faster``."""
    inverse = bool(text) and bool(_FEWER.match(text, end))
    for old, new in _moves(scope):
        if old.dimension is new.dimension:
            if old.low > 0:
                yield new.low / old.high, new.high / old.low
            if inverse and new.low > 0:
                yield old.low / new.high, old.high / new.low


def _is_difference(quantity: Quantity, scope: _Scope) -> bool:
    return any(
        _meets(quantity, *sorted((abs(new.middle - old.middle) - slack, abs(new.middle - old.middle) + slack)))
        for old, new in _moves(scope)
        if old.dimension is new.dimension is quantity.dimension
        for slack in ((old.high - old.low + new.high - new.low) / 2,)
    )


def _is_sum(quantity: Quantity, scope: _Scope) -> bool:
    for exhibit in scope.exhibits:
        values = [one for one in _single(exhibit, scope) if one.dimension is quantity.dimension]
        if len(values) > 1 and _meets(quantity, sum(one.low for one in values), sum(one.high for one in values)):
            return True
    return False


def _is_count(quantity: Quantity) -> bool:
    return quantity.middle < MAX_COUNT and float(round(quantity.middle)) == quantity.middle and "." not in quantity.text


def _counted(quantity: Quantity, scope: _Scope) -> bool:
    together = len(frozenset[str]().union(*(exhibit.subjects for exhibit in scope.exhibits)))
    counts = {together, *(count for exhibit in scope.exhibits for count in exhibit.counts)}
    return any(_meets(quantity, count, count) for count in counts)


def _lengths(scope: _Scope, asked_at: datetime) -> Iterator[tuple[float, float]]:
    """Times between two events, from an event to the present, and lengths of windows, in seconds."""
    happened = list({(one.time, one.before): one for one in events(scope.eventful)}.values())[:MAX_EVENTS]
    for one, other in itertools.combinations(happened, 2):
        yield _apart(abs((one.time - other.time).total_seconds()), one, other)
    for one in happened:
        yield _apart(abs((asked_at - one.time).total_seconds()), one)
    for exhibit in scope.exhibits:
        for line in exhibit.lines:
            if line.window:
                for one, other in itertools.combinations(line.reading.moments[:4], 2):
                    yield _apart(abs((one.time - other.time).total_seconds()), one, other)


def _apart(seconds: float, *moments: Moment) -> tuple[float, float]:
    slack = max(moment.before.total_seconds() for moment in moments)
    return seconds - slack, seconds + slack


def _instead(quantity: Quantity, scope: _Scope) -> str:
    """What the evidence has that comes nearest, by proportion."""
    held = [one for line in scope.lines for one in line.reading.quantities if one.dimension is quantity.dimension]
    nearest = min(held, key=lambda one: _proportion(one.middle, quantity.middle), default=None)
    return f", which has {nearest.text}" if nearest and nearest.dimension is not Dimension.PLAIN else ""


def _proportion(one: float, other: float) -> float:
    return abs(math.log(one / other)) if one > 0 < other else math.inf


# --- moments, order, words ---


def _wrong_moment(reading: Reading, scope: _Scope, asked_at: datetime) -> str | None:
    held = [moment for line in scope.lines for moment in line.reading.moments]
    for moment in reading.moments:
        present = moment.dated is False and _is_present(moment, asked_at)
        if not present and not any(moment.meets(other) for other in held):
            return f"{moment.text} is not a time in {scope.ids}"
    return None


def _is_present(moment: Moment, asked_at: datetime) -> bool:
    return -moment.before <= asked_at - moment.time <= moment.after


def _wrong_way(reading: Reading, scope: _Scope) -> str | None:
    """Old and new value exchanged, or before and after the onset."""
    for one, other in itertools.pairwise(reading.quantities):
        stated = _FROM_TO.fullmatch(reading.rest, one.end, other.start)
        if stated and _FROM.search(f"{reading.rest[: one.start]}{'→' if '→' in stated[0] else ''}"):
            moves = [move for line in scope.lines for move in line.moves]
            right = any(_agree(one, old) and _agree(other, new) for old, new in moves)
            if not right and any(_agree(one, new) and _agree(other, old) for old, new in moves):
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
            if side and one.dimension is Dimension.SECONDS and _agree(quantity, one):
                yield side[1]


def _unrelated(text: str, reading: Reading, scope: _Scope, subjects: frozenset[str]) -> str | None:
    """A claim without anything to check must at least share a word or a topic with its evidence, subjects aside."""
    if reading.quantities or reading.moments or reading.names:
        return None
    words = content_words(text) - {part for subject in subjects for part in content_words(subject)}
    held = frozenset[str]().union(*(exhibit.words for exhibit in scope.exhibits))
    topics, there = _topics(words), _topics(held) | _measured(scope)
    starts = {word[:_ALIKE] for word in held if len(word) >= _ALIKE}
    shared = words & held or {word for word in words if len(word) >= _ALIKE and word[:_ALIKE] in starts}
    if shared or topics & there or (not topics and len(words) < 3):  # noqa: PLR2004 -- so few words may be any topic's
        return None
    return f"{scope.ids} says nothing about it"


def _topics(words: Iterable[str]) -> set[str]:
    return {_TOPIC_OF[word] for word in words if word in _TOPIC_OF}


def _measured(scope: _Scope) -> set[str]:
    """Topics that units tell."""
    dimensions = {one.dimension for line in scope.lines for one in line.reading.quantities}
    return {"latency"} if dimensions == {Dimension.SECONDS} else set()
