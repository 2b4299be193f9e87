"""The verifier on the golden sets: that of its author, and that of an author who had not read it."""

from __future__ import annotations

import pytest

from tests.agent.golden_claims import golden_claims, judged, scenes, score
from tests.agent.golden_files import GOLDEN, Score
from tests.agent.golden_files import judged as judged_of_file

GOAL = 0.95


@pytest.mark.parametrize("held_out", [False, True])
def test_nineteen_of_twenty_claims_that_do_not_hold_are_found_and_as_few_doubted_wrongly(held_out: bool) -> None:  # noqa: FBT001 -- which half
    reached = score(judged(held_out=held_out))
    assert reached.precision >= GOAL
    assert reached.recall >= GOAL


@pytest.mark.parametrize(
    ("name", "precision", "recall"),
    [
        ("dev", 0.98, 0.98),
        ("second", 0.98, 0.98),
        ("rounds", 0.96, 0.91),
        ("third", 0.95, 0.95),
        ("fourth", 0.97, 0.94),
        ("fifth", 0.98, 0.94),
        ("afterwards", 0.97, 0.89),
        ("sixth", 0.96, 0.98),
    ],
)
def test_claims_by_an_author_who_had_not_read_the_verifier_are_judged_as_well_as_was_reached(
    name: str, precision: float, recall: float
) -> None:
    reached = Score.of(judged_of_file(GOLDEN / f"{name}.jsonl", GOLDEN / "evidence.json"))
    assert reached.precision >= precision
    assert reached.recall >= recall


def test_the_golden_set_is_large_mixed_and_cites_evidence_there_is() -> None:
    claims = golden_claims()
    assert len(claims) >= 150
    assert len(set(claims)) == len(claims)
    assert 0.4 <= sum(one.held_out for one in claims) / len(claims) <= 0.6
    assert 0.4 <= sum(one.holds for one in claims) / len(claims) <= 0.6
    staged = scenes()
    for one in claims:
        known = {look.id for look in staged[one.scene].evidence}
        assert one.kind == "invented-id" or set(one.claim.evidence[0].split(", ")) <= known
