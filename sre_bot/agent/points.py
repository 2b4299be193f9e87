"""What a series was at a moment, by points that are listed (``points of api from 11:40:00 every 30s: 1,2``). Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.agent.arithmetic import agree
from sre_bot.agent.quantities import Dimension, quantities

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.agent.scope import Scope

_POINTS = re.compile(r"points of .{1,200} every (\d{1,6})s: (.+)")
_AT = re.compile(r"\bat $", re.IGNORECASE)
_AT_ONCE = re.compile(r"(?: [a-z]{2,20}){0,3} at ")


def told_at(moment: Moment, reading: Reading, scope: Scope) -> tuple[Quantity, tuple[Quantity, ...]] | None:
    """What the claim says that a series was at a moment, and the points around it; None where either is not told."""
    stated = _stated(moment, reading)
    if stated is None:
        return None
    lines = [line for line in scope.lines if _POINTS.match(line.text) and line.reading.moments]
    listed = [one for line in lines for one in _around(moment, line)]
    return (stated, tuple(listed)) if len(lines) == 1 and listed else None


def wrong_point(reading: Reading, scope: Scope) -> str | None:
    """The first value that a claim tells of a moment, and a series did not have around then."""
    for moment in reading.moments:
        told = told_at(moment, reading, scope)
        if told and not any(agree(told[0], one) for one in told[1]):
            return f"{scope.ids} has {told[1][0].text} at {moment.text}"
    return None


def _stated(moment: Moment, reading: Reading) -> Quantity | None:
    """The value right before ``at 03:10``, or the only one of the claim."""
    if not _AT.search(reading.rest, 0, moment.start):
        return None
    values = [one for one in reading.quantities if one.dimension is not Dimension.SECONDS and not one.change]
    near = [one for one in values if _AT_ONCE.fullmatch(reading.rest, one.end, moment.start)]
    if near:
        return near[-1]
    return values[0] if len(reading.quantities) == len(reading.moments) == len(values) == 1 else None


def listed(line: Line) -> tuple[timedelta, list[tuple[datetime, Quantity]]]:
    """The step and the points that a line lists; none where it lists none."""
    match = _POINTS.match(line.text)
    if match is None or not line.reading.moments:
        return timedelta(), []
    step, start = timedelta(seconds=int(match[1])), line.reading.moments[0].time
    points = ((start + index * step, text) for index, text in enumerate(match[2].split(",")))
    return step, [(time, one) for time, text in points for one in quantities(text, exact=True)]


def _around(moment: Moment, line: Line) -> Iterator[Quantity]:
    """The points from a step before a moment to a step after it."""
    step, points = listed(line)
    yield from (one for time, one in points if moment.time - step <= time <= moment.time + moment.after + step)
