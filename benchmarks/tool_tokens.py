"""What tools cost a model, in estimated tokens: their definitions, and an answer of eight series of 300 points.

The estimate is ``sre_bot.tools.text.estimated_tokens``, which errs on the high side. Run
``.venv/bin/python benchmarks/tool_tokens.py``.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.incident import TimeWindow
from sre_bot.signals.series import QueryResult, Series
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.list_changes import list_changes
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sre_bot.signals.series import MetricMetadata

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SERIES, POINTS, STEP = 8, 300, timedelta(seconds=15)
QUERY = "sum by (service, code, instance) (rate(http_requests_total[5m]))"


class Rates:
    """Request rates of eight instances, half of which step up 20 minutes before the end."""

    name = "prometheus"
    environment = None

    async def query(self, promql: str, at: datetime) -> QueryResult:
        """The last values."""
        return await self.query_range(promql, TimeWindow(at, at), STEP)

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:  # noqa: ARG002 -- one query
        """Values at every step of the window."""
        times = np.arange(window.start.timestamp(), window.end.timestamp() + 1, step.total_seconds())
        return QueryResult(tuple(_series(number, times) for number in range(SERIES)))

    async def label_sets(self, selectors: Sequence[str], window: TimeWindow, limit: int) -> Sequence[Mapping[str, str]]:  # noqa: ARG002 -- there is data
        """None."""
        return ()

    async def metadata(self) -> Mapping[str, MetricMetadata]:
        """None."""
        return {}

    def graph_url(self, promql: str, window: TimeWindow) -> str:  # noqa: ARG002 -- nobody follows it
        """Anywhere."""
        return "http://127.0.0.1:9090/graph"


def _series(number: int, times: NDArray[np.float64]) -> Series:
    noise = np.random.default_rng(number).normal(size=len(times))
    late = times > AT.timestamp() - 20 * 60
    labels = {"service": "checkout", "code": str(500 + number), "instance": f"10.0.{number}.17:8080"}
    return Series(labels, times, 123.4 + 7 * noise + (number % 2) * 80 * late)


def points_in_full(series: Iterable[Series]) -> str:
    """The same answer as an API would give it: every point of every series."""
    listed = ({**one.labels, "values": list(zip(one.times, one.values.round(2), strict=True))} for one in series)
    return json.dumps(list(listed))


async def main() -> None:
    """Ask once and print the table."""
    toolbox = Toolbox(
        [query_metrics([Rates()]), find_metrics([Rates()]), list_alerts([], [], made_at=AT), list_changes([], [])], AT
    )
    length = POINTS * STEP
    facts = await toolbox.look("query_metrics", {"query": QUERY, "last": f"{length.total_seconds():.0f}s"})
    full = points_in_full((await Rates().query_range(QUERY, TimeWindow.before(AT, length), STEP)).series)
    rows = [(f"definition of {tool['name']}", estimated_tokens(json.dumps(tool))) for tool in toolbox.definitions]
    rows += [
        ("definitions, all", estimated_tokens(json.dumps(list(toolbox.definitions)))),
        (f"{SERIES} series x {POINTS} points, as facts", estimated_tokens(facts.content)),
        (f"{SERIES} series x {POINTS} points, in full", estimated_tokens(full)),
    ]
    for what, tokens in rows:
        print(f"{what:<40} {tokens:>8,}")
    print(f"\n{facts.content}")


if __name__ == "__main__":
    asyncio.run(main())
