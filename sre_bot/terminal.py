"""An investigation in a terminal: progress on standard error, the answer on standard output."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sre_bot.agent.claude import preload
from sre_bot.investigation import AnswerStep, FirstLookStep
from sre_bot.render.document import document
from sre_bot.render.text import answer_text, status_line

if TYPE_CHECKING:
    from sre_bot.investigation import Answer, Question
    from sre_bot.triage import Investigator


async def watched(investigator: Investigator, question: Question, *, as_json: bool) -> Answer:
    """Investigate while a line tells what is going on; the first look is shown as soon as it is there."""
    console = Console(stderr=True, emoji=False)
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


def show(answer: Answer, *, as_json: bool, recording: str | None = None) -> None:
    """Print the answer, as text or as one JSON document, with the id of the recording it is about."""
    if as_json:
        print(json.dumps(document(answer, recording=recording), indent=2))
    else:
        Console(highlight=False, emoji=False, soft_wrap=True).print(answer_text(answer), markup=False)
