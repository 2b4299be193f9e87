"""What the readings mean together: what is wrong since when, which service it comes from, and which change fits. Pure.

The method is what people do by hand: of everything that got worse, follow the calls from the service that was asked
about down to the last one that still fails; the trouble is there, or at whoever it calls in vain. Then hold the
changes before the onset against that place, with "no change" as a suspect of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.other_causes import other_cause
from sre_bot.first_look.place import driven, failing_place, first_sign, moved, onset_by_logs, texts, told_calls
from sre_bot.first_look.symptoms import SURGE, Symptom, symptoms
from sre_bot.first_look.trail import Calls, Trail, calls, follow, resolve
from sre_bot.investigation import CauseKind
from sre_bot.signals.changes import Failure, Verdict, judge_changes
from sre_bot.signals.words import service_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sre_bot.first_look.seen import Reading, Seen
    from sre_bot.signals.outside import Outside

MAX_CONFIDENCE = 0.9
LEAST_CONFIDENCE = 0.2
"""What is less likely is not named: nobody shall roll back on a guess."""
MANY_FAIL = 0.05
"""A share of requests that fail which nobody would call well, even if it was so before."""
RIVAL = 0.5
"""An explanation at least this share as likely as the best is worth naming."""
SINGLE_SOURCE = 0.8
"""Weight of a conclusion that rests on metrics alone, without an alert that agrees."""
NO_ONSET = 0.5
DECLARED = 0.8
"""Weight of a conclusion to which only declared dependencies lead."""
SOMETHING_ELSE = 0.25
"""Odds of a cause that nobody thought of."""
NAMING = frozenset({Sign.SATURATION, Sign.LIMIT, Sign.STEP})
"""Signs whose metrics say what goes wrong; those of requests are the same in every service."""
MIN_ONSET_SLACK = timedelta(seconds=1)
"""A deploy is logged when it begins or when it is done; a change this little after the onset may have caused it."""
CERTAIN = 0.99
MAX_RIVALS = 6


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is wrong, where and why.

    ``asked`` are the services that the question names, or else (``by_channel``) the one that its channel is about;
    ``failure`` is what changes were held against, ``outside``
    the likeliest cause that is no change; ``certainty`` turns the odds of an explanation into a confidence.
    """

    asked: tuple[str, ...]
    by_channel: bool
    symptoms: tuple[Symptom, ...]
    trail: Trail
    calls: Calls
    surge: Reading | None
    verdicts: tuple[Verdict, ...]
    outside: Outside
    certainty: float
    failure: Failure

    @property
    def onset(self) -> datetime | None:
        """When it began."""
        return self.failure.onset

    @property
    def no_change(self) -> float:
        """The score of "no change explains it"."""
        return self.outside.score

    @property
    def other_cause(self) -> CauseKind:
        """What sort of cause it would be if it was no change."""
        return self.outside.kind

    @property
    def culprit(self) -> str | None:
        """The service where it begins."""
        return self.trail.end

    @property
    def blamed(self) -> Verdict | None:
        """The change that explains it best, if one does better than none, and well enough to be named."""
        best = self.verdicts[0] if self.verdicts else None
        return best if best and best.score > self.no_change and self.is_likely(best.score) else None

    @property
    def kind(self) -> CauseKind:
        """What the best explanation is; unknown when there is none."""
        if self.blamed is not None:
            return self.kind_of(self.blamed)
        leads = all(verdict.score <= self.no_change for verdict in self.verdicts[:1])
        named = self.culprit is None or (leads and self.is_likely(self.no_change))
        return self.other_cause if named else CauseKind.UNKNOWN

    def kind_of(self, verdict: Verdict) -> CauseKind:
        """What sort of change it was."""
        return CauseKind.CONFIG if _is_config(verdict) else CauseKind.CHANGE

    @property
    def explanations(self) -> tuple[Verdict | None, ...]:
        """The best explanation and those that come close; None is the cause that is no change."""
        if self.culprit is None or self.kind is CauseKind.UNKNOWN:
            return ()
        told: list[tuple[float, Verdict | None]] = [(v.score, v) for v in self.verdicts[:2] if v.score > 0]
        if self.other_cause is not CauseKind.UNKNOWN:
            told.insert(0, (self.no_change, None))
        told.sort(key=lambda pair: -pair[0])
        least = max(LEAST_CONFIDENCE, RIVAL * self.confidence(told[0][0]))
        return tuple(verdict for score, verdict in told if self.confidence(score) >= least)

    def confidence(self, score: float) -> float:
        """How likely (0..1) an explanation of this score is the right one. Not yet calibrated."""
        return round(self.certainty * _odds(score), 2)

    def is_likely(self, score: float) -> bool:
        """Whether an explanation of this score is more than a guess."""
        return self.confidence(score) >= LEAST_CONFIDENCE


