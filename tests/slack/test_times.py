"""Times as each reader's clock shows them; what is no time of ours, and what is not only text, stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sre_bot.slack.times import localised, token

DAY = datetime(2026, 11, 22, 3, 14, 7, tzinfo=UTC)


def at(hour: int, minute: int, second: int = 0, *, day: int = 22) -> int:
    return int(datetime(2026, 11, day, hour, minute, second, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("fails since 03:02 UTC.", f"fails since <!date^{at(3, 2)}^{{time}}|03:02 UTC>."),
        ("at 03:02:15 (step)", f"at <!date^{at(3, 2, 15)}^{{time_secs}}|03:02:15 UTC> (step)"),
        ("*03:02:15 UTC*", f"*<!date^{at(3, 2, 15)}^{{time_secs}}|03:02:15 UTC>*"),
        ("since 03:02, and", f"since <!date^{at(3, 2)}^{{time}}|03:02 UTC>, and"),
        ("2026-11-21T23:02:15Z", f"<!date^{at(23, 2, 15, day=21)}^{{date_short}} {{time_secs}}|2026-11-21T23:02:15Z>"),
        ("11-21 23:02:15", f"<!date^{at(23, 2, 15, day=21)}^{{date_short}} {{time_secs}}|11-21 23:02:15 UTC>"),
        ("2026-11-22 03:02 UTC", f"<!date^{at(3, 2)}^{{date_short}} {{time}}|2026-11-22 03:02 UTC>"),
        ("03:02–03:05 UTC", f"<!date^{at(3, 2)}^{{time}}|03:02 UTC>–<!date^{at(3, 5)}^{{time}}|03:05 UTC>"),
        (
            "since 03:02–03:05",
            f"since <!date^{at(3, 2)}^{{time}}|03:02 UTC>–<!date^{at(3, 5)}^{{time}}|03:05 UTC>",
        ),
    ],
)
def test_a_time_is_turned(written: str, shown: str) -> None:
    assert localised(written, DAY) == shown


@pytest.mark.parametrize(
    "written",
    [
        "`03:02:15 UTC`",
        "```\n03:02:15 UTC\n```",
        "<https://git.example.com/03:02:15|at 03:02 UTC>",
        "&lt;!date^1^{time}|03&gt;",
        "a ratio of 10:30",
        "10:30–12:45",
        "localhost:12:30:00",
        "03:02:15 CET",
        "03:02:15+02:00",
        "03:02 pm",
        "24:00:00",
        "2026-02-30T03:02:15Z",
        "1.03:02:15",
    ],
)
def test_what_is_no_time_of_ours_stays_as_it_is(written: str) -> None:
    assert localised(written, DAY) == written


def test_a_time_without_its_year_is_of_the_past_year_around_its_turn() -> None:
    new_year = datetime(2027, 1, 1, 0, 10, tzinfo=UTC)
    assert "^{date_short} {time_secs}|" in localised("12-31 23:58:00", new_year)
    moment = int(datetime(2026, 12, 31, 23, 58, tzinfo=UTC).timestamp())
    assert localised("12-31 23:58:00", new_year).startswith(f"<!date^{moment}^")


def test_a_moment_by_itself() -> None:
    assert token(DAY) == f"<!date^{int(DAY.timestamp())}^{{time}}|03:14 UTC>"
