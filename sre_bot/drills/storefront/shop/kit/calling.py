"""Calls to peers: a deadline each, and metrics by peer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import prometheus_client

from .instruments import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUESTS = prometheus_client.Counter(
    "http_client_requests",
    "Requests sent; status is the answer's, or timeout or connection_error where none came.",
    ("server_address", "method", "status"),
)
DURATION = prometheus_client.Histogram(
    "http_client_request_duration_seconds",
    "Time from sending a request to its answer, or to giving up.",
    ("server_address", "method"),
    buckets=BUCKETS,
)


class PeerError(Exception):
    """A peer did not do what it was asked; ``status`` is what our own caller gets to see."""

    def __init__(self, peer: str, reason: str, status: int = HTTPStatus.BAD_GATEWAY) -> None:
        super().__init__(f"{peer}: {reason}")
        self.peer = peer
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Peer:
    """A service or third party that we call; ``name`` is its name in DNS, ``timeout_s`` covers the whole call."""

    session: aiohttp.ClientSession
    name: str
    address: str
    timeout_s: float

    async def get(self, path: str) -> Any:
        """GET a JSON document."""
        return await self._call("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST a JSON document and read the answer."""
        return await self._call("POST", path, body)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        start = time.perf_counter()
        status = "connection_error"
        try:
            answer_status, answer = await self._exchange(method, path, body)
            status = str(answer_status)
        except TimeoutError as error:
            status = "timeout"
            reason = f"no answer to {method} {path} within {self.timeout_s:g} s"
            raise PeerError(self.name, reason, status=HTTPStatus.GATEWAY_TIMEOUT) from error
        except aiohttp.ClientError as error:
            raise PeerError(self.name, f"connection failed: {error!r}") from error
        finally:
            REQUESTS.labels(self.name, method, status).inc()
            DURATION.labels(self.name, method).observe(time.perf_counter() - start)
        if answer_status >= HTTPStatus.BAD_REQUEST:
            # What a peer refuses is our caller's mistake; what it fails at is not.
            ours = answer_status if answer_status < HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus.BAD_GATEWAY
            reason = f"answered {answer_status} to {method} {path}: {answer.get('error', '')}"
            raise PeerError(self.name, reason, status=ours)
        return answer

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, Any]:
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        url = f"http://{self.address}{path}"
        for last_try in (False, True):
            try:
                async with self.session.request(method, url, json=body, timeout=timeout) as response:
                    is_json = response.content_type == "application/json"
                    return response.status, await response.json() if is_json else {}
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # A peer that restarts closes its idle connections after draining the busy ones: nothing was lost.
                if last_try:
                    raise
        raise AssertionError("the last try returns or raises")
