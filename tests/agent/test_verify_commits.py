"""What a claim that names a commit is held against, and what is told of a value that is another's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)

CUT = """7be41d90aa54c2f86e01b73d5f9a8e6c12d40b77 in warehouse; the text is its author's:
commit 7be41d90aa54c2f86e01b73d5f9a8e6c12d40b77
Author: Mia Roth

tidy the parcel client
diff --git a/parcels/client.go b/parcels/client.go
--- a/parcels/client.go
+++ b/parcels/client.go
@@ -10,2 +10,2 @@ func (c *client) Track(ctx context.Context
-  ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
+  ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)"""
OTHER = """c30f1e7725d94b8a60e2f7315ab9cc04871d6e5f in warehouse; the text is its author's:
commit c30f1e7725d94b8a60e2f7315ab9cc04871d6e5f
Author: Mia Roth

name the batch of the parcel timeout
diff --git a/parcels/batch.go b/parcels/batch.go
--- a/parcels/batch.go
+++ b/parcels/batch.go
@@ -3,1 +3,1 @@ func Batch(
-  batch := take(12)
+  batch := take(48)"""
TRACE = """2026-11-20 11:00:00 to 12:00:00Z, traces through parcels:
GET /track (shopfront): none failing; the slowest, 11:20:00
  time: 470 ms in all; self time: depot 333 ms, parcels 44 ms, shopfront 25 ms
  no healthy trace of this route was found to hold it against."""


def why(text: str, *contents: str) -> str | None:
    """Why a claim that cites all of these does not hold."""
    looks = tuple(Evidence(f"E{n}", "look", {}, Observation("", one)) for n, one in enumerate(contents, 1))
    seen = (*looks, Evidence("E9", "look", {}, Observation("", 'up{service="depot"} 1\nup{service="shopfront"} 1')))
    claim = Claim(text, tuple(one.id for one in looks))
    unverified = verify(Report(what=(claim,)), seen, NOW).unverified
    return unverified[0].why if unverified else None


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("A healthy call took 333 ms.", (CUT, TRACE)),
        ("7be41d90aa cut the timeout; a healthy call took 333 ms.", (CUT, TRACE)),
        ("7be41d90aa cut the timeout; FetchParcels took 333 ms.", (CUT, TRACE, "rpc.method=depot.FetchParcels")),
        ("7be41d90aa cut the timeout; depot took 333 ms in a healthy call.", (CUT, TRACE)),
        ("7be41d90aa cut the timeout and c30f1e7725 raised the batch from 12 to 48.", (CUT, OTHER)),
        ("The timeout was 8 s, and c30f1e7725 came too.", (CUT, OTHER.splitlines()[0])),
    ],
)
def test_a_commit_makes_no_service_a_stranger(text: str, contents: tuple[str, ...]) -> None:
    """Who names a commit alone says nothing of whose the other values are."""
    assert why(text, *contents) is None


@pytest.mark.parametrize(
    ("text", "contents", "reason"),
    [
        ("shopfront took 333 ms.", (TRACE,), "333 ms is told of depot in E1"),
        ("For 7 orders shopfront took 333 ms.", (TRACE, "7 orders"), "333 ms is told of depot in E1, E2"),
        ("depot took 900 ms.", (TRACE,), "900 ms is not in E1, which has 470 ms"),
        ("c30f1e7725 cut the timeout from 8 s to 250 ms.", (CUT, OTHER), "8 s is not in E1, E2"),
    ],
)
def test_a_value_of_another_is_told_to_be_that_of_the_other(text: str, contents: tuple[str, ...], reason: str) -> None:
    """The value that is denied is never offered in its own place; one commit does not answer for another's diff."""
    assert why(text, *contents) == reason
