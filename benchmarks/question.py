"""The question that ours and the peer are asked: an incident in a real Prometheus, and a model that plays its part.

The model answers at once: five metric queries in its first turn, then a conclusion, and a report where one is wanted.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from benchmarks.relay import Relay
from sre_bot.servers import PrometheusServer, backfill
from sre_bot.tools.text import estimated_tokens
from tests.first_look.past_incident import PastIncident
from tests.messages_api import MessagesApi, Reply, json_reply, text, tool_use
from tests.messages_rules import objects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sre_bot.investigation import JsonObject

QUESTION = "checkout is failing, what is going on?"
QUERIES = (
    "sum by (service) (up)",
    "sum by (service) (rate(http_requests_total[5m]))",
    'sum by (service) (rate(http_requests_total{status="500"}[5m]))',
    "sum by (service) (rate(http_client_requests_total[5m]))",
    "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5m])))",
)
_FOUND = "The errors of checkout went from 0/s to 8/s."
SERVICES, INSTANCES = 4, 2
_AHEAD = timedelta(minutes=30)
"""Samples go on for so long, as if they were scraped while we measure."""
_OURS, _PEERS = "query_metrics", "execute_prometheus_range_query"
_EMPTY_REPORT = ("impact", "hypotheses", "ruled_out", "next_steps", "unknown")


@contextlib.asynccontextmanager
async def incident(folder: Path) -> AsyncIterator[PrometheusServer]:
    """A Prometheus with a chain of services, the last of which has failed for twenty minutes."""
    now = datetime.now(UTC).replace(microsecond=0)
    services = (*(f"service{number}" for number in range(SERVICES - 2)), "web", "checkout")
    past = PastIncident(services, INSTANCES, at=now + _AHEAD, onset=now - timedelta(minutes=20))
    await backfill(past.openmetrics(), folder)
    async with PrometheusServer(folder) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Model:
    """The model, behind a relay that knows when it was asked."""

    api: MessagesApi
    relay: Relay

    @property
    def turns(self) -> int:
        """How often it was asked."""
        return len(self.api.requests)

    @property
    def prompt_tokens(self) -> int:
        """Estimated tokens of what the first request says before the question: system prompt and tools."""
        first = self.api.requests[0]
        return sum(estimated_tokens(json.dumps(first.get(part, ""))) for part in ("system", "tools"))

    def check_queries(self) -> None:
        """Raises RuntimeError unless the second request brings the five answers, none of them an error."""
        results = _results(self.api.requests[1]) if self.turns > 1 else []
        answered = [one for one in results if not one.get("is_error")]
        if len(answered) != len(QUERIES) or self.api.refused:
            raise RuntimeError(f"{len(answered)} of {len(QUERIES)} queries were answered; {self.api.refused}")


@contextlib.asynccontextmanager
async def model(*, strict: bool = True) -> AsyncIterator[Model]:
    """The model, on loopback; unless ``strict``, whoever asks may break the rules of the API."""
    async with MessagesApi(_play, strict=strict) as api, Relay(api.url) as relay:
        yield Model(api, relay)


def _play(request: JsonObject) -> Reply:
    results = _results(request)
    if not results:
        return _five_queries(request)
    cited = [seen[1] for one in results if (seen := re.match(r"\[(E\d+)\]", _words(one)))]
    if not request.get("output_config"):
        return Reply((text(f"checkout fails, as {', '.join(cited)} show."),))
    report: JsonObject = {key: [] for key in _EMPTY_REPORT}
    return json_reply({**report, "what_is_going_on": [{"text": _FOUND, "evidence": [*cited]}]})


def _five_queries(request: JsonObject) -> Reply:
    if any(tool["name"] == _OURS for tool in objects(request.get("tools", []))):
        return Reply(tuple(tool_use(_OURS, {"query": query, "last": "1h"}) for query in QUERIES))
    now = datetime.now(UTC).replace(microsecond=0)
    window: JsonObject = {"start": (now - timedelta(hours=1)).isoformat(), "end": now.isoformat(), "step": 15}
    rest: JsonObject = {"description": "what is wrong with checkout", "output_type": "Plain"}
    return Reply(tuple(tool_use(_PEERS, {"query": query, **window, **rest}) for query in QUERIES))


def _results(request: JsonObject) -> list[JsonObject]:
    blocks = (block for message in objects(request["messages"]) for block in objects(message["content"]))
    return [block for block in blocks if block["type"] == "tool_result"]


def _words(result: JsonObject) -> str:
    return "".join(str(cast("str", block.get("text", ""))) for block in objects(result["content"]))
