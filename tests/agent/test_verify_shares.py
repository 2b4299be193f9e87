"""Shares across looks and groups, opposites, what a diff sets, numbered lines, other units, whose time a span's is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, JsonObject, Observation, Report

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
_SEEN = "2026-11-20 11:00:00 to 12:00:00Z, every 15s (241 points), compared with as long before; 3 series"

LOOKS: dict[str, tuple[str, JsonObject, str]] = {
    "LIMITED": (
        "query_metrics",
        {"query": 'sum by (bank) (rate(calls_total{status="429"}[1m]))'},
        (
            f"{_SEEN}, in requests/s:\n"
            "bank=north: 0/s … 64/s mean 30/s last 60/s, median before 0/s; step 11:30:00 ±15s 0/s → 61/s |▁▁██|\n"
            "2 of 3 series are 0 throughout: bank=east; bank=south"
        ),
    ),
    "ALL": (
        "query_metrics",
        {"query": "sum by (bank) (rate(calls_total[1m]))"},
        (
            f"{_SEEN}, in requests/s:\n"
            "bank=north: 28/s … 84/s mean 52/s last 80/s, median before 30/s; step 11:30:00 ±15s 30/s → 81.3/s |▁▁██|\n"
            "bank=east: 9.6/s … 10.4/s mean 10/s last 10.1/s, median before 10/s; flat |▃▅▁▄|\n"
            "bank=south: 9.5/s … 10.5/s mean 10/s last 9.9/s, median before 10/s; flat |▃▅▁▄|"
        ),
    ),
    "HITS": (
        "query_metrics",
        {"query": "sum by (region) (rate(hits_total[1m])) / sum by (region) (rate(lookups_total[1m]))"},
        (
            f"{_SEEN}:\n"
            "region=north: 0.6 … 0.96 mean 0.8 last 0.7, median before 0.95; step 11:30:00 ±15s 0.95 → 0.7 |██▁▁|\n"
            "region=south: 0.93 … 0.95 mean 0.94 last 0.94, median before 0.94; flat |▃▅▁▄|"
        ),
    ),
    "SENT": (
        "query_metrics",
        {"query": "sum by (service) (rate(sent_bytes_total[1m]))"},
        (
            f"{_SEEN}, in bytes/s:\n"
            "service=origin: 110 MB/s … 1.3 GB/s mean 600 MB/s last 1.25 GB/s, median before 125 MB/s; "
            "step 11:30:00 ±15s 125 MB/s → 1.25 GB/s |▁▁██|"
        ),
    ),
    "DIFF": (
        "list_changes",
        {"revision": "4cf99bcc4fdd"},
        (
            "4cf99bcc4fdd in shop; the text is its author's:\ncommit 4cf99bcc4fdd\n\n    smaller, for 2 GB nodes\n\n"
            "diff --git a/cache.conf b/cache.conf\n--- a/cache.conf\n+++ b/cache.conf\n@@ -1,3 +1,3 @@\n timeout 300\n"
            "-maxmemory 4gb\n+maxmemory 1gb\n-evict-policy none\n+evict-policy all-keys\n"
            "diff --git a/retry.yaml b/retry.yaml\n--- a/retry.yaml\n+++ b/retry.yaml\n@@ -1,3 +1,3 @@\n"
            "-max_attempts: 2\n+max_attempts: 6\n-backoff_ms: 800\n+backoff_ms: 50\n timeout_ms: 4000"
        ),
    ),
    "CODE": (
        "search_code",
        {"pattern": "hash_data"},
        (
            "edge at 4cf99bcc4fdd of 2026-11-20 10:40:00Z: 2 lines in 1 files for hash_data\nedge/cache.vcl\n"
            "  41: hash_data(req.url);\n  42: hash_data(req.http.X-Device-Token);"
        ),
    ),
    "TRACES": (
        "find_traces",
        {"service": "till"},
        (
            "2026-11-20 11:00:00 to 12:00:00Z, traces through till:\n"
            "POST /charge (till): 3 failing, 11:31:00 to 11:55:00\n"
            "  deepest failing span (in 3 of 3 looked at): till bank.charge, 402 ms: 429 {attempt=6}\n"
            "  time: 2.61 s in all; self time: till 2.57 s, fraud 38 ms\n"
            "  healthy (3 looked at): 356 ms in all; self time: till 319 ms, fraud 37 ms\n"
            "  differs: till bank.charge 6 calls instead of 1, 2.41 s instead of 310 ms"
        ),
    ),
    "LOGS": (
        "search_logs",
        {"last": "1h"},
        (
            "2026-11-20 11:00:00 to 12:00:00Z: 240 lines (0 in the window before) in 1 patterns.\n"
            "- ERROR new ×240, 11:40:00 to 12:00:00, cart: cart c-<*> not found in redis: answering 500"
        ),
    ),
    "SESSIONS": (
        "query_metrics",
        {"query": "sum by (region) (sessions)", "instant": True},
        "At 2026-11-20 12:00:00Z, 3 series:\nregion=north: 190k\nregion=south: 100k\nregion=east: 45k",
    ),
}


def why(text: str, *names: str) -> str | None:
    """Why a claim that cites these looks does not hold."""
    told = enumerate((LOOKS[name] for name in names), 1)
    looks = tuple(Evidence(f"E{n}", tool, asked, Observation("", seen)) for n, (tool, asked, seen) in told)
    claim = Claim(text, tuple(one.id for one in looks))
    unverified = verify(Report(what=(claim,)), looks, NOW).unverified
    return unverified[0].why if unverified else None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Three quarters of the calls to north are answered with 429.", ("LIMITED", "ALL")),
        ("A quarter of the calls to north are not answered with 429.", ("LIMITED", "ALL")),
        ("east and south together get 20 % of the calls now.", ("ALL",)),
        ("north gets eight times as many calls as east.", ("ALL",)),
        ("north gets about 4,800 calls a minute.", ("ALL",)),
        ("About 87 % of the sessions are in north and south.", ("SESSIONS",)),
        ("north has almost twice as many sessions as south.", ("SESSIONS",)),
        ("The share of misses in north rose from 5 % to 30 %.", ("HITS",)),
        ("Misses in north are six times what they were before 11:30:00 UTC.", ("HITS",)),
        ("In south the share of misses is unchanged.", ("HITS",)),
        ("origin sends 10 Gbit/s since 11:30:00 UTC.", ("SENT",)),
        ("origin sends 75 GB a minute since 11:30:00 UTC.", ("SENT",)),
        ("4cf99bcc4fdd cuts maxmemory to a quarter.", ("DIFF",)),
        ("4cf99bcc4fdd cuts maxmemory from 4 GB to 1 GB.", ("DIFF",)),
        ("4cf99bcc4fdd changes evict-policy from none to all-keys.", ("DIFF",)),
        ("4cf99bcc4fdd triples max_attempts.", ("DIFF",)),
        ("4cf99bcc4fdd cuts backoff_ms from 800 ms to 0.05 s.", ("DIFF",)),
        ("edge/cache.vcl calls hash_data with X-Device-Token in line 42.", ("CODE",)),
        ("fraud itself takes 38 ms in failing charges.", ("TRACES",)),
        ("Calls to the bank take 2.41 s in failing charges, 310 ms in healthy ones.", ("TRACES",)),
        ('cart logs about 12 "not found in redis" errors a minute since 11:40:00 UTC.', ("LOGS",)),
    ],
)
def test_what_follows_holds(text: str, names: tuple[str, ...]) -> None:
    assert why(text, *names) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Half of the calls to north are answered with 429.", ("LIMITED", "ALL")),
        ("A third of the calls to north are answered with 429.", ("LIMITED", "ALL")),
        ("east and south together get 40 % of the calls now.", ("ALL",)),
        ("north gets three times as many calls as east.", ("ALL",)),
        ("About 67 % of the sessions are in north and south.", ("SESSIONS",)),
        ("north has about three times as many sessions as south.", ("SESSIONS",)),
        ("The share of misses in north rose from 5 % to 70 %.", ("HITS",)),
        ("The share of misses in north fell from 30 % to 5 %.", ("HITS",)),
        ("Misses in north fell.", ("HITS",)),
        ("origin sends 1.25 Gbit/s since 11:30:00 UTC.", ("SENT",)),
        ("4cf99bcc4fdd cuts maxmemory from 4gb to 2gb.", ("DIFF",)),
        ("4cf99bcc4fdd sets evict-policy to volatile-ttl.", ("DIFF",)),
        ("4cf99bcc4fdd changes evict-policy from all-keys to none.", ("DIFF",)),
        ("4cf99bcc4fdd cuts timeout_ms from 4000 to 50.", ("DIFF",)),
        ("4cf99bcc4fdd raises max_attempts from 50 to 800.", ("DIFF",)),
        ("4cf99bcc4fdd doubles max_attempts.", ("DIFF",)),
        ("edge/cache.vcl calls hash_data with X-Session-Id in line 42.", ("CODE",)),
        ("edge/cache.vcl calls hash_data with X-Device-Token in line 41.", ("CODE",)),
        ("fraud's score takes 2.41 s in failing charges.", ("TRACES",)),
        ("Calls to the bank take 310 ms in failing charges.", ("TRACES",)),
        ('cart logs about 240 "not found in redis" errors a minute since 11:40:00 UTC.', ("LOGS",)),
    ],
)
def test_what_does_not_follow_is_doubted(text: str, names: tuple[str, ...]) -> None:
    assert why(text, *names)
