"""The bot's own metrics, for Prometheus: what its operators want to know, and nothing of what it was asked.

Few labels, and each of few values: they come from this program or from its configuration, never from a question, a
person, a channel or a system that was looked at. ``docs/operations.md`` tells what each metric is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
DOORS = ("mention", "reply", "direct", "command", "shortcut")
OUTCOMES = ("model", "first_look", "failed", "stopped", "given_up")
VOTES = (("thumb", "100"), ("thumb", "0"), *(("grade", value) for value in ("100", "65", "35", "0")))
WAIT_ENDS = ("resumed", "superseded", "resolved", "stopped", "expired", "failed")

_FIRST_EVIDENCE_BUCKETS = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 300)
"""A first look concludes within seconds; what takes longer waited for its turn, or for a restart."""
_ANSWER_BUCKETS = (2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800)
"""An investigation has three minutes, by default."""
_TURN_BUCKETS = (1, 2, 5, 10, 20, 30, 60, 120, 180)
_LOOK_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
"""The last one is a tool's deadline."""


class Metrics:
    """Everything that is counted and timed, in a registry of its own.

    Args:
        version: of the program.
        prompt: content hash of the investigator's prompt.
        model: the model's id, or ``first-look``.
        tools: names of the tools that may be asked.
        sources: names of the configured systems.
    """

    def __init__(
        self, *, version: str, prompt: str, model: str, tools: Iterable[str] = (), sources: Iterable[str] = ()
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the client leaves it untyped
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        build = Info("sre_bot_build", "What is running.", registry=registry)
        build.info({"version": version, "prompt": prompt, "model": model})
        self._questions()
        self._model()
        self._looks(tools, sources)
        self._slack()

    def _questions(self) -> None:
        registry = self.registry
        self.questions = Counter(
            "sre_bot_questions", "Questions accepted, by the door they came through.", ("door",), registry=registry
        )
        self.in_progress = Gauge(
            "sre_bot_questions_in_progress", "Questions accepted and not yet done with.", registry=registry
        )
        self.answers = Counter(
            "sre_bot_answers",
            "Questions done with: answered by the model or the first look, failed, or given up after crashes.",
            ("outcome",),
            registry=registry,
        )
        self.first_evidence_seconds = Histogram(
            "sre_bot_first_evidence_seconds",
            "From a question's acceptance until the first look was done.",
            buckets=_FIRST_EVIDENCE_BUCKETS,
            registry=registry,
        )
        self.answer_seconds = Histogram(
            "sre_bot_answer_seconds",
            "From a question's acceptance until its answer stood in the thread.",
            buckets=_ANSWER_BUCKETS,
            registry=registry,
        )
        self.claims = Counter(
            "sre_bot_claims", "Claims of the model, by whether they held.", ("verdict",), registry=registry
        )
        self.waiting = Gauge(
            "sre_bot_waiting_investigations", "Investigations that wait for the model to be back.", registry=registry
        )
        self.waits = Counter(
            "sre_bot_waits",
            "Investigations that waited for the model, by how that ended: resumed is continued and answered.",
            ("end",),
            registry=registry,
        )
        self.grades = Counter(
            "sre_bot_grades",
            "Votes on answers, changes of mind included: thumbs, and the grade of incidents.",
            ("kind", "value"),
            registry=registry,
        )
        for kind, value in VOTES:
            self.grades.labels(kind, value)
        _begin_at_zero(self.questions, DOORS)
        _begin_at_zero(self.answers, OUTCOMES)
        _begin_at_zero(self.waits, WAIT_ENDS)
        _begin_at_zero(self.claims, ("verified", "unverified"))

    def _model(self) -> None:
        registry = self.registry
        self.turn_seconds = Histogram(
            "sre_bot_model_turn_seconds",
            "Time of a turn of the model that came, retries included.",
            buckets=_TURN_BUCKETS,
            registry=registry,
        )
        self.tokens = Counter("sre_bot_model_tokens", "Tokens, by what they cost.", ("kind",), registry=registry)
        self.dollars = Counter(
            "sre_bot_model_cost_dollars", "What the model cost, in US dollars, at list prices.", registry=registry
        )
        self.model_errors = Counter(
            "sre_bot_model_errors",
            "Turns that gave nothing: the provider was unavailable, it refused the request, or the model declined.",
            ("kind",),
            registry=registry,
        )
        _begin_at_zero(self.tokens, ("input", "output", "cache_read", "cache_write"))
        _begin_at_zero(self.model_errors, ("unavailable", "refused", "declined"))

    def _looks(self, tools: Iterable[str], sources: Iterable[str]) -> None:
        registry = self.registry
        self._sources = frozenset(sources)
        self._look_count = Counter(
            "sre_bot_looks", "Looks at sources that the model asked for.", ("tool", "outcome"), registry=registry
        )
        self._look_seconds = Histogram(
            "sre_bot_look_seconds", "Time of such a look.", ("tool",), buckets=_LOOK_BUCKETS, registry=registry
        )
        self._source_errors = Counter(
            "sre_bot_source_errors",
            "Looks, the first one's too, in which something of a source could not be seen.",
            ("source",),
            registry=registry,
        )
        self.fetched = Gauge(
            "sre_bot_repository_fetched_timestamp_seconds",
            "When a repository was last fetched with success, in unix seconds.",
            ("repository",),
            registry=registry,
        )
        for tool in tools:
            self._look_seconds.labels(tool)
            for outcome in ("ok", "failed"):
                self._look_count.labels(tool, outcome)
        _begin_at_zero(self._source_errors, self._sources)

    def _slack(self) -> None:
        registry = self.registry
        self.slack_calls = Counter(
            "sre_bot_slack_calls",
            "Calls of Slack's Web API, each attempt, by method and outcome.",
            ("method", "outcome"),
            registry=registry,
        )
        self.slack_wait_seconds = Counter(
            "sre_bot_slack_rate_limit_wait_seconds", "How long Slack told us to wait, in all.", registry=registry
        )
        self.sockets = Gauge("sre_bot_slack_sockets", "Open sockets to Slack.", registry=registry)
        self.check = Gauge(
            "sre_bot_check", "Whether a check of /readyz holds (1) or not (0).", ("check",), registry=registry
        )

    def looked(self, tool: str, seconds: float, *, failed: bool) -> None:
        """Count a look that the model asked for."""
        self._look_count.labels(tool, "failed" if failed else "ok").inc()
        self._look_seconds.labels(tool).observe(seconds)

    def unseen(self, sources: str) -> None:
        """Count a look in which these sources (one, or several with commas) could not be seen, if configured."""
        for source in self._sources.intersection(sources.split(", ")):
            self._source_errors.labels(source).inc()

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


def _begin_at_zero(metric: Counter, values: Iterable[str]) -> None:
    """Have the series from the start: a counter that first appears with 1 has not increased, for Prometheus."""
    for value in values:
        metric.labels(value)
