"""Golden claims in files: one claim a line, the evidence of all incidents in a file of its own.

A claim: ``{"incident", "asked_at", "evidence": [ids], "claim", "holds", "kind"}``; the evidence: incident →
``{"asked_at", "evidence": [{"id", "tool", "arguments", "summary", "content", "failed"}]}``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

if TYPE_CHECKING:
    from collections.abc import Iterable

GOLDEN = Path(__file__).parent / "golden"
"""Claims by authors who had not read the verifier (all but ``rounds``, ``fifth`` and ``afterwards``, by
who mended it)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim of a file, and why the verifier let it not stand; None when it did."""

    incident: str
    kind: str
    holds: bool
    claim: Claim
    why: str | None

    @property
    def right(self) -> bool:
        """Whether the verifier agrees with the author."""
        return self.holds == (self.why is None)


@dataclass(frozen=True, slots=True)
class Score:
    """Of the claims that do not hold: how many were found; and how many that hold were doubted."""

    claims: int
    false: int
    found: int
    doubted_wrongly: int

    @classmethod
    def of(cls, verdicts: Iterable[Judged]) -> Score:
        """Count verdicts."""
        told = list(verdicts)
        false = [one for one in told if not one.holds]
        found = sum(one.right for one in false)
        return cls(len(told), len(false), found, sum(one.holds and not one.right for one in told))

    @property
    def precision(self) -> float:
        """The share of the doubted claims that do not hold."""
        return self.found / max(1, self.found + self.doubted_wrongly)

    @property
    def recall(self) -> float:
        """The share of the claims that do not hold that are doubted."""
        return self.found / max(1, self.false)


def judged(claims: Path, evidence: Path) -> tuple[Judged, ...]:
    """The verifier's verdict on each claim of a file.

    Raises:
        OSError: a file cannot be read.
    """
    raw = json.loads(evidence.read_text(encoding="utf-8"))
    seen = {name: tuple(_look(one) for one in incident["evidence"]) for name, incident in raw.items()}
    rows = [json.loads(line) for line in claims.read_text(encoding="utf-8").splitlines() if line.strip()]
    return tuple(_judged(row, seen[row["incident"]]) for row in rows)


def _look(raw: dict[str, object]) -> Evidence:
    arguments = raw["arguments"]
    assert isinstance(arguments, dict)
    observation = Observation(str(raw["summary"]), str(raw["content"]), failed=bool(raw["failed"]))
    return Evidence(str(raw["id"]), str(raw["tool"]), arguments, observation)


def _judged(row: dict[str, object], looks: tuple[Evidence, ...]) -> Judged:
    cited = row["evidence"]
    assert isinstance(cited, list)
    claim = Claim(str(row["claim"]), tuple(cited))
    report = verify(Report(what=(claim,)), looks, datetime.fromisoformat(str(row["asked_at"])))
    why = report.unverified[0].why if report.unverified else None
    return Judged(str(row["incident"]), str(row["kind"]), bool(row["holds"]), claim, why)
