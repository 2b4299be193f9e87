"""``serve`` as a process between a simulated Slack, a real Prometheus and Alertmanager, and a scripted model."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import yaml
from slack_sdk.signature import SignatureVerifier

from sre_bot.drills.slack_simulator import RetrySchedule, SlackSimulator
from sre_bot.durable import MAX_ATTEMPTS, Workflows
from sre_bot.servers import PROMTOOL, AlertmanagerServer, PrometheusServer
from sre_bot.slack.listeners import GIVEN_UP, TAKEN_IN
from tests.messages_api import Failure, MessagesApi, Reply, json_reply, text, tool_use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from sre_bot.drills.slack_simulator import Channel, Message, User
    from sre_bot.durable import Journal
    from sre_bot.investigation import JsonObject
    from tests.conftest import GitFolder

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("prometheus_installed", "alertmanager_installed")]

SAID = "The last change is web: a better title."
LOOK = Reply((tool_use("query_metrics", {"query": "up", "instant": True}), tool_use("list_changes", {"last": "1h"})))


def investigator(request: JsonObject) -> Reply | Failure:
    """A model that looks twice at once, concludes and reports what it saw of the changes."""
    results = [block for message in messages(request) for block in message["content"] if "tool_use_id" in block]
    if not results:
        return LOOK
    seen = next(str(result["content"]) for result in results if "web: a better title" in str(result["content"]))
    look = seen.partition("]")[0].removeprefix("[")
    if not request.get("output_config"):
        return Reply((text(f"All well, as {look} shows."),))
    report: JsonObject = {"what_is_going_on": [{"text": SAID, "evidence": [look]}], "unknown": ["Why you ask."]}
    return json_reply({**report, "impact": [], "hypotheses": [], "ruled_out": [], "next_steps": []})


def messages(request: JsonObject) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", request["messages"])


@dataclass
class World:
    """Everything around the bot, and how to start it."""

    folder: Path
    slack: SlackSimulator
    environment: Mapping[str, str]
    log: Path

    @property
    def ann(self) -> User:
        return self.slack.workspace.user("ann")

    @property
    def incidents(self) -> Channel:
        return self.slack.workspace.channel("incidents")

    def configure(self, **sections: object) -> None:
        """Change sections of the configuration file."""
        path = self.folder / "sre-bot.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **sections}))

    @contextlib.asynccontextmanager
    async def serving(self, model: str | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
        environment = {**self.environment, **({"ANTHROPIC_BASE_URL": model} if model else {})}
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sre_bot.cli", "serve"), env=environment, stdout=log, stderr=log
            )
        try:
            await self.until(lambda: self.slack.connection_count)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()

    async def until(self, predicate: object) -> object:
        try:
            return await self.slack.wait_for(predicate, within=30)  # type: ignore[arg-type]
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()[-4000:]}") from error

    async def mention(self, question: str, thread_ts: str | None = None) -> str:
        return await self.slack.post(
            self.ann, self.incidents, f"{self.slack.workspace.bot.mention} {question}", thread_ts
        )

    async def held_out(self, text: str) -> None:
        """Wait until what someone said is held out to the investigation that runs."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "sre-bot.sqlite")) as database:
            async with asyncio.timeout(60):
                while not database.execute(  # noqa: ASYNC110 - another process writes it
                    "SELECT 1 FROM heard WHERE message LIKE ?", (f"%{text}%",)
                ).fetchone():
                    await asyncio.sleep(0.02)

    def posts(self, ts: str, kind: str = "") -> list[Message]:
        """The bot's messages in a thread, by the last part of their key."""
        return [m for m in self.slack.thread(self.incidents, ts) if m.by_bot and key(m).endswith(kind)]

    async def answered(self, ts: str) -> Message:
        await self.until(lambda: self.posts(ts, ":answer"))
        await self.until(lambda: self.posts(ts, ":status")[0].text.startswith("Done"))
        return self.posts(ts, ":answer")[0]


