"""Two real Prometheus under different prefixes and two real Alertmanagers, as the configuration puts them together."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sre_bot import bootstrap, configured
from sre_bot.check import State, examine
from sre_bot.incident import AlertState
from sre_bot.investigation import missing_of
from sre_bot.redaction import Redactor
from sre_bot.servers import AlertmanagerServer, PrometheusServer, backfill
from sre_bot.settings import Settings
from sre_bot.slack.commands import Commands
from sre_bot.slack.standing import Viewer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOW = datetime.now(UTC).replace(microsecond=0)

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("prometheus_installed", "alertmanager_installed")]


def samples(*series: str) -> str:
    """The last ten minutes of gauges, and of an alert that fires."""
    moments = [(NOW - timedelta(minutes=10) + timedelta(seconds=15 * n)).timestamp() for n in range(40)]
    lines = [f"{one} 7 {moment:.0f}" for one in series for moment in moments]
    alerts = [f'ALERTS{{alertname="Queue",service="shop",alertstate="firing"}} 1 {moment:.0f}' for moment in moments]
    return "\n".join(["# TYPE queue_depth gauge", *lines, "# TYPE ALERTS gauge", *alerts, "# EOF\n"])


async def post(url: str, path: str, body: object) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        (await client.post(path, json=body)).raise_for_status()


async def fire(url: str, name: str) -> None:
    """Send an alert to an Alertmanager, as a Prometheus does."""
    labels = {"alertname": name, "service": "shop", "severity": "critical"}
    await post(url, "/api/v2/alerts", [{"labels": labels, "startsAt": (NOW - timedelta(minutes=5)).isoformat()}])


async def silence(url: str, name: str) -> None:
    matchers = [{"name": "alertname", "value": name, "isRegex": False}]
    start, end = datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1)
    times = {"startsAt": start.isoformat(), "endsAt": end.isoformat()}
    await post(url, "/api/v2/silences", {"matchers": matchers, **times, "createdBy": "ann", "comment": "known"})


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[dict[str, Any], AlertmanagerServer]]:
    """What to configure, and the second Alertmanager."""
    await backfill(samples('queue_depth{service="shop"}'), tmp_path / "eu")
    await backfill(samples('queue_depth{service="shop",shard="a"}', 'only_here{service="shop"}'), tmp_path / "stg")
    async with contextlib.AsyncExitStack() as stack:
        eu = await stack.enter_async_context(PrometheusServer(tmp_path / "eu", path="/mimir/prometheus"))
        stg = await stack.enter_async_context(PrometheusServer(tmp_path / "stg", path="/select/0/prometheus"))
        first = await stack.enter_async_context(AlertmanagerServer(tmp_path / "am-0", path="/am"))
        second = await stack.enter_async_context(AlertmanagerServer(tmp_path / "am-1"))
        configured = {
            "state_dir": tmp_path / "state",
            "prometheus": [
                {"name": "eu", "url": eu.url, "environment": "production"},
                {"name": "stg", "url": stg.url, "environment": "staging"},
            ],
            "alertmanager": [{"name": "am-0", "url": first.url}, {"name": "am-1", "url": second.url}],
        }
        yield configured, second


async def test_the_tools_see_both_and_say_whose_answer_it_is(
    running: tuple[dict[str, Any], AlertmanagerServer],
) -> None:
    settings = Settings.model_validate(running[0])
    async with bootstrap.investigator(settings, Redactor()) as investigator:
        box = investigator.toolset(NOW)
        found = await box.look("find_metrics", {"service": "shop"})
        first = await box.look("query_metrics", {"query": "queue_depth"})
        second = await box.look("query_metrics", {"query": "only_here", "instant": True, "source": "stg"})
        alerts = await box.look("list_alerts", {})
    assert "queue_depth (type unknown, 2 series in eu and stg) {service=shop, shard=a}" in found.content
    assert "only_here (type unknown, 1 series in stg)" in found.content
    assert first.content.startswith("Asked of eu (production). Not asked: stg (staging).")
    assert first.links[0].url.startswith(settings.prometheus[0].url + "/graph?")
    assert "Asked of stg (staging)." in second.content
    assert "Queue {environment=production,service=shop}" in alerts.content
    assert "Queue {environment=staging,service=shop}" in alerts.content


async def test_replicas_of_an_alertmanager_are_one_even_while_a_silence_is_on_its_way_or_one_is_down(
    running: tuple[dict[str, Any], AlertmanagerServer],
) -> None:
    settings, second = Settings.model_validate(running[0]), running[1]
    for url in (one.url for one in settings.alertmanager):
        await fire(url, "Errors")
        await fire(url, "Noisy")
    await silence(second.url, "Noisy")
    async with configured.sources(settings) as parts:
        both, history = parts.current_alerts(), parts.alert_history()
        assert both is not None
        held = await both.current()
        assert {one.name: one.state for one in held} == {"Errors": AlertState.FIRING, "Noisy": AlertState.SILENCED}
        assert [(one.source, "silences that am-1 has" in one.why) for one in missing_of(held)] == [("am-0", True)]
        await second.stop()
        command = Commands(both, history, allowed_hosts=(), redact=str, now=lambda: datetime.now(UTC))
        answer = (await command.answer("alerts shop last=1h", Viewer("U1", "T1"))).text
    assert "Errors (shop)" in answer
    assert "am-1" in answer
    assert "cannot be reached" in answer


async def test_check_has_a_line_for_each(running: tuple[dict[str, Any], AlertmanagerServer]) -> None:
    await running[1].stop()
    found = {one.system: one for one in await examine(Settings.model_validate(running[0]))}
    states = {name: found[name].state for name in found if "(" in name}
    assert states == {
        "eu (prometheus)": State.OK,
        "stg (prometheus)": State.OK,
        "am-0 (alertmanager)": State.OK,
        "am-1 (alertmanager)": State.FAILED,
    }
