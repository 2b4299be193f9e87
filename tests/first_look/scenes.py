"""Scenes of an incident in memory: services with their vitals over an hour, as a Prometheus would tell them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sre_bot.first_look import FirstLook, Sources, conventions
from sre_bot.first_look.discovery import Sign, Signal, discover
from sre_bot.first_look.look import look_at
from sre_bot.incident import Alert, Change, ChangeKind
from sre_bot.investigation import Question
from sre_bot.signals.series import Series
from tests.fakes import FakeAlertHistory, FakeCurrentAlerts, FakeDeploys, FakeMetrics, FakeRepository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sre_bot.first_look.seen import Reading, Seen
    from sre_bot.investigation import Answer
    from sre_bot.signals.series import FloatArray

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STEP = 15
TIMES = np.arange(AT.timestamp() - 3600, AT.timestamp() + 1, STEP)
ONSET = AT - timedelta(minutes=10)
RATE_WINDOW = "75s"
"""What five scrapes of 15 s are."""

_seeds = itertools.count()


def ago(minutes: float) -> datetime:
    return AT - timedelta(minutes=minutes)


def level(
    before: float, after: float | None = None, minutes: float = 10, *, until: float = 0, noise: float = 0.03
) -> FloatArray:
    """Values at TIMES: a level that changes so many minutes ago, and back ``until`` minutes ago; with some noise."""
    at = (AT.timestamp() - TIMES) / 60
    values = np.where((at <= minutes) & (at >= until), before if after is None else after, before)
    wobble = np.random.default_rng(next(_seeds)).normal(1, noise, len(TIMES))
    return np.asarray(values * np.clip(wobble, 0.8, 1.2), dtype=np.float64)


@dataclass
class Scene:
    """What is seen. ``label`` names services; other metrics than the usual ones may be added to ``sets``/``told``."""

    label: str = "service"
    sets: list[dict[str, str]] = field(default_factory=list)
    told: dict[tuple[str, Sign], list[Series]] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    past: list[Alert] = field(default_factory=list)
    commits: list[Change] = field(default_factory=list)
    deploys: list[Change] = field(default_factory=list)
    diffs: dict[str, str] = field(default_factory=dict)

    def service(
        self,
        name: str,
        *,
        rate: FloatArray | float = 20.0,
        failing: FloatArray | float = 0.0,
        latency: FloatArray | float = 0.1,
        status: str = "500",
    ) -> Scene:
        """A service: requests per second, the share of them that fails, seconds to answer."""
        who = {self.label: name}
        self.tell("http_requests_total", Sign.TRAFFIC, who, rate)
        self.tell("http_requests_total", Sign.ERRORS, {**who, "status": status}, _product(rate, failing))
        self.tell("http_request_duration_seconds_count", Sign.LATENCY, who, latency)
        self.sets += [{"__name__": "http_requests_total", **who, "status": code} for code in ("200", status)]
        self.sets.append({"__name__": "http_request_duration_seconds_bucket", **who})
        return self

    def calls(
        self,
        caller: str,
        peer: str,
        *,
        rate: FloatArray | float = 20.0,
        failing: FloatArray | float = 0.0,
        latency: FloatArray | float = 0.1,
        status: str = "503",
    ) -> Scene:
        """What a service's client tells of calls to a peer."""
        who = {self.label: caller, "server_address": peer}
        self.tell("http_client_requests_total", Sign.TRAFFIC, who, rate)
        self.tell("http_client_requests_total", Sign.ERRORS, {**who, "status": status}, _product(rate, failing))
        self.tell("http_client_request_duration_seconds_count", Sign.LATENCY, who, latency)
        self.sets.append({"__name__": "http_client_requests_total", **who, "status": status})
        self.sets.append({"__name__": "http_client_request_duration_seconds_bucket", **who})
        return self

    def gauge(self, metric: str, sign: Sign, name: str, values: FloatArray | float, *others: str) -> Scene:
        """Any other metric of a service; ``others`` are metrics that have to be there as well."""
        self.tell(metric, sign, {self.label: name}, values)
        self.sets += [{"__name__": one, self.label: name} for one in others]
        return self

    def tell(self, metric: str, sign: Sign, labels: Mapping[str, str], values: FloatArray | float) -> None:
        """What the signal of this metric and sign gives."""
        self.sets.append({"__name__": metric, **labels})
        series = Series(labels, TIMES, np.full(len(TIMES), values) if np.isscalar(values) else np.asarray(values))
        self.told.setdefault((metric, sign), []).append(series)

    def fires(self, name: str, service: str | None = "checkout", minutes: float = 8, **annotations: str) -> Scene:
        """An alert that fires."""
        labels = {"alertname": name, "severity": "critical"} | ({"service": service} if service else {})
        self.alerts.append(Alert(name, labels, annotations, ago(minutes)))
        return self

    def commit(self, sha: str, minutes: float, title: str, *files: str, diff: str = "") -> Scene:
        """A commit; the oldest has to come first."""
        change = Change(ChangeKind.COMMIT, ago(minutes), title, sha, author="Ann", files=files, repository="shop")
        self.commits.append(change)
        self.diffs[sha] = diff or f"diff of {sha}"
        return self

    def deploy(self, sha: str, minutes: float, service: str) -> Scene:
        """A deploy."""
        self.deploys.append(Change(ChangeKind.DEPLOY, ago(minutes), f"deploy {service}", sha, service))
        return self

    def signals(self) -> tuple[Signal, ...]:
        """What is asked of this scene."""
        return discover(self.sets, RATE_WINDOW)

    def metrics(self, **changes: object) -> FakeMetrics:
        """The Prometheus that tells it."""
        discovered = [Series(labels, TIMES[-1:], np.ones(1)) for labels in self.sets]
        answers: dict[str, Sequence[Series]] = {
            conventions.DISCOVERY: discovered,
            conventions.DISCOVERY_BY_ENVIRONMENT: discovered,
            "count(up)": [Series({}, TIMES - 12 * 3600, np.ones(len(TIMES)))] if self.sets else [],
            scrapes(60): [Series({}, TIMES[-1:], np.full(1, 4.0))],
            scrapes(300): [Series({}, TIMES[-1:], np.full(1, 20.0))],
        }
        answers |= {s.promql: self.told[s.metric, s.sign] for s in self.signals() if (s.metric, s.sign) in self.told}
        return FakeMetrics(answers=answers)

    def sources(self) -> Sources:
        """Everything there is to look at."""
        metrics = self.metrics()
        return Sources(
            [metrics],
            [FakeCurrentAlerts(alerts=self.alerts)],
            [FakeAlertHistory(alerts=self.past)],
            (FakeRepository(line=self.commits, diffs=self.diffs),),
            FakeDeploys(record=self.deploys),
        )

    async def seen(self) -> Seen:
        """What a look sees of it."""
        return await look_at(self.sources(), Question("", AT), now=AT, deadline=30)

    async def asked(self, text: str = "checkout is failing, what's going on?") -> Answer:
        """The answer of a first look."""
        return await FirstLook(self.sources(), now=lambda: AT, deadline=30)(Question(text, AT))


