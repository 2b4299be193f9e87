"""What the readings mean together: what is wrong since when, which service it comes from, and which change fits. Pure.

The method is what people do by hand: of everything that got worse, follow the calls from the service that was asked
about down to the last one that still fails; the trouble is there, or at the third party that it calls. Then hold the
changes before the onset against that place, with "no change" as a suspect of its own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.discovery import Sign
from sre_bot.incident import AlertState
from sre_bot.investigation import CauseKind
from sre_bot.signals.changes import NO_CHANGE, Failure, Verdict, judge_changes
from sre_bot.signals.series import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sre_bot.first_look.look import Reading, Seen
    from sre_bot.incident import Alert
    from sre_bot.signals.series import SeriesFacts

MIN_ERROR_RISE = 0.02
"""An error ratio that rises by less is not what anyone is called for."""
MIN_LATENCY_FACTOR, MIN_LATENCY_RISE_S = 1.5, 0.02
FULL = 0.9
"""A pool or limit used to this share is a bottleneck."""
BACK = 0.2
"""A spike is over once this share of it, at most, is left."""
SURGE = 1.8
"""Traffic that grew by this factor explains other things."""
EXTERNAL, SURGED, RAN_FULL, WENT_DOWN = 0.9, 0.6, 0.3, 0.3
"""Scores of "no change" on such evidence (see ``signals.changes.NO_CHANGE`` for none)."""
MAX_CONFIDENCE = 0.9
SINGLE_SOURCE = 0.8
"""Weight of a conclusion that rests on metrics alone, without an alert that agrees."""
NO_ONSET = 0.5
MIN_ONSET_SLACK = timedelta(seconds=1)
"""A deploy is logged when it begins or when it is done; a change this little after the onset may have caused it."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """A reading that got worse."""

    reading: Reading
    onset: datetime | None
    over: bool
    """Whether it is back to what it was."""

    @property
    def service(self) -> str:
        """Who shows it."""
        return self.reading.service


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is wrong, where and why. ``trail`` leads from the service asked about to ``culprit``.

    ``external`` is the third party behind it; ``confidence`` (0..1) is that of the best suspect; ``no_change`` the
    score of "no change explains it"; ``kind`` what the best explanation is, ``unknown`` when there is none.
    """

    focus: tuple[str, ...]
    symptoms: tuple[Symptom, ...]
    onset: datetime | None
    trail: tuple[str, ...]
    culprit: str | None
    external: str | None
    surge: Reading | None
    verdicts: tuple[Verdict, ...]
    no_change: float
    kind: CauseKind
    confidence: float

    @property
    def blamed(self) -> Verdict | None:
        """The change that explains it best, if one does better than none."""
        best = self.verdicts[0] if self.verdicts else None
        return best if best and best.score > self.no_change and self.culprit else None


def conclude(seen: Seen, question: str) -> Conclusion:
    """Weigh everything that was seen."""
    symptoms = tuple(sorted(_symptoms(seen), key=lambda s: s.onset or seen.at))
    failing = {symptom.service for symptom in symptoms}
    focus = _focus(seen, question, failing)
    trail, external = _follow(focus, symptoms, seen.services)
    culprit = trail[-1] if trail else None
    calls = _calls(seen)
    onset = _onset(symptoms, trail, calls)
    surge = _surge(seen, onset)
    no_change, kind = _other_causes(symptoms, culprit, external, surge)
    failure = Failure(
        onset=onset,
        failing=tuple(reversed(trail)),
        dependencies=calls,
        words=_words(seen, symptoms, trail),
        now=seen.at,
        diffs=seen.diffs,
        onset_slack=max(seen.scrape, MIN_ONSET_SLACK),
        healthy=_healthy(seen, symptoms),
    )
    verdicts = _one_each(judge_changes(seen.changes, failure)) if culprit else ()
    best = verdicts[0].score if verdicts else 0.0
    runner_up = verdicts[1].score if len(verdicts) > 1 else 0.0
    if best > no_change:
        kind = CauseKind.CONFIG if _is_config(verdicts[0]) else CauseKind.CHANGE
    rivals = (no_change, runner_up) if best > no_change else (best, NO_CHANGE)
    confidence = _confidence(max(best, no_change), rivals, onset=onset, alerted=bool(seen.alerts))
    if not symptoms:
        kind = CauseKind.UNKNOWN if seen.missing or _firing(seen) else CauseKind.NONE
    return Conclusion(focus, symptoms, onset, trail, culprit, external, surge, verdicts, no_change, kind, confidence)


