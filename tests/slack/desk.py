"""The bot as ``serve`` puts it together, and the people it talks with.

A simulated Slack over its wire, real Bolt, the real engine of durable work; only the model is a script.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sre_bot.agent.budget import Limits
from sre_bot.durable import Workflows
from sre_bot.investigation import Answer, Claim, Evidence, Observation, Report
from sre_bot.slack.app import SlackApp
from sre_bot.slack.channels import Channels
from sre_bot.slack.client import Pacing, web_client
from sre_bot.slack.heeding import Heeding
from sre_bot.slack.listeners import HEARD, ON_IT, Mentions
from sre_bot.slack.prompts import Prompts
from sre_bot.slack.replies import Replies
from sre_bot.slack.runs import Runs
from sre_bot.store.heard import Heard
from sre_bot.store.investigations import Investigations
from sre_bot.store.posts import Posts
from sre_bot.store.stops import Stops
from sre_bot.triage import Investigator
from tests.agent.fakes import PROMPT, Clock, FakeToolset, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.agent.looks import Toolset
    from sre_bot.agent.loop import Model
    from sre_bot.agent.transcript import Conversation, Turn
    from sre_bot.drills.slack_simulator import Channel, Message, SlackSimulator, User
    from sre_bot.investigation import JsonObject, Question


class Noon:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Held(FakeToolset):
    """A toolset whose looks wait to be let through; ``begun`` is set while one waits, ``cancelled`` if it was ended."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def look(self, name: str, arguments: JsonObject) -> Observation:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Observation("seen", "checkout fails")


@dataclass(slots=True)
class HeldReport(ScriptedModel):
    """A scripted model that writes its report only when it is let."""

    writing: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(
        self, conversation: Conversation, *, max_tokens: int, schema: JsonObject | None, timeout: float
    ) -> Turn:
        if schema is not None:
            self.writing.set()
            await self.go.wait()
        return await ScriptedModel.respond(self, conversation, max_tokens=max_tokens, schema=schema, timeout=timeout)


@dataclass
class Desk:
    """The bot, and the people it talks with."""

    slack: SlackSimulator
    engine: Engine
    folder: Path
    clock: Noon
    model: Model | None = None
    toolset: Toolset = field(default_factory=FakeToolset)
    asked: list[Question] = field(default_factory=list)

    async def first_look(self, question: Question) -> Answer:
        self.asked.append(question)
        seen = Evidence("E1", "alerts", {}, Observation("checkout fails", "CheckoutErrors fires: checkout fails"))
        return Answer(question, "first-look", None, Report(what=(Claim("Checkout fails.", ("E1",)),)), (seen,))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """As ``serve`` puts it together."""
        client, heard = (
            web_client(self.slack.bot_token, self.slack.api_url, Pacing(post_seconds=0, edit_seconds=0)),
            Heard(self.engine),
        )
        investigator = Investigator(
            first_look=self.first_look,
            toolset=lambda _: self.toolset,
            model=self.model,
            prompt=PROMPT,
            limits=Limits(),
            redact=lambda text: text.replace("hunter2", "…"),
            clock=Clock(),
        )
        runs = Runs(Stops(self.engine))
        mentions = Mentions(
            client=client,
            posts=Posts(self.engine),
            investigations=Investigations(self.engine),
            heard=heard,
            channels=Channels(client, {}),
            runs=runs,
            unfinished=heard.unfinished(),
            investigator=investigator,
            allowed_hosts=frozenset(),
            concurrent=4,
            now=self.unix,
        )
        url = f"sqlite:///{self.folder / 'w.sqlite'}"
        workflows = Workflows(database_url=url, lease=self.folder / "lock", handler=mentions, now=self.unix)
        async with workflows:
            app = SlackApp(
                client,
                self.slack.app_token,
                workflows.accept,
                let_in=Replies(heard).let_in,
                heed=Heeding(runs, heard, workflows.accept),
                register=(Prompts(client).register,),
            )
            try:
                await app.connect()
                yield
                await workflows.drain(60)
            finally:
                await app.close()

    def unix(self) -> float:
        return self.clock.now.timestamp()

    @property
    def incidents(self) -> Channel:
        return self.slack.workspace.channel("incidents")

    async def say(self, text: str, thread: str | None = None, by: str = "ann", *, guest: bool = False) -> str:
        self.clock.now += timedelta(seconds=1)
        person = self.slack.workspace.user(by, is_guest=guest)
        return await self.slack.post(person, self.incidents, text.replace("@bot", "<@UBOT>"), thread)

    def person(self, name: str) -> User:
        return self.slack.workspace.user(name)

    def press_stop(self, thread: str, by: str = "ben") -> None:
        """The native button, a while later."""
        self.clock.now += timedelta(seconds=1)
        self.slack.press_stop(self.person(by), self.incidents, thread)

    async def status(self, thread: str, beginning: str) -> Message:
        """Wait until a status of a thread begins like this."""

        def found() -> list[Message]:
            return [one for one in self.posts(thread, ":status") if one.text.startswith(beginning)]

        return (await self.slack.wait_for(found))[0]

    def session(self, thread: str) -> str | None:
        return self.slack.workspace.sessions.get((self.incidents.id, thread))

    def how(self) -> list[str]:
        """How each investigation stands, in the order they were asked."""
        with self.engine.connect() as connection:
            return [*connection.exec_driver_sql("SELECT status FROM investigations ORDER BY id").scalars()]

    def posts(self, thread: str, kind: str = "") -> list[Message]:
        mine = [message for message in self.slack.thread(self.incidents, thread) if message.by_bot]
        return [message for message in mine if key(message).endswith(kind)]

    async def answered(self, thread: str, times: int) -> None:
        """Wait until there are so many answers, and nothing more to do."""
        await self.slack.wait_for(lambda: len(self.posts(thread, ":answer")) == times)
        await self.settled()

    async def settled(self) -> None:
        """Wait until every event is acknowledged, and every status has its last word."""

        def done() -> bool:
            statuses = [message.text for message in self.slack.workspace.messages.values() if message.by_bot]
            return all(map(self.slack.is_acknowledged, self.slack.events)) and not {ON_IT, HEARD} & set(statuses)

        await self.slack.wait_for(done)

    async def offered(self, thread: str, texts: set[str]) -> None:
        """Wait until these are held out to what runs."""
        async with asyncio.timeout(60):
            while texts - self._offered():  # noqa: ASYNC110 - the store tells only when asked
                await asyncio.sleep(0.01)

    def _offered(self) -> set[str]:
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT json_extract(message, '$.text') FROM heard").scalars()
            return {str(text) for text in rows if text}


def key(message: Message) -> str:
    return str(cast("Any", message.metadata or {}).get("event_payload", {}).get("key", ""))
