"""Who may ask, and where: the same for every door and every way to ask; who may not is told so, and nothing is kept."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from sre_bot.slack.admission import CANNOT_SEE, NOT_DIRECTLY, NOT_YOU, OUTSIDER, WRONG_CHANNEL, Admission, Rules
from sre_bot.slack.app import SlackApp
from sre_bot.slack.directory import KNOWN_SECONDS, Directory
from sre_bot.slack.gate import NOT_NOW, TOLD_SECONDS, Gate
from tests.slack.conftest import connected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck

    from sre_bot.drills.slack_simulator import Channel, SlackSimulator, User
    from sre_bot.investigation import JsonObject
    from sre_bot.slack.client import SlackClient


@pytest.fixture(params=["socket", "http"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclasses.dataclass
class Bot:
    """The app behind its gate, what it took, and a clock."""

    slack: SlackSimulator
    client: SlackClient
    taken: list[JsonObject] = dataclasses.field(default_factory=list)
    commands: list[str] = dataclasses.field(default_factory=list)
    expected: bool = False
    now: float = 0.0

    def app(self, rules: Rules) -> SlackApp:
        def clock() -> float:
            return self.now

        async def accept(key: str, event: JsonObject) -> None:
            self.taken.append(event)

        async def let_in(key: str, event: JsonObject) -> bool:
            return True

        async def answer(ack: AsyncAck, command: Mapping[str, Any]) -> None:
            self.commands.append(command["text"])
            await ack("all is well")

        def register(app: AsyncApp) -> None:
            app.command("/sre")(answer)

        async def expects(body: Mapping[str, Any]) -> bool:
            return self.expected

        gate = Gate(Admission(rules, Directory(self.client, clock)), self.client, clock, expects)
        return SlackApp(self.client, self.slack.app_token, accept, let_in=let_in, register=[register], gate=gate)

    async def asks(self, user: User, channel: Channel, text: str = "<@UBOT> why?", thread: str | None = None) -> str:
        """Someone says something; returns when Slack was told that it arrived."""
        ts = await self.slack.post(user, channel, text, thread)
        await self.slack.wait_for(lambda: all(map(self.slack.is_acknowledged, self.slack.events)))
        return ts

    async def told(self, count: int = 1) -> list[str]:
        """What was said so that only one person sees it."""
        await self.slack.wait_for(lambda: len(self.slack.workspace.ephemeral) >= count)
        return [one.text for one in self.slack.workspace.ephemeral]

    def askers(self) -> set[str]:
        return {str(event["user"]) for event in self.taken}


@pytest.fixture
def bot(slack: SlackSimulator, client: SlackClient) -> Bot:
    return Bot(slack, client)


@pytest.fixture
def ben(slack: SlackSimulator) -> User:
    return slack.workspace.user("ben")


@pytest.fixture
def random(slack: SlackSimulator) -> Channel:
    return slack.workspace.channel("random")


async def test_where_nothing_is_configured_everybody_is_answered_and_nobody_is_looked_up(
    bot: Bot, door: str, ann: User, random: Channel
) -> None:
    async with connected(bot.app(Rules()), bot.slack, door):
        await bot.asks(ann, random)
        await bot.asks(ann, bot.slack.workspace.direct(ann), "why?")
    assert {event["channel"] for event in bot.taken} == {random.id, bot.slack.workspace.direct(ann).id}
    assert {call.method for call in bot.slack.calls} <= {"auth.test", "apps.connections.open"}


@pytest.mark.parametrize("by", ["name", "id"])
async def test_only_channels_that_are_listed_are_answered_in(
    bot: Bot, door: str, ann: User, incidents: Channel, random: Channel, *, by: str
) -> None:
    listed = incidents.name if by == "name" else incidents.id
    async with connected(bot.app(Rules(channels=frozenset({listed}))), bot.slack, door):
        await bot.asks(ann, incidents)
        await bot.asks(ann, random)
        assert await bot.told() == [WRONG_CHANNEL.format(channel=random.id)]
        ack = await bot.slack.slash(ann, "/sre", "alerts", incidents)
        assert (ack.payload or {}).get("text") == "all is well"
    assert {event["channel"] for event in bot.taken} == {incidents.id}


async def test_direct_messages_are_closed_with_listed_channels_unless_told_otherwise(
    bot: Bot, door: str, ann: User
) -> None:
    directly = bot.slack.workspace.direct(ann)
    async with connected(bot.app(Rules(channels=frozenset({"incidents"}))), bot.slack, door):
        await bot.asks(ann, directly, "why?")
        assert await bot.told() == [NOT_DIRECTLY]
        assert not bot.taken
    async with connected(bot.app(Rules(channels=frozenset({"incidents"}), direct=True)), bot.slack, door):
        await bot.asks(ann, directly, "why?")
    assert [event["channel"] for event in bot.taken] == [directly.id]


@pytest.mark.parametrize("by", ["user", "handle", "group id"])
async def test_only_people_that_are_listed_or_in_a_group_that_is_are_answered(
    bot: Bot, door: str, ann: User, ben: User, incidents: Channel, *, by: str
) -> None:
    group = bot.slack.workspace.group("oncall", ann)
    rules = {
        "user": Rules(users=frozenset({ann.id})),
        "handle": Rules(groups=frozenset({"oncall"})),
        "group id": Rules(groups=frozenset({group.id})),
    }[by]
    async with connected(bot.app(rules), bot.slack, door):
        await bot.asks(ann, incidents)
        await bot.asks(ben, incidents)
        assert await bot.told() == [NOT_YOU.format(user=ben.id)]
    assert bot.askers() == {ann.id}


async def test_who_joins_a_group_is_answered_when_it_is_read_again(
    bot: Bot, door: str, ann: User, ben: User, incidents: Channel
) -> None:
    bot.slack.workspace.group("oncall", ann)
    async with connected(bot.app(Rules(groups=frozenset({"oncall"}))), bot.slack, door):
        await bot.asks(ben, incidents)
        bot.slack.workspace.group("oncall", ann, ben)
        await bot.asks(ben, incidents)
        assert not bot.taken
        bot.now += KNOWN_SECONDS
        await bot.asks(ben, incidents)
    assert bot.askers() == {ben.id}


@pytest.mark.parametrize("trouble", ["no such group", "missing_scope"])
async def test_a_group_that_cannot_be_read_lets_nobody_in(
    bot: Bot, door: str, ann: User, incidents: Channel, trouble: str
) -> None:
    if trouble == "missing_scope":
        bot.slack.faults.refuse("usergroups.list", trouble, calls=9)
    async with connected(bot.app(Rules(groups=frozenset({"oncall"}))), bot.slack, door):
        await bot.asks(ann, incidents)
        refusal = CANNOT_SEE.format(why=trouble) if trouble == "missing_scope" else NOT_YOU.format(user=ann.id)
        assert await bot.told() == [refusal]
    assert not bot.taken


async def test_a_mention_waits_at_slacks_while_it_cannot_be_seen_who_may_ask(
    bot: Bot, door: str, ann: User, incidents: Channel
) -> None:
    bot.slack.workspace.group("oncall", ann)
    bot.slack.faults.refuse("usergroups.list", "internal_error", calls=3)
    async with connected(bot.app(Rules(groups=frozenset({"oncall"}))), bot.slack, door):
        await bot.asks(ann, incidents)
        bot.slack.faults.refuse("usergroups.users.list", "internal_error", calls=1)
        bot.now += KNOWN_SECONDS
        ack = await bot.slack.slash(ann, "/sre", "alerts", incidents)
    assert bot.askers() == {ann.id}
    assert (ack.payload or {}).get("text") == NOT_NOW
    assert [one.text for one in bot.slack.workspace.ephemeral] == [NOT_NOW]


async def test_guests_and_people_of_other_organisations_can_be_refused(
    bot: Bot, door: str, ann: User, incidents: Channel
) -> None:
    guest = bot.slack.workspace.user("guest", is_guest=True)
    stranger = dataclasses.replace(bot.slack.workspace.user("stranger"), team="T0OTHER")
    bot.slack.workspace.users[stranger.id] = stranger
    async with connected(bot.app(Rules(refuse_outsiders=True)), bot.slack, door):
        for user in (ann, guest, stranger):
            await bot.asks(user, incidents)
        assert await bot.told(2) == [OUTSIDER, OUTSIDER]
    assert bot.askers() == {ann.id}


async def test_who_is_refused_is_told_once_in_ten_minutes_and_channel(
    bot: Bot, door: str, ann: User, incidents: Channel, random: Channel
) -> None:
    async with connected(bot.app(Rules(users=frozenset({"U9999"}))), bot.slack, door):
        for _ in range(3):
            await bot.asks(ann, incidents)
        await bot.asks(ann, random)
        await bot.told(2)
        bot.now += TOLD_SECONDS
        await bot.asks(ann, incidents)
        assert len(await bot.told(3)) == 3
    assert [one.channel for one in bot.slack.workspace.ephemeral] == [incidents.id, random.id, incidents.id]
    assert {one.visible_to for one in bot.slack.workspace.ephemeral} == {ann.id}


@pytest.mark.parametrize("expected", [True, False])
async def test_a_reply_without_our_name_is_refused_aloud_only_where_it_would_be_answered(
    bot: Bot, door: str, ann: User, incidents: Channel, *, expected: bool
) -> None:
    bot.expected = expected
    async with connected(bot.app(Rules(users=frozenset({"U9999"}))), bot.slack, door):
        root = await bot.slack.post(ann, incidents, "checkout is failing")
        await bot.asks(ann, incidents, "why is that?", root)
    assert not bot.taken
    assert [one.thread_ts for one in bot.slack.workspace.ephemeral] == ([root] if expected else [])


async def test_commands_and_clicks_are_refused_alike(bot: Bot, door: str, ann: User, incidents: Channel) -> None:
    async with connected(bot.app(Rules(users=frozenset({"U9999"}))), bot.slack, door):
        ack = await bot.slack.slash(ann, "/sre", "alerts", incidents)
        assert ack.payload == {"response_type": "ephemeral", "text": NOT_YOU.format(user=ann.id)}
        button = {"type": "button", "action_id": "share", "text": {"type": "plain_text", "text": "Share"}}
        blocks = [{"type": "actions", "elements": [button]}]
        ts = (await bot.client.chat_postMessage(channel=incidents.id, text="alerts", blocks=blocks))["ts"]
        bot.now += TOLD_SECONDS
        await bot.slack.click(ann, incidents, str(ts), "share")
        assert await bot.told(2) == [NOT_YOU.format(user=ann.id)] * 2
    assert not bot.commands


async def test_a_bot_is_answered_when_it_is_listed_and_names_us(bot: Bot, door: str, incidents: Channel) -> None:
    posted: JsonObject = {"type": "message", "subtype": "bot_message", "channel": incidents.id}
    async with connected(bot.app(Rules(bots=frozenset({"BFLOW"}), users=frozenset({"U1"}))), bot.slack, door):
        for by, text in (("BOTHER", "<@UBOT> why?"), ("BFLOW", "deployed"), ("BFLOW", "<@UBOT> why?")):
            bot.slack.emit({**posted, "ts": bot.slack.workspace.next_ts(), "bot_id": by, "text": text})
        await bot.slack.wait_for(lambda: all(map(bot.slack.is_acknowledged, bot.slack.events)))
        await bot.client.chat_postMessage(channel=incidents.id, text="<@UBOT> I am talking to myself")
        await bot.slack.wait_for(lambda: all(map(bot.slack.is_acknowledged, bot.slack.events)))
    assert [(event["user"], event["text"]) for event in bot.taken] == [("BFLOW", "<@UBOT> why?")]


async def test_one_mention_is_one_however_often_it_is_delivered(
    bot: Bot, door: str, ann: User, incidents: Channel
) -> None:
    async with connected(bot.app(Rules()), bot.slack, door):
        ts = [await bot.slack.post(ann, incidents, f"<@UBOT> {n}") for n in range(50)]
        await bot.slack.wait_for(lambda: all(map(bot.slack.is_acknowledged, bot.slack.events)))
        for event in list(bot.slack.events):
            bot.slack.redeliver(event)
        await bot.slack.wait_for(lambda: len(bot.slack.envelopes) >= 4 * len(ts))
    assert {event["ts"] for event in bot.taken} == set(ts)
