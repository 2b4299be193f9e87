"""The shop is well until a fault comes; then its alert fires and the metrics tell the fault's story and no other."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sre_bot.drills.faults import Event, EventKind, Fault, fault_named, faults, run_scenario
from sre_bot.drills.rollout import SERVICES
from sre_bot.drills.shop import Shop, open_shop
from sre_bot.errors import DrillError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("prometheus_installed", "alertmanager_installed")]

PACE = 0.3
"""Scenarios are played faster than in the demo; nothing else about them changes."""


@dataclass(frozen=True, slots=True)
class Story:
    """What the metrics show once the alert fires, and what they must not show."""

    shown: tuple[str, ...]
    not_shown: tuple[str, ...]


STORIES = {
    "checkout-timeout": Story(
        shown=(
            'rate(http_client_requests_total{service="checkout", server_address="payments", status="timeout"}[5s]) > 1',
            'rate(http_requests_total{service="checkout", status="504"}[5s]) > 1',
            'rate(http_requests_total{service="web", route="/checkout", status="502"}[5s]) > 1',
        ),
        not_shown=(
            'http_requests_total{service=~"payments|inventory", status=~"5.."} > 0',
            'http_client_requests_total{server_address="api.cardpay.example", status!="200"}',
        ),
    ),
    "inventory-pool": Story(
        shown=(
            'db_pool_connections_in_use{service="inventory"} >= db_pool_connections_max',
            'rate(db_pool_timeouts_total{service="inventory"}[5s]) > 1',
            'rate(http_client_requests_total{server_address="inventory", status="503"}[5s]) > 0.5',
        ),
        not_shown=(
            'http_requests_total{service="payments", status=~"5.."} > 0',
            "histogram_quantile(0.9, sum by (le) (rate(db_query_duration_seconds_bucket[5s]))) > 0.5",
        ),
    ),
    "checkout-lookups": Story(
        shown=(
            'rate(http_client_requests_total{service="checkout", server_address="inventory", method="GET"}[5s]) > 30',
            'histogram_quantile(0.9, rate(http_request_duration_seconds_bucket{route="/orders"}[5s])) > 1',
        ),
        not_shown=('http_requests_total{status=~"5.."} > 0', "db_pool_timeouts_total > 0"),
    ),
    "card-processor": Story(
        shown=(
            'rate(http_client_requests_total{server_address="api.cardpay.example", status="503"}[5s]) > 1',
            'rate(http_requests_total{service="payments", status="502"}[5s]) > 1',
        ),
        not_shown=('http_requests_total{service="inventory", status=~"5.."} > 0', "db_pool_timeouts_total > 0"),
    ),
}


async def ask(shop: Shop, query: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{shop.prometheus_url}/api/v1/query", params={"query": query})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
    return found


def faster(fault: Fault) -> Fault:
    return replace(fault, steps=tuple(replace(step, at=step.at * PACE) for step in fault.steps))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def deploys(shop: Shop) -> list[dict[str, str]]:
    return [json.loads(line) for line in shop.deploys.path.read_text().splitlines()]


async def assert_well(shop: Shop) -> None:
    """Nobody has seen an error, and no alert thinks so either."""
    assert await ask(shop, 'http_requests_total{status=~"5.."} > 0') == []
    assert await ask(shop, 'http_client_requests_total{status!="200"}') == []
    assert await shop.firing() == frozenset()


async def assert_runs_what_was_deployed(shop: Shop) -> None:
    running = {sample["metric"]["service"]: sample["metric"]["revision"] for sample in await ask(shop, "build_info")}
    assert running == {deploy["service"]: deploy["sha"] for deploy in deploys(shop)}


def assert_logged(shop: Shop, events: Iterable[Event]) -> None:
    """The rollouts are the last lines of the deploy log, with commits that the repository knows."""
    rolled_out = [(event.service, event.sha) for event in events if event.sha]
    logged = deploys(shop)
    assert [(deploy["service"], deploy["sha"]) for deploy in logged][-len(rolled_out) :] == rolled_out
    assert [deploy["time"] for deploy in logged] == sorted(deploy["time"] for deploy in logged)
    assert {datetime.fromisoformat(deploy["time"]).utcoffset() is not None for deploy in logged} == {True}
    known = subprocess.run(
        ["git", "-C", shop.repository.path, "rev-list", "main"], check=True, capture_output=True, text=True
    ).stdout.split()
    assert {deploy["sha"] for deploy in logged} <= set(known)


@pytest.mark.parametrize("name", [fault.name for fault in faults()])
async def test_a_well_shop_falls_ill_with_the_fault_and_shows_why(name: str, tmp_path: Path) -> None:
    events = []
    async with open_shop(tmp_path / "shop") as shop:
        await assert_runs_what_was_deployed(shop)
        async for event in run_scenario(shop, faster(fault_named(name))):
            events.append(event)
            if event.kind is EventKind.ROLLOUT and EventKind.FAULT not in {past.kind for past in events}:
                await assert_well(shop)
        assert [query for query in STORIES[name].shown if not await ask(shop, query)] == []
        assert [query for query in STORIES[name].not_shown if await ask(shop, query)] == []
        assert_logged(shop, events)
    assert [event.kind for event in events if event.kind is not EventKind.ROLLOUT] == [EventKind.FAULT, EventKind.ALERT]


async def test_a_crashed_service_is_noticed_and_nothing_is_left_running(tmp_path: Path) -> None:
    async with open_shop(tmp_path / "shop") as shop:
        await assert_well(shop)
        web = shop.platform.running["web"]
        pids = [process.pid for process in (*shop.platform.running.values(), shop.customers, shop.card_processor)]
        assert len(pids) == len(SERVICES) + 2
        with pytest.raises(DrillError, match="git archive failed"):
            await shop.deploy("web", "0" * 40)
        await assert_well(shop)
        await web.stop()
        with pytest.raises(DrillError, match=r"web ended by itself .*its log ends:(?s:.*)draining"):
            await shop.firing()
    assert [pid for pid in pids if is_running(pid)] == []
