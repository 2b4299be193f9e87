"""Logs: the lines that services wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sre_bot.tools.several import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import LogAnswer, LogFilter, TimeWindow


class Logs(Source, Protocol):
    """A store of log lines. Raises SourceError."""

    async def lines(
        self, window: TimeWindow, wanted: LogFilter, *, limit: int, newest_first: bool = False
    ) -> LogAnswer:
        """The ``limit`` oldest (or newest) lines of the window that are wanted, in that order."""
        ...

    async def services(self, window: TimeWindow) -> Sequence[str]:
        """The services that wrote anything in the window or near it."""
        ...
