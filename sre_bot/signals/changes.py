"""Which change, if any, explains a failure: the time, place, words and kind of each change, multiplied.

Every factor lies between 0 and 1, so being near in time does not make up for being elsewhere. That no change is to
blame competes as a suspect of its own, with a score that evidence of other causes raises.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from sre_bot.incident import ChangeKind
from sre_bot.investigation import Suspect
from sre_bot.signals.words import service_words, stem, terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sre_bot.incident import Change

NO_CHANGE = 0.1
"""The score of "no change explains it" when nothing else speaks for that."""
HALF_LAG = timedelta(minutes=30)
"""A change this long before the onset counts half as much as one just before it; the tail is heavy (1 / lag)."""
ONSET_SLACK = timedelta(seconds=30)
"""A change this little after the onset may have come before it, unless the failure's own slack tells better: scrapes
and deploy records are coarse."""
NO_ONSET = 0.5
"""Weight of every change when nobody knows since when it fails; the lag then runs until now."""
FIRST_FAILING, ALSO_FAILING, DEPENDENCY, UNKNOWN_PLACE, CALLER, UNRELATED = 1.0, 0.6, 0.6, 0.4, 0.3, 0.1
"""How well the changed service fits what fails."""
HEALTHY_DEPENDENCY = 0.15
"""… if it is a dependency whose own signals were seen and did not move."""
ELSEWHERE = 0.5
"""Weight of a commit that rides on a service's deploy but touches only files named after other services."""
NO_WORDS = 0.4
"""Weight of a change that shares no word with what fails."""
DIFF_WORD = 0.5
"""Weight of a word that only the diff shares, against one in the title or a path."""
UNDEPLOYED = 0.4
"""Weight of a commit that no known deploy carries, where deploys are recorded at all."""
HARMLESS = 0.02
"""Weight of a change of documentation, tests, CI or comments only."""

