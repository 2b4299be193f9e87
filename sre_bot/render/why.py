"""Why an answer is as sure of a cause as it says, in words. Pure.

The figure itself is computed in ``agent/confidence.py``, or by the first look; this tells what speaks for and against.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.investigation import kind_of
from sre_bot.render.durations import in_words
from sre_bot.render.summary import ONSET, by_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sre_bot.investigation import Answer, Hypothesis

CLOSE = 0.5
"""A rival with this share of the best one's confidence is worth a word."""
_WORDS = {"docs": "documents"}
_LEAST_SHA = 7


def why_so_sure(answer: Answer, hypothesis: Hypothesis) -> str:
    """One sentence without its capital: what bears the cause, when it came, what is against it."""
    against = _listed([*_against(answer, hypothesis)])
    return "; ".join(_for(answer, hypothesis)) + (f", but {against}" if against else "")


def _for(answer: Answer, hypothesis: Hypothesis) -> Iterator[str]:
    evidence = by_id(answer)
    cited = [evidence[one] for one in hypothesis.claim.evidence if one in evidence]
    kinds = [*dict.fromkeys(_WORDS.get(kind, kind) for kind in (kind_of(one.tool) for one in cited))]
    match kinds:
        case []:
            yield "nothing that was seen bears it out"
        case [alone]:
            yield f"it rests on {alone} alone"
        case _:
            yield f"{_listed(kinds)} agree"
    if lead := _lead(answer, hypothesis):
        yield lead


def _lead(answer: Answer, hypothesis: Hypothesis) -> str:
    """How long before or after the onset the change came, as charts mark both."""
    marks = [m for one in answer.evidence for chart in one.observation.charts for m in chart.marks]
    onsets = [mark.time for mark in marks if mark.label.startswith(ONSET)]
    made = [mark.time for mark in marks if _names(mark.label, hypothesis.change or "")]
    if not (onsets and made) or " before " in hypothesis.claim.text:
        return ""
    lead = min(onsets) - min(made)
    order = "before" if lead >= 0 else "after"
    return f"the change came {in_words(timedelta(seconds=lead))} {order} the trouble began"


def _names(label: str, change: str) -> bool:
    return any(len(word) >= _LEAST_SHA and change.startswith(word) for word in label.split())


def _against(answer: Answer, hypothesis: Hypothesis) -> Iterator[str]:
    report = answer.report
    if not hypothesis.explained:
        yield "how it would have done so did not hold"
    rivals = report.hypotheses[1:] if hypothesis is report.hypotheses[0] else ()
    if any(one.confidence >= CLOSE * hypothesis.confidence for one in rivals):
        yield "another cause is nearly as likely"
    if report.unverified:
        count = len(report.unverified)
        yield f"{count} {'claim' if count == 1 else 'claims'} did not hold"
    if missing := [one.source for one in report.missing]:
        yield f"{_listed(missing)} could not be seen"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
