"""In what state things are: gone, steady, silenced, critical. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.agent.lines import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.agent.lines import Line
    from sre_bot.agent.scope import Scope

_GONE = re.compile(r"\b(?:gone|disappeared|vanished|went away)\b", re.IGNORECASE)
_STEADY = re.compile(
    r"\b(?:unchanged|steady|flat|unaffected|(?:is|are|was|were) (?:stable|constant)|not affected|"
    r"did(?: not|n't) (?:change|move))\b",
    re.IGNORECASE,
)
_ALERT_STATES = re.compile(r"\b(?:is|are|was|were|has been|have been) (?:\w+ )?(silenced|inhibited|pending|resolved)\b")
_FIRES = re.compile(r"\b(?:is|are) (?:\w+ )?firing\b|\bfires?\b")
_SEVERE = re.compile(r"\b(?:is|are) (?:only |just |still )?(?:an? )?(critical|warning|info)s?\b")
_NOT = re.compile(r"\b(?:not|no|none|never|neither|nor|un\w+less)\b|n't\b", re.IGNORECASE)
_MOVED = frozenset({"step", "ramp"})
MOVED_BY = 1.2
"""A series that a claim calls steady may have moved by no more than this factor."""


def wrong_state(text: str, scope: Scope) -> str | None:
    """Why things that a claim calls gone, steady or silenced are not so in the evidence; None when nothing is said."""
    told = [line for line in scope.own if line.state]
    if not told:
        return None
    alerts = [line for line in told if line.event is Event.ALERT]
    wrong = _wrong_alert(text, alerts) if alerts and not _NOT.search(text) else None
    if _GONE.search(text) and not _NOT.search(text) and _others_are_gone(scope):
        wrong = "something else gone"
    elif _STEADY.search(text) and all(_has_moved(line) for line in told):
        wrong = "it move"
    return f"{scope.ids} has {wrong}" if wrong else None


def _others_are_gone(scope: Scope) -> bool:
    """Whether an exhibit has things that are gone, and others than what it has of those the claim names."""
    own = {id(line) for line in scope.own}
    for exhibit in scope.exhibits:
        gone = {id(line) for line in exhibit.lines if line.state == "gone"}
        here = own.intersection(id(line) for line in exhibit.lines)
        if gone and here and not gone & here:
            return True
    return False


def _wrong_alert(text: str, alerts: Sequence[Line]) -> str | None:
    """What the alerts are, when that is not what a claim says."""
    states = {line.state for line in alerts}
    stated = _ALERT_STATES.search(text)
    if (stated and stated[1] not in states) or (_FIRES.search(text) and states <= {"resolved", "pending"}):
        return f"it {alerts[0].state}"
    severe = _SEVERE.search(text)
    return "another severity" if severe and not any(_is(line, severe[1]) for line in alerts) else None


def _is(alert: Line, severity: str) -> bool:
    return alert.folded.startswith(f"- {severity} ")


def _has_moved(line: Line) -> bool:
    if line.state == "gone":
        return True
    pairs = ((old.middle, new.middle) for old, new in line.moves[:1])
    return line.state in _MOVED and any(max(pair) > MOVED_BY * min(pair) for pair in pairs)
