"""A second opinion: `serve` over HTTP alone, against a Slack that others wrote and that signs its events itself.

Needs node 20 and npm, and once the npm registry: the emulator is installed from the lock file beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import yaml
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.real

FOLDER = Path(__file__).with_name("emulator")
MANIFEST = Path(__file__).parents[1] / "docs/slack-manifest.yaml"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BOT, ANN = "xoxb-emulated", "xoxp-ann"
NODE = 20


@pytest.fixture(scope="module")
def node() -> str:
    """Its path, with the emulator installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    if int(re.findall(r"\d+", version)[0]) < NODE:
        pytest.skip(f"node {version.strip()} is older than {NODE}, which the emulator needs")
    wanted = json.loads((FOLDER / "package-lock.json").read_text())["packages"]["node_modules/emulate"]["version"]
    installed = FOLDER / "node_modules/emulate/package.json"
    if not installed.is_file() or json.loads(installed.read_text())["version"] != wanted:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        try:
            subprocess.run(command, cwd=FOLDER, capture_output=True, check=True, timeout=90)
        except subprocess.SubprocessError as error:
            pytest.skip(f"npm cannot install the emulator: {error}")
    return node


@contextlib.asynccontextmanager
async def emulator(node: str, events: str, secret: str = SECRET) -> AsyncIterator[str]:
    """The emulator, which signs with ``secret`` and delivers to ``events``; its address."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    config = {"signingSecret": secret, "scopes": manifest["oauth_config"]["scopes"]["bot"], "events": events}
    pipe = asyncio.subprocess.PIPE
    command = (node, "slack.mjs", json.dumps(config))
    process = await asyncio.create_subprocess_exec(*command, cwd=FOLDER, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        yield f"http://127.0.0.1:{httpx.URL(json.loads(line)['url']).port}"
    finally:
        process.stdin.close()
        await process.wait()


@contextlib.asynccontextmanager
async def proxy(emulated: str) -> AsyncIterator[str]:
    """Puts what comes in a query into a form: Slack reads both, the emulator only the latter. Its address."""
    async with ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            headers = {"Authorization": request.headers.get("Authorization", "")}
            if request.query:
                answer = await session.post(f"{emulated}{request.path}", data=dict(request.query), headers=headers)
            else:
                headers["Content-Type"] = request.headers.get("Content-Type", "")
                answer = await session.post(f"{emulated}{request.path}", data=await request.read(), headers=headers)
            return web.json_response(await answer.json(), status=answer.status)

        application = web.Application()
        application.router.add_route("*", "/api/{method}", forward)
        async with TestServer(application) as server:
            yield str(server.make_url("/api/"))


@contextlib.asynccontextmanager
async def serving(folder: Path, api_url: str, port: int) -> AsyncIterator[None]:
    """``sre-bot serve`` over HTTP alone, ready."""
    environment = {
        "PATH": os.environ["PATH"],
        "SLACK_API_URL": api_url,
        "SLACK_BOT_TOKEN": BOT,
        "SLACK_SIGNING_SECRET": SECRET,
        "SRE_BOT_HTTP_PORT": str(port),
        "SRE_BOT_STATE_DIR": str(folder / "state"),
    }
    environment |= {name: value for name, value in os.environ.items() if name.startswith("COV")}
    log = folder / "serve.log"
    with log.open("ab") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sre_bot.cli", "serve"), env=environment, cwd=folder, stderr=written
        )
    try:
        async with httpx.AsyncClient() as client:
            await until(lambda: ready(client, port))
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        status = await process.wait()
        sys.stderr.write(log.read_text())  # shown when the test fails
        assert status == 0


async def ready(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():  # noqa: ASYNC110 - another process, which tells only when asked
            await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a token, at the emulator's Web API."""

    client: httpx.AsyncClient
    token: str

    async def call(self, method: str, **arguments: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = (await self.client.post(f"/api/{method}", data=arguments, headers=headers)).json()
        assert answer["ok"], answer
        return cast("dict[str, Any]", answer)


@pytest.fixture
def port() -> int:
    """A free one, known before the bot starts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def channel(person: Person) -> str:
    channels = (await person.call("conversations.list"))["channels"]
    return next(str(one["id"]) for one in channels if one["name"] == "incidents")


async def test_a_mention_is_answered_in_its_thread_by_a_bot_that_is_reached_over_http_alone(
    node: str, port: int, tmp_path: Path
) -> None:
    thread: list[dict[str, Any]] = []
    async with (
        emulator(node, f"http://127.0.0.1:{port}/slack/events") as emulated,
        proxy(emulated) as api_url,
        httpx.AsyncClient(base_url=emulated) as client,
    ):
        ann, bot = Person(client, ANN), (await Person(client, BOT).call("auth.test"))["user_id"]
        incidents = await channel(ann)

        async def answered() -> bool:
            thread[:] = (await ann.call("conversations.replies", channel=incidents, ts=ts))["messages"]
            return len(thread) == 3 and thread[1]["text"].startswith("Done in ")

        async with serving(tmp_path, api_url, port):
            asked = await ann.call("chat.postMessage", channel=incidents, text=f"<@{bot}> what is going on?")
            ts = asked["ts"]
            await until(answered)
    question, status, answer = thread
    assert question["text"] == f"<@{bot}> what is going on?"
    assert status["user"] == answer["user"] == bot
    keys = [message["metadata"]["event_payload"]["key"] for message in (status, answer)]
    assert [key.rpartition(":")[2] for key in keys] == ["status", "answer"]
    assert "No model is configured" in answer["text"]
    assert answer["blocks"]
    assert "did not sign" not in (tmp_path / "serve.log").read_text()


async def test_what_another_slack_signed_is_refused(node: str, port: int, tmp_path: Path) -> None:
    async with (
        emulator(node, f"http://127.0.0.1:{port}/slack/events", secret="another") as emulated,
        proxy(emulated) as api_url,
        httpx.AsyncClient(base_url=emulated) as client,
    ):
        ann, bot = Person(client, ANN), (await Person(client, BOT).call("auth.test"))["user_id"]
        incidents = await channel(ann)
        async with serving(tmp_path, api_url, port):
            # The emulator answers when it has delivered the events.
            await ann.call("chat.postMessage", channel=incidents, text=f"<@{bot}> what is going on?")
    log = (tmp_path / "serve.log").read_text()
    assert "did not sign" in log
    assert "accepted" not in log
