"""The first look in words: a few lines, each with evidence, none without information. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.first_look.conclusion import Conclusion, conclude
from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.exhibits import TITLES, Exhibits, reading_line
from sre_bot.incident import AlertState, ChangeKind
from sre_bot.investigation import (
    FIRST_LOOK,
    Answer,
    CauseKind,
    Claim,
    Hypothesis,
    Remediation,
    RemediationAction,
    Report,
    Suspect,
)
from sre_bot.signals.changes import span
from sre_bot.signals.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sre_bot.first_look.conclusion import Symptom
    from sre_bot.first_look.look import Reading, Seen
    from sre_bot.investigation import Question
    from sre_bot.signals.changes import Verdict

MAX_INNOCENTS = 4
MAX_SUSPECTS = 5
RIVAL = 0.5
"""A second suspect with at least this share of the best one's score is worth naming."""

REMEDIES = {
    CauseKind.CHANGE: RemediationAction.ROLLBACK,
    CauseKind.CONFIG: RemediationAction.ROLLBACK,
    CauseKind.EXTERNAL_DEPENDENCY: RemediationAction.ESCALATE_UPSTREAM,
    CauseKind.TRAFFIC: RemediationAction.SCALE,
    CauseKind.CAPACITY: RemediationAction.SCALE,
    CauseKind.INFRASTRUCTURE: RemediationAction.RESTART,
}
"""What usually mends which kind of cause."""


def give_account(question: Question, seen: Seen) -> Answer:
    """The answer of the first look."""
    found = conclude(seen, question.text)
    exhibits = Exhibits(seen, found)
    ids: dict[str, tuple[str, ...]] = {"alerts": exhibits.alerts()}
    ids |= {sign: exhibits.signals(sign) for sign in TITLES}
    ids |= {"calls": exhibits.calls(), "changes": exhibits.changes()}
    account = _Account(seen, found, ids)
    report = Report(
        what=tuple(account.what()),
        impact=tuple(account.impact()),
        hypotheses=tuple(account.hypotheses()),
        ruled_out=tuple(account.ruled_out()),
        next_steps=tuple(account.next_steps()),
        unknown=tuple(account.unknown()),
        remediation=account.remediation(),
        missing=seen.missing,
    )
    return Answer(question, FIRST_LOOK, None, report, tuple(exhibits.evidence), suspects=_suspects(found))


