"""Whose the times and answers in an account of traces are, and whether a claim gives them to another. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree
from sre_bot.agent.quantities import Dimension, quantities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_DEEPEST = re.compile(r"  deepest failing span[^:]{0,60}: (([\w.-]+) .+)")
_WAY = re.compile(r"    by way of (.+)")
_STATION = re.compile(r"([\w.-]+)(?: \(([^)]{1,200})\))?(?: > |$)")
_TIMES = re.compile(r"  (time|healthy \(\d+ looked at\)): .+?; self time: (.+)")
_TIME = re.compile(r"([\w.-]+) (\d[^,]{0,20})")
_DIFFERS = re.compile(r"  differs: (.+)")
_ANSWERS = re.compile(
    r"\b([\w.-]+) (?:itself )?(?:answers|answered|returns|returned|responds|responded|fails|failed)"
    r"(?: with)?(?: an?)? ([1-5]\d\d)s?\b"
)
_STATUS = re.compile(r"\b[1-5]\d\d\b")
_UNREACHED = re.compile(r"\b([\w.-]+) (?:is|was) (?:never|not) (?:reached|called)\b")
_COMPARED = re.compile(r"\b(?:fail\w*|bad|broken|instead|against|than|as)\b|n't|\bnot\b", re.IGNORECASE)
_FAILING = re.compile(r"\b(?:in|of|for|a|the)? ?fail(?:ing|ed)\b")
_AGAINST = re.compile(r"\b(?:against|than|instead|usual\w*|normal\w*|before|from|up|otherwise)\b|→")
_OLD = re.compile(r" instead of .*")
_OWNER = re.compile(r"[,:;] ([\w./-]*\w)(?: [\w./-]+){0,2},? $")
_TRACED = re.compile(r"  (?:time: |healthy \().+; self time: ")
_SLOWEST = re.compile(r"\b(?:slowest|spends? (?:most of )?(?:its|the|their) time|most of (?:its|the|their) time)\b")


@dataclass(frozen=True, slots=True)
class Part:
    """What an account tells of one service: of the ``failing`` traces, or of the healthy ones."""

    owner: str
    text: str
    failing: bool = True
    own_time: bool = False

    @property
    def times(self) -> list[Quantity]:
        """How long it takes."""
        return [one for one in quantities(self.text, exact=True) if one.dimension is Dimension.SECONDS]


def parts(exhibit: Exhibit) -> Iterator[Part]:
    """The parts of an account of traces; none of other evidence."""
    for line in exhibit.lines:
        if deepest := _DEEPEST.fullmatch(line.text):
            yield Part(deepest[2].casefold(), deepest[1])
        elif way := _WAY.fullmatch(line.text):
            yield from (Part(one[1].casefold(), one[2] or "") for one in _STATION.finditer(way[1]))
        elif told := _TIMES.fullmatch(line.text):
            failing = told[1] == "time"
            yield from (Part(one[1].casefold(), one[2], failing, own_time=True) for one in _TIME.finditer(told[2]))
        elif differs := _DIFFERS.fullmatch(line.text):
            yield from (
                Part(one.split(" ")[0].casefold(), one, "never reached" not in one) for one in differs[1].split("; ")
            )


def wrong_span(text: str, reading: Reading, scope: Scope) -> str | None:
    """The first time or answer that an account of traces has of another than the one that a clause names."""
    for exhibit in scope.exhibits:
        told = list(parts(exhibit))
        owners = {one.owner for one in told}
        named = owners & scope.words
        wrong = _other_answers(text, told) or _reached(text, told)
        if len(named) == 1 and not wrong:
            owner = next(iter(named))
            wrong = (_takes(text, owner) and _other_takes(reading, owner, told)) or _other_is_slowest(text, owner, told)
        wrong = wrong or _of_failing(text, reading, told)
        if wrong:
            return f"{exhibit.id} has {wrong}"
    return None


def _takes(text: str, owner: str) -> bool:
    """Whether it is the named one that is said to take a time."""
    verbs = "takes?|took|needs?|needed|spends?|spent|lasts?|lasted|is|was|waits?|waited"
    folded = text.casefold()
    name = re.escape(owner)
    does = r"(?:['’]s? )?(?: ?(?!and |but |while |which |that )[\w./:-]+ ){0,3}"
    return bool(re.search(rf"(?<![\w.-]){name}(?: |(?=['’])){does}(?:{verbs})\b|\bin {name}\b", folded))


def _of_failing(text: str, reading: Reading, told: list[Part]) -> str | None:
    """The time of failing traces that is told of healthy ones."""
    healthy = "healthy" in text.casefold()
    if not healthy or _COMPARED.search(text) or all(one.failing for one in told):
        return None if healthy else _of_healthy(text, reading, told)
    for quantity in reading.quantities:
        bearing = [one for one in told if any(agree(quantity, time) for time in one.times)]
        if bearing and all(one.failing and " instead of " not in one.text for one in bearing):
            return f"{quantity.text} of failing ones"
    return None


def _of_healthy(text: str, reading: Reading, told: list[Part]) -> str | None:
    """The time of healthy traces that is told of failing ones."""
    if not _FAILING.search(text) or _AGAINST.search(text):
        return None
    for quantity in reading.quantities:
        bearing = [one for one in told if any(agree(quantity, time) for time in one.times)]
        if bearing and not any(_has_failing(one, quantity) for one in bearing):
            return f"{quantity.text} of healthy ones"
    return None


def _has_failing(part: Part, quantity: Quantity) -> bool:
    failing = (_OLD.sub("", piece) for piece in part.text.split(", "))
    return part.failing and any(agree(quantity, one) for text in failing for one in quantities(text, exact=True))


def _other_takes(reading: Reading, owner: str, told: list[Part]) -> str | None:
    for quantity in reading.quantities:
        others = {one.owner for one in told if any(agree(quantity, time) for time in one.times)}
        if others and owner not in others:
            return f"{quantity.text} of {', '.join(sorted(others))}"
    return None


def _other_answers(text: str, told: list[Part]) -> str | None:
    for match in _ANSWERS.finditer(text):
        owner, status = match[1].casefold(), match[2]
        own = {one for part in told if part.owner == owner for one in _STATUS.findall(part.text)}
        others = {part.owner for part in told if status in _STATUS.findall(part.text)}
        known = any(part.owner == owner for part in told)
        if known and others and status not in own:
            return f"{status} of {', '.join(sorted(others))}"
    return None


def _reached(text: str, told: list[Part]) -> str | None:
    match = _UNREACHED.search(text)
    own = [part for part in told if match and part.owner == match[1].casefold()]
    missed = any("never reached" in part.text for part in own)
    return f"{own[0].owner} reached" if any(part.failing for part in own) and not missed else None


def _other_is_slowest(text: str, owner: str, told: list[Part]) -> str | None:
    failing = "healthy" not in text
    times = {one.owner: one.times[0].middle for one in told if one.own_time and one.failing is failing and one.times}
    if not _SLOWEST.search(text) or not times:
        return None
    slowest = max(times, key=lambda one: times[one])
    return f"most of the time in {slowest}" if slowest != owner else None


def is_of_another(quantity: Quantity, line: Line, scope: Scope) -> bool:
    """Whether a line that lists several (``self time: api 41 ms, db 3 ms``) has it right behind what is not named."""
    before = _OWNER.search(line.text, max(0, quantity.start - 64), quantity.start)
    if before is None or quantity.dimension is not Dimension.SECONDS:
        return False
    owner = before[1].casefold()
    if before[0].endswith(", ") and not scope.words.isdisjoint(before[0].casefold().strip(" ,:;").split()):
        return False  # the claim names what the span does
    return owner in scope.strangers or (owner not in scope.words and _names_owner(scope))


def _names_owner(scope: Scope) -> bool:
    """Whether the claim names one of those that a trace has times of."""
    times = [line for one in scope.exhibits for line in one.lines if "self time:" in line.text]
    return any(one in scope.words for line in times for one in _owners(line))


def _owners(line: Line) -> Iterator[str]:
    for one in line.reading.quantities:
        before = _OWNER.search(line.text, max(0, one.start - 64), one.start)
        if before:
            yield before[1].casefold()


def owner_of(quantity: Quantity, scope: Scope) -> str | None:
    """Of whom a line tells the very value, when the claim names another."""
    for line in scope.lines:
        for one in line.reading.quantities:
            before = _OWNER.search(line.text, max(0, one.start - 64), one.start)
            if before and agree(quantity, one) and is_of_another(one, line, scope):
                return before[1]
    return None


def parts_of_traces(scope: Scope) -> Iterator[tuple[float, float]]:
    """Which part of the time of a trace is that of each thing that the claim names, or of any when it names none."""
    for line in scope.lines:
        if _TRACED.match(line.text):
            whole, *parts = [one for one in line.reading.quantities if one.dimension is Dimension.SECONDS]
            own = (one for one in parts if not is_of_another(one, line, scope))
            yield from ((one.low / whole.high, one.high / whole.low) for one in own if whole.low > 0)
