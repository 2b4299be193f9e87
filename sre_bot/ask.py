"""``sre-bot ask``: the same investigation as in Slack, in a terminal; progress goes to standard error."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from sre_bot import bootstrap
from sre_bot.errors import BadInputError
from sre_bot.incident import utc
from sre_bot.investigation import FIRST_LOOK, Question
from sre_bot.redaction import Redactor
from sre_bot.render.safe import clean_text
from sre_bot.telemetry.logs import log_to_stderr
from sre_bot.terminal import show, watched

if TYPE_CHECKING:
    from sre_bot.settings import Settings

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def ask(settings: Settings, text: str, *, at: str | None, as_json: bool, model: str | None) -> int:
    """Investigate and print; returns the exit status.

    Raises:
        BadInputError: an empty question, or a time that cannot be read or of which nothing can be known.
        ConfigurationError: a part cannot work as it is configured.
    """
    question = read_question(text, at, datetime.now(UTC))
    redactor = Redactor(settings.credentials())
    log_to_stderr("text", redactor.redact)
    if model is not None and model != FIRST_LOOK:
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"name": model})})
    async with bootstrap.investigator(settings, redactor, with_model=model != FIRST_LOOK) as investigator:
        answer = await watched(investigator, question, as_json=as_json)
    if model == FIRST_LOOK:
        answer = replace(answer, note=None)  # there may well be a model; it was not wanted
    show(answer, as_json=as_json)
    return 0


def read_question(text: str, at: str | None, now: datetime) -> Question:
    """The question as typed, and the moment as of which it is asked.

    Raises:
        BadInputError: it is empty, or the time cannot be read, lies in the future or before 1970.
    """
    cleaned = clean_text(text).strip()
    if not cleaned:
        raise BadInputError('the question is empty: ask something, e.g. "what is wrong with checkout?"')
    moment = now if at is None else read_time(at, now)
    if moment > now:
        raise BadInputError(
            f"--at {at} lies in the future (it is {now:%Y-%m-%dT%H:%M:%SZ}): nothing is known of it yet."
        )
    if moment < _EPOCH:
        raise BadInputError(f"--at {at} lies before 1970: no system that could be asked was there.")
    return Question(cleaned, moment)


def read_time(text: str, now: datetime) -> datetime:
    """``2026-11-22T14:03:00Z`` (no zone: UTC), ``14:03`` or ``14:03:20`` (today), ``-20m`` (s, m, h, d ago).

    Raises:
        BadInputError: it is none of these.
    """
    written = text.strip()
    try:
        if ago := re.fullmatch(r"-(\d{1,6})([smhd])", written):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if clock := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", written):
            return datetime.combine(now.date(), time(int(clock[1]), int(clock[2]), int(clock[3] or 0)), UTC)
        return utc(datetime.fromisoformat(written))
    except (ValueError, OverflowError):
        raise BadInputError(
            f"--at {text!r} is not a time; write 2026-11-22T14:03:00Z, 14:03 (today, UTC) or -20m."
        ) from None
