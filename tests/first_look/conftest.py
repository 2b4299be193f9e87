"""Looks at fakes are taken in a time of their own: their deadlines are told apart on the busiest machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.standing_clock import StandingClockLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Real servers and git answer in real time."""
    real = item.get_closest_marker("real") is not None or "git_folder" in getattr(item, "fixturenames", ())
    return {"real": asyncio.new_event_loop} if real else {"standing": StandingClockLoop}
