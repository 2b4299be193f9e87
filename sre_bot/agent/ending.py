"""How an investigation ends: the model's report made an answer, or, without one, what is known all the same. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.confidence import weighed
from sre_bot.agent.verify import verify
from sre_bot.investigation import FIRST_LOOK, Answer, CauseKind, Claim, Report, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sre_bot.agent.prompt import Prompt
    from sre_bot.investigation import Evidence, MissingSource, Question, Usage

_MOST_SUSPECTS = 5
_MOST_LOOKS = 10


def concluded(
    question: Question,
    report: Report,
    *,
    model: str,
    prompt: Prompt,
    first_look: Answer | None,
    evidence: Sequence[Evidence],
    usage: Usage,
    note: str | None,
) -> Answer:
    """The answer that a model's report makes: claims held against the evidence, confidences computed from it."""
    held = replace(verify(report, evidence, question.asked_at), missing=_missing(first_look, evidence))
    held = weighed(held, evidence, question.asked_at)
    return Answer(
        question=question,
        model=model,
        prompt=prompt.sha,
        report=held,
        evidence=tuple(evidence),
        suspects=_suspects(held, first_look.suspects if first_look else ()),
        usage=usage,
        note=note,
    )


def fallen_back(
    question: Question, *, first_look: Answer | None, evidence: Sequence[Evidence], usage: Usage, note: str
) -> Answer:
    """The answer when there is no report: the first look's, with what was seen after it."""
    base = first_look or Answer(question, FIRST_LOOK, None, Report(what=(), unknown=("The cause.",)), ())
    known = {one.id for one in base.evidence}
    later = [one for one in evidence if one.id not in known and not one.observation.failed][:_MOST_LOOKS]
    seen = tuple(Claim(one.summary, (one.id,)) for one in later)
    report = replace(base.report, what=base.report.what + seen, missing=_missing(first_look, evidence))
    return replace(base, report=report, evidence=tuple(evidence), usage=usage, note=note)


def _missing(first_look: Answer | None, evidence: Iterable[Evidence]) -> tuple[MissingSource, ...]:
    """Every source that could not be seen, once, with the first reason."""
    found: dict[str, MissingSource] = {}
    for one in (*(first_look.report.missing if first_look else ()), *(look.observation.missing for look in evidence)):
        if one is not None:
            found.setdefault(one.source, one)
    return tuple(found.values())


def _suspects(report: Report, earlier: Iterable[Suspect]) -> tuple[Suspect, ...]:
    """The model's suspects, then those of the first look that it did not name; scores fall all the way."""
    named = [one for one in report.hypotheses if one.change or one.kind is not CauseKind.UNKNOWN]
    ranked = [Suspect(one.change, one.confidence, one.claim.text) for one in named]
    floor = ranked[-1].score if ranked else float("inf")
    ranked += [replace(one, score=min(one.score, floor)) for one in earlier]
    unique: dict[str | None, Suspect] = {}
    for one in ranked:
        unique.setdefault(one.change, one)
    return tuple(unique.values())[:_MOST_SUSPECTS]
