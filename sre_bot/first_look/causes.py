"""Why it happened, as hypotheses; what did not cause it, and what to do first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.first_look.conclusion import healthy
from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.innocence import innocents
from sre_bot.first_look.phrases import brief, capitalized, listed, value, verdict_name
from sre_bot.first_look.symptoms import SURGE
from sre_bot.incident import ChangeKind
from sre_bot.investigation import CauseKind, Claim, Hypothesis, Remediation, RemediationAction, Suspect
from sre_bot.render.summary import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.first_look.conclusion import Conclusion
    from sre_bot.first_look.exhibits import Case
    from sre_bot.first_look.symptoms import Symptom
    from sre_bot.signals.changes import Verdict

MAX_RUNBOOKS, MAX_WELL, MAX_SUSPECTS = 2, 4, 5

UNDOING = {CauseKind.CHANGE: RemediationAction.ROLLBACK, CauseKind.CONFIG: RemediationAction.CONFIG_REVERT}
"""What takes which kind of change back."""


FURTHER = {
    RemediationAction.ROTATE_CERT: "Look at the dates of the certificate and renew it; a rollback would not help.",
    RemediationAction.ESCALATE_UPSTREAM: "Ask whoever runs it, and see their status page; a rollback would not help.",
    RemediationAction.RESCHEDULE: "Look at the machines it runs on, and move it elsewhere; a rollback would not help.",
    RemediationAction.FAILOVER: "Look at where it runs and whom it reaches from there, and move traffic elsewhere.",
    RemediationAction.PURGE_BAD_DATA: "Set aside what cannot be read, and ask who sent it; a rollback would not help.",
    RemediationAction.SCALE: "Find out what uses it up before you raise the limit.",
    RemediationAction.RESTART: "Look at the machine it runs on.",
}
"""Where to look when no change is to blame, by what would mend it."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """The best explanation, and those that come close; nothing when there is none."""
    for verdict in case.found.explanations:
        yield _blaming_none(case) if verdict is None else _blaming(case, verdict)


def _blaming(case: Case, verdict: Verdict) -> Hypothesis:
    found = case.found
    claim = Claim(f"{capitalized(verdict_name(verdict))}: {verdict.why}.", (*_grounds(case), *case.cite("changes")))
    return Hypothesis(claim, found.kind_of(verdict), found.confidence(verdict.score), found.culprit, verdict.revision)


def _blaming_none(case: Case) -> Hypothesis:
    found = case.found
    claim = Claim(f"{capitalized(_other_cause(found))}; no change explains it.", _grounds(case))
    return Hypothesis(claim, found.other_cause, found.confidence(found.no_change), found.culprit)


def _grounds(case: Case) -> tuple[str, ...]:
    """Evidence that it fails there: by signals and what is logged, else by what fires."""
    shown = case.grounds() if not case.found.outside.why else ()
    logged = case.cite("logs", "traces", "ground") if case.found.outside.why or not shown else ()
    by_gauge = any(mover.metric in case.found.outside.why for mover in case.seen.movers)
    return (*shown, *logged, *(case.cite("gauges") if by_gauge else ())) or case.cite("alerts")


def _other_cause(found: Conclusion) -> str:
    """What happened, if it was no change."""
    if found.outside.why:
        return found.outside.why
    peer, surge = found.trail.peer, found.surge
    if peer is not None:
        what = "a third party" if found.other_cause is CauseKind.EXTERNAL_DEPENDENCY else "which nobody measures here"
        calls = _worst(found, peer, Sign.ERRORS, Sign.LATENCY)
        return f"trouble at {peer}, {what}: {calls}"
    if found.other_cause is CauseKind.TRAFFIC and surge is not None:
        levels = f"{value(surge, surge.facts.before)} → {value(surge, surge.facts.after)}"
        return f"more traffic: requests to {surge.who} grew ×{surge.growth:.1f} ({levels})"
    if found.other_cause is CauseKind.CAPACITY:
        return f"a limit was reached: {_worst(found, None, Sign.SATURATION)}"
    return f"an outage: {_worst(found, None, Sign.UP, Sign.TRAFFIC)}"


def _worst(found: Conclusion, peer: str | None, *signs: Sign) -> str:
    """What the culprit shows, of the first of these signs that it shows at all."""
    shown: list[Symptom] = [s for s in found.symptoms if (s.service, s.peer) == (found.culprit, peer)]
    return next(brief(symptom) for sign in signs for symptom in shown if symptom.sign is sign)


def ruled_out(case: Case) -> Iterator[Claim]:
    """Deploys near the onset that are innocent, and why; then what did not move."""
    seen, found = case.seen, case.found
    if found.culprit is None:
        return
    for innocent in innocents(seen, found):
        yield Claim(f"{innocent.said}.", case.cite("changes"))
    well = sorted(found.calls.of.get(found.culprit, frozenset()) & healthy(seen, found.symptoms))
    if well:
        told = [f"{one} (declared)" if (found.culprit, one) in found.calls.declared else one for one in well]
        text = f"What {found.culprit} calls: {listed(told, MAX_WELL)} {'does' if len(well) == 1 else 'do'} as before."
        yield Claim(text, case.cite(Sign.ERRORS, Sign.LATENCY))
    if found.calls.growth and max(found.calls.growth.values()) < SURGE:
        yield Claim("More traffic: no service is asked much more often than before.", case.cite(Sign.TRAFFIC))


def next_steps(case: Case) -> Iterator[Claim]:
    """What to do first."""
    found = case.found
    if found.blamed is not None:
        yield Claim(_undo(case, found.blamed), case.cite("changes"))
    elif found.culprit is not None:
        further = FURTHER.get(found.outside.action) if found.outside.why and found.kind is found.other_cause else None
        yield Claim(further or _look_further(case, found.culprit), _grounds(case))
    alerts = sorted(case.seen.firing, key=lambda alert: (alert.service != found.culprit, alert.started_at, alert.name))
    runbooks = {alert.name: alert.annotations.get("runbook_url") for alert in reversed(alerts)}
    told = [(f"Runbook of {name}: {url}", url) for name, url in reversed(runbooks.items()) if url]
    yield from (Claim(text, case.cite("alerts", url.strip())) for text, url in told[:MAX_RUNBOOKS])
    whose = (found.blamed and found.blamed.change.service) or found.culprit
    if whose and (owner := case.seen.catalogue.described([whose])):
        yield Claim(owner, case.cite("catalogue"))


def _undo(case: Case, blamed: Verdict) -> str:
    """How to get rid of a change: what ran before it, if that is known."""
    change = blamed.change
    if change.kind is not ChangeKind.DEPLOY or change.service is None:
        return f"Revert commit {blamed.revision[:10]}, then watch {case.found.culprit}."
    before = case.seen.ran_before(change)
    if before is None or before.revision in {None, change.revision}:
        return f"Roll back {change.service} to what ran before {(change.revision or '')[:10]}, then watch its errors."
    ran = f"which ran until {clock(change.time, case.seen.at)}"
    return f"Roll back {change.service} to {(before.revision or '')[:10]}, {ran}; then watch its errors."


def _look_further(case: Case, culprit: str) -> str:
    """Where to look when no change is to blame."""
    found = case.found
    if found.kind is CauseKind.EXTERNAL_DEPENDENCY:
        return f"Look at the status page of {found.trail.peer} and tell them; a rollback would not help."
    if found.trail.peer is not None:
        return f"Look at {found.trail.peer}: whether it runs, and what it logs."
    if found.kind is CauseKind.TRAFFIC:
        return f"Find out who sends the requests; scale {culprit} or turn some away."
    if found.kind is CauseKind.CAPACITY:
        return f"Find out what fills {culprit} up (slow calls, stuck work) before you raise its limit."
    if found.kind is CauseKind.INFRASTRUCTURE:
        return f"Find out why {culprit} is gone: its last lines of log, kills for memory, its node."
    return _read_logs(case, culprit)


def _read_logs(case: Case, culprit: str) -> str:
    found = case.found
    since = f" from {clock(found.onset, case.seen.at)} on" if found.onset else ""
    return f"Read the logs of {culprit}{since}."


def remediation(found: Conclusion) -> Remediation | None:
    """What would mend the best explanation, in a word."""
    if found.blamed is not None:
        return Remediation(UNDOING[found.kind], found.blamed.change.service or found.culprit)
    if found.kind is not found.other_cause or found.outside.action is RemediationAction.NONE:
        return None
    if found.trail.peer is not None:
        is_outside = found.kind is CauseKind.EXTERNAL_DEPENDENCY
        return Remediation(found.outside.action, found.trail.peer) if is_outside else None
    return Remediation(found.outside.action, found.culprit)


def suspects(found: Conclusion) -> tuple[Suspect, ...]:
    """Changes and "no change", best first, without those that cannot be."""
    if found.culprit is None:
        return ()
    ranked = [Suspect(v.revision, v.score, v.why) for v in found.verdicts if v.score > 0]
    ranked.append(Suspect(None, found.no_change, "no change explains it"))
    return tuple(sorted(ranked, key=lambda suspect: -suspect.score)[:MAX_SUSPECTS])
