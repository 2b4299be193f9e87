"""What can go wrong between Slack and us, and whether it may pass."""

from __future__ import annotations

import os
from http import HTTPStatus

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

TROUBLE = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""What a call of the Web API raises."""

_RATE_LIMITS = frozenset({"ratelimited", "rate_limited"})
_PASSING = _RATE_LIMITS | {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}


def code_of(error: Exception) -> str:
    """Slack's word for what is wrong, e.g. ``channel_not_found``; empty when the answer was not Slack's JSON."""
    data = getattr(error.response, "data", None) if isinstance(error, SlackApiError) else None
    return str(data.get("error") or "") if isinstance(data, dict) else ""


def may_pass(error: Exception) -> bool:
    """Whether the same call may work later: no answer, an overload, or an answer of something between Slack and us."""
    if not isinstance(error, SlackApiError):
        return True
    code, status = code_of(error), _status_of(error)
    return (
        not code
        or code in _PASSING
        or status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def is_about_this(error: Exception) -> bool:
    """Whether Slack itself answered, and of this call: another may well work."""
    return code_of(error) not in {"", *_RATE_LIMITS}


def reason_of(error: Exception) -> str:
    """What went wrong, in a few words; Slack's error text carries the whole response otherwise."""
    if isinstance(error, SlackApiError):
        return code_of(error) or f"an answer that is not Slack's, HTTP {_status_of(error)}"
    if isinstance(error, aiohttp.ClientConnectorError):
        number, said = error.os_error.errno or 0, str(error.os_error.strerror or error.os_error)
        why = os.strerror(number) if number > 0 else said  # the event loop's own words show tuples
        return f"no connection to {error.host}:{error.port} ({why})"
    return str(error) or type(error).__name__


def _status_of(error: SlackApiError) -> int:
    # A body that is no JSON though it says so leaves the transport's own response in the error.
    return int(getattr(error.response, "status_code", 0) or getattr(error.response, "status", 0))
