"""That something ends, told without a claim of speed: figures of speed come from ``benchmarks``."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def ends(within: float = 60) -> Iterator[None]:
    """Fail what uses so many seconds of our own processor time that it may as well never end.

    A busy machine takes none of these seconds, and a text that is read in time that grows with its square needs more.
    """

    def fail(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"no end after {within:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, within)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
