"""``sre-bot debug``: what is done with each line of standard input, as JSON lines, for people who want to know.

``redact``: ``{"input", "output", "kinds"}``, what is taken out and of which kinds, in the order of their first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sre_bot.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def redact_lines(lines: Iterable[bytes], credentials: Iterable[str]) -> Iterator[str]:
    """A JSON document a line; bytes that are no UTF-8 are shown in hexadecimal.

    Args:
        lines: what to redact; an end of line is no part of it.
        credentials: what is configured, to be taken out in all its forms.
    """
    redactor = Redactor(credentials)
    for line in lines:
        text = _text(line)
        document = {"input": text, "output": redactor.redact(text), "kinds": list(redactor.kinds(text))}
        yield json.dumps(document, ensure_ascii=False)


def _text(line: bytes) -> str:
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")
