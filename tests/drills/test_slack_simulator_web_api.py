"""The Web API of the simulator, called with the real client of slack-sdk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler, AsyncServerErrorRetryHandler
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.web.async_client import AsyncWebClient

from sre_bot.drills.slack_simulator import SCOPES, SlackSimulator, Workspace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from slack_sdk.web.async_slack_response import AsyncSlackResponse

    from sre_bot.drills.slack_simulator import Channel, User

Json = dict[str, Any]
AT_ONCE = FixedValueRetryIntervalCalculator(0)


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator(scopes=(*SCOPES, "im:read", "reactions:write")) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackSimulator) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def ann(slack: SlackSimulator) -> User:
    return slack.workspace.user("ann")


@pytest.fixture
def incidents(slack: SlackSimulator) -> Channel:
    return slack.workspace.channel("incidents")


async def refusal(call: Any) -> Json:
    """The answer to a call that Slack refuses."""
    with pytest.raises(SlackApiError) as caught:
        await call
    answer: Json = caught.value.response.data
    assert answer["ok"] is False
    return answer


def texts(answer: AsyncSlackResponse) -> list[str]:
    return [message["text"] for message in answer["messages"]]


async def test_the_bot_learns_who_it_is_and_what_it_may_do(slack: SlackSimulator, client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    bot = slack.workspace.bot
    assert (answer["user_id"], answer["bot_id"], answer["user"]) == (bot.user_id, bot.bot_id, "sre-bot")
    assert "app_mentions:read" in answer.headers["x-oauth-scopes"].split(",")
    assert (await client.bots_info(bot=bot.bot_id))["bot"]["user_id"] == bot.user_id


async def test_only_the_right_token_is_let_in(slack: SlackSimulator, client: AsyncWebClient) -> None:
    assert (await refusal(client.auth_test(token="xoxb-other")))["error"] == "invalid_auth"
    assert (await refusal(client.auth_test(token=slack.app_token)))["error"] == "not_allowed_token_type"
    assert (await refusal(client.apps_connections_open(app_token=slack.bot_token)))["error"] == "not_allowed_token_type"
    assert (await refusal(client.api_call("nothing.atAll")))["error"] == "unknown_method"
    nobody = AsyncWebClient(base_url=slack.api_url)
    assert (await refusal(nobody.auth_test()))["error"] == "not_authed"
    await nobody.blocks_validate(blocks=[{"type": "divider"}])


async def test_forms_and_json_and_the_token_field_are_understood(slack: SlackSimulator, incidents: Channel) -> None:
    form = {"token": slack.bot_token, "channel": "#incidents", "blocks": '[{"type": "divider"}]', "text": "by form"}
    bearer = {"Authorization": f"Bearer {slack.bot_token}"}
    url = f"{slack.api_url}chat.postMessage"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=form) as answer:
            assert (await answer.json())["message"]["blocks"] == [{"block_id": "b0", "type": "divider"}]
        async with session.post(url, json={"channel": incidents.id, "text": "by JSON"}, headers=bearer) as answer:
            assert (await answer.json())["ok"]
        for body, error in [("{", "invalid_json"), ("[]", "json_not_object")]:
            headers = bearer | {"Content-Type": "application/json"}
            async with session.post(url, data=body, headers=headers) as answer:
                assert (await answer.json())["error"] == error
    assert [message.text for message in slack.workspace.top_level(incidents.id)] == ["by form", "by JSON"]
    assert "token" not in slack.calls[0].arguments


def test_message_ids_are_unique_and_rise_though_the_clock_stands_still() -> None:
    workspace = Workspace(lambda: datetime(2026, 11, 22, 10, 2, 0, 500, tzinfo=UTC))
    assert [workspace.next_ts() for _ in range(3)] == ["1795341720.000500", "1795341720.000501", "1795341720.000502"]


async def test_a_reply_knows_its_thread_and_the_thread_its_replies(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    ts = await slack.post(ann, incidents, "what broke?")
    reply = await client.chat_postMessage(channel=incidents.id, thread_ts=ts, text="checkout")
    assert reply["message"]["thread_ts"] == ts
    nested = await client.chat_postMessage(channel=incidents.id, thread_ts=reply["ts"], text="since 10:02")
    assert nested["message"]["thread_ts"] == ts
    answer = await client.conversations_replies(channel=incidents.id, ts=ts)
    assert texts(answer) == ["what broke?", "checkout", "since 10:02"]
    assert (answer["messages"][0]["reply_count"], answer["messages"][0]["latest_reply"]) == (2, nested["ts"])
    assert texts(await client.conversations_history(channel=incidents.id)) == ["what broke?"]
    assert (await refusal(client.conversations_replies(channel=incidents.id, ts="1.000001")))["error"] == (
        "thread_not_found"
    )


async def test_a_reply_to_a_deleted_message_lands_in_the_channel(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    """Slack does not refuse it; that the answer has no thread_ts is all that tells."""
    ts = await slack.post(ann, incidents, "never mind")
    await slack.delete(incidents, ts)
    reply = await client.chat_postMessage(channel=incidents.id, thread_ts=ts, text="here you are")
    assert "thread_ts" not in reply["message"]
    assert texts(await client.conversations_history(channel=incidents.id)) == ["here you are"]


async def test_metadata_is_kept_and_shown_when_asked_for(client: AsyncWebClient, incidents: Channel) -> None:
    metadata: Json = {"event_type": "investigation", "event_payload": {"run": "r1"}}
    post = await client.chat_postMessage(channel=incidents.id, text="done", metadata=metadata)
    plain = await client.conversations_replies(channel=incidents.id, ts=post["ts"])
    assert "metadata" not in plain["messages"][0]
    full = await client.conversations_replies(channel=incidents.id, ts=post["ts"], include_all_metadata=True)
    assert full["messages"][0]["metadata"] == metadata
    await client.chat_update(channel=incidents.id, ts=post["ts"], text="still there")
    full = await client.conversations_history(channel=incidents.id, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == metadata
    bad = client.chat_postMessage(channel=incidents.id, text="done", metadata={"event_type": "investigation"})
    assert (await refusal(bad))["error"] == "invalid_metadata_format"


async def test_threads_and_histories_come_in_pages(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    root = await slack.post(ann, incidents, "0")
    replies = [await slack.post(ann, incidents, str(number), root) for number in range(1, 5)]
    first = await client.conversations_replies(channel=incidents.id, ts=root, limit=2)
    pages = [texts(page) async for page in first]
    assert pages == [["0", "1"], ["2", "3"], ["4"]]
    window = await client.conversations_replies(channel=incidents.id, ts=root, oldest=replies[0], latest=replies[2])
    assert texts(window) == ["2"]
    inclusive = await client.conversations_replies(channel=incidents.id, ts=root, oldest=replies[2], inclusive=True)
    assert texts(inclusive) == ["3", "4"]
    for number in range(3):
        await slack.post(ann, incidents, f"top {number}")
    newest = await client.conversations_history(channel=incidents.id, limit=2)
    assert (texts(newest), newest["has_more"]) == (["top 2", "top 1"], True)
    for cursor in ("?", "bmV4dF90czox"):
        bad = client.conversations_history(channel=incidents.id, cursor=cursor)
        assert (await refusal(bad))["error"] == "invalid_cursor"
    bad = client.api_call("conversations.history", params={"channel": incidents.id, "limit": "all"})
    assert (await refusal(bad))["error"] == "invalid_arguments"


async def test_an_update_with_text_shows_as_edited_and_drops_blocks(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    divider = {"type": "divider"}
    ts = (await client.chat_postMessage(channel=incidents.id, text="looking", blocks=[divider]))["ts"]
    await client.chat_update(channel=incidents.id, ts=ts, text="still looking", blocks=[divider, divider])
    message = slack.thread(incidents, ts)[0]
    assert (len(message.blocks), message.edited_ts) == (2, None)
    await client.chat_update(channel=incidents.id, ts=ts, text="done")
    message = slack.thread(incidents, ts)[0]
    assert (message.text, message.blocks) == ("done", ())
    assert message.edited_ts is not None
    assert slack.events[-1].payload["event"]["subtype"] == "message_changed"


async def test_only_own_messages_that_exist_can_be_changed(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    hers = await slack.post(ann, incidents, "mine")
    where = incidents.id
    assert (await refusal(client.chat_update(channel=where, ts=hers, text="x")))["error"] == "cant_update_message"
    assert (await refusal(client.chat_delete(channel=where, ts=hers)))["error"] == "cant_delete_message"
    assert (await refusal(client.chat_update(channel=where, ts="1.0", text="x")))["error"] == "message_not_found"
    own = (await client.chat_postMessage(channel=where, text="mine"))["ts"]
    assert (await refusal(client.api_call("chat.update", json={"channel": where, "ts": own})))["error"] == "no_text"
    await client.chat_delete(channel=where, ts=own)
    assert slack.thread(incidents, own) == []


async def test_a_deleted_message_with_replies_leaves_a_tombstone(
    client: AsyncWebClient, slack: SlackSimulator, incidents: Channel
) -> None:
    root = (await client.chat_postMessage(channel=incidents.id, text="looking"))["ts"]
    await client.chat_postMessage(channel=incidents.id, text="found", thread_ts=root)
    await client.chat_delete(channel=incidents.id, ts=root)
    answer = await client.conversations_replies(channel=incidents.id, ts=root)
    assert texts(answer) == ["This message was deleted.", "found"]
    assert answer["messages"][0]["subtype"] == "tombstone"


async def test_posts_are_refused_as_slack_refuses_them(
    slack: SlackSimulator, client: AsyncWebClient, incidents: Channel
) -> None:
    elsewhere = slack.workspace.channel("elsewhere", with_bot=False)
    where = incidents.id
    refused: list[tuple[str, Json]] = [
        ("channel_not_found", {"channel": "C404", "text": "x"}),
        ("not_in_channel", {"channel": elsewhere.id, "text": "x"}),
        ("no_text", {"channel": where, "text": ""}),
        ("msg_too_long", {"channel": where, "text": "x" * 40_001}),
        ("msg_too_long", {"channel": where, "markdown_text": "x" * 12_001}),
        ("markdown_text_conflict", {"channel": where, "markdown_text": "x", "text": "x"}),
        ("invalid_blocks_format", {"channel": where, "text": "x", "blocks": "not JSON"}),
        ("invalid_arguments", {"text": "x"}),
        ("invalid_arguments", {"channel": where, "text": ["x"]}),
    ]
    for error, arguments in refused:
        assert (await refusal(client.api_call("chat.postMessage", json=arguments)))["error"] == error
    post = await client.chat_postMessage(channel=where, text="x" * 40_000)
    longer = client.chat_update(channel=where, ts=post["ts"], text="x" * 4_001)
    assert (await refusal(longer))["error"] == "msg_too_long"


async def test_blocks_that_break_a_rule_are_refused_with_a_pointer(
    slack: SlackSimulator, client: AsyncWebClient, incidents: Channel
) -> None:
    blocks: list[Json] = [{"type": "divider"}, {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    answer = await refusal(client.chat_postMessage(channel=incidents.id, text="x", blocks=blocks))
    assert answer["error"] == "invalid_blocks"
    told = "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert (answer["errors"], answer["response_metadata"]["messages"]) == ([told], [f"[ERROR] {told}"])
    validated = await refusal(client.blocks_validate(blocks=blocks))
    assert [(error["pointer"], error["code"]) for error in validated["errors"]] == [
        ("/1/text/text", "failed_constraint")
    ]
    assert (await refusal(client.blocks_validate()))["error"] == "invalid_arguments"
    assert (await refusal(client.blocks_validate(view="[]")))["error"] == "invalid_view"
    message = {"blocks": [{"type": "gallery"}]}
    assert (await refusal(client.blocks_validate(message=message)))["errors"][0]["pointer"] == "/blocks/0/type"
    assert slack.workspace.top_level(incidents.id) == []


@pytest.mark.parametrize(
    ("scope", "method", "arguments"),
    [
        ("chat:write", "chat.postMessage", {"text": "hi"}),
        ("users:read", "users.info", {"user": "U0001"}),
        ("channels:read", "conversations.info", {}),
        ("channels:history", "conversations.history", {}),
    ],
)
async def test_what_the_bot_was_not_granted_it_may_not_do(scope: str, method: str, arguments: Json) -> None:
    async with SlackSimulator(scopes=[one for one in SCOPES if one != scope]) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        incidents = slack.workspace.channel("incidents")
        slack.workspace.user("ann")
        call = client.api_call(method, params={"channel": incidents.id, **arguments})
        assert (await refusal(call))["error"] == "missing_scope"


async def test_people_channels_links_and_reactions(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    guest = slack.workspace.user("guest", is_guest=True)
    assert (await client.users_info(user=guest.id))["user"]["is_restricted"]
    assert (await client.users_info(user=ann.id))["user"]["tz"] == "Etc/UTC"
    assert (await refusal(client.users_info(user="U404")))["error"] == "user_not_found"
    assert (await client.conversations_info(channel=incidents.id))["channel"]["name"] == "incidents"
    await slack.dm(ann, "psst")
    direct = await client.conversations_info(channel=slack.workspace.direct(ann).id)
    assert (direct["channel"]["is_im"], direct["channel"]["user"]) == (True, ann.id)
    root = await slack.post(ann, incidents, "why?")
    reply = await slack.post(ann, incidents, "and when?", root)
    link = (await client.chat_getPermalink(channel=incidents.id, message_ts=reply))["permalink"]
    assert (
        link
        == f"{slack.base_url}/archives/{incidents.id}/p{reply.replace('.', '')}?thread_ts={root}&cid={incidents.id}"
    )
    await client.reactions_add(channel=incidents.id, timestamp=root, name="eyes")
    again = client.reactions_add(channel=incidents.id, timestamp=root, name="eyes")
    assert (await refusal(again))["error"] == "already_reacted"
    seen = await client.conversations_replies(channel=incidents.id, ts=root)
    assert seen["messages"][0]["reactions"] == [{"name": "eyes", "users": [slack.workspace.bot.user_id], "count": 1}]


async def test_whoever_wrote_a_message_may_edit_it(slack: SlackSimulator, ann: User, incidents: Channel) -> None:
    ts = await slack.post(ann, incidents, "why?")
    await slack.edit(incidents, ts, "when?")
    (message,) = slack.thread(incidents, ts)
    assert (message.text, bool(message.edited_ts)) == ("when?", True)
    event = slack.events[-1].payload["event"]
    assert (event["subtype"], event["message"]["text"], event["previous_message"]["text"]) == (
        "message_changed",
        "when?",
        "why?",
    )


async def test_an_ephemeral_message_is_seen_by_one_person_only(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    await client.chat_postEphemeral(channel=incidents.id, user=ann.id, text="only you")
    stranger = client.chat_postEphemeral(channel=incidents.id, user="U404", text="who?")
    assert (await refusal(stranger))["error"] == "user_not_in_channel"
    assert [(message.text, message.visible_to) for message in slack.workspace.ephemeral] == [("only you", ann.id)]
    assert slack.workspace.top_level(incidents.id) == []


async def test_a_status_stands_until_the_next_post_in_its_thread(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    ts = await slack.post(ann, incidents, "why?")
    await client.assistant_threads_setStatus(channel_id=incidents.id, thread_ts=ts, status="is looking")
    assert slack.workspace.statuses == {(incidents.id, ts): "is looking"}
    await client.assistant_threads_setStatus(channel_id=incidents.id, thread_ts=ts, status="")
    assert slack.workspace.statuses == {}
    await client.assistant_threads_setStatus(channel_id=incidents.id, thread_ts=ts, status="is looking again")
    await client.chat_postMessage(channel=incidents.id, thread_ts=ts, text="because")
    assert slack.workspace.statuses == {}


async def test_a_session_has_one_of_four_statuses(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    ts = await slack.post(ann, incidents, "why?")
    where = {"channel_id": incidents.id, "thread_ts": ts}
    answer = await client.agents_sessions_setStatus(**where, status="processing")
    assert (answer["status"], answer.get("warning")) == ("processing", None)
    lost = client.agents_sessions_setStatus(channel_id=incidents.id, thread_ts="1.0", status="active")
    assert (await refusal(lost))["error"] == "thread_not_found"
    assert (await refusal(client.agents_sessions_setStatus(**where, status="busy")))["error"] == "invalid_arguments"


async def test_a_session_without_a_stop_event_is_warned_of() -> None:
    async with SlackSimulator(subscriptions={"app_mention"}) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        incidents = slack.workspace.channel("incidents")
        ts = await slack.post(slack.workspace.user("ann"), incidents, "why?")
        answer = await client.agents_sessions_setStatus(channel_id=incidents.id, thread_ts=ts, status="processing")
        assert answer["warning"] == "missing_agent_session_stopped_event_subscription"


async def test_views_are_kept_for_their_person(slack: SlackSimulator, client: AsyncWebClient, ann: User) -> None:
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    await client.views_publish(user_id=ann.id, view=home)
    assert slack.workspace.home_views[ann.id]["blocks"] == home["blocks"]
    slack.workspace.triggers |= {"t1", "t2"}
    modal = home | {"type": "modal", "title": {"type": "plain_text", "text": "Say why"}}
    await client.views_open(trigger_id="t1", view=modal)
    assert [view["type"] for view in slack.workspace.modals] == ["modal"]
    assert (await refusal(client.views_publish(user_id="U404", view=home)))["error"] == "user_not_found"
    assert (await refusal(client.views_open(trigger_id="t2", view=home)))["error"] == "invalid_arguments"
    assert (await refusal(client.views_open(trigger_id="t1", view=modal)))["error"] == "invalid_trigger_id"
    broken = client.views_publish(user_id=ann.id, view={"type": "home", "blocks": [{"type": "gallery"}]})
    assert (await refusal(broken))["response_metadata"]["messages"] == [
        "[ERROR] unsupported type: gallery [json-pointer:/view/blocks/0/type]"
    ]


async def test_an_uploaded_file_appears_in_the_thread(
    slack: SlackSimulator, client: AsyncWebClient, ann: User, incidents: Channel
) -> None:
    ts = await slack.post(ann, incidents, "why?")
    answer = await client.files_upload_v2(
        content="<html>",
        filename="report.html",
        title="Report",
        channel=incidents.id,
        thread_ts=ts,
        initial_comment="see",
    )
    post = slack.thread(incidents, ts)[1]
    assert [(file.title, file.content) for file in post.files] == [("Report", b"<html>")]
    assert (post.text, answer["file"]["size"]) == ("see", 6)
    missing = client.files_completeUploadExternal(files=[{"id": "F404"}])
    assert (await refusal(missing))["error"] == "file_not_found"
    assert (await refusal(client.files_completeUploadExternal(files=[])))["error"] == "invalid_arguments"
    blocks = '[{"type": "markdown", "text": "x"}]'
    markdown = client.files_completeUploadExternal(files=[{"id": post.files[0].id}], blocks=blocks)
    assert (await refusal(markdown))["error"] == "internal_error"


async def test_a_rate_limit_passes_with_the_retry_handler_of_the_sdk(
    slack: SlackSimulator, client: AsyncWebClient, incidents: Channel
) -> None:
    slack.faults.rate_limit("chat.postMessage", calls=2, retry_after=0)
    assert (await refusal(client.chat_postMessage(channel=incidents.id, text="x")))["error"] == "ratelimited"
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await client.chat_postMessage(channel=incidents.id, text="x")
    assert [call.outcome for call in slack.calls] == ["http 429", "http 429", "ok"]
    assert len(slack.workspace.top_level(incidents.id)) == 1


async def test_a_server_failure_has_no_effect_and_is_retried(
    slack: SlackSimulator, client: AsyncWebClient, incidents: Channel
) -> None:
    slack.faults.fail("chat.postMessage", status=503)
    client.retry_handlers.append(AsyncServerErrorRetryHandler(interval_calculator=AT_ONCE))
    await client.chat_postMessage(channel=incidents.id, text="x")
    assert [call.outcome for call in slack.calls] == ["http 503", "ok"]
    assert len(slack.workspace.top_level(incidents.id)) == 1


async def test_a_post_may_take_effect_without_an_answer(
    slack: SlackSimulator, client: AsyncWebClient, incidents: Channel
) -> None:
    slack.faults.cut_afterwards("chat.postMessage")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.chat_postMessage(channel=incidents.id, text="once")
    assert texts(await client.conversations_history(channel=incidents.id)) == ["once"]


async def test_the_default_retry_of_the_sdk_posts_twice_when_the_answer_is_cut_off(
    slack: SlackSimulator, incidents: Channel
) -> None:
    """Why a bot must not post with the SDK's default handlers: they repeat what was already done."""
    slack.faults.cut_afterwards("chat.postMessage")
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    assert [type(handler).__name__ for handler in client.retry_handlers] == ["AsyncConnectionErrorRetryHandler"]
    await client.chat_postMessage(channel=incidents.id, text="once")
    assert texts(await client.conversations_history(channel=incidents.id)) == ["once", "once"]


async def test_an_answer_may_come_after_the_caller_has_given_up(slack: SlackSimulator, incidents: Channel) -> None:
    slack.faults.delay("chat.postMessage", 30)
    hasty = aiohttp.ClientTimeout(total=0.1)
    async with aiohttp.ClientSession(timeout=hasty) as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        with pytest.raises(TimeoutError):
            await client.chat_postMessage(channel=incidents.id, text="late")
    assert [message.text for message in slack.workspace.top_level(incidents.id)] == ["late"]


async def test_waiting_ends_with_what_was_waited_for_or_with_the_situation(slack: SlackSimulator, ann: User) -> None:
    assert await slack.wait_for(lambda: ann.name) == "ann"
    with pytest.raises(
        TimeoutError, match=r"not within 0.01 s; connections: 0, unacknowledged: \[\], last calls: none"
    ):
        await slack.wait_for(lambda: slack.calls, within=0.01)
