"""Prometheus, or whatever speaks its API (Thanos, Mimir, VictoriaMetrics); read only.

Queries go through prometheus-api-client, which is synchronous and so runs in threads, over a session of ours: every
request passes the outbound policy, and every answer is judged and parsed once, before that library sees it.
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import requests
from prometheus_api_client import PrometheusConnect

from sre_bot.errors import QueryRefusedError, SourceError, SourceUnavailableError
from sre_bot.incident import TimeWindow, utc
from sre_bot.investigation import Listing, MissingSource
from sre_bot.signals.series import MetricMetadata, Rule
from sre_bot.sources.answers import read_json
from sre_bot.sources.environment import placed
from sre_bot.sources.episodes import Grid, episodes
from sre_bot.sources.outbound import Policy, PolicyAdapter, PolicyTransport
from sre_bot.sources.vectors import read_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    import httpx

    from sre_bot.incident import Alert
    from sre_bot.investigation import JsonObject
    from sre_bot.signals.series import QueryResult
    from sre_bot.sources.access import Access

T = TypeVar("T")

_BUILD, _RULES = "/api/v1/status/buildinfo", "/api/v1/rules"
_PATHS = ("/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/metadata", _BUILD, _RULES)
_RULES_KEPT = 300.0
"""Seconds for which rules are not asked for again: they change when someone deploys them."""
_THREADS = 16


class PrometheusSource:
    """A Prometheus; fits Metrics and AlertHistory.

    Args:
        url: its base URL; may have a path prefix and ``user:password@``.
        name: what the source is called in answers and errors.
        public_url: where people open it, if not at ``url``.
        access: how it lets us in.
        environment: the one whose data it holds, where it holds only one.
        timeout: seconds a whole exchange may take.
        transport: how requests are sent; the network by default.

    Raises:
        ConfigurationError: the URL or the access cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "prometheus",
        public_url: str | None = None,
        access: Access | None = None,
        environment: str | None = None,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name, self.environment = name, environment
        self._policy = Policy.of(name, url, _PATHS, access=access, deadline=timeout)
        self._transport = PolicyTransport(self._policy, transport)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=name)
        self._public_url = (public_url or self._policy.url("")).rstrip("/")
        self._rules: tuple[float, tuple[Rule, ...]] = (-math.inf, ())
        self._patience = f"{0.9 * timeout:.3f}"  # so that the server's own words arrive before our deadline

    async def query(self, promql: str, at: datetime) -> QueryResult:
        """Evaluate at one moment. A range selector (``up[5m]``) gives its samples. Raises SourceError."""
        params = {"time": f"{at.timestamp():.3f}", "timeout": self._patience}
        return await self._ask(promql, lambda session: session.client.custom_query(promql, params), _result)

    async def query_range(self, promql: str, window: TimeWindow, step: timedelta) -> QueryResult:
        """Evaluate over a window, every ``step`` (at most 11,000 points a series). Raises SourceError."""
        start, end, every = window.start, window.end, f"{step.total_seconds():.3f}"
        # the client rounds times to seconds; parameters win over that
        exact = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}", "timeout": self._patience}
        return await self._ask(
            promql, lambda session: session.client.custom_query_range(promql, start, end, every, exact), _result
        )

    async def label_sets(self, selectors: Sequence[str], window: TimeWindow, limit: int) -> Listing[Mapping[str, str]]:
        """Label sets of the series that match any selector in the window, ``limit`` at most. Raises SourceError."""
        params = {"match[]": list(selectors), "limit": str(limit)}  # servers before 2.53 know no limit

        def read(answer: JsonObject) -> Listing[Mapping[str, str]]:
            sets = tuple(dict(labels) for labels in _list(answer["data"])[:limit])
            return Listing(sets, self._partial(_warnings(answer)))

        return await self._ask(
            " ".join(selectors), lambda session: session.client.get_series(window.start, window.end, params), read
        )

    async def metadata(self) -> Mapping[str, MetricMetadata]:
        """Type, help and unit by metric name, as far as the targets tell. Raises SourceError."""
        return await self._ask("metadata", lambda session: session.client.get_metric_metadata(""), _metadata)

    async def rules(self) -> tuple[Rule, ...]:
        """What it records and alerts on, as of the last minutes. Raises SourceError."""
        now = asyncio.get_running_loop().time()
        asked, known = self._rules
        if now - asked > _RULES_KEPT:
            known = await self._ask(_RULES, lambda session: session.get(self._policy.url(_RULES)), _read_rules)
            self._rules = (now, known)
        return known

    async def history(self, window: TimeWindow) -> Listing[Alert]:
        """Episodes of alerts in the window, latest start first; see `episodes`. Annotations are not kept there.

        In a window of more than 40 hours, or with very many alerts, episodes of less than about a minute may be missed.

        Raises:
            SourceError: as the queries do.
        """
        seconds = max(1, round(window.duration.total_seconds()))
        count = await self.query(f"count(last_over_time(ALERTS[{seconds}s]))", window.end)
        if not count.series:
            return Listing((), self._partial(count.warnings))
        held = count.series[0].values[-1]
        if not math.isfinite(held):
            raise SourceUnavailableError(self.name, f"counts {held} alerts; is its url that of a Prometheus API?")
        grid = Grid.over(window, series=int(held))
        looked_at = TimeWindow(grid.start, grid.end)
        alerts, for_state = await asyncio.gather(
            self.query_range("ALERTS", looked_at, grid.step),
            self.query_range("ALERTS_FOR_STATE", looked_at, grid.step),
        )
        found = episodes(alerts.series, for_state.series, grid)
        inside = (
            replace(alert, labels=placed(alert.labels, self.environment))
            for alert in found
            if alert.ended_at is None or alert.ended_at > window.start
        )
        return Listing(tuple(inside), self._partial([*count.warnings, *alerts.warnings]))

    def _partial(self, warnings: Iterable[str]) -> tuple[MissingSource, ...]:
        """What warnings mean: Thanos and Mimir give some when a part of them did not answer."""
        return tuple(MissingSource(self.name, f"the answer may be partial: {said}") for said in dict.fromkeys(warnings))

    def graph_url(self, promql: str, window: TimeWindow) -> str:
        """Where a human sees this query over this window, as a graph."""
        shown = {
            "g0.expr": promql,
            "g0.tab": "0",
            "g0.range_input": f"{max(1, round(window.duration.total_seconds()))}s",
            "g0.end_input": f"{utc(window.end):%Y-%m-%d %H:%M:%S}",
        }
        return f"{self._public_url}/graph?{urlencode(shown, quote_via=quote)}"

    async def check(self) -> str:
        """One line on how it does: its version and its targets. Raises SourceError."""
        version, up, targets = await asyncio.gather(
            self._version(),
            self._ask("sum(up)", lambda session: session.client.custom_query("sum(up)"), _result),
            self._ask("count(up)", lambda session: session.client.custom_query("count(up)"), _result),
        )
        warned = "".join(f"; it warns: {said}" for said in up.warnings[:1])
        if not (up.series and targets.series and math.isfinite(up.series[0].values[0] + targets.series[0].values[0])):
            return f"version {version}; it scrapes no targets{warned}"
        return (
            f"version {version}; {up.series[0].values[0]:g} of {targets.series[0].values[0]:g} targets are up{warned}"
        )

    async def _version(self) -> str:
        """As it says; not all that speak this API do."""
        try:
            build = await self._ask(
                _BUILD, lambda session: session.get(self._policy.url(_BUILD)), lambda answer: answer["data"]
            )
        except SourceError:
            return "unknown"
        return str(build.get("version", "unknown")) if isinstance(build, dict) else "unknown"

    async def aclose(self) -> None:
        """Close connections and threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._transport.aclose()

    async def _ask(self, asked: str, call: Callable[[_Session], object], read: Callable[[JsonObject], T]) -> T:
        """Call in a thread and read what came; ``asked`` is what errors quote."""
        loop = asyncio.get_running_loop()
        try:
            asked.encode()
            return await loop.run_in_executor(self._threads, self._ask_here, loop, call, read)
        except UnicodeEncodeError:
            raise QueryRefusedError(self.name, "the query has half a character (a lone surrogate) in it") from None
        except SourceError as error:
            raise type(error)(self.name, error.message, query=asked) from error

    def _ask_here(
        self, loop: asyncio.AbstractEventLoop, call: Callable[[_Session], object], read: Callable[[JsonObject], T]
    ) -> T:
        session = _Session(self._policy, PolicyAdapter(self._transport, loop))
        try:
            call(session)
            return read(session.answer)
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # the client takes the form for granted
            sentence = "answered JSON of an unknown form; is its url that of a Prometheus API?"
            raise SourceUnavailableError(self.name, sentence) from error


class _Session(requests.Session):
    """One exchange: asks by the policy whatever adapter the client mounts, and keeps the answer's JSON."""

    def __init__(self, policy: Policy, adapter: PolicyAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.hooks["response"] = [self._receive]
        self._source = policy.source
        self._adapter = adapter
        self.client = PrometheusConnect(policy.url(""), session=self)
        self.answer: JsonObject = {}

    def get_adapter(self, url: str | bytes) -> PolicyAdapter:  # noqa: ARG002 - the signature is requests'
        """Our one adapter."""
        return self._adapter

    def _receive(self, response: requests.Response, **_: object) -> requests.Response:
        kind = response.headers.get("content-type", "")
        answer = read_json(self._source, response.status_code, kind, response.content)
        if not isinstance(answer, dict) or answer.get("status") != "success" or "data" not in answer:
            sentence = "answered JSON that is not Prometheus'; is its url that of a Prometheus API?"
            raise SourceUnavailableError(self._source, sentence)
        self.answer = answer
        return _Parsed(answer)


class _Parsed(requests.Response):
    """A good answer, parsed already."""

    def __init__(self, answer: JsonObject) -> None:
        super().__init__()
        self.status_code = 200
        self._answer = answer

    def json(self, **_: object) -> JsonObject:
        """Its JSON."""
        return self._answer


def _result(answer: JsonObject) -> QueryResult:
    data: Any = answer["data"]
    return read_result(data, _warnings(answer, "warnings", "infos"))


def _warnings(answer: JsonObject, *keys: str) -> list[str]:
    return [str(text) for key in keys or ("warnings",) for text in _list(answer.get(key))]


def _metadata(answer: JsonObject) -> Mapping[str, MetricMetadata]:
    data: Any = answer["data"]
    return {
        str(name): MetricMetadata(str(said[0]["type"]), str(said[0].get("help", "")), str(said[0].get("unit", "")))
        for name, said in dict(data).items()
        if said
    }


def _read_rules(answer: JsonObject) -> tuple[Rule, ...]:
    data: Any = answer["data"]
    rules = (rule for group in data["groups"] for rule in group["rules"])
    return tuple(Rule(str(one["name"]), str(one["query"]), one["type"] == "alerting") for one in rules)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