def conclude(seen: Seen, question: str) -> Conclusion:
    """Weigh everything that was seen."""
    worse = symptoms(seen.readings, seen.at)
    words = _named(seen, question)
    asked = words or _of_channel(seen)
    focus = tuple(dict.fromkeys((*asked, *(alert.service for alert in seen.firing if alert.service))))
    graph = calls(seen, worse)
    trail = follow(focus, worse, graph, seen.services)
    shown = trail.end is not None
    trail = trail if shown else Trail(failing_place(seen, asked, healthy(seen, worse)))
    onset = _onset(worse, trail, seen.services)
    onset = onset_by_logs(seen, trail.end) if trail.end and not shown else onset
    surge = _surge(seen, trail, graph, onset)
    failure = _failure(seen, worse, trail, graph, onset)
    outside = other_cause(seen, worse, trail, surge, onset)
    verdicts = _one_each(judge_changes(seen.changes, failure)) if trail.end else ()
    scores = (outside.score, *(verdict.score for verdict in verdicts))
    certainty = _certainty(scores, onset=onset, alerted=bool(seen.firing))
    certainty *= DECLARED if graph.declared.intersection(pairwise(trail.services)) else 1.0
    return Conclusion(asked, asked != words, worse, trail, graph, surge, verdicts, outside, certainty, failure)


def _named(seen: Seen, question: str) -> tuple[str, ...]:
    """Services that a question names, by the names that metrics and the catalogue have for them."""
    names = seen.catalogue.names()
    found = named(question, {*seen.services, *names})
    return tuple(dict.fromkeys(names.get(name.casefold(), name) for name in found))


def _of_channel(seen: Seen) -> tuple[str, ...]:
    """The service that the channel is about."""
    if seen.focus.service is None:
        return ()
    return _named(seen, seen.focus.service) or (seen.focus.service,)


def named(question: str, services: Iterable[str]) -> tuple[str, ...]:
    """Services that a question names, however it writes them (``checkout``, ``the checkout-service``).

    Of ``worker-1`` and ``worker-2``, which only differ in a number, the one that is written out is meant, else both.
    """
    known = sorted(services)
    words = frozenset(re.findall(r"[\w.-]+", question.lower()))
    parts = frozenset(part for word in words for part in service_words(word))
    exact = {service for service in known if service.lower() in words}
    taken = {frozenset[str](), *map(service_words, exact)}
    alike = {service for service in known if service_words(service) <= parts and service_words(service) not in taken}
    return tuple(service for service in known if service in exact | alike)


def _onset(worse: Sequence[Symptom], trail: Trail, services: frozenset[str]) -> datetime | None:
    """When the end of the trail began to fail: it and its callers show it, and the first to show it is least late."""
    known = [s for s in worse if s.onset is not None]
    at_end = [s for s in known if trail.end in {s.service, resolve(s.peer, services) if s.peer else None}]
    onsets = [s.onset for s in at_end or known if s in at_end or s.service in trail.services]
    onsets += [trail.more.onset] if trail.more else []
    return min((onset for onset in onsets if onset is not None), default=None)


def _surge(seen: Seen, trail: Trail, calls: Calls, onset: datetime | None) -> Reading | None:
    """Demand that grew a lot where it comes in, and not after things began to fail (people and programs try again)."""
    if trail.end is None:
        return None
    entrances = {s for s in (trail.end, *calls.above(trail.end)) if not calls.callers(s) & calls.growth.keys()}
    for reading in sorted(seen.readings, key=lambda r: (-r.growth, r.service)):
        is_demand = reading.signal.sign is Sign.TRAFFIC and reading.peer is None and reading.service in entrances
        if is_demand and reading.growth >= SURGE and reading.onset is not None:
            slack = timedelta(seconds=reading.facts.onset_uncertainty or 0)
            if onset is None or reading.onset <= onset + slack:
                return reading
    return None


