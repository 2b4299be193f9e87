"""Which change the first look blames for recorded incidents, against simple rules for comparison.

Run ``.venv/bin/python -m benchmarks.change_suspects [FOLDER] [--truth FOLDER] [--why]``: a folder of recordings
(``docs/recordings.md``), by default the one beside the project. ``--truth`` names a folder with a folder of the same
name for each recording in which its ``truth.yaml`` lies, or a file ``<name>.yaml``; ``--why`` tells the reasons.

Right is the first suspect if it is the commit that did it, or none where none did. The weights in
``sre_bot.signals.changes`` were set by reason beforehand and none of them is fitted to data; what a diff does and what
programs say of their troubles are read by general rules, which were written with twelve recordings in view, though.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from sre_bot import recordings
from sre_bot.first_look import FirstLook
from sre_bot.incident import AlertState, ChangeKind
from sre_bot.investigation import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sre_bot.incident import Change
    from sre_bot.investigation import Answer
    from sre_bot.recordings import Recording

HERE = Path(__file__).parents[1] / "../shared/recordings"
OURS = "the first look"
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Truth:
    """What really caused it: the commit, None when none did; and the service where it began."""

    change: str | None
    service: str
    action: str
    decoys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one recording, what is true, and what each simple rule blames."""

    name: str
    answer: Answer
    truth: Truth
    rules: Mapping[str, str | None]

    @property
    def blamed(self) -> Mapping[str, str | None]:
        """Whom each one blames first; an answer without any suspect blames "?"."""
        suspects = self.answer.suspects
        return {OURS: suspects[0].change if suspects else "?", **self.rules}


def main() -> None:
    """Look at every recording and print the tables."""
    parser = argparse.ArgumentParser(description="Score change suspects on recorded incidents.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE)
    parser.add_argument("--truth", type=Path, help="folder with the truths, when they lie elsewhere")
    parser.add_argument("--why", action="store_true", help="tell the reasons")
    told = parser.parse_args()
    folders = sorted(path.parent for path in told.folder.glob("*/recording.yaml"))
    if not folders:
        print(f"skipped: there are no recordings in {told.folder}")
        return
    outcomes = []
    for folder in folders:
        path = _truth_of(folder, told.truth)
        if path is None:
            print(f"skipped {folder.name}: it has no truth.yaml")
            continue
        outcome = asyncio.run(_look(folder, _truth(path)))
        outcomes.append(outcome)
        print("\n".join(_lines(outcome, why=told.why)))
    print("\n".join(_totals(outcomes)))


def _truth_of(folder: Path, elsewhere: Path | None) -> Path | None:
    if elsewhere is None:
        places = [folder / "truth.yaml"]
    else:
        places = [elsewhere / folder.name / "truth.yaml", elsewhere / f"{folder.name}.yaml"]
    return next((path for path in places if path.exists()), None)


def _truth(path: Path) -> Truth:
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    cause = told["root_cause"]
    decoys = frozenset(told.get("decoys") or ())
    return Truth(cause.get("change"), cause.get("service") or "", told["remediation"]["action"], decoys)


async def _look(folder: Path, truth: Truth) -> Outcome:
    recording = recordings.read(folder)
    async with recordings.replayed(recording) as sources:
        look = FirstLook(sources.to_look_at(), now=lambda: recording.asked_at)
        answer = await look(Question(recording.question, recording.asked_at))
    return Outcome(folder.name, answer, truth, dict(_rules(recording)))


def _rules(recording: Recording) -> Iterator[tuple[str, str | None]]:
    """What one would say without looking."""
    changes = recording.changes.deploys if recording.changes else ()
    deploys = sorted((c for c in changes if c.kind is ChangeKind.DEPLOY), key=lambda deploy: deploy.time)
    firing = [alert for alert in recording.alerts or () if alert.state is AlertState.FIRING]
    alerting = {alert.service for alert in firing}
    own: list[Change] = [deploy for deploy in deploys if deploy.service in alerting]
    yield "latest deploy", deploys[-1].revision if deploys else None
    yield "never a change", None
    yield "oldest deploy of the alerting service, else none", own[0].revision if own else None


def _lines(outcome: Outcome, *, why: bool) -> Iterator[str]:
    truth, suspects = outcome.truth, outcome.answer.suspects
    right = outcome.blamed[OURS] == truth.change
    named = ", ".join(f"{_short(s.change)} {s.score:.2f}" for s in suspects[:SHOWN]) or "nobody"
    yield f"{'right' if right else 'WRONG'}  {outcome.name}: {named} (it was {_short(truth.change)})"
    for suspect in suspects if why else ():
        yield f"         {_short(suspect.change)} {suspect.score:.3f} {suspect.why}"


def _totals(outcomes: list[Outcome]) -> Iterator[str]:
    """How often each one is right, with a culprit and without, and blames an innocent decoy."""
    guilty = [one for one in outcomes if one.truth.change is not None]
    innocent = [one for one in outcomes if one.truth.change is None]
    yield f"{'':<50} right  with a culprit  without one  blames a decoy"
    for who in outcomes[0].blamed if outcomes else ():
        counts = Counter(one.truth.change is None for one in outcomes if one.blamed[who] == one.truth.change)
        decoys = sum(one.blamed[who] in one.truth.decoys for one in outcomes)
        right = f"{counts.total()} of {len(outcomes)}"
        yield (
            f"{who:<50} {right:>8}  {counts[False]:>5} of {len(guilty):<5}"
            f" {counts[True]:>5} of {len(innocent):<5} {decoys:>5}"
        )
    action = [one for one in outcomes if (r := one.answer.report.remediation) and r.action == one.truth.action]
    service = [one for one in outcomes if _service(one.answer) == one.truth.service]
    yield f"the right service: {len(service)}; the right remedy: {len(action)}; nothing is fitted to these"


def _service(answer: Answer) -> str | None:
    return next((hypothesis.service for hypothesis in answer.report.hypotheses), None)


def _short(change: str | None) -> str:
    return "none" if change is None else change[:8]


if __name__ == "__main__":
    main()
