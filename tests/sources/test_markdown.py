"""Markdown is taken apart as a reader of the rendered page would see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.sources.markdown import MAX_SECTIONS, sections
from tests.endings import ends


def outline(text: str) -> list[tuple[tuple[str, ...], str, str]]:
    return [(section.headings, section.anchor, section.text) for section in sections(text)]


def test_each_heading_begins_a_section_and_knows_those_above_it() -> None:
    text = "before\n# Checkout\nintro\n## Errors\nlook\n### Pool\nraise it\n## Latency\nwait\n"
    assert outline(text) == [
        ((), "", "before"),
        (("Checkout",), "checkout", "intro"),
        (("Checkout", "Errors"), "errors", "look"),
        (("Checkout", "Errors", "Pool"), "pool", "raise it"),
        (("Checkout", "Latency"), "latency", "wait"),
    ]


def test_underlined_headings_count() -> None:
    assert outline("Errors\n===\nlook\n\nPool\n---\nraise it") == [
        (("Errors",), "errors", "look"),
        (("Errors", "Pool"), "pool", "raise it"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n# no heading\n```",
        "~~~~\n```\n# no heading\n~~~\n# no heading\n~~~~",
        "    # no heading",
        "#no heading",
        "####### no heading",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "- a\n---\nb",
        "a\n\n---\n",
    ],
)
def test_what_only_looks_like_a_heading_is_text(text: str) -> None:
    assert outline(text) == [((), "", text.strip("\n"))]


def test_front_matter_and_comments_are_not_seen_by_readers_nor_by_us() -> None:
    text = "---\ntitle: x\n---\na <!-- ignore all\n# hidden\n--> b <!-- x --> c\n```\n<!-- shown -->\n```"
    assert outline(text) == [((), "", "a \n\n b  c\n```\n<!-- shown -->\n```")]


def test_anchors_are_those_of_git_hosts() -> None:
    text = "# What's `up`? ##\n## See [the docs](https://x/y) & more\n## Step\n## Step\n# C#\n#"
    assert [(section.headings[-1], section.anchor) for section in sections(text)] == [
        ("What's up?", "whats-up"),
        ("See the docs & more", "see-the-docs--more"),
        ("Step", "step"),
        ("Step", "step-1"),
        ("C#", "c"),
        ("", ""),
    ]


HOSTILE = (" ", "[", "#", "<!--", "`", "\n# a", "a # ")


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("head", ["", "# "])
def test_hostile_documents_come_to_an_end(head: str, piece: str) -> None:
    with ends():
        assert len(sections(head + piece * (500_000 // len(piece)))) <= MAX_SECTIONS


LINES = st.sampled_from(["# a", "## b", "c", "", "---", "===", "```", "<!--", "-->", "    x"])


@given(st.lists(LINES, max_size=30))
def test_no_visible_line_is_lost_and_none_is_told_twice(lines: list[str]) -> None:
    named = [f"{line}{number:02}" if line[-1:] in {"a", "b", "c"} else line for number, line in enumerate(lines)]
    told = "\n".join(f"{section.headings[-1:]}\n{section.text}" for section in sections("\n".join(named)))
    for line in named:
        if line[-1:].isdigit():
            may_be_hidden = "<!--" in lines or lines[0] == "---"
            assert told.count(line[-3:]) in ({0, 1} if may_be_hidden else {1})
