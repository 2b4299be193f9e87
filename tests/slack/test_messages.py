"""Slack's JSON in our words: markup undone, strangers and programs marked, whatever is long cut."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.investigation import Message
from sre_bot.slack.messages import MAX_MESSAGE_CHARS, Person, member, message, plain_text
from tests.endings import ends

TEAM = "T1"
TS = "1700000000.000100"
WHEN = datetime(2023, 11, 14, 22, 13, 20, 100, tzinfo=UTC)
ANN = Person("ann", trusted=True)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("why is <https://shop.example/x|the shop> slow?", "why is the shop (https://shop.example/x) slow?"),
        ("see <https://shop.example/?a=1&amp;b=2>", "see https://shop.example/?a=1&b=2"),
        ("<mailto:ann@x.example|ann@x.example>", "ann@x.example (mailto:ann@x.example)"),
        ("<@U1> and <@U2|ben> in <#C1|general> of <#C2>", "@U1 and @ben in #general of #C2"),
        ("<!here> <!subteam^S1|@oncall> <!date^1700000000^{date}|yesterday>", "@here @oncall yesterday"),
        ("p95 &gt; 2s &amp;&amp; errors &lt; 1", "p95 > 2s && errors < 1"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("  *bold* `code`\n\n> quote ", "*bold* `code`\n\n> quote"),
        ("👩\u200d💻 שלום e\u0301 :fire:", "👩\u200d💻 שלום e\u0301 :fire:"),
        ("a\u202eb\u200bc\x1b[31md\x00e", "abcde"),
        ("\u200b\u202e\x00", ""),
        ("a < b and c <", "a < b and c <"),
        ("<>", ""),
        ("<<https://x.example|y>>", "<y (https://x.example)>"),
    ],
)
def test_markup_is_undone(written: str, read: str) -> None:
    assert plain_text(written) == read


HOSTILE = ("<", "<@", "<a|", "<@a|b", "<!", "&", "&lt;", "x<", "\u202e")


@pytest.mark.parametrize("piece", HOSTILE)
def test_reading_a_long_hostile_text_comes_to_an_end(piece: str) -> None:
    with ends():
        plain_text(piece * (400_000 // len(piece)))


@given(st.text(st.sampled_from("<>|@#!&;a \n"), max_size=30))
def test_any_text_can_be_read(text: str) -> None:
    assert "\x00" not in plain_text(text)


@pytest.mark.parametrize(
    ("profile", "trusted"),
    [
        ({"team_id": TEAM}, True),
        ({}, True),
        ({"team_id": TEAM, "is_restricted": True}, False),
        ({"team_id": TEAM, "is_ultra_restricted": True}, False),
        ({"team_id": TEAM, "is_bot": True}, False),
        ({"team_id": TEAM, "is_stranger": True}, False),
        ({"team_id": "T9"}, False),
        ({"team_id": "E1", "enterprise_user": {"teams": ["T2", TEAM]}}, True),
        ({"team_id": "E9", "enterprise_user": {"teams": ["T9"]}}, False),
    ],
)
def test_only_full_members_of_our_organisation_are_trusted(profile: dict[str, Any], *, trusted: bool) -> None:
    assert member({"id": "U1", "name": "ann", **profile}, TEAM) == Person("ann", trusted)


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ({"profile": {"display_name": "Ann"}, "real_name": "Ann Onym", "name": "ann"}, "Ann"),
        ({"profile": {"display_name": ""}, "real_name": "Ann Onym", "name": "ann"}, "Ann Onym"),
        ({"profile": None, "name": "ann"}, "ann"),
        ({}, "U1"),
        ({"name": "a\u202en\nn" + "x" * 100}, "an n" + "x" * 76),
    ],
)
def test_people_are_called_what_they_call_themselves(profile: dict[str, Any], name: str) -> None:
    assert member({"id": "U1", **profile}, TEAM).name == name


def test_a_message_has_its_author_its_text_and_its_time() -> None:
    wire = {"user": "U1", "text": "moved the <https://x.example|database>", "ts": TS}
    assert message(wire, {"U1": ANN}) == Message("ann", "moved the database (https://x.example)", WHEN)


@pytest.mark.parametrize(
    ("wire", "author"),
    [
        ({"user": "UGONE"}, "unknown"),
        ({}, "unknown"),
        ({"user": "U1", "bot_id": "B1"}, "ann"),
        ({"user": "U1", "bot_id": "B1", "bot_profile": {"name": "deploybot"}}, "deploybot"),
        ({"bot_id": "B1", "username": "Alertmanager"}, "Alertmanager"),
        ({"bot_id": "B1"}, "unknown"),
    ],
)
def test_strangers_and_programs_are_not_trusted(wire: dict[str, Any], author: str) -> None:
    read = message({"ts": TS, "text": "x", **wire}, {"U1": ANN})
    assert (read.author, read.trusted) == (author, False)


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (
            {"attachments": [{"title": "[FIRING] Errors", "text": "5 % fail", "fallback": "x"}]},
            "[FIRING] Errors\n5 % fail",
        ),
        ({"text": "look", "attachments": [{"fallback": "a chart"}]}, "look\na chart"),
        ({"text": "//x", "attachments": [{"from_url": "https://x", "text": "preview"}]}, "//x"),
        ({"text": "", "blocks": [{"type": "header", "text": {"text": "Errors"}}, {"type": "divider"}]}, "Errors"),
        ({"text": "said", "blocks": [{"type": "section", "text": {"text": "said"}}]}, "said"),
        ({"text": None, "attachments": None, "blocks": None}, ""),
    ],
)
def test_what_a_program_says_is_found_where_it_says_it(wire: dict[str, Any], text: str) -> None:
    assert message({"ts": TS, **wire}, {}).text == text


def test_a_long_message_is_cut_and_says_so() -> None:
    read = message({"ts": TS, "text": "x" * (MAX_MESSAGE_CHARS + 5)}, {})
    assert read.text == "x" * MAX_MESSAGE_CHARS + " …(5 more characters)"
