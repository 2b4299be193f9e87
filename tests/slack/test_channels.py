"""Channels: what is configured by name or id is found, and Slack's silence costs no more than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sre_bot.drills.slack_simulator import SCOPES, SlackSimulator
from sre_bot.investigation import Scope
from sre_bot.slack.channels import Channels
from sre_bot.slack.client import web_client

if TYPE_CHECKING:
    from sre_bot.slack.client import SlackClient

PAYMENTS = Scope("payments", "production")


def asked(slack: SlackSimulator) -> int:
    return sum(call.method == "conversations.info" for call in slack.calls)


@pytest.mark.parametrize("name", ["payments", "#payments"])
@pytest.mark.parametrize("private", [False, True])
async def test_a_channel_is_found_by_its_name_which_is_asked_for_once(
    slack: SlackSimulator, client: SlackClient, name: str, *, private: bool
) -> None:
    channels = Channels(client, {name: PAYMENTS})
    place = slack.workspace.channel("payments", private=private)
    assert [await channels.scope(place.id) for _ in range(3)] == [PAYMENTS] * 3
    assert asked(slack) == 1


async def test_a_channel_is_found_by_its_id_without_asking(slack: SlackSimulator, client: SlackClient) -> None:
    place = slack.workspace.channel("payments")
    assert await Channels(client, {place.id: PAYMENTS}).scope(place.id) == PAYMENTS
    assert asked(slack) == 0


async def test_other_channels_and_direct_messages_are_about_nothing_in_particular(
    slack: SlackSimulator, client: SlackClient
) -> None:
    channels = Channels(client, {"payments": PAYMENTS, slack.workspace.user("ann").id: PAYMENTS})
    assert await channels.scope(slack.workspace.channel("random").id) == Scope()
    assert await channels.scope(slack.workspace.direct(slack.workspace.user("ann")).id) == Scope()
    assert asked(slack) == 1


async def test_where_nothing_is_configured_nothing_is_asked(slack: SlackSimulator, client: SlackClient) -> None:
    assert await Channels(client, {}).scope(slack.workspace.channel("payments").id) == Scope()
    assert asked(slack) == 0


async def test_a_name_that_slack_did_not_tell_is_asked_for_again(
    slack: SlackSimulator, client: SlackClient, caplog: pytest.LogCaptureFixture
) -> None:
    slack.faults.refuse("conversations.info", "internal_error")
    channels, place = Channels(client, {"payments": PAYMENTS}), slack.workspace.channel("payments")
    assert await channels.scope(place.id) == Scope()
    assert "cannot see what the channel C0001 is called" in caplog.text
    assert await channels.scope(place.id) == PAYMENTS


async def test_without_the_scope_to_read_names_ids_still_work(caplog: pytest.LogCaptureFixture) -> None:
    async with SlackSimulator(scopes=[one for one in SCOPES if one != "channels:read"]) as slack:
        by_name, by_id = slack.workspace.channel("payments"), slack.workspace.channel("checkout")
        client = web_client(slack.bot_token, slack.api_url)
        channels = Channels(client, {"payments": PAYMENTS, by_id.id: Scope("checkout")})
        assert await channels.scope(by_name.id) == Scope()
        assert await channels.scope(by_id.id) == Scope("checkout")
    assert "missing_scope" in caplog.text


@pytest.mark.real
async def test_a_slack_that_lets_one_wait_is_not_waited_for(slack: SlackSimulator, client: SlackClient) -> None:
    slack.faults.delay("conversations.info", 30)
    assert await Channels(client, {"payments": PAYMENTS}).scope(slack.workspace.channel("payments").id) == Scope()
