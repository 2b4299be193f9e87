"""Metrics: what the tools ask of a Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sre_bot.tools.several import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sre_bot.incident import TimeWindow
    from sre_bot.signals.series import MetricMetadata, QueryResult, Rule


class Metrics(Source, Protocol):
    """A Prometheus, live or replayed. Every method raises SourceError."""

    async def query(self, promql: str, at: datetime) -> QueryResult:
        """Evaluate at one moment."""
        ...

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        """Evaluate over a window, every ``step`` (at most 11,000 points a series)."""
        ...

    async def label_sets(self, selectors: Sequence[str], window: TimeWindow, limit: int) -> Sequence[Mapping[str, str]]:
        """Label sets (with ``__name__``) of the series that match any of the selectors in the window.

        A Listing when some may be missing.
        """
        ...

    async def metadata(self) -> Mapping[str, MetricMetadata]:
        """Type, help and unit by metric name, as far as the targets tell."""
        ...

    def graph_url(self, promql: str, window: TimeWindow) -> str:
        """Where a human sees this query over this window."""
        ...


class Rules(Source, Protocol):
    """A Prometheus that tells its rules."""

    async def rules(self) -> Sequence[Rule]:
        """What it records and alerts on. Raises SourceError."""
        ...
