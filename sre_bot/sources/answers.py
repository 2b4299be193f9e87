"""What an HTTP API answered: its JSON, or a typed error with a sentence that says what to check."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

from sre_bot.errors import QueryRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from sre_bot.investigation import JsonValue

_EXCERPT = 160
_TAG = re.compile(r"<[^<>]*>")
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


def unknown_form(error: ValidationError, what: str) -> str:
    """A sentence for JSON that is not in the form of ``what``; pydantic's own words speak of Python, not of JSON."""
    where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
    return f"answered JSON of an unknown form{f' (at {where})' if where else ''}; is its url that of {what}?"


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
        raise SourceUnavailableError(source, f"answered HTTP {status} ({said.rstrip('. ')}); {_advice(status)}")
    said = _excerpt(body)
    raise SourceUnavailableError(source, f"answered HTTP {status}{f' ({said})' if said else ''}; {_advice(status)}")


def _advice(status: int) -> str:
    advice = {
        401: "check its token or password, and its tenant if it wants one",
        403: "check what its token may read",
        404: "check its url, and the path prefix in it",
        429: "it limits how often it may be asked; ask less often, or raise its limit",
    }
    return advice.get(status, "its own log, or that of a proxy before it, tells why")


def _not_json(content_type: str, body: bytes) -> str:
    if not body.strip():
        return "gave an empty answer; check that its url leads to the API"
    kind = "a web page (HTML)" if "html" in content_type or body.lstrip()[:1] == b"<" else "something that is not JSON"
    advice = "check that its url leads to the API, not to a login page or another program"
    said = _excerpt(body)
    return f"answered with {kind}{f': “{said}”' if said else ''}; {advice}"


def _excerpt(body: bytes) -> str:
    """The first words of a body; of a web page only what a reader of it would see."""
    text = _TAG.sub(" ", body[: 4 * _EXCERPT].decode("utf-8", "replace"))
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:_EXCERPT].rstrip(". ")
