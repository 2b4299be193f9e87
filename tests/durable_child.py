"""A process with one event to handle, which dies on request; tells what it does in JSON lines."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from sre_bot.durable import Workflows

if TYPE_CHECKING:
    from sre_bot.durable import Journal
    from sre_bot.investigation import JsonObject

FOLDER, MODE = Path(sys.argv[1]), sys.argv[2]
TEXT = TypeAdapter(str)


def tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def handler(key: str, event: JsonObject, journal: Journal) -> None:
    async def step(name: str) -> str:
        tell(ran=name)
        return name

    if MODE == "die-always":
        tell(ran="handler")
        os.kill(os.getpid(), signal.SIGKILL)
    await journal.checkpoint("first", TEXT, lambda: step("first"))
    if MODE == "die-after-first":
        os.kill(os.getpid(), signal.SIGKILL)
    await journal.checkpoint("second", TEXT, lambda: step("second"))
    tell(ran="done")


async def main() -> None:
    workflows = Workflows(
        database_url=f"sqlite:///{FOLDER / 'w.sqlite'}", lease=FOLDER / "lock", handler=handler, now=time.time
    )
    async with workflows:
        await workflows.accept("k", {})
        await workflows.drain(60)
        if given_up := await workflows.given_up():
            tell(given_up=given_up)


asyncio.run(main())
