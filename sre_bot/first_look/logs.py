"""What services complain about in their logs, newly or more than before, and since when to the second."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look.pace import window_of
from sre_bot.first_look.seen import Complaint
from sre_bot.incident import LogAnswer, LogFilter, LogLevel, TimeWindow
from sre_bot.signals.log_patterns import find_patterns, telling
from sre_bot.tools.log_reading import own_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sre_bot.first_look.asking import Asking
    from sre_bot.incident import Alert, LogLine
    from sre_bot.signals.log_patterns import LogPattern
    from sre_bot.signals.series import FloatArray
    from sre_bot.tools.logs import Logs

MIN_STRETCH = timedelta(hours=2)
"""So long is looked back at least: what is new can only be told by what was said before."""
MAX_LINES = 2_000
"""Lines read of a store; where there are more, as many are read from each of SLICES parts of the time."""
SLICES = 8
NEW, ROSE = 2.3, 7.0
"""What was not said before is new, and what was has risen, when that is so much likelier than a steady rate (natural
logarithm: ten times, a thousand times, as lines come in bursts)."""
MIN_ROSE = 3
"""So many lines make a rise at least …"""
SHORTEST = 60.0
"""… and their rate is that over so many seconds at least."""
MANY_SINGLE = 3
"""Where so many lines stood alone before, one more tells nothing."""
MAX_COMPLAINTS, MAX_TRACED = 12, 3
MAX_COMMON = 12
WANTED = LogFilter(at_least=LogLevel.WARNING)
IDS = ("trace", "span", "request", "correlation", "transaction")
"""Attributes of one line only: "in common" means nothing of them where there is but one line."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Logged:
    """What is logged newly or more, most alarming first, and the time that was looked at, None without an answer."""

    complaints: tuple[Complaint, ...] = ()
    window: TimeWindow | None = None


async def read_complaints(
    stores: Sequence[Logs], at: datetime, alerts: Collection[asyncio.Task[Sequence[Alert] | None]], asking: Asking
) -> Logged:
    """Read warnings and worse of some hours before ``at``, and find out which of them rose. Stores may be none."""
    if not stores:
        return Logged()
    stretch = TimeWindow(min(window_of(at, await asking.soon(alerts), None).start, at - MIN_STRETCH), at)
    answers = await asyncio.gather(*(_read(store, stretch, asking) for store in stores))
    told = [(store, *answer) for store, answer in zip(stores, answers, strict=True) if answer is not None]
    if not told:
        return Logged()
    lines = [line for _, lines, _ in told for line in lines]
    sampled = [store for store, _, is_sampled in told if is_sampled]
    work = asyncio.to_thread(_risen, lines, stretch, at_least=bool(sampled))
    found = await asking.ask(told[0][0].name, work, [])
    complaints = [one for one, _ in found[:MAX_COMPLAINTS]]
    if sampled:
        traced = [_traced(sampled, *pair, stretch, asking) for pair in found[:MAX_TRACED]]
        complaints[:MAX_TRACED] = await asyncio.gather(*traced)
    return Logged(tuple(complaints), stretch)


def _risen(lines: Sequence[LogLine], stretch: TimeWindow, *, at_least: bool) -> list[tuple[Complaint, LogPattern]]:
    """What rose, most alarming first. A single line is news only where single ones are not written all the time."""
    bad = [pattern for pattern in find_patterns(lines, ()) if pattern.is_bad]
    found = [(one, pattern) for pattern in bad if (one := complaint(pattern, stretch, at_least=at_least))]
    known = {id(pattern) for _, pattern in found}
    if sum(len(pattern.lines) == 1 and id(pattern) not in known for pattern in bad) >= MANY_SINGLE:
        found = [pair for pair in found if len(pair[1].lines) > 1]
    return sorted(found, key=lambda pair: (pair[0].level.rank, -pair[0].rise, pair[0].first))


