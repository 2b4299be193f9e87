"""Which messages are meant for us: mentions and direct messages always, replies by a rule that people can predict."""

from __future__ import annotations

from typing import Any

import pytest

from sre_bot.slack.addressed import call_of, is_quiet, mentions, speaks_to_us, without_mention
from sre_bot.store.heard import Call
from tests.endings import ends

BOT = "UBOT"


def reply(text: str, **fields: Any) -> dict[str, Any]:
    event = {"type": "message", "channel_type": "channel", "channel": "C1", "user": "U1", "text": text}
    return {**event, "ts": "2.000001", "thread_ts": "1.000001", **fields}


@pytest.mark.parametrize(
    "text",
    [
        "why?",
        "and payments?",
        "and now?",
        "Is it the database?",
        "are you sure",
        "what about payments",
        "What’s the p95 of checkout",
        "how long has that been going on",
        "which service calls it",
        "when did it start",
        "can you check payments too",
        "ok, but why is web slow",
        "thanks! what about inventory?",
        "could it be <https://git.example/x?a=1|this commit>?",
        "check payments",
        "Check the database, please",
        "please look at the database",
        "look into inventory",
        "now show me the errors of web",
        "and compare with yesterday",
        "I rolled it back. Check again whether errors fall",
        "we restarted it\nlook at latency now",
        "ignore the canary",
        "rule out DNS",
        "keep looking",
        "go on",
        "tell us which pods",
        "dig into `payments`",
        "have another look",
        "no, checkout was fine, look at the database",
        "No. It was the database",
        "nope, payments is fine",
        "that's wrong, web was never deployed",
        "That is not it: see the graph",
        "> it is checkout\nis it though?",
        "db?",
        "ist das die Datenbank?",
        "支払いは？",
        "&gt; we rolled back\nwhy?",
        "why did `x?` fail",
    ],
)
def test_questions_orders_and_corrections_are_for_us(text: str) -> None:
    assert speaks_to_us(text)
    assert call_of(reply(text), BOT) is Call.REPLY


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "thanks",
        "Thanks!",
        "thank you so much :heart:",
        "thx, great work",
        "ok",
        "ok?",
        "OK 👍",
        "+1",
        "👍🔥",
        ":thumbsup:",
        ":eyes: :eyes:",
        "lgtm",
        "really?",
        "?",
        "???",
        "no",
        "no, thanks",
        "no worries",
        "yes",
        "got it, thanks",
        "https://grafana.example/d/x?orgId=1",
        "<https://grafana.example/d/x?orgId=1>",
        "<https://grafana.example/d/x?orgId=1|what is this?>",
        "`is this a question?`",
        "```\nwhy?\n```",
        "&gt; why is it slow?",
        "<@U2> can you check payments?",
        "can you check payments <@U2>?",
        "<!subteam^S1|@dba> is it you?",
        "<!here> who is on call?",
        "<@UOTHERBOT> show graphs",
        "Ben, can you check payments?",
        "ben: is it you?",
        "@ben: can you join?",
        "what a mess",
        "which is odd",
        "when I restarted it, it came back",
        "will do",
        "has recovered",
        "can confirm",
        "checking now",
        "checked, all fine",
        "check",
        "check!",
        "looks good to me",
        "look, I fixed it",
        "I will check the database",
        "we should look at the database",
        "rolling back now",
        "found it",
        "the price is 5?3",
    ],
)
def test_courtesies_links_quotes_and_what_is_said_to_others_are_not(text: str) -> None:
    assert not speaks_to_us(text)
    assert call_of(reply(text), BOT) is None


@pytest.mark.parametrize("text", ["quiet", "Quiet!", "be quiet", "please be quiet", "quiet please", "*mute*"])
def test_one_word_asks_for_quiet(text: str) -> None:
    assert is_quiet(text)
    assert call_of(reply(text), BOT) is Call.QUIET
    assert call_of(reply(f"<@{BOT}> {text}", type="app_mention"), BOT) is Call.QUIET


@pytest.mark.parametrize("text", ["why is it so quiet?", "the pager is quiet", "quiet night", "", "mute the alert"])
def test_the_word_among_others_does_not(text: str) -> None:
    assert not is_quiet(text)


@pytest.mark.parametrize("text", ["<@UBOT> thanks", "ok <@UBOT|sre-bot>", "<@UBOT>", "<@U2> and <@UBOT> look"])
def test_a_mention_is_for_us_whatever_it_says_and_however_it_is_delivered(text: str) -> None:
    assert mentions(text, BOT)
    mention = reply(text, type="app_mention")
    for event in (mention, reply(text), {**mention, "thread_ts": None}, reply(text, thread_ts=None)):
        assert call_of(event, BOT) is Call.MENTION


def test_a_direct_message_is_for_us_whatever_it_says() -> None:
    for text in ("thanks", "quiet", "<@U2> why?"):
        assert call_of(reply(text, channel_type="im", thread_ts=None), BOT) is Call.MENTION
        assert call_of(reply(text, channel_type="im"), BOT) is Call.MENTION


@pytest.mark.parametrize(
    "fields",
    [
        {"thread_ts": None},
        {"thread_ts": "2.000001"},
        {"bot_id": "B1"},
        {"user": BOT},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message"},
        {"type": "reaction_added"},
    ],
    ids=str,
)
def test_what_is_no_reply_of_a_person_is_not_for_us(fields: dict[str, Any]) -> None:
    assert call_of(reply("why?", **fields), BOT) is None


@pytest.mark.parametrize("fields", [{"bot_id": "B1"}, {"user": BOT}, {"subtype": "message_changed"}], ids=str)
def test_a_mention_by_a_bot_by_ourselves_or_by_an_edit_is_not_for_us(fields: dict[str, Any]) -> None:
    assert call_of(reply(f"<@{BOT}> why?", **{"type": "app_mention", **fields}), BOT) is None


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast"])
def test_a_reply_with_a_file_or_shown_in_the_channel_too_is_a_reply(subtype: str) -> None:
    assert call_of(reply("why?", subtype=subtype), BOT) is Call.REPLY


def test_our_name_is_taken_out_of_the_text_and_nobody_elses() -> None:
    assert without_mention("<@UBOT> and <@UBOT|sre-bot> see <@U2>", BOT).split() == ["and", "see", "<@U2>"]


HOSTILE = ("a ", "`", "ok, ", "> ", ":", "x?", "<")


@pytest.mark.parametrize("piece", HOSTILE)
def test_weighing_a_long_hostile_text_comes_to_an_end(piece: str) -> None:
    with ends():
        speaks_to_us(piece * (400_000 // len(piece)))
