"""Traces: which way single requests went, and where they failed or lost their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sre_bot.tools.several import Source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sre_bot.incident import Span, TimeWindow, TraceHead


class Traces(Source, Protocol):
    """A store of traces. Raises SourceError."""

    async def search(
        self,
        window: TimeWindow,
        service: str,
        *,
        limit: int,
        failed: bool = False,
        longer_than: timedelta | None = None,
        route: str | None = None,
    ) -> Sequence[TraceHead]:
        """Up to ``limit`` traces, any of those that fit, in which the service has a span (``failed``: a failed one).

        Args:
            window: when they began.
            service: whose span they have.
            limit: of how many traces at most.
            failed: whether that span failed; False for any.
            longer_than: the whole trace took longer than this.
            route: the exact name of the root span.
        """
        ...

    async def spans(self, trace_id: str) -> Sequence[Span]:
        """All spans of a trace. Raises QueryRefusedError when there is no such trace."""
        ...
