"""``sre-bot ask``: the same investigation as in Slack, in a terminal; progress goes to standard error."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sre_bot import bootstrap
from sre_bot.agent.claude import preload
from sre_bot.errors import BadInputError
from sre_bot.incident import utc
from sre_bot.investigation import FIRST_LOOK, AnswerStep, FirstLookStep, Question
from sre_bot.redaction import Redactor
from sre_bot.render.document import document
from sre_bot.render.safe import clean_text
from sre_bot.render.text import answer_text, status_line
from sre_bot.telemetry.logs import log_to_stderr

if TYPE_CHECKING:
    from sre_bot.investigation import Answer
    from sre_bot.settings import Settings
    from sre_bot.triage import Investigator

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
        answer = await _watched(investigator, question, Console(stderr=True, emoji=False), as_json=as_json)
    if model == FIRST_LOOK:
        answer = replace(answer, note=None)  # there may well be a model; it was not wanted
    if as_json:
        print(json.dumps(document(answer), indent=2))
    else:
        Console(highlight=False, emoji=False, soft_wrap=True).print(answer_text(answer), markup=False)
    return 0


async def _watched(investigator: Investigator, question: Question, console: Console, *, as_json: bool) -> Answer:
    """Investigate while a line tells what is going on; the first look is shown as soon as it is there."""
    importing = asyncio.create_task(preload()) if investigator.model is not None else None
    try:
        with console.status("looking …") as status:
            async for step in investigator.triage(question):
                match step:
                    case FirstLookStep(first) if investigator.model is not None and not as_json:
                        console.print(answer_text(first), markup=False, highlight=False, soft_wrap=True)
                    case AnswerStep(answer):
                        return answer
                    case _:
                        status.update(Text(status_line(step)))  # a str would be read as markup, and [5m] as a tag
    finally:
        if importing is not None:
            await importing
    raise AssertionError("an investigation always ends with an answer")


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
