"""Lines of a window and of the one before it, of which there may be more than can be read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.incident import LogAnswer, LogLevel, TimeWindow
from sre_bot.signals.log_patterns import WILDCARD
from sre_bot.tools.gathering import all_failed, gathered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sre_bot.errors import SourceError
    from sre_bot.incident import LogFilter, LogLine
    from sre_bot.signals.log_patterns import LogPattern
    from sre_bot.tools.logs import Logs

MAX_LINES = 5_000
"""Lines read of a window; also what a Loki gives at most by default."""
SLICES = 8
"""Where there are more, as many are read from each of so many parts of the window."""
MAX_TRACED = 4
"""So many patterns of a sample are looked for in all the lines."""
SHORTEST, LONGEST = 8, 120
"""Characters of a pattern's own text by which its lines can be found."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """Lines of a window, and of the one of equal length before it.

    ``wanted`` is the filter in the end: where there were too many lines, only warnings and worse were read
    (``narrowed``), and where these were too many as well, a sample of them (``sampled``); ``total`` counts all lines
    of the window that pass the filter, where known.
    """

    now: tuple[LogLine, ...]
    before: tuple[LogLine, ...]
    wanted: LogFilter
    narrowed: bool = False
    sampled: bool = False
    total: int | None = None


def before(window: TimeWindow) -> TimeWindow:
    """The window of equal length that ends just before this one."""
    return TimeWindow(window.start - window.duration, window.start - _TICK)


async def read(
    sources: Sequence[Logs], window: TimeWindow, wanted: LogFilter
) -> tuple[list[Reading], list[SourceError]]:
    """What each source has, and the errors of those that could not be seen. Raises SourceError when none could."""
    readings, errors = await gathered(_read(source, window, wanted) for source in sources)
    if errors and not readings:
        raise all_failed(errors)
    return readings, errors


async def _read(source: Logs, window: TimeWindow, wanted: LogFilter) -> Reading:
    now, earlier = await _both(source, window, wanted)
    if not (now.truncated or earlier.truncated):
        return Reading(now.lines, earlier.lines, wanted, total=len(now.lines))
    if wanted.at_least is None or wanted.at_least.rank > LogLevel.WARNING.rank:
        bad = replace(wanted, at_least=LogLevel.WARNING)
        bad_now, bad_earlier = await _both(source, window, bad)
        if bad_now.truncated or bad_earlier.truncated:
            return await _sampled(source, window, bad, bad_now, narrowed=True)
        if bad_now.lines or bad_earlier.lines:
            return Reading(bad_now.lines, bad_earlier.lines, bad, narrowed=True, total=len(bad_now.lines))
    return await _sampled(source, window, wanted, now)


async def _sampled(
    source: Logs, window: TimeWindow, wanted: LogFilter, now: LogAnswer, *, narrowed: bool = False
) -> Reading:
    """A sample of both windows; ``now`` is what the window gave as a whole, which tells how many lines there are."""
    lines, earlier = await asyncio.gather(_sample(source, window, wanted), _sample(source, before(window), wanted))
    return Reading(lines, earlier, wanted, narrowed, sampled=True, total=now.total if now.truncated else len(now.lines))


async def _both(source: Logs, window: TimeWindow, wanted: LogFilter) -> tuple[LogAnswer, LogAnswer]:
    return await asyncio.gather(
        source.lines(window, wanted, limit=MAX_LINES), source.lines(before(window), wanted, limit=MAX_LINES)
    )


async def _sample(source: Logs, window: TimeWindow, wanted: LogFilter) -> tuple[LogLine, ...]:
    """The first lines of each part of the window."""
    part = window.duration / SLICES
    starts = [window.start + number * part for number in range(SLICES)]
    slices = [TimeWindow(start, max(start, start + part - _TICK)) for start in starts]
    answers = await asyncio.gather(*(source.lines(one, wanted, limit=MAX_LINES // SLICES) for one in slices))
    return tuple(line for answer in answers for line in answer.lines)


async def traced(
    sources: Sequence[Logs], window: TimeWindow, wanted: LogFilter, patterns: Iterable[LogPattern]
) -> list[LogPattern]:
    """Patterns of a sample, the first few bad ones with their true beginning and numbers.

    These are of all lines that contain the longest of the pattern's own texts.
    """
    patterns = list(patterns)
    chosen = [pattern for pattern in patterns if pattern.is_bad and pattern.count and own_text(pattern)][:MAX_TRACED]
    found = await asyncio.gather(*(_traced(sources, window, wanted, pattern) for pattern in chosen))
    known = dict(zip(map(id, chosen), found, strict=True))
    return [known.get(id(pattern), pattern) for pattern in patterns]


async def _traced(sources: Sequence[Logs], window: TimeWindow, wanted: LogFilter, pattern: LogPattern) -> LogPattern:
    those = replace(wanted, contains=own_text(pattern))
    nows, _ = await gathered(source.lines(window, those, limit=1) for source in sources)
    befores, errors = await gathered(source.lines(before(window), those, limit=1) for source in sources)
    firsts = [answer.lines[0].time for answer in nows if answer.lines]
    return replace(
        pattern,
        first=min([pattern.first, *firsts]),
        count=max(pattern.count, sum(map(_number, nows))),
        before=max(pattern.before, 0 if errors else sum(map(_number, befores))),
    )


def _number(answer: LogAnswer) -> int:
    return answer.total if answer.truncated and answer.total is not None else len(answer.lines)


def own_text(pattern: LogPattern) -> str:
    """The longest text of the template that all its lines have as it stands; "" when it is too short to find them."""
    texts = (text.strip()[:LONGEST] for text in pattern.template.split(WILDCARD))
    there = [text for text in texts if len(text) >= SHORTEST and text in pattern.example.message]
    return max(there, key=len, default="")
