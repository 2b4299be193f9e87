"""A thread as plain text: what a person reads in Slack, a person reads here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sre_bot.drills.slack_simulator import Bot, File, Message, Workspace
from sre_bot.drills.slack_simulator.block_text import BlockText
from sre_bot.drills.slack_simulator.transcript import transcript

Json = dict[str, Any]


@pytest.fixture
def workspace() -> Workspace:
    workspace = Workspace(lambda: datetime(2026, 11, 22, 10, 2, tzinfo=UTC))
    workspace.user("ann")
    workspace.channel("incidents")
    return workspace


@pytest.fixture
def blocks(workspace: Workspace) -> BlockText:
    return BlockText(workspace.name_of)


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def test_a_thread_shows_who_said_what_with_replies_indented(workspace: Workspace) -> None:
    root = Message("C0001", "1795341720.000100", "U0001", "<@UBOT> why is <#C0001> red?")
    status = Message(
        "C0001", "1795341721.000100", "UBOT", "looked\nat all", by_bot=True, thread_ts=root.ts, edited_ts="1"
    )
    reactions = (("eyes", "U0001"), ("eyes", "UBOT"), ("tada", "U0001"))
    answer = Message(
        *("C0001", "1795341780.000100", "UBOT", "fallback"),
        by_bot=True,
        thread_ts=root.ts,
        blocks=({"type": "section", "text": mrkdwn("a deploy")},),
        files=(File("F1", "report.html", "Report"),),
        reactions=reactions,
    )
    assert transcript(workspace, [root, status, answer]).splitlines() == [
        "ann  10:02",
        "@sre-bot why is #incidents red?",
        "",
        "    sre-bot [app]  10:02",
        "    looked",
        "    at all (edited)",
        "",
        "    sre-bot [app]  10:03",
        "    a deploy",
        "    [file: Report]",
        "    :eyes: 2  :tada: 1",
    ]


@pytest.mark.parametrize(
    ("wire", "read"),
    [
        (
            "see <https://prom.example/graph?g0=1|checkout errors>",
            "see checkout errors <https://prom.example/graph?g0=1>",
        ),
        ("<https://prom.example>", "https://prom.example"),
        ("<@U0001> <@U404> <#C0001|ops>", "@ann @U404 #ops"),
        ("<!here> <!subteam^S1|@oncall> <!date^1795341720^{date}|22 Nov>", "@here @oncall 22 Nov"),
        ("p99 &gt; 2 s &amp;&amp; errors &lt; 1 %", "p99 > 2 s && errors < 1 %"),
        ("*bold* `code`", "*bold* `code`"),
    ],
)
def test_message_text_reads_as_in_the_client(blocks: BlockText, wire: str, read: str) -> None:
    assert blocks.mrkdwn(wire) == read


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        ({"type": "header", "text": plain("What next?")}, ["", "What next?", "──────────"]),
        ({"type": "divider"}, ["─" * 40]),
        ({"type": "section", "text": plain("<https://x|y> stays")}, ["<https://x|y> stays"]),
        (
            {"type": "section", "fields": [mrkdwn("*Errors*\n12 %"), mrkdwn("*Since*"), mrkdwn("*Alert*")]},
            ["*Errors*   *Since*", "12 %", "*Alert*"],
        ),
        (
            {"type": "context", "elements": [mrkdwn("E1"), {"type": "image", "alt_text": "chart", "image_url": "u"}]},
            ["· E1  ·  [image: chart]"],
        ),
        ({"type": "markdown", "text": "**Cause**\n[deploy](https://x)"}, ["**Cause**", "deploy <https://x>"]),
        (
            {
                "type": "container",
                "title": plain("Details"),
                "subtitle": mrkdwn("2 found"),
                "default_collapsed": True,
                "child_blocks": [
                    {"type": "section", "text": mrkdwn("one")},
                    {"type": "section", "text": mrkdwn("two")},
                ],
            },
            ["▸ Details  2 found", "  one", "  two"],
        ),
        (
            {"type": "actions", "elements": [{"type": "button", "text": plain("Keep")}, {"type": "overflow"}]},
            ["[ Keep ]"],
        ),
        ({"type": "table", "rows": [[plain("a"), {"type": "raw_number", "text": "1"}]]}, ["a | 1"]),
        ({"type": "alert", "text": plain("careful")}, ["careful"]),
        ({"type": "video", "title": plain("x")}, ["[video]"]),
    ],
)
def test_each_kind_of_block_reads_as_in_the_client(blocks: BlockText, block: Json, lines: list[str]) -> None:
    assert blocks.lines([block]) == lines


def test_rich_text_reads_as_in_the_client(blocks: BlockText) -> None:
    def section(*parts: Json) -> Json:
        return {"type": "rich_text_section", "elements": list(parts)}

    text = {"type": "text", "text": "since "}
    parts = [
        {"type": "user", "user_id": Bot().user_id},
        {"type": "channel", "channel_id": "C0001"},
        {"type": "broadcast", "range": "here"},
        {"type": "emoji", "name": "eyes"},
        {"type": "link", "url": "https://x", "text": "y"},
        {"type": "link", "url": "https://x"},
    ]
    block = {
        "type": "rich_text",
        "elements": [
            section(text, *parts),
            {"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [section(text)]},
            {"type": "rich_text_list", "style": "ordered", "elements": [section(text), section(text)]},
            {"type": "rich_text_quote", "elements": [text]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "a\nb"}]},
        ],
    }
    assert blocks.lines([block]) == [
        "since @sre-bot#incidents@here:eyes:y <https://x>https://x",
        "  • since ",
        "1. since ",
        "2. since ",
        "> since ",
        "    a",
        "    b",
    ]
