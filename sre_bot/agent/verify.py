"""Claims against evidence: what a model says must stand on something it has seen. Pure.

A claim stays when it cites at least one look that exists and did not fail, and when what it states (numbers, times,
names) is in the looks it cites or follows from them; otherwise it moves, with the reason, to ``unverified``, where the
reader sees it. Nothing is dropped in silence.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from sre_bot.agent.exhibits import Exhibit
from sre_bot.agent.support import why_not_borne
from sre_bot.investigation import Claim, Evidence, Hypothesis, Remediation, RemediationAction, Report, Unverified

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_T = TypeVar("_T")

_ID = re.compile(r"\bE(\d{1,6})\b", re.IGNORECASE)
_INLINE = re.compile(r"\[\s*E\d{1,6}(?:\s*[,;]\s*E\d{1,6})*\s*\]", re.IGNORECASE)
_SHA = re.compile(r"\b[0-9a-f]{7,40}\b")
_COMMIT = re.compile(r"(?<![\w./-])(?=[0-9a-f]{0,39}[a-f])(?=[a-f]{0,39}\d)[0-9a-f]{7,40}(?![\w/-])")
"""A sha in a sentence: hexadecimal with a letter and a digit, and not a part of something longer."""
_SHORT = 10
_BARE = "Commit {commit} is blamed; how it is said to do that did not hold and stands under unverified."


def ids_in(text: str) -> frozenset[str]:
    """Everything in a text that has the form of an evidence id."""
    return frozenset(f"E{int(number)}" for number in _ID.findall(text))


def verify(report: Report, evidence: Iterable[Evidence], asked_at: datetime) -> Report:
    """The report with every claim held against the evidence, as of ``asked_at`` (aware).

    Claims of ``what``, ``impact`` and ``ruled_out`` and hypotheses must cite; ``next_steps`` may: they propose, so
    only the commits they name are looked for, in all evidence. A hypothesis whose change occurs in no evidence goes; a
    bare blame stays of one whose words do not hold, when what it cites shows the change. A remediation goes with the
    last hypothesis it could stand on. Confidences are brought into 0..1, hypotheses ordered by them; short shas become
    the full ones that were seen.
    """
    seen = _Seen.of(evidence, asked_at)
    what, impact, ruled_out = (_sift(claims, seen) for claims in (report.what, report.impact, report.ruled_out))
    hypotheses = _sift_hypotheses(report.hypotheses, seen)
    remediation = _sift_remediation(report.remediation, hypotheses.kept)
    next_steps = _sift_steps(report.next_steps, seen)
    demoted = [part.demoted for part in (what, impact, hypotheses, ruled_out, next_steps, remediation)]
    return replace(
        report,
        what=what.kept,
        impact=impact.kept,
        hypotheses=tuple(sorted(hypotheses.kept, key=lambda hypothesis: -hypothesis.confidence)),
        ruled_out=ruled_out.kept,
        next_steps=next_steps.kept,
        remediation=next(iter(remediation.kept), None),
        unverified=(*report.unverified, *itertools.chain.from_iterable(demoted)),
    )


@dataclass(frozen=True, slots=True)
class _Sifted(Generic[_T]):
    """What may stand, and what may not."""

    kept: tuple[_T, ...] = ()
    demoted: tuple[Unverified, ...] = ()


def _sift(claims: Iterable[Claim], seen: _Seen) -> _Sifted[Claim]:
    judged = [(claim, seen.why_not(claim)) for claim in claims]
    return _Sifted(
        tuple(seen.trimmed(claim) for claim, why in judged if why is None),
        tuple(Unverified(claim.text, why) for claim, why in judged if why is not None),
    )


def _sift_steps(steps: Iterable[Claim], seen: _Seen) -> _Sifted[Claim]:
    judged = [(step, next((sha for sha in _COMMIT.findall(step.text) if not seen.commit(sha)), None)) for step in steps]
    return _Sifted(
        tuple(seen.trimmed(step) for step, sha in judged if sha is None),
        tuple(Unverified(step.text, f"{sha} is no commit that occurs in the evidence") for step, sha in judged if sha),
    )


def _sift_hypotheses(hypotheses: Iterable[Hypothesis], seen: _Seen) -> _Sifted[Hypothesis]:
    judged = [
        (hypothesis, seen.why_not(hypothesis.claim) or seen.why_no_commit(hypothesis)) for hypothesis in hypotheses
    ]
    left = (hypothesis if why is None else _bare(hypothesis, seen) for hypothesis, why in judged)
    return _Sifted(
        tuple(_settled(hypothesis, seen) for hypothesis in left if hypothesis is not None),
        tuple(Unverified(hypothesis.claim.text, why) for hypothesis, why in judged if why is not None),
    )


def _bare(hypothesis: Hypothesis, seen: _Seen) -> Hypothesis | None:
    """The blame without the account of it that does not hold; None unless what it cites shows the change it blames.

    One wrong figure in a long sentence must not hide the change to roll back from who reads it at night.
    """
    change, cited = seen.commit(hypothesis.change), seen.trimmed(hypothesis.claim).evidence
    shown = tuple(one for one in cited if change is not None and seen.shows(one, change))
    if change is None or not shown:
        return None
    claim = Claim(_BARE.format(commit=change[:_SHORT]), shown)
    return replace(hypothesis, claim=claim, explained=False)


def _settled(hypothesis: Hypothesis, seen: _Seen) -> Hypothesis:
    clamped = 0.0 if math.isnan(hypothesis.confidence) else min(1.0, max(0.0, hypothesis.confidence))
    claim, change = seen.trimmed(hypothesis.claim), seen.commit(hypothesis.change)
    return replace(hypothesis, claim=claim, change=change, confidence=clamped)


def _sift_remediation(remediation: Remediation | None, causes: tuple[Hypothesis, ...]) -> _Sifted[Remediation]:
    if remediation is None:
        return _Sifted()
    if causes or remediation.action is RemediationAction.NONE:
        return _Sifted((remediation,))
    words = f"{remediation.action} of {remediation.target}" if remediation.target else remediation.action.value
    return _Sifted(demoted=(Unverified(words, "no verified cause stands behind it"),))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the evidence holds: looks that gave something, read, ids of those that failed, and the shas in each look."""

    good: dict[str, Exhibit]
    failed: frozenset[str]
    commits: dict[str, frozenset[str]]
    labels: frozenset[tuple[str, str]]
    asked_at: datetime

    @classmethod
    def of(cls, evidence: Iterable[Evidence], asked_at: datetime) -> _Seen:
        looks = tuple(evidence)
        good = [look for look in looks if not look.observation.failed]
        exhibits = {look.id: Exhibit.of(look, asked_at) for look in good}
        return cls(
            good=exhibits,
            failed=frozenset(look.id for look in looks if look.observation.failed),
            commits={name: exhibit.commits for name, exhibit in exhibits.items()},
            labels=frozenset[tuple[str, str]]().union(*(exhibit.names for exhibit in exhibits.values())),
            asked_at=asked_at,
        )

    @property
    def shas(self) -> frozenset[str]:
        """All of them, wherever they were seen."""
        return frozenset[str]().union(*self.commits.values())

    def shows(self, look: str, change: str) -> bool:
        """Whether a look of this id shows the commit, be it by a short sha."""
        return any(change.startswith(sha) for sha in self.commits[look])

    def why_not(self, claim: Claim) -> str | None:
        """Why the claim cannot stand, or None when it can."""
        ids = _ids_of(claim)
        if not ids:
            return "it cites no evidence"
        inline = _cited(_INLINE.findall(claim.text))
        invented = [one for one in inline if one not in self.good and one not in self.failed]
        cited = [self.good[one] for one in dict.fromkeys((*ids, *inline)) if one in self.good]
        if cited and not invented:
            return why_not_borne(claim.text, cited, self.labels, self.asked_at)
        if unknown := invented or [one for one in ids if one not in self.failed]:
            return f"it cites evidence that does not exist: {', '.join(unknown)}"
        return f"it only cites looks that failed: {', '.join(ids)}"

    def why_no_commit(self, hypothesis: Hypothesis) -> str | None:
        """Why the change it blames cannot stand, or None when it can or blames none."""
        if hypothesis.change is None or self.commit(hypothesis.change):
            return None
        return f"the change {hypothesis.change} is no commit that occurs in the evidence"

    def trimmed(self, claim: Claim) -> Claim:
        """The claim with the ids that hold, in our spelling."""
        return replace(claim, evidence=tuple(one for one in _ids_of(claim) if one in self.good))

    def commit(self, change: str | None) -> str | None:
        """The sha in sight that ``change`` means, as long as it was ever seen; None for none or several."""
        given = (change or "").strip("`[]() ").lower()
        if not _SHA.fullmatch(given):
            return None
        matching = {sha for sha in self.shas if sha.startswith(given)}
        longest = max(matching, key=len, default=None)
        return longest if longest and all(longest.startswith(sha) for sha in matching) else None


def _ids_of(claim: Claim) -> tuple[str, ...]:
    """What a claim cites: its list or, when that is empty, the ids in brackets in its text."""
    return _cited(claim.evidence) or _cited(_INLINE.findall(claim.text))


def _cited(entries: Iterable[str]) -> tuple[str, ...]:
    """Ids in the spellings models use (``e3``, ``[E3]``, ``E3, E4``); an entry without an id stays as it is."""
    found: list[str] = []
    for entry in entries:
        found += [f"E{int(number)}" for number in _ID.findall(entry)] or [entry.strip()]
    return tuple(dict.fromkeys(one for one in found if one))
