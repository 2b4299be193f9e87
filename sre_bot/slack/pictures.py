"""The series that carry a finding, as one picture in the thread after the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sre_bot.render.drawing import drawn
from sre_bot.render.finding import finding_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sre_bot.investigation import Answer
    from sre_bot.render.finding import Finding
    from sre_bot.slack.thread import Thread

AT_ONCE = 1
"""Drawing takes a processor for a second or two; the investigations are more important."""


class Pictures:
    """Draws, and uploads once. Only decoration: whatever goes wrong is a line in the log.

    Args:
        draw: gives the PNG, or None when it cannot be drawn.
    """

    def __init__(self, draw: Callable[[Finding], Awaitable[bytes | None]] = drawn) -> None:
        self._draw = draw
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def show(self, key: str, answer: Answer, thread: Thread) -> None:
        """Show what the answer to ``key`` rests on, if there is something to draw and it was not shown before."""
        finding = finding_of(answer)
        if finding is None or await thread.has_tried(f"{key}:picture"):
            return
        async with self._slots:
            png = await self._draw(finding)
        if png:
            await thread.upload_once(f"{key}:picture", png, finding)
