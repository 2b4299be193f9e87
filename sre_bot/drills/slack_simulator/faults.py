"""Faults on demand: what the next calls of a method run into."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Answer 429 and do nothing."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class ServerFailure:
    """Answer with a 5xx page and do nothing."""

    status: int


@dataclass(frozen=True, slots=True)
class CutAfterwards:
    """Do what was asked, then cut the connection before the answer."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """Do what was asked at once, and answer late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer with an error of Slack's, and do nothing."""

    error: str


Fault: TypeAlias = RateLimited | ServerFailure | CutAfterwards | Delayed | Refused


class Faults:
    """A queue of faults for each method; every call takes one, calls beyond them go through."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def rate_limit(self, method: str, *, calls: int = 1, retry_after: int = 1) -> None:
        """The next calls of ``method`` answer 429 with ``Retry-After`` seconds."""
        self._queues[method].extend([RateLimited(retry_after)] * calls)

    def fail(self, method: str, *, calls: int = 1, status: int = 500) -> None:
        """The next calls of ``method`` answer ``status`` with a page that is not JSON, and have no effect."""
        self._queues[method].extend([ServerFailure(status)] * calls)

    def refuse(self, method: str, error: str, *, calls: int = 1) -> None:
        """The next calls of ``method`` are refused with Slack's word for why, and have no effect."""
        self._queues[method].extend([Refused(error)] * calls)

    def cut_afterwards(self, method: str, *, calls: int = 1) -> None:
        """The next calls of ``method`` take effect, but their callers never hear of it."""
        self._queues[method].extend([CutAfterwards()] * calls)

    def delay(self, method: str, seconds: float, *, calls: int = 1) -> None:
        """The next calls of ``method`` take effect at once and answer ``seconds`` late."""
        self._queues[method].extend([Delayed(seconds)] * calls)

    def take(self, method: str) -> Fault | None:
        """The fault of this call, if any; it is used up."""
        queue = self._queues[method]
        return queue.popleft() if queue else None