def key(message: Message) -> str:
    payload = (message.metadata or {}).get("event_payload", {})
    return str(payload.get("key", ""))


@pytest.fixture
async def world(tmp_path: Path, git_folder: GitFolder) -> AsyncIterator[World]:
    git_folder.commit("web: a better title", {"web/app.py": "title = 1\n"}, datetime.now(UTC))
    retries = RetrySchedule(ack_within=1.0, delays=(0.0, 0.5, 1.0))
    async with (
        SlackSimulator(retries=retries) as slack,
        AlertmanagerServer(tmp_path / "alertmanager") as alertmanager,
        PrometheusServer(tmp_path / "prometheus", alertmanagers=[alertmanager.url]) as prometheus,
    ):
        config = tmp_path / "sre-bot.yaml"
        settings: dict[str, object] = {
            "slack": {"api_url": slack.api_url},
            "prometheus": {"url": prometheus.url},
            "alertmanager": {"url": alertmanager.url},
            "repositories": [{"name": "shop", "path": str(git_folder.path)}],
            "model": {"limits": {"seconds": 60}},
            "http": {"port": 0},
            "state_dir": str(tmp_path / "state"),
        }
        config.write_text(yaml.safe_dump(settings))
        environment = {
            "PATH": os.environ["PATH"],
            "SRE_BOT_CONFIG": str(config),
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
        }
        environment |= {name: value for name, value in os.environ.items() if name.startswith("COV")}
        yield World(tmp_path, slack, environment, tmp_path / "serve.log")


async def test_a_mention_is_answered_in_its_thread_by_the_first_look(world: World) -> None:
    async with world.serving() as process:
        ts = await world.mention("what is going on?")
        answer = await world.answered(ts)
        assert len(world.posts(ts)) == 2, "one status message and one answer"
    assert process.returncode == 0
    assert "No model is configured" in answer.text
    assert "What is going on?" in answer.text
    posted = [call.arguments for call in world.slack.calls if call.method == "chat.postMessage"]
    assert {(str(one["unfurl_links"]), str(one["unfurl_media"])) for one in posted} <= {("False", "False"), ("0", "0")}


async def test_a_model_investigates_with_parallel_looks_and_its_report_is_the_answer(world: World) -> None:
    async with MessagesApi(investigator) as api, world.serving(api.url):
        ts = await world.mention("is prometheus well?")
        answer = await world.answered(ts)
        kinds = [key(message).rsplit(":", 1)[-1] for message in world.posts(ts)]
    assert kinds == ["status", "first-look", "answer"]
    assert SAID in answer.text
    assert not api.refused
    results = [block for block in messages(api.requests[1])[-1]["content"] if block["type"] == "tool_result"]
    assert "web: a better title" in str(results[1]["content"])


async def test_the_thread_is_context_for_the_question(world: World) -> None:
    async with MessagesApi(investigator) as api, world.serving(api.url):
        root = await world.slack.post(world.ann, world.incidents, "we just moved the <https://x.example|database>")
        ts = await world.mention("related?", root)
        await world.until(lambda: world.posts(root, ":answer"))
    first = "".join(str(block["text"]) for block in messages(api.requests[0])[-1]["content"])
    assert "ann: we just moved the database (https://x.example)" in first
    assert ts != root


async def test_a_mention_delivered_again_is_the_same_mention(world: World) -> None:
    async with world.serving():
        ts = await world.mention("what is going on?")
        event = next(event for event in world.slack.events if event.type == "app_mention")
        world.slack.redeliver(event)
        await world.answered(ts)
        world.slack.redeliver(event)
        other = await world.mention("and now?")
        await world.answered(other)
    assert len(world.posts(ts)) == 2


