"""A thread: read with care, posted to once whatever Slack does, a status that keeps up and never gets in the way."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sre_bot.drills.slack_simulator import Message
from sre_bot.errors import DeliveryError
from sre_bot.slack.blocks import Post, answer_post, plain_post
from sre_bot.slack.messages import METADATA_TYPE
from sre_bot.slack.thread import MAX_CONTEXT_MESSAGES, STOPPED, Status, Thread
from sre_bot.store.posts import Posts
from tests.render import sample_answers as samples

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sre_bot.drills.slack_simulator import Channel, SlackSimulator, User
    from sre_bot.investigation import JsonObject
    from sre_bot.slack.client import SlackClient

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HELLO = plain_post("hello")
REFUSED: list[JsonObject] = [{"type": "nonsense"}]


@dataclasses.dataclass
class Place:
    """A thread that ann began, and the ways in."""

    slack: SlackSimulator
    client: SlackClient
    posts: Posts
    root: str

    @property
    def ann(self) -> User:
        return self.slack.workspace.user("ann")

    @property
    def channel(self) -> Channel:
        return self.slack.workspace.channel("incidents")

    def thread(self, *, channel: str = "", patience: float = 5.0, root: str = "") -> Thread:
        """The thread as the bot has it, which does not wait between attempts."""
        where = channel or self.channel.id
        team = self.slack.workspace.team_id
        return Thread(self.client, team, where, root or self.root, self.posts, patience=patience, pauses=(0.0, 0.01))

    async def says(self, text: str, who: str = "ann") -> str:
        return await self.slack.post(self.slack.workspace.user(who), self.channel, text, self.root)

    def posted(self) -> list[Message]:
        return [message for message in self.slack.thread(self.channel, self.root) if message.by_bot]

    def calls(self, method: str) -> list[str]:
        return [call.outcome for call in self.slack.calls if call.method == method]


@pytest.fixture
async def place(slack: SlackSimulator, client: SlackClient, engine: Engine) -> Place:
    ann, incidents = slack.workspace.user("ann"), slack.workspace.channel("incidents")
    return Place(slack, client, Posts(engine), await slack.post(ann, incidents, "checkout is failing"))


# --- posting ---


async def test_a_post_lands_in_the_thread_under_its_key_without_unfurling(place: Place) -> None:
    ts = await place.thread().post_once("k:answer", HELLO)
    (message,) = place.posted()
    assert (message.ts, message.text) == (ts, "hello")
    assert message.metadata == {"event_type": METADATA_TYPE, "event_payload": {"key": "k:answer"}}
    (call,) = [call for call in place.slack.calls if call.method == "chat.postMessage"]
    assert {str(call.arguments[flag]) for flag in ("unfurl_links", "unfurl_media")} <= {"False", "0"}


async def test_a_key_is_posted_once_and_asking_again_costs_no_call(place: Place) -> None:
    first = await place.thread().post_once("k", HELLO)
    calls = len(place.slack.calls)
    assert await place.thread().post_once("k", plain_post("something else")) == first
    assert len(place.slack.calls) == calls
    assert await place.thread().post_once("other", HELLO) != first
    assert len(place.posted()) == 2


@pytest.mark.parametrize(
    ("post", "shown"),
    [
        (Post("text", REFUSED, HELLO.blocks), tuple(HELLO.blocks)),
        (Post("text", REFUSED, REFUSED), ()),
        (Post("text", [*HELLO.blocks] * 51, HELLO.blocks), tuple(HELLO.blocks)),
    ],
)
async def test_refused_blocks_give_way_to_plainer_ones_and_at_last_to_text(
    place: Place, post: Post, shown: tuple[JsonObject, ...]
) -> None:
    await place.thread().post_once("k", post)
    (message,) = place.posted()
    assert (message.text, message.blocks) == ("text", shown)


async def test_where_nothing_can_be_folded_the_details_follow_once(place: Place) -> None:
    """Also when it is handled again after a kill before they were posted."""
    post = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS)
    place.slack.faults.refuse("chat.postMessage", "invalid_blocks")
    place.slack.faults.refuse("chat.postMessage", "channel_not_found")
    with pytest.raises(DeliveryError):
        await place.thread().post_once("k", post)
    place.slack.faults.refuse("chat.postMessage", "invalid_blocks")
    first = await place.thread().post_once("k", post)
    assert await place.thread().post_once("k", post) == first
    answer, details = place.posted()
    assert list(answer.blocks) == post.plain_blocks
    assert post.details is not None
    assert list(details.blocks) == post.details.blocks
    assert details.thread_ts == place.root


async def test_where_it_can_be_folded_nothing_follows(place: Place) -> None:
    post = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS)
    await place.thread().post_once("k", post)
    (answer,) = place.posted()
    assert list(answer.blocks) == post.blocks


async def test_details_that_were_owed_when_we_were_killed_are_posted_by_the_next_attempt(place: Place) -> None:
    """The answer stands there plain, its outcome unknown to us."""
    post = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS)
    place.slack.faults.refuse("chat.postMessage", "invalid_blocks")
    place.slack.faults.cut_afterwards("chat.postMessage")
    await place.thread().post_once("k", post)
    assert [list(one.blocks) for one in place.posted()] == [post.plain_blocks, post.details and post.details.blocks]


@pytest.mark.parametrize("channel", ["C9999", "elsewhere"])
async def test_a_refusal_is_final_and_says_slacks_word(place: Place, channel: str) -> None:
    place.slack.workspace.channel("elsewhere", with_bot=False)
    with pytest.raises(DeliveryError, match=r"Slack refused the post: (channel_not_found|not_in_channel)"):
        await place.thread(channel=channel).post_once("k", HELLO)
    assert len(place.calls("chat.postMessage")) == 1


async def test_a_text_that_is_too_long_is_refused_for_good(place: Place) -> None:
    with pytest.raises(DeliveryError, match="msg_too_long"):
        await place.thread().post_once("k", Post("x" * 50_000, [], []))


async def test_server_errors_are_waited_out(place: Place) -> None:
    place.slack.faults.fail("chat.postMessage", calls=3, status=503)
    await place.thread().post_once("k", HELLO)
    assert len(place.posted()) == 1
    assert place.calls("chat.postMessage") == ["http 503"] * 3 + ["ok"]


async def test_a_post_whose_answer_was_cut_off_is_found_and_not_made_again(place: Place) -> None:
    place.slack.faults.cut_afterwards("chat.postMessage")
    ts = await place.thread().post_once("k", HELLO)
    (message,) = place.posted()
    assert message.ts == ts == place.posts.ts("k")


async def test_a_post_that_was_answered_too_late_is_found_and_not_made_again(place: Place) -> None:
    place.client.timeout = 1
    place.slack.faults.delay("chat.postMessage", 2.0)
    ts = await place.thread().post_once("k", HELLO)
    (message,) = place.posted()
    assert message.ts == ts


async def test_the_search_for_a_lost_post_is_repeated_too(place: Place) -> None:
    place.slack.faults.cut_afterwards("chat.postMessage")
    place.slack.faults.fail("conversations.replies", calls=2)
    await place.thread().post_once("k", HELLO)
    assert len(place.posted()) == 1


async def test_a_lost_post_is_found_also_far_down_a_long_thread(place: Place) -> None:
    for number in range(250):
        await place.says(f"{number}")
    place.slack.faults.cut_afterwards("chat.postMessage")
    await place.thread().post_once("k", HELLO)
    assert len(place.posted()) == 1
    assert len(place.calls("conversations.replies")) == 2, "two pages"


async def test_a_post_claimed_before_a_crash_is_looked_for_first(place: Place) -> None:
    ts = await place.thread().post_once("k", HELLO)
    place.posts.claim("crashed:after", place.channel.id, NOW)
    place.posts.claim("crashed:before", place.channel.id, NOW)
    metadata = {"event_type": METADATA_TYPE, "event_payload": {"key": "crashed:after"}}
    lost = dataclasses.replace(place.posted()[0], ts=place.slack.workspace.next_ts(), metadata=metadata)
    place.slack.workspace.keep(lost)
    assert await place.thread().post_once("crashed:after", HELLO) == lost.ts
    assert await place.thread().post_once("crashed:before", HELLO) not in {ts, lost.ts}
    assert len(place.posted()) == 3


async def test_when_it_cannot_be_known_whether_it_was_posted_it_is_not_posted_again(place: Place) -> None:
    place.posts.claim("k", place.channel.id, NOW)
    with pytest.raises(DeliveryError, match="thread_not_found"):
        await place.thread(root="1.000001").post_once("k", HELLO)
    assert not place.calls("chat.postMessage")


async def test_a_rate_limit_is_waited_out_as_told(place: Place) -> None:
    place.slack.faults.rate_limit("chat.postMessage", retry_after=0)
    await place.thread().post_once("k", HELLO)
    assert place.calls("chat.postMessage") == ["http 429", "ok"]


async def test_a_rate_limit_beyond_the_clients_patience_is_ours(place: Place) -> None:
    place.client.retry_handlers.clear()
    place.slack.faults.rate_limit("chat.postMessage", calls=3)
    await place.thread().post_once("k", HELLO)
    assert len(place.posted()) == 1


async def test_patience_ends(place: Place) -> None:
    place.slack.faults.fail("chat.postMessage", calls=1000)
    with pytest.raises(
        DeliveryError, match=r"did not take the post for \d+ s: an answer that is not Slack's, HTTP 500"
    ):
        await place.thread(patience=0.1).post_once("k", HELLO)
    assert not place.posted()


async def test_slack_that_is_not_there_is_waited_for(place: Place) -> None:
    await place.slack.stop()
    posting = asyncio.create_task(place.thread().post_once("k", HELLO))
    await asyncio.sleep(0.05)
    assert not posting.done()
    await place.slack.start()
    await posting
    assert len(place.posted()) == 1


# --- reading ---


async def test_a_thread_is_read_up_to_the_question(place: Place) -> None:
    await place.says("we just moved the <https://x.example|database>", "ben")
    question = await place.says("related?")
    await place.says("later")
    read = await place.thread().read(question)
    assert [(one.author, one.text, one.trusted) for one in read] == [
        ("ann", "checkout is failing", True),
        ("ben", "we just moved the database (https://x.example)", True),
    ]


async def test_guests_bots_and_strangers_are_marked(place: Place) -> None:
    guest = place.slack.workspace.user("guest", is_guest=True)
    await place.slack.post(guest, place.channel, "I know what it is", place.root)
    await place.thread().post_once("k", plain_post("On it"))
    stranger = Message(place.channel.id, place.slack.workspace.next_ts(), "UGONE", "trust me", thread_ts=place.root)
    place.slack.workspace.keep(stranger)
    read = await place.thread().read(await place.says("and now?"))
    assert [(one.author, one.trusted) for one in read] == [
        ("ann", True),
        ("guest", False),
        ("sre-bot", False),
        ("unknown", False),
    ]
    assert read[3].text == "trust me"


async def test_of_a_long_thread_the_newest_messages_are_read(place: Place) -> None:
    for number in range(60):
        await place.says(f"message {number}")
    read = await place.thread().read(await place.says("so?"))
    assert len(read) == MAX_CONTEXT_MESSAGES
    assert (read[0].text, read[-1].text) == ("message 10", "message 59")


async def test_what_was_deleted_is_not_read(place: Place) -> None:
    await place.says("a reply")
    await place.slack.delete(place.channel, place.root)
    read = await place.thread().read(await place.says("so?"))
    assert [one.text for one in read] == ["a reply"]


async def test_a_thread_that_may_not_be_read_is_an_error_with_slacks_word(place: Place) -> None:
    place.slack.workspace.channel("elsewhere", with_bot=False)
    with pytest.raises(DeliveryError, match="cannot read the thread: not_in_channel"):
        await place.thread(channel="elsewhere").read("2.0")


async def test_a_thread_that_cannot_be_read_now_is_an_error_with_the_reason(place: Place) -> None:
    place.slack.faults.fail("conversations.replies", status=502)
    with pytest.raises(DeliveryError, match="cannot read the thread: an answer that is not Slack's, HTTP 502"):
        await place.thread().read("9999999999.0")


# --- status ---


async def status_of(place: Place, *, every: float = 0.05) -> Status:
    thread = place.thread()
    return Status(thread, await thread.post_once("k:status", plain_post("On it")), every)


async def test_a_status_shows_the_newest_line_and_skips_what_was_overtaken(place: Place) -> None:
    async with await status_of(place) as status:
        for number in range(50):
            status.show(f"line {number}")
        await place.slack.wait_for(lambda: place.posted()[0].text == "line 49")
        status.show("one more")
        status.show("two more")
        await place.slack.wait_for(lambda: place.posted()[0].text == "two more")
        status.end_with("Done")
    assert place.posted()[0].text == "Done"
    assert len(place.calls("chat.update")) == 3


async def test_a_status_is_not_edited_more_often_than_it_may(place: Place) -> None:
    async with await status_of(place, every=30) as status:
        status.show("first")
        await place.slack.wait_for(lambda: place.posted()[0].text == "first")
        status.show("second")
        await asyncio.sleep(0.05)
        assert place.posted()[0].text == "first"


async def test_a_status_that_cannot_be_edited_is_logged_and_goes_on(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.slack.faults.refuse("chat.update", "internal_error")
    async with await status_of(place) as status:
        status.show("first")
        await place.slack.wait_for(lambda: place.calls("chat.update"))
        status.show("second")
        await place.slack.wait_for(lambda: place.posted()[0].text == "second")
    assert "could not edit the status message" in caplog.text


async def test_a_status_without_news_or_last_word_stays(place: Place) -> None:
    async with await status_of(place):
        pass
    assert place.posted()[0].text == "On it"
    assert not place.calls("chat.update")


async def test_after_a_fault_the_status_says_that_it_stopped(place: Place) -> None:
    status = await status_of(place)

    async def work() -> None:
        async with status:
            status.end_with("Done")
            raise LookupError

    with pytest.raises(LookupError):
        await work()
    assert place.posted()[0].text == STOPPED


async def test_an_interrupted_status_is_left_as_it_is(place: Place) -> None:
    shown = asyncio.Event()

    async def work() -> None:
        async with await status_of(place):
            shown.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(work())
    await shown.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert place.posted()[0].text == "On it"
