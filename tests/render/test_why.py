"""Why a cause is held for so likely, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sre_bot.investigation import Answer, Claim, Unverified
from sre_bot.render.why import why_so_sure
from tests.render import sample_answers as samples


def why(answer: Answer, text: str = "it", cites: tuple[str, ...] = ("E2", "E5"), *, explained: bool = True) -> str:
    best = replace(answer.report.hypotheses[0], claim=Claim(text, cites), explained=explained)
    report = replace(answer.report, hypotheses=(best, *answer.report.hypotheses[1:]))
    return why_so_sure(replace(answer, report=report), best)


CLEAR = replace(samples.BAD_DEPLOY, report=replace(samples.BAD_DEPLOY.report, unverified=(), missing=()))
LEAD = "; the change came 35 seconds before the trouble began"


@pytest.mark.parametrize(
    ("cites", "said"),
    [
        (("E1", "E2", "E5"), f"alerts, metrics and changes agree{LEAD}"),
        (("E2", "E3"), f"it rests on metrics alone{LEAD}"),
        ((), f"nothing that was seen bears it out{LEAD}"),
        (("E99",), f"nothing that was seen bears it out{LEAD}"),
    ],
)
def test_it_names_the_kinds_of_evidence_and_when_the_change_came(cites: tuple[str, ...], said: str) -> None:
    assert why(CLEAR, cites=cites) == said


def test_it_does_not_repeat_what_the_claim_says_of_the_time() -> None:
    assert why(CLEAR, "35 s before the onset") == "metrics and changes agree"


def test_it_tells_what_speaks_against() -> None:
    assert why(CLEAR, explained=False).endswith(", but how it would have done so did not hold")
    doubts = replace(CLEAR, report=replace(CLEAR.report, unverified=(Unverified("a", "b"),) * 2))
    assert why(doubts).endswith(", but 2 claims did not hold")
    assert why(samples.BAD_DEPLOY).endswith(", but 1 claim did not hold and loki could not be seen")
    rival = replace(CLEAR.report.hypotheses[1], confidence=0.5)
    rivals = replace(CLEAR, report=replace(CLEAR.report, hypotheses=(CLEAR.report.hypotheses[0], rival)))
    assert why(rivals).endswith(", but another cause is nearly as likely")
    assert why_so_sure(rivals, rival) == "it rests on metrics alone"
