"""Alerts: what fires, what is silenced, what fired before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import Alert, TimeWindow


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """As configured."""
        ...


class CurrentAlerts(Named, Protocol):
    """An Alertmanager: it knows the present only. Raises SourceError."""

    async def current(self) -> Sequence[Alert]:
        """All alerts it holds now: firing, silenced and inhibited; a Listing when some may be missing."""
        ...

    def alerts_url(self) -> str:
        """Where a human sees them."""
        ...


class AlertHistory(Named, Protocol):
    """What fired in a window, e.g. from Prometheus' ``ALERTS``. Raises SourceError."""

    async def history(self, window: TimeWindow) -> Sequence[Alert]:
        """Episodes of alerts that fired or were pending in the window, each with its start and, if over, its end.

        A Listing when some may be missing.
        """
        ...
