"""Whether evidence bears what a claim states: its names, quantities and moments, their order, else its words. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.attribution import wrong_attribution
from sre_bot.agent.borne import wrong_quantity
from sre_bot.agent.claims import read
from sre_bot.agent.denials import wrong_denial
from sre_bot.agent.diffs import wrong_setting
from sre_bot.agent.directions import wrong_state, wrong_way
from sre_bot.agent.lasting import lasts_since
from sre_bot.agent.lines import Event
from sre_bot.agent.naming import unrelated, wrong_name
from sre_bot.agent.opposites import told_otherwise
from sre_bot.agent.order import logged, wrong_order
from sre_bot.agent.points import told_at, wrong_point
from sre_bot.agent.records import wrong_record
from sre_bot.agent.scope import clauses, named_in, scope_of
from sre_bot.agent.spans import wrong_span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.scope import Scope

_ORDERED = re.compile(r"\b(?:before|after|later|earlier|when|until)\b", re.IGNORECASE)
_FIRST = re.compile(r"\bfirst\b", re.IGNORECASE)
_SINCE = re.compile(
    r"\b(?:since|(?:began|started|fired|rose|grew|jumped|climbed|fell|dropped|stopped) at)\s*$", re.IGNORECASE
)
"""What follows is a time of what happened, not one of the window that was looked at."""
_DEPLOYED_AT = re.compile(
    r"\b(?:deployed|rolled out|went (?:out|live)|shipped|released)\b(?:\s+[^\s,;]{1,30}){0,2}\s+at\s*$", re.IGNORECASE
)

MAX_CLAIM = 4_000
"""So many characters may a claim have."""


def why_not_borne(
    text: str, cited: Sequence[Exhibit], known: frozenset[tuple[str, str]], asked_at: datetime
) -> str | None:
    """Why a claim does not follow from the evidence it cites, in a short sentence; None when nothing speaks against it.

    Args:
        text: the claim.
        cited: the evidence it cites, at least one.
        known: the labels of everything that any evidence of the investigation is about.
        asked_at: the investigation's present.
    """
    if len(text) > MAX_CLAIM:
        return "it is too long to be checked"
    reading = read(text, asked_at)
    scope = scope_of(text, reading, cited, known)
    return (
        wrong_name(text, reading, cited, known)
        or _wrong_clause(text, reading, scope, known, asked_at)
        or wrong_attribution(text, reading, scope, asked_at)
        or wrong_order(text, reading, cited, known, asked_at)
        or wrong_record(text, scope, asked_at)
        or unrelated(text, reading, scope)
    )


def _wrong_clause(
    text: str, reading: Reading, scope: Scope, known: frozenset[tuple[str, str]], asked_at: datetime
) -> str | None:
    """The first thing that a clause states and the lines about what it names do not bear."""
    whole = scope
    for start, end in clauses(text, reading, named_in(text, reading, known)):
        part = reading if (start, end) == (0, len(text)) else read(text[start:end], asked_at)
        if part is not reading and (start == 0 or part.names or named_in(text[start:end], part, known)):
            own = scope_of(text[start:end], part, scope.exhibits, known)
            scope = replace(own, eventful=whole.eventful)
        told = told_otherwise(text[start:end], scope)
        why = (
            wrong_quantity(part, told, asked_at)
            or _wrong_moment(part, told, asked_at)
            or wrong_point(part, told)
            or wrong_setting(text[start:end], part, told)
            or wrong_way(part, told)
            or wrong_state(text[start:end], told)
            or wrong_span(text[start:end], part, told)
            or wrong_denial(text[start:end], told)
        )
        if why:
            return why
    return None


def _wrong_moment(reading: Reading, scope: Scope, asked_at: datetime) -> str | None:
    told = (*scope.lines, *scope.eventful) if _ORDERED.search(reading.rest) else scope.lines
    everything = [one for line in told for one in line.reading.moments]
    happened = [one for line in told if not line.window for one in line.reading.moments]
    deployed = [one for line in scope.lines if line.event is Event.DEPLOY for one in line.reading.moments]
    for moment in reading.moments:
        held = happened if _SINCE.search(reading.rest, 0, moment.start) else everything
        held = deployed if deployed and _DEPLOYED_AT.search(reading.rest, 0, moment.start) else held
        if len(reading.moments) == 1 and _FIRST.search(reading.rest) and not reading.quantities:
            held = logged(reading.rest, "", scope.exhibits) or held
        present = moment.dated is False and _is_present(moment, asked_at)
        listed = told_at(moment, reading, scope) or lasts_since(moment, reading, scope)
        if not (present or listed) and not any(moment.meets(other) for other in held):
            return f"{moment.text} is not a time in {scope.ids}"
    return None


def _is_present(moment: Moment, asked_at: datetime) -> bool:
    return -moment.before <= asked_at - moment.time <= moment.after