def scrapes(seconds: int) -> str:
    """The query that counts scrapes in so many seconds."""
    return f"quantile(0.1, count_over_time(up[{seconds}s]))"


def _product(rate: FloatArray | float, share: FloatArray | float) -> FloatArray:
    with np.errstate(invalid="ignore"):  # of infinitely many requests none may fail
        return np.multiply(rate, share)


def shop() -> Scene:
    """A healthy shop: web calls checkout, which calls inventory and payments."""
    scene = Scene()
    for name in ("web", "checkout", "inventory", "payments"):
        scene.service(name, rate=level(20), latency=level(0.1))
    for caller, peer in (("web", "checkout"), ("checkout", "inventory"), ("checkout", "payments")):
        scene.calls(caller, peer, rate=level(20), latency=level(0.1))
    return scene


def reading_of(seen: Seen, sign: Sign, service: str, peer: str | None = None) -> Reading:
    """The one reading of a sign."""
    (found,) = [r for r in seen.readings if (r.signal.sign, r.service, r.peer) == (sign, service, peer)]
    return found


def words(answer: Answer) -> str:
    """All that the report says."""
    report = answer.report
    claims = [
        *report.what,
        *report.impact,
        *(h.claim for h in report.hypotheses),
        *report.ruled_out,
        *report.next_steps,
    ]
    return "\n".join([claim.text for claim in claims] + list(report.unknown))
