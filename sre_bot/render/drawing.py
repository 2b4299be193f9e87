"""A picture drawn by a process of its own: slow or broken, it holds up nothing and takes nothing down with it."""

from __future__ import annotations

import asyncio
import logging
import sys

from pydantic import TypeAdapter

from sre_bot.render.finding import Finding

_log = logging.getLogger(__name__)

FINDING: TypeAdapter[Finding] = TypeAdapter(Finding)

DRAW_SECONDS = 20.0
"""A picture that takes longer is not worth waiting for."""
_TAIL = 500


async def drawn(finding: Finding, patience: float = DRAW_SECONDS) -> bytes | None:
    """The finding as a PNG; None, and a line in the log, when it cannot be drawn within ``patience`` seconds."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "sre_bot.render.picture"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(patience):
            png, said = await process.communicate(FINDING.dump_json(finding))
    except TimeoutError:
        _log.warning("no picture: it was not drawn within %g s", patience)
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        _log.warning("no picture: %s", said.decode(errors="replace")[-_TAIL:].strip())
        return None
    return png
