"""The bot as ``serve`` puts it together, over the wire of a simulated Slack; only what it looks at is made up."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sre_bot.agent.budget import Limits
from sre_bot.durable import Workflows
from sre_bot.incident import Alert
from sre_bot.investigation import Answer, CauseKind, Claim, Evidence, Hypothesis, Observation, Report, Usage
from sre_bot.metered import MeteredHandler
from sre_bot.slack.app import SlackApp
from sre_bot.slack.channels import Channels
from sre_bot.slack.client import web_client
from sre_bot.slack.commands import Commands
from sre_bot.slack.desk import Desk
from sre_bot.slack.directory import Directory
from sre_bot.slack.errands import Errands
from sre_bot.slack.grading import Grading
from sre_bot.slack.homes import Homes
from sre_bot.slack.listeners import Mentions
from sre_bot.slack.replies import Replies
from sre_bot.slack.runs import Runs
from sre_bot.slack.standing import Standing
from sre_bot.store.grades import Grades
from sre_bot.store.heard import Heard
from sre_bot.store.investigations import Investigations
from sre_bot.store.overview import Overview
from sre_bot.store.posts import Posts
from sre_bot.store.shares import Shares
from sre_bot.store.stops import Stops
from sre_bot.store.viewers import Viewers
from sre_bot.store.waits import Waits
from sre_bot.telemetry.metrics import Metrics
from sre_bot.tools.health import Watch
from sre_bot.triage import Investigator
from tests.agent.fakes import PROMPT, Clock, FakeToolset
from tests.fakes import FakeAlertHistory, FakeCurrentAlerts
from tests.slack.conftest import UNHURRIED, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Channel, Message, SlackSimulator, User
    from sre_bot.investigation import Question
    from sre_bot.tools.health import Checkable

FIRING = Observation("fires: CheckoutErrors", "CheckoutErrors fires: checkout fails")
QUIET = Observation("no alert fires", "No alert is held, and none fired in the last hour.")


def redact(text: str) -> str:
    return text.replace("hunter2", "…")


@dataclass
class Bot:
    """Serves, and helps tests to be the people."""

    slack: SlackSimulator
    engine: Engine
    folder: Path
    door: str = "socket"
    seen: Observation = FIRING
    blamed: bool = True
    alerts: list[Alert] = field(default_factory=list)
    sources: dict[str, Checkable] = field(default_factory=dict)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Question] = field(default_factory=list)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="1", prompt="p", model="first-look"))

    async def first_look(self, question: Question) -> Answer:
        self.asked.append(question)
        await self.go.wait()
        what = Claim("Checkout fails.", ("E1",))
        cause = Hypothesis(Claim("The card processor is away.", ("E1",)), CauseKind.EXTERNAL_DEPENDENCY, 0.7)
        report = Report(what=(what,), hypotheses=(cause,) if self.blamed else ())
        usage = Usage(1, 2_000, 300, usd=0.25)
        return Answer(
            question, "first-look", None, report, (Evidence("E1", "list_alerts", {}, self.seen),), usage=usage
        )

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """As ``serve`` does."""
        client, heard = web_client(self.slack.bot_token, self.slack.api_url, UNHURRIED), Heard(self.engine)
        grades, shares, directory = Grades(self.engine), Shares(self.engine), Directory(client, Clock())
        standing = Standing(
            overview=Overview(self.engine),
            waits=Waits(self.engine),
            grades=grades,
            watch=Watch(self.sources, {}, self.now, Clock()),
            directory=directory,
            model="",
            now=self.now,
        )
        homes = Homes(client, Viewers(self.engine), standing, now=self.now, pause=0.05)
        investigations = Investigations(self.engine, homes.changed)
        mentions = Mentions(
            client=client,
            posts=Posts(self.engine),
            investigations=investigations,
            heard=heard,
            channels=Channels(client, {}),
            runs=Runs(Stops(self.engine)),
            unfinished=heard.unfinished(),
            investigator=Investigator(
                self.first_look, lambda _: FakeToolset(), None, PROMPT, Limits(), redact=redact, clock=Clock()
            ),
            allowed_hosts=frozenset(),
            concurrent=4,
            now=self.unix,
        )
        handler = MeteredHandler(mentions, investigations, self.metrics, self.unix)
        workflows = Workflows(
            database_url=f"sqlite:///{self.folder / 'w.sqlite'}",
            lease=self.folder / "lock",
            handler=Errands(handler, client, Posts(self.engine), shares),
            now=self.unix,
        )
        alerts = FakeCurrentAlerts(alerts=self.alerts), FakeAlertHistory(alerts=self.alerts)
        commands = Commands(*alerts, allowed_hosts=(), redact=redact, now=self.now, standing=standing)
        async with workflows:
            desk = Desk(client, shares, workflows.accept, commands.answer, self.now)
            grading = Grading(client, grades, directory, self.metrics, redact=redact, graded=homes.changed)
            app = SlackApp(
                client,
                self.slack.app_token if self.door == "socket" else None,
                workflows.accept,
                let_in=Replies(heard).let_in,
                register=(desk.register, grading.register, homes.register),
            )
            publishing = asyncio.create_task(homes.run())
            async with connected(app, self.slack, self.door):
                yield
                await workflows.drain(60)
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def unix(self) -> float:
        return self.now().timestamp()

    def fire(self, name: str) -> None:
        labels = {"alertname": name, "service": "web", "severity": "critical"}
        self.alerts.append(Alert(name, labels, {"summary": "it burns"}, self.now() - timedelta(minutes=40)))

    async def answered(self, channel: Channel, user: User, text: str = "why is checkout failing?") -> Message:
        """Someone asks; the answer."""
        self.go.set()
        ts = await self.slack.post(user, channel, f"<@UBOT> {text}")
        return await self.answer_to(channel, ts)

    async def answer_to(self, channel: Channel, ts: str) -> Message:
        """The answer in a thread, as soon as it stands there."""
        await self.slack.wait_for(lambda: self.answer_in(channel, ts) is not None)
        found = self.answer_in(channel, ts)
        assert found is not None
        return found

    def answer_in(self, channel: Channel, ts: str) -> Message | None:
        posts = [one for one in self.slack.thread(channel, ts) if one.by_bot and one.metadata]
        return next((one for one in posts if key_of(one).endswith(":answer")), None)

    async def told(self, user: User, text: str) -> Message:
        """What only this person sees, as soon as it has this in it."""

        def found() -> list[Message]:
            mine = (one for one in self.slack.workspace.ephemeral if one.visible_to == user.id)
            return [one for one in mine if text in one.text]

        return (await self.slack.wait_for(found))[0]

    def votes(self, answer: Message) -> list[dict[str, Any]]:
        key = key_of(answer).removesuffix(":answer")
        found = Grades(self.engine).of([key])[key]
        return [{"by": one.person, one.kind.value: one.value, "said": one.sentence} for one in found]


def key_of(post: Message) -> str:
    return str((post.metadata or {})["event_payload"]["key"])
