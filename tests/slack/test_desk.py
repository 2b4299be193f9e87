"""Commands, what is shared of them, and the shortcut on a message; over both doors."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sre_bot.drills.slack_simulator import Message
from sre_bot.slack.commands import HELP, SHORT_USAGE
from sre_bot.slack.desk import LOOKING, NOT_HERE, NOTHING_SAID, SHORTCUT
from sre_bot.slack.errands import SHARED
from sre_bot.slack.shown import MAX_TEXT, SHARE_ACTION, cut, with_share
from tests.fakes import down
from tests.slack.served import Bot

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Channel, SlackSimulator, User


@pytest.fixture(params=["socket", "http"])
def bot(request: pytest.FixtureRequest, slack: SlackSimulator, engine: Engine, tmp_path: Path) -> Bot:
    return Bot(slack, engine, tmp_path, door=str(request.param))


class Source:
    """Answers a check, or is down."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails

    async def check(self) -> str:
        if self.fails:
            raise down("loki")
        return "version 3"


async def test_what_a_command_showed_is_shared_once_with_the_name_of_who_shared_it(
    bot: Bot, ann: User, incidents: Channel
) -> None:
    bot.fire("Errors")
    async with bot.serving():
        await bot.slack.slash(ann, "/sre", "alerts", incidents)
        shown = await bot.told(ann, "Errors (web)")
        bot.alerts.clear()
        await asyncio.gather(*(bot.slack.click(ann, incidents, shown.ts, SHARE_ACTION) for _ in range(2)))
        await bot.slack.wait_for(lambda: bot.slack.workspace.top_level(incidents.id))
        await bot.told(ann, SHARED)
    [post] = bot.slack.workspace.top_level(incidents.id)
    assert f"<@{ann.id}> shared" in post.text
    assert "Errors (web)" in str(post.blocks), "what was shown, not what fires by now"
    [left] = [one for one in bot.slack.workspace.ephemeral if one.visible_to == ann.id]
    assert SHARE_ACTION not in str(left.blocks)


async def test_where_it_cannot_post_it_says_so_to_who_wanted_to_share(bot: Bot, ann: User) -> None:
    elsewhere = bot.slack.workspace.channel("elsewhere", with_bot=False)
    async with bot.serving():
        await bot.slack.slash(ann, "/sre", "alerts", elsewhere)
        shown = await bot.told(ann, "Nothing")
        await bot.slack.click(ann, elsewhere, shown.ts, SHARE_ACTION)
        await bot.told(ann, "Invite me to the channel")


async def test_nobody_shares_what_was_shown_to_another(bot: Bot, ann: User, incidents: Channel) -> None:
    bot.fire("Errors")
    eve = bot.slack.workspace.user("eve")
    async with bot.serving():
        await bot.slack.slash(ann, "/sre", "alerts", incidents)
        shown = await bot.told(ann, "Errors (web)")
        forged = Message(incidents.id, bot.slack.workspace.next_ts(), "UBOT", "x", blocks=shown.blocks)
        bot.slack.workspace.ephemeral.append(replace(forged, visible_to=eve.id))
        await bot.slack.click(eve, incidents, forged.ts, SHARE_ACTION)
    assert not bot.slack.workspace.top_level(incidents.id)


@pytest.mark.parametrize(("words", "told"), [("help", HELP), ("reboot", SHORT_USAGE), ("alerts a b", SHORT_USAGE)])
async def test_wrong_usage_gets_the_usage(bot: Bot, ann: User, incidents: Channel, words: str, told: str) -> None:
    async with bot.serving():
        await bot.slack.slash(ann, "/sre", words, incidents)
        shown = await bot.told(ann, told)
    assert SHARE_ACTION not in str(shown.blocks)


async def test_status_tells_what_runs_how_sources_do_and_what_was_used(bot: Bot, ann: User, incidents: Channel) -> None:
    bot.sources = {"prometheus": Source(fails=False), "loki": Source(fails=True)}
    ben, private = bot.slack.workspace.user("ben"), bot.slack.workspace.channel("private", private=True)
    async with bot.serving():
        await bot.answered(incidents, ann)
        bot.go.clear()
        ts = await bot.slack.post(ann, private, "<@UBOT> who stole the money?")
        await bot.slack.wait_for(lambda: len(bot.slack.thread(private, ts)) > 1)
        await bot.slack.slash(ben, "/sre", "status", incidents)
        told = (await bot.told(ben, "Used today")).text
        await bot.slack.slash(ann, "/sre", "status", incidents)
        assert "who stole the money?" in (await bot.told(ann, "Used today")).text
        bot.go.set()
    assert "stole" not in told, "asked where ben cannot look"
    assert "1 more where you cannot look" in told
    assert ":large_green_circle: *prometheus* version 3" in told
    assert ":red_circle: *loki* connection refused" in told
    assert "$0.25 for 1 answer, 2.0 k tokens in, 300 out" in told


async def test_the_shortcut_looks_into_a_message_in_its_thread_once_for_each_who_asks(
    bot: Bot, ann: User, incidents: Channel
) -> None:
    bot.go.set()
    async with bot.serving():
        ts = await bot.slack.post(bot.slack.workspace.user("ben"), incidents, "checkout burns &amp; smokes")
        await bot.slack.shortcut(ann, incidents, ts, SHORTCUT)
        await bot.slack.shortcut(ann, incidents, ts, SHORTCUT)
        await bot.answer_to(incidents, ts)
        await bot.told(ann, LOOKING)
    [question] = bot.asked
    assert question.text.endswith("checkout burns & smokes")
    assert question.asked_by == ann.id
    assert [one.text for one in question.conversation] == ["checkout burns & smokes"]
    assert 'sre_bot_questions_total{door="shortcut"} 1.0' in bot.metrics.exposition().decode()


async def test_what_a_program_posted_in_an_attachment_can_be_asked_about(
    bot: Bot, ann: User, incidents: Channel
) -> None:
    bot.go.set()
    alarm = Message(
        incidents.id, bot.slack.workspace.next_ts(), "U0999", "", attachments=({"text": "[FIRING] CheckoutErrors"},)
    )
    bot.slack.workspace.keep(alarm)
    async with bot.serving():
        await bot.slack.shortcut(ann, incidents, alarm.ts, SHORTCUT)
        await bot.answer_to(incidents, alarm.ts)
    assert bot.asked[0].text.endswith("[FIRING] CheckoutErrors")


async def test_where_it_is_not_the_shortcut_says_what_to_do(bot: Bot, ann: User) -> None:
    elsewhere = bot.slack.workspace.channel("elsewhere", with_bot=False)
    async with bot.serving():
        ts = await bot.slack.post(ann, elsewhere, "checkout burns")
        await bot.slack.shortcut(ann, elsewhere, ts, SHORTCUT)
        await bot.told(ann, NOT_HERE)
        silent = bot.slack.workspace.keep(Message(elsewhere.id, bot.slack.workspace.next_ts(), ann.id, ""))
        await bot.slack.shortcut(ann, elsewhere, silent.ts, SHORTCUT)
        await bot.told(ann, NOTHING_SAID)
    assert not bot.asked


def test_what_is_shown_keeps_to_what_a_message_takes() -> None:
    text = cut("\n".join(f"line {number} " + "x" * 200 for number in range(500)))
    assert len(text) < MAX_TEXT + 50
    assert text.splitlines()[-1].endswith("more lines)")
    sections = [block["text"] for block in with_share(text, "id")[:-1]]
    assert all(len(str(dict(one)["text"])) <= 3_000 for one in sections if isinstance(one, dict))
    assert len(with_share("y" * 9_000, "id")) == 5
