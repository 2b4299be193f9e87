"""Who did what to which: what an alert fires for, who deployed what, whether nothing was deployed for a time. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.agent.lines import Event
from sre_bot.agent.quantities import Dimension

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_FIRES_FOR = re.compile(r"\b([A-Z]\w{3,80}) (?:is firing|fires|fired|has fired) (?:for|on) ([\w.:/-]{0,80}\w)")
_NAMED = re.compile(r"[\w.]+[-:/][\w.:/-]+")
_DEPLOYED = re.compile(
    r"\b([A-Z]?[a-zß-ÿ-]{1,30}(?: [A-Z][a-zß-ÿ-]{1,30})?) (?:deployed|rolled out|released|shipped) ([\w.-]{0,80}\w)"
)
_BY = re.compile(r" by (.{1,60}?) at revision ")
_NO_DEPLOY = re.compile(
    r"\bno (?:deploys?|deployments?|releases?|rollouts?)\b|\bnothing was (?:deployed|released|rolled out)\b|"
    r"\b(?:was|were|has|have)(?: not|n't) (?:been )?(?:deployed|released|rolled out)\b",
    re.IGNORECASE,
)
_OTHER_THAN = re.compile(r"\b(?:other than|except(?: for)?|besides|apart from|but) ", re.IGNORECASE)
_LAST = re.compile(r"\b(?:in|within|during|for) the (?:last|past) $", re.IGNORECASE)
_THE_UNIT = re.compile(r"\bin the (second|minute|hour|day|week)\b", re.IGNORECASE)
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_BEFORE = re.compile(r"\s*before $", re.IGNORECASE)


def wrong_attribution(text: str, reading: Reading, scope: Scope, asked_at: datetime) -> str | None:
    """What the cited lists of alerts and deploys have otherwise; None when nothing is said of them, or it is so."""
    lines = [line for exhibit in scope.exhibits for line in exhibit.lines]
    wrong = (
        _fires_for_other(text, lines) or _deployed_by_other(text, lines) or _deployed(text, reading, scope, asked_at)
    )
    return f"{scope.ids} has {wrong}" if wrong else None


def is_span_without(quantity: Quantity, reading: Reading) -> bool:
    """Whether it is the ``two hours`` of ``no deploy in the two hours before 09:20``, which no line tells."""
    starts = (moment.start for moment in reading.moments)
    before = any(_BEFORE.fullmatch(reading.rest, quantity.end, start) for start in starts)
    return before and quantity.dimension is Dimension.SECONDS and bool(_NO_DEPLOY.search(reading.rest))


def _fires_for_other(text: str, lines: Sequence[Line]) -> str | None:
    """``ApiDown fires for web``, where it is told of others only."""
    told = _FIRES_FOR.search(text)
    if told is None:
        return None
    alert, subject = told[1].casefold(), told[2].casefold()
    own = [line for line in lines if line.event is Event.ALERT and alert in line.tokens and line.labels]
    named = _NAMED.fullmatch(subject) or any(subject in line.subjects for line in lines)
    return f"{told[1]} for another" if own and named and not any(subject in line.folded for line in own) else None


def _deployed_by_other(text: str, lines: Sequence[Line]) -> str | None:
    """``Ann Lee deployed api``, where she deployed other things and others deployed it."""
    told = _DEPLOYED.search(text)
    if told is None:
        return None
    deploys = [
        (line, by[1].casefold()) for line in lines if line.event is Event.DEPLOY and (by := _BY.search(line.text))
    ]
    own = {by for line, by in deploys if told[2].casefold() in line.subjects}
    person = told[1].casefold()
    other = own and person in {by for _, by in deploys} - own
    return f"{told[2]} deployed by {', '.join(sorted(own))}" if other else None


def _deployed(text: str, reading: Reading, scope: Scope, asked_at: datetime) -> str | None:
    """``No deploy in the two hours before 09:20``, where one is listed."""
    if not _NO_DEPLOY.search(text):
        return None
    span = _span(reading, asked_at)
    deploys = [line for line in scope.lines if line.event is Event.DEPLOY and line.reading.moments]
    own = [line for line in deploys if line in scope.own] if not _OTHER_THAN.search(text) else []
    if span is None or (scope.own and not own and not _OTHER_THAN.search(text)):
        return None
    but = _OTHER_THAN.search(text)
    excepted = {line for line in deploys if but and any(one in text[but.end() :].casefold() for one in line.subjects)}
    inside = [
        line for line in own or deploys if line not in excepted and span[0] <= line.reading.moments[0].time <= span[1]
    ]
    return f"a deploy at {inside[0].reading.moments[0].text}" if inside else None


def _span(reading: Reading, asked_at: datetime) -> tuple[datetime, datetime] | None:
    """The time that is spoken of: so long before a moment, or before the present."""
    moment = reading.moments[0] if len(reading.moments) == 1 else None
    end = moment.time if moment else asked_at
    for one in reading.quantities:
        before = moment and _BEFORE.fullmatch(reading.rest, one.end, moment.start)
        if one.dimension is Dimension.SECONDS and (before or (not moment and _LAST.search(reading.rest, 0, one.start))):
            return end - timedelta(seconds=one.middle), end
    unit = _THE_UNIT.search(reading.rest)
    if unit and moment and _BEFORE.fullmatch(reading.rest, unit.end(), moment.start):
        return end - timedelta(seconds=_UNITS[unit[1].lower()]), end
    return None
