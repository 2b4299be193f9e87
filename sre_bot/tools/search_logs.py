"""The tool ``search_logs``: what services say, as patterns with counts, and which of them are new."""

from __future__ import annotations

import asyncio
import difflib
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sre_bot.incident import LogFilter, LogLevel, TimeWindow
from sre_bot.investigation import Observation
from sre_bot.signals.log_patterns import find_patterns, first_bad
from sre_bot.tools.gathering import gathered, missing, unseen
from sre_bot.tools.log_reading import MAX_LINES, before, read, traced
from sre_bot.tools.schema import ShortText  # noqa: TC001 - pydantic reads annotations at run time
from sre_bot.tools.several import BY_ENVIRONMENT, OneOfSeveral, choice, others, source_in, those
from sre_bot.tools.text import estimated_tokens, quoted, stamp
from sre_bot.tools.tool import Arguments, Tool
from sre_bot.tools.window import WindowArguments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.incident import LogLine
    from sre_bot.signals.log_patterns import LogPattern
    from sre_bot.tools.log_reading import Reading
    from sre_bot.tools.logs import Logs
    from sre_bot.tools.window import AskedWindow

DEFAULT_WINDOW = timedelta(hours=1)
MAX_TOKENS = 1_150
"""So much an answer costs at most."""
MAX_TEMPLATE, MAX_MESSAGE, MAX_VALUE, MAX_ATTRIBUTE = 240, 200, 30, 80
MAX_PLACES, MAX_VALUES, MAX_ATTRIBUTES, MAX_SERVICES = 4, 3, 6, 3
MAX_NAMED, LIKE = 15, 0.6
"""Services named where one was not found, and how alike a name must be to be among the first."""

DESCRIPTION = (
    "Log lines as patterns with counts against the window before (new, grown, gone), first and last time and examples; "
    "new errors first. Level means so bad or worse. Use it to see what services say is wrong and since when."
)


class LogArguments(Arguments):
    """Arguments of ``search_logs``: a window as other tools take it, but by fewer words."""

    last: Annotated[str | None, Field(description="default 1h")] = None
    end: str | None = None
    service: ShortText | None = None
    contains: ShortText | None = None
    level: Literal["error", "warning", "info"] | None = None

    def window(self, at: datetime) -> AskedWindow:
        """The window as of ``at``. Raises BadInputError when it cannot be read."""
        return WindowArguments(last=self.last, end=self.end).window(at, DEFAULT_WINDOW)

    @property
    def wanted(self) -> LogFilter:
        """The lines that are meant."""
        return LogFilter(self.service or None, self.contains or None, LogLevel(self.level) if self.level else None)


class LogArgumentsOfSeveral(LogArguments, OneOfSeveral):
    """The same with a choice."""


def search_logs(known: Sequence[Logs]) -> Tool[LogArguments]:
    """The tool over stores of logs, at least one."""

    async def ask(arguments: LogArguments, at: datetime) -> Observation:
        asked, wanted = arguments.window(at), arguments.wanted
        sources = those(known, source_in(arguments))
        readings, errors = await read(sources, asked.window, wanted)
        now = [line for reading in readings for line in reading.now]
        earlier = [line for reading in readings for line in reading.before]
        if not now and not earlier:
            sentence = await _why_nothing(sources, asked.window, wanted)
            content = "\n".join([f"{asked}: {sentence}", *unseen(errors), *others(known, sources)])
            return Observation(f"Logs{_about(wanted)}: {quoted(sentence, 200)}", content, missing=missing(errors))
        patterns = await asyncio.to_thread(find_patterns, now, earlier)
        if any(reading.sampled for reading in readings):
            patterns = tuple(await traced(sources, asked.window, readings[0].wanted, patterns))
        notes = [*_limits(readings, asked.window.end), *unseen(errors), *others(known, sources)]
        head = [f"{asked}{_about(wanted)}: {_counts(readings, patterns)}.", *notes]
        content = _told(head, patterns, asked)
        summary = f"Logs{_about(wanted)}: {_counts(readings, patterns)}{_headline(patterns, asked.window.end)}"
        return Observation(summary, content, missing=missing(errors))

    kind = LogArguments if len(known) == 1 else LogArgumentsOfSeveral
    names = tuple(source.name for source in known)
    return Tool("search_logs", DESCRIPTION + choice(known, BY_ENVIRONMENT), kind, ask, names)


def _about(wanted: LogFilter) -> str:
    parts = [f" of {quoted(wanted.service, 60)}"] if wanted.service else []
    parts += [f' with "{quoted(wanted.contains, 80)}"'] if wanted.contains else []
    parts += [f" at least {wanted.at_least}"] if wanted.at_least else []
    return ",".join(parts)


def _counts(readings: Sequence[Reading], patterns: Sequence[LogPattern]) -> str:
    earlier = sum(len(reading.before) for reading in readings)
    told = sum(len(reading.now) if reading.total is None else reading.total for reading in readings)
    sampled = any(reading.sampled for reading in readings)
    ago = "" if sampled else f" ({earlier} in the window before)"
    return f"{told}{'+' if sampled else ''} lines{ago} in {len(patterns)} patterns"


