"""Which change, if any, explains a failure: the time, place, words and kind of each change, multiplied.

Every factor lies between 0 and 1, so being near in time does not make up for being elsewhere. That no change is to
blame competes as a suspect of its own, with a score that evidence of other causes raises.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from sre_bot.incident import ChangeKind
from sre_bot.investigation import Suspect
from sre_bot.signals.carried import perhaps_carried
from sre_bot.signals.diffs import Effect, read_diff
from sre_bot.signals.file_kinds import is_applied, weigh_files
from sre_bot.signals.mechanisms import fit, shown
from sre_bot.signals.words import service_words, stem, terms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sre_bot.incident import Change
    from sre_bot.signals.diffs import Reading
    from sre_bot.signals.mechanisms import Mechanism

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
HEALTHY_DEPENDENCY, SENDS_OTHERWISE = 0.15, 0.4
"""… if it is a dependency whose own signals were seen and did not move; if what fails says that it cannot do with what
it gets, as one can answer in time, without an error, and wrongly."""
DRIVES = 0.8
"""… if it calls what fails, which is asked for much more than before, while it is not itself."""
MOVED_FIRST = 0.8
"""… if something that it measures of itself moved before anything failed."""
MOVED_ALONG, SPOKEN_OF = 0.4, 0.4
"""… if it is not known to have to do with what fails, but moved no later; if what fails speaks of what it is for."""
ELSEWHERE = 0.3
"""Weight of a commit that rides on a service's deploy but touches only files named after other services."""
NO_WORDS = 0.4
"""Weight of a change whose content has nothing to do with what fails, as far as is known."""
DIFF_WORD = 0.5
"""Weight of a word that only lines share which a diff moves, against one in the title, a path or really changed."""
MECHANISM, EFFECT = 1.5, 0.4
"""Evidence (as of so many rare words) of a change that does what such a failure comes from, or anything risky."""
RESTRUCTURES = 0.1
"""Weight of a change that, by its diff, only puts things differently: what is equal hardly makes a difference, so that
nothing known speaks for it rather than for "no change"."""
ADDS, REWRITES = 0.4, 0.6
"""Weight of a change that is not known to break things: of one that leaves all that was there and only adds to it; of
one that computes otherwise."""
AFTER_FIRST_SIGN = 0.25
"""Weight of a change that came after the first sign of trouble, but before it failed."""
PASSENGER, PERHAPS = 0.8, 0.6
"""Weight of a commit that went out with another one's deploy; that may have, as nobody knows what ran before. What
nothing is known of that has to do with it does not count then."""
WAITS = 0.5
"""A change of when something runs acts later: its age counts with this exponent."""
LAPSED, SHORTEST_LAPSE = 0.1, timedelta(minutes=2)
"""A length of time that is set is over as it begins if the lag differs by less than this share of it, and is no
moment."""
UNDEPLOYED, APPLIED = 0.4, 0.7
"""Weight of a commit that no known deploy carries, where deploys are recorded at all; of configuration of a cluster or
of a cloud, which other machinery applies, more."""

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
    ``healthy`` are services that were looked at and do as they did before. ``texts`` are what is alerted on and logged
    about it; ``first_sign`` is when anything that belongs to it first moved, which may be long before it fails (a
    leak fills, a cache runs dry), and ``moved`` when anything of a service did. ``driven`` are services of which more
    is asked than before although their callers are not asked for more.
    """

    onset: datetime | None
    failing: tuple[str, ...]
    dependencies: Mapping[str, frozenset[str]]
    words: frozenset[str]
    now: datetime
    diffs: Mapping[str, str]
    onset_slack: timedelta = ONSET_SLACK
    healthy: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    first_sign: datetime | None = None
    moved: Mapping[str, datetime] = field(default_factory=dict)
    driven: frozenset[str] = frozenset()


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
    scene = _Scene.of(failure, commits, deploys)
    verdicts: dict[str, Verdict] = {}
    for revision, change in _candidates(commits, deploys):
        verdict = scene.judge(revision, change, commits.get(revision), any_deploys=bool(deploys))
        if revision not in verdicts or verdict.score > verdicts[revision].score:
            verdicts[revision] = verdict
    for revision, deploy in perhaps_carried(commits, deploys):
        verdict = scene.judge(revision, deploy, commits[revision], any_deploys=True, perhaps=True)
        if verdict.score > verdicts[revision].score:
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
class _Content:
    """What a commit is about: the words of its title and paths, and its diff, read."""

    named: frozenset[str]
    diff: Reading

    @classmethod
    def of(cls, commit: Change, diff: str) -> _Content:
        return cls(terms(" ".join((commit.title, *commit.files))), read_diff(diff))

    @property
    def words(self) -> frozenset[str]:
        return self.named | self.diff.all_words


@dataclass(frozen=True, slots=True)
class _Scene:
    """The failure, the services that deploys name, what each commit is about, and how rare each word is among them."""

    failure: Failure
    deployed: frozenset[str]
    contents: Mapping[str, _Content]
    rarity: Mapping[str, float]
    mechanisms: tuple[Mechanism, ...]
    spoken: frozenset[str]

    @classmethod
    def of(cls, failure: Failure, commits: Mapping[str, Change], deploys: Sequence[Change]) -> _Scene:
        contents = {revision: _Content.of(c, failure.diffs.get(revision, "")) for revision, c in commits.items()}
        services = frozenset(d.service for d in deploys if d.service)
        ways = shown((*failure.words, *failure.texts))
        return cls(failure, services, contents, _rarity(contents.values()), ways, terms("\n".join(failure.texts)))

    def judge(
        self, revision: str, change: Change, commit: Change | None, *, any_deploys: bool, perhaps: bool = False
    ) -> Verdict:
        """What speaks for a revision with this deploy or commit; ``perhaps`` is whether it may not have been in it."""
        content = self._content(revision, change, least=0.0 if perhaps else NO_WORDS)
        factors = [self._time(change, revision), self._place(change.service, commit), content]
        if commit is not None:
            factors.append(weigh_files(commit.files, self.failure.diffs.get(revision)))
        if perhaps:
            factors.append((PERHAPS, "it may have gone out with that deploy"))
        elif change.kind is ChangeKind.DEPLOY and change.revision != revision:
            factors.append((PASSENGER, ""))
        if change.kind is ChangeKind.COMMIT and any_deploys:
            applied = commit is not None and is_applied(commit.files)
            factors.append((APPLIED if applied else UNDEPLOYED, "no known deploy carries it"))
        reasons = tuple(reason for _, reason in factors if reason)
        return Verdict(revision, change, commit, math.prod(weight for weight, _ in factors), reasons)

    def _time(self, change: Change, revision: str) -> _Factor:
        weight, reason = self._age(change)
        content, onset = self.contents.get(revision), self.failure.onset
        if content is None or onset is None or not weight:
            return weight, reason
        lag, slack = onset - change.time, self.failure.onset_slack
        for length in sorted(content.diff.lasts):
            if length >= SHORTEST_LAPSE and abs(lag - length) <= max(LAPSED * length, slack):
                return max(weight, 1.0), f"{reason}, as long as the time of {span(length)} that it sets"
        return (weight**WAITS if content.diff.reschedules else weight), reason

    def _age(self, change: Change) -> _Factor:
        verb = "deployed" if change.kind is ChangeKind.DEPLOY else "committed"
        onset, slack = self.failure.onset, self.failure.onset_slack
        if onset is None:
            return NO_ONSET * _fading(self.failure.now - change.time), f"{verb} {_at(change)}; the onset is unknown"
        lag = onset - change.time
        if lag < -slack:
            return 0.0, f"{verb} {_at(change)}, {span(-lag)} after the onset"
        first = self.failure.first_sign
        if first is not None and first < onset:
            if change.time <= first + slack:
                return _fading(
                    first - change.time
                ), f"{verb} {_at(change)}, {_before(first - change.time)} the first sign"
            late = f"{verb} {_at(change)}, {span(change.time - first)} after the first sign"
            return AFTER_FIRST_SIGN * _fading(lag), late
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
        weight, reason = self._near(service)
        if weight < MOVED_FIRST and weight > UNRELATED and self._moved_first(service):
            return MOVED_FIRST, f"{reason}, and moved first"
        return weight, reason

    def _near(self, service: str) -> _Factor:
        failing = self.failure.failing
        if any(_same(service, other) for other in failing):
            return ALSO_FAILING, f"{service} fails as well"
        if any(_same(service, called) for other in failing for called in self._called_by(other)):
            healthy = service in self.failure.healthy
            if healthy and any(mechanism.by_content for mechanism in self.mechanisms):
                return SENDS_OTHERWISE, f"{service} answers what fails, and as fast as before"
            weight = HEALTHY_DEPENDENCY if healthy else DEPENDENCY
            return weight, f"{service} is called by what fails{', but does as it did before' if healthy else ''}"
        return self._above(service) or self._apart(service)

    def _above(self, service: str) -> _Factor | None:
        """How a service fits that calls what fails; None for others."""
        reached = self._called_by(service)
        if any(_same(called, other) for called in reached for other in self.failure.driven):
            return DRIVES, f"{service} calls what fails, of which more is asked than before"
        if any(_same(called, other) for called in reached for other in self.failure.failing):
            return CALLER, f"{service} calls what fails"
        return None

    def _apart(self, service: str) -> _Factor:
        """How a service that is not known to have to do with what fails may have to do with it all the same."""
        if self._moved_along(service):
            return MOVED_ALONG, f"{service} moved no later than what fails"
        if {stem(word) for word in service_words(service)} <= self.spoken:
            return SPOKEN_OF, f"what fails speaks of what {service} is for"
        return UNRELATED, f"{service} does not fail and nothing known that fails calls it"

    def _moved_along(self, service: str) -> bool:
        """Whether something of a service moved no later than what fails did."""
        at, there = self._moved_at(service), self._moved_at(self.failure.failing[0])
        return at is not None and there is not None and at <= there

    def _moved_first(self, service: str) -> bool:
        """Whether something of a service moved with the first sign, before anything failed or moved where it fails."""
        first, at = self.failure.first_sign, self._moved_at(service)
        there = self._moved_at(self.failure.failing[0])
        is_first = at is not None and (there is None or at <= there + self.failure.onset_slack)
        return first is not None and at is not None and is_first and at <= first + self.failure.onset_slack

    def _moved_at(self, service: str) -> datetime | None:
        return next((at for name, at in self.failure.moved.items() if _same(name, service)), None)

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

    def _content(self, revision: str, change: Change, *, least: float) -> _Factor:
        """What it does and is about, against what fails: shared words, a known way to break things, anything risky.

        ``least`` is the weight when nothing is known of that.
        """
        content = self.contents.get(revision)
        if content is None:
            return least, ""
        weights = self._shared(content, change.service)
        telling = sorted(weights, key=lambda word: (-weights[word], word))[:3]
        fits, _ = fit(self.mechanisms, content.diff, content.named)
        evidence = sum(weights.values()) + MECHANISM * fits + (EFFECT if content.diff.effects else 0.0)
        reasons = [f"it is about what fails ({', '.join(telling)})"] if telling else []
        reasons += _done(content.diff)
        weight = least + (1 - least) * (1 - math.exp(-evidence)) if telling or least else 0.0
        milder, why = _milder(content.diff)
        return weight * milder, "; ".join((*reasons, *why))

    def _shared(self, content: _Content, changed: str | None) -> Mapping[str, float]:
        wanted = _wanted(self.failure, changed)
        plain = content.named | content.diff.changed
        weights = {word: self.rarity.get(word, 0.0) for word in plain & wanted}
        moved = (content.diff.all_words - plain) & wanted
        return weights | {word: DIFF_WORD * self.rarity.get(word, 0.0) for word in moved}


def _milder(diff: Reading) -> tuple[float, tuple[str, ...]]:
    """What a diff that is not known to break things counts less for, and why."""
    if diff.restructures:
        return RESTRUCTURES, ("by its diff it does the same as before",)
    if diff.only_adds and not diff.effects:
        return ADDS, ("by its diff it only adds to what was there",)
    if diff.is_small_bump:
        return ADDS, ()
    if diff.is_known and not diff.effects:
        return REWRITES, ("it computes otherwise than before",)
    return 1.0, ()


def _done(diff: Reading) -> list[str]:
    """The one thing that a diff does which tells most: with a value or a name where there is one."""
    if diff.told:
        effect = Effect.GUARD if diff.told[0].startswith("without ") else Effect.SETTING
        return [f"it {effect.value} ({diff.told[0]})"]
    return [f"it {effect.value}" for effect in sorted(diff.effects)[:1]]


def _wanted(failure: Failure, changed: str | None) -> frozenset[str]:
    """Words of what went wrong, without names of failing and of the changed services: these count as the place."""
    names = {word for service in (*failure.failing, changed or "") for word in service_words(service)}
    said = frozenset[str]().union(*(terms(word) for word in (*failure.words, *failure.texts)))
    return said - names - {stem(name) for name in names}


def _rarity(contents: Collection[_Content]) -> Mapping[str, float]:
    """How telling each word is, 0..1 (inverse document frequency): a word of every commit singles none out."""
    counted = Counter(word for content in contents for word in content.words)
    number = len(contents)
    return {word: math.log((number + 1) / n) / math.log(number + 1) for word, n in counted.items()}


def _same(one: str, other: str) -> bool:
    return one == other or service_words(one) == service_words(other)


def _fading(lag: timedelta) -> float:
    return 1 / (1 + max(lag, timedelta()) / HALF_LAG)


def _before(lag: timedelta) -> str:
    return f"{span(lag)} before" if lag > timedelta() else "at"


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
