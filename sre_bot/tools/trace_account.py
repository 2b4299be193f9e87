"""What traces tell, in words: the deepest failure, where the time went, and what healthy ones do otherwise."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.signals.spans import TraceTree, by_service, differences, mean_steps
from sre_bot.signals.units import format_value
from sre_bot.tools.text import quoted, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sre_bot.incident import Span
    from sre_bot.signals.spans import Difference

MAX_SERVICES, MAX_DIFFERENCES, MAX_ATTRIBUTES, MAX_PATH = 5, 4, 6, 6
MAX_MESSAGE, MAX_ATTRIBUTE = 200, 80
NOTICED = timedelta(milliseconds=10)
SHARE = 0.1
"""An operation differs when it takes so much longer, and so large a share of the whole trace."""
MORE_CALLS = 1.5
REPEATED = 10
"""So many calls of one operation in a trace are worth a word."""


def account(bad: Sequence[TraceTree], healthy: Sequence[TraceTree]) -> list[str]:
    """Lines on bad traces of one route against healthy ones, either possibly none."""
    if not bad:
        return ["  Their spans are not to be had any more."]
    lines = [*_failures(bad), f"  time: {_times(bad)}", *_repeats(bad)]
    if not healthy:
        return [*lines, "  no healthy trace of this route was found to hold it against.", _ids(bad)]
    lines.append(f"  healthy ({len(healthy)} looked at): {_times(healthy)}")
    told = [_difference(one) for one in _telling(bad, healthy)]
    return [*lines, f"  differs: {'; '.join(told)}" if told else "  otherwise much like the healthy ones", _ids(bad)]


def one_trace(tree: TraceTree, at: datetime) -> list[str]:
    """Lines on one trace."""
    root = tree.root
    if root is None:
        return ["it has no root, so nothing can be told of it"]
    head = f"{_span(root)}, began {stamp(root.start, at)}, {len(tree.spans)} spans"
    return [head, *_failures([tree]), f"  time: {_times([tree])}", *_repeats([tree])]


def _failures(trees: Sequence[TraceTree]) -> list[str]:
    """The deepest failing span, most frequent first; each with the way to it, once."""
    found = [(tree, span) for tree in trees if (span := tree.deepest_failure()) is not None]
    counts = Counter((span.service, span.name, span.message) for _, span in found)
    lines = []
    for kind, count in counts.most_common():
        tree, span = next(one for one in found if (one[1].service, one[1].name, one[1].message) == kind)
        often = f" (in {count} of {len(trees)} looked at)" if len(trees) > 1 else ""
        message = f": {quoted(span.message, MAX_MESSAGE)}" if span.message else ""
        lines.append(f"  deepest failing span{often}: {_span(span)}{message}{_attributes(span.attributes)}")
        path = tree.path(span)
        if len(path) > 1:
            lines.append("    by way of " + " > ".join(_station(one, span) for one in path[-MAX_PATH - 1 : -1]))
    return lines


def _station(span: Span, failure: Span) -> str:
    """A span on the way to a failure, with what it says itself."""
    said = f" ({quoted(span.message, MAX_ATTRIBUTE)})" if span.message not in {"", failure.message} else ""
    return quoted(span.service, 40) + said


def _repeats(trees: Sequence[TraceTree]) -> list[str]:
    """Operations that are called very often in one trace, as by a query in a loop."""
    often = sorted((step for step in mean_steps(trees).values() if step.calls >= REPEATED), key=lambda s: -s.calls)
    told = (f"{quoted(step.service, 60)} {quoted(step.name, 80)} {step.calls:.3g} times" for step in often[:2])
    return [f"  called again and again: {', '.join(told)}"] if often else []


def _span(span: Span) -> str:
    return f"{quoted(span.service, 60)} {quoted(span.name, 100)}, {_time(span.duration)}"


def _attributes(attributes: Mapping[str, str]) -> str:
    shown = [f"{quoted(key, 40)}={quoted(value, MAX_ATTRIBUTE)}" for key, value in attributes.items()]
    return f" {{{', '.join(shown[:MAX_ATTRIBUTES])}}}" if shown else ""


def _times(trees: Sequence[TraceTree]) -> str:
    """The mean duration and the self time of the services."""
    total = sum((tree.root.duration for tree in trees if tree.root), timedelta()) / len(trees)
    services = by_service(mean_steps(trees).values())
    shown = ", ".join(f"{quoted(name, 60)} {_time(spent)}" for name, spent in services[:MAX_SERVICES])
    more = f" +{len(services) - MAX_SERVICES}" if len(services) > MAX_SERVICES else ""
    return f"{_time(total)} in all; self time: {shown}{more}"


def _telling(bad: Sequence[TraceTree], healthy: Sequence[TraceTree]) -> list[Difference]:
    """The differences worth telling: much longer, much more or fewer calls, only here or only there."""
    total = sum((tree.root.duration for tree in bad if tree.root), timedelta()) / len(bad)
    long = max(NOTICED, SHARE * total)
    return [one for one in differences(bad, healthy) if one.extra >= long or _calls_differ(one)][:MAX_DIFFERENCES]


def _calls_differ(one: Difference) -> bool:
    fewer, more = sorted((one.calls, one.healthy_calls))
    return more >= MORE_CALLS * fewer and more - fewer >= 0.5  # noqa: PLR2004 - in half of the traces at least


def _difference(one: Difference) -> str:
    what = f"{quoted(one.service, 60)} {quoted(one.name, 80)}"
    if not one.healthy_calls:
        return f"{what} only here ({one.calls:.3g} calls, {_time(one.self_time)})"
    if not one.calls:
        return f"{what} never reached ({one.healthy_calls:.3g} calls in healthy ones)"
    calls = f"{one.calls:.3g} calls instead of {one.healthy_calls:.3g}, " if _calls_differ(one) else ""
    return f"{what} {calls}{_time(one.self_time)} instead of {_time(one.healthy_self_time)}"


def _ids(trees: Sequence[TraceTree]) -> str:
    ids = (tree.root.trace_id for tree in trees if tree.root)
    return f"  trace ids: {', '.join(quoted(one, 40) for one in ids)}"


def _time(duration: timedelta) -> str:
    return format_value(duration.total_seconds(), "seconds")
