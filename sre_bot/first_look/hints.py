"""What matters here, as those who wrote the alerts know: the metrics that their rules watch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sre_bot.errors import SourceError
from sre_bot.tools.promql import Threshold, metrics_in, threshold_in

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sre_bot.signals.series import Rule
    from sre_bot.tools.metrics import Rules

MAX_RULES = 500
"""So many alerts' expressions are read, a tenth of a millisecond each."""
MAX_DEPTH = 4
"""Recorded metrics are made of recorded metrics, but not for ever."""


async def rules_of(source: Rules | None, patience: float) -> Sequence[Rule]:
    """The rules of a Prometheus; none if it tells none in time: they are hints, and nothing is unseen without them."""
    if source is None:
        return ()
    try:
        async with asyncio.timeout(patience):
            return await source.rules()
    except (SourceError, TimeoutError):
        return ()


def watched(rules: Sequence[Rule], firing: Collection[str]) -> frozenset[str]:
    """The metrics that the alerts which fire watch, or all alerts where none of these is known. Pure.

    Metrics that other rules record are followed to those that they are made of.
    """
    alerts = [rule for rule in rules if rule.alerts]
    meant = [rule for rule in alerts if rule.name in firing] or alerts
    recorded = {rule.name: rule.expression for rule in rules if not rule.alerts}
    found = frozenset[str]().union(*(metrics_in(rule.expression) for rule in meant[:MAX_RULES]))
    for _ in range(MAX_DEPTH):
        made = found & recorded.keys()
        if not made:
            break
        found = (found - made).union(*(metrics_in(recorded[name]) - {name} for name in made))
    return found


def thresholds(rules: Sequence[Rule], firing: Collection[str]) -> tuple[Threshold, ...]:
    """Beyond what the alerts which fire do so, where their rules say it plainly. Pure."""
    meant = [rule for rule in rules if rule.alerts and rule.name in firing][:MAX_RULES]
    return tuple(dict.fromkeys(found for rule in meant if (found := threshold_in(rule.expression)) is not None))
