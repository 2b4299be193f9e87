"""The window a model asks about, as text arguments, cut at the investigation's present."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from sre_bot.errors import BadInputError
from sre_bot.incident import TimeWindow, utc
from sre_bot.tools.tool import Arguments

MAX_WINDOW = timedelta(days=31)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_MOMENT = "RFC 3339 or HH:MM[:SS], UTC"
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d+[smhdw])+")
_CLOCK_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?Z?")


class WindowArguments(Arguments):
    """Arguments of a tool that looks at a window: ``start`` to ``end``, or the ``last`` so much before ``end``."""

    last: Annotated[str | None, Field(description="length of the window before end, e.g. 90m or 6h")] = None
    start: Annotated[str | None, Field(description=f"instead of last; {_MOMENT}")] = None
    end: Annotated[str | None, Field(description=f"default now; {_MOMENT}")] = None

    def window(self, at: datetime, default: timedelta) -> AskedWindow:
        """The window as of ``at``, ``default`` long when nothing else is said.

        Raises:
            BadInputError: when it cannot be read, is empty, longer than MAX_WINDOW or lies after ``at``.
        """
        end = _moment(self.end, at) if self.end else at
        start = _moment(self.start, at) if self.start else end - (_length(self.last) if self.last else default)
        if self.start and self.last:
            raise BadInputError("give either last or start, not both")
        if start >= min(end, at):
            raise BadInputError(
                f"the window {start:%Y-%m-%d %H:%M:%S}Z to {end:%Y-%m-%d %H:%M:%S}Z is empty or lies after the present "
                f"of this investigation, {at:%Y-%m-%d %H:%M:%S}Z"
            )
        if min(end, at) - start > MAX_WINDOW:
            raise BadInputError(f"the window is longer than {MAX_WINDOW.days} days")
        return AskedWindow(TimeWindow(start, min(end, at)), cut=end > at)


@dataclass(frozen=True, slots=True)
class AskedWindow:
    """A window; ``cut`` when it was asked for beyond the investigation's present and ends there instead."""

    window: TimeWindow
    cut: bool

    @property
    def note(self) -> str:
        """What the answer has to say about it, "" when nothing."""
        return f" (cut at {self.window.end:%H:%M:%S}, the present of this investigation)" if self.cut else ""

    def __str__(self) -> str:
        start, end = self.window.start, self.window.end
        until = f"{end:%H:%M:%S}Z" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M:%S}Z"
        return f"{start:%Y-%m-%d %H:%M:%S} to {until}{self.note}"


def _length(text: str) -> timedelta:
    if not _DURATION.fullmatch(text):
        raise BadInputError(f"last={text!r} is no length of time: write it like 30m, 6h or 1d12h")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text[:40]))
    return timedelta(seconds=min(seconds, 2 * MAX_WINDOW.total_seconds()))


def _moment(text: str, at: datetime) -> datetime:
    """A moment, in UTC."""
    try:
        moment = at if text.strip().lower() == "now" else _read(text.strip(), at)
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"{text!r} is no moment: write it as {_MOMENT}, e.g. {at:%Y-%m-%dT%H:%M:%SZ}") from error
    if moment < _EARLIEST:
        raise BadInputError(f"{text!r} is too far back")
    return moment


def _read(text: str, at: datetime) -> datetime:
    """A bare time of day is today's, or yesterday's when today's is still more than an hour away."""
    clock = _CLOCK_TIME.fullmatch(text)
    if clock is None:
        return utc(datetime.fromisoformat(text))
    hour, minute, second = (int(part or 0) for part in clock.groups())
    today = at.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return today if today <= at + timedelta(hours=1) else today - timedelta(days=1)
