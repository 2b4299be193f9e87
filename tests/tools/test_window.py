"""The window a model asks about, in the ways models write times, never past the present of the investigation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sre_bot.errors import BadInputError
from sre_bot.tools.window import AskedWindow, WindowArguments

AT = datetime(2026, 11, 20, 12, 0, 3, tzinfo=UTC)


def asked(**arguments: str) -> AskedWindow:
    return WindowArguments(**arguments).window(AT, timedelta(hours=1))


def hours(before: float) -> datetime:
    return AT - timedelta(hours=before)


@pytest.mark.parametrize(
    ("arguments", "start", "end"),
    [
        ({}, hours(1), AT),
        ({"last": "90m"}, hours(1.5), AT),
        ({"last": "1d12h"}, hours(36), AT),
        ({"end": "2026-11-20T11:00:03Z"}, hours(2), hours(1)),
        ({"end": "2026-11-20T12:00:03+01:00", "last": "30m"}, hours(1.5), hours(1)),
        ({"end": "2026-11-20 11:00:03"}, hours(2), hours(1)),
        ({"end": "11:00:03"}, hours(2), hours(1)),
        ({"end": "now"}, hours(1), AT),
        ({"start": "10:00:03"}, hours(2), AT),
        ({"start": "23:00:03"}, hours(13), AT),
        ({"start": "2026-11-19T12:00:03Z", "end": "2026-11-20T00:00:03Z"}, hours(24), hours(12)),
    ],
)
def test_a_window_is_read_as_meant(arguments: dict[str, str], start: datetime, end: datetime) -> None:
    window = asked(**arguments)
    assert (window.window.start, window.window.end) == (start, end)
    assert not window.cut


@pytest.mark.parametrize("end", ["12:30", "2026-11-21T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_window_is_cut_at_the_present_and_says_so(end: str) -> None:
    window = asked(start="11:00", end=end)
    assert window.window.end == AT
    assert str(window) == "2026-11-20 11:00:00 to 12:00:03Z (cut at 12:00:03, the present of this investigation)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"last": "an hour"}, "write it like 30m, 6h or 1d12h"),
        ({"last": "-1h"}, "write it like"),
        ({"last": "0m"}, "is empty"),
        ({"start": "yesterday"}, "RFC 3339"),
        ({"start": "25:00"}, "RFC 3339"),
        ({"start": "12:30"}, "lies after the present"),
        ({"start": "11:00", "end": "10:00"}, "is empty"),
        ({"start": "11:00", "last": "1h"}, "not both"),
        ({"last": "32d"}, "longer than 31 days"),
        ({"last": "99999999999999999999d"}, "longer than 31 days"),
        ({"start": "2026-01-01T00:00:00Z"}, "longer than 31 days"),
        ({"start": "0001-01-01T00:00:00Z"}, "too far back"),
        ({"start": "0001-01-01T00:00:00+14:00"}, "RFC 3339"),
        ({"end": "0001-01-01T00:00:00Z"}, "too far back"),
    ],
)
def test_what_is_no_window_is_refused_with_how_to_write_it(arguments: dict[str, str], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        asked(**arguments)
