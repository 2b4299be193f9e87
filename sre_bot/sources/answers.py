"""What an HTTP API answered: its JSON, or a typed error with a sentence that says what to check."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from sre_bot.errors import QueryRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    from sre_bot.investigation import JsonValue

_EXCERPT = 300
_QUERY_FAULTS = {"bad_data", "execution", "timeout"}
"""Prometheus' error types that speak of this query; another one may work."""


def read_json(source: str, status: int, content_type: str, body: bytes) -> JsonValue:
    """The JSON of an answer, without lone surrogates.

    Raises:
        QueryRefusedError: the server says that this query is wrong or too heavy, in its own words.
        SourceUnavailableError: any other failure.
    """
    if status // 100 != 2:  # noqa: PLR2004 - the statuses of success
        _raise_for(source, status, body)
    try:
        return _parse(body)
    except (ValueError, RecursionError):
        raise SourceUnavailableError(source, _not_json(content_type, body)) from None


def _parse(body: bytes) -> JsonValue:
    value: JsonValue = json.loads(body)
    if b"\\ud" in body.lower():  # an escaped surrogate; alone, it cannot be written anywhere later on
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _raise_for(source: str, status: int, body: bytes) -> NoReturn:
    try:
        answer = _parse(body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and isinstance(said := answer.get("error"), str):
        if answer.get("errorType") in _QUERY_FAULTS:
            raise QueryRefusedError(source, said)
        raise SourceUnavailableError(source, f"answered HTTP {status}: {said}")
    advice = {
        401: "; check its token",
        403: "; check its token and what it may read",
        404: "; check its url: is the path prefix right?",
        429: "; it limits our rate",
    }
    raise SourceUnavailableError(source, f"answered HTTP {status}{advice.get(status, '')}: {_excerpt(body)}")


def _not_json(content_type: str, body: bytes) -> str:
    if not body.strip():
        return "gave an empty answer; check that its url leads to the API"
    kind = "HTML" if "html" in content_type or body.lstrip()[:1] == b"<" else "something"
    advice = "check that its url leads to the API, not to a login page or another program"
    return f"answered with {kind} that is not JSON ({_excerpt(body)}); {advice}"


def _excerpt(body: bytes) -> str:
    text = " ".join(body[: 4 * _EXCERPT].decode("utf-8", "replace").split())
    return "".join(char for char in text if char.isprintable())[:_EXCERPT] or "no text"
