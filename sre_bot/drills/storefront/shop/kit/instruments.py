"""Metrics every service has, and the middleware that keeps them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import prometheus_client
from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

log = logging.getLogger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

BUILD_INFO = prometheus_client.Gauge("build_info", "1, labelled with what runs.", ("version", "revision"))
REQUESTS = prometheus_client.Counter("http_requests", "Requests answered.", ("method", "route", "status"))
DURATION = prometheus_client.Histogram(
    "http_request_duration_seconds", "Time to answer a request.", ("method", "route"), buckets=BUCKETS
)
IN_FLIGHT = prometheus_client.Gauge("http_requests_in_flight", "Requests being answered.")

_UNMEASURED = ("/metrics", "/healthz")


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count, time and log a request; an exception counts as a 500."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unmatched"
    if route in _UNMEASURED:
        return await handler(request)
    status = 500
    start = time.perf_counter()
    try:
        with IN_FLIGHT.track_inprogress():
            response = await handler(request)
        status = response.status
    except web.HTTPException as answer:
        status = answer.status
        raise
    finally:
        seconds = time.perf_counter() - start
        REQUESTS.labels(request.method, route, str(status)).inc()
        DURATION.labels(request.method, route).observe(seconds)
        attributes = {"method": request.method, "route": route, "status": status, "duration_ms": round(seconds * 1e3)}
        log.info("request", extra={"attributes": attributes})
    return response


def start_at_zero(app: web.Application) -> None:
    """Let every route's counters exist before its first request, so that a first error is an increase."""
    for route in app.router.routes():
        canonical = route.resource.canonical if route.resource else "unmatched"
        if canonical in _UNMEASURED or route.method == "HEAD":
            continue
        DURATION.labels(route.method, canonical)
        for status in ("200", "500", "502", "503", "504"):
            REQUESTS.labels(route.method, canonical, status)


async def metrics(_request: web.Request) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(
        body=prometheus_client.generate_latest(),
        headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
    )


async def healthz(_request: web.Request) -> web.Response:
    """Up, if this answers."""
    return web.json_response({"status": "ok"})
