"""Links into Grafana's Explore show the query and the window that a graph shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from sre_bot.incident import TimeWindow
from sre_bot.investigation import Link, Observation
from sre_bot.render.safe import is_allowed
from sre_bot.sources.grafana import TITLE, Explore
from sre_bot.sources.prometheus import PrometheusSource

WINDOW = TimeWindow.before(datetime(2026, 11, 22, 3, 14, 7, tzinfo=UTC), timedelta(minutes=30))
QUERY = 'sum by (service) (rate(http_requests_total{status=~"5..", path!="a&b"}[1m])) > 0.05'
EXPLORE = Explore("https://grafana.example.com/g/", {"http://prometheus.internal:9090/p": "uid1"}, organisation=3)


async def graph(url: str = "http://prometheus.internal:9090/p") -> Link:
    source = PrometheusSource(url, name="prometheus")
    try:
        return Link("graph", source.graph_url(QUERY, WINDOW))
    finally:
        await source.aclose()


async def test_a_graph_gets_a_link_beside_it_to_the_same_query_and_window() -> None:
    first, second = EXPLORE.observation(Observation("", "", links=(await graph(),))).links
    assert first == await graph()
    assert second.title == TITLE
    address = urlsplit(second.url)
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://grafana.example.com/g/explore"
    asked = parse_qs(address.query)
    assert (asked["schemaVersion"], asked["orgId"]) == (["1"], ["3"])
    (pane,) = json.loads(asked["panes"][0]).values()
    assert pane["datasource"] == "uid1"
    assert pane["queries"][0]["expr"] == QUERY
    assert pane["range"] == {
        "from": str(int(WINDOW.start.timestamp() * 1000)),
        "to": str(int(WINDOW.end.timestamp() * 1000)),
    }


async def test_the_link_may_be_posted() -> None:
    _, link = EXPLORE.observation(Observation("", "", links=(await graph(),))).links
    assert is_allowed(link.url, {"grafana.example.com"})


async def test_the_prometheus_is_known_however_its_address_is_spelt() -> None:
    spelt = {"http://reader:hunter22@Prometheus.internal:80/p/": "uid2"}
    seen = Observation("", "", links=(await graph("http://prometheus.internal/p"),))
    assert [link.title for link in Explore("https://grafana.example.com", spelt).observation(seen).links] == [
        "graph",
        TITLE,
    ]


async def test_what_is_no_graph_of_a_known_prometheus_gets_none() -> None:
    commit = Link("commit", "https://git.example.com/graph?x")
    broken = Link("graph", "http://prometheus.internal:9090/p/graph?g0.expr=up&g0.range_input=1h")
    strange = await graph("http://elsewhere:9090")
    links = (commit, broken, strange)
    assert EXPLORE.observation(Observation("", "", links=links)).links == links