class _Account:
    """Puts a conclusion into claims that cite the exhibits."""

    def __init__(self, seen: Seen, found: Conclusion, ids: dict[str, tuple[str, ...]]) -> None:
        self._seen = seen
        self._found = found
        self._ids = ids

    def what(self) -> Iterable[Claim]:
        """What is wrong, since when, and whether it still is."""
        firing = [alert for alert in (*self._seen.alerts, *self._seen.past_alerts) if alert.state is AlertState.FIRING]
        main = self._main_symptoms()
        for symptom in main:
            yield Claim(self._moved(symptom), self._ids[symptom.reading.signal.sign])
        if firing:
            names = ", ".join(dict.fromkeys(f"{alert.name} ({alert.service or 'no service'})" for alert in firing))
            yield Claim(f"Firing: {names}.", self._ids["alerts"])
        elif not main and not self._seen.missing:
            looked = len({reading.service for reading in self._seen.readings})
            yield Claim(
                f"Nothing looks wrong: no alert fires, and {looked} services answer as they did before.", self._all()
            )

    def impact(self) -> Iterable[Claim]:
        """Who feels it, and whether demand changed."""
        trail = self._found.trail
        others = sorted({s.service for s in self._found.symptoms if s.reading.peer is None} - {*trail[:1], *trail[-1:]})
        if others:
            ids = (*self._ids[Sign.ERRORS], *self._ids[Sign.LATENCY])
            yield Claim(f"Also worse: {', '.join(others)}.", ids)
        front = next((r for r in self._own(Sign.TRAFFIC) if trail and r.service == trail[0]), None)
        if front is not None:
            moved = front.facts.onset is not None and front.facts.before > 0
            factor = front.facts.after / front.facts.before if moved else 1.0
            rate = format_value(front.facts.last, front.signal.unit)
            how = f"×{factor:.1f}" if abs(factor - 1) >= 0.2 else "flat"  # noqa: PLR2004 - a fifth is weather
            yield Claim(f"Requests to {front.service}: {how}, {rate} now.", self._ids[Sign.TRAFFIC])

    def hypotheses(self) -> Iterable[Hypothesis]:
        """The best explanation, and its rival if there is one."""
        found = self._found
        if found.culprit is None:
            return
        if found.blamed is None and found.kind is not CauseKind.UNKNOWN:
            yield Hypothesis(Claim(self._no_change(), self._grounds()), found.kind, found.confidence, found.culprit)
        for verdict in self._blamed():
            leads = verdict is found.blamed
            share = 1.0 if leads else verdict.score / found.verdicts[0].score / 2
            claim = Claim(f"{_deploy(verdict)}: {verdict.why}.", (*self._grounds(), *self._ids["changes"]))
            kind = found.kind if leads else CauseKind.CHANGE
            service = verdict.change.service or found.culprit
            yield Hypothesis(claim, kind, round(share * found.confidence, 2), service, verdict.revision)

    def ruled_out(self) -> Iterable[Claim]:
        """Deploys near the onset that are innocent, and why; then what did not move."""
        deploys = [v for v in self._found.verdicts if v.change.kind is ChangeKind.DEPLOY and v not in self._blamed()]
        deploys.sort(key=lambda v: v.change.time, reverse=True)
        for verdict in deploys[:MAX_INNOCENTS]:
            yield Claim(f"{_deploy(verdict)}: {self._innocence(verdict)}.", self._ids["changes"])
        if self._found.symptoms and self._found.surge is None and self._ids[Sign.TRAFFIC]:
            yield Claim("A surge of traffic: requests did not grow before it began.", self._ids[Sign.TRAFFIC])

    def _blamed(self) -> list[Verdict]:
        """The change to blame, if any, and a rival that comes close."""
        best = self._found.blamed
        if best is None:
            return []
        return [best, *(v for v in self._found.verdicts[1:2] if v.score >= RIVAL * best.score)]

    def _innocence(self, verdict: Verdict) -> str:
        return verdict.why if verdict.score == 0 else f"fits less: {verdict.why}"

    def next_steps(self) -> Iterable[Claim]:
        """What to do first."""
        found, blamed = self._found, self._found.blamed
        if blamed is not None:
            service = blamed.change.service or found.culprit
            yield Claim(
                f"Roll back {service} from {blamed.revision[:10]}, then watch its errors.", self._ids["changes"]
            )
        elif found.external is not None:
            text = f"Check the status page of {found.external} and open a ticket there; a rollback would not help."
            yield Claim(text, self._ids["calls"])
        runbooks = {alert.name: alert.annotations.get("runbook_url") for alert in self._seen.alerts}
        for name, url in list(runbooks.items())[:2]:
            if url:
                yield Claim(f"Runbook of {name}: {url}", self._ids["alerts"])

    def unknown(self) -> Iterable[str]:
        """What this look cannot tell."""
        if self._found.symptoms and self._found.onset is None:
            yield "When it began: no signal shows a clear onset in this window."
        if self._found.symptoms and self._found.blamed is None and self._found.kind is CauseKind.UNKNOWN:
            yield "The cause: no change before the onset fits, and nothing points to another cause."
        if not self._found.symptoms and self._found.kind is CauseKind.UNKNOWN:
            yield "Whether anything is wrong: the signals that were seen do not show it."

    def remediation(self) -> Remediation | None:
        """What would mend the best explanation, in a word."""
        action = REMEDIES.get(self._found.kind)
        blamed = self._found.blamed
        target = blamed.change.service if blamed else self._found.external
        target = target or self._found.culprit
        return Remediation(action, target) if action and self._found.culprit else None

    def _own(self, sign: Sign) -> list[Reading]:
        return [r for r in self._seen.readings if r.signal.sign is sign and r.peer is None]

    def _main_symptoms(self) -> list[Symptom]:
        """What the service asked about shows, and what the service behind it shows: the two ends of the trail."""
        ends = dict.fromkeys((*self._found.trail[:1], *self._found.trail[-1:]))
        own = [s for s in self._found.symptoms if s.reading.peer is None and s.service in ends]
        order = [Sign.UP, Sign.ERRORS, Sign.LATENCY, Sign.SATURATION]
        own.sort(key=lambda s: (list(ends).index(s.service), order.index(s.reading.signal.sign)))
        return own[:4]

    def _moved(self, symptom: Symptom) -> str:
        facts, signal = symptom.reading.facts, symptom.reading.signal
        what = TITLES[signal.sign]
        change = f"{format_value(facts.before, signal.unit)} → {format_value(facts.after, signal.unit)}"
        if symptom.onset is None:
            return f"{symptom.service}: {what} is {format_value(facts.last, signal.unit)}."
        ago = span(self._seen.at - symptom.onset)
        still = "over by now" if symptom.over else f"now {format_value(facts.last, signal.unit)}"
        return f"{symptom.service}: {what} {change} at {symptom.onset:%H:%M:%S} ({ago} ago), {still}."

    def _no_change(self) -> str:
        found = self._found
        if found.external is not None:
            bad = next((s for s in found.symptoms if s.reading.peer == found.external), None)
            calls = f" ({reading_line(bad.reading)})" if bad else ""
            return f"{found.external}, not ours, fails the calls of {found.culprit}{calls}; no change explains it."
        if found.surge is not None:
            return f"A surge of traffic: {reading_line(found.surge)}; no change explains it."
        if found.kind is CauseKind.CAPACITY:
            return f"{found.culprit} ran into a limit; no change explains it."
        return f"{found.culprit} went down; no change explains it."

    def _grounds(self) -> tuple[str, ...]:
        """Evidence that the culprit fails."""
        signs = {s.reading.signal.sign for s in self._found.symptoms if s.service == self._found.culprit}
        own = [evidence for sign in TITLES if sign in signs for evidence in self._ids[sign]]
        return tuple(dict.fromkeys((*own, *self._ids["calls"])))

    def _all(self) -> tuple[str, ...]:
        return tuple(evidence for ids in self._ids.values() for evidence in ids)


def _deploy(verdict: Verdict) -> str:
    change, commit = verdict.change, verdict.commit
    what = f"Deploy of {change.service}" if change.kind is ChangeKind.DEPLOY else "Commit"
    title = (commit.title if commit else change.title)[:80]
    author = f" by {commit.author}" if commit and commit.author else ""
    return f"{what} {verdict.revision[:10]} “{title}”{author}"


def _suspects(found: Conclusion) -> tuple[Suspect, ...]:
    """Changes and "no change", best first, without those that cannot be."""
    if found.culprit is None:
        return ()
    suspects = [Suspect(v.revision, v.score, v.why) for v in found.verdicts if v.score > 0]
    suspects.append(Suspect(None, found.no_change, "no change explains it"))
    return tuple(sorted(suspects, key=lambda s: -s.score)[:MAX_SUSPECTS])
