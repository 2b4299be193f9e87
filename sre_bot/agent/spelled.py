"""Numbers in words: ``three``, ``twenty-five``, ``four hundred``, ``seven and a half``. Pure."""

from __future__ import annotations

import re

TO_TEN = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TO_TWENTY = (
    *TO_TEN,
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905 -- a row of words reads better
_VALUES = {word: value for value, word in enumerate(_TO_TWENTY, start=1)}
_VALUES |= {word: 10 * tens for tens, word in enumerate(_TENS, start=2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_ONES = "|".join(_TO_TWENTY[:9])

_ONE = r"(?:an?|one)(?= (?:hundred|thou|mil))"
_SMALL = rf"(?:{'|'.join(_TENS)})(?:[- ](?:{_ONES}))?|{'|'.join(reversed(_TO_TWENTY[1:]))}|{_ONE}"
SPELLED = rf"(?:{_SMALL})(?:[ -]?(?:hundred|thousand|million))?(?: and a half| and a quarter)?"
"""A pattern (no groups, lower case) of a number in words; ``one`` and ``a`` only where they count hundreds or more."""


def spelled(text: str) -> float:
    """The number that a text which `SPELLED` matches stands for; 1 when there is none."""
    words = re.split(r"[ -]", text.lower())
    number = float(sum(_VALUES.get(word, 0) for word in words)) or 1.0
    for word in words:
        number *= next((value for scale, value in _SCALES.items() if word.startswith(scale)), 1)
    return number + (0.5 if text.endswith("a half") else 0.25 if text.endswith("a quarter") else 0.0)
