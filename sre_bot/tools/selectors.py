"""Series selectors that we write ourselves, with every value escaped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def selector(equals: Mapping[str, str], name_contains: str | None = None) -> str:
    """A selector of exactly these labels and, if given, of names that contain a word of letters and digits.

    Values are quoted as in JSON, whose escapes PromQL shares.
    """
    matchers = [f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in equals.items()]
    if name_contains is not None:
        matchers.append(f'__name__=~"(?i).*{name_contains}.*"')
    return "{" + ",".join(matchers) + "}"
