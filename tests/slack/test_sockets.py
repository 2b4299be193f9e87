"""Two sockets: what Slack asks of one, and what becomes of what is said meanwhile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from sre_bot.slack.app import CONNECTIONS, SlackApp
from tests.slack.conftest import connected

if TYPE_CHECKING:
    from sre_bot.drills.slack_simulator import SlackSimulator
    from sre_bot.drills.slack_simulator.socket_mode import DisconnectReason
    from sre_bot.investigation import JsonObject
    from sre_bot.slack.client import SlackClient


class Inbox:
    """What was taken, by key."""

    def __init__(self) -> None:
        self.taken: dict[str, JsonObject] = {}

    async def __call__(self, key: str, event: JsonObject) -> None:
        self.taken[key] = event


async def ask(slack: SlackSimulator, times: int) -> None:
    for number in range(times):
        user, channel = slack.workspace.user("ann"), slack.workspace.channel("incidents")
        await slack.post(user, channel, f"{slack.workspace.bot.mention} {number}")


async def all_acknowledged(slack: SlackSimulator) -> None:
    await slack.wait_for(lambda: all(map(slack.is_acknowledged, slack.events)), within=20)


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_nothing_is_lost_while_both_sockets_are_replaced(
    slack: SlackSimulator, client: SlackClient, reason: DisconnectReason
) -> None:
    inbox = Inbox()
    async with connected(SlackApp(client, slack.app_token, inbox, ping_seconds=0.5), slack, "socket"):
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
        await ask(slack, 5)
        await slack.disconnect(reason)
        await ask(slack, 5)
        await all_acknowledged(slack)
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
    assert len(inbox.taken) == 10


async def test_nothing_is_lost_when_the_sockets_are_cut(slack: SlackSimulator, client: SlackClient) -> None:
    inbox = Inbox()
    async with connected(SlackApp(client, slack.app_token, inbox, ping_seconds=0.5), slack, "socket"):
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
        slack.cut_connections()
        await ask(slack, 5)
        await all_acknowledged(slack)
    assert len(inbox.taken) == 5


async def test_a_socket_that_is_one_too_many_rests_while_the_other_goes_on_and_comes_back(
    slack: SlackSimulator, client: SlackClient, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    async with connected(SlackApp(client, slack.app_token, inbox, ping_seconds=0.05), slack, "socket"):
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
        await slack.disconnect("too_many_websockets", only=1)
        await slack.wait_for(lambda: slack.connection_count == 1)
        await ask(slack, 3)
        await all_acknowledged(slack)
        assert slack.connection_count == 1
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS, within=20)
    assert len(inbox.taken) == 3
    assert "one of ours rests" in caplog.text


async def test_where_all_sockets_are_too_many_one_comes_back_at_once(
    slack: SlackSimulator, client: SlackClient
) -> None:
    async with connected(SlackApp(client, slack.app_token, Inbox(), ping_seconds=0.5), slack, "socket"):
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
        await slack.disconnect("too_many_websockets")
        await ask(slack, 3)
        await all_acknowledged(slack)


async def test_socket_mode_that_is_off_is_told_with_what_to_do(
    slack: SlackSimulator, client: SlackClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(SlackApp(client, slack.app_token, Inbox(), ping_seconds=0.5), slack, "socket"):
        await slack.wait_for(lambda: slack.connection_count == CONNECTIONS)
        with caplog.at_level(logging.ERROR):
            await slack.disconnect("link_disabled", only=1)
            await ask(slack, 1)
            await all_acknowledged(slack)
    assert "Socket Mode is off" in caplog.text
