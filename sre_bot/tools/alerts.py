"""Alerts: what fires, what is silenced, what fired before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import Alert, TimeWindow


class CurrentAlerts(Protocol):
    """An Alertmanager: it knows the present only. Raises SourceError."""

    @property
    def name(self) -> str:
        """The source's configured name."""
        ...

    async def current(self) -> Sequence[Alert]:
        """All alerts it holds now: firing, silenced and inhibited."""
        ...

    def alerts_url(self) -> str:
        """Where a human sees them."""
        ...


class AlertHistory(Protocol):
    """What fired in a window, e.g. from Prometheus' ``ALERTS``. Raises SourceError."""

    @property
    def name(self) -> str:
        """The source's configured name."""
        ...

    async def history(self, window: TimeWindow) -> Sequence[Alert]:
        """Episodes of alerts that fired or were pending in the window, each with its start and, if over, its end."""
        ...
