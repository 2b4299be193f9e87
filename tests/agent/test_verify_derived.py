"""What follows from several numbers, what a series was at a moment, and who did what to which."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.agent.verify import verify
from sre_bot.investigation import Claim, Evidence, Observation, Report

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)

LOGS = """2026-11-20 11:00:00 to 12:00:00Z of mailer: 240 lines (0 in the window before) in 1 patterns.
- ERROR new ×240, 11:40:00 to 12:00:00, mailer: smtp refused"""
FILES = """2026-11-20 00:00:00 to 12:00:00Z, every 300s (145 points); 2 series, compared with as long before:
instance=web-1: 10k … 60k mean 35k last 60k, median before 9k; ramp 20k → 50k |▁▂▃▄|
instance=web-2: 10k … 90k mean 45k last 90k, median before 9k; ramp 20k → 80k |▁▂▃▄|"""
SETTINGS = """hosts at 4cf99bcc4fdd of 2026-11-20 10:40:00Z: 2 lines in 1 files for file
sysctl.conf
  1: fs.file_max = 120000
  2: session_timeout_idle = 7200"""
CRON = """diff --git a/job.yaml b/job.yaml
--- a/job.yaml
+++ b/job.yaml
@@ -1,2 +1,2 @@
 spec:
-  schedule: "0 */2 * * *"
+  schedule: "*/15 * * * *"
+  cleanup: "30 4 * * *\""""
POINTS = """2026-11-20 11:00:00 to 12:00:00Z, every 30s (121 points); 1 series:
value: 1 … 9 mean 3 last 9; ramp 11:20:00 ±1200s 1 → 9 |▁▂▃▄|
points of value from 11:00:00 every 600s: 1,1,3,5,7,9,9"""
DEPLOYS = """2026-11-20 00:00:00 to 12:00:00Z: 2 deploys, 0 other commits, 0 tags.
11:10:00 deploy mailer v7 by Ann Lee at revision 3a8a5fb3808db06e6b58638551cd9ec32eba5156; carries 1
09:00:00 deploy search v3 by renovate at revision e03646175421071b51900af9db7b4a09bac0df5a; carries 1"""
ALERTS = """2026-11-20 09:00:00 to 12:00:00Z: 2 firing.
Firing:
- critical MailStuck {service=mailer} since 11:42:00 (18 min): mail waits
- warning SearchSlow {service=search} since 11:50:00 (10 min): search is slow"""


def why(text: str, *contents: str) -> str | None:
    """Why a claim that cites all of these does not hold."""
    looks = tuple(Evidence(f"E{n}", "look", {}, Observation("", one)) for n, one in enumerate(contents, 1))
    claim = Claim(text, tuple(one.id for one in looks))
    unverified = verify(Report(what=(claim,)), looks, NOW).unverified
    return unverified[0].why if unverified else None


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("mailer logged about 12 smtp refusals a minute.", (LOGS,)),
        ("mailer logged 4 smtp refusals a minute in the whole hour.", (LOGS,)),
        ("web-1 gained about 50k files in the last 12 hours.", (FILES,)),
        ("web-1 is at half of fs.file_max.", (FILES, SETTINGS)),
        ("240000 is double the present file_max of sysctl.conf, which is 120000.", (SETTINGS, LOGS, "limit 240000")),
        ("web-1 has 60k files, 30k less than web-2 with 90k.", (FILES,)),
        ("120000 files at 2 kB each cost 240 MB.", (SETTINGS, "each takes 2 kB")),
        ("Idle sessions live 2 hours.", (SETTINGS,)),
        ("The job runs every 15 minutes instead of every 2 hours, eight times as often.", (CRON,)),
        ("The cleanup runs once a day.", (CRON,)),
        ("At 11:40 there were 7 locks.", (POINTS,)),
        ("The locks went from 3 at 11:20 to 9 at 11:50.", (POINTS,)),
        ("renovate deployed search at 09:00.", (DEPLOYS,)),
        ("search was not deployed in the 2 hours before 12:00.", (DEPLOYS,)),
        ("There was no deploy in the half hour before 12:00.", (DEPLOYS,)),
        ("MailStuck fires for mailer.", (ALERTS,)),
        ("The files of web-1 have been rising.", (FILES,)),
    ],
)
def test_what_follows_stands(text: str, contents: tuple[str, ...]) -> None:
    assert why(text, *contents) is None


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("mailer logged about 30 smtp refusals a minute.", (LOGS,)),
        ("web-1 gained about 150k files in the last 12 hours.", (FILES,)),
        ("web-1 is at a fifth of fs.file_max.", (FILES, SETTINGS)),
        ("120000 files at 2 kB each cost 700 MB.", (SETTINGS, "each takes 2 kB")),
        ("Idle sessions live 7200 ms.", (SETTINGS,)),
        ("The job runs every 15 minutes instead of every 2 hours, twelve times as often.", (CRON,)),
        ("At 11:10 there were 7 locks.", (POINTS,)),
        ("The locks went from 3 at 11:20 to 5 at 11:50.", (POINTS,)),
        ("The locks rose at 11:00.", (POINTS.splitlines()[0],)),
        ("renovate deployed mailer at 11:10.", (DEPLOYS,)),
        ("There was no deploy of mailer in the hour before 12:00.", (DEPLOYS,)),
        ("Nothing was deployed in the four hours before 12:00.", (DEPLOYS,)),
        ("Nothing was deployed in the last 2 hours.", (DEPLOYS,)),
        ("MailStuck fires for search.", (ALERTS,)),
        ("The files of web-1 have been falling.", (FILES,)),
    ],
)
def test_what_does_not_follow_is_doubted(text: str, contents: tuple[str, ...]) -> None:
    assert why(text, *contents) is not None


def test_a_claim_of_more_numbers_than_can_be_compared_derives_none() -> None:
    numbers = ", ".join(str(number) for number in range(101, 119))
    assert why(f"{numbers} are half of 4%.", f"{numbers}, 4 %") is not None
