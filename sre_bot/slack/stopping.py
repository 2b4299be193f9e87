"""How an investigation that was stopped is closed: what is told of it, and what was known by then is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sre_bot.investigation import EvidenceStep
from sre_bot.render.safe import slack_safe
from sre_bot.slack.blocks import first_look_post
from sre_bot.store.database import patiently

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sre_bot.investigation import Answer, Step
    from sre_bot.slack.thread import Thread
    from sre_bot.store.heard import Heard
    from sre_bot.store.investigations import Investigations
    from sre_bot.store.posts import Posts
    from sre_bot.store.stops import Stop

DELETED = "Stopped: the question was deleted."
_MARK = ":octagonal_sign: *First look*. {why} No answer comes after it; mention me to go on."


@dataclass(frozen=True, slots=True)
class Stopping:
    """Closes what was stopped; doing it again after a kill says the same."""

    investigations: Investigations
    heard: Heard
    posts: Posts
    allowed_hosts: Collection[str]

    async def close(self, key: str, stop: Stop, seen: Sequence[Step], thread: Thread, now: float) -> str:
        """Keep what is known, have nothing take the question in, correct the first look; the last word about it.

        Args:
            key: of the investigation, or of what was asked and had not begun.
            stop: why it ends.
            seen: what was done on the way; after a restart, nothing.
            thread: where it was asked.
            now: unix seconds.
        """
        why = await self._why(stop, thread)
        known = await patiently(partial(self.investigations.answer, key))
        await patiently(partial(self._note, key, stop, _with(known, seen, why), now))
        post = await patiently(partial(self.posts.ts, f"{key}:first-look"))
        if known and post:
            mark = _MARK.format(why=slack_safe(why, frozenset()))
            await thread.replace(post, first_look_post(known, allowed_hosts=self.allowed_hosts, mark=mark))
        return f"{slack_safe(why, frozenset())} {_known(known is not None and post is not None, seen)}"

    def _note(self, key: str, stop: Stop, known: Answer | None, now: float) -> None:
        self.investigations.stop(key, known, datetime.fromtimestamp(now, UTC))
        self.heard.claim(key)
        self.heard.release(key, stop.at)

    async def _why(self, stop: Stop, thread: Thread) -> str:
        if stop.question is not None:
            return DELETED
        return f"Stopped by {(await thread.author(stop.by)).name}." if stop.by else "Stopped."


def _with(known: Answer | None, seen: Sequence[Step], why: str) -> Answer | None:
    """The first look with what was seen after it; of a model there is no report."""
    if known is None:
        return None
    looks = (step.evidence for step in seen if isinstance(step, EvidenceStep))
    ids = {one.id for one in known.evidence}
    return replace(known, evidence=(*known.evidence, *(one for one in looks if one.id not in ids)), note=why)


def _known(first_look: bool, seen: Sequence[Step]) -> str:  # noqa: FBT001 - private, and called once
    looks = sum(isinstance(step, EvidenceStep) for step in seen)
    after = (
        f" {looks} more {'look was' if looks == 1 else 'looks were'} taken, from which nothing was concluded."
        if looks
        else ""
    )
    return f"What I know is the first look below.{after}" if first_look else "Nothing was found out by then."