async def test_killed_in_the_middle_it_finishes_once_after_the_restart(world: World) -> None:
    asked = asyncio.Event()
    released = asyncio.Event()
    requests: list[JsonObject] = []

    def play(request: JsonObject) -> Reply | Failure:
        requests.append(request)
        if len(requests) == 1 or released.is_set():
            return investigator(request)
        asked.set()
        return Reply((text("never heard"),), trouble="stall", after=1)

    async with MessagesApi(play) as api:
        async with world.serving(api.url) as process:
            ts = await world.mention("is prometheus well?")
            await asyncio.wait_for(asked.wait(), 30)
            process.kill()
            await process.wait()
        assert not world.posts(ts, ":answer")
        released.set()
        before = len(requests)
        async with world.serving(api.url):
            await world.answered(ts)
    kinds = [key(message).rsplit(":", 1)[-1] for message in world.posts(ts)]
    assert kinds == ["status", "first-look", "answer"]
    assert requests[before]["messages"] == requests[before - 1]["messages"], "the turn in flight is asked for again"
    assert len(requests) == before + 2, "and nothing that was answered before"


async def test_a_reply_needs_no_mention_where_it_was_called_also_after_a_restart(world: World) -> None:
    async with world.serving():
        ts = await world.mention("what is going on?")
        await world.answered(ts)
        await world.slack.post(world.ann, world.incidents, "thanks!", ts)
        await world.slack.post(world.ann, world.incidents, "and what changed?", ts)
        await world.until(lambda: len(world.posts(ts, ":answer")) == 2)
    async with world.serving():
        await world.slack.post(world.ann, world.incidents, "is it over?", ts)
        await world.until(lambda: len(world.posts(ts, ":answer")) == 3)
    assert len(world.posts(ts, ":status")) == 3


async def test_killed_before_and_after_a_message_was_taken_in_there_is_one_answer_that_holds_it(world: World) -> None:
    """The first kill comes when the message waits for the next turn, the second when that turn is under way."""
    asked = asyncio.Event()
    stalls = [True, False, True, False]
    requests: list[JsonObject] = []

    def play(request: JsonObject) -> Reply | Failure:
        requests.append(request)
        if stalls and stalls.pop(0):
            asked.set()
            return Reply((text("never heard"),), trouble="stall", after=1)
        return investigator(request)

    async def killed(process: asyncio.subprocess.Process) -> None:
        await asyncio.wait_for(asked.wait(), 30)
        asked.clear()
        process.kill()
        await process.wait()

    async with MessagesApi(play) as api:
        async with world.serving(api.url) as process:
            ts = await world.mention("is prometheus well?")
            await asyncio.wait_for(asked.wait(), 30)
            ben = world.slack.workspace.user("ben")
            await world.slack.post(ben, world.incidents, "no, look at the changes", ts)
            await world.held_out("no, look at the changes")
            await killed(process)
        async with world.serving(api.url) as process:
            await killed(process)
        assert not world.posts(ts, ":answer")
        async with world.serving(api.url):
            await world.answered(ts)
            await world.until(lambda: world.posts(ts, ":status")[-1].text == TAKEN_IN)
    assert [key(message).rsplit(":", 1)[-1] for message in world.posts(ts)].count("answer") == 1
    assert not api.refused
    opening, again, joined, replayed = [messages(request) for request in requests[:4]]
    assert opening == again
    assert [block["type"] for block in joined[-1]["content"]] == ["tool_result", "tool_result", "text"]
    assert "ben: no, look at the changes" in joined[-1]["content"][-1]["text"]
    assert replayed == joined, "the conversation goes on exactly as it was"
    assert str(messages(requests[-1])).count("no, look at the changes") == 1


async def test_told_to_stop_it_finishes_what_runs(world: World) -> None:
    async with MessagesApi(investigator) as api, world.serving(api.url) as process:
        ts = await world.mention("is prometheus well?")
        await world.until(lambda: world.posts(ts, ":status"))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    assert [key(message).rsplit(":", 1)[-1] for message in world.posts(ts)] == ["status", "first-look", "answer"]