async def _read(store: Logs, stretch: TimeWindow, asking: Asking) -> tuple[Sequence[LogLine], bool] | None:
    """Warnings and worse, and whether they are a sample; None when the store did not answer."""
    whole: LogAnswer | None = await asking.ask(store.name, store.lines(stretch, WANTED, limit=MAX_LINES), None)
    if whole is None or not whole.truncated:
        return None if whole is None else (whole.lines, False)
    part = stretch.duration / SLICES
    starts = [stretch.start + number * part for number in range(SLICES)]
    slices = [TimeWindow(start, start + part - _TICK) for start in starts]
    limit = MAX_LINES // SLICES
    asked = (asking.ask(store.name, store.lines(one, WANTED, limit=limit), LogAnswer(())) for one in slices)
    lines = [line for answer in await asyncio.gather(*asked) for line in answer.lines]
    number = f"{whole.total:,}" if whole.total is not None else f"more than {MAX_LINES:,}"
    asking.note(store.name, f"there are {number} warnings and errors: {len(lines):,} of them were read")
    return lines, True


async def _traced(
    stores: Sequence[Logs], one: Complaint, pattern: LogPattern, stretch: TimeWindow, asking: Asking
) -> Complaint:
    """A complaint found in a sample, with its true beginning: of lines that hold its text, since the part before."""
    text = own_text(pattern)
    if not (text and one.is_new):
        return one
    earlier = TimeWindow(max(stretch.start, one.first - 2 * stretch.duration / SLICES), one.first)
    wanted = replace(WANTED, contains=text)
    asked = (asking.ask(store.name, store.lines(earlier, wanted, limit=1), LogAnswer(())) for store in stores)
    found = [line.time for answer in await asyncio.gather(*asked) for line in answer.lines]
    return replace(one, first=min([one.first, *found]))


def complaint(pattern: LogPattern, stretch: TimeWindow, *, at_least: bool = False) -> Complaint | None:
    """A pattern of bad lines as a complaint, when it rose within the time looked at; None else. Pure."""
    if not pattern.is_bad:
        return None
    lines = pattern.lines
    times = np.array([line.time.timestamp() for line in lines])
    place, rise = _rise(times, stretch.start.timestamp(), stretch.end.timestamp())
    longest_gap = float(np.diff(times).max(initial=0.0))
    if rise < (ROSE if place else NEW) or (place == 0 and times[0] - stretch.start.timestamp() < longest_gap):
        return None  # that it was quiet before means nothing where it was quiet as long since
    since = lines[place:]
    worst = min(since, key=lambda line: line.level.rank)
    return Complaint(
        services=tuple(name for name, _ in Counter(line.service for line in since).most_common() if name),
        pattern=pattern.template,
        example=telling(worst.message),
        level=worst.level,
        first=since[0].time,
        last=since[-1].time,
        count=len(since),
        before=place,
        rise=rise,
        common=_common(since),
        at_least=at_least,
    )


def _rise(times: FloatArray, start: float, end: float) -> tuple[int, float]:
    """From which of the events on they come more often, and how much likelier that makes them than a steady rate.

    The change point of a Poisson process by maximum likelihood, where the rate grows.
    """
    number, length = len(times), max(end - start, SHORTEST)
    before = np.arange(number)
    after = number - before
    quiet, busy = np.clip(times - start, 1.0, None), np.clip(end - times, SHORTEST, None)
    gain = after * np.log(after / busy) - number * math.log(number / length)
    gain += np.where(before > 0, before * np.log(np.maximum(before, 1) / quiet), 0.0)
    gain[(after / busy <= before / quiet) | ((before > 0) & (after < MIN_ROSE))] = 0.0
    place = int(np.argmax(gain))
    return place, float(gain[place])


def _common(lines: Sequence[LogLine]) -> Mapping[str, str]:
    """The attributes that all lines have alike."""
    first, *rest = lines
    alike = [(key, v) for key, v in first.attributes.items() if all(one.attributes.get(key) == v for one in rest)]
    return dict([(key, v) for key, v in alike if rest or not key.lower().startswith(IDS)][:MAX_COMMON])
