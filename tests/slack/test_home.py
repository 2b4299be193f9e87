"""The Home tab: what stands there, for whom, and that it keeps itself up to date."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sre_bot.drills.slack_simulator import block_kit
from sre_bot.slack.feedback import GRADE
from sre_bot.slack.home import home_view
from sre_bot.slack.standing import Snapshot
from sre_bot.store.overview import Asked, Spent
from sre_bot.tools.health import Health
from tests.slack.served import Bot

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Channel, SlackSimulator, User

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


@pytest.fixture(params=["socket", "http"])
def bot(request: pytest.FixtureRequest, slack: SlackSimulator, engine: Engine, tmp_path: Path) -> Bot:
    return Bot(slack, engine, tmp_path, door=str(request.param))


async def shows(bot: Bot, user: User, *texts: str) -> str:
    """Their tab, as soon as it has all of this in it."""

    def find() -> str:
        view = json.dumps(bot.slack.workspace.home_views.get(user.id, {}), ensure_ascii=False)
        return view if all(text in view for text in texts) else ""

    return await bot.slack.wait_for(find)


async def test_it_renews_itself_when_an_investigation_begins_and_ends_and_when_it_is_graded(
    bot: Bot, ann: User, incidents: Channel
) -> None:
    async with bot.serving():
        bot.slack.open_home(ann)
        await shows(bot, ann, "What I may do here", "None that you may see.", "$0.00 for 0 answers")
        ts = await bot.slack.post(ann, incidents, "<@UBOT> why is checkout slow?")
        await shows(bot, ann, ":mag: “why is checkout slow?”")
        bot.go.set()
        answer = await bot.answer_to(incidents, ts)
        view = await shows(bot, ann, "an outage elsewhere", "$0.25 for 1 answer")
        assert ":mag:" not in view
        await bot.slack.click(ann, incidents, answer.ts, f"{GRADE}65")
        await shows(bot, ann, "One hop short")


async def test_answers_from_where_somebody_cannot_look_are_shown_to_who_asked_only(
    bot: Bot, ann: User, incidents: Channel
) -> None:
    private = bot.slack.workspace.channel("private", private=True)
    ben, guest = bot.slack.workspace.user("ben"), bot.slack.workspace.user("gus", is_guest=True)
    async with bot.serving():
        await bot.answered(incidents, ann, "is the sky blue?")
        await bot.answered(private, ann, "who stole the money?")
        bot.go.set()
        ts = await bot.slack.dm(ann, "am I fired?")
        await bot.answer_to(bot.slack.workspace.direct(ann), ts)
        for person in (ann, ben, guest):
            bot.slack.open_home(person)
        await shows(bot, ann, "is the sky blue?", "who stole the money?", "am I fired?")
        others = await shows(bot, ben, "is the sky blue?")
        assert "stole" not in others
        assert "fired?" not in others
        assert "sky" not in await shows(bot, guest, "None that you may see.")


async def test_many_changes_come_out_as_few_publications(bot: Bot, ann: User, incidents: Channel) -> None:
    async with bot.serving():
        bot.slack.open_home(ann)
        await shows(bot, ann, "None that you may see.")
        for number in range(6):
            bot.go.set()
            await bot.slack.post(ann, incidents, f"<@UBOT> question {number}?")
        await shows(bot, ann, "for 6 answers")
    published = [call for call in bot.slack.calls if call.method == "views.publish"]
    assert len(published) < 12, "each began and ended"


async def test_who_opens_the_messages_tab_gets_no_home_published(bot: Bot, ann: User) -> None:
    async with bot.serving():
        event = bot.slack.emit({"type": "app_home_opened", "user": ann.id, "channel": "D1", "tab": "messages"})
        assert event is not None
        await bot.slack.wait_for(lambda: bot.slack.is_acknowledged(event))
    assert not bot.slack.workspace.home_views


def test_it_keeps_to_what_a_view_takes_and_mentions_nobody() -> None:
    hostile = "<!channel> <https://evil.example|x> & " * 200
    asked = [Asked(f"slack:T1:C1:{n}.1", hostile, "U1", NOW) for n in range(200)]
    sources = [Health(f"{hostile}{n}", works=n % 2 == 0, sentence=hostile) for n in range(200)]
    snapshot = Snapshot(NOW, hostile, sources, asked, 3, 2, asked, {}, Spent(9, 1.5, 3_000_000, 12_345))
    view = home_view(snapshot)
    blocks = view["blocks"]
    assert isinstance(blocks, list)
    assert list(block_kit.check(blocks, "", most=block_kit.MAX_BLOCKS_OF_VIEW)) == []
    assert "<!channel>" not in str(view)
    assert "<https://evil" not in str(view)
    assert "3.0 M tokens in, 12.3 k out" in str(view)
