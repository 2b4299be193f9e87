"""Alertmanager tells what fires, is silenced and is inhibited now; its failures are typed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sre_bot.errors import QueryRefusedError, SourceUnavailableError
from sre_bot.incident import AlertState, Severity
from sre_bot.servers import AlertmanagerServer
from sre_bot.sources.access import Access
from sre_bot.sources.alertmanager import AlertmanagerSource

from .hostile import drips, hostile, http, resets, says

if TYPE_CHECKING:
    from pathlib import Path

    from sre_bot.tools.alerts import CurrentAlerts

    from .hostile import Behaviour

CONFIG = """
route: {receiver: nobody}
receivers: [{name: nobody}]
inhibit_rules:
  - {source_matchers: [alertname="DatacentreDown"], target_matchers: [severity="warning"]}
"""
STARTED = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def _alert(name: str, severity: str, minutes: int) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": severity, "service": "shop"},
        "annotations": {"summary": f"{name} is bad"},
        "startsAt": (STARTED + timedelta(minutes=minutes)).isoformat(),
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
    }


async def _fill(url: str) -> None:
    """Three alerts: one inhibits the second, the third is silenced."""
    alerts = [_alert("DatacentreDown", "critical", 0), _alert("Slow", "warning", 1), _alert("Noisy", "info", 2)]
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "alertname", "value": "Noisy", "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "known",
    }
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        (await client.post("/api/v2/silences", json=silence)).raise_for_status()
        (await client.post("/api/v2/alerts", json=alerts)).raise_for_status()


@pytest.mark.real
@pytest.mark.usefixtures("alertmanager_installed")
async def test_a_real_one_tells_all_alerts_latest_first_with_their_states(tmp_path: Path) -> None:
    async with (
        AlertmanagerServer(tmp_path, config=CONFIG, path="/am") as server,
        aclosing(AlertmanagerSource(server.url)) as source,
        asyncio.timeout(60),
    ):
        fitting: CurrentAlerts = source
        assert await fitting.current() == []
        assert (await source.check()).endswith("; no alerts")
        await _fill(server.url)
        noisy, slow, down = await source.current()
        said = await source.check()
    assert [noisy.name, slow.name, down.name] == ["Noisy", "Slow", "DatacentreDown"]
    assert [noisy.state, slow.state, down.state] == [AlertState.SILENCED, AlertState.INHIBITED, AlertState.FIRING]
    assert down.started_at == STARTED.replace(microsecond=123000)  # Alertmanager keeps milliseconds
    assert (down.service, down.severity, down.summary) == ("shop", Severity.CRITICAL, "DatacentreDown is bad")
    assert down.generator_url == "http://prometheus.example.com/graph?g0.expr=up"
    assert down.ended_at is None
    assert said.startswith("version 0.")
    assert said.endswith("; 1 firing, 1 inhibited, 1 silenced")


@pytest.mark.parametrize(
    ("behave", "sentence"),
    [
        pytest.param(says(http(b"<html>Sign in", kind="text/html")), "a web page", id="html"),
        pytest.param(says(http(b"{}")), "of an unknown form; is its url", id="not a list"),
        pytest.param(says(http(b'[{"labels": {}}]')), r"of an unknown form \(at 0\.startsAt\)", id="no start"),
        pytest.param(says(http(b'"broken"', status="503 Busy")), "HTTP 503", id="503"),
        pytest.param(resets, "broke off its answer", id="reset"),
    ],
)
async def test_a_bad_answer_is_typed_and_says_what_to_check(behave: Behaviour, sentence: str) -> None:
    async with hostile(behave) as server, aclosing(AlertmanagerSource(server.url)) as source:
        with pytest.raises(SourceUnavailableError, match=sentence) as caught:
            await source.current()
    assert (caught.value.source, caught.value.query) == ("alertmanager", "/api/v2/alerts")


async def test_a_slow_drip_ends_at_the_deadline() -> None:
    drip = drips(http(b"x" * 9999)[:-9999], b"x", 0.05)
    async with hostile(drip) as server, aclosing(AlertmanagerSource(server.url, timeout=0.3)) as source:
        with pytest.raises(SourceUnavailableError, match=r"no full answer within 0\.3 s"):
            await source.current()


async def test_an_answer_larger_than_allowed_is_refused() -> None:
    huge = says(http(b"[" + b" " * 33 * 1024 * 1024 + b"]"))
    async with hostile(huge) as server, aclosing(AlertmanagerSource(server.url)) as source:
        with pytest.raises(QueryRefusedError, match="larger than 32,768 KiB"):
            await source.current()


async def test_people_are_sent_to_the_public_address() -> None:
    async with (
        aclosing(AlertmanagerSource("http://me:secret@in:9093/am/")) as private,
        aclosing(AlertmanagerSource("http://in:9093", public_url="https://alerts.example.com/")) as public,
    ):
        assert private.alerts_url() == "http://in:9093/am/#/alerts"
        assert public.alerts_url() == "https://alerts.example.com/#/alerts"


async def test_the_token_is_sent() -> None:
    asked: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=[])

    transport = httpx.MockTransport(note)
    async with aclosing(AlertmanagerSource("http://in", access=Access(token="hunter2"), transport=transport)) as source:
        await source.current()
    assert asked[0].headers["authorization"] == "Bearer hunter2"
    assert dict(asked[0].url.params) == dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")


async def test_alerts_without_an_environment_get_that_of_their_source() -> None:
    started = STARTED.isoformat()
    alerts = [{"labels": {"alertname": "A", **labels}, "startsAt": started} for labels in ({}, {"env": "dev"})]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=alerts))
    async with aclosing(AlertmanagerSource("http://in", environment="staging", transport=transport)) as source:
        held = await source.current()
    assert [dict(alert.labels) for alert in held] == [
        {"alertname": "A", "environment": "staging"},
        {"alertname": "A", "env": "dev"},
    ]
