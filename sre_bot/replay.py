"""``sre-bot replay``: investigate a recorded incident as if it were the moment its question was asked."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from sre_bot import bootstrap, recordings
from sre_bot.errors import BadInputError
from sre_bot.investigation import FIRST_LOOK, Question
from sre_bot.redaction import Redactor
from sre_bot.render.safe import clean_text
from sre_bot.telemetry.logs import log_to_stderr
from sre_bot.terminal import show, watched

if TYPE_CHECKING:
    from pathlib import Path

    from sre_bot.settings import Settings


async def replay(settings: Settings, folder: Path, text: str | None, *, as_json: bool, model: str | None) -> int:
    """Investigate and print; returns the exit status. Of the settings only those of the model count.

    Raises:
        BadInputError: an empty question, or a recording that is broken; names the file and the line.
        ConfigurationError: Prometheus or promtool is not installed.
        SourceUnavailableError: Prometheus does not come up.
    """
    redactor = Redactor(settings.credentials())
    log_to_stderr("text", redactor.redact)
    if model is not None and model != FIRST_LOOK:
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"name": model})})
    console, started = Console(stderr=True, highlight=False, emoji=False), time.monotonic()
    recording = await asyncio.to_thread(recordings.read, folder)
    question = _question(recording, text)
    async with recordings.replayed(recording) as sources:
        ready = time.monotonic() - started
        console.print(f"{recording.id} is ready after {ready:.1f} s", markup=False)
        for one in recording.missing():
            console.print(f"{one.source}: {one.why}", markup=False)
        making = bootstrap.investigator_over(
            settings, redactor, sources.first_look, sources.tools, with_model=model != FIRST_LOOK
        )
        async with making as investigator:
            answer = await watched(investigator, question, as_json=as_json)
    if model == FIRST_LOOK:
        answer = replace(answer, note=None)  # there may well be a model; it was not wanted
    seconds = replace(answer.seconds, ready=ready, total=ready + answer.seconds.total)
    show(replace(answer, seconds=seconds), as_json=as_json, recording=recording.id)
    return 0


def _question(recording: recordings.Recording, text: str | None) -> Question:
    """What is asked: the recorded question, or another about the same moment."""
    cleaned = clean_text(recording.question if text is None else text).strip()
    if not cleaned:
        raise BadInputError('the question is empty: ask something, e.g. "what is wrong with checkout?"')
    return Question(cleaned, recording.asked_at, conversation=recording.conversation)
