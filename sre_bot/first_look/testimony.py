"""What services say themselves, in their logs and traces: as evidence, and as lines of the report. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.phrases import lasting, listed
from sre_bot.incident import LogLevel
from sre_bot.investigation import Claim, Observation
from sre_bot.render.summary import clock
from sre_bot.signals.log_patterns import WILDCARD
from sre_bot.signals.units import format_value
from sre_bot.signals.words import terms
from sre_bot.tools.text import quoted, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sre_bot.first_look.exhibits import Case
    from sre_bot.first_look.seen import Complaint, Contrast, Seen

MAX_QUOTE, MAX_PATTERN, MAX_NAME, MAX_ATTRIBUTE, MAX_ATTRIBUTES = 120, 300, 60, 80, 6
MAX_OTHERS, MAX_NAMES = 3, 6
CLEAR = 7.0
"""A warning that came before the errors is told when its rise is as clear as this (natural logarithm)."""
LEADING = timedelta(hours=1)
"""A warning that came longer before them had nothing to do with them."""
TOGETHER = timedelta(minutes=1)
"""What begins this little later began with it."""
STILL, GAPS = timedelta(minutes=1), 3
"""What was last said this short ago, or not longer ago than so many of its usual gaps, is still being said."""
NOTICED = 1.5
NOTICED_BY = timedelta(milliseconds=10)
"""A time differs from that of healthy requests by this factor and so much at least."""
ERRORS = frozenset({LogLevel.FATAL, LogLevel.ERROR})
PLACES = ("node", "host", "zone", "region", "cluster", "rack", "availability_zone", "az", "instance_id", "hypervisor")
"""What the name of an attribute ends in that tells where something runs."""


def as_said(text: str, length: int = MAX_QUOTE) -> str:
    """Words of a stranger in a sentence: short, and in backticks, where no link, mention or markup works."""
    return f"`{quoted(text.replace('`', chr(39)), length)}`"


# --- logs ---


def of_logs(seen: Seen) -> Observation | None:
    """What is logged newly or more often, as evidence; None when no logs were read."""
    if seen.log_window is None:
        return None
    window = f"{stamp(seen.log_window.start, seen.at)} to {clock(seen.log_window.end, seen.at)}"
    if not seen.complaints:
        nothing = "no warning or error is new or rose"
        return Observation(nothing, f"{window}: {nothing}.")
    lines = [f"Warnings and errors that are new or rose, {window}:"]
    lines += [line for complaint in seen.complaints for line in _lines(complaint, seen)]
    first = most_telling(seen)
    rest = len(seen.complaints) - 1
    summary = f"{_who(first)} {_course(first, seen)}: {said_by(first)}"
    return Observation(f"{summary}{f'; {rest} more' if rest else ''}", "\n".join(lines))


def most_telling(seen: Seen) -> Complaint:
    """Of the errors that began first (of warnings when there are no errors) the one that tells most of the cause.

    It says what the deepest failing step of a trace says, or else does not just pass on that another service complains.
    """
    errors = [one for one in seen.complaints if one.level in ERRORS] or list(seen.complaints)
    errors = [one for one in errors if one.is_new] or errors
    earliest = min(one.first for one in errors)
    known = terms(seen.contrast.error) if seen.contrast else frozenset[str]()
    complaining = {one.service for one in seen.complaints}

    def telling(one: Complaint) -> tuple[int, bool, datetime, float]:
        passed_on = any(other in one.example for other in complaining - {one.service, ""})
        return -len(known & terms(one.example)), passed_on, one.first, -one.rise

    return min((one for one in errors if one.first - earliest <= TOGETHER), key=telling)


def said_by(complaint: Complaint) -> str:
    """The words of a complaint: of one of its lines where they vary."""
    varies = WILDCARD in complaint.pattern
    return as_said(complaint.example if varies else complaint.pattern)


def _lines(complaint: Complaint, seen: Seen) -> Iterator[str]:
    """Who says it and when; what; and what its lines have in common."""
    others = listed([quoted(name, MAX_NAME) for name in complaint.services[1:]], MAX_OTHERS)
    example = f", e.g. {as_said(complaint.example)}" if WILDCARD in complaint.pattern else ""
    said = f"{as_said(complaint.pattern, MAX_PATTERN)}{example}"
    yield f"- {complaint.level.upper()} {_who(complaint)} {_course(complaint, seen)}: {said}"
    if others:
        yield f"  {others} said so, too"
    if complaint.common:
        yield f"  each with{_attributes(complaint.common)}"


def _attributes(attributes: Mapping[str, str]) -> str:
    shown = [f"{quoted(key, MAX_NAME)}={quoted(value, MAX_ATTRIBUTE)}" for key, value in attributes.items()]
    return f" {{{', '.join(shown[:MAX_ATTRIBUTES])}}}" if shown else ""


def _course(complaint: Complaint, seen: Seen, ahead: str = "") -> str:
    """How often and when, how often before, and whether it went on."""
    notes = [ahead] if ahead else []
    start = seen.log_window.start if seen.log_window else complaint.first
    notes.append(f"{'none' if complaint.is_new else complaint.before} in the {lasting(complaint.first - start)} before")
    if complaint.count > 1 and not is_still_said(complaint, seen):
        notes.append(f"none in the last {lasting(seen.at - complaint.last)}")
    noted = f" ({'; '.join(notes)})" if notes else ""
    return f"{_often(complaint)} {_when(complaint, seen)}{noted}"


def _often(complaint: Complaint) -> str:
    return f"at least {_times(complaint.count)}" if complaint.at_least else _times(complaint.count)


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def _when(complaint: Complaint, seen: Seen) -> str:
    if complaint.count == 1:
        return f"at {clock(complaint.first, seen.at)}"
    if is_still_said(complaint, seen):
        return f"since {clock(complaint.first, seen.at)}"
    return f"from {stamp(complaint.first, seen.at)} to {clock(complaint.last, seen.at)}"


def is_still_said(complaint: Complaint, seen: Seen) -> bool:
    """Whether it goes on, judging by how often it was said."""
    gap = (complaint.last - complaint.first) / max(1, complaint.count - 1)
    return seen.at - complaint.last <= max(STILL, GAPS * gap)


def heard(case: Case) -> Iterator[Claim]:
    """What was said first and since when, the warning before it, and who else complains."""
    seen, cited = case.seen, case.cite("logs")
    if not seen.complaints:
        if seen.log_window is not None:
            length = lasting(seen.log_window.duration)
            yield Claim(f"No service logs a warning or error that is new or rose in the last {length}.", cited)
        return
    first = most_telling(seen)
    early = _warning_before(first, seen.complaints)
    if early is not None:
        ahead = f"{lasting(first.first - early.first)} before the first error"
        yield Claim(f"{_who(early)} warned {_course(early, seen, ahead)}: {said_by(early)}.", cited)
    ahead = _before_alert(first, seen)
    text = f"{_who(first)} logged {_course(first, seen, ahead)}: {said_by(first)}."
    yield Claim(text, case.cite("logs", "alerts") if ahead else cited)
    yield from _others(case, first, early)


def _who(complaint: Complaint) -> str:
    return complaint.service or "Some service"


def _before_alert(first: Complaint, seen: Seen) -> str:
    """How long before the first alert that came after it, if one did."""
    later = [alert.started_at for alert in seen.firing if alert.started_at > first.first]
    return f"{lasting(min(later) - first.first)} before the alert" if later else ""


def _warning_before(first: Complaint, complaints: Sequence[Complaint]) -> Complaint | None:
    """The first clear warning in the time before the first error."""
    early = [
        one
        for one in complaints
        if one.level is LogLevel.WARNING
        and first.level in ERRORS
        and one.rise >= CLEAR
        and STILL <= first.first - one.first <= LEADING
    ]
    return min(early, key=lambda one: one.first, default=None)


def _others(case: Case, *told: Complaint | None) -> Iterator[Claim]:
    """The first words of each other service, and what all of them have in common."""
    seen = case.seen
    known = {complaint.service for complaint in told if complaint is not None}
    firsts: dict[str, Complaint] = {}
    for complaint in sorted(seen.complaints, key=lambda one: (one.level not in ERRORS, one.first)):
        if complaint.service not in known:
            firsts.setdefault(complaint.service, complaint)
    if not firsts:
        return
    ordered = sorted(firsts.values(), key=lambda one: one.first)
    parts = [f"{_who(one)} {_often(one)} {_when(one, seen)}, {said_by(one)}" for one in ordered]
    place = common_place(seen.complaints)
    shared = f"; all of it on {place}" if place else ""
    names = [_who(one) for one in ordered[MAX_OTHERS:]]
    more = f"; {', '.join(names[:MAX_NAMES])}{' and others' if len(names) > MAX_NAMES else ''} as well" if names else ""
    yield Claim(f"Also in the logs: {'; '.join(parts[:MAX_OTHERS])}{more}{shared}.", case.cite("logs"))


def common_place(complaints: Sequence[Complaint]) -> str:
    """The node, zone or the like from which several services complain, and no other (``k8s.node.name=node-3``)."""
    alike = set.intersection(*(set(one.common.items()) for one in complaints))
    told = [f"{key}={value}" for key, value in sorted(alike) if _is_place(key)]
    return as_said(told[0]) if told else ""


def _is_place(key: str) -> bool:
    return key.lower().removesuffix(".name").removesuffix("_name").replace(".", "_").endswith(PLACES)


# --- traces ---


def of_traces(seen: Seen) -> Observation | None:
    """A bad request against healthy ones, as evidence; None when there is no bad one."""
    contrast = seen.contrast
    if contrast is None:
        return None
    sort = "failing" if contrast.failed else "slow"
    lines = [
        f"{as_said(contrast.route)}: {contrast.bad} {sort} found, the first at {clock(contrast.first, seen.at)}",
        f"- {_contrasted(contrast)}",
        f"- by way of {' → '.join(contrast.way)}; trace {quoted(contrast.trace_id, MAX_NAME)}",
    ]
    if contrast.attributes:
        lines.append(f"- only in bad ones:{_attributes(contrast.attributes)}")
    return Observation(_contrasted(contrast), "\n".join(lines))


def contrasted(case: Case) -> Iterator[Claim]:
    """A bad request against healthy ones."""
    contrast = case.seen.contrast
    if contrast is not None:
        yield Claim(f"{_contrasted(contrast)}.", case.cite("traces"))


def _contrasted(contrast: Contrast) -> str:
    return _failing(contrast) if contrast.failed else _slow(contrast)


def _failing(contrast: Contrast) -> str:
    is_root = contrast.operation == contrast.route and len(contrast.way) == 1
    step = contrast.service if is_root else f"{contrast.service} {as_said(contrast.operation, MAX_NAME)}"
    error = f": {as_said(contrast.error)}" if contrast.error else ""
    took = f" after {_time(contrast.duration)}"
    return f"{as_said(contrast.route, MAX_NAME)} fails in {step}{took}{error}{_healthy(contrast)}"


def _healthy(contrast: Contrast) -> str:
    """What healthy requests of the route do otherwise."""
    if contrast.healthy_total is None:
        return "; no healthy trace of it was found"
    parts = [f"healthy ones go on to {listed(list(contrast.unreached), MAX_OTHERS)}"] if contrast.unreached else []
    low, high = sorted((contrast.total, contrast.healthy_total))
    if high >= NOTICED * low and high - low >= NOTICED_BY:
        parts.append(f"all of it takes {_time(contrast.total)}, a healthy one {_time(contrast.healthy_total)}")
    return "".join(f"; {part}" for part in parts)


def _slow(contrast: Contrast) -> str:
    usual = f" where a healthy one takes {_time(contrast.healthy_total)}" if contrast.healthy_total is not None else ""
    said = f"{as_said(contrast.route, MAX_NAME)} takes {_time(contrast.total)}{usual}"
    step = f"{contrast.service} {as_said(contrast.operation, MAX_NAME)}"
    if not contrast.healthy_calls or contrast.healthy_self_time is None:
        times = f"{contrast.calls:.3g} calls of " if contrast.calls >= NOTICED else ""
        return f"{said}; {_time(contrast.self_time)} of it in {times}{step}, which healthy ones do not call"
    calls = f"{contrast.calls:.3g} calls instead of {contrast.healthy_calls:.3g}, "
    calls = calls if contrast.calls >= NOTICED * contrast.healthy_calls else ""
    return f"{said}: {step} {calls}{_time(contrast.self_time)} instead of {_time(contrast.healthy_self_time)}"


def _time(duration: timedelta) -> str:
    return format_value(duration.total_seconds(), "seconds")