async def test_told_to_stop_it_leaves_what_takes_too_long_for_the_next_start(world: World) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    def play(request: JsonObject) -> Reply | Failure:
        if released.is_set():
            return investigator(request)
        asked.set()
        return Reply((text("never heard"),), trouble="stall", after=1)

    world.configure(drain_seconds=0.5)
    async with MessagesApi(play) as api:
        async with world.serving(api.url) as process:
            ts = await world.mention("is prometheus well?")
            await asyncio.wait_for(asked.wait(), 30)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
        assert "to be resumed at the next start" in world.log.read_text()
        released.set()
        async with world.serving(api.url):
            answer = await world.answered(ts)
    assert SAID in answer.text
    assert [key(message).rsplit(":", 1)[-1] for message in world.posts(ts)] == ["status", "first-look", "answer"]


async def test_a_mention_that_was_given_up_is_told_so_in_its_thread(world: World) -> None:
    begun = asyncio.Event()

    async def handler(key: str, event: JsonObject, journal: Journal) -> None:
        begun.set()
        await asyncio.sleep(3600)

    ts = await world.mention("is prometheus well?")
    team, channel = world.slack.workspace.team_id, world.incidents.id
    event: JsonObject = {"team": team, "channel": channel, "ts": ts, "thread_ts": None, "user": world.ann.id}
    for _ in range(MAX_ATTEMPTS):
        begun.clear()
        state = world.folder / "state"
        url = f"sqlite:///{state / 'workflows.sqlite'}"
        async with Workflows(database_url=url, lease=state / "serve.lock", handler=handler, now=time.time) as workflows:
            await workflows.accept(
                f"slack:{team}:{channel}:{ts}", {**event, "text": "is prometheus well?", "bot": "UBOT"}
            )
            await asyncio.wait_for(begun.wait(), 60)
    async with world.serving():
        await world.until(lambda: world.posts(ts, ":apology"))
        await world.answered(await world.mention("and now?"))
    (said,) = world.posts(ts, ":apology")
    assert said.text == GIVEN_UP.format(attempts=MAX_ATTEMPTS)
    assert not world.posts(ts, ":answer")


async def test_a_model_that_is_down_leaves_the_first_look_and_an_honest_sentence(world: World) -> None:
    world.configure(model={"limits": {"seconds": 8}})
    async with MessagesApi(lambda _: Failure(529, "overloaded_error")) as api, world.serving(api.url):
        ts = await world.mention("is prometheus well?")
        answer = await world.answered(ts)
    assert "This is the first look, which no model wrote." in answer.text
    assert "What is going on?" in answer.text


async def test_a_post_whose_confirmation_was_lost_is_not_made_twice(world: World) -> None:
    world.slack.faults.cut_afterwards("chat.postMessage")
    async with world.serving():
        ts = await world.mention("what is going on?")
        await world.answered(ts)
    assert len(world.posts(ts, ":status")) == 1
    assert len(world.posts(ts)) == 2


async def test_a_source_that_is_down_is_named_and_the_others_are_used(world: World) -> None:
    dead = {**world.environment, "ALERTMANAGER_URL": "http://127.0.0.1:9"}
    async with World(world.folder, world.slack, dead, world.log).serving():
        ts = await world.mention("what is going on?")
        answer = await world.answered(ts)
    assert "alertmanager" in answer.text


async def test_a_direct_message_is_a_question(world: World) -> None:
    direct = world.slack.workspace.direct(world.ann)
    async with world.serving():
        ts = await world.slack.dm(world.ann, "what is going on?")
        await world.until(lambda: any(key(m).endswith(":answer") for m in world.slack.thread(direct, ts)))


async def test_the_slash_command_sums_up_alerts_for_who_asked_only(world: World) -> None:
    async with world.serving():
        ack = await world.slack.slash(world.ann, "/sre", "alerts last=1h", world.incidents)
        assert ack.payload is not None
        assert (ack.payload["text"], ack.payload["response_type"]) == ("Nothing fires.", "ephemeral")
        ack = await world.slack.slash(world.ann, "/sre", "alerts severity=<!channel>", world.incidents)
        assert ack.payload is not None
        assert "is no severity" in ack.payload["text"]
        assert "<!channel>" not in ack.payload["text"]


