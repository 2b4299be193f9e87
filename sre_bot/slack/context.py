"""Where a question was asked: what was said in its thread, and what its channel is about."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from sre_bot.errors import DeliveryError
from sre_bot.investigation import Message, Scope  # noqa: TC001 - pydantic reads these annotations at run time
from sre_bot.slack.replies import written_at

if TYPE_CHECKING:
    from datetime import datetime

    from sre_bot.investigation import JsonObject
    from sre_bot.slack.thread import Thread

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a question; ``by_outsider``: asked by a guest, a bot, or somebody of another organisation.

    ``text`` is what it was edited to by then, None when it was not; ``earlier`` is the last answer in its thread.
    """

    conversation: tuple[Message, ...]
    scope: Scope
    by_outsider: bool = False
    text: str | None = None
    earlier: str = ""


CONTEXT: TypeAdapter[Context] = TypeAdapter(Context)


async def said_in(thread: Thread, event: JsonObject, until: datetime | None) -> tuple[Message, ...]:
    """What others said in the thread before the event, or ``until`` then; without it an answer is better than none."""
    if until is None and not event["thread_ts"]:
        return ()
    try:
        said = await thread.read(f"{until.timestamp():.6f}" if until else str(event["ts"]))
    except DeliveryError as error:
        _log.warning("%s", error)
        return ()
    return tuple(one for one in said if one.time != written_at(event))
