"""Several looks at once, where some may fail: what was seen, and what could not be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from sre_bot.errors import SourceError, SourceUnavailableError
from sre_bot.investigation import MissingSource
from sre_bot.tools.text import quoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

T = TypeVar("T")


async def gathered(looks: Iterable[Awaitable[T]]) -> tuple[list[T], list[SourceError]]:
    """Answers in order, and the errors of the looks that failed. Anything but a SourceError passes."""

    async def guarded(look: Awaitable[T]) -> T | SourceError:
        try:
            return await look
        except SourceError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guarded(look)) for look in looks]
    results = [task.result() for task in tasks]
    return (
        [result for result in results if not isinstance(result, SourceError)],
        [result for result in results if isinstance(result, SourceError)],
    )


def all_failed(errors: Sequence[SourceError]) -> SourceError:
    """One error for several sources of which none could be seen."""
    if len(errors) == 1:
        return errors[0]
    names = ", ".join(dict.fromkeys(error.source for error in errors))
    return SourceUnavailableError(names, "; ".join(dict.fromkeys(error.message for error in errors)))


def unseen(errors: Sequence[SourceError]) -> list[str]:
    """A sentence for each source that could not be seen, once."""
    sentences = (f"{error.source} could not be seen: {quoted(error.message, 200)}" for error in errors)
    return list(dict.fromkeys(sentences))


def partial(found: Iterable[MissingSource]) -> list[str]:
    """A line for each source of which something could not be seen, once."""
    return list(dict.fromkeys(f"{one.source}: {quoted(one.why, 200)}" for one in found))


def as_missing(error: SourceError) -> MissingSource:
    """An error as what could not be seen for it."""
    return MissingSource(error.source, error.message)


def together(found: Iterable[MissingSource]) -> MissingSource | None:
    """Several as one, or None when there are none."""
    whys = list(found)
    if not whys:
        return None
    names = ", ".join(dict.fromkeys(one.source for one in whys))
    return MissingSource(names, quoted("; ".join(dict.fromkeys(one.why for one in whys)), 200))


def missing(errors: Sequence[SourceError]) -> MissingSource | None:
    """The sources that could not be seen as one, or None when all were."""
    if not errors:
        return None
    names = ", ".join(dict.fromkeys(error.source for error in errors))
    return MissingSource(names, quoted(errors[0].message, 200))
