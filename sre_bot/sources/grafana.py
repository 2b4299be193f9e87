"""Links into Grafana's Explore, beside those to Prometheus' own graphs. Nothing is asked of Grafana."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

from sre_bot.incident import TimeWindow
from sre_bot.investigation import Link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sre_bot.investigation import Answer, Observation

TITLE = "explore in Grafana"
SCHEMA_VERSION = 1
"""Of the addresses that Explore reads (https://grafana.com/docs/grafana/latest/explore/get-started-with-explore/)."""


@dataclass(frozen=True, slots=True)
class Explore:
    """Grafana's Explore.

    Attributes:
        url: of Grafana, as people open it.
        datasources: uids of data sources by the addresses that people open of the Prometheus whose data each holds.
        organisation: number of Grafana's organisation.
    """

    url: str
    datasources: Mapping[str, str]
    organisation: int = 1

    def answer(self, answer: Answer) -> Answer:
        """The answer, with links into Explore in its evidence."""
        evidence = (replace(one, observation=self.observation(one.observation)) for one in answer.evidence)
        return replace(answer, evidence=tuple(evidence))

    def observation(self, observation: Observation) -> Observation:
        """The observation, with a link into Explore after each link to a graph."""
        return replace(observation, links=tuple(self._beside(observation.links)))

    def query_url(self, promql: str, window: TimeWindow, datasource: str) -> str:
        """Where a human explores this query over this window."""
        source = {"type": "prometheus", "uid": datasource}
        query = {"refId": "A", "expr": promql, "range": True, "datasource": source}
        span = {"from": _milliseconds(window.start), "to": _milliseconds(window.end)}
        panes = {"sre": {"datasource": datasource, "queries": [query], "range": span}}
        written = quote(json.dumps(panes, separators=(",", ":")), safe="")
        address = f"{self.url.rstrip('/')}/explore?schemaVersion={SCHEMA_VERSION}"
        return f"{address}&orgId={self.organisation}&panes={written}"

    def _beside(self, links: tuple[Link, ...]) -> Iterator[Link]:
        for link in links:
            yield link
            base, graph, _ = link.url.partition("/graph?")
            known = {_place(url): uid for url, uid in self.datasources.items()}
            datasource = known.get(_place(base)) if graph else None
            if datasource and (shown := _shown(link.url)):
                yield Link(TITLE, self.query_url(*shown, datasource))


def _place(url: str) -> tuple[str, str]:
    """Host and path, however the address is spelt: links carry no login, and no port that is the scheme's."""
    parts = urlsplit(url)
    host = parts.netloc.lower().rpartition("@")[2].removesuffix(":443" if parts.scheme == "https" else ":80")
    return host, parts.path.rstrip("/")


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def _shown(graph: str) -> tuple[str, TimeWindow] | None:
    """The query and the window of a link that `PrometheusSource.graph_url` made."""
    asked = parse_qs(urlsplit(graph).query)
    try:
        promql, span, end = (asked[key][0] for key in ("g0.expr", "g0.range_input", "g0.end_input"))
        until = datetime.strptime(end, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return promql, TimeWindow.before(until, timedelta(seconds=int(span.removesuffix("s"))))
    except (KeyError, ValueError):
        return None
