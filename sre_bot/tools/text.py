"""Text of tools' answers: what systems wrote, made safe to quote, and what it costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.redaction import Redactor
from sre_bot.render.safe import clean_text

if TYPE_CHECKING:
    from datetime import datetime

MAX_QUOTE = 600
"""So many characters of a system's own text are passed on, unless the tool says otherwise."""

_PIECE = re.compile(r"[A-Za-z]{1,8}|[0-9]{1,3}|[^A-Za-z0-9\s]|\n")
_CHARACTERS_A_TOKEN = 3.5
_REDACTOR = Redactor()


def quoted(text: str, length: int = MAX_QUOTE) -> str:
    """Free text from a system on one line, safe to pass on: no hidden characters, cut to ``length`` characters."""
    return _cut(" ".join(clean_text(text).split()), length)


def passage(text: str, length: int) -> str:
    """Free text from a system with its lines kept, safe to pass on and cut likewise."""
    cleaned = clean_text(text)
    cut = _cut(cleaned, length)
    return cut if len(cleaned) <= length else f"{cut}\n… cut here; the whole has {len(cleaned)} characters"


def _cut(text: str, length: int) -> str:
    """Secrets go first: half of one is no longer known for a secret, and is half too much."""
    if len(text) <= length:
        return text
    redacted = _REDACTOR.redact(text)
    return redacted if len(redacted) <= length else redacted[: length - 1] + "…"


def estimated_tokens(text: str) -> int:
    """A conservative estimate of what a text costs a model, for want of its tokenizer.

    The larger of characters / 3.5 and the number of words and symbols (a word costs one for every 8 letters, a number
    one for every 3 digits), and for a character beyond ASCII its UTF-8 bytes, the most a byte-level tokenizer makes
    of it.
    """
    plain = text.encode("ascii", "ignore").decode()
    beyond = len(text.encode("utf-8", "replace")) - len(plain)
    return max(round(len(plain) / _CHARACTERS_A_TOKEN), len(_PIECE.findall(plain))) + beyond


def stamp(moment: datetime, day: datetime) -> str:
    """A moment as HH:MM:SS, with its date when it is not of that day."""
    return f"{moment:%H:%M:%S}" if moment.date() == day.date() else f"{moment:%m-%d %H:%M:%S}"