def _failure(seen: Seen, worse: Sequence[Symptom], trail: Trail, calls: Calls, onset: datetime | None) -> Failure:
    """What changes are held against."""
    told = told_calls(seen)
    graph = {s: calls.of.get(s, frozenset()) | told.get(s, frozenset()) for s in (*calls.of, *told)}
    near = frozenset({*trail.services, *(s for one in trail.services for s in graph.get(one, ()))})
    near |= {caller for caller, called in graph.items() if called.intersection(trail.services)}
    return Failure(
        onset=onset,
        failing=tuple(reversed(trail.services)),
        dependencies=graph,
        words=_words(seen, worse, trail) | {mover.metric for mover in seen.movers if mover.service in near},
        now=seen.at,
        diffs=seen.diffs,
        onset_slack=max(seen.scrape, MIN_ONSET_SLACK),
        healthy=healthy(seen, worse),
        texts=texts(seen, trail.services, near),
        first_sign=first_sign(seen.movers, near, onset),
        moved=moved(seen.movers),
        driven=driven(seen, trail.services),
    )


def _one_each(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The best verdict of each deploy: of all the commits that went out with it, one is enough to blame."""
    best: dict[tuple[str, str | None, datetime], Verdict] = {}
    for verdict in verdicts:
        change = verdict.change
        best.setdefault((change.kind, change.service or change.revision, change.time), verdict)
    return tuple(best.values())


def healthy(seen: Seen, worse: Iterable[Symptom]) -> frozenset[str]:
    """Services whose errors or time to answer were seen, did not get worse and were not bad all along."""
    telling = {Sign.ERRORS, Sign.LATENCY}
    looked_at = {r.service for r in seen.readings if r.peer is None and r.signal.sign in telling and r.facts.points}
    bad = {s.service for s in worse if s.peer is None} | {reading.service for reading in ailing(seen, worse)}
    return frozenset(looked_at - bad)


def ailing(seen: Seen, worse: Iterable[Symptom]) -> Sequence[Reading]:
    """Shares of requests that fail which are high and did not change: it began before the window, or it is usual."""
    changed = {s.service for s in worse if s.peer is None}
    own = (r for r in seen.readings if r.peer is None and r.signal.sign is Sign.ERRORS and r.facts.points)
    high = [r for r in own if r.service not in changed and min(r.facts.mean, r.facts.last) >= MANY_FAIL]
    return sorted(high, key=lambda reading: (-reading.facts.mean, reading.who))


def _words(seen: Seen, worse: Iterable[Symptom], trail: Trail) -> frozenset[str]:
    """Names of what went wrong: alerts, limits and steps that are not in every service, peers that failed and how."""
    words = {alert.name for alert in seen.firing} | ({trail.more.peer or ""} if trail.more else set())
    for symptom in worse:
        if symptom.peer is None and symptom.service in trail.services:
            words |= {symptom.reading.signal.metric} if symptom.sign in NAMING else set()
        elif symptom.peer is not None and symptom.service == trail.end:
            words |= {symptom.peer, *symptom.reading.statuses}
    return frozenset(words)


_CONFIG_FILE = re.compile(r"\.(ya?ml|json|toml|ini|conf|cfg|env|properties|tfvars|hcl)$|(^|/)(values|config|settings)$")


def _is_config(verdict: Verdict) -> bool:
    files = verdict.commit.files if verdict.commit else ()
    return bool(files) and all(_CONFIG_FILE.search(file) for file in files)


def _odds(score: float) -> float:
    return score / (1 - min(score, CERTAIN))


def _certainty(scores: Sequence[float], *, onset: datetime | None, alerted: bool) -> float:
    """The confidence that one part of the odds is worth.

    Scores are taken as probabilities of explanations that exclude each other, and some odds belong to a cause that
    nobody thought of. What stands out from the others is likely; less so where an onset or an alert is missing.
    """
    total = sum(_odds(score) for score in sorted(scores)[-MAX_RIVALS:]) + SOMETHING_ELSE
    return MAX_CONFIDENCE * (1.0 if onset else NO_ONSET) * (1.0 if alerted else SINGLE_SOURCE) / total
