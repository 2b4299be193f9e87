"""Whether a state or a level lasts since a moment (``flat since 14:00``, ``full since about 10:19``). Pure.

Neither is an event then: what is flat is so from where one looks, and a level is there from where its points reach it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree
from sre_bot.agent.points import listed
from sre_bot.agent.quantities import ABOUT

if TYPE_CHECKING:
    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_SINCE = r"(?: [a-z]{2,20}){0,3} (?:since|from) (?P<about>about |around |roughly |~ ?)?$"
_FLAT = re.compile(rf"\b(?:flat|steady|stable|constant|unchanged){_SINCE}", re.IGNORECASE)
_FULL = re.compile(rf"\b(?:full|saturated|exhausted|maxed out|at its (?:top|maximum|ceiling)){_SINCE}", re.IGNORECASE)
_AT = re.compile(_SINCE, re.IGNORECASE)
_NEAR = timedelta(minutes=1)
"""How far off ``about 10:19`` may be."""


def lasts_since(moment: Moment, reading: Reading, scope: Scope) -> bool:
    """Whether the evidence has what the claim says to last since a moment from that moment on."""
    before = reading.rest[: moment.start]
    if _FLAT.search(before):
        return _is_looked_at_from(moment, scope)
    full, at = _FULL.search(before), _AT.search(before)
    slack = _NEAR if at and at["about"] else timedelta()
    if full:
        return any(_is_at_top(moment, line, slack) for line in scope.lines)
    levels = [one for one in reading.quantities if not one.change and _AT.fullmatch(before, one.end)]
    return any(_stays_at(one, moment, line, slack) for one in levels for line in scope.lines)


def _is_looked_at_from(moment: Moment, scope: Scope) -> bool:
    """Whether a window that was looked at begins then, and what was seen in it is flat."""
    flat = {exhibit.id for exhibit in scope.exhibits if any(line.state == "flat" for line in exhibit.lines)}
    begins = (
        line.reading.moments[0]
        for exhibit in scope.exhibits
        for line in exhibit.lines
        if exhibit.id in flat and line.window and line.reading.moments
    )
    return any(moment.meets(one) for one in begins)


def _is_at_top(moment: Moment, line: Line, slack: timedelta) -> bool:
    """Whether a series reaches its highest value then, and keeps it."""
    step, points = listed(line)
    if not points:
        return False
    top = max((one for _, one in points), key=lambda one: one.middle)
    below = [time for time, one in points if not agree(top, one)]
    exactly = next(time for time, one in points if one.middle == top.middle)
    if not below or below[-1] >= exactly:
        return False
    return below[-1] - moment.before - slack <= moment.time <= exactly + step + moment.after + slack


def _stays_at(level: Quantity, moment: Moment, line: Line, slack: timedelta) -> bool:
    """Whether a series has a level then, not long before, and stays near it."""
    step, points = listed(line)
    after = [one for time, one in points if time >= moment.time + moment.after + step + slack]
    before = [one for time, one in points if time <= moment.time - moment.before - step - slack]
    near = [abs(one.middle - level.middle) <= ABOUT * abs(level.middle) for one in (*after, *before[-1:])]
    return bool(after) and all(near[: len(after)]) and not any(near[len(after) :])
