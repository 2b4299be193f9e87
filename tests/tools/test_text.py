"""Free text from systems is shown, bounded, without what hides in it; and what text costs is never underestimated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.tools.text import estimated_tokens, passage, quoted


def test_a_quote_is_one_line_without_hidden_characters() -> None:
    assert quoted("fix\r\n\tthe \u202epool\u200b\x1b[2J") == "fix the pool"


def test_a_long_quote_is_cut() -> None:
    assert quoted("abcdefgh", 5) == "abcd…"
    assert quoted("abcde", 5) == "abcde"


def test_a_secret_is_taken_out_before_the_cut_could_halve_it() -> None:
    url = "postgres://shop:correct-horse-battery@db:5432/shop"
    assert "correct" not in quoted(url, 30)
    assert "correct" not in passage(f"DATABASE = {url}", 40)


def test_a_passage_keeps_its_lines_and_says_where_it_was_cut() -> None:
    assert passage("a\nb", 10) == "a\nb"
    assert passage("one\ntwo\nthree", 8) == "one\ntwo…\n… cut here; the whole has 13 characters"


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("error rate", 2, 4),
        ("▁▂▃▄▅▆▇█", 8, 24),
        ("d35af7feef3e256a34b215fa14d1d108cab5e788", 18, 40),
        ("a=1,b=2,c=3", 11, 13),
    ],
)
def test_the_estimate_is_conservative_but_not_absurd(text: str, least: int, most: int) -> None:
    assert least <= estimated_tokens(text) <= most


@given(st.text(), st.text())
def test_more_text_never_costs_less(text: str, more: str) -> None:
    assert estimated_tokens(text + "\n" + more) >= max(estimated_tokens(text), estimated_tokens(more))
