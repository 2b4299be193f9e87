"""The golden set: claims judged by hand against evidence as our tools wrote it; half of it kept for the end.

``golden_claims.txt`` holds the claims, ``golden_claims.evidence.json`` the evidence: two scenes captured from drills
and one of the tools over sources in memory. Which half a claim is in is told by a hash of its text.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class GoldenClaim:
    """A claim, the evidence of its scene, and whether it holds."""

    scene: str
    kind: str
    holds: bool
    claim: Claim

    @property
    def held_out(self) -> bool:
        """Whether its verdict was kept from whoever wrote the verifier."""
        return hashlib.sha256(f"{self.scene}{self.claim}".encode()).digest()[0] % 2 == 1


@dataclass(frozen=True, slots=True)
class Scene:
    """The evidence of one investigation."""

    asked_at: datetime
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A golden claim and why the verifier let it not stand; None when it did."""

    golden: GoldenClaim
    why: str | None

    @property
    def right(self) -> bool:
        """Whether the verifier agrees with the person."""
        return self.golden.holds == (self.why is None)


@dataclass(frozen=True, slots=True)
class Score:
    """Of "does not hold": how many of those said so truly do not, and how many of those that do not were found."""

    claims: int
    precision: float
    recall: float


def scenes() -> dict[str, Scene]:
    """The scenes by name."""
    raw = json.loads((_HERE / "golden_claims.evidence.json").read_text(encoding="utf-8"))
    return {
        name: Scene(
            datetime.fromisoformat(scene["asked_at"]),
            tuple(
                Evidence(one["id"], one["tool"], one["arguments"], Observation(one["summary"], one["content"]))
                for one in scene["evidence"]
            ),
        )
        for name, scene in raw.items()
    }


def golden_claims() -> tuple[GoldenClaim, ...]:
    """All claims, in the order of the file."""
    lines = (_HERE / "golden_claims.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if not line.startswith("#"):
            scene, kind, holds, cites, text = line.split(" | ", 4)
            found.append(GoldenClaim(scene, kind, holds == "yes", Claim(text, (cites,))))
    return tuple(found)


def judged(*, held_out: bool) -> tuple[Judged, ...]:
    """The verifier's verdict on each claim of one half."""
    staged = scenes()
    return tuple(Judged(one, _verdict(one, staged[one.scene])) for one in golden_claims() if one.held_out == held_out)


def score(verdicts: tuple[Judged, ...]) -> Score:
    """Precision and recall of "does not hold"."""
    doubted = [one for one in verdicts if one.why is not None]
    false = [one for one in verdicts if not one.golden.holds]
    found = sum(not one.golden.holds for one in doubted)
    return Score(len(verdicts), found / max(1, len(doubted)), found / max(1, len(false)))


def _verdict(one: GoldenClaim, scene: Scene) -> str | None:
    report = verify(Report(what=(one.claim,)), scene.evidence, scene.asked_at)
    return report.unverified[0].why if report.unverified else None