async def test_a_mention_over_signed_http_is_answered_like_any_other(world: World) -> None:
    port, secret = free_port(), "8f742231b10e8888abcd99"
    environment = {**world.environment, "SRE_BOT_HTTP_PORT": str(port), "SLACK_SIGNING_SECRET": secret}
    mention = {"type": "app_mention", "user": world.ann.id, "text": "<@UBOT> why?", "channel": world.incidents.id}
    async with World(world.folder, world.slack, environment, world.log).serving(), httpx.AsyncClient() as client:
        ts = await world.slack.post(world.ann, world.incidents, "no mention yet")
        event = {"type": "event_callback", "team_id": "T0SIM", "event": {**mention, "ts": ts, "event_ts": ts}}
        body, now = json.dumps(event), str(int(time.time()))
        signature = SignatureVerifier(secret).generate_signature(timestamp=now, body=body)
        headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature or ""}
        url = f"http://127.0.0.1:{port}/slack/events"
        assert (await client.post(url, content=body, headers=headers)).status_code == 200
        assert (await client.post(url, content=body)).status_code == 401
        await world.answered(ts)


async def test_a_slack_outage_makes_it_unready_but_not_unhealthy(world: World) -> None:
    port = free_port()
    environment = {**world.environment, "SRE_BOT_HTTP_PORT": str(port)}
    base = f"http://127.0.0.1:{port}"
    async with World(world.folder, world.slack, environment, world.log).serving(), httpx.AsyncClient() as client:
        await world.answered(await world.mention("hello?"))
        ready, healthy = await client.get(f"{base}/readyz"), await client.get(f"{base}/healthz")
        assert ready.json() == {"ok": True, "checks": {"slack": True, "database": True, "not_stopping": True}}
        assert healthy.json() == {"ok": True, "checks": {"database": True}}
        assert (ready.status_code, healthy.status_code) == (200, 200)
        await world.slack.stop()
        await world.until(lambda: not world.slack.connection_count)
        ready, healthy = await client.get(f"{base}/readyz"), await client.get(f"{base}/healthz")
        assert (ready.status_code, healthy.status_code) == (503, 200)
        assert ready.json()["checks"] == {"slack": False, "database": True, "not_stopping": True}


async def test_told_to_stop_it_is_unready_while_it_finishes(world: World) -> None:
    asked = asyncio.Event()

    def play(request: JsonObject) -> Reply | Failure:
        asked.set()
        return Reply((text("never heard"),), trouble="stall", after=1)

    world.configure(drain_seconds=6)
    port = free_port()
    environment = {**world.environment, "SRE_BOT_HTTP_PORT": str(port)}
    here = World(world.folder, world.slack, environment, world.log)
    async with MessagesApi(play) as api, here.serving(api.url) as process, httpx.AsyncClient() as client:
        await world.mention("is prometheus well?")
        await asyncio.wait_for(asked.wait(), 30)
        process.send_signal(signal.SIGTERM)
        await world.until(lambda: not world.slack.connection_count)
        ready, healthy = [await client.get(f"http://127.0.0.1:{port}/{probe}") for probe in ("readyz", "healthz")]
        assert (ready.status_code, healthy.status_code) == (503, 200)
        assert ready.json()["checks"] == {"slack": False, "database": True, "not_stopping": False}


