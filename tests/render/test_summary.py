"""What stands on top of every answer, whatever the door."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sre_bot.investigation import Remediation, RemediationAction
from sre_bot.render.summary import cited, clock, commit_link, fix, headline, likelihood, origin, since
from tests.render import sample_answers as samples


@pytest.mark.parametrize(
    ("confidence", "said"),
    [(1.0, "very likely (100 %)"), (0.6, "likely (60 %)"), (0.45, "possibly (45 %)"), (0.0, "perhaps (0 %)")],
)
def test_confidence_is_said_in_words_and_per_cent(confidence: float, said: str) -> None:
    assert likelihood(confidence).replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bad deploy", "checkout: very likely change 3f2a91c7d0 (82 %)"),
        ("outage elsewhere", "checkout: likely an outage elsewhere (71 %)"),
        ("don't know", "Cause not known yet"),
        ("all missing", "Cause not known yet"),
        ("all well", "No trouble found"),
    ],
)
def test_headline_names_service_cause_and_likelihood(name: str, said: str) -> None:
    assert headline(samples.ALL[name]).replace("\N{NO-BREAK SPACE}", " ") == said


def test_since_is_the_earliest_onset_in_the_evidence_of_the_first_claim_that_has_one() -> None:
    assert since(samples.BAD_DEPLOY) == samples.ONSET
    assert since(samples.DONT_KNOW) is None


def test_evidence_that_no_claim_cites_is_not_counted_as_cited() -> None:
    assert [evidence.id for evidence in cited(samples.BAD_DEPLOY)] == ["E1", "E2", "E3", "E4", "E5"]


def test_link_to_the_blamed_commit_comes_from_the_evidence() -> None:
    first, second = samples.BAD_DEPLOY.report.hypotheses
    link = commit_link(samples.BAD_DEPLOY, first)
    assert link is not None
    assert link.url.endswith(samples.SHA)
    assert commit_link(samples.BAD_DEPLOY, second) is None


def test_fix_is_the_remediation_as_a_step() -> None:
    assert fix(samples.BAD_DEPLOY) == "Rollback: checkout"
    nothing = replace(samples.BAD_DEPLOY.report, remediation=Remediation(RemediationAction.NONE))
    assert fix(replace(samples.BAD_DEPLOY, report=nothing)) is None


def test_origin_tells_as_of_when_by_whom_and_at_what_cost() -> None:
    said = origin(samples.BAD_DEPLOY).replace("\N{NO-BREAK SPACE}", " ")
    assert said == "as of 2026-11-22 03:14:07 UTC · claude-opus-5-5 · prompt a1b2c3d4e5f6 · 39 s · $0.21"
    assert "first look, no model" in origin(samples.ALL_WELL)


def test_clock_adds_the_date_only_on_another_day() -> None:
    day = datetime(2026, 11, 22, 0, 5, tzinfo=UTC)
    assert clock(datetime(2026, 11, 22, 0, 1, 2, tzinfo=UTC), day) == "00:01:02 UTC"
    assert clock(datetime(2026, 11, 21, 23, 59, tzinfo=UTC), day) == "2026-11-21 23:59:00 UTC"
