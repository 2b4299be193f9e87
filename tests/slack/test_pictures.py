"""The picture of a finding comes into the thread once, with words for who does not see it, and never in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sre_bot.slack.pictures import Pictures
from sre_bot.slack.thread import Thread
from sre_bot.store.posts import Posts
from tests.render import sample_answers as samples

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Message, SlackSimulator
    from sre_bot.render.finding import Finding
    from sre_bot.slack.client import SlackClient


class Pencil:
    """Draws nothing, and counts how often."""

    def __init__(self, png: bytes | None = b"png") -> None:
        self.png = png
        self.drawn: list[Finding] = []

    async def __call__(self, finding: Finding) -> bytes | None:
        self.drawn.append(finding)
        return self.png


@pytest.fixture
async def thread(slack: SlackSimulator, client: SlackClient, engine: Engine) -> Thread:
    channel = slack.workspace.channel("incidents")
    root = await slack.post(slack.workspace.user("ann"), channel, "checkout is failing")
    return Thread(client, slack.workspace.team_id, channel.id, root, Posts(engine))


def pictures(slack: SlackSimulator) -> list[Message]:
    return [message for message in slack.workspace.messages.values() if message.files]


async def test_it_stands_in_the_thread_with_its_words(slack: SlackSimulator, thread: Thread) -> None:
    pencil = Pencil()
    await Pictures(pencil).show("k", samples.BAD_DEPLOY, thread)
    (message,) = pictures(slack)
    (file,) = message.files
    assert (file.content, file.alt) == (b"png", pencil.drawn[0].alt)
    assert message.thread_ts is not None
    assert message.text == "Chart: checkout: very likely change 3f2a91c7d0 (82\N{NO-BREAK SPACE}%)"


async def test_however_often_it_is_handled_it_comes_once(slack: SlackSimulator, thread: Thread) -> None:
    pencil = Pencil()
    for _ in range(3):
        await Pictures(pencil).show("k", samples.BAD_DEPLOY, thread)
    assert len(pictures(slack)) == len(pencil.drawn) == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_what_slack_refuses_is_a_line_in_the_log(
    slack: SlackSimulator, thread: Thread, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    slack.faults.refuse(method, "missing_scope")
    await Pictures(Pencil()).show("k", samples.BAD_DEPLOY, thread)
    assert pictures(slack) == []
    assert "could not upload the picture of k:picture: missing_scope" in caplog.text


async def test_what_is_not_drawn_is_not_uploaded(slack: SlackSimulator, thread: Thread) -> None:
    await Pictures(Pencil(None)).show("k", samples.BAD_DEPLOY, thread)
    await Pictures(Pencil()).show("k", samples.DONT_KNOW, thread)
    assert pictures(slack) == []


async def test_a_hostile_finding_rings_nobody(slack: SlackSimulator, thread: Thread) -> None:
    await Pictures(Pencil()).show("k", samples.HOSTILE, thread)
    (message,) = pictures(slack)
    assert "<!" not in message.text
    assert "<@" not in message.text
