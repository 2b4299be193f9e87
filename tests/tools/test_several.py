"""Several sources of one kind: who is asked, what a model learns of them, and how answers say whose they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sre_bot.errors import BadInputError, QueryRefusedError
from sre_bot.incident import LogLevel, LogLine
from sre_bot.signals.series import MetricMetadata
from sre_bot.tools.find_metrics import find_metrics
from sre_bot.tools.find_traces import find_traces
from sre_bot.tools.query_metrics import query_metrics
from sre_bot.tools.search_logs import search_logs
from sre_bot.tools.several import choice, chosen, others, those
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import FakeLogs, FakeMetrics, FakeTraces, down

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sre_bot.investigation import JsonValue, Observation
    from sre_bot.tools.tool import Tool

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
EU = FakeMetrics("eu", environment="production")
US = FakeMetrics("us", environment="production")
STAGING = FakeMetrics("stg", environment="staging")
HERE = FakeMetrics("here")


async def look(tool: Tool[Any], **arguments: JsonValue) -> Observation:
    return await Toolbox([tool], AT).look(tool.name, arguments)


class TestChoice:
    def test_the_first_is_meant_when_none_is_named_and_a_wrong_name_is_told_the_right_ones(self) -> None:
        assert chosen([EU, US], None) is EU
        assert chosen([EU, US], "us") is US
        with pytest.raises(BadInputError, match=r"no source 'uk'; there are: eu \(production\), here"):
            chosen([EU, HERE], "uk")

    def test_all_of_the_first_ones_environment_are_meant_together(self) -> None:
        assert those([EU, US, STAGING], None) == [EU, US]
        assert those([EU, US, STAGING], "stg") == [STAGING]
        assert those([HERE, FakeMetrics("there")], None) == [HERE, FakeMetrics("there")]

    def test_who_was_not_asked_is_told(self) -> None:
        assert others([EU, US, STAGING], [EU, US]) == ["Not asked: stg (staging)."]
        assert others([EU], [EU]) == []

    def test_a_definition_names_them_in_few_words_and_one_alone_not_at_all(self) -> None:
        assert choice([EU], "the first") == ""
        assert choice([EU, HERE], "the first") == " Sources, by default the first: eu (production), here."
        many = [FakeMetrics(f"region-{number}", environment="production") for number in range(40)]
        assert choice(many, "the first").endswith("region-7 (production) +32.")
        assert estimated_tokens(choice(many, "the first")) < 150


@pytest.mark.parametrize(
    ("make", "fake"),
    [(query_metrics, FakeMetrics), (find_metrics, FakeMetrics), (search_logs, FakeLogs), (find_traces, FakeTraces)],
)
def test_only_where_there_is_a_choice_an_argument_offers_it(make: Any, fake: Any) -> None:
    alone, several = make([fake()]).definition, make([fake(), fake(name="other", environment="staging")]).definition
    assert "source" not in alone["input_schema"]["properties"]
    assert several["input_schema"]["properties"]["source"] == {"type": "string"}
    assert estimated_tokens(str(several)) - estimated_tokens(str(alone)) <= 35


class TestFindMetrics:
    HTTP: Mapping[str, str] = {"__name__": "http_requests_total", "service": "cart"}

    def metrics(self, name: str, *sets: Mapping[str, str]) -> FakeMetrics:
        """A Prometheus with these series."""
        return FakeMetrics(
            name, labels=[*sets, {"__name__": "up", "job": f"{name}-job"}],
            told={"http_requests_total": MetricMetadata("counter", "", "")},
        )  # fmt: skip

    async def test_a_metric_is_told_once_with_where_it_lives(self) -> None:
        eu = self.metrics("eu", self.HTTP, {"__name__": "queue_depth", "service": "cart"})
        us = self.metrics("us", self.HTTP, {**self.HTTP, "code": "500"})
        seen = await look(find_metrics([eu, us]), service="cart")
        assert seen.content.splitlines() == [
            "2 found",
            "http_requests_total (counter, requests, 2 series in eu and us) {code=500, service=cart}",
            "queue_depth (type unknown, 1 series in eu) {service=cart}",
        ]

    async def test_where_all_of_many_have_it_only_some_are_named(self) -> None:
        seen = await look(find_metrics([self.metrics(f"region-{n}", self.HTTP) for n in range(9)]), service="cart")
        assert "1 series in region-0 and region-1 and region-2 and region-3 and 5 more" in seen.content

    async def test_one_may_be_asked_alone(self) -> None:
        eu, us = self.metrics("eu", self.HTTP), self.metrics("us", self.HTTP)
        seen = await look(find_metrics([eu, us]), service="cart", source="us")
        assert " in us" not in seen.content
        assert not eu.asked

    async def test_one_that_is_down_is_named_missing_and_the_other_tells(self) -> None:
        eu, us = self.metrics("eu", self.HTTP), FakeMetrics("us", failure=down("us"))
        seen = await look(find_metrics([eu, us]), service="cart")
        assert "1 series in eu" in seen.content
        assert seen.content.endswith("\nus: connection refused")
        assert seen.missing is not None
        assert (seen.missing.source, seen.missing.why) == ("us", "connection refused")

    async def test_when_all_are_down_nothing_was_seen(self) -> None:
        seen = await look(find_metrics([FakeMetrics(n, failure=down(n)) for n in ("eu", "us")]), service="cart")
        assert seen.failed

    async def test_an_unknown_service_is_answered_with_those_of_all(self) -> None:
        seen = await look(find_metrics([self.metrics("eu"), self.metrics("us")]), service="cart")
        assert seen.content == (
            "No metrics for service cart within the last hour. Services that are scraped: eu-job, us-job."
        )


class TestQueryMetrics:
    async def test_the_answer_says_whose_it_is_and_who_was_not_asked(self) -> None:
        seen = await look(query_metrics([EU, STAGING]), query="up")
        assert seen.content.startswith("Asked of eu (production). Not asked: stg (staging).\nNo data, ")
        assert seen.summary == "eu (production): up: no data"
        assert (await look(query_metrics([EU, STAGING]), query="up", source="stg")).summary.startswith(
            "stg (staging): "
        )


class TestLogs:
    def logs(self, name: str, environment: str | None) -> FakeLogs:
        line = LogLine(AT - timedelta(minutes=1), f"{name} is out of memory", LogLevel.ERROR, "cart")
        return FakeLogs(name, [line], environment=environment)

    async def test_lines_of_different_environments_are_never_mixed(self) -> None:
        tool = search_logs([self.logs("eu", "production"), self.logs("us", "production"), self.logs("stg", "staging")])
        seen = await look(tool)
        assert "eu is out" in seen.content
        assert "stg is out" not in seen.content
        assert "Not asked: stg (staging)." in seen.content
        alone = await look(tool, source="stg")
        assert "stg is out" in alone.content
        assert "eu is out" not in alone.content


class TestTraces:
    async def test_a_trace_is_looked_for_in_all_even_when_one_is_down(self) -> None:
        broken, empty = FakeTraces("a", failure=down("a")), FakeTraces("b", lost=frozenset({"abc"}))
        seen = await look(find_traces([broken, empty]), trace_id="abc")
        assert seen.failed
        assert "a could not be seen: connection refused" in seen.content

    async def test_one_may_be_asked_alone(self) -> None:
        broken = FakeTraces("a", failure=QueryRefusedError("a", "no such trace"))
        seen = await look(find_traces([FakeTraces("b", failure=down("b")), broken]), trace_id="abc", source="a")
        assert "a refused this query: no such trace" in seen.content
