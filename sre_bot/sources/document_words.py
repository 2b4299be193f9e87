"""The words of a question, and those that names are made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TERMS = 40
_MAX_TERM = 64
_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_QUESTION_WORDS = frozenset(
    """
    a an and are as at be by can do does for from has have how i if in into is it its me my of on or our should so
    that the their then there these this to us was we what when where which who why will with you your
    """.split()  # noqa: SIM905 - a paragraph of words reads better than a page of quotes
)


def terms(text: str) -> Sequence[str]:
    """The distinct words of a question and the words its names are made of, without those of every question."""
    words = [word[:_MAX_TERM] for word in _WORD.findall(text)]
    words += name_parts(" ".join(words))
    telling = [word for word in words if word.lower() not in _QUESTION_WORDS]
    return list(dict.fromkeys(telling or words))[:MAX_TERMS]


def name_parts(text: str) -> Sequence[str]:
    """The words that names are made of: those of CheckoutErrorsHigh or pool_size."""
    return [part for name in _WORD.findall(text) if len(parts := _PART.findall(name)) > 1 for part in parts]
