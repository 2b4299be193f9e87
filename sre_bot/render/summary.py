"""An answer at a glance: what every door shows first, and in the same words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.investigation import FIRST_LOOK, CauseKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.investigation import Answer, Claim, Evidence, Hypothesis, Link

GOING_ON, CAUSED, NEXT = "What is going on?", "What caused it?", "What next?"
"""The three headings."""

DONT_KNOW = "I don't know yet."
NOTHING_WRONG = "Nothing to explain."
_HEADLINES = {DONT_KNOW: "Cause not known yet", NOTHING_WRONG: "No trouble found"}
ONSET = "onset"
"""Marks of charts whose label starts with this word say when something began."""

_LIKELIHOODS = ((0.8, "very likely"), (0.6, "likely"), (0.4, "possibly"), (0.0, "perhaps"))


_KINDS = {
    CauseKind.CHANGE: "a change",
    CauseKind.CONFIG: "a config change",
    CauseKind.CAPACITY: "a limit that was reached",
    CauseKind.TRAFFIC: "a surge of traffic",
    CauseKind.EXTERNAL_DEPENDENCY: "an outage elsewhere",
    CauseKind.INFRASTRUCTURE: "the infrastructure",
    CauseKind.CERTIFICATE: "a certificate",
    CauseKind.BAD_DATA: "bad data",
    CauseKind.NONE: "nothing is wrong",
    CauseKind.UNKNOWN: "an unknown cause",
}


def headline(answer: Answer) -> str:
    """The likely cause in a few words, with its likelihood and the service; never longer than a line."""
    if not answer.report.hypotheses:
        return _HEADLINES[without_cause(answer)]
    best = answer.report.hypotheses[0]
    cause = _KINDS[best.kind]
    if best.change:
        cause = f"{cause.removeprefix('a ')} {best.change[:10]}"
    said = f"{likelihood(best.confidence, cause)}"
    return f"{best.service[:60]}: {said}" if best.service else said[:1].upper() + said[1:]


def without_cause(answer: Answer) -> str:
    """What to say of the cause when the report names none."""
    report = answer.report
    return DONT_KNOW if report.unknown or report.missing or report.next_steps else NOTHING_WRONG


def without_facts(answer: Answer) -> str:
    """What to say of the situation when the report states nothing."""
    missing = ", ".join(source.source for source in answer.report.missing)
    return f"I can't tell: {missing} could not be seen." if missing else "I can't tell yet."


def likelihood(confidence: float, what: str = "") -> str:
    """A confidence (0..1) in words and per cent: ``likely a change (72 %)``, or ``likely (72 %)``."""
    words = next((words for least, words in _LIKELIHOODS if confidence >= least), _LIKELIHOODS[-1][1])
    return f"{words}{' ' if what else ''}{what} ({round(100 * confidence)}\N{NO-BREAK SPACE}%)"


def fix(answer: Answer) -> str | None:
    """What would mend it, as a step to take, when the report names that only as a word."""
    remedy = answer.report.remediation
    if remedy is None or remedy.action == "none":
        return None
    target = f": {remedy.target}" if remedy.target else ""
    return f"{remedy.action.replace('-', ' ').capitalize()}{target}"


def since(answer: Answer) -> datetime | None:
    """When it began: the earliest onset marked in the evidence of the first claim that has one."""
    evidence = by_id(answer)
    for claim in answer.report.what:
        marks = (
            mark.time
            for cited in claim.evidence
            if cited in evidence
            for chart in evidence[cited].observation.charts
            for mark in chart.marks
            if mark.label.startswith(ONSET)
        )
        onset = min(marks, default=None)
        if onset is not None:
            return datetime.fromtimestamp(onset, UTC)
    return None


def by_id(answer: Answer) -> dict[str, Evidence]:
    """The evidence by its id."""
    return {evidence.id: evidence for evidence in answer.evidence}


def cited(answer: Answer) -> tuple[Evidence, ...]:
    """The evidence that the report cites, in its own order."""
    ids = {one for claim in _claims(answer) for one in claim.evidence}
    return tuple(evidence for evidence in answer.evidence if evidence.id in ids)


def commit_link(answer: Answer, hypothesis: Hypothesis) -> Link | None:
    """The link to the change that is blamed, if a look gave one."""
    links = (link for evidence in answer.evidence for link in evidence.observation.links)
    return next((link for link in links if hypothesis.change and hypothesis.change in link.url), None)


def origin(answer: Answer) -> str:
    """As of when, by whom, at what cost."""
    who = "first look, no model" if answer.model == FIRST_LOOK else answer.model
    parts = [f"as of {moment(answer.question.asked_at)}", who]
    if answer.prompt:
        parts.append(f"prompt {answer.prompt[:12]}")
    if answer.seconds.total:
        parts.append(f"{answer.seconds.total:.0f}\N{NO-BREAK SPACE}s")
    if answer.usage.usd:
        parts.append(f"${answer.usage.usd:.2f}")
    return " · ".join(parts)


def moment(time: datetime) -> str:
    """Date and time to the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(time: datetime, day: datetime) -> str:
    """The time to the second, in UTC; with the date when it is not of that day."""
    time, day = time.astimezone(UTC), day.astimezone(UTC)
    return f"{time:%H:%M:%S} UTC" if time.date() == day.date() else moment(time)


def _claims(answer: Answer) -> Iterator[Claim]:
    report = answer.report
    yield from report.what
    yield from report.impact
    yield from (hypothesis.claim for hypothesis in report.hypotheses)
    yield from report.ruled_out
    yield from report.next_steps