def _limits(readings: Sequence[Reading], end: datetime) -> list[str]:
    """What to bear in mind about these lines."""
    notes = []
    if any(reading.narrowed for reading in readings):
        notes.append(f"There are more than {MAX_LINES} lines: only warnings and worse were read.")
    if any(reading.sampled for reading in readings):
        notes.append("Read in samples from all over the window: counts are at least so many. Ask a shorter window.")
    last = max((line.time for reading in readings for line in reading.before), default=None)
    if last is None:
        notes.append("The window before has no such lines at all, so that new says little.")
    elif not any(reading.now for reading in readings):
        notes.append(f"No such lines in this window: the last was at {stamp(last, end)}.")
    return notes


def _headline(patterns: Sequence[LogPattern], end: datetime) -> str:
    first = first_bad(patterns)
    return "" if first is None else f"; first new {first.level} {stamp(first.first, end)}"


def _told(head: Sequence[str], patterns: Sequence[LogPattern], asked: AskedWindow) -> str:
    """The head and as many patterns as the answer has room for."""
    end = asked.window.end
    lines = list(head)
    first = first_bad(patterns)
    if first is not None:
        who = f" {quoted(first.services[0], 60)}" if first.services else ""
        lines.append(f"First new {first.level}: {stamp(first.first, end)}{who}: {quoted(first.template, 120)}")
    for number, pattern in enumerate(patterns):
        more = [*lines, *_lines(pattern, end)]
        if estimated_tokens("\n".join(more)) > MAX_TOKENS:
            rest = patterns[number:]
            count = sum(one.count for one in rest)
            lines.append(f"+{len(rest)} more patterns ({count} lines): ask with service, contains or level.")
            break
        lines = more
    return "\n".join(lines)


def _lines(pattern: LogPattern, end: datetime) -> list[str]:
    level = "no level" if pattern.level is LogLevel.UNKNOWN else pattern.level.upper()
    services = ", ".join(quoted(name, 60) for name in pattern.services[:MAX_SERVICES])
    services += f" +{len(pattern.services) - MAX_SERVICES}" if len(pattern.services) > MAX_SERVICES else ""
    when = f"{stamp(pattern.first, end)} to {stamp(pattern.last, end)}"
    told = [f"- {level} {_change(pattern)}, {when}, {services}: {quoted(pattern.template, MAX_TEMPLATE)}"]
    if pattern.values:
        told.append("  <*>: " + "; ".join(_values(values) for values in pattern.values[:MAX_PLACES]))
    return [*told, *_example(pattern, end)]


def _change(pattern: LogPattern) -> str:
    if not pattern.count:
        return f"gone ({pattern.before} before)"
    if pattern.is_new:
        return f"new ×{pattern.count}"
    return f"{pattern.count} (×{pattern.count / pattern.before:.2g}, {pattern.before} before)"


def _values(values: Sequence[str]) -> str:
    shown = ", ".join(quoted(value, MAX_VALUE) for value in values[:MAX_VALUES])
    return shown + (" …" if len(values) > MAX_VALUES else "")


def _example(pattern: LogPattern, end: datetime) -> list[str]:
    """An example line, as far as it says more than the template."""
    line = pattern.example
    says_more = (pattern.values and pattern.is_bad) or len(line.message.splitlines()) > 1
    parts = [quoted(line.message, MAX_MESSAGE)] if says_more else []
    parts += [f"{{{_attributes(line)}}}"] if pattern.is_bad and line.attributes else []
    when = f" {stamp(line.time, end)}" if line.time != pattern.first else ""
    return [f"  e.g.{when} {' '.join(parts)}"] if parts else []


def _attributes(line: LogLine) -> str:
    shown = [f"{quoted(key, 40)}={quoted(value, MAX_ATTRIBUTE)}" for key, value in line.attributes.items()]
    return ", ".join(shown[:MAX_ATTRIBUTES])


async def _why_nothing(sources: Sequence[Logs], window: TimeWindow, wanted: LogFilter) -> str:
    """Whether the service logs at all, when none of its lines was found here or in the window before."""
    wide = TimeWindow(before(window).start, window.end)
    if wanted.service is not None:
        anything = LogFilter(wanted.service)
        answers, _ = await gathered(source.lines(wide, anything, limit=1, newest_first=True) for source in sources)
        latest = max((line.time for answer in answers for line in answer.lines), default=None)
        if latest is not None:
            name = quoted(wanted.service, 60)
            return f"{name} logs (last line {stamp(latest, window.end)}), but no line fits contains and level."
    found, _ = await gathered(source.services(wide) for source in sources)
    return _who_logs(sorted({name for names in found for name in names}), wanted)


def _who_logs(services: Sequence[str], wanted: LogFilter) -> str:
    if wanted.service is None:
        return f"no line fits. Services that log: {_named(services)}."
    name = quoted(wanted.service, 60)
    if wanted.service in services:
        return f"{name} wrote no line, nor in the window before; it is known to log, so it may not be running."
    similar = difflib.get_close_matches(wanted.service, services, cutoff=LIKE)
    named = _named(list(dict.fromkeys([*similar, *services])))
    return f"no lines of {name}, nor in the window before: no service of that name logs. Those that do: {named}."


def _named(services: Sequence[str]) -> str:
    shown = ", ".join(quoted(name, 60) for name in services[:MAX_NAMED]) or "none"
    return shown + (f" +{len(services) - MAX_NAMED}" if len(services) > MAX_NAMED else "")
