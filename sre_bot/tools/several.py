"""Several sources of one kind: which one is meant, and how a model learns of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from sre_bot.errors import BadInputError
from sre_bot.tools.schema import ShortText  # noqa: TC001 - pydantic reads annotations at run time
from sre_bot.tools.text import quoted
from sre_bot.tools.tool import Arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TOLD = 8
"""So many are told of in a tool's definition; the others are named when a name is wrong."""
BY_ENVIRONMENT = "those of the first one's environment"
"""What `those` gives when no name is given."""


class Source(Protocol):
    """One of several of its kind."""

    @property
    def name(self) -> str:
        """As configured."""
        ...

    @property
    def environment(self) -> str | None:
        """The environment whose data it holds, where it is known to hold only one."""
        ...


N = TypeVar("N", bound=Source)


class OneOfSeveral(Arguments):
    """What a tool's arguments have besides when there are several sources."""

    source: ShortText | None = None


def source_in(arguments: Arguments) -> str | None:
    """The source that is asked for, if any."""
    return arguments.source if isinstance(arguments, OneOfSeveral) else None


def chosen(sources: Sequence[N], name: str | None) -> N:
    """The source of that name, or the first when none is named. Raises BadInputError."""
    for source in sources:
        if name is None or source.name == name:
            return source
    raise BadInputError(f"there is no source {quoted(name or '', 80)!r}; there are: {told(sources, len(sources))}")


def those(sources: Sequence[N], name: str | None) -> Sequence[N]:
    """The source of that name; when none is named, all of the first one's environment. Raises BadInputError."""
    if name is not None:
        return [chosen(sources, name)]
    environment = sources[0].environment
    return [source for source in sources if source.environment == environment]


def others(sources: Sequence[Source], asked: Sequence[Source]) -> list[str]:
    """A line on those that were not asked, if any."""
    left = [source for source in sources if all(source is not one for one in asked)]
    return [f"Not asked: {told(left)}."] if left else []


def told(sources: Sequence[Source], most: int = MAX_TOLD) -> str:
    """Their names, with environments where these are known."""
    shown = [
        f"{source.name} ({source.environment})" if source.environment else source.name for source in sources[:most]
    ]
    return ", ".join(shown) + (f" +{len(sources) - most}" if len(sources) > most else "")


def choice(sources: Sequence[Source], default: str) -> str:
    """What a tool's description adds when there are several."""
    return f" Sources, by default {default}: {told(sources)}." if len(sources) > 1 else ""
