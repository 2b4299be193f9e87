"""Claims held against evidence."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.agent.verify import verify
from sre_bot.investigation import (
    CauseKind,
    Claim,
    Evidence,
    Hypothesis,
    Link,
    Observation,
    Remediation,
    RemediationAction,
    Report,
    Unverified,
)

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SHA = "4f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192"
TWIN = "4f1c2d3eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def look(number: int, content: str = "", *, failed: bool = False, url: str = "") -> Evidence:
    links = (Link("commit", url),) if url else ()
    return Evidence(f"E{number}", "changes", {}, Observation("", content, failed=failed, links=links))


EVIDENCE = (look(1, "errors rose"), look(2, f"deploy {SHA} of checkout"), look(3, "timed out", failed=True))


UNDO = Remediation(RemediationAction.ROLLBACK, "checkout")


def cause(change: str | None = None, confidence: float = 0.5, *evidence: str) -> Hypothesis:
    return Hypothesis(Claim("It broke.", evidence or ("E1",)), CauseKind.CHANGE, confidence, "checkout", change)


def verified(*claims: Claim) -> Report:
    return verify(Report(what=claims), EVIDENCE, NOW)


@pytest.mark.parametrize(
    ("cited", "understood"),
    [
        (("e1",), ("E1",)),
        (("[E1]",), ("E1",)),
        (("E1, E2",), ("E1", "E2")),
        (("E01", "E1"), ("E1",)),
        (("see E2 and e1",), ("E2", "E1")),
        (("E1", "E99"), ("E1",)),
        (("E3", "E1"), ("E1",)),
    ],
)
def test_ids_are_understood_as_models_write_them_and_bad_ones_beside_good_ones_are_left_out(
    cited: tuple[str, ...], understood: tuple[str, ...]
) -> None:
    assert verified(Claim("x", cited)).what == (Claim("x", understood),)


def test_ids_in_brackets_in_the_text_count_when_the_list_is_empty() -> None:
    assert verified(Claim("Errors rose [e1; E2].")).what[0].evidence == ("E1", "E2")


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (Claim("x"), "it cites no evidence"),
        (Claim("x", ("E99",)), "it cites evidence that does not exist: E99"),
        (Claim("x", ("the graph",)), "it cites evidence that does not exist: the graph"),
        (Claim("x", ("E3",)), "it only cites looks that failed: E3"),
        (Claim("x [E42]", ("E1",)), "it cites evidence that does not exist: E42"),
    ],
)
def test_a_claim_that_cannot_stand_is_shown_as_unverified_with_the_reason(claim: Claim, why: str) -> None:
    report = verified(claim)
    assert report.what == ()
    assert report.unverified == (Unverified(claim.text, why),)


def test_every_kind_of_claim_is_checked_and_next_steps_may_go_without_evidence() -> None:
    bad = Claim("bad", ("E9",))
    hypothesis = Hypothesis(bad, CauseKind.TRAFFIC, 0.5)
    report = verify(Report((bad,), (bad,), (hypothesis,), (bad,), (bad, Claim("Call the bank."))), EVIDENCE, NOW)
    assert (report.what, report.impact, report.hypotheses, report.ruled_out) == ((), (), (), ())
    assert len(report.unverified) == 4
    assert report.next_steps == (Claim("bad"), Claim("Call the bank."))


@pytest.mark.parametrize("given_sha", [SHA, SHA[:7], SHA.upper(), f"`{SHA[:12]}`"])
def test_a_short_sha_becomes_the_full_one_that_was_seen(given_sha: str) -> None:
    assert verify(Report((), hypotheses=(cause(given_sha),)), EVIDENCE, NOW).hypotheses[0].change == SHA


def test_a_sha_may_have_been_seen_in_a_link_or_only_in_short() -> None:
    in_link = (look(1, "a commit", url=f"https://git.example/commit/{SHA}"),)
    assert verify(Report((), hypotheses=(cause(SHA[:9]),)), in_link, NOW).hypotheses[0].change == SHA
    in_short = (look(1, f"commit {SHA[:12]}, that is {SHA[:9]}"),)
    assert verify(Report((), hypotheses=(cause(SHA[:8]),)), in_short, NOW).hypotheses[0].change == SHA[:12]


@pytest.mark.parametrize("invented", ["deadbeef", "v1.2.3", SHA[:6], SHA[:-1] + "0", "the last deploy"])
def test_a_hypothesis_with_an_invented_change_goes(invented: str) -> None:
    report = verify(Report((), hypotheses=(cause(invented),)), EVIDENCE, NOW)
    assert report.hypotheses == ()
    assert report.unverified == (
        Unverified("It broke.", f"the change {invented} is no commit that occurs in the evidence"),
    )


@pytest.mark.parametrize("given_sha", [SHA, SHA[:10]])
def test_one_wrong_figure_does_not_hide_the_change_that_is_blamed(given_sha: str) -> None:
    """Only the account of how it did that goes, in sight, and what cites the change bears the blame."""
    said = Claim(f"{SHA[:10]} made 87 % of the calls fail.", ("E1", "E2"))
    report = Report((), hypotheses=(Hypothesis(said, CauseKind.CHANGE, 0.9, "checkout", given_sha),), remediation=UNDO)
    held = verify(report, EVIDENCE, NOW)
    [blamed] = held.hypotheses
    assert (blamed.change, blamed.explained, blamed.claim.evidence) == (SHA, False, ("E2",))
    assert blamed.claim.text.startswith(f"Commit {SHA[:10]} is blamed")
    assert held.remediation == UNDO
    assert [one.claim for one in held.unverified] == [said.text]
    assert verify(held, EVIDENCE, NOW).hypotheses == held.hypotheses


def test_a_blame_that_no_cited_look_shows_goes_with_its_account() -> None:
    said = Claim("It made 87 % of the calls fail.", ("E1",))
    held = verify(Report((), hypotheses=(Hypothesis(said, CauseKind.CHANGE, 0.9, "checkout", SHA),)), EVIDENCE, NOW)
    assert held.hypotheses == ()


def test_a_short_sha_of_two_commits_names_none_of_them() -> None:
    report = verify(Report((), hypotheses=(cause(SHA[:7]),)), (*EVIDENCE, look(4, TWIN)), NOW)
    assert report.hypotheses == ()


def test_a_sha_seen_only_in_a_look_that_failed_was_not_seen() -> None:
    evidence = (look(1), look(2, f"no such commit {SHA}", failed=True))
    assert verify(Report((), hypotheses=(cause(SHA),)), evidence, NOW).hypotheses == ()


def test_confidences_are_clamped_and_hypotheses_ordered_by_them() -> None:
    causes = (cause(None, math.nan), cause(None, 0.4), cause(None, 80.0), cause(None, -math.inf))
    report = verify(Report((), hypotheses=causes), EVIDENCE, NOW)
    assert [one.confidence for one in report.hypotheses] == [1.0, 0.4, 0.0, 0.0]


def test_a_remediation_goes_with_its_last_cause() -> None:
    rollback = Remediation(RemediationAction.ROLLBACK, "checkout")
    report = verify(Report((), hypotheses=(cause("deadbeef"),), remediation=rollback), EVIDENCE, NOW)
    assert report.remediation is None
    assert report.unverified[1] == Unverified("rollback of checkout", "no verified cause stands behind it")
    assert verify(Report((), hypotheses=(cause(SHA),), remediation=rollback), EVIDENCE, NOW).remediation == rollback
    nothing = Remediation(RemediationAction.NONE)
    assert verify(Report((), remediation=nothing), EVIDENCE, NOW).remediation == nothing


def test_not_knowing_stays_an_answer() -> None:
    report = Report(what=(Claim("Errors rose.", ("E1",)),), unknown=("Why.",))
    assert verify(report, EVIDENCE, NOW) == report


_CLAIMS = st.lists(st.builds(Claim, st.text(max_size=20), st.lists(st.text(max_size=6)).map(tuple)), max_size=4).map(
    tuple
)


@given(claims=_CLAIMS, ids=st.lists(st.sampled_from(["E1", "e2", "[E3]", "E4", "x"]), max_size=3), number=st.floats())
def test_checking_twice_changes_nothing_and_no_claim_is_lost(
    claims: tuple[Claim, ...], ids: list[str], number: float
) -> None:
    hypotheses = (cause(SHA[:8], number, *ids), cause("deadbeef", number))
    report = Report(claims, claims, hypotheses, claims, remediation=Remediation(RemediationAction.RESTART))
    once = verify(report, EVIDENCE, NOW)
    assert verify(once, EVIDENCE, NOW) == once
    kept = len(once.what) + len(once.impact) + len(once.hypotheses) + len(once.ruled_out)
    assert kept + len(once.unverified) == 3 * len(claims) + 2 + (once.remediation is None)
