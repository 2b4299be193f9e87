"""What a thread is told of an investigation whose model is away, and of how its wait ends. Pure.

How a wait ends without an answer is told by an edit of what stands there, which notifies nobody: the promise named its
hour, and at three in the morning nobody wants to be woken by a bot that has nothing to say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.investigation import FIRST_LOOK
from sre_bot.store.waits import WaitState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sre_bot.investigation import Answer
    from sre_bot.store.waits import Wait

NOT_CONTINUED: Mapping[WaitState, str] = {
    WaitState.SUPERSEDED: "Not continued: somebody asked again here since, and was answered.",
    WaitState.RESOLVED: "Not continued: what fired then fires no longer. Mention me to know why it did.",
    WaitState.STOPPED: "Not continued: quiet or a stop was asked for here.",
    WaitState.EXPIRED: "Not continued: the model was not back by {until}. Mention me to try again.",
    WaitState.FAILED: "Not continued: the model broke off each time. Mention me to try again.",
}


def promised(answer: Answer, until: datetime) -> Answer:
    """The answer of an investigation that goes on by itself when the model is back."""
    promise = (
        f"The model does not answer: I go on by myself as soon as it does, until {_clock(until)} (`quiet` ends that)."
    )
    return replace(answer, note=f"{promise} {answer.note or ''}".rstrip())


def back(asked_at: datetime, now: datetime) -> str:
    """What is said when it goes on."""
    return f"The model is back: continuing what was asked at {_clock(asked_at)}, as of {_clock(now)} …"


def away_again(wait: Wait) -> str:
    """What is said when that came to nothing."""
    return f"The model was back, and is away again. I go on as soon as it answers, until {_clock(wait.until)}."


def continued(answer: Answer, asked_at: datetime) -> Answer:
    """The answer of an investigation that went on, marked so: it is of another moment than the question."""
    found = "The model is back" if answer.model != FIRST_LOOK else "The provider is back, the model no help"
    mark = f"{found}: this continues what was asked at {_clock(asked_at)}, as of {_clock(answer.question.asked_at)}."
    return replace(answer, note=f"{mark} {answer.note or ''}".rstrip())


def not_continued(wait: Wait, why: WaitState) -> str:
    """What is said of a wait that ended without an answer."""
    return NOT_CONTINUED[why].format(until=_clock(wait.until))


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC"
