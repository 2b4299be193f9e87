"""What Slack is told a thread to be doing: in order, the latest only, and nothing where it does not know of that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sre_bot.slack.sessions import Sessions, SessionStatus

if TYPE_CHECKING:
    from sre_bot.drills.slack_simulator import SlackSimulator
    from sre_bot.slack.client import SlackClient

METHOD = "agents.sessions.setStatus"


@pytest.fixture
async def where(slack: SlackSimulator) -> tuple[str, str]:
    channel = slack.workspace.channel("incidents")
    return channel.id, await slack.post(slack.workspace.user("ann"), channel, "why?")


def told(slack: SlackSimulator) -> list[str]:
    return [str(call.arguments["status"]) for call in slack.calls if call.method == METHOD]


async def test_a_thread_is_processed_until_the_last_that_works_on_it_is_done(
    slack: SlackSimulator, client: SlackClient, where: tuple[str, str]
) -> None:
    sessions = Sessions(client)
    async with sessions.working(*where):
        async with sessions.working(*where) as inner:
            inner.ends = SessionStatus.SUSPENDED
        assert slack.workspace.sessions[where] == "processing"
    assert slack.workspace.sessions[where] == "closed"
    assert told(slack) == ["processing", "closed"]


async def test_a_fault_closes_it_and_the_end_of_the_process_leaves_it(
    slack: SlackSimulator, client: SlackClient, where: tuple[str, str]
) -> None:
    sessions = Sessions(client)
    with pytest.raises(ValueError, match="broken"):
        async with sessions.working(*where):
            raise ValueError("broken")
    assert slack.workspace.sessions[where] == "closed"

    async def working() -> None:
        async with sessions.working(*where):
            await asyncio.Event().wait()

    task = asyncio.create_task(working())
    await slack.wait_for(lambda: slack.workspace.sessions[where] == "processing")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert slack.workspace.sessions[where] == "processing"


async def test_a_failure_of_slacks_is_tried_again(
    slack: SlackSimulator, client: SlackClient, where: tuple[str, str]
) -> None:
    slack.faults.fail(METHOD)
    await Sessions(client).show(*where, SessionStatus.CLOSED)
    assert slack.workspace.sessions[where] == "closed"


async def test_without_the_method_nothing_is_asked_a_second_time(
    slack: SlackSimulator, client: SlackClient, where: tuple[str, str]
) -> None:
    slack.lacks(METHOD)
    sessions = Sessions(client)
    for _ in range(3):
        async with sessions.working(*where):
            pass
    assert len(told(slack)) == 1