def resolve(peer: str, services: Iterable[str]) -> str | None:
    """Our service behind a peer's address (``inventory``, ``inventory:8080``, ``inventory.shop.svc``), or None."""
    host = re.sub(r"^\w+://", "", peer).split("/")[0].rsplit(":", 1)[0]
    names = (host, host.split(".")[0]) if host.endswith((".svc", ".local", ".internal")) or "." not in host else (host,)
    return next((service for name in names for service in services if service == name), None)


def _one_each(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The best verdict of each deploy: of all the commits that went out with it, one is enough to blame."""
    best: dict[tuple[str, str | None, datetime], Verdict] = {}
    for verdict in verdicts:
        change = verdict.change
        key = (change.kind, change.service or change.revision, change.time)
        best.setdefault(key, verdict)
    return tuple(best.values())


def _symptoms(seen: Seen) -> Iterable[Symptom]:
    for reading in seen.readings:
        if _is_worse(reading):
            facts = reading.facts
            onset = None if facts.onset is None else datetime.fromtimestamp(facts.onset, UTC)
            yield Symptom(reading, onset, over=facts.shape is Shape.SPIKE and _is_back(facts))


def _is_back(facts: SeriesFacts) -> bool:
    """Whether the last value is near what it was before."""
    return abs(facts.last - facts.before) <= BACK * abs(facts.after - facts.before)


def _is_worse(reading: Reading) -> bool:
    facts, sign = reading.facts, reading.signal.sign
    before = 0.0 if math.isnan(facts.before) else facts.before
    after = facts.last if math.isnan(facts.after) else facts.after
    if sign is Sign.UP:
        return facts.last == 0 or (facts.onset is not None and after < before)
    if sign is Sign.SATURATION:
        return after >= FULL > before
    if sign is Sign.ERRORS:
        return after - before >= MIN_ERROR_RISE and (facts.onset is not None or after >= 2 * before)
    if sign is Sign.LATENCY:
        unit = 1000 if reading.signal.unit == "milliseconds" else 1
        rose = after >= MIN_LATENCY_FACTOR * before and after - before >= MIN_LATENCY_RISE_S * unit
        return facts.onset is not None and rose and before > 0
    return False


def _focus(seen: Seen, question: str, failing: set[str]) -> tuple[str, ...]:
    """Services that the question names, else those that alert, else those that fail."""
    words = set(re.findall(r"[\w.-]+", question.lower()))
    named = [service for service in sorted(seen.services) if service.lower() in words]
    alerting = [alert.service for alert in _firing(seen) if alert.service]
    chosen = [*named, *alerting] if named or alerting else sorted(failing)
    return tuple(dict.fromkeys(chosen))


def _firing(seen: Seen) -> tuple[Alert, ...]:
    return tuple(alert for alert in (*seen.alerts, *seen.past_alerts) if alert.state is AlertState.FIRING)


def _follow(
    focus: tuple[str, ...], symptoms: tuple[Symptom, ...], services: frozenset[str]
) -> tuple[tuple[str, ...], str | None]:
    """From what was asked about, along failing calls, to the last service that fails; and a third party behind it."""
    own = {s.service for s in symptoms if s.reading.peer is None}
    start = next((service for service in focus if service in own), None)
    start = start or next((s.service for s in symptoms), None)
    if start is None:
        return (), None
    trail = [start]
    while True:
        bad_calls = [s for s in symptoms if s.service == trail[-1] and s.reading.peer and not s.over]
        bad_calls.sort(key=lambda s: (s.reading.signal.sign is not Sign.ERRORS, -abs(s.reading.facts.shift)))
        called = [(str(s.reading.peer), resolve(str(s.reading.peer), services)) for s in bad_calls]
        inside = next((ours for _, ours in called if ours in own and ours not in trail), None)
        if inside is None:
            return tuple(trail), next((peer for peer, ours in called if ours is None), None)
        trail.append(inside)


def _healthy(seen: Seen, symptoms: tuple[Symptom, ...]) -> frozenset[str]:
    """Services whose errors or latency were seen and did not get worse."""
    telling = {Sign.ERRORS, Sign.LATENCY}
    looked_at = {r.service for r in seen.readings if r.peer is None and r.signal.sign in telling}
    return frozenset(looked_at - {s.service for s in symptoms if s.reading.peer is None})


def _onset(
    symptoms: tuple[Symptom, ...], trail: tuple[str, ...], calls: Mapping[str, frozenset[str]]
) -> datetime | None:
    """When the services of the trail, or those that call them, began to fail: the first to show it is least late."""
    near = {*trail, *(caller for caller, called in calls.items() if called & set(trail))}
    return min((s.onset for s in symptoms if s.onset and s.service in near), default=None)


def _surge(seen: Seen, onset: datetime | None) -> Reading | None:
    """Traffic that changed a lot, and not after things began to fail (retries do that)."""
    for reading in seen.readings:
        facts = reading.facts
        if (
            reading.signal.sign is Sign.TRAFFIC
            and reading.peer is None
            and facts.onset is not None
            and facts.before > 0
        ):
            factor = facts.after / facts.before
            slack = timedelta(seconds=facts.onset_uncertainty or 0)
            began = datetime.fromtimestamp(facts.onset, UTC)
            if factor >= SURGE and (onset is None or began <= onset + slack):
                return reading
    return None


def _other_causes(
    symptoms: tuple[Symptom, ...], culprit: str | None, external: str | None, surge: Reading | None
) -> tuple[float, CauseKind]:
    """What speaks for a cause that is no change, and its kind."""
    if external is not None:
        return EXTERNAL, CauseKind.EXTERNAL_DEPENDENCY
    if surge is not None:
        return SURGED, CauseKind.TRAFFIC
    signs = {s.reading.signal.sign for s in symptoms if s.service == culprit and s.reading.peer is None}
    if Sign.UP in signs:
        return WENT_DOWN, CauseKind.INFRASTRUCTURE
    if Sign.SATURATION in signs:
        return RAN_FULL, CauseKind.CAPACITY
    return NO_CHANGE, CauseKind.UNKNOWN


def _words(seen: Seen, symptoms: tuple[Symptom, ...], trail: tuple[str, ...]) -> frozenset[str]:
    """Names of what went wrong: alerts, metrics, and of the last service's failing calls the peers and statuses."""
    words = {alert.name for alert in _firing(seen)}
    words |= {s.reading.signal.metric for s in symptoms if s.service in trail}
    for call in symptoms:
        if trail and call.service == trail[-1] and call.reading.peer:
            words |= {call.reading.peer, *call.reading.signal.failed.split("|")}
    return frozenset(words)


def _calls(seen: Seen) -> Mapping[str, frozenset[str]]:
    """Who calls whom, as the metrics of callers tell."""
    calls: dict[str, frozenset[str]] = {}
    for reading in seen.readings:
        callee = resolve(reading.peer, seen.services) if reading.peer else None
        if callee is not None:
            calls[reading.service] = calls.get(reading.service, frozenset()) | {callee}
    return calls


_CONFIG_FILE = re.compile(
    r"\.(ya?ml|json|toml|ini|conf|cfg|env|properties|tfvars|hcl)$|(^|/)(values|config|settings)[^/]*$"
)


def _is_config(verdict: Verdict) -> bool:
    files = verdict.commit.files if verdict.commit else ()
    return bool(files) and all(_CONFIG_FILE.search(file) for file in files)


def _confidence(best: float, rivals: tuple[float, float], *, onset: datetime | None, alerted: bool) -> float:
    """How far the best explanation stands out from its rivals, less for what is missing. Not yet calibrated."""
    standing = best / (best + sum(rivals)) if best > 0 else 0.0
    weight = MAX_CONFIDENCE * (1.0 if onset else NO_ONSET) * (1.0 if alerted else SINGLE_SOURCE)
    return round(weight * standing, 2)
