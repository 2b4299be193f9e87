"""An answer told again: to the model that goes on from it, and to somebody who joins late. Pure; no model is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.investigation import FIRST_LOOK
from sre_bot.render.summary import cited, clock, fix, likelihood, moment, since, without_cause, without_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sre_bot.investigation import Answer

MAX_TOLD = 6_000
"""Characters of an earlier answer that a model is told."""
_MAX_SEEN = 12
_MAX_LINE = 400
_SHOWN_NAMES = 4
_IDS = re.compile(r"\s*[\[(_]*\bE\d+(?:\s*(?:,|and|–|-)\s*E\d+)*\b[\])_]*")


def without_ids(text: str) -> str:
    """The text without the ids of evidence, which mean other looks in the next answer."""
    return _IDS.sub("", text)


def earlier_answer(answer: Answer) -> str:
    """What was found out, as plain text without ids of evidence, at most `MAX_TOLD` characters."""
    told = "\n".join(without_ids(line) for line in _told(answer))
    return told if len(told) <= MAX_TOLD else f"{told[:MAX_TOLD]} …"


def _told(answer: Answer) -> Iterator[str]:
    report, by = answer.report, "no model" if answer.model == FIRST_LOOK else answer.model
    yield f"As of {moment(answer.question.asked_at)}, by {by}, to “{answer.question.text}”:"
    yield from (f"- {claim.text}" for claim in (*report.what, *report.impact))
    causes = [f"- Cause, {likelihood(one.confidence)}: {one.claim.text}" for one in report.hypotheses]
    yield from causes or [f"- Cause: {without_cause(answer)}"]
    yield from (f"- Ruled out: {claim.text}" for claim in report.ruled_out)
    yield from (f"- Proposed: {claim.text}" for claim in report.next_steps)
    yield from (f"- Did not hold: {one.claim} ({one.why})" for one in report.unverified)
    yield from (f"- Not known: {unknown}" for unknown in report.unknown)
    yield from (f"- Could not be seen: {one.source}: {one.why}" for one in report.missing)
    yield from (f"- Seen by {one.tool}: {one.summary}" for one in cited(answer)[:_MAX_SEEN])


@dataclass(frozen=True, slots=True)
class Since:
    """What happened in a thread since an answer, or since it began: how much was said, by whom, and what runs now."""

    messages: int
    people: Sequence[str]
    answers: int
    running: Sequence[str]


def catch_up(answer: Answer | None, happened: Since, now: datetime) -> tuple[str, ...]:
    """How things stand, in five lines: what is wrong, why, what happened since, what next, and what is open.

    Args:
        answer: the latest that is known, a first look included; None when nothing is.
        happened: since then.
        now: aware.
    """
    if answer is None:
        return ("*Wrong:* nothing was looked into here yet.", "*Cause:* not known.", *_around(None, happened, now))
    report, began = answer.report, since(answer)
    what = report.what[0].text if report.what else without_facts(answer)
    onset = f" Since {clock(began, now)}." if began else ""
    cause = without_cause(answer)
    if report.hypotheses:
        best = report.hypotheses[0]
        cause = f"{likelihood(best.confidence)}: {best.claim.text}"
    return (f"*Wrong:* {_line(what)}{onset}", f"*Cause:* {_line(cause)}", *_around(answer, happened, now))


def _around(answer: Answer | None, happened: Since, now: datetime) -> Iterator[str]:
    said = _counted(happened.messages, "message")
    by = f" by {_names(happened.people)}" if happened.people else ""
    answers = f", {_counted(happened.answers, 'answer')} of mine in all" if happened.answers else ""
    last = f" since what I know is of, {clock(answer.question.asked_at, now)}" if answer else ""
    yield f"*Since:* {said}{by}{last}{answers}."
    step = (answer.report.next_steps[0].text if answer.report.next_steps else fix(answer)) if answer else None
    yield f"*Next:* {_line(step) if step else 'nothing proposed yet.'}"
    unknown = answer.report.unknown if answer else ()
    asked = f"{_counted(len(unknown), 'question')} ({_line(unknown[0])})" if unknown else "no question that I know of"
    runs = "; ".join(f"I look into “{_line(one)}”" for one in happened.running[:2]) or "nothing is being looked into"
    yield f"*Open:* {asked}; {runs}; here: {_names(happened.people) or 'nobody since'}."


def _names(people: Sequence[str]) -> str:
    more = len(people) - _SHOWN_NAMES
    return ", ".join(people[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else f'{noun}s'}"


def _line(text: str) -> str:
    line = " ".join(without_ids(text).split())
    return line if len(line) <= _MAX_LINE else f"{line[: _MAX_LINE - 1]}…"
