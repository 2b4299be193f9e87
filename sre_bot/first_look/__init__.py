"""The first look: what an experienced colleague says after three seconds, without a model.

``discovery`` finds which metrics tell how services do, ``look`` asks all sources at once, ``conclusion`` weighs what
came back, ``account`` says it in a few lines with evidence.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.first_look.account import give_account
from sre_bot.first_look.look import Sources, look_at
from sre_bot.investigation import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sre_bot.investigation import Answer, Question

__all__ = ["FirstLook", "Sources"]

DEADLINE_SECONDS, LATEST_SECONDS = 3.0, 10.0


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Looks at ``sources`` and concludes; ``now`` tells the present.

    It takes about ``deadline`` seconds, and up to ``latest`` where nobody has told by then how services do.
    """

    sources: Sources
    now: Callable[[], datetime]
    deadline: float = DEADLINE_SECONDS
    latest: float = LATEST_SECONDS

    async def __call__(self, question: Question) -> Answer:
        """The answer; what did not answer in time is named as missing."""
        clock = asyncio.get_running_loop()
        started = clock.time()
        seen = await look_at(self.sources, question, now=self.now(), deadline=self.deadline, latest=self.latest)
        answer = give_account(question, seen)
        took = clock.time() - started
        return replace(answer, seconds=Seconds(first_look=took, total=took))
