"""The first look at two real Prometheus: one of production, one that holds the series of two environments."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sre_bot.agent.verify import verify
from sre_bot.first_look import FirstLook, Sources
from sre_bot.investigation import Question, Scope
from sre_bot.servers import PrometheusServer, backfill
from sre_bot.sources.prometheus import PrometheusSource
from tests.first_look.past_incident import PastIncident
from tests.first_look.scenes import words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sre_bot.investigation import Answer

INCIDENT = PastIncident()
WELL = replace(INCIDENT, onset=INCIDENT.at.replace(year=2100), rate=60.0)
"""The same services at another place, where nothing happens."""


@dataclass(frozen=True)
class Urls:
    """Where they answer: ``one`` knows the incident, ``two`` has it labelled as staging's, and production is well."""

    one: str
    two: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def urls(prometheus_installed: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Urls]:
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    await backfill(INCIDENT.openmetrics(), one)
    both = (
        replace(INCIDENT, more_labels=',env="staging"').openmetrics(),
        replace(WELL, more_labels=',env="prod"').openmetrics(),
    )
    await backfill(both[0], two)
    await backfill(re.sub(r"(?m)^.*ALERTS.*\n", "", both[1]), two)
    async with PrometheusServer(one) as first, PrometheusServer(two) as second:
        yield Urls(first.url, second.url)


async def asked(
    text: str, environments: dict[str, str] | None = None, scope: Scope | None = None, **urls: str
) -> Answer:
    """The answer of a first look at these Prometheus, by name."""
    async with AsyncExitStack() as stack:
        metrics = [
            await stack.enter_async_context(aclosing(PrometheusSource(url, name=name))) for name, url in urls.items()
        ]
        sources = Sources(metrics, histories=metrics, environments=environments or {})
        question = Question(text, INCIDENT.at, scope=scope or Scope())
        answer = await FirstLook(sources, now=lambda: datetime.now(UTC), deadline=20)(question)
    assert verify(answer.report, answer.evidence, INCIDENT.at).unverified == ()
    return answer


def missing(answer: Answer) -> dict[str, str]:
    return {one.source: one.why for one in answer.report.missing if one.source not in {"alertmanager", "changes"}}


@pytest.mark.real
class TestReal:
    async def test_a_replica_is_told_once(self, urls: Urls) -> None:
        answer = await asked("web is failing?", a=urls.one, b=urls.one)
        assert "checkout (a), since about 11:" in words(answer)
        assert "(b)" not in words(answer)
        assert words(answer).count("ErrorsHigh (critical, checkout)") == 1
        assert missing(answer) == {}

    async def test_one_that_is_down_is_named(self, urls: Urls) -> None:
        answer = await asked("web is failing?", a=urls.one, gone="http://127.0.0.1:9")
        assert "checkout (a), since about 11:" in words(answer)
        assert missing(answer).keys() == {"gone"}

    async def test_within_one_prometheus_an_environment_is_told_by_its_label(self, urls: Urls) -> None:
        staging = await asked("what is going on?", scope=Scope(environment="staging"), two=urls.two)
        assert "checkout, since about 11:" in words(staging)
        assert "fails 40 %" in words(staging)
        assert "Requests: checkout as before, 20/s; web as before, 20/s." in words(staging)
        assert staging.report.what[-1].text == "This look is about staging, as this channel is."
        production = await asked("what about production?", scope=Scope(environment="staging"), two=urls.two)
        assert "checkout, web do as before" in words(production)
        assert "web 60 requests/s, 0 % of them fail" in words(production)
        assert production.report.what[-1].text == "This look is about production, as asked."
        assert missing(staging) == missing(production) == {}

    async def test_one_that_is_not_there_is_said_and_everything_is_looked_at(self, urls: Urls) -> None:
        answer = await asked("web?", scope=Scope(environment="qa"), two=urls.two)
        assert missing(answer) == {
            "two": "has nothing of the environment qa (prod, staging); all that it has was looked at"
        }
        assert "checkout, since about 11:" in words(answer)

    async def test_environments_of_two_prometheus_are_weighed_apart(self, urls: Urls) -> None:
        where = {"a": "staging", "two": "production"}
        answer = await asked("what is going on?", where, a=urls.one, two=urls.two)
        assert answer.report.what[-1].text.startswith("In ")
        narrowed = await asked("what is going on in staging?", where, a=urls.one, two=urls.two)
        assert "checkout, since about 11:" in words(narrowed)
        assert narrowed.report.what[-1].text == "This look is about staging, as asked."
