"""Which way things went, and in what state they are: gone, steady, silenced, critical. Pure."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree
from sre_bot.agent.lines import WHENEVER, Event
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.series import EXTREMES, PAST, PRESENT, Role, Way, roles, way
from sre_bot.agent.spelled import SPELLED, spelled
from sre_bot.signals.series import STEADY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_ONSET = re.compile(r"\s*(before|after) (?:the |its )?onset\b")
_SIDE = re.compile(r"\s*(before|after)\b")
_NEARLY = r"(?:about |around |roughly |nearly |almost |over |only |just )?(?:the )?~?"
_FROM_TO = re.compile(rf"\s*(?:→|->|to)\s*{_NEARLY}")
_FROM = re.compile(rf"(?:\bfrom |→ ?){_NEARLY}$")
_INSTEAD = re.compile(
    rf"(?: (?:since|at|by|from|now)\s+)?,?\s*\(?(?:instead of|rather than|up from|down from|compared (?:with|to)|"
    rf"previously|formerly|(?:it )?(?:was|were))\s{_NEARLY}"
)


_WENT = re.compile(
    r"\b(?:(?P<up>rose|risen|grew|grown|increased?|climbed|jumped|surged|raised?|went up|up)|"
    r"(?:fell|fallen|dropped|decreased?|sank|shrank|lowered|cut|reduced?|went down|down))\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|no|none|never|neither|nor|un\w+less)\b|n't\b", re.IGNORECASE)
_MOVED_TO = re.compile(
    r"\b(?:rose|grew|climbed|jumped|surged|went up|fell|dropped|decreased|increased|sank|shrank|"
    r"went down|went|recovered|returned)"
    rf"(?: [a-z]+){{0,2}} to {_NEARLY}$"
)
_BEFORE = re.compile(
    rf"\b(?:usual|usually|normally|used to be|up from|down from|[Bb]efore(?: [a-z]+){{1,4}},?) {_NEARLY}$"
)
_WAS_BEFORE = re.compile(r"(?: [a-z]+){0,3} (?:before|beforehand|earlier)[.,;]?$")
_TO = re.compile(rf"\bto {_NEARLY}$")


_GONE = re.compile(r"\b(?:gone|disappeared|vanished|went away)\b", re.IGNORECASE)
_STEADY = re.compile(
    r"\b(?:unchanged|steady|flat|unaffected|(?:is|are|was|were) (?:stable|constant)|not affected|"
    r"did(?: not|n't) (?:change|move)|"
    r"at (?:the|its|their) usual (?:rates?|levels?|pace)|(?:works?|working|running) as (?:usual|before))\b",
    re.IGNORECASE,
)
_ALERT_STATES = re.compile(r"\b(?:is|are|was|were|has been|have been) (?:\w+ )?(silenced|inhibited|pending|resolved)\b")
_FIRES = re.compile(r"\b(?:is|are) (?:\w+ )?firing\b|\bfires?\b")
_SEVERE = re.compile(r"\b(?:is|are) (?:only |just |still )?(?:an? )?(critical|warning|info)s?\b")
_TRENDS = re.compile(
    r"\b(?:(?P<up>rising|growing|climbing|increasing|rose|grew|climbed|piling up|(?:was|were|is|are) scaled up)|"
    r"falling|dropping|sinking|shrinking|decreasing|declining|draining|recovering|fell|dropped|sank|shrank|"
    r"(?:was|were|is|are) scaled down)\b"
)
"""What a thing did of itself, where no values are told."""
_ALL = re.compile(r"\b(?:all|both|every|each)\b", re.IGNORECASE)
_MOVED = frozenset({"step", "ramp"})
_ALERTS = re.compile(
    rf"\b(one|{SPELLED}|\d{{1,3}}) (?:(critical|warning|info) )?alerts? (?:is |are |has been |have been )?"
    r"(fir(?:e|es|ing)|silenced|resolved|inhibited|pending)\b",
    re.IGNORECASE,
)
MOVED_BY = 1.2
"""A series that a claim calls steady may have moved by no more than this factor."""


def wrong_way(reading: Reading, scope: Scope) -> str | None:
    """Old and new value exchanged, or of two moves, or before and after the onset."""
    for old, new in _stated_moves(reading):
        lines = [line for line in scope.lines if line.moves]
        if any(_holds(line, old, new) for line in lines):
            continue
        changed = [line for line in lines if line.text.startswith("+") and _sets(line, reading)]
        if changed and len(scope.exhibits) == 1:
            before, after = changed[0].moves[0]
            return f"{scope.ids} has {before.text} → {after.text}"
        moves = [move for line in lines for move in line.moves]
        if any(agree(old, after) and agree(new, before) for before, after in moves):
            return f"{scope.ids} has {old.text} and {new.text} the other way round"
        other = next((after for before, after in moves if agree(old, before)), None)
        if other is not None:
            return f"{scope.ids} has {old.text} → {other.text}"
    return (
        _wrong_verb(reading)
        or _wrong_end(reading, scope)
        or _wrong_role(reading, scope)
        or _wrong_side(reading, scope)
        or _wrong_trend(reading, scope)
    )


def _sets(line: Line, reading: Reading) -> bool:
    """Whether a line of a diff sets what the claim names."""
    return any("_" in name and name.casefold() in line.folded for name in reading.names)


def _wrong_verb(reading: Reading) -> str | None:
    """``rose from 12 to 2`` says two things."""
    for old, new in _stated_moves(reading):
        verbs = list(_WENT.finditer(reading.rest, 0, old.start))
        if verbs and old.dimension is new.dimension and not _NOT.search(reading.rest):
            up = bool(verbs[-1]["up"])
            if (new.high < old.low) if up else (new.low > old.high):
                return f"{verbs[-1][0]} is not what {old.text} → {new.text} did"
    return None


def _wrong_trend(reading: Reading, scope: Scope) -> str | None:
    """``api has been falling``, ``is unchanged``, where all that is told of it went another way."""
    lines = [line for line in scope.own or scope.lines if line.state in WHENEVER]
    ways = {way(line) for line in lines}
    if _ALL.search(reading.rest) and _TRENDS.search(reading.rest) and not _NOT.search(reading.rest):
        steady = any(line.state in STEADY for line in lines) and not all(line.state in STEADY for line in lines)
        if steady:
            return f"{scope.ids} has some that did not"
    went = next(iter(ways), None)
    if len(ways) != 1 or went is None or not all(map(_is_metric, scope.exhibits)):
        return None
    if _STEADY.search(reading.rest):  # at a level is looked for by that
        return f"{scope.ids} has it {went}" if went is not Way.STEADY and not reading.quantities else None
    trend = _TRENDS.search(reading.rest)
    if trend is None or _NOT.search(reading.rest):
        return None
    return f"{scope.ids} has it {went}" if went is not (Way.UP if trend["up"] else Way.DOWN) else None


def _is_metric(exhibit: Exhibit) -> bool:
    return any(line.state in WHENEVER for line in exhibit.lines)


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
            told = [line for line in scope.lines if any(agree(new, one) for one in line.reading.quantities)]
            if told and all(line.unchanged for line in told):
                return f"{scope.ids} has {new.text} unchanged"
    return None


def _wrong_role(reading: Reading, scope: Scope) -> str | None:
    """``Fell to`` what is its mean only, ``before`` of what it is only now."""
    for quantity in reading.quantities:
        wanted = _wanted(quantity, reading)
        bearing = [line for line in scope.lines if any(agree(quantity, one) for one in line.reading.quantities)]
        held = {role for line in bearing for role, one in roles(line) if agree(quantity, one)}
        if wanted and held and all(line.state in WHENEVER for line in bearing) and not held & wanted:
            return f"{scope.ids} has {quantity.text} as {', '.join(sorted(role.value for role in held))}"
    return None


def _wanted(quantity: Quantity, reading: Reading) -> frozenset[Role]:
    """Which values of a series a quantity may be, as it is told; none when nothing is said of that."""
    lead = reading.rest[max(0, quantity.start - 64) : quantity.start]
    if _MOVED_TO.search(lead):
        return PRESENT | EXTREMES
    if _BEFORE.search(lead) or _WAS_BEFORE.match(reading.rest, quantity.end):
        return PAST | EXTREMES | {Role.MEAN}
    return frozenset()


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


def wrong_state(text: str, scope: Scope) -> str | None:
    """Why things that a claim calls gone, steady or silenced are not so in the evidence; None when nothing is said."""
    counted = _wrong_count(text, scope)
    if counted:
        return counted
    told = [line for line in scope.own if line.state]
    if not told:
        return None
    alerts = [line for line in told if line.event is Event.ALERT]
    wrong = _wrong_alert(text, alerts) if alerts and not _NOT.search(text) else None
    if _GONE.search(text) and not _NOT.search(text) and _others_are_gone(scope):
        wrong = "something else gone"
    elif _STEADY.search(text) and all(_has_moved(line) for line in told):
        wrong = "it move"
    return f"{scope.ids} has {wrong}" if wrong else None


def _wrong_count(text: str, scope: Scope) -> str | None:
    """``Two critical alerts are firing``, held against a list of alerts."""
    match = _ALERTS.search(text)
    alerts = [line for one in scope.exhibits for line in one.lines if line.event is Event.ALERT and line.state]
    if match is None or not alerts:
        return None
    state = "firing" if match[3].lower().startswith("fir") else match[3].lower()
    number = sum(line.state == state and (match[2] is None or _is(line, match[2].lower())) for line in alerts)
    stated = int(match[1]) if match[1].isdigit() else int(spelled(match[1]))
    return None if stated == number else f"{scope.ids} has {number} of these"


def _others_are_gone(scope: Scope) -> bool:
    """Whether an exhibit has things that are gone, and others than what it has of those the claim names."""
    own = {id(line) for line in scope.own}
    for exhibit in scope.exhibits:
        gone = {id(line) for line in exhibit.lines if line.state == "gone"}
        here = own.intersection(id(line) for line in exhibit.lines)
        if gone and here and not gone & here:
            return True
    return False


def _wrong_alert(text: str, alerts: Sequence[Line]) -> str | None:
    """What the alerts are, when that is not what a claim says."""
    states = {line.state for line in alerts}
    stated = _ALERT_STATES.search(text)
    if (stated and stated[1] not in states) or (_FIRES.search(text) and states <= {"resolved", "pending"}):
        return f"it {alerts[0].state}"
    severe = _SEVERE.search(text)
    return "another severity" if severe and not any(_is(line, severe[1]) for line in alerts) else None


def _is(alert: Line, severity: str) -> bool:
    return alert.folded.startswith(f"- {severity} ")


def _has_moved(line: Line) -> bool:
    if line.state == "gone":
        return True
    pairs = ((old.middle, new.middle) for old, new in line.moves[:1])
    return line.state in _MOVED and any(max(pair) > MOVED_BY * min(pair) for pair in pairs)
