"""The rules of Block Kit that the simulator holds posts to."""

from __future__ import annotations

from typing import Any

import pytest

from sre_bot.drills.slack_simulator.block_kit import accept, check
from sre_bot.drills.slack_simulator.wire import ApiError

Json = dict[str, Any]

DIVIDER: Json = {"type": "divider"}


def mrkdwn(length: int) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def plain(length: int) -> Json:
    return {"type": "plain_text", "text": "x" * length}


def told(block: Json) -> list[str]:
    """What is wrong with a block."""
    return [f"{problem.pointer} {problem.message}" for problem in check([block], "")]


@pytest.mark.parametrize(
    "block",
    [
        DIVIDER,
        {"type": "section", "text": mrkdwn(3000), "block_id": "facts"},
        {"type": "section", "fields": [mrkdwn(2000), *[mrkdwn(1)] * 9]},
        {"type": "header", "text": plain(150)},
        {"type": "markdown", "text": "x" * 12_000},
        {"type": "context", "elements": [mrkdwn(1), {"type": "image", "image_url": "https://x", "alt_text": "x"}]},
        {"type": "container", "title": plain(150), "is_collapsible": True, "child_blocks": [DIVIDER] * 10},
        {
            "type": "context_actions",
            "elements": [
                {
                    "type": "feedback_buttons",
                    "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "good"},
                    "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "bad"},
                }
            ],
        },
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100},
        {"type": "data_visualization", "anything": "goes"},
    ],
)
def test_blocks_up_to_their_limits_are_accepted(block: Json) -> None:
    assert accept([block]) == (block,)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"type": "section", "text": mrkdwn(3001)}, "/0/text/text must be less than 3001 characters"),
        ({"type": "section", "text": mrkdwn(0)}, "/0/text/text must be more than 0 characters"),
        ({"type": "section", "text": "x"}, "/0/text must be an object"),
        ({"type": "section"}, "/0 missing required field: text"),
        ({"type": "section", "fields": [mrkdwn(1)] * 11}, "/0/fields no more than 10 items allowed"),
        ({"type": "section", "fields": [mrkdwn(2001)]}, "/0/fields/0/text must be less than 2001 characters"),
        ({"type": "section", "text": mrkdwn(1), "colour": "red"}, "/0 invalid additional property: colour"),
        ({"type": "header", "text": plain(151)}, "/0/text/text must be less than 151 characters"),
        ({"type": "header", "text": mrkdwn(1)}, "/0/text/type unsupported type: mrkdwn"),
        ({"type": "markdown", "text": "x" * 12_001}, "/0/text must be less than 12001 characters"),
        ({"type": "markdown", "text": mrkdwn(1)}, "/0/text must be a string"),
        ({"type": "context", "elements": []}, "/0/elements must have at least 1 item"),
        ({"type": "context", "elements": [mrkdwn(1)] * 11}, "/0/elements no more than 10 items allowed"),
        ({"type": "image", "image_url": "https://x"}, "/0/alt_text must be a string"),
        ({"type": "actions", "elements": [{}] * 26}, "/0/elements no more than 25 items allowed"),
        ({"type": "table", "rows": [[{}] * 21]}, "/0/rows/0 no more than 20 items allowed"),
        ({"type": "gallery"}, "/0/type unsupported type: gallery"),
        ({"type": "container", "child_blocks": [DIVIDER]}, "/0 missing required field: title"),
        (
            {"type": "container", "title": plain(1), "child_blocks": [{"type": "rich_text", "elements": [{}]}]},
            "/0/child_blocks/0/type unsupported type: rich_text",
        ),
        (
            {"type": "container", "title": plain(1), "child_blocks": [DIVIDER] * 11},
            "/0/child_blocks no more than 10 items allowed",
        ),
    ],
)
def test_a_block_that_breaks_a_rule_is_told_which(block: Json, problem: str) -> None:
    assert told(block) == [problem]


def test_a_message_has_at_most_fifty_blocks() -> None:
    assert len(accept([DIVIDER] * 50)) == 50
    with pytest.raises(ApiError, match="invalid_blocks") as caught:
        accept([DIVIDER] * 51)
    assert caught.value.body["errors"] == ["no more than 50 items allowed [json-pointer:/blocks]"]


def test_the_text_of_all_blocks_together_is_limited() -> None:
    sections = [{"type": "section", "text": mrkdwn(2640)}] * 5
    assert len(accept(sections)) == 5
    with pytest.raises(ApiError, match="msg_blocks_too_long"):
        accept([*sections, {"type": "context", "elements": [mrkdwn(1)]}])


def test_block_ids_are_unique_and_blocks_are_objects_in_a_list() -> None:
    twice = [DIVIDER | {"block_id": "a"}, DIVIDER | {"block_id": "a"}]
    assert [problem.pointer for problem in check(twice, "/blocks")] == ["/blocks/0/block_id", "/blocks/1/block_id"]
    assert [problem.message for problem in check(["x"], "/blocks")] == ["must be an object"]
    assert [problem.message for problem in check({}, "/blocks")] == ["must be an array"]
    with pytest.raises(ApiError, match="invalid_blocks_format"):
        accept({})
    assert accept([]) == ()
