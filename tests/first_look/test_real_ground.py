"""What is wrong with nodes, pods, disks, certificates and limits, out of a real Prometheus."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sre_bot.first_look import surroundings
from sre_bot.first_look.conditions import ConditionKind
from sre_bot.first_look.look import Sources, look_at
from sre_bot.incident import SERVICE_LABELS
from sre_bot.investigation import CauseKind, Question
from sre_bot.servers import PrometheusServer, backfill
from sre_bot.sources.prometheus import PrometheusSource
from tests.first_look import past_ground
from tests.first_look.past_ground import AT, EXPIRED, FULL, KILLED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sre_bot.first_look.conditions import Condition


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus_url(prometheus_installed: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    folder = tmp_path_factory.mktemp("ground")
    await backfill(past_ground.openmetrics(), folder)
    async with PrometheusServer(folder) as running:
        yield running.url


async def conditions(url: str, at: datetime) -> dict[tuple[ConditionKind, str], Condition]:
    async with aclosing(PrometheusSource(url)) as metrics:
        seen = await look_at(Sources([metrics]), Question("", at), now=at + timedelta(days=1), deadline=20)
        assert "prometheus" not in [missing.source for missing in seen.missing]
        assert all(("", one.promql) in seen.graph_urls for one in seen.conditions)
        return {(one.kind, one.subject): one for one in seen.conditions}


@pytest.mark.real
class TestReal:
    async def test_each_thing_that_is_wrong_with_its_onset_and_nothing_that_is_well(self, prometheus_url: str) -> None:
        found = await conditions(prometheus_url, AT)
        told = {key: (one.service, one.cause, one.over) for key, one in found.items()}
        assert told == {
            (ConditionKind.OOM_KILLED, "shop/checkout-7d9f8b6c5d-x2x9k/app"): ("checkout", CauseKind.CAPACITY, False),
            (ConditionKind.CERTIFICATE, "https://shop.example"): (None, CauseKind.CERTIFICATE, False),
            (ConditionKind.DISK_FULL, "node-3:9100 / /dev/sda"): (None, CauseKind.CAPACITY, False),
            (ConditionKind.PROBE, "https://shop.example"): (None, CauseKind.INFRASTRUCTURE, False),
            (ConditionKind.THROTTLED, "shop/inventory-0/app"): ("inventory", CauseKind.CAPACITY, False),
        }
        began = {kind: one for (kind, _), one in found.items()}
        for kind, moment in (
            (ConditionKind.OOM_KILLED, KILLED),
            (ConditionKind.CERTIFICATE, EXPIRED),
            (ConditionKind.DISK_FULL, FULL),
            (ConditionKind.PROBE, EXPIRED),
            (ConditionKind.THROTTLED, KILLED),
        ):
            since = began[kind].since
            assert since is not None
            assert timedelta(0) <= since - moment <= timedelta(seconds=began[kind].uncertainty_s), kind
        assert [one.said for (kind, _), one in found.items() if kind is ConditionKind.DISK_FULL] == [
            "node-3:9100 / /dev/sda 98 % used"
        ]

    async def test_before_it_began_nothing_was_wrong_but_a_certificate_close_to_its_end(
        self, prometheus_url: str
    ) -> None:
        found = await conditions(prometheus_url, FULL - timedelta(minutes=1))
        assert [(kind, one.since) for (kind, _), one in found.items()] == [(ConditionKind.CERTIFICATE, None)]

    async def test_prometheus_understands_every_check(self, prometheus_url: str) -> None:
        async with aclosing(PrometheusSource(prometheus_url)) as metrics:
            for check in surroundings.CHECKS:
                await metrics.query(check.promql(SERVICE_LABELS, "75s", ('env=~"|prod"',)), AT)
