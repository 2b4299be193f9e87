"""Texts cut to what fits: at the end of a sentence where there is one, and never without a word that says so. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MORE = "… _(more in details)_"
COUNT = 20
"""Characters that the count of what is left out may take."""
GROWTH = 2
"""Escapes and dates may make a text so many times as long before it is cut for them."""
_SENTENCE = re.compile(r"[.!?…;]['\")\]”’»]*(?=\s)")
_LEAST_SENTENCE = 0.3
"""An end of a sentence before this share of what would fit comes too early: better a part of the next one."""


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters: whole sentences if one ends in time, else whole words, else just that many."""
    if len(text) <= length:
        return text
    ends = [found.end() for found in _SENTENCE.finditer(text, 0, length)]
    if ends and ends[-1] >= _LEAST_SENTENCE * length:
        return text[: ends[-1]]
    space = text.rfind(" ", 0, length + 1)
    return text[: space if space >= length // 2 else length].rstrip()


def fitted(text: str, length: int, write: Callable[[str], str], more: str | None = None) -> str:
    """What ``write`` makes of the text, or of its beginning.

    Args:
        text: as it came.
        length: at most so many characters of it. What is written may be longer, for escapes and dates, but no more
            than by `GROWTH`.
        write: makes a text safe to post; to be called with any part of it.
        more: says, already written, that there is more; without it what is left out is counted.
    """
    kept = text if len(text) <= length else shortened(text, length - COUNT)
    while True:
        rest = more or f"…({len(text) - len(kept)} more)"
        safe = write(kept) if kept == text else f"{write(kept)} {rest}".lstrip()
        if len(safe) <= GROWTH * length or not kept:
            return safe
        kept = shortened(kept, len(kept) * 3 // 4)


def bullets(items: Iterable[str], limit: int) -> str:
    """A bullet each, as many as fit."""
    return lines([f"• {item}" for item in items], limit)


def lines(written: Sequence[str], limit: int) -> str:
    """As many lines as fit; the rest is counted."""
    if len("\n".join(written)) <= limit:
        return "\n".join(written)
    shown, length = 0, COUNT
    while length + len(written[shown]) + 1 <= limit:
        length += len(written[shown]) + 1
        shown += 1
    return "\n".join((*written[:shown], f"…({len(written) - shown} more)"))


def counted(count: int, noun: str) -> str:
    """``1 look``, ``2 looks``."""
    return f"{count} {noun if count == 1 else f'{noun}s'}"
