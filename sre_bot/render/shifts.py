"""What an answer changed against the one before it in its thread: which hypotheses came, went, rose and fell. Pure."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.investigation import Answer, Hypothesis

LEAST_SHIFT = 0.05
"""A confidence that differs by less is the same."""
_SHA_CHARS = 7
"""So many characters of a commit's name are taken for the commit."""


class ShiftKind(enum.StrEnum):
    """What became of a hypothesis."""

    RULED_OUT = "ruled out"
    NEW = "new"
    STRENGTHENED = "strengthened"
    WEAKENED = "weakened"


@dataclass(frozen=True, slots=True)
class Shift:
    """A hypothesis that changed; confidences are 0..1, None where there was, or is, none."""

    kind: ShiftKind
    hypothesis: Hypothesis
    before: float | None = None
    after: float | None = None


def shifts(before: Answer, after: Answer) -> tuple[Shift, ...]:
    """What changed, by kind and then in the order of the answers.

    A hypothesis is the same as another when both blame the same commit or, where neither blames one, the same service
    for the same kind of cause. One that is merely not told again is no shift: nobody asked for it. It is ruled out when
    the later answer says so of its commit or, where it blames none, of its service.
    """
    found = [*_still_held(before, after), *_ruled_out(before, after)]
    return tuple(sorted(found, key=lambda shift: tuple(ShiftKind).index(shift.kind)))


def shift_line(shift: Shift) -> str:
    """A shift in a line, without its claim: ``strengthened, 41 % → 68 %``."""
    told = [f"{round(100 * one)}\N{NO-BREAK SPACE}%" for one in (shift.before, shift.after) if one is not None]
    return f"{shift.kind}, {' → '.join(told)}" if shift.kind is not ShiftKind.RULED_OUT else f"ruled out, was {told[0]}"


def _still_held(before: Answer, after: Answer) -> Iterator[Shift]:
    earlier = before.report.hypotheses
    for one in after.report.hypotheses:
        was = next((other for other in earlier if _is_same(one, other)), None)
        if was is None:
            yield Shift(ShiftKind.NEW, one, after=one.confidence)
        elif round(abs(one.confidence - was.confidence), 3) >= LEAST_SHIFT:
            kind = ShiftKind.STRENGTHENED if one.confidence > was.confidence else ShiftKind.WEAKENED
            yield Shift(kind, one, was.confidence, one.confidence)


def _ruled_out(before: Answer, after: Answer) -> Iterator[Shift]:
    said = [claim.text for claim in after.report.ruled_out]
    for one in before.report.hypotheses:
        held = any(_is_same(one, other) for other in after.report.hypotheses)
        if not held and any(_is_about(text, one) for text in said):
            yield Shift(ShiftKind.RULED_OUT, one, before=one.confidence)


def _is_same(one: Hypothesis, other: Hypothesis) -> bool:
    if one.change and other.change:
        return one.change[:_SHA_CHARS].lower() == other.change[:_SHA_CHARS].lower()
    if one.change or other.change:
        return False
    return one.kind is other.kind and (one.service or "").casefold() == (other.service or "").casefold()


def _is_about(text: str, hypothesis: Hypothesis) -> bool:
    if hypothesis.change:
        return hypothesis.change[:_SHA_CHARS].lower() in text.lower()
    name = re.escape(hypothesis.service or "")
    return bool(name) and re.search(rf"(?<![\w-]){name}(?![\w-])", text, re.IGNORECASE) is not None