async def test_metrics_tell_of_what_was_done_and_nothing_of_what_was_said(world: World) -> None:
    port = free_port()
    environment = {**world.environment, "SRE_BOT_HTTP_PORT": str(port)}
    here = World(world.folder, world.slack, environment, world.log)
    async with MessagesApi(investigator) as api, here.serving(api.url), httpx.AsyncClient() as client:
        await world.answered(await world.mention("is zanzibar well?"))
        told = ""
        async with asyncio.timeout(30):
            while "sre_bot_questions_in_progress 0.0" not in told:
                told = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    assert {name: samples[f"sre_bot_{name}"] for name in COUNTED} == COUNTED
    assert float(samples["sre_bot_model_cost_dollars_total"]) > 0
    assert float(samples['sre_bot_slack_calls_total{method="chat.postMessage",outcome="ok"}']) == 3
    spoken = ("zanzibar", "better title", world.ann.id, world.incidents.id, "xoxb-", "xapp-")
    assert not [word for word in spoken if word in told]
    command = [PROMTOOL.find(), "check", "metrics"]
    checked = await asyncio.to_thread(subprocess.run, command, input=told.encode(), capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


COUNTED = {
    'questions_total{door="mention"}': "1.0",
    'answers_total{outcome="model"}': "1.0",
    'answers_total{outcome="failed"}': "0.0",
    "questions_in_progress": "0.0",
    "first_evidence_seconds_count": "1.0",
    "answer_seconds_count": "1.0",
    "model_turn_seconds_count": "3.0",
    'looks_total{outcome="ok",tool="query_metrics"}': "1.0",
    'looks_total{outcome="ok",tool="list_changes"}': "1.0",
    'source_errors_total{source="prometheus"}': "0.0",
    'claims_total{verdict="verified"}': "1.0",
    "slack_sockets": "2.0",
    'check{check="slack"}': "1.0",
}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


# --- a model that is away, and comes back ---

OVERLOADED = Failure(529, "overloaded_error", "Overloaded", {"retry-after": "0.01"})
CUT = Reply((text("never heard"),), trouble="cut", after=1)
PROMISED = "I go on by myself as soon as it does"


@dataclass
class Provider:
    """A model's provider that goes wrong in this way until it is back."""

    wrong: Reply | Failure | None = OVERLOADED

    def __call__(self, request: JsonObject) -> Reply | Failure:
        return self.wrong or investigator(request)


def kinds(world: World, ts: str) -> list[str]:
    return [key(message).rsplit(":", 1)[-1] for message in world.posts(ts)]


async def waiting(world: World, question: str) -> str:
    """Ask, and wait for the first look with its promise."""
    ts = await world.mention(question)
    assert PROMISED in (await world.answered(ts)).text
    return ts


def configure_waiting(world: World, minutes: float = 10, probe: float = 0.2, seconds: float = 60) -> None:
    world.configure(
        model={"limits": {"seconds": seconds}, "resume_minutes": minutes, "probe_seconds": probe}, drain_seconds=25
    )


async def test_a_model_that_is_overloaded_is_waited_for_and_the_answer_comes_by_itself(world: World) -> None:
    """The provider's list of models answers all the time, so some tries come to nothing: they leave no posts."""
    provider, port = Provider(), free_port()
    configure_waiting(world)
    here = World(world.folder, world.slack, {**world.environment, "SRE_BOT_HTTP_PORT": str(port)}, world.log)
    async with MessagesApi(provider) as api, here.serving(api.url), httpx.AsyncClient() as client:
        ts = await waiting(here, "is prometheus well?")
        first = here.posts(ts, ":answer")[0].text
        assert "This is the first look, which no model wrote." in first
        assert "(529: Overloaded)" in first
        await here.until(lambda: "away again" in next((m.text for m in here.posts(ts, ":resumed")), ""))
        await here.slack.post(here.ann, here.incidents, "we rolled it back", ts)
        provider.wrong = None
        await here.until(lambda: len(here.posts(ts, ":answer")) == 2)
        await here.until(lambda: here.posts(ts, ":resumed")[0].text.startswith("Done"))
        told = ""
        async with asyncio.timeout(30):
            while 'sre_bot_waits_total{end="resumed"} 1.0' not in told:
                told = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    assert kinds(here, ts) == ["status", "first-look", "answer", "resumed", "answer"]
    answer = here.posts(ts, ":answer")[1].text
    assert "The model is back: this continues what was asked at" in answer
    assert SAID in answer
    opening = "".join(str(block["text"]) for block in messages(api.requests[-1])[0]["content"])
    assert "ann: we rolled it back" in opening, "what was said since is part of it"
    assert "sre_bot_waiting_investigations 0.0" in told
    assert 'sre_bot_questions_total{door="mention"} 1.0' in told
    assert not api.refused
    command = [PROMTOOL.find(), "check", "metrics"]
    checked = await asyncio.to_thread(subprocess.run, command, input=told.encode(), capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_a_provider_that_cannot_be_reached_is_waited_for(world: World) -> None:
    port = free_port()
    configure_waiting(world, seconds=8)
    async with world.serving(f"http://127.0.0.1:{port}"):
        ts = await waiting(world, "is prometheus well?")
        async with MessagesApi(investigator, port=port):
            await world.until(lambda: len(world.posts(ts, ":answer")) == 2)
    assert SAID in world.posts(ts, ":answer")[1].text


async def test_streams_that_are_cut_are_waited_for(world: World) -> None:
    provider = Provider(CUT)
    configure_waiting(world, seconds=8, probe=2)
    async with MessagesApi(provider) as api, world.serving(api.url):
        ts = await waiting(world, "is prometheus well?")
        provider.wrong = None
        await world.until(lambda: len(world.posts(ts, ":answer")) == 2)
    assert kinds(world, ts) == ["status", "first-look", "answer", "resumed", "answer"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_ended_while_it_waits_it_goes_on_once_after_the_restart(world: World, number: signal.Signals) -> None:
    """Also after more kills than a piece of work has attempts; and a wait does not hold up the end."""
    provider = Provider()
    configure_waiting(world, probe=20)
    async with MessagesApi(provider) as api:
        async with world.serving(api.url) as process:
            ts = await waiting(world, "is prometheus well?")
            process.send_signal(number)
            await asyncio.wait_for(process.wait(), 60)
        for _ in range(MAX_ATTEMPTS if number == signal.SIGKILL else 1):
            async with world.serving(api.url) as process:
                process.send_signal(number)
                await asyncio.wait_for(process.wait(), 60)
        provider.wrong = None
        configure_waiting(world)
        async with world.serving(api.url):
            await world.until(lambda: len(world.posts(ts, ":answer")) == 2)
            await world.until(lambda: world.posts(ts, ":resumed")[0].text.startswith("Done"))
    assert kinds(world, ts) == ["status", "first-look", "answer", "resumed", "answer"]


async def test_killed_while_it_goes_on_there_is_still_one_answer_more(world: World) -> None:
    provider, asked = Provider(), asyncio.Event()

    def play(request: JsonObject) -> Reply | Failure:
        reply = provider(request)
        if isinstance(reply, Reply):
            asked.set()
        return reply

    configure_waiting(world, probe=1)
    async with MessagesApi(play) as api:
        async with world.serving(api.url) as process:
            ts = await waiting(world, "is prometheus well?")
            provider.wrong = Reply((text("never heard"),), trouble="stall", after=1)
            await asyncio.wait_for(asked.wait(), 30)
            process.kill()
            await process.wait()
        provider.wrong = None
        async with world.serving(api.url):
            await world.until(lambda: len(world.posts(ts, ":answer")) == 2)
            await world.answered(await world.mention("and now?"))
    assert kinds(world, ts) == ["status", "first-look", "answer", "resumed", "answer"]


@pytest.mark.parametrize(
    "failure",
    [
        Failure(401, "authentication_error", "invalid x-api-key"),
        Failure(429, "rate_limit_error", "You have reached your usage limits"),
    ],
)
async def test_what_a_person_has_to_mend_is_not_waited_for(world: World, failure: Failure) -> None:
    configure_waiting(world)
    async with MessagesApi(lambda _: failure) as api, world.serving(api.url):
        ts = await world.mention("is prometheus well?")
        answer = await world.answered(ts)
        await world.answered(await world.mention("and now?"))
    assert "This is the first look, which no model wrote." in answer.text
    assert PROMISED not in answer.text
    assert len(api.requests) == 2
    assert kinds(world, ts) == ["status", "first-look", "answer"]


async def test_a_model_that_is_not_back_in_time_is_told_where_the_status_stands(world: World) -> None:
    configure_waiting(world, minutes=0.05, probe=20)
    async with MessagesApi(Provider()) as api, world.serving(api.url):
        ts = await world.mention("is prometheus well?")
        await world.until(lambda: any("the model was not back by" in post.text for post in world.posts(ts, ":status")))
    assert kinds(world, ts) == ["status", "first-look", "answer"]


async def test_those_who_wait_go_on_one_after_the_other(world: World) -> None:
    provider = Provider()
    configure_waiting(world, probe=3)
    async with MessagesApi(provider) as api, world.serving(api.url):
        threads = [await waiting(world, f"question {number}?") for number in range(2)]
        provider.wrong = None
        before = len(api.requests)
        for ts in threads:
            await world.until(lambda ts=ts: len(world.posts(ts, ":answer")) == 2)
    asked = ["question 0?" in str(messages(request)[0]) for request in api.requests[before:]]
    assert asked == [True] * 3 + [False] * 3


async def test_asked_again_and_answered_a_thread_has_no_second_answer_to_the_first_question(world: World) -> None:
    provider = Provider()
    configure_waiting(world, probe=4)
    async with MessagesApi(provider) as api, world.serving(api.url):
        ts = await waiting(world, "is prometheus well?")
        provider.wrong = None
        await world.mention("and now?", ts)
        await world.until(lambda: world.posts(ts, ":status")[0].text.startswith("Not continued: somebody asked again"))
    assert kinds(world, ts).count("answer") == 2
    assert "resumed" not in kinds(world, ts)


async def test_quiet_ends_the_waiting(world: World) -> None:
    provider = Provider()
    configure_waiting(world, probe=4)
    async with MessagesApi(provider) as api, world.serving(api.url):
        ts = await waiting(world, "is prometheus well?")
        await world.slack.post(world.ann, world.incidents, "quiet", ts)
        said = "Not continued: quiet or a stop was asked for here."
        await world.until(lambda: world.posts(ts, ":status")[0].text == said)
        other = await waiting(world, "something else?")
        provider.wrong = None
        await world.until(lambda: len(world.posts(other, ":answer")) == 2)
    assert kinds(world, ts) == ["status", "first-look", "answer", "quiet"]


async def test_stopped_and_killed_at_once_it_stays_stopped_and_the_model_is_asked_no_more(world: World) -> None:
    asked = asyncio.Event()
    requests: list[JsonObject] = []

    def play(request: JsonObject) -> Reply | Failure:
        requests.append(request)
        asked.set()
        return Reply((text("never heard"),), trouble="stall", after=1)

    def statuses(ts: str) -> list[str]:
        return [message.text for message in world.posts(ts, ":status")]

    async with MessagesApi(play) as api:
        async with world.serving(api.url) as process:
            ts = await world.mention("is prometheus well?")
            await asyncio.wait_for(asked.wait(), 60)
            where = (world.incidents.id, ts)
            await world.until(lambda: world.slack.workspace.sessions.get(where) == "processing")
            stop = world.slack.press_stop(world.ann, world.incidents, ts)
            assert stop is not None
            await world.until(lambda: world.slack.is_acknowledged(stop))
            process.kill()
            await process.wait()
        async with world.serving(api.url):
            await world.until(lambda: statuses(ts)[0].startswith("Stopped by ann."))
            await world.until(lambda: world.slack.workspace.sessions[where] == "closed")
    assert not world.posts(ts, ":answer")
    assert len(requests) == 1
