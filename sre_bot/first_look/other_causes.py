"""What speaks for a cause that is no change: third parties, traffic, limits, the ground, what programs say. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sre_bot.first_look.conditions import ConditionKind
from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.place import driven, same_service
from sre_bot.first_look.symptoms import SURGE
from sre_bot.first_look.trail import is_third_party, resolve
from sre_bot.investigation import CauseKind, RemediationAction
from sre_bot.signals.changes import NO_CHANGE
from sre_bot.signals.outside import Heard, Outside, outside_causes, told_by_gauge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sre_bot.first_look.seen import Reading, Seen
    from sre_bot.first_look.symptoms import Symptom
    from sre_bot.first_look.trail import Trail

THIRD_PARTY, UNSEEN_PEER, SURGED, SURGED_WIDELY, RAN_FULL, WENT_DOWN = 0.8, 0.5, 0.6, 0.75, 0.3, 0.3
"""Scores of "no change" on such evidence (see ``signals.changes.NO_CHANGE`` for none)."""
SAYS_SO = 0.95
"""… when the third party answers, and answers that it failed: a change of ours hardly makes it do so."""
GROUND = {
    ConditionKind.CERTIFICATE: (0.9, RemediationAction.ROTATE_CERT),
    ConditionKind.NODE: (0.75, RemediationAction.RESCHEDULE),
    ConditionKind.EVICTED: (0.5, RemediationAction.RESCHEDULE),
    ConditionKind.LOAD: (0.4, RemediationAction.RESCHEDULE),
    ConditionKind.NETWORK: (0.5, RemediationAction.FAILOVER),
    ConditionKind.CLOCK: (0.6, RemediationAction.RESTART),
    ConditionKind.READ_ONLY: (0.5, RemediationAction.FAILOVER),
}
"""What speaks for no change when the ground gives way as it begins; the rest of it changes bring about as often."""
SOON = timedelta(minutes=15)
"""Ground that gave way so long before the onset, at most, may be why."""
SAME = timedelta(minutes=1)
"""Gauges are seen to move so much later than they do."""
_NO_CAUSE = Outside(NO_CHANGE, CauseKind.UNKNOWN, RemediationAction.NONE, "")


def other_cause(
    seen: Seen, worse: Sequence[Symptom], trail: Trail, surge: Reading | None, onset: datetime | None
) -> Outside:
    """The best explanation that is no change; of kind UNKNOWN with the score of none when there is no evidence."""
    if trail.end is None:
        return Outside(NO_CHANGE, CauseKind.NONE, RemediationAction.NONE, "")
    found = [*_measured(worse, trail, surge), *_ground(seen, trail, onset), *_heard(seen)]
    found += [*_demand(seen, trail, onset), *_gauges(seen, onset), _NO_CAUSE]
    return max(found, key=lambda cause: cause.score)


def _measured(worse: Sequence[Symptom], trail: Trail, surge: Reading | None) -> Iterator[Outside]:
    """What the golden signals tell; the reasons are told from these."""
    if trail.peer is not None:
        if is_third_party(trail.peer):
            score = SAYS_SO if _says_so(worse, trail) else THIRD_PARTY
            yield Outside(score, CauseKind.EXTERNAL_DEPENDENCY, RemediationAction.ESCALATE_UPSTREAM, "")
        else:
            yield Outside(UNSEEN_PEER, CauseKind.INFRASTRUCTURE, RemediationAction.RESTART, "")
        return
    signs = {s.sign for s in worse if s.service == trail.end and s.peer is None}
    if surge is not None:
        yield Outside(SURGED, CauseKind.TRAFFIC, RemediationAction.SCALE, "")
    elif signs & {Sign.UP, Sign.TRAFFIC}:
        yield Outside(WENT_DOWN, CauseKind.INFRASTRUCTURE, RemediationAction.RESTART, "")
    elif Sign.SATURATION in signs and Sign.LIMIT not in signs:
        yield Outside(RAN_FULL, CauseKind.CAPACITY, RemediationAction.SCALE, "")


def _says_so(worse: Sequence[Symptom], trail: Trail) -> bool:
    """Whether most failed calls to the peer were answered with an error, rather than given up on."""
    answered = [
        sum(share for status, share in s.reading.statuses.items() if status.isdigit())
        for s in worse
        if s.service == trail.end and s.peer == trail.peer
    ]
    return max(answered, default=0.0) > 0.5  # noqa: PLR2004 - most


def _ground(seen: Seen, trail: Trail, onset: datetime | None) -> Iterator[Outside]:
    """What gave way under the services as it began."""
    for condition in seen.conditions:
        score, action = GROUND.get(condition.kind, (0.0, RemediationAction.NONE))
        is_near = condition.service is None or same_service(condition.service, trail.services)
        in_time = condition.since is None or onset is None or abs(onset - condition.since) <= SOON
        if score and is_near and in_time:
            yield Outside(score, condition.cause, action, condition.said)


def _heard(seen: Seen) -> Iterator[Outside]:
    """What is logged, what a failing request says, and what those who wrote the alerts say."""
    heard = [Heard(one.services, one.pattern, one.example, one.count) for one in seen.complaints]
    most = max((one.count for one in heard), default=1)
    contrast = seen.contrast
    if contrast is not None and contrast.failed:
        told = f"{contrast.operation} {contrast.peer or ''} {contrast.error}"
        heard.append(Heard((contrast.service,), told, contrast.error, most))
    for alert in seen.firing:
        told = "\n".join(alert.annotations.values())
        heard.append(Heard((alert.service,) if alert.service else (), told, alert.summary, most))
    yield from outside_causes(heard, lambda host: resolve(host, seen.services) is not None or not is_third_party(host))


def _gauges(seen: Seen, onset: datetime | None) -> Iterator[Outside]:
    """What gauges tell of the ground that moved as it began."""
    for mover in seen.movers:
        told = told_by_gauge(mover.metric, mover.service)
        if told is not None and (onset is None or onset - SOON <= mover.onset <= onset + SAME):
            yield told


def _demand(seen: Seen, trail: Trail, onset: datetime | None) -> Iterator[Outside]:
    """Much more demand where it fails, from before it failed on, as people try again later; not by callers alone."""
    by_callers = driven(seen, trail.services)
    grown = [m for m in seen.movers if m.is_demand and m.growth >= SURGE and (onset is None or m.onset <= onset)]
    widely = len({mover.service for mover in grown}) > 1
    for mover in grown:
        if mover.service in trail.services and mover.service not in by_callers:
            why = f"more is asked: {mover.metric} of {mover.service} grew ×{mover.growth:.1f}"
            score = SURGED_WIDELY if widely else SURGED
            yield Outside(score, CauseKind.TRAFFIC, RemediationAction.SCALE, why)
