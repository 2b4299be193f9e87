"""The tools over a real Prometheus and a past incident: what a model would read."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
import pytest_asyncio

from sre_bot.servers import PrometheusServer, backfill
from sre_bot.sources.prometheus import PrometheusSource
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.tool import Toolbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

AT = datetime(2020, 1, 1, 12, tzinfo=UTC)
ONSET = AT - timedelta(minutes=20)
STEP = 15


def counted(series: str, before: float, after: float) -> Iterator[str]:
    """A counter over three hours that grows by so much a second, before and after the onset."""
    rng = np.random.default_rng(0)
    total = 0
    for moment in np.arange((AT - timedelta(hours=3)).timestamp(), AT.timestamp() + 1, STEP):
        total += rng.poisson(STEP * (before if moment < ONSET.timestamp() else after))
        yield f"{series} {total} {moment:.0f}"


def firing(labels: str) -> Iterator[str]:
    for moment in np.arange((ONSET + timedelta(minutes=5)).timestamp(), AT.timestamp() + 1, STEP):
        yield f'ALERTS{{{labels},alertstate="firing"}} 1 {moment:.0f}'


SHOP = "\n".join(
    [
        "# TYPE http_requests counter",
        *counted('http_requests_total{service="checkout",code="200"}', 50, 50),
        *counted('http_requests_total{service="checkout",code="500"}', 0.1, 8),
        "# TYPE ALERTS gauge",
        *firing('alertname="CheckoutErrors",service="checkout",severity="page"'),
        "# EOF\n",
    ]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus_url(prometheus_installed: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    await backfill(SHOP, folder)
    async with PrometheusServer(folder) as running:
        yield running.url


@pytest.fixture
async def box(prometheus_url: str) -> AsyncIterator[Toolbox]:
    async with aclosing(PrometheusSource(prometheus_url)) as source:
        yield Toolbox(
            [query_metrics([source]), find_metrics([source]), list_alerts([], [source], made_at=datetime.now(UTC))], AT
        )


@pytest.mark.real
class TestReal:
    async def test_the_errors_come_first_with_their_onset_though_a_rate_window_smears_it(self, box: Toolbox) -> None:
        seen = await box.look("query_metrics", {"query": "sum by (code) (rate(http_requests_total[5m]))"})
        first, second = seen.content.splitlines()[1:]
        assert first.startswith("code=500: ")
        assert "; step 11:" in first
        assert second.startswith("code=200: ")
        (onset,) = seen.charts[0].marks
        assert abs(onset.time - ONSET.timestamp()) <= 120

    async def test_discovery_knows_the_counter_and_its_labels(self, box: Toolbox) -> None:
        seen = await box.look("find_metrics", {"service": "checkout", "name": "requests"})
        assert "http_requests_total (type unknown, requests, 2 series) {code=200|500, service=checkout}" in seen.content

    async def test_no_data_names_what_is_there(self, box: Toolbox) -> None:
        wrong_name = await box.look("query_metrics", {"query": "rate(http_request_total[5m])"})
        assert "Similar names: http_requests_total." in wrong_name.content
        wrong_value = await box.look("query_metrics", {"query": 'http_requests_total{code="503"}'})
        assert "code is one of: 500, 200." in wrong_value.content

    async def test_the_servers_own_refusal_reaches_the_model(self, box: Toolbox) -> None:
        refused = await box.look("query_metrics", {"query": 'label_replace(http_requests_total, "a", "b", "c", "(")'})
        assert refused.failed
        assert "prometheus refused this query" in refused.content
        assert "Window: 2020-01-01 11:00:00 to 12:00:00Z" in refused.content

    async def test_the_alert_that_fired_then_is_remembered(self, box: Toolbox) -> None:
        seen = await box.look("list_alerts", {})
        assert "critical CheckoutErrors {service=checkout} since 11:45:00 (15 min)" in seen.content
