"""Bad input while ``serve`` runs: each is answered, and the process lives to answer the next question."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import pytest
import yaml

from sre_bot.drills.slack_simulator import RetrySchedule, SlackSimulator
from tests.bad_input.mentions import COMMANDS, MENTIONS
from tests.bad_input.places import small_disk
from tests.bad_input.row import Servers
from tests.conftest import GitFolder
from tests.messages_api import MessagesApi, Reply, json_reply, text
from tests.sources.hostile import hostile, http, says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sre_bot.investigation import JsonObject
    from tests.bad_input.mentions import Command, Mention

pytestmark = pytest.mark.real

T = TypeVar("T")

_RETRIES = RetrySchedule(ack_within=3.0, delays=(0.0, 2.0, 2.0))


def investigator(request: JsonObject) -> Reply:
    """A model that looks at nothing and knows nothing."""
    if not request.get("output_config"):
        return Reply((text("I have seen enough."),))
    empty: JsonObject = {"what_is_going_on": [], "impact": [], "hypotheses": [], "ruled_out": []}
    return json_reply({**empty, "next_steps": [], "unknown": ["What happened."]})


@dataclass
class Serving:
    """A bot in a process of its own, and the simulated Slack in which it answers."""

    process: subprocess.Popen[bytes]
    slack: SlackSimulator
    model: MessagesApi
    servers: Servers
    folder: Path

    def until(self, predicate: Callable[[], T]) -> T:
        try:
            return self.servers.run(self.slack.wait_for(predicate, within=60))
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{(self.folder / 'serve.log').read_text()[-4000:]}") from error

    def mention(self, question: str) -> str:
        world = self.slack.workspace
        return self.servers.run(
            self.slack.post(world.user("ann"), world.channel("incidents"), f"{world.bot.mention} {question}")
        )

    def posted(self, ts: str, kind: str) -> str:
        """What the bot posted as an answer, say, to a mention; empty as long as it has not."""
        for message in self.slack.thread(self.slack.workspace.channel("incidents"), ts):
            payload = (message.metadata or {}).get("event_payload", {})
            if message.by_bot and str(payload.get("key", "")).endswith(kind):
                return message.text
        return ""

    def answer(self, question: str) -> str:
        """The answer to a mention."""
        ts = self.mention(question)
        answered = self.until(lambda: self.posted(ts, ":answer") or self.posted(ts, ":apology"))
        assert self.posted(ts, ":answer"), answered
        assert self.process.poll() is None
        return answered


@contextlib.contextmanager
def serving(folder: Path, servers: Servers) -> Iterator[Serving]:
    """A bot whose Prometheus is a login page, with one repository."""
    GitFolder(folder / "shop").commit("first", {"README.md": "# Shop\n"}, datetime.now(UTC))
    with contextlib.ExitStack() as stack:
        slack = stack.enter_context(servers.up(SlackSimulator(retries=_RETRIES)))
        model = stack.enter_context(servers.up(MessagesApi(investigator)))
        login = http(b"<title>Sign in</title>", kind="text/html")
        prometheus = stack.enter_context(servers.up(hostile(says(login))))
        settings = {
            "slack": {"api_url": slack.api_url},
            "model": {"base_url": model.url, "name": "claude-test"},
            "prometheus": {"url": prometheus.url},
            "repositories": [{"name": "shop", "path": "shop"}],
            "http": {"port": 0},
            "state_dir": "state",
        }
        (folder / "sre-bot.yaml").write_text(yaml.safe_dump(settings))
        env = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COV"))}
        env |= {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
        log = stack.enter_context((folder / "serve.log").open("wb"))
        command = [sys.executable, "-m", "sre_bot.cli", "serve"]
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        bot = Serving(process, slack, model, servers, folder)
        try:
            bot.until(lambda: slack.connection_count)
            yield bot
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as running:
        yield running


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Serving]:
    """One for all, so that each question shows that it lives on after the one before."""
    with serving(tmp_path_factory.mktemp("serving"), servers) as running:
        yield running
        assert "Traceback" not in (running.folder / "serve.log").read_text()


@pytest.mark.parametrize("mention", MENTIONS, ids=lambda mention: mention.does)
def test_whatever_is_written_is_answered(bot: Serving, mention: Mention) -> None:
    before = len(bot.model.requests)
    answer = bot.answer(mention.text)
    print(f"{mention.does}\n{answer}")  # noqa: T201 - for whoever reads the table
    assert mention.said in " ".join(answer.split())
    assert mention.asked in json.dumps(bot.model.requests[before]["messages"], ensure_ascii=False)
    assert "<!" not in answer


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text or "nothing")
def test_whatever_is_commanded_is_answered(bot: Serving, command: Command) -> None:
    world = bot.slack.workspace
    ack = bot.servers.run(bot.slack.slash(world.user("ann"), "/sre", command.text, world.channel("incidents")))
    assert ack.payload is not None
    print(ack.payload["text"])  # noqa: T201 - for whoever reads the table
    assert command.said in ack.payload["text"]


def test_a_repository_that_is_deleted_meanwhile_is_named(tmp_path: Path, servers: Servers) -> None:
    with serving(tmp_path, servers) as bot:
        assert "shop does not exist" not in bot.answer("what changed?")
        shutil.rmtree(tmp_path / "shop")
        assert "shop does not exist or may not be entered" in bot.answer("and now?")


def test_a_disk_that_is_full_for_a_while_costs_no_question(tmp_path: Path, servers: Servers) -> None:
    with small_disk(tmp_path / "state", 4096) as disk, serving(tmp_path, servers) as bot:
        bot.answer("what is wrong?")
        disk.fill()
        ts = bot.mention("and now?")
        bot.until(lambda: any(envelope.retry_attempt for envelope in bot.slack.envelopes))
        assert not bot.posted(ts, ":status"), "what is not kept is not promised"
        disk.empty()
        assert bot.until(lambda: bot.posted(ts, ":answer"))
