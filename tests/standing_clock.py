"""An event loop whose clock stands still while work is done and leaps while everybody waits: deadlines without luck."""

from __future__ import annotations

import asyncio
from selectors import DefaultSelector
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import TypeVarTuple, Unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from selectors import SelectorKey

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class StandingClockLoop(asyncio.SelectorEventLoop):
    """For fakes only: what waits for a real server or a process is seen as idle."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._in_threads = 0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        """Seconds that were waited."""
        return self._seconds

    def leap(self, seconds: float) -> None:
        """Nobody has anything to do for so long."""
        self._seconds += seconds

    @property
    def is_working(self) -> bool:
        """Whether a thread works for us."""
        return self._in_threads > 0

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As ever; the clock stands until it is done."""
        done = super().run_in_executor(executor, func, *args)
        self._in_threads += 1
        done.add_done_callback(self._returned)
        return done

    def _returned(self, _done: object) -> None:
        self._in_threads -= 1


class _Leaping(DefaultSelector):
    """Waits for nobody but threads."""

    def __init__(self, loop: StandingClockLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None or self._loop.is_working:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self._loop.leap(timeout)
        return ready
