"""Units that stand in a name or in code, and what a claim about a commit is held against."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)

COMMIT = """7be41d90aa54c2f86e01b73d5f9a8e6c12d40b77 in warehouse; the text is its author's:
commit 7be41d90aa54c2f86e01b73d5f9a8e6c12d40b77
Author: Mia Roth

tidy the parcel client
diff --git a/parcels/client.go b/parcels/client.go
--- a/parcels/client.go
+++ b/parcels/client.go
@@ -10,3 +10,3 @@ func (c *client) Track(ctx context.Context
-  ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
+  callCtx, cancel := context.WithTimeout(ctx, 250 * time.Millisecond)
   defer cancel()"""
LOGS = """Warnings and errors that are new or rose, 10:00:00 to 12:00:00 UTC:
- ERROR parcels 30 times from 11:40:10 to 11:59:00 UTC (none in the 100 min before): `track failed: took too long`
  each with {deadline_ms=250, http.route=/track, queueSeconds: 3, reads_per_sec=75}"""
CHANGES = "deploy of parcels 7be41d90aa “tidy the parcel client”: by its diff a timeout 8 Second → 250 Millisecond"
RATE = """2026-11-20 11:00:00 to 12:00:00Z, every 15s (241 points); 1 series:
all with __name__=parcels_tracked_per_second
service=parcels: 420 … 480 mean 451 last 466; flat |▁▂▃▄|"""


def why(text: str, *contents: str) -> str | None:
    """Why a claim that cites all of these does not hold."""
    looks = tuple(Evidence(f"E{n}", "look", {}, Observation("", one)) for n, one in enumerate(contents, 1))
    claim = Claim(text, tuple(one.id for one in looks))
    unverified = verify(Report(what=(claim,)), looks, NOW).unverified
    return unverified[0].why if unverified else None


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("7be41d90aa cut the timeout of the parcel client from 8 s to 250 ms.", (COMMIT,)),
        ("7be41d90aa cut the timeout of the parcel client from 8 s to 0.25 s.", (COMMIT,)),
        ("7be41d90aa changed the timeout from 8*time.Second to 250*time.Millisecond.", (COMMIT,)),
        ("7be41d90aa cut the timeout of parcels from 8 s to 250 ms.", (CHANGES,)),
        ("parcels gives up after 250 ms (deadline_ms=250).", (LOGS,)),
        ("parcels fails with a deadline of 250 ms after 3 s in the queue, at 75 reads per second.", (LOGS,)),
        ("the call takes time.Second * 4 to track.", ("track waits time.Second * 4",)),
        ("the call takes 4 s to track.", ("track waits time.Second * 4",)),
        ("parcels tracked between 420/s and 480/s.", (RATE,)),
        ("parcels_tracked_per_second of parcels is 466.", (RATE,)),
    ],
)
def test_the_unit_in_a_name_or_in_code_is_read_beside_the_bare_number(text: str, contents: tuple[str, ...]) -> None:
    """A duration in code and a field named ``deadline_ms`` bear a time, and what is written as well."""
    assert why(text, *contents) is None


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("7be41d90aa cut the timeout of the parcel client from 8 s to 25 ms.", (COMMIT,)),
        ("7be41d90aa cut the timeout of the parcel client from 8 ms to 250 ms.", (COMMIT,)),
        ("7be41d90aa raised the timeout of the parcel client from 250 ms to 8 s.", (COMMIT,)),
        ("parcels gives up after 250 s.", (LOGS,)),
        ("parcels tracked 466 per minute.", (RATE,)),
    ],
)
def test_another_unit_number_or_way_than_told_is_found(text: str, contents: tuple[str, ...]) -> None:
    """The unit that is told is the one that counts."""
    assert why(text, *contents)