_Factor: TypeAlias = tuple[float, str]
"""A weight and what a human should know of it ("" = nothing)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What speaks for or against one revision as the cause.

    ``change`` is the deploy that carried it (its latest before the onset), else the commit itself; ``commit`` the
    commit, if known. ``score`` is 0..1; 0 means that it cannot be: it came after the onset.
    """

    revision: str
    change: Change
    commit: Change | None
    score: float
    reasons: tuple[str, ...]

    @property
    def why(self) -> str:
        """The reasons as one sentence part for humans."""
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of the failure that changes are held against.

    ``failing`` are services, the first one to fail first; ``dependencies`` maps a service to those it calls;
    ``words`` are names of alerts and metrics that went wrong; ``diffs`` are texts of diffs by revision, if at hand;
    ``healthy`` are services that were looked at and do as they did before.
    """

    onset: datetime | None
    failing: tuple[str, ...]
    dependencies: Mapping[str, frozenset[str]]
    words: frozenset[str]
    now: datetime
    diffs: Mapping[str, str]
    onset_slack: timedelta = ONSET_SLACK
    healthy: frozenset[str] = frozenset()


def rank_changes(
    changes: Sequence[Change],
    *,
    onset: datetime | None,
    failing: Sequence[str],
    dependencies: Mapping[str, frozenset[str]] | None,
    words: frozenset[str],
    now: datetime,
    no_change: float = NO_CHANGE,
    diffs: Mapping[str, str] | None = None,
) -> tuple[Suspect, ...]:
    """Suspects, best first: one a revision that came before the onset, and "no change" (``change`` None).

    Args:
        changes: deploys and commits, in any order; tags are ignored.
        onset: when it began to fail (aware), if known.
        failing: services that fail, the first to fail first.
        dependencies: service to the services it calls, if known.
        words: names of the alerts and metrics that went wrong.
        now: the moment of the investigation; nothing later counts.
        no_change: what speaks for another cause, 0..1; raise it on evidence such as errors at an external peer.
        diffs: revision to the text of its diff, if at hand.
    """
    failure = Failure(onset, tuple(failing), dependencies or {}, words, now, diffs or {})
    suspects = [Suspect(v.revision, v.score, v.why) for v in judge_changes(changes, failure) if v.score > 0]
    nothing = "no change known came before the onset" if not suspects else "no change fits time and place well enough"
    suspects.append(Suspect(None, no_change, nothing))
    return tuple(sorted(suspects, key=lambda suspect: -suspect.score))


def judge_changes(changes: Sequence[Change], failure: Failure) -> tuple[Verdict, ...]:
    """A verdict a revision, best first; the innocent come last, with the reasons why."""
    known = [change for change in changes if change.time <= failure.now]
    commits = {c.revision: c for c in known if c.kind is ChangeKind.COMMIT and c.revision}
    deploys = [c for c in known if c.kind is ChangeKind.DEPLOY]
    scene = _Scene(failure, frozenset(d.service for d in deploys if d.service), _rarity(commits.values(), failure))
    verdicts: dict[str, Verdict] = {}
    for revision, change in _candidates(commits, deploys):
        undeployed = bool(deploys) and change.kind is ChangeKind.COMMIT
        verdict = scene.judge(revision, change, commits.get(revision), undeployed=undeployed)
        if revision not in verdicts or verdict.score > verdicts[revision].score:
            verdicts[revision] = verdict
    return tuple(sorted(verdicts.values(), key=lambda v: (-v.score, -v.change.time.timestamp(), v.revision)))


def _candidates(commits: Mapping[str, Change], deploys: Sequence[Change]) -> Iterator[tuple[str, Change]]:
    carried: set[str] = set()
    for deploy in deploys:
        revisions = dict.fromkeys(((deploy.revision,) if deploy.revision else ()) + deploy.carries)
        carried.update(revisions)
        yield from ((revision, deploy) for revision in revisions)
    yield from ((revision, commit) for revision, commit in commits.items() if revision not in carried)


@dataclass(frozen=True, slots=True)
class _Scene:
    """The failure, the services that deploys name, and how rare each word is among the commits."""

    failure: Failure
    deployed: frozenset[str]
    rarity: Mapping[str, float]

    def judge(self, revision: str, change: Change, commit: Change | None, *, undeployed: bool) -> Verdict:
        factors = [self._time(change), self._place(change.service, commit), self._words(change, commit)]
        if commit is not None and is_harmless(commit.files, self.failure.diffs.get(revision)):
            factors.append((HARMLESS, "it changes only documentation, tests, CI or comments"))
        if undeployed:
            factors.append((UNDEPLOYED, "no known deploy carries it"))
        reasons = tuple(reason for _, reason in factors if reason)
        return Verdict(revision, change, commit, math.prod(weight for weight, _ in factors), reasons)

    def _time(self, change: Change) -> _Factor:
        verb = "deployed" if change.kind is ChangeKind.DEPLOY else "committed"
        onset = self.failure.onset
        if onset is None:
            return NO_ONSET * _fading(self.failure.now - change.time), f"{verb} {_at(change)}; the onset is unknown"
        lag = onset - change.time
        if lag < -self.failure.onset_slack:
            return 0.0, f"{verb} {_at(change)}, {span(-lag)} after the onset"
        if lag < timedelta():
            return 1.0, f"{verb} {_at(change)}, as it began"
        return _fading(lag), f"{verb} {_at(change)}, {span(lag)} before the onset"

    def _place(self, deployed: str | None, commit: Change | None) -> _Factor:
        touched = self._touched(commit.files) if commit else frozenset()
        if deployed is None:
            return max((self._fit(service) for service in touched), default=(UNKNOWN_PLACE, ""))
        weight, reason = self._fit(deployed)
        if touched and not any(_same(deployed, service) for service in touched):
            return weight * ELSEWHERE, f"{reason}, but it touches files of {_listed(touched)}"
        return weight, reason

    def _fit(self, service: str) -> _Factor:
        failing = self.failure.failing
        if not failing:
            return UNKNOWN_PLACE, f"to {service}"
        if _same(service, failing[0]):
            return FIRST_FAILING, f"{service} is what fails" if len(failing) == 1 else f"{service} fails first"
        if any(_same(service, other) for other in failing):
            return ALSO_FAILING, f"{service} fails as well"
        if any(_same(service, called) for other in failing for called in self._called_by(other)):
            healthy = service in self.failure.healthy
            weight = HEALTHY_DEPENDENCY if healthy else DEPENDENCY
            return weight, f"{service} is called by what fails{', but does as it did before' if healthy else ''}"
        if any(_same(called, other) for called in self._called_by(service) for other in failing):
            return CALLER, f"{service} calls what fails"
        return UNRELATED, f"{service} does not fail and nothing known that fails calls it"

    def _called_by(self, service: str) -> frozenset[str]:
        """Services that ``service`` calls, directly or not."""
        found: set[str] = set()
        open_ends = [service]
        while open_ends:
            here = open_ends.pop()
            calls = {c for caller, called in self.failure.dependencies.items() if _same(caller, here) for c in called}
            open_ends += calls - found
            found |= calls
        return frozenset(found)

    def _touched(self, files: Sequence[str]) -> frozenset[str]:
        """Known services after which a folder or file of the commit is named."""
        called = frozenset[str]().union(*self.failure.dependencies.values())
        known = {*self.failure.failing, *self.failure.dependencies, *called, *self.deployed}
        parts = {service_words(PurePosixPath(part).stem) for file in files for part in PurePosixPath(file).parts}
        return frozenset(service for service in known if service_words(service) in parts)

    def _words(self, change: Change, commit: Change | None) -> _Factor:
        if commit is None:
            return NO_WORDS, ""
        plain, by_diff = _commit_terms(commit, self.failure.diffs.get(commit.revision or ""))
        wanted = _wanted(self.failure, change.service)
        weights = {word: self.rarity.get(word, 0.0) for word in plain & wanted}
        weights |= {word: DIFF_WORD * self.rarity.get(word, 0.0) for word in (by_diff - plain) & wanted}
        if not weights:
            return NO_WORDS, ""
        telling = sorted(weights, key=lambda word: (-weights[word], word))[:3]
        weight = NO_WORDS + (1 - NO_WORDS) * (1 - math.exp(-sum(weights.values())))
        return weight, f"it is about what fails ({', '.join(telling)})"


def _wanted(failure: Failure, changed: str | None) -> frozenset[str]:
    """Words of what went wrong, without names of failing and of the changed services: these count as the place."""
    names = {word for service in (*failure.failing, changed or "") for word in service_words(service)}
    return frozenset[str]().union(*(terms(word) for word in failure.words)) - names - {stem(name) for name in names}


def _commit_terms(commit: Change, diff: str | None) -> tuple[frozenset[str], frozenset[str]]:
    return terms(" ".join((commit.title, *commit.files))), terms("\n".join(_changed_lines(diff or "")))


def _rarity(commits: Iterable[Change], failure: Failure) -> Mapping[str, float]:
    """How telling each word is, 0..1 (inverse document frequency): a word of every commit singles none out."""
    counted = Counter[str]()
    number = 0
    for commit in commits:
        number += 1
        counted.update(frozenset[str]().union(*_commit_terms(commit, failure.diffs.get(commit.revision or ""))))
    return {word: math.log((number + 1) / n) / math.log(number + 1) for word, n in counted.items()}


def is_harmless(files: Sequence[str], diff: str | None = None) -> bool:
    """Whether a commit changes only documentation, tests, CI or, judging by its diff, comments and blank lines."""
    if files and all(_HARMLESS_FILE.search(file) for file in files):
        return True
    lines = _changed_lines(diff or "")
    return bool(lines) and all(_COMMENT.match(line) for line in lines)


_HARMLESS_FILE = re.compile(
    r"""(^|/)(docs?|tests?|testdata|__tests__|spec)/            # a folder of such files
    | (^|/)(\.github|\.gitlab|\.circleci|\.ci)/
    | (^|/)(README|LICENSE|CHANGELOG|CONTRIBUTING|CODEOWNERS|NOTICE|\.gitignore|\.editorconfig|\.gitlab-ci)(\.[a-z]+)?$
    | \.(md|rst|adoc)$
    | (^|/)test_[^/]*$ | [._-](test|tests|spec)\.[a-z]+$ | Tests?\.(java|kt|cs)$""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"\s*($|//|\#\s|/\*|\*\s|\*/|--\s|;)")


def _changed_lines(diff: str) -> list[str]:
    return [line[1:] for line in diff.splitlines() if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"}]


def _same(one: str, other: str) -> bool:
    return one == other or service_words(one) == service_words(other)


def _fading(lag: timedelta) -> float:
    return 1 / (1 + max(lag, timedelta()) / HALF_LAG)


def _at(change: Change) -> str:
    return change.time.strftime("%H:%M:%S")


def _listed(services: Iterable[str]) -> str:
    return ", ".join(sorted(services)[:3])


def span(length: timedelta) -> str:
    """A length of time as a human says it: 40 s, 12 min, 3.5 h, 2 days."""
    seconds = length.total_seconds()
    for least, factor, unit in ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (100, 60, "min")):
        if seconds >= least:
            return f"{seconds / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"
