"""Logs: the lines that services wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import LogAnswer, LogFilter, TimeWindow


class Logs(Protocol):
    """A store of log lines. Raises SourceError."""

    @property
    def name(self) -> str:
        """The source's configured name."""
        ...

    async def lines(
        self, window: TimeWindow, wanted: LogFilter, *, limit: int, newest_first: bool = False
    ) -> LogAnswer:
        """The ``limit`` oldest (or newest) lines of the window that are wanted, in that order."""
        ...

    async def services(self, window: TimeWindow) -> Sequence[str]:
        """The services that wrote anything in the window or near it."""
        ...
