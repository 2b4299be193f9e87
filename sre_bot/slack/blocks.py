"""What the bot posts, as Block Kit. Pure: an answer goes in, a post comes out.

The model never writes blocks: it writes sentences, which are escaped once, rid of mentions and foreign links, and put
into blocks here. First come the few lines that one acts on; all else is folded. The limits hold for any answer;
whatever is cut says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.investigation import ModelStep
from sre_bot.render.safe import slack_safe
from sre_bot.render.shifts import shift_line, shifts
from sre_bot.render.text import status_line
from sre_bot.slack import limits
from sre_bot.slack.fitting import GROWTH, bullets, fitted
from sre_bot.slack.times import localised
from sre_bot.slack.writer import Part, Writer

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sre_bot.investigation import Answer, JsonObject, Step

SINCE_LAST = "Since my last answer"
FIRST_LOOK_MARK = ":zap: *First look (no model yet)*. The investigation goes on; the answer will be a new reply."
DETAILS_FOLLOW = "The details are in the next reply."

MAX_SHIFT, MAX_SHIFTS = 160, 700
"""Characters of one changed cause as it came, and of all of them as written."""

SHOWN_STEPS = 3
ROOM_BELOW = 1_000
"""Characters that are left for what is put below an answer: the buttons that ask what it was worth."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message: blocks, and mrkdwn text for notifications and wherever blocks are not shown.

    ``plain_blocks`` have none of the kinds that some workspaces refuse, and not what is folded in ``blocks``; that is
    ``details``, a message of its own.
    """

    text: str
    blocks: list[JsonObject]
    plain_blocks: list[JsonObject]
    details: Post | None = None


def answer_post(answer: Answer, *, allowed_hosts: Collection[str], earlier: Answer | None = None) -> Post:
    """The answer: what is going on, what caused it, what next; all else is folded, or a message of its own.

    Under its title stands what it changed against an ``earlier`` answer in its thread.
    """
    changed = _since_last(earlier, answer, allowed_hosts) if earlier else None
    return _post(answer, allowed_hosts, [changed] if changed else [])


def first_look_post(answer: Answer, *, allowed_hosts: Collection[str], mark: str = FIRST_LOOK_MARK) -> Post:
    """The first look while the investigation goes on, marked as such; its details come again with the answer.

    By another ``mark`` it tells that no answer will come.
    """
    return replace(_post(answer, allowed_hosts, [Part("", mark, quiet=True)], follows=False), details=None)


def plain_post(text: str, day: datetime | None = None) -> Post:
    """A sentence of our own; with a ``day`` (aware) its times are shown by the reader's clock."""

    def write(part: str) -> str:
        return slack_safe(part, frozenset())

    def write_local(part: str) -> str:
        return localised(write(part), day) if day else write(part)

    most = limits.SECTION // GROWTH
    blocks = [*Part("", fitted(text, most, write_local)).blocks()]
    return Post(fitted(text, most, write), blocks, blocks)


def status_text(steps: Sequence[Step]) -> str:
    """What was done last, as mrkdwn for the status message; the newest line last."""
    shown = [step for step in steps[:-1] if not isinstance(step, ModelStep)][1 - SHOWN_STEPS :]
    return "\n".join(slack_safe(status_line(step), frozenset()) for step in (*shown, *steps[-1:]))


def _since_last(earlier: Answer, answer: Answer, hosts: Collection[str]) -> Part | None:
    """What became of the causes that were told before."""

    def write(part: str) -> str:
        return slack_safe(part, hosts)

    found = shifts(earlier, answer)
    told = [f"*{shift_line(one)}:* {fitted(one.hypothesis.claim.text, MAX_SHIFT, write)}" for one in found]
    return Part("", f"*{SINCE_LAST}*\n{bullets(told, MAX_SHIFTS)}") if told else None


def _post(answer: Answer, hosts: Collection[str], marks: list[Part], *, follows: bool = True) -> Post:
    writer, in_utc = Writer(answer, hosts), Writer(answer, hosts, for_text=True)
    head, *rest = writer.visible()
    shown = [block for part in (head, *marks, *rest) for block in part.blocks()]
    text_head, *text_rest = in_utc.visible()
    text = _text([text_head, *marks, *text_rest])
    title = writer.details_title()
    room = limits.MESSAGE - limits.FEEDBACK - limits.size(shown).characters - len(title)
    folded = [block for part in writer.details(room) for block in part.blocks()]
    hint = [*Part("", DETAILS_FOLLOW, quiet=True).blocks()] if follows else []
    details = _details_post(writer, in_utc, title)
    return Post(text, [*shown, _container(title, folded)], [*shown, *hint], details)


def _details_post(writer: Writer, in_utc: Writer, title: str) -> Post:
    heading, room = Part(title, ""), limits.MESSAGE - len(title)
    blocks = [block for part in (heading, *writer.details(room)) for block in part.blocks()]
    return Post(_text([heading, *in_utc.details(room)]), blocks, blocks)


def _text(parts: Sequence[Part]) -> str:
    return "\n\n".join(filter(None, (part.text() for part in parts)))


def _container(title: str, blocks: list[JsonObject]) -> JsonObject:
    heading: JsonObject = {"type": "plain_text", "text": title, "emoji": False}
    fold: JsonObject = {"is_collapsible": True, "default_collapsed": True}
    return {"type": "container", "title": heading, **fold, "child_blocks": [*blocks]}
