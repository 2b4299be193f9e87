"""Lengths of time as a human says them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sre_bot.render.durations import in_words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (38.6, "39 seconds"),
        (-60, "60 seconds"),
        (95, "2 minutes"),
        (712, "12 minutes"),
        (5_400, "1.5 hours"),
        (7_300, "2 hours"),
        (40_000, "11 hours"),
        (129_600, "1.5 days"),
        (900_000, "10 days"),
    ],
)
def test_a_length_of_time(seconds: float, said: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == said
