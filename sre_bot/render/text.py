"""An answer as plain text for a terminal, and the one line that tells what is being done."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from sre_bot.investigation import AnswerStep, EvidenceStep, FirstLookStep, HeardStep, LookStep, ModelStep
from sre_bot.render.safe import clean_text
from sre_bot.render.summary import CAUSED, GOING_ON, NEXT, cited, fix, likelihood, origin, without_cause, without_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sre_bot.investigation import Answer, Claim, Evidence, Hypothesis, Step

WIDTH = 100
MAX_ID = 20
MAX_STATUS = 160
"""Characters of a status line."""


def answer_text(answer: Answer, width: int = WIDTH) -> str:
    """The whole answer in plain text; headings without anything under them are left out."""
    sections = (
        ("", [answer.note] if answer.note else []),
        (GOING_ON, _claims(answer.report.what) or [without_facts(answer)]),
        ("Impact", _claims(answer.report.impact)),
        (CAUSED, [*map(_hypothesis, answer.report.hypotheses)] or [without_cause(answer)]),
        (NEXT, _claims(answer.report.next_steps) or [step for step in (fix(answer),) if step]),
        ("Ruled out", _claims(answer.report.ruled_out)),
        ("Not known", answer.report.unknown),
        ("Could not be seen", [f"{missing.source}: {missing.why}" for missing in answer.report.missing]),
        ("Unverified: the evidence does not bear this out", [f"{u.claim} ({u.why})" for u in answer.report.unverified]),
    )
    parts = ["\n".join(_section(title, items, width)) for title, items in sections if items]
    parts += ["\n".join(_evidence(answer, width)), clean_text(origin(answer))]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, items: Iterable[str], width: int) -> Iterator[str]:
    if title:
        yield title
    for item in items:
        yield _wrapped(item, "• " if title else "", width)


def _claims(claims: Iterable[Claim]) -> list[str]:
    return [_claim(claim) for claim in claims]


def _claim(claim: Claim) -> str:
    return f"{claim.text} [{', '.join(claim.evidence)}]" if claim.evidence else claim.text


def _hypothesis(hypothesis: Hypothesis) -> str:
    said = f"{likelihood(hypothesis.confidence).capitalize()}: {_claim(hypothesis.claim)}"
    if hypothesis.change is None or hypothesis.change[:7] in hypothesis.claim.text:
        return said
    return f"{said} (commit {hypothesis.change[:10]})"


def _evidence(answer: Answer, width: int) -> Iterator[str]:
    shown = cited(answer)
    if shown:
        yield "Evidence"
    for evidence in shown:
        yield _wrapped(evidence.summary, f"{_cut(evidence.id, MAX_ID):<4}", width)
        yield from (f"    {clean_text(link.title)}: {clean_text(link.url)}" for link in evidence.observation.links)
    rest = len(answer.evidence) - len(shown)
    if rest:
        yield f"{rest} more {'look' if rest == 1 else 'looks'} that nothing above rests on"


def _wrapped(text: str, lead: str, width: int) -> str:
    """Wrapped between words, the following lines indented below the first one's text."""
    lines = textwrap.wrap(
        clean_text(text),
        width,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


_VERBS = {"query": "looking at", "list": "looking at", "find": "looking for"}


def status_line(step: Step) -> str:
    """What is being done, or what was just seen, on one short line."""
    match step:
        case ModelStep(turn):
            line = "thinking about it" if turn == 1 else f"thinking about it (turn {turn})"
        case LookStep():
            line = _look(step)
        case EvidenceStep(evidence):
            line = f"{evidence.id}: {_seen(evidence)}"
        case HeardStep(message):
            line = f"taken in from {message.author}: {message.text}"
        case FirstLookStep(answer):
            line = f"first look done: {len(answer.evidence)} things seen"
        case AnswerStep():
            line = "done"
    return _cut(line, MAX_STATUS)


def _cut(text: str, length: int) -> str:
    line = " ".join(clean_text(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def _look(step: LookStep) -> str:
    """``query_metrics`` and its arguments as a person would say it."""
    verb, _, noun = step.tool.partition("_")
    said = _VERBS.get(verb, "looking at")
    query = step.arguments.get("query")
    if isinstance(query, str):
        return f"{said} `{_cut(query, MAX_STATUS - 20)}`"
    about = [str(value) for value in step.arguments.values() if isinstance(value, str)]
    return f"{said} {noun.replace('_', ' ') or verb}" + (f" ({', '.join(about)})" if about else "")


def _seen(evidence: Evidence) -> str:
    missing = evidence.observation.missing
    return f"{missing.source} could not be seen: {missing.why}" if missing else evidence.summary
