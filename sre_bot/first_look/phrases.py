"""How what was seen is said: readings, symptoms, alerts and changes as parts of sentences. Pure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign
from sre_bot.incident import ChangeKind
from sre_bot.render.summary import clock
from sre_bot.signals.changes import span
from sre_bot.signals.series import Shape, sparkline
from sre_bot.signals.units import format_value

if TYPE_CHECKING:
    from datetime import datetime

    from sre_bot.first_look.seen import Reading
    from sre_bot.first_look.symptoms import Symptom
    from sre_bot.incident import Alert
    from sre_bot.signals.changes import Verdict

TITLES = {
    Sign.UP: "share of instances that answer their scrapes",
    Sign.ERRORS: "share of requests that fail",
    Sign.LATENCY: "time to answer",
    Sign.SATURATION: "share of a limit in use",
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
APART = 1.25
"""The last value is told besides the level when it is off by this factor."""


def value(reading: Reading, number: float) -> str:
    """A value of a reading with its unit."""
    return "nothing" if math.isnan(number) else format_value(number, reading.signal.unit)


def reading_line(reading: Reading, day: datetime, *, with_metric: bool = False) -> str:
    """Who, from what to what, since when; and the course as a sparkline, if there was any."""
    facts = reading.facts
    metric = f" [{reading.signal.metric}]" if with_metric else ""
    if facts.onset is None and facts.shape is Shape.FLAT:
        level = value(reading, facts.mean)
        spread = "" if facts.maximum <= APART * facts.mean else f", at most {value(reading, facts.maximum)}"
        return f"{reading.name}{metric} as before: {level}{spread}"
    return f"{reading.name}{metric} {moved(reading, day)} {sparkline(reading.series.values)}"


def moved(reading: Reading, day: datetime) -> str:
    """From what to what, since when, in what shape."""
    facts = reading.facts
    levels = f"{value(reading, facts.before)} → {value(reading, facts.after)}"
    began = f" at {clock(reading.onset, day)}" if reading.onset else ""
    return f"{levels}{began} ({facts.shape}){_now(reading)}"


def symptom_sentence(symptom: Symptom, at: datetime) -> str:
    """What got worse, since when, and what it was before."""
    reading = symptom.reading
    said = _worse(reading)
    if symptom.onset is not None:
        said += f" since {clock(symptom.onset, at)} ({span(at - symptom.onset)} ago)"
    if symptom.sign in {Sign.UP, Sign.TRAFFIC}:
        return f"{said}."
    if symptom.over:
        return f"{said}, but that is over: now {value(reading, reading.facts.last)}."
    return f"{said}; before: {value(reading, reading.facts.before)}{_now(reading)}."


def brief(symptom: Symptom) -> str:
    """What got worse, in a few words."""
    return _worse(symptom.reading)


_WORSE = {
    Sign.UP: "only {level} of {who} answers its scrapes",
    Sign.ERRORS: "{who} fails {level} of its requests{statuses}",
    Sign.LATENCY: "{who} takes {level} to answer{stat}",
    Sign.SATURATION: "{who} uses {level} of a limit ({metric})",
    Sign.STEP: "{step} of {who} takes {level}{stat}",
    Sign.TRAFFIC: "{who} tells of no requests any more",
}
_WORSE_CALLS = {
    Sign.ERRORS: "{level} of the calls of {who} to {peer} fail{statuses}",
    Sign.LATENCY: "calls of {who} to {peer} take {level}{stat}",
    Sign.TRAFFIC: "{who} calls {peer} no more",
}


def _worse(reading: Reading) -> str:
    facts, signal = reading.facts, reading.signal
    if signal.sign is Sign.UP and (facts.shape is Shape.GONE or facts.after == 0):
        return f"{reading.service} does not answer its scrapes"
    return (_WORSE_CALLS if reading.peer else _WORSE)[signal.sign].format(
        who=reading.service,
        peer=reading.peer,
        level=value(reading, facts.last if math.isnan(facts.after) else facts.after),
        statuses=_statuses(reading),
        stat=f" ({signal.stat})" if signal.stat else "",
        metric=signal.metric,
        step=_step(signal.metric),
    )


def _statuses(reading: Reading) -> str:
    """Which statuses most failures have."""
    told = [status for status, share in reading.statuses.items() if share >= NOTABLE_STATUS and status]
    return f" ({', '.join(told[:MAX_STATUSES])})" if told else ""


def _step(metric: str) -> str:
    """What a metric of durations times: ``db_pool_wait`` of ``db_pool_wait_seconds_count``."""
    return re.sub(r"(_(duration|latency|time))?_(milli)?seconds(_count|_bucket)?$", "", metric)


def _now(reading: Reading) -> str:
    """The last value, where it is not about that of the new level."""
    last, level = reading.facts.last, reading.facts.after
    if math.isnan(level) or (last <= level * APART and level <= last * APART):
        return ""
    return f", now {value(reading, last)}"


def alert_line(alert: Alert, at: datetime) -> str:
    """Name, severity, service, state and since when."""
    about = f" ({', '.join(part for part in (alert.severity, alert.service) if part and part != 'unknown')})"
    since = f"since {clock(alert.started_at, at)} ({span(at - alert.started_at)})"
    if alert.ended_at is not None:
        since = f"from {clock(alert.started_at, at)} to {clock(alert.ended_at, at)}"
    return f"{alert.name}{about.replace(' ()', '')} {alert.state} {since}"


def deploy_name(verdict: Verdict) -> str:
    """Which change, in whose words, by whom."""
    change, commit = verdict.change, verdict.commit
    what = f"deploy of {change.service}" if change.kind is ChangeKind.DEPLOY else "commit"
    if change.kind is ChangeKind.DEPLOY and change.revision not in {None, verdict.revision}:
        what += ", which carries"
    title = commit.title if commit else change.title
    said = f" “{title[:MAX_TITLE]}”" if title else ""
    author = f" by {commit.author}" if commit and commit.author else ""
    return f"{what} {verdict.revision[:10]}{said}{author}"


def capitalized(text: str) -> str:
    """With a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def listed(names: list[str], most: int) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
