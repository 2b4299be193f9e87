"""How long the shop's past takes to build as a Git repository: the best of five.

Run ``.venv/bin/python -m benchmarks.shop_history``.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sre_bot.drills import history
from sre_bot.drills.repository import ShopRepository

RUNS = 5


async def seconds() -> float:
    """One build, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        await ShopRepository(Path(folder) / "repository").build(history.past(), datetime.now(UTC))
        return time.perf_counter() - started


def main() -> None:
    """Print one figure."""
    best = min(asyncio.run(seconds()) for _ in range(RUNS))
    print(f"{len(history.past())} commits of the shop: {best:.2f} s")


if __name__ == "__main__":
    main()
