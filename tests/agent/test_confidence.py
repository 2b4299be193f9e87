"""Confidence computed from evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sre_bot.agent.confidence import FREE_TEXT, MOST, weighed
from sre_bot.investigation import (
    CauseKind,
    Chart,
    ChartMark,
    Claim,
    Evidence,
    Hypothesis,
    MissingSource,
    Observation,
    Report,
    Unverified,
    kind_of,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ONSET = NOW - timedelta(minutes=20)
SHA, LATE = "9188e74cf0ffed48f1a86f8f05bea55cea4f41a8", "15dad75fd37a105a613b6595138135402a7f2397"
MARKED = Chart("errors", "ratio", (), (ChartMark(ONSET.timestamp(), "onset 11:40:00"),))
EVIDENCE = (
    Evidence("E1", "query_metrics", {}, Observation("", "31 %", charts=(MARKED,))),
    Evidence("E2", "query_metrics", {}, Observation("", "1.2 s")),
    Evidence("E3", "list_alerts", {}, Observation("", "fires")),
    Evidence("E4", "list_changes", {}, Observation("", f"11:38:00 deploy api {SHA}\n11:50:00 deploy api {LATE}")),
    Evidence("E5", "search_docs", {}, Observation("", "the pool is small")),
)


def cause(*cited: str, change: str | None = None, prior: float = 0.5) -> Hypothesis:
    return Hypothesis(Claim("It broke.", cited), CauseKind.CHANGE, prior, "api", change)


def confidences(*causes: Hypothesis, **parts: tuple[MissingSource, ...] | tuple[Unverified, ...]) -> list[float]:
    report = Report(what=(Claim("Errors.", ("E1",)),), hypotheses=causes)
    for name, value in parts.items():
        report = Report(**{**{field: getattr(report, field) for field in Report.__slots__}, name: value})
    return [one.confidence for one in weighed(report, EVIDENCE, NOW).hypotheses]


def test_more_kinds_of_sources_count_more_and_a_second_look_at_one_kind_does_not() -> None:
    (one,), (twice,), (two,), (three,) = (
        confidences(cause(*ids)) for ids in (("E1",), ("E1", "E2"), ("E1", "E3"), ("E1", "E3", "E4"))
    )
    assert one == twice < two < three <= MOST


def test_a_change_after_the_onset_or_at_an_unknown_time_counts_less() -> None:
    (before,), (unknown,), (after,) = (confidences(cause("E1", "E4", change=sha)) for sha in (SHA, "c0ffee1234", LATE))
    assert before > unknown > after


def test_what_did_not_hold_and_what_was_not_seen_take_away() -> None:
    (clear,) = confidences(cause("E1"))
    (doubted,) = confidences(cause("E1"), unverified=(Unverified("x", "y"),))
    (blind,) = confidences(cause("E1"), missing=(MissingSource("loki", "down"),))
    assert doubted < clear
    assert blind < clear


def test_a_blame_without_its_account_counts_half() -> None:
    (explained,) = confidences(cause("E1", "E4", change=SHA))
    (bare,) = confidences(replace(cause("E1", "E4", change=SHA), explained=False))
    assert bare == pytest.approx(explained / 2, abs=0.01)


def test_free_text_alone_counts_little_and_is_labelled() -> None:
    report = Report(what=(Claim("The pool is small.", ("E5",)),), hypotheses=(cause("E5"), cause("E1", "E5")))
    answer = weighed(report, EVIDENCE, NOW)
    assert [one.claim.text for one in answer.hypotheses] == ["It broke.", f"It broke. {FREE_TEXT}"]
    assert answer.what[0].text.endswith(FREE_TEXT)
    assert answer.hypotheses[1].confidence < 0.1


def test_rivals_share_and_the_models_word_only_tips_the_scales() -> None:
    (alone,) = confidences(cause("E1", "E3"))
    first, second = confidences(cause("E1", "E3", prior=0.2), cause("E1", "E3", prior=0.8))
    assert second < first < alone
    assert first + second <= alone + 0.02
    assert confidences(cause("E1", prior=0.2)) == confidences(cause("E1", prior=0.8))


def test_no_hypothesis_stays_an_answer() -> None:
    assert confidences() == []


def test_kinds_are_told_by_the_tools_name_and_an_unknown_tool_counts_as_documents_do() -> None:
    told = {"query_metrics": "metrics", "alerts": "alerts", "find_traces": "traces", "search_logs": "logs"}
    told |= {"search_code": "code", "search_docs": "docs", "list_changes": "changes", "ask_oracle": "docs"}
    assert {tool: kind_of(tool) for tool in told} == told
