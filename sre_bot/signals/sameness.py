"""What a diff leaves as it was: whether it only adds, or only puts differently what was there. As crude as `diffs`."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from sre_bot.signals.values_set import TOKEN, UNIT, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CALL = re.compile(r"([A-Za-z_]\w*)[ \t]*\(")
_KEY = re.compile(r"[\"']?([A-Za-z_]\w*)[\"']?\s*(?::(?!:)|=(?!=))")


def only_adds(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether all that did anything is still there, beside something that does more."""
    old, new = ([line for line in side if not _IDLE.search(line)] for side in (removed, added))
    return bool(new) and (not old or (_extends(old, new) and not _moves(old, new)))


def _moves(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether what goes comes back as it was, in a helper that is made and called for it."""
    more = Counter(map(str.strip, added))
    more.subtract(Counter(map(str.strip, removed)))
    beside = [line for line in more.elements() if line]
    made = frozenset(_MADE.findall("\n".join(beside)))
    called = Counter(CALL.findall("\n".join(beside)))
    return min(more.values()) >= 0 and bool(made) and called.keys() == made and min(called.values()) > 1


_MADE = re.compile(r"\b(?:def|func|fun|fn|function|sub)\s+(?:\([^)]*\)\s*)?([A-Za-z_]\w*)\s*\(")


def _extends(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether each line that goes comes back with all its words, and some pass another argument or key."""
    known = {key for line in removed for key in _KEY.findall(line)}
    more = [line for line in added if set(_KEY.findall(line)[1:]) - known or set(_KEY.findall(line)) - known]
    return bool(more) and all(any(_has_all(line, other) for other in added) for line in removed)


def _has_all(line: str, other: str) -> bool:
    return not Counter(TOKEN.findall(line)) - Counter(TOKEN.findall(other))


_ARITHMETIC = re.compile(
    r"(?<=[\w)\]] )[-*/](?= )|\+\+?|--|%(?!\w)|&&|\|\||<=|>=|(?<![<=-])>(?!>)|<(?!-)|\b(?:and|or|not)\b"
)
_ERROR_CHECK = re.compile(r"\berr(?:or)?\w*\s*(?:!=|==|is)\s*\w+")
_STATUS = re.compile(r"[1-5]\d\d")


def conserves(removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether nothing is computed that was not before, and what is no longer here may be in a helper that is called.

    Statuses of HTTP do not count, as they come as numbers and as names.
    """
    old, new = (Counter(_computes(side)) for side in (removed, added))
    calls = [frozenset(CALL.findall("\n".join(side))) for side in (removed, added)]
    return not new - old and (old == new or bool(calls[1] - calls[0]))


_IDLE = re.compile(
    r"^\s*(?:import|from|use|require|include|#include|package)\b|\b(?:log|logger|logging|console|slog)\b\w*\.|\bprint\w*\("
)
"""Lines that compute nothing: what is imported, what is logged."""


def _computes(lines: Iterable[str]) -> Iterator[str]:
    """Operators, numbers, switches and short strings."""
    for line in lines:
        if _IDLE.search(line) or "->" in line or "</" in line:
            continue
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", line)
        yield from _ARITHMETIC.findall(_ERROR_CHECK.sub("", bare))
        yield from (v for v in values(line).elements() if not _STATUS.fullmatch(v) and not UNIT.fullmatch(v))
