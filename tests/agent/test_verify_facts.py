"""Claims against what series, logs, changes and traces tell of whom: the value's role, its record, its span."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUEUE = """2026-11-20 11:00:00 to 12:00:00Z, every 60s (61 points), compared with before; 2 series:
queue=mail: 10 … 630 mean 250 last 630, median before 20; step 11:30:00 ±30s 20 → 300 |▁█|
queue=sms: 40 … 44 mean 42 last 42, median before 42; flat |▁█|"""
LOG = """2026-11-20 11:00:00 to 12:00:00Z of depot: 90 lines (0 in the window before) in 2 patterns.
- ERROR new ×60, 11:10:00 to 11:50:00, depot: timed out waiting for a connection
- WARNING new ×30, 11:05:00 to 11:55:00, depot: client closed the stream early"""
TRACE = """2026-11-20 11:00:00 to 12:00:00Z, traces through depot:
GET /track (shopfront): 1 failing, 11:20:00
  deepest failing span: depot POST /find, 2 s: 503 overloaded
    by way of shopfront (502)
  time: 2.1 s in all; self time: depot 2 s, shopfront 100 ms
  healthy (1 looked at): 200 ms in all; self time: parcels 120 ms, depot 50 ms, shopfront 30 ms
  differs: depot POST /find 2 s instead of 50 ms; parcels GET /p never reached (1 calls in healthy ones)"""
CHANGES = """2026-11-19 12:00:00 to 2026-11-20 12:00:00Z: 1 deploys, 1 other commits, 0 tags.
09:00:00 deploy depot d7 by Ann Lee at revision 7be41d90aa54c2f86e01b73d5f9a8e6c12d40b77; carries 1
  - 7be41d90aa54c2f86e01b73d5f9a8e6c12d40b77 08:00:00 Ann Lee: Fetch parcels in parallel [depot/fetch.py]
Other commits:
- c30f1e7725d04b07b5f8de1a6a02c3f49b8d7e60 10:00:00 Bo Roe: Draft of the label dialog [web/label.ts]"""


def holds(text: str, content: str) -> bool:
    """Whether a claim that cites this one look stands."""
    look = Evidence("E1", "look", {}, Observation("", content))
    return not verify(Report(what=(Claim(text, ("E1",)),)), (look,), NOW).unverified


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("The mail queue grows by about 20 a minute.", QUEUE),
        ("mail is 15 times as long as sms.", QUEUE),
        ("Together mail and sms hold 672.", QUEUE),
        ("60 requests timed out waiting for a connection.", LOG),
        ("depot takes 2 s of the failing trace, 95 %.", TRACE),
        ("parcels is never reached.", TRACE),
        ("Commit 7be41d90aa fetches parcels in parallel.", CHANGES),
    ],
)
def test_what_follows_from_the_facts_of_one_thing_stands(text: str, content: str) -> None:
    assert holds(text, content)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("The mail queue grows by about 200 a minute.", QUEUE),
        ("The mail queue rose to 250.", QUEUE),
        ("mail is draining.", QUEUE),
        ("sms holds more messages than mail.", QUEUE),
        ("All queues grew.", QUEUE),
        ("30 requests timed out waiting for a connection.", LOG),
        ("No errors were logged.", LOG),
        ("shopfront takes 2 s.", TRACE),
        ("shopfront answers 503.", TRACE),
        ("depot is never reached.", TRACE),
        ("Commit c30f1e7725 fetches parcels in parallel.", CHANGES),
        ("Commit c30f1e7725 was deployed at 10:00 UTC.", CHANGES),
        ("depot-web was deployed at 09:00 UTC.", CHANGES),
        ("Team Parcels deployed depot.", CHANGES.replace("Ann Lee", "team rail")),
    ],
)
def test_what_is_told_of_another_or_went_otherwise_does_not(text: str, content: str) -> None:
    assert not holds(text, content)
