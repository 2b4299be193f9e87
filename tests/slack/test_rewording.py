"""Whether an edit asks for something else: a rule that people can predict."""

from __future__ import annotations

import pytest

from sre_bot.slack.rewording import asks_otherwise


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("why is checkout slow", "Why is checkout slow?"),
        ("why is  checkout\nslow", "why is checkout slow"),
        ("why is chekcout slow", "why is checkout slow"),
        ("why is chekout slow", "why is checkout slow"),
        ("why is the chek out slow", "why is the chekout slow"),
        ("investigtae the paymnets", "investigate the payments"),
        ("", " ? "),
    ],
)
def test_blanks_case_punctuation_and_slips_of_the_fingers_change_nothing(before: str, after: str) -> None:
    assert not asks_otherwise(before, after)
    assert not asks_otherwise(after, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("why is checkout slow", "why is payments slow"),
        ("why is checkout slow", "why is checkout slow in staging"),
        ("is it slow now", "is it slow not"),
        ("look at v1 of checkout", "look at v2 of checkout"),
        ("since 12:05", "since 12:50"),
        ("is cart slow", "is card slow"),
        ("is checkout down", "isn't checkout down"),
        ("why?", ""),
        ("errors above 5%", "errors above 50%"),
    ],
)
def test_another_word_number_or_name_is_another_question(before: str, after: str) -> None:
    assert asks_otherwise(before, after)
    assert asks_otherwise(after, before)
