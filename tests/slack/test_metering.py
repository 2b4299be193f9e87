"""Calls of Slack's Web API are counted, each attempt, by method and outcome; and none is changed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from sre_bot.slack.client import web_client
from sre_bot.slack.metering import meter
from sre_bot.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from sre_bot.drills.slack_simulator import SlackSimulator


@pytest.fixture
def metrics(client: AsyncWebClient) -> Metrics:
    """Of the client."""
    metrics = Metrics(version="1", prompt="abc", model="first-look")
    meter(client, metrics)
    return metrics


def calls(metrics: Metrics) -> dict[tuple[str, str], float]:
    (family,) = metrics.slack_calls.collect()
    return {
        (sample.labels["method"], sample.labels["outcome"]): sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }


async def test_calls_are_counted_by_method_and_outcome(
    slack: SlackSimulator, client: AsyncWebClient, metrics: Metrics
) -> None:
    channel = slack.workspace.channel("incidents").id
    await client.chat_postMessage(channel=channel, text="hello")
    await client.chat_postMessage(channel=channel, text="again")
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="C0NOWHERE", text="hello?")
    slack.faults.fail("auth.test", status=502)
    with pytest.raises(SlackApiError):
        await client.auth_test()
    await slack.stop()
    with pytest.raises(aiohttp.ClientError):
        await client.auth_test()
    assert calls(metrics) == {
        ("chat.postMessage", "ok"): 2.0,
        ("chat.postMessage", "refused"): 1.0,
        ("auth.test", "failed"): 2.0,
    }


async def test_waiting_for_a_rate_limit_is_counted_and_the_call_is_made_all_the_same(
    slack: SlackSimulator, client: AsyncWebClient, metrics: Metrics
) -> None:
    slack.faults.rate_limit("auth.test", retry_after=0)
    slack.faults.rate_limit("auth.test", retry_after=1)
    assert (await client.auth_test())["ok"]
    assert calls(metrics) == {("auth.test", "rate_limited"): 2.0, ("auth.test", "ok"): 1.0}
    assert metrics.registry.get_sample_value("sre_bot_slack_rate_limit_wait_seconds_total") == 1.0


async def test_an_upload_is_counted_without_its_address(
    slack: SlackSimulator, client: AsyncWebClient, metrics: Metrics
) -> None:
    await client.files_upload_v2(channel=slack.workspace.channel("incidents").id, content="1,2", filename="a.csv")
    assert {method for method, _ in calls(metrics)} == {
        "files.getUploadURLExternal",
        "upload",
        "files.completeUploadExternal",
    }


async def test_a_slack_that_does_not_say_how_long_to_wait_is_no_trouble() -> None:
    metrics = Metrics(version="1", prompt="abc", model="first-look")
    client = web_client("xoxb-1", "http://127.0.0.1:9/api/")
    meter(client, metrics)
    response = HttpResponse(status_code=429, headers={"Retry-After": "soon"})
    request = HttpRequest(method="POST", url="http://127.0.0.1:9/api/auth.test", headers={})
    assert not await client.retry_handlers[0].can_retry_async(state=RetryState(), request=request, response=response)
    assert metrics.registry.get_sample_value("sre_bot_slack_rate_limit_wait_seconds_total") == 0.0
