"""Cut texts: at the end of a sentence where one is near, never too long, never without a word that says so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sre_bot.slack.fitting import COUNT, GROWTH, MORE, fitted, lines, shortened

TWO = "The first sentence is here. The second one is a good deal longer than that."


def test_it_ends_where_a_sentence_does() -> None:
    assert shortened(TWO, 50) == "The first sentence is here."


def test_else_where_a_word_does_and_else_anywhere() -> None:
    assert shortened(TWO, 20) == "The first sentence"
    assert shortened("x" * 50, 20) == "x" * 20


def test_an_end_that_comes_too_early_is_passed_over() -> None:
    assert shortened(f"Yes. {'word ' * 40}", 100).startswith("Yes. word word")


def test_a_number_is_no_end_of_a_sentence() -> None:
    assert shortened("It takes 1.9 seconds and then some more", 24) == "It takes 1.9 seconds and"


def test_what_is_whole_is_not_marked() -> None:
    assert fitted(TWO, 100, str) == TWO
    assert fitted(TWO, 60, str, MORE) == f"The first sentence is here. {MORE}"


@given(st.text(), st.integers(2 * COUNT, 200), st.integers(1, 9))
def test_never_longer_than_it_may_be(text: str, length: int, growth: int) -> None:
    assert len(fitted(text, length, lambda part: part * growth)) <= GROWTH * length + COUNT


@given(st.lists(st.text("ab ", max_size=40), max_size=30), st.integers(COUNT, 200))
def test_lines_fit_and_the_rest_is_counted(written: list[str], limit: int) -> None:
    shown = lines(written, limit)
    assert len(shown) <= limit
    assert shown == "\n".join(written) or shown.endswith(" more)")
