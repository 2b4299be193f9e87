"""How sure an answer may be, counted from its evidence. Pure.

For each hypothesis: support × timing × contradiction × blindness × its share among the rivals, at most `MOST`.

- support: 1 - Π(1 - weight) over the kinds of sources that it cites; a second look at the same kind adds nothing. Half
  of it is left when the account of how it came about did not hold.
- timing: a change that is blamed must have come before the onset; when that cannot be told it counts less, when it came
  after, hardly at all. A hypothesis that blames no change counts less when no onset was seen.
- contradiction: falls with the share of the report's claims that did not hold.
- blindness: falls with each source that could not be seen.
- share: support × timing of this hypothesis over that of all, each weighed by the word the model put on it.

The weights are judgement, not measurement: the result orders answers and says "more" or "less", but it is **not
calibrated** yet, so that 0.6 does not mean right six times in ten. The model's own opinion only enters through `PRIOR`,
and only where there are rivals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sre_bot.agent.exhibits import Exhibit
from sre_bot.investigation import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.investigation import Claim, Evidence, Hypothesis, Report

WEIGHTS = {
    "metrics": 0.5,
    "traces": 0.5,
    "alerts": 0.3,
    "changes": 0.4,
    "code": 0.35,
    "logs": 0.3,
    "docs": 0.15,
}
"""How far one kind of source alone bears a cause."""
TOLD = frozenset({"docs", "logs", "code"})
"""Kinds that are free text: whoever can write a log line, a page or a comment can write what they say."""
ONLY_TOLD = 0.5
"""Weight of support by nothing but free text."""
AFTER_ONSET, UNKNOWN_ORDER, NO_ONSET = 0.2, 0.8, 0.9
UNEXPLAINED = 0.5
"""Weight of a bare blame: what was said of how the change did it did not hold."""
CONTRADICTED = 0.5
"""What is lost when every claim did not hold."""
UNSEEN, LEAST_SIGHT = 0.1, 0.7
"""What each missing source takes, and what all of them leave."""
PRIOR = (0.5, 1.0)
"""The weight of a hypothesis that the model holds for impossible, and for certain."""
MOST = 0.95
ONSET_SLACK = timedelta(seconds=30)
"""Scrapes and records of deploys are coarse: a change this little after the onset may have caused it."""
FREE_TEXT = "(rests on free text only)"


def weighed(report: Report, evidence: Sequence[Evidence], asked_at: datetime) -> Report:
    """A verified report with its hypotheses' confidences computed, best first, and free-text claims labelled.

    The confidence that comes in is what the model thinks, 0..1. ``missing`` of the report must be filled in.
    """
    ground = _Ground.of(report, evidence, asked_at)
    grounds = [ground.of_one(hypothesis) for hypothesis in report.hypotheses]
    priors = [PRIOR[0] + (PRIOR[1] - PRIOR[0]) * hypothesis.confidence for hypothesis in report.hypotheses]
    total = sum(prior * own for prior, own in zip(priors, grounds, strict=True))
    hypotheses = [
        replace(
            ground.labelled_cause(hypothesis),
            confidence=round(min(MOST, ground.factor * own * (prior * own / total)), 2) if total else 0.0,
        )
        for hypothesis, own, prior in zip(report.hypotheses, grounds, priors, strict=True)
    ]
    return replace(
        report,
        what=tuple(ground.labelled(claim) for claim in report.what),
        impact=tuple(ground.labelled(claim) for claim in report.impact),
        hypotheses=tuple(sorted(hypotheses, key=lambda hypothesis: -hypothesis.confidence)),
        ruled_out=tuple(ground.labelled(claim) for claim in report.ruled_out),
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all hypotheses of a report stand on. ``factor`` is contradiction × blindness."""

    kinds: Mapping[str, str]
    exhibits: tuple[Exhibit, ...]
    onset: datetime | None
    factor: float

    @classmethod
    def of(cls, report: Report, evidence: Sequence[Evidence], asked_at: datetime) -> _Ground:
        good = [look for look in evidence if not look.observation.failed]
        kept = len(report.what) + len(report.impact) + len(report.hypotheses) + len(report.ruled_out)
        contradicted = 1 - CONTRADICTED * len(report.unverified) / max(1, kept + len(report.unverified))
        return cls(
            kinds={look.id: kind_of(look.tool) for look in good},
            exhibits=tuple(Exhibit.of(look, asked_at) for look in good if kind_of(look.tool) == "changes"),
            onset=_onset(good),
            factor=contradicted * max(LEAST_SIGHT, 1 - UNSEEN * len(report.missing)),
        )

    def of_one(self, hypothesis: Hypothesis) -> float:
        """Support × timing, less for a bare blame."""
        kinds = self._kinds_of(hypothesis.claim)
        support = 1 - math.prod(1 - WEIGHTS[kind] for kind in kinds)
        explained = 1.0 if hypothesis.explained else UNEXPLAINED
        return support * (ONLY_TOLD if kinds <= TOLD else 1.0) * self._timing(hypothesis.change) * explained

    def labelled(self, claim: Claim) -> Claim:
        """The claim, with a label when nothing but free text bears it."""
        kinds = self._kinds_of(claim)
        told = bool(kinds) and kinds <= TOLD and not claim.text.endswith(FREE_TEXT)
        return replace(claim, text=f"{claim.text} {FREE_TEXT}") if told else claim

    def labelled_cause(self, hypothesis: Hypothesis) -> Hypothesis:
        """The same for a cause."""
        return replace(hypothesis, claim=self.labelled(hypothesis.claim))

    def _kinds_of(self, claim: Claim) -> frozenset[str]:
        return frozenset(self.kinds[one] for one in claim.evidence if one in self.kinds)

    def _timing(self, change: str | None) -> float:
        if change is None:
            return 1.0 if self.onset else NO_ONSET
        made = self._made(change.casefold())
        if made is None or self.onset is None:
            return UNKNOWN_ORDER
        return 1.0 if made <= self.onset + ONSET_SLACK else AFTER_ONSET

    def _made(self, sha: str) -> datetime | None:
        """When a change first took effect: the earliest deploy that names it, else the earliest time beside it."""
        lines = [line for exhibit in self.exhibits for line in exhibit.lines if line.names(sha)]
        rolled = [line for line in lines if "deploy" in line.folded]
        return min((line.reading.moments[0].time for line in rolled or lines if line.reading.moments), default=None)


def _onset(evidence: Iterable[Evidence]) -> datetime | None:
    """The earliest onset that is marked in a chart."""
    marks = (mark for look in evidence for chart in look.observation.charts for mark in chart.marks)
    times = [mark.time for mark in marks if mark.label.startswith("onset")]
    return datetime.fromtimestamp(min(times), UTC) if times else None
