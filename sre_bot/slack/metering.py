"""Counts the calls of Slack's Web API at the one place of the client that sees every attempt: its retry handlers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from slack_sdk.http_retry.async_handler import AsyncRetryHandler

if TYPE_CHECKING:
    from slack_sdk.http_retry.request import HttpRequest
    from slack_sdk.http_retry.response import HttpResponse
    from slack_sdk.http_retry.state import RetryState
    from slack_sdk.web.async_client import AsyncWebClient

    from sre_bot.telemetry.metrics import Metrics


def meter(client: AsyncWebClient, metrics: Metrics) -> None:
    """Count from now on what ``client`` calls."""
    client.retry_handlers.insert(0, _Meter(client.base_url, metrics))


class _Meter(AsyncRetryHandler):
    """Retries nothing; it only looks. First among the handlers, as the first that retries is the last that is asked."""

    def __init__(self, base_url: str, metrics: Metrics) -> None:
        super().__init__()
        self._base_url = base_url
        self._metrics = metrics

    async def can_retry_async(
        self,
        *,
        state: RetryState,  # noqa: ARG002 - as the client calls it
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002 - as above
    ) -> bool:
        """Count an attempt by its outcome: ok, rate_limited, refused by Slack, or failed on the way."""
        outcome = _outcome(response)
        self._metrics.slack_calls.labels(self._method(request), outcome).inc()
        if response is not None and outcome == "rate_limited":
            self._metrics.slack_wait_seconds.inc(_told_to_wait(response))
        return False

    def _method(self, request: HttpRequest) -> str:
        """The method's name; files are uploaded to addresses of their own, each another one."""
        if not request.url.startswith(self._base_url):
            return "upload"
        return urlsplit(request.url.removeprefix(self._base_url)).path


def _outcome(response: HttpResponse | None) -> str:
    if response is None or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "failed"
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limited"
    return "refused" if response.body is not None and not response.body.get("ok", True) else "ok"


def _told_to_wait(response: HttpResponse) -> int:
    """Seconds; 0 when Slack does not say, or not in a number."""
    told = (values[0] for name, values in response.headers.items() if name.lower() == "retry-after")
    seconds = next(told, "")
    return int(seconds) if seconds.isdecimal() else 0
