"""Ten reports, posted exactly so: a change of how answers look is seen in review, and all of them fit."""

from __future__ import annotations

import json

import pytest

from sre_bot.slack.limits import problems
from tests.slack.golden import FOLDER, posts, written

POSTS = posts()


@pytest.mark.parametrize("name", POSTS)
def test_a_report_is_posted_as_it_was(name: str) -> None:
    """After a change that is meant: python -m tests.slack.golden."""
    kept = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert json.loads(written(POSTS[name])) == json.loads(kept)


@pytest.mark.parametrize("name", POSTS)
def test_a_report_as_kept_is_within_all_limits(name: str) -> None:
    kept = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    for blocks in (kept["blocks"], kept["plain_blocks"], kept["details"]):
        assert problems(blocks) == ()


def test_there_are_ten_of_them() -> None:
    assert len(POSTS) == len([*FOLDER.glob("*.json")]) == 10
