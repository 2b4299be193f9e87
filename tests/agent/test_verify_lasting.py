"""Since when a state or a level lasts, as opposed to what happened at a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)

LATENCY = """2026-11-20 10:00:00 to 12:00:00Z, every 30s (241 points); 2 series:
service=parcels: 376 ms … 425 ms mean 399 ms last 420 ms; flat |▇▅▄▇|
service=shopfront: 210 ms … 1.52 s mean 413 ms last 1.5 s; step 11:31:00 ±30s 240 ms → 1.36 s |▁▁▁█|"""
SPOOL = """2026-11-20 11:00:00 to 11:10:00Z, every 30s (21 points); 1 series:
service=spooler: 0.62 … 1 mean 0.9 last 1; ramp 0.62 → 1 |▁▃▆█|
points of spool_used{service=spooler} from 11:00:00 every 60s: 0.62,0.62,0.71,0.8,0.89,0.999,1,1,1,1,1"""
CLIMB = """2026-11-20 11:00:00 to 11:05:00Z, every 30s (11 points); 1 series:
service=spooler: 0.1 … 0.9 mean 0.5 last 0.9; ramp 0.1 → 0.9 |▁▃▆█|
points of spool_used{service=spooler} from 11:00:00 every 60s: 0.1,0.3,0.5,0.7,0.9,0.8"""


def why(text: str, *contents: str) -> str | None:
    """Why a claim that cites all of these does not hold."""
    looks = tuple(Evidence(f"E{n}", "look", {}, Observation("", one)) for n, one in enumerate(contents, 1))
    claim = Claim(text, tuple(one.id for one in looks))
    unverified = verify(Report(what=(claim,)), looks, NOW).unverified
    return unverified[0].why if unverified else None


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("The latency of parcels is flat since 10:00.", LATENCY),
        ("The latency of parcels has been flat all along since about 10:00.", LATENCY),
        ("The spool of spooler has been full since 11:06.", SPOOL),
        ("The spool of spooler has been full since about 11:05.", SPOOL),
        ("The spool of spooler stays at 1 since 11:06.", SPOOL),
    ],
)
def test_a_state_lasts_from_the_window_on_and_a_level_from_where_it_is_reached(text: str, content: str) -> None:
    """No event is needed then."""
    assert why(text, content) is None


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("The latency of parcels is flat since 10:40.", LATENCY),
        ("The latency of shopfront fails since 10:00.", LATENCY),
        ("The latency of shopfront is flat since 10:00.", LATENCY),
        ("The spool of spooler has been full since 11:03.", SPOOL),
        ("The spool of spooler has been full since 11:09.", SPOOL),
        ("The spool of spooler has been full since 11:03.", CLIMB),
        ("The spool of spooler stays at 0.5 since 11:02.", CLIMB),
        ("The spool of spooler stays at 1 since 11:08.", SPOOL),
        ("The latency of parcels is full since 11:02.", LATENCY),
    ],
)
def test_a_state_since_another_moment_is_found(text: str, content: str) -> None:
    """It began neither with the window nor where the points show it."""
    assert why(text, content)
