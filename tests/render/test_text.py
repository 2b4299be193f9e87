"""An answer in the terminal: short, complete, in order, and nothing hidden in it."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings

from sre_bot.investigation import (
    Answer,
    AnswerStep,
    Evidence,
    EvidenceStep,
    FirstLookStep,
    HeardStep,
    LookStep,
    Message,
    MissingSource,
    ModelStep,
    Observation,
    Step,
)
from sre_bot.render.text import MAX_STATUS, answer_text, status_line
from tests.render import sample_answers as samples
from tests.render.strategies import answers

HEADINGS = (
    "What is going on?",
    "Impact",
    "What caused it?",
    "What next?",
    "Ruled out",
    "Not known",
    "Could not be seen",
    "Unverified: the evidence does not bear this out",
    "Evidence",
)


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line in HEADINGS]


def test_a_full_answer_has_everything_in_order() -> None:
    text = answer_text(samples.BAD_DEPLOY).replace("\N{NO-BREAK SPACE}", " ")
    assert headings(text) == list(HEADINGS)
    assert "• Very likely (82 %): Deploy of checkout 3f2a91c7d0" in text
    assert "[E2, E5]" in text
    assert f"    commit 3f2a91c7d0b5: https://git.example.com/shop/commit/{samples.SHA}" in text
    assert "1 more look that nothing above rests on" in text


def test_headings_without_anything_under_them_are_left_out() -> None:
    assert headings(answer_text(samples.ALL_WELL)) == ["What is going on?", "What caused it?", "Evidence"]


def test_the_note_comes_first() -> None:
    assert answer_text(samples.OUTAGE_ELSEWHERE).startswith("No model is configured")


def test_not_knowing_is_said_plainly() -> None:
    assert "What caused it?\n• I don't know yet." in answer_text(samples.DONT_KNOW)


def test_when_nothing_could_be_seen_it_says_so_first() -> None:
    said = "What is going on?\n• I can't tell: prometheus, alertmanager, deploys could not be seen."
    assert answer_text(samples.ALL_MISSING).startswith(said)


def test_prose_is_wrapped_and_addresses_are_not() -> None:
    lines = answer_text(samples.BAD_DEPLOY, width=72).splitlines()
    assert max(len(line) for line in lines if "://" not in line and "UTC ·" not in line) <= 72
    assert any(len(line) > 72 and "http://prometheus.internal:9090/graph" in line for line in lines)


@settings(deadline=None, max_examples=20)
@given(answers)
def test_no_answer_drives_the_terminal(answer: Answer) -> None:
    hidden = {character for character in answer_text(answer) if unicodedata.category(character) in {"Cc", "Cs"}}
    assert hidden <= {"\n", "\t"}


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (ModelStep(1), "thinking about it"),
        (ModelStep(3), "thinking about it (turn 3)"),
        (LookStep("query_metrics", {"query": "rate(x[5m])", "last": "1h"}), "looking at `rate(x[5m])`"),
        (LookStep("list_alerts", {}), "looking at alerts"),
        (LookStep("find_metrics", {"service": "checkout", "name": None}), "looking for metrics (checkout)"),
        (EvidenceStep(samples.BAD_DEPLOY.evidence[5]), "E6: 14 metrics of checkout"),
        (HeardStep(Message("ben", "no, look at\nthe database")), "taken in from ben: no, look at the database"),
        (FirstLookStep(samples.OUTAGE_ELSEWHERE), "first look done: 3 things seen"),
        (AnswerStep(samples.BAD_DEPLOY), "done"),
    ],
)
def test_a_step_is_told_in_one_line(step: Step, line: str) -> None:
    assert status_line(step) == line


def test_a_look_that_failed_says_what_could_not_be_seen() -> None:
    seen = Observation("failed", "failed", failed=True, missing=MissingSource("loki", "no answer within 5 s"))
    assert (
        status_line(EvidenceStep(Evidence("E1", "logs", {}, seen)))
        == "E1: loki could not be seen: no answer within 5 s"
    )


def test_a_long_query_is_cut_and_stays_code() -> None:
    line = status_line(LookStep("query_metrics", {"query": "sum by (a)\n(rate(x[5m])) + " * 40}))
    assert len(line) <= MAX_STATUS
    assert re.fullmatch("looking at `[^`]+…`", line)
