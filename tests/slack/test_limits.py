"""Our own check of what Slack takes: every limit, broken by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sre_bot.slack import limits
from sre_bot.slack.limits import Size, problems, size

if TYPE_CHECKING:
    from sre_bot.investigation import JsonObject


def text(length: int, kind: str = "mrkdwn") -> JsonObject:
    return {"type": kind, "text": "x" * length}


def section(length: int) -> JsonObject:
    return {"type": "section", "text": text(length)}


def container(*children: JsonObject, title: int = 5) -> JsonObject:
    return {"type": "container", "title": text(title, "plain_text"), "child_blocks": [*children]}


FULL: dict[str, list[JsonObject]] = {
    "blocks": [section(1)] * limits.BLOCKS,
    "header": [{"type": "header", "text": text(limits.HEADER, "plain_text")}],
    "section": [section(limits.SECTION)],
    "fields": [{"type": "section", "fields": [text(limits.FIELD)] * 6}],
    "context": [{"type": "context", "elements": [text(1)] * limits.ELEMENTS}],
    "container": [container(*[section(1)] * limits.CHILDREN, title=limits.TITLE)],
    "button": [{"type": "actions", "elements": [{"type": "button", "text": text(limits.BUTTON, "plain_text")}]}],
    "image": [{"type": "image", "alt_text": "x" * limits.ALT_TEXT}],
    "message": [*[section(limits.SECTION)] * 4, section(limits.MESSAGE - 4 * limits.SECTION)],
}
BROKEN: dict[str, list[JsonObject]] = {
    "no block": [],
    "blocks": [section(1)] * (limits.BLOCKS + 1),
    "header": [{"type": "header", "text": text(limits.HEADER + 1, "plain_text")}],
    "empty": [section(0)],
    "section": [section(limits.SECTION + 1)],
    "field": [{"type": "section", "fields": [text(limits.FIELD + 1)]}],
    "fields": [{"type": "section", "fields": [text(1)] * (limits.FIELDS + 1)}],
    "context": [{"type": "context", "elements": [text(1)] * (limits.ELEMENTS + 1)}],
    "nothing in it": [container()],
    "container": [container(*[section(1)] * (limits.CHILDREN + 1))],
    "title": [container(section(1), title=limits.TITLE + 1)],
    "inside": [container(section(limits.SECTION + 1))],
    "button": [{"type": "actions", "elements": [{"type": "button", "text": text(limits.BUTTON + 1, "plain_text")}]}],
    "image": [{"type": "image", "alt_text": ""}],
    "message": [*[section(limits.SECTION)] * 4, section(limits.MESSAGE - 4 * limits.SECTION + 1)],
}


@pytest.mark.parametrize("name", FULL)
def test_what_just_fits_has_no_problem(name: str) -> None:
    assert problems(FULL[name]) == ()


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_over_a_limit_has_one(name: str) -> None:
    assert len(problems(BROKEN[name])) == 1


def test_the_size_counts_what_is_folded_too() -> None:
    assert size([section(10), container(section(20), title=5)]) == Size(3, 35)
