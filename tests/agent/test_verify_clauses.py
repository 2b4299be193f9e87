"""What a claim says of which thing, in what order, in what state: each held against the lines about that thing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.agent.quantities import Dimension, quantities
from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

NOW = datetime(2026, 11, 20, 12, 4, 30, tzinfo=UTC)
ALERTS = """2026-11-20 06:04:30 to 12:04:30Z: 1 firing, 1 resolved.
Firing:
- critical ApiErrorsHigh {service=api} since 11:46:00 (18.5 min): api fails
Resolved:
- warning DbLagHigh {service=db} 09:10:00 to 09:18:00: db is behind"""
SERIES = """2026-11-20 11:04:30 to 12:04:30Z, every 15s (241 points), compared with as long before; 4 series, in ratio:
service=api: 0.103 % … 32 % mean 11 % last 30.9 %, median before 0.12 %; step 11:43:30 ±15s 0.12 % → 30.9 % |▁█|
service=web: 0.2 % … 4.1 % mean 2 % last 4 %, median before 0.2 %; step 11:44:00 ±15s 0.2 % → 4 % |▁█|
service=search: 0.1 % mean 0.1 % last 0.1 %, median before 0.1 %; flat |▁▁|
service=cart: 1 % mean 1 % last 1 %, median before 1 %; gone since 11:50:00 ±15s, was 1 % |▁ |"""
CALLS = """2026-11-20 11:04:30 to 12:04:30Z, every 15s (241 points); 3 series, in requests/s:
server_address=db,service=api,code=200: 30/s … 60/s mean 40/s last 30/s; flat |▁▁|
server_address=db,service=api,code=503: 0/s … 10/s mean 4/s last 10/s; step 11:43:30 ±15s 0/s → 10/s |▁█|
server_address=db,service=web,code=200: 80/s mean 80/s last 80/s; flat |▁▁|"""
CHANGES = """2026-11-20 08:04:30 to 12:04:30Z: 2 deploys, 0 other commits, 0 tags.
11:40:50 deploy api v12 by Ada Byron at revision 9dd20a446b09964ea27228d411bd00ba4acf79d2; carries at least 1
  - 9dd20a446b09964ea27228d411bd00ba4acf79d2 11-19 16:20:00 Ada Byron: api: smaller pool (#7) [api/pool.yaml]
11:52:10 deploy web v3 by Max Kern (what it carries is not known)"""
DIFF = """diff --git a/api/pool.yaml b/api/pool.yaml
index 21974b0..f427c58 100644
--- a/api/pool.yaml
+++ b/api/pool.yaml
@@ -1,9 +1,9 @@
 default:
-  per_second: 500
+  per_second: 50
 partners:
   per_second: 200
-  timeoutMs: 800
+  timeoutMs: 1_200"""
LOGS = """2026-11-20 11:04:30 to 12:04:30Z: 3500 lines (0 in the window before) in 2 patterns.
- ERROR new ×3000, 11:43:31 to 12:04:00, api: no connection to db within 1 s
- WARNING new ×500, 11:43:40 to 12:04:10, web: api answered 503"""
TRACES = """2026-11-20 11:04:30 to 12:04:30Z, traces through api:
GET / (api): 3 failing, 11:45:00 to 12:01:00
  time: 46 ms in all; self time: api 46 ms
  healthy (3 looked at): 120 ms in all; self time: db 82 ms, api 38 ms"""
CONTENTS = (ALERTS, SERIES, CALLS, CHANGES, DIFF, LOGS, TRACES)
EVIDENCE = tuple(Evidence(f"E{n}", "look", {}, Observation("", content)) for n, content in enumerate(CONTENTS, 1))


def why(text: str, *ids: str) -> str | None:
    unverified = verify(Report(what=(Claim(text, ids),)), EVIDENCE, NOW).unverified
    return unverified[0].why if unverified else None


@pytest.mark.parametrize(
    ("ids", "holds", "fails"),
    [
        ("E2", "api fails 31 %; web fails 4 %.", "web fails 31 %; api fails 4 %."),
        ("E2", "api fails 31 %, web 4 %.", "api fails 4 %, web 31 %."),
        ("E2", "web fails 4 % while search stays at 0.1 %.", "search fails 4 % while web stays at 0.1 %."),
        ("E2", "search is unchanged at 0.1 %.", "web is unchanged at 4 %."),
        ("E2", "cart has been gone since 11:50.", "web has been gone since 11:50."),
        ("E2", "web rose to 4 %.", "api fell to 0.12 %."),
        ("E2", "api fails 31 % instead of 0.12 %.", "api fails 0.12 % instead of 31 %."),
        ("E3", "api calls db 30 times a second with 200.", "api calls db 80 times a second."),
        ("E3", "A quarter of the calls from api to db get 503s.", "Half of the calls from api to db get 503s."),
        ("E3", "web calls db 80 times a second.", "search calls db 80 times a second."),
        ("E4", "api was deployed at 11:40:50.", "web was deployed at 11:40:50."),
        ("E4", "api was deployed before web.", "web was deployed before api."),
        ("E4", "Ada Byron deployed api at 11:40:50.", "Max Kern deployed api at 11:40:50."),
        ("E4", "api was deployed by Ada Byron.", "api was deployed by Eva Lang."),
        ("E4", "api v12 was deployed.", "api v13 was deployed."),
        ("E4, E2", "api was deployed 160 s before the onset.", "api was deployed 60 s before the onset."),
        ("E4, E2", "web was deployed after its errors began.", "web was deployed before its errors began."),
        ("E4", "Its commit is of 16:20 on 19 November.", "Its commit is of 16:20 on 20 November."),
        ("E1", "ApiErrorsHigh is critical and firing.", "ApiErrorsHigh is only a warning."),
        ("E1", "DbLagHigh is resolved since 09:18.", "DbLagHigh fires."),
        ("E1, E2", "ApiErrorsHigh fired after api began to fail.", "ApiErrorsHigh fired before api began to fail."),
        (
            "E5",
            "The default limit went from 500 to 50 per second.",
            "The partners limit went from 500 to 50 per second.",
        ),
        ("E5", "The limit of partners is 200 per second.", "The limit of partners is 50 per second."),
        ("E5", "The timeout was raised from 800 ms to 1.2 s.", "The timeout was lowered from 800 ms to 1.2 s."),
        ("E5", "The limit was cut to 50 per second.", "The limit was raised to 500 per second."),
        ("E6", "api logged 3,000 errors.", "api logged 3,500 errors."),
        ("E6", "3,500 lines were logged, 500 of them by web.", "web logged 3,000 of 3,500 lines."),
        ("E6", 'api says "no connection to db".', 'api says "deadlock detected by peer".'),
        ("E7", "Healthy requests spend 82 ms in db.", "Healthy requests spend 82 ms in api."),
        ("E7", "Failing requests take 46 ms instead of 120 ms.", "Failing requests take 120 ms instead of 46 ms."),
    ],
)
def test_what_is_said_of_one_thing_is_not_borne_by_what_is_known_of_another(ids: str, holds: str, fails: str) -> None:
    assert why(holds, *ids.split(", ")) is None
    assert why(fails, *ids.split(", ")) is not None


@pytest.mark.parametrize(
    ("text", "low", "high", "dimension"),
    [
        ("tenfold", 8, 12, Dimension.FACTOR),
        ("four hundredfold", 320, 480, Dimension.FACTOR),
        ("multiplied it by six", 4.8, 7.2, Dimension.FACTOR),
        ("seven and a half minutes", 420, 480, Dimension.SECONDS),
        ("twenty-five pods", 25, 25, Dimension.PLAIN),
        ("3 min 40 s", 218, 222, Dimension.SECONDS),
        ("503s", 502.5, 503.5, Dimension.PLAIN),
        ("473 ms/s", 0.4725, 0.4735, Dimension.RATE),
    ],
)
def test_numbers_in_words_and_of_several_parts_are_read(
    text: str, low: float, high: float, dimension: Dimension
) -> None:
    (found,) = quantities(text)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.dimension is dimension
