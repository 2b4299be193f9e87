"""Moments in posts, shown to each reader in their own timezone. Pure.

Slack draws ``<!date^…>`` by the reader's clock. Texts say UTC, and only what stands in a finished, escaped text as a
time is turned, so that nothing a model or a stranger wrote can bring in markup of its own.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_LEFT_ALONE = r"```.*?```|`[^`\n]*`|<[^<>]*>"
_CLOCK = r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.\d{1,6})?)?"
_DATE = r"(?:(?P<year>20\d\d)-)?(?P<month>0[1-9]|1[0-2])-(?P<date>0[1-9]|[12]\d|3[01])"
_FOREIGN = r"(?! ?(?:[+-]\d\d:?\d\d\b|(?!UTC\b|AM\b|PM\b)[A-Z]{2,5}T\b|[AaPp]\.?[Mm]\b))"
"""A time of another zone is not ours to turn."""
_TIME = re.compile(
    rf"(?P<alone>{_LEFT_ALONE})"
    rf"|(?<![\w:./+-])(?:{_DATE}(?P<joint>[T ]))?{_CLOCK}(?P<zone>Z| ?UTC)?(?!\w|[:.]\d){_FOREIGN}",
    re.DOTALL,
)
_RANGE = r" ?[–-] ?"
_SAID = re.compile(
    rf"(?:\b(?:at|since|from|until|till|by|before|after|around|about|between|and|to)\s+|\()(?:\d\d:\d\d{_RANGE})?$",
    re.IGNORECASE,
)
"""What stands before hours and minutes that are a time and no ratio."""
_GOES_ON = re.compile(rf"{_RANGE}\d\d:\d\d(?::\d\d)?(?:Z| ?UTC)\b")
_LOOKBACK = 24


def localised(mrkdwn: str, day: datetime) -> str:
    """Escaped mrkdwn, its times as Slack's dates with what stood there as the fallback.

    Times are what is written as one: RFC 3339, ``03:02:15``, ``03:02 UTC``, ``since 03:02``; with a date, or else of
    the day of ``day`` (aware). Code, links, times of other zones and impossible dates stay as they are.
    """

    def turn(found: re.Match[str]) -> str:
        moment = None if found["alone"] else _moment(found, mrkdwn, day.astimezone(UTC))
        return found[0] if moment is None else token(moment, found[0], dated=found["month"] is not None)

    return _TIME.sub(turn, mrkdwn)


def token(moment: datetime, written: str = "", *, dated: bool = False) -> str:
    """One moment as Slack's date; ``written`` is what stands there where dates are not understood."""
    written = written or f"{moment.astimezone(UTC):%H:%M} UTC"
    fallback = written if written.endswith(("UTC", "Z")) else f"{written} UTC"
    seconds = re.search(r"\d\d:\d\d:\d\d", written)
    form = ("{date_short} " if dated else "") + ("{time_secs}" if seconds else "{time}")
    return f"<!date^{int(moment.timestamp())}^{form}|{fallback}>"


def _moment(found: re.Match[str], text: str, day: datetime) -> datetime | None:
    if not (found["second"] or found["zone"] or found["month"] or _is_said(found, text)):
        return None
    year, month, date = (int(found[name] or 0) for name in ("year", "month", "date"))
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    try:
        if not month:
            return day.replace(hour=hour, minute=minute, second=second, microsecond=0)
        moment = datetime(year or day.year, month, date, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    late = not year and moment > day + timedelta(days=180)  # written without its year, around the turn of one
    return moment.replace(year=moment.year - 1) if late else moment


def _is_said(found: re.Match[str], text: str) -> bool:
    before = _SAID.search(text, max(0, found.start() - _LOOKBACK), found.start())
    return before is not None or _GOES_ON.match(text, found.end()) is not None
