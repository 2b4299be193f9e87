"""How what was seen is said: readings, symptoms, alerts and changes as parts of sentences. Pure."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign
from sre_bot.incident import AlertState, ChangeKind, Severity
from sre_bot.render.summary import clock
from sre_bot.signals.changes import span
from sre_bot.signals.series import STEADY, Shape, sparkline
from sre_bot.signals.units import format_value
from sre_bot.tools.text import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.first_look.seen import Reading
    from sre_bot.first_look.symptoms import Symptom
    from sre_bot.incident import Alert, Change
    from sre_bot.signals.changes import Verdict

TITLES = {
    Sign.UP: "share of instances that answer their scrapes",
    Sign.ERRORS: "share of requests that fail",
    Sign.LATENCY: "time to answer",
    Sign.SATURATION: "share of a limit in use",
    Sign.LIMIT: "limit",
    Sign.STEP: "time of steps on the way",
    Sign.TRAFFIC: "requests per second",
    Sign.CPU: "processor cores in use",
    Sign.MEMORY: "memory in use",
}
CALLS = {
    Sign.ERRORS: "calls to others: share that fails",
    Sign.LATENCY: "calls to others: time to the answer",
    Sign.TRAFFIC: "calls to others per second",
}
MAX_TITLE = 80
MAX_STATUSES = 2
NOTABLE_STATUS = 0.1
"""A status with a smaller share of the failures is not worth a word."""
EXACT_S = 5
"""A moment that is known less exactly, in seconds, is "about" that moment."""
APART = 1.25
"""The last value is told besides the level when it is off by this factor."""


MINUTE, LONG = timedelta(minutes=1), timedelta(minutes=10)


def value(reading: Reading, number: float) -> str:
    """A value of a reading with its unit."""
    return "nothing" if math.isnan(number) else format_value(number, reading.signal.unit)


def reading_line(reading: Reading, day: datetime, *, with_metric: bool = False) -> str:
    """Who, from what to what, since when; and the course as a sparkline, if there was any."""
    facts = reading.facts
    metric = f" [{reading.signal.metric}]" if with_metric else ""
    if facts.onset is None and facts.shape in STEADY:
        level = value(reading, facts.mean)
        spread = "" if facts.maximum <= APART * facts.mean else f", at most {value(reading, facts.maximum)}"
        return f"{reading.name}{metric} as before: {level}{spread}"
    ends = _statuses(reading)
    how = f", now ending in {' or '.join(ends)}" if ends else ""
    return f"{reading.name}{metric} {moved(reading, day)}{how} {sparkline(reading.series.values)}"


def moved(reading: Reading, day: datetime) -> str:
    """From what to what, since when, in what shape."""
    facts = reading.facts
    levels = f"{value(reading, facts.before)} → {value(reading, facts.after)}"
    began = f" at {stamp(reading.onset, day)}" if reading.onset else ""
    return f"{levels}{began} ({facts.shape}){_now(reading)}"


def told(symptoms: Sequence[Symptom], at: datetime) -> str:
    """What got worse at one service, since when, and what it was before: one sentence.

    Args:
        symptoms: of that service and its calls, at least one.
        at: the moment of the look.
    """
    first = min((s.reading for s in symptoms if s.onset is not None), key=lambda r: r.facts.onset or 0, default=None)
    since = f", since {_since(first, at)}" if first else ""
    worse = _joined([predicate(symptom.reading, with_before=True) for symptom in symptoms])
    over = "; that is over by now" if all(symptom.over for symptom in symptoms) else ""
    return f"{symptoms[0].reading.who}{since}: {worse}{over}."


def _since(reading: Reading, at: datetime) -> str:
    """When it changed, and how long ago that is."""
    onset = reading.onset or at
    about = "about " if (reading.facts.onset_uncertainty or 0) > EXACT_S else ""
    return f"{about}{clock(onset, at)} ({span(at - onset)} ago)"


def brief(symptom: Symptom) -> str:
    """What got worse, in a few words."""
    return f"{symptom.reading.who} {predicate(symptom.reading)}"


_WORSE = {
    Sign.UP: "answers only {level} of its scrapes",
    Sign.ERRORS: "fails {level} of its requests",
    Sign.LATENCY: "takes {level} to answer",
    Sign.SATURATION: "uses {level} of a limit",
    Sign.LIMIT: "has a limit of {level}",
    Sign.STEP: "spends {level} in {step}",
}
_WORSE_CALLS = {
    Sign.ERRORS: "sees {level} of its calls to {peer} fail",
    Sign.LATENCY: "waits {level} for {peer}",
}


def predicate(reading: Reading, *, with_before: bool = False) -> str:
    """What a service does that it should not; details in brackets."""
    facts, signal = reading.facts, reading.signal
    if signal.sign is Sign.UP and (facts.shape is Shape.GONE or facts.after == 0):
        return "does not answer its scrapes"
    if signal.sign is Sign.TRAFFIC:
        return f"tells of no requests any more (was {value(reading, facts.before)})"
    level = value(reading, facts.last if math.isnan(facts.after) else facts.after)
    form = (_WORSE_CALLS if reading.peer else _WORSE)[signal.sign]
    said = form.format(level=level, peer=reading.peer, step=_step(signal.metric))
    details = [*_statuses(reading), signal.stat, signal.metric if signal.sign in {Sign.SATURATION, Sign.LIMIT} else ""]
    details += [f"was {value(reading, facts.before)}"] if with_before else []
    shown = ", ".join(filter(None, details))
    return f"{said} ({shown})" if shown else said


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _statuses(reading: Reading) -> list[str]:
    """The statuses that most failures have."""
    often = [status for status, share in reading.statuses.items() if share >= NOTABLE_STATUS and status]
    return often[:MAX_STATUSES]


def _step(metric: str) -> str:
    """What a metric of durations times: ``db_pool_wait`` of ``db_pool_wait_seconds_count``."""
    return re.sub(r"(_(duration|latency|time))?_(milli)?seconds(_count|_bucket)?$", "", metric)


def _now(reading: Reading) -> str:
    """The last value, where it is not about that of the new level."""
    last, level = reading.facts.last, reading.facts.after
    if math.isnan(level) or is_near(last, level):
        return ""
    return f", now {value(reading, last)}"


def is_near(last: float, level: float) -> bool:
    """Whether the last value need not be told besides the level."""
    return last <= level * APART and level <= last * APART


def alert_line(alert: Alert, at: datetime) -> str:
    """Name, severity, service, what it does unless it fires, and since when."""
    about = [part for part in (alert.severity, alert.service) if part and part is not Severity.UNKNOWN]
    said = f"{alert.name} ({', '.join(about)})" if about else alert.name
    said += "" if alert.state is AlertState.FIRING else f", {alert.state},"
    if alert.ended_at is not None:
        return f"{said} from {stamp(alert.started_at, at)} to {stamp(alert.ended_at, at)}"
    return f"{said} since {stamp(alert.started_at, at)} ({span(at - alert.started_at)})"


def change_name(change: Change, commit: Change | None, revision: str) -> str:
    """Which deploy or commit, in whose words, by whom; ``revision`` is the one meant of those that a deploy carries."""
    what = f"deploy of {change.service}" if change.kind is ChangeKind.DEPLOY else "commit"
    if change.kind is ChangeKind.DEPLOY and change.revision not in {None, revision}:
        what += ", which carries"
    title = commit.title if commit else change.title
    said = f" “{title[:MAX_TITLE]}”" if title else ""
    author = f" by {commit.author}" if commit and commit.author else ""
    return f"{what} {revision[:10]}{said}{author}"


def verdict_name(verdict: Verdict) -> str:
    """Which change a verdict is about."""
    return change_name(verdict.change, verdict.commit, verdict.revision)


def capitalized(text: str) -> str:
    """With a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def listed(names: list[str], most: int) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def lasting(length: timedelta) -> str:
    """A length of time without digits that nobody needs: 40 s, 3.5 min, 58 min, 2 h."""
    return span(timedelta(minutes=round(length / MINUTE)) if length > LONG else length)
