"""Whether an edit of a question asks for something else, or only mends how it was written. Pure and deterministic."""

from __future__ import annotations

import re
from itertools import zip_longest

EDITED = "(edited the question, which now reads) "
"""Before the new text of a question, where it is given to an investigation that runs."""

_WORD = re.compile(r"[^\W_]+(?:[-_.'’/][^\W_]+)*")
_LEAST_MENDED = 5
"""Shorter words are not taken for misspelt: ``now`` and ``not``, ``cart`` and ``card`` are other words."""
_LONG = 9
"""From so many letters on, two may be wrong."""


def asks_otherwise(before: str, after: str) -> bool:
    """Whether the text asks for something else than before.

    Not when only blanks, case, punctuation or the splitting of words differ, nor when single letters of long words do.
    A word more or less, another number, another short word is another question.
    """
    old, new = _words(before), _words(after)
    if "".join(old) == "".join(new):
        return False
    return any(not _is_mended(one, other) for one, other in zip_longest(old, new, fillvalue=""))


def _words(text: str) -> list[str]:
    return [found[0].casefold() for found in _WORD.finditer(text)]


def _is_mended(one: str, other: str) -> bool:
    """Whether two words are the same but for a slip of the fingers."""
    if one == other:
        return True
    if min(len(one), len(other)) < _LEAST_MENDED or not (one.isalpha() and other.isalpha()):
        return False
    return _slips(one, other) <= (1 if min(len(one), len(other)) < _LONG else 2)


def _slips(one: str, other: str) -> int:
    """Letters added, left out, changed or swapped with their neighbour (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, theirs in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
