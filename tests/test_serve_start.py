"""``serve`` that cannot start: one line on what to change, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sre_bot.drills.slack_simulator import SlackSimulator
from sre_bot.errors import ConfigurationError
from sre_bot.serve import serve
from sre_bot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Put the program's loggers back."""
    root, ours = logging.getLogger(), logging.getLogger("sre_bot")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as simulator:
        yield simulator


def settings(simulator: SlackSimulator, folder: Path, **others: Any) -> Settings:
    slack = {
        "bot_token": simulator.bot_token,
        "app_token": simulator.app_token,
        "api_url": simulator.api_url,
    }
    chosen = {"slack": slack, "state_dir": folder / "state", "http": {"port": 0}, **others}
    return Settings.model_validate(chosen)


async def complaint(configured: Settings) -> str:
    with pytest.raises(ConfigurationError) as raised:
        async with asyncio.timeout(60):
            await serve(configured)
    (line,) = str(raised.value).splitlines()
    return line


@pytest.mark.real
@pytest.mark.parametrize("wrong", ["bot_token", "app_token"])
async def test_a_wrong_token_is_refused(slack: SlackSimulator, tmp_path: Path, wrong: str) -> None:
    tokens = {"bot_token": slack.bot_token, "app_token": slack.app_token, "api_url": slack.api_url}
    line = await complaint(settings(slack, tmp_path, slack={**tokens, wrong: "xoxb-nonsense"}))
    assert line.startswith("Slack refuses us: invalid_auth. Check SLACK_BOT_TOKEN")
    assert slack.connection_count == 0


@pytest.mark.real
async def test_slack_out_of_reach_is_said(slack: SlackSimulator, tmp_path: Path) -> None:
    await slack.stop()
    assert "Slack cannot be reached at http://127.0.0.1" in await complaint(settings(slack, tmp_path))


@pytest.mark.real
async def test_a_taken_port_is_said_before_anything_is_taken_from_slack(slack: SlackSimulator, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = await complaint(settings(slack, tmp_path, http={"port": port}))
    assert line.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert line.endswith("address already in use. Set SRE_BOT_HTTP_PORT.")
    assert not slack.calls


@pytest.mark.parametrize("spoilt", ["state", "state/sre-bot.sqlite", "state/workflows.sqlite", "state/serve.lock"])
async def test_a_state_that_cannot_be_written_is_said(slack: SlackSimulator, tmp_path: Path, spoilt: str) -> None:
    path = tmp_path / spoilt
    if spoilt == "state":
        path.write_text("a file where a folder should be")
    else:
        path.mkdir(parents=True)
    assert "SRE_BOT_STATE_DIR" in await complaint(settings(slack, tmp_path))
    assert not slack.calls


@pytest.mark.real
async def test_a_second_one_on_the_same_state_ends_with_2_and_the_first_is_stopped_by_a_signal(
    slack: SlackSimulator, tmp_path: Path
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith("COV") or name == "PATH"},
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SRE_BOT_STATE_DIR": str(tmp_path / "state"),
        "SRE_BOT_HTTP_PORT": "0",
    }
    command = (sys.executable, "-m", "sre_bot.cli", "serve")
    first = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        await slack.wait_for(lambda: slack.connection_count, within=30)
        second = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
        _, said = await second.communicate()
        assert second.returncode == 2
        (line,) = said.decode().splitlines()
        assert line.startswith("sre-bot: another sre-bot serves from")
    finally:
        first.send_signal(signal.SIGINT)
        _, log = await first.communicate()
    assert first.returncode == 0, log.decode()
    levels = {json.loads(line)["level"] for line in log.decode().splitlines()}
    assert levels == {"info"}, "an ordinary start has nothing to warn of"


@pytest.mark.real
async def test_without_an_app_token_but_with_a_signing_secret_it_serves_over_http_alone(
    slack: SlackSimulator, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith("COV") or name == "PATH"},
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99",
        "SRE_BOT_STATE_DIR": str(tmp_path / "state"),
        "SRE_BOT_HTTP_PORT": str(port),
    }
    command = (sys.executable, "-m", "sre_bot.cli", "serve")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            while not await is_ready(client):  # noqa: ASYNC110 - another process, which tells only when asked
                await asyncio.sleep(0.05)
            assert (await client.post("/slack/events", content="{}")).status_code == 401
            assert "sre_bot_slack_sockets 0.0" in (await client.get("/metrics")).text
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    assert {call.method for call in slack.calls} == {"auth.test"}


async def is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False
