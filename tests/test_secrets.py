"""A configured secret that stands everywhere in what the bot reads, and nowhere in what it says or keeps."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import yaml
from aiohttp import web

from sre_bot.drills.slack_simulator import SlackSimulator
from sre_bot.servers import AlertmanagerServer, PrometheusServer
from tests.messages_api import Failure, MessagesApi, Reply, json_reply, text, tool_use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sre_bot.investigation import JsonObject
    from tests.conftest import GitFolder

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("prometheus_installed", "alertmanager_installed")]

SECRET = 'correct-horse/"battery"\\staple'
FORMS = {
    form.encode()
    for form in (
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(json.dumps(SECRET)[1:-1])[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
    )
}
LOOKS = (
    tool_use("query_metrics", {"query": "checkout_requests_total", "instant": True}),
    tool_use("list_alerts", {}),
    tool_use("list_changes", {"last": "1d"}),
    tool_use("query_metrics", {"query": "no_such_function("}),
)


def escaped(value: str) -> str:
    """As Prometheus' text format and its labels have it."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


@contextlib.asynccontextmanager
async def target() -> AsyncIterator[str]:
    """Something to scrape whose labels hold the secret; gives its host and port."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=f'checkout_requests_total{{service="checkout",customer="{escaped(SECRET)}"}} 7\n')

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def fire(alertmanager: AlertmanagerServer) -> None:
    """An alert whose label and annotation hold the secret."""
    now = datetime.now(UTC)
    alert = {
        "labels": {"alertname": "CheckoutErrors", "service": "checkout", "token": SECRET},
        "annotations": {"summary": f"login with {SECRET} fails"},
        "startsAt": (now - timedelta(minutes=5)).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(f"{alertmanager.url}/api/v2/alerts", json=[alert])).raise_for_status()


async def scraped_once(prometheus: PrometheusServer) -> None:
    """Wait until Prometheus has the series."""
    async with httpx.AsyncClient(trust_env=False, base_url=prometheus.url) as client, asyncio.timeout(60):
        while b"customer" not in (await client.get("/api/v1/query?query=checkout_requests_total")).content:  # noqa: ASYNC110 - it tells only when asked
            await asyncio.sleep(0.2)


class Model:
    """Asks for everything, and then, on ``refusing``, is a provider that repeats the key it was given."""

    def __init__(self) -> None:
        self.refusing = False
        self.overloaded = True

    def __call__(self, request: JsonObject) -> Reply | Failure:
        if self.refusing:
            return Failure(401, "authentication_error", f"invalid key {SECRET}")
        if self.overloaded:
            self.overloaded = False
            return Failure(529, "overloaded_error", f"too many requests with {SECRET}")
        if request.get("output_config"):
            claims: JsonObject = {name: [] for name in ("impact", "hypotheses", "ruled_out", "next_steps", "unknown")}
            return json_reply({**claims, "what_is_going_on": [{"text": "CheckoutErrors fires.", "evidence": ["E1"]}]})
        return Reply((text("Enough, see E1."),)) if results(request) else Reply(LOOKS)


def results(request: JsonObject) -> list[str]:
    messages = cast("list[dict[str, Any]]", request["messages"])
    return [str(block["content"]) for m in messages for block in m["content"] if block["type"] == "tool_result"]


def leaks(*texts: bytes) -> Iterator[bytes]:
    return (text[max(0, text.find(form) - 80) :][:200] for text in texts for form in FORMS if form in text)


async def test_a_secret_in_everything_that_is_read_shows_in_nothing_that_is_said_or_kept(
    tmp_path: Path, git_folder: GitFolder
) -> None:
    git_folder.commit(f"checkout: use {SECRET} as password", {"key.txt": SECRET}, datetime.now(UTC), author="eve")
    model = Model()
    state, config, log = tmp_path / "state", tmp_path / "sre-bot.yaml", tmp_path / "serve.log"
    async with (
        target() as scraped,
        SlackSimulator() as slack,
        AlertmanagerServer(tmp_path / "alertmanager") as alertmanager,
        PrometheusServer(
            tmp_path / "prometheus",
            scrape_configs=[{"job_name": "checkout", "static_configs": [{"targets": [scraped]}]}],
            interval_s=1,
        ) as prometheus,
        MessagesApi(model) as api,
    ):
        await fire(alertmanager)
        await scraped_once(prometheus)
        config.write_text(
            yaml.safe_dump(
                {
                    "slack": {"api_url": slack.api_url},
                    "prometheus": {"url": prometheus.url},
                    "alertmanager": {"url": alertmanager.url},
                    "repositories": [{"name": "shop", "path": str(git_folder.path)}],
                    "model": {"base_url": api.url},
                    "http": {"port": 0},
                    "state_dir": str(state),
                }
            )
        )
        environment = {
            **{name: value for name, value in os.environ.items() if name.startswith("COV") or name == "PATH"},
            "SRE_BOT_CONFIG": str(config),
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "ANTHROPIC_API_KEY": SECRET,
        }
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sre_bot.cli", "serve"), env=environment, stdout=output, stderr=output
            )
        try:
            await slack.wait_for(lambda: slack.connection_count, within=30)
            ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
            root = await slack.post(ann, incidents, f"the key is {SECRET}")
            for question in (f"does {SECRET} still work?", "and now?"):
                ts = await slack.post(ann, incidents, f"{slack.workspace.bot.mention} {question}", root)
                answered = f"{ts}:answer"
                await slack.wait_for(lambda: answered in str(slack.thread(incidents, root)), within=60)  # noqa: B023
                model.refusing = True
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()
        thread = [message for message in slack.thread(incidents, root) if message.by_bot]
    shown = results(api.requests[-2])
    assert len(shown) == len(LOOKS)
    assert all("[redacted:configured]" in seen for seen in shown[:3]), shown
    answers = [message.text for message in thread if ":answer" in str(message.metadata)]
    assert "invalid key [redacted:configured]" in answers[-1]
    kept = [path.read_bytes() for path in state.iterdir()]
    assert not list(leaks(str(thread).encode(), json.dumps(api.requests).encode(), log.read_bytes(), *kept))
