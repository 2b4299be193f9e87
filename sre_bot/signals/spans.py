"""A trace as a tree: which span failed deepest, where the time went, and how it differs from healthy ones.

Self time (a span's duration without that of its children) is what critical-path tools attribute latency by.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.incident import Span

ZERO = timedelta()


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a trace, over all its calls: where it ran, how often, and the self time of all calls."""

    service: str
    name: str
    calls: float
    self_time: timedelta


@dataclass(frozen=True, slots=True)
class Difference:
    """How an operation of bad traces differs from healthy ones: mean calls and self time a trace, there and here."""

    service: str
    name: str
    calls: float
    healthy_calls: float
    self_time: timedelta
    healthy_self_time: timedelta

    @property
    def extra(self) -> timedelta:
        """Self time more than in healthy traces."""
        return self.self_time - self.healthy_self_time


class TraceTree:
    """The spans of one trace.

    A span whose parent is missing counts as a root; a span that is its own ancestor, or repeated, is looked at once.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = {span.span_id: span for span in spans}
        self._children: dict[str | None, list[Span]] = defaultdict(list)
        for span in self.spans.values():
            known = span.parent_id in self.spans and span.parent_id != span.span_id
            self._children[span.parent_id if known else None].append(span)
        self._depths = self._measured()

    def _measured(self) -> Mapping[str, int]:
        """How deep each span lies below its root; spans in a circle, which no root leads to, are left out."""
        depths: dict[str, int] = {}
        level, depth = self._children[None], 0
        while level:
            depths |= dict.fromkeys((span.span_id for span in level), depth)
            level, depth = [child for span in level for child in self.children(span)], depth + 1
        return depths

    @property
    def root(self) -> Span | None:
        """The root, the longest of several."""
        return max(self._children[None], key=lambda span: span.duration, default=None)

    def children(self, span: Span) -> Sequence[Span]:
        """The spans it called."""
        return self._children.get(span.span_id, ())

    def deepest_failure(self) -> Span | None:
        """The deepest failed span that no failed span lies below; the first of several so deep; None without any."""
        failed = [span for span in self.spans.values() if span.failed and span.span_id in self._depths]
        ends = [span for span in failed if not any(child.failed for child in self.children(span))]
        return min(ends, key=lambda span: (-self._depths[span.span_id], span.start), default=None)

    def path(self, span: Span) -> Sequence[Span]:
        """From the root to the span, both included."""
        path = {span.span_id: span}
        parent = self.spans.get(span.parent_id or "")
        while parent is not None and parent.span_id not in path:
            path[parent.span_id] = parent
            parent = self.spans.get(parent.parent_id or "")
        return list(path.values())[::-1]

    def self_time(self, span: Span) -> timedelta:
        """The span's duration while none of its children ran, as far as its clock can tell."""
        children = self.children(span)
        if self._coarse:
            return max(ZERO, span.duration - sum((child.duration for child in children), ZERO))
        busy, until = ZERO, span.start
        for child in sorted(children, key=lambda child: child.start):
            start, end = max(child.start, until), min(child.end, span.end)
            if end > start:
                busy += end - start
                until = end
        return span.duration - busy

    @property
    def _coarse(self) -> bool:
        """Whether starts are in whole seconds: then what ran one after another seems to have begun at once."""
        return all(span.start.microsecond == 0 for span in self.spans.values())

    def steps(self) -> Sequence[Step]:
        """Its operations, by service and name."""
        grouped: dict[tuple[str, str], list[Span]] = defaultdict(list)
        for span in self.spans.values():
            grouped[span.service, span.name].append(span)
        return [
            Step(service, name, len(spans), sum(map(self.self_time, spans), ZERO))
            for (service, name), spans in grouped.items()
        ]


def mean_steps(trees: Sequence[TraceTree]) -> Mapping[tuple[str, str], Step]:
    """The mean trace: per operation the calls and the self time a trace."""
    calls: dict[tuple[str, str], float] = defaultdict(float)
    times: dict[tuple[str, str], timedelta] = defaultdict(timedelta)
    for tree in trees:
        for step in tree.steps():
            calls[step.service, step.name] += step.calls / len(trees)
            times[step.service, step.name] += step.self_time / len(trees)
    return {key: Step(*key, calls[key], times[key]) for key in calls}


def by_service(steps: Iterable[Step]) -> Sequence[tuple[str, timedelta]]:
    """Self time of each service, most first."""
    times: dict[str, timedelta] = defaultdict(timedelta)
    for step in steps:
        times[step.service] += step.self_time
    return sorted(times.items(), key=lambda item: (-item[1], item[0]))


def differences(bad: Sequence[TraceTree], healthy: Sequence[TraceTree]) -> Sequence[Difference]:
    """How the mean bad trace differs from the mean healthy one, per operation; most extra self time first."""
    here, there = mean_steps(bad), mean_steps(healthy)
    told = []
    for service, name in dict.fromkeys((*here, *there)):
        nothing = Step(service, name, 0, ZERO)
        one, other = here.get((service, name), nothing), there.get((service, name), nothing)
        told.append(Difference(service, name, one.calls, other.calls, one.self_time, other.self_time))
    return sorted(told, key=lambda difference: (-difference.extra, difference.service, difference.name))
