"""Several Prometheus and Alertmanagers, in one environment or several; a look that is about one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sre_bot.agent.verify import verify
from sre_bot.first_look import FirstLook, Sources
from sre_bot.incident import AlertState
from sre_bot.investigation import Listing, MissingSource, Question, Scope
from tests.fakes import FakeAlertHistory, FakeCurrentAlerts, FakeMetrics, down
from tests.first_look.incidents import texts
from tests.first_look.scenes import AT, Scene, level, shop, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import Alert, TimeWindow
    from sre_bot.investigation import Answer


def failing() -> Scene:
    return Scene().service("checkout", failing=level(0, 0.4, noise=0))


def told_by(**scenes: Scene) -> Sources:
    """Sources of which each Prometheus tells one scene."""
    return Sources(metrics=[replace(scene.metrics(), name=name) for name, scene in scenes.items()])


async def asked(
    sources: Sources, text: str = "what is going on?", service: str | None = None, environment: str | None = None
) -> Answer:
    question = Question(text, AT, scope=Scope(service, environment))
    answer = await FirstLook(sources, now=lambda: AT, deadline=30)(question)
    assert verify(answer.report, answer.evidence, AT).unverified == ()
    return answer


def missing(answer: Answer) -> dict[str, str]:
    return {
        one.source: one.why
        for one in answer.report.missing
        if not one.why.endswith(("not configured", "is configured"))
    }


class TestSources:
    async def test_all_are_read_and_each_reading_says_whose_it_is(self) -> None:
        answer = await asked(told_by(eu=failing(), us=shop()))
        assert answer.report.what[0].text.startswith("checkout (eu), since about 11:50:00 UTC (10 min ago): fails 40 %")
        errors = next(one for one in answer.evidence if "requests that fail" in one.summary)
        assert errors.arguments["source"] == "eu"
        assert {link.title: link.url.split("/")[2] for link in errors.observation.links} == {
            "graph (eu)": "eu.example",
            "graph (us)": "us.example",
        }
        lines = errors.observation.content.splitlines()
        assert any(line.startswith("checkout (us) as before: 0") for line in lines)
        assert {line.partition(":")[0] for line in lines if line.startswith("query")} == {"query to eu", "query to us"}

    async def test_one_service_at_two_places_is_told_of_twice_and_never_added_up(self) -> None:
        eu, us = (
            Scene().service("checkout", rate=level(rate, noise=0), failing=level(0, share, noise=0))
            for rate, share in ((20, 0.4), (50, 0.2))
        )
        answer = await asked(told_by(eu=eu, us=us), "checkout?")
        assert answer.report.what[0].text.startswith("checkout (eu), since about 11:50:00 UTC (10 min ago): fails 40 %")
        assert "Also worse: checkout (us) fails 20 % of its requests (500)." in texts(answer.report.impact)
        assert "checkout (eu) as before, 20/s." in words(answer)
        assert "70/s" not in words(answer)

    async def test_a_replica_changes_nothing_but_whose_it_is(self) -> None:
        scene = failing()
        one, two = await asked(told_by(a=scene)), await asked(told_by(a=scene, b=scene))
        assert words(two).replace(" (a)", "") == words(one)

    async def test_one_that_is_down_is_named_and_the_rest_is_used(self) -> None:
        sources = told_by(eu=failing())
        answer = await asked(replace(sources, metrics=[*sources.metrics, FakeMetrics("us", failure=down("us"))]))
        assert missing(answer) == {"us": "connection refused"}
        assert answer.report.what[0].text.startswith("checkout (eu), since about 11:50:00 UTC (10 min ago): fails 40 %")

    async def test_one_that_has_only_part_of_the_data_is_named_and_used(self) -> None:
        (metrics,) = told_by(thanos=failing()).metrics
        assert isinstance(metrics, FakeMetrics)
        remarks = ("PromQL info: metric might not be a counter", "No StoreAPIs matched for this query")
        answer = await asked(Sources([replace(metrics, warnings=remarks)]))
        assert missing(answer) == {"thanos": "answered with part of the data: No StoreAPIs matched for this query"}
        assert "checkout, since about 11:50:00 UTC" in words(answer)
        answer = await asked(Sources([replace(metrics, warnings=remarks[:1])]))
        assert missing(answer) == {}

    async def test_a_source_without_an_address_for_people_has_no_link(self) -> None:
        (metrics,) = told_by(eu=failing()).metrics
        assert isinstance(metrics, FakeMetrics)
        answer = await asked(Sources([Unshown(answers=metrics.answers)]))
        errors = next(one for one in answer.evidence if "requests that fail" in one.summary)
        assert errors.observation.links == ()


class Unshown(FakeMetrics):
    def graph_url(self, promql: str, window: TimeWindow) -> str:
        return ""


class TestAlerts:
    async def test_replicas_hold_each_alert_once_and_a_silence_of_one_holds(self) -> None:
        fires, quiet = failing().fires("Errors").fires("Noise").alerts
        silenced = replace(quiet, state=AlertState.SILENCED)
        managers = [FakeCurrentAlerts("am-1", [fires, quiet]), FakeCurrentAlerts("am-2", [fires, silenced])]
        answer = await asked(replace(told_by(eu=failing()), alerts=managers))
        assert "Firing: Errors (critical, checkout) since 11:52:00 (8 min)." in texts(answer.report.what)
        assert missing(answer)["am-1"].startswith("has not heard of silences that am-2 has")

    async def test_one_that_is_down_is_named_and_the_other_is_used(self) -> None:
        alerts = failing().fires("Errors").alerts
        managers = [FakeCurrentAlerts("am-1", failure=down("am-1")), FakeCurrentAlerts("am-2", alerts)]
        answer = await asked(replace(told_by(eu=failing()), alerts=managers))
        assert missing(answer) == {"am-1": "connection refused"}
        assert "Firing: Errors" in words(answer)

    async def test_what_two_records_remember_is_one_episode(self) -> None:
        (alert,) = failing().fires("Errors").alerts
        later = replace(alert, started_at=alert.started_at.replace(second=20))
        records = [FakeAlertHistory("a", [alert]), FakeAlertHistory("b", [later])]
        answer = await asked(replace(told_by(a=failing()), histories=records))
        assert words(answer).count("Errors (critical") == 1


def apart(**scenes: Scene) -> Sources:
    """Sources of which each Prometheus has one environment, called like that."""
    return replace(told_by(**scenes), environments={name: name for name in scenes})


class TestEnvironments:
    async def test_each_is_weighed_by_itself_and_the_one_in_trouble_comes_first(self) -> None:
        answer = await asked(apart(production=shop(), staging=failing()))
        first, *_, last = texts(answer.report.what)
        assert first.startswith("checkout (staging), since about 11:50:00 UTC (10 min ago): fails 40 %")
        assert last == "In production, looked at by itself, nothing got worse."
        titles = [one.observation.charts[0].title for one in answer.evidence if one.observation.charts]
        assert {title.rpartition(", ")[2] for title in titles} == {"staging", "production"}

    async def test_trouble_in_both_is_told_of_production_first(self) -> None:
        staging = Scene().service("web", latency=level(0.1, 0.8, noise=0))
        answer = await asked(apart(staging=staging, production=failing()))
        first, *_, last = texts(answer.report.what)
        assert first.startswith("checkout (production), since")
        assert last == "In staging, looked at by itself: web (staging) takes 800 ms to answer (p95)."

    async def test_where_only_one_has_what_is_asked_for_that_comes_first(self) -> None:
        answer = await asked(apart(production=failing(), staging=Scene().service("ledger")), "how is ledger?")
        assert "ledger does as before" in answer.report.what[0].text

    async def test_the_channels_environment_is_looked_at_and_no_other(self) -> None:
        sources = replace(
            apart(production=shop(), staging=failing()),
            alerts=[
                FakeCurrentAlerts("production", []),
                FakeCurrentAlerts("staging", failing().fires("Errors").alerts),
            ],
        )
        answer = await asked(sources, environment="prod")
        assert "Nothing looks wrong: no alert fires" in answer.report.what[0].text
        assert answer.report.what[-1].text == "This look is about prod, as this channel is."
        assert "staging" not in words(answer)

    async def test_the_questions_words_win(self) -> None:
        answer = await asked(apart(production=shop(), staging=failing()), "what about staging?", environment="prod")
        assert answer.report.what[0].text.startswith("checkout, since about 11:50:00 UTC (10 min ago): fails 40 %")
        assert answer.report.what[-1].text == "This look is about staging, as asked."

    async def test_an_environment_that_nobody_tells_of_is_said_to_be_missing(self) -> None:
        answer = await asked(apart(production=shop()), environment="staging")
        assert missing(answer)["prometheus"] == "none is configured for staging"

    async def test_alerts_of_other_environments_are_left_out_by_their_labels(self) -> None:
        scene = failing().fires("Errors").fires("Elsewhere")
        scene.alerts[1] = replace(scene.alerts[1], labels={**scene.alerts[1].labels, "env": "staging"})
        answer = await asked(replace(scene.sources(), environments={"prometheus": "prod"}), environment="prod")
        assert "Elsewhere" not in words(answer)
        assert "Errors" in words(answer)


class TestServiceOfTheChannel:
    async def test_it_is_what_a_question_that_names_none_is_about(self) -> None:
        scene = (
            Scene()
            .service("web", failing=level(0, 0.5, 20, noise=0))
            .service("payments", failing=level(0, 0.2, noise=0))
        )
        answer = await asked(scene.sources(), service="payments")
        assert answer.report.what[0].text.startswith("payments, since about 11:50:00 UTC")
        assert answer.report.what[-1].text == "This look is about payments, as this channel is."
        answer = await asked(scene.sources(), "why is web failing?", service="payments")
        assert answer.report.what[0].text.startswith("web, since about 11:40:00 UTC")
        assert "channel" not in words(answer)

    async def test_one_that_is_well_is_said_to_be(self) -> None:
        answer = await asked(shop().sources(), service="payments", environment="production")
        assert "payments does as before" in answer.report.what[0].text
        assert answer.report.what[-1].text == "This look is about payments, as this channel is."
        assert missing(answer)["prometheus"].startswith("has no label that tells environments apart")

    async def test_one_that_nobody_knows_is_said_not_to_be_seen(self) -> None:
        answer = await asked(shop().sources(), service="ledger")
        assert "How ledger answers: no metrics of requests were seen under the usual names." in answer.report.unknown
        assert not any("ledger" in claim.text for claim in answer.report.what)

    async def test_with_an_environment_that_was_asked_for_but_nobody_tells_of(self) -> None:
        answer = await asked(shop().sources(), "how is staging?", service="payments")
        assert answer.report.what[-1].text == "This look is about payments, as this channel is."

    async def test_with_an_environment_that_was_asked_for(self) -> None:
        sources = apart(production=shop(), staging=shop())
        answer = await asked(sources, "how is staging?", service="payments")
        assert answer.report.what[-1].text == "This look is about payments (as this channel is) in staging, as asked."


class Partly(FakeAlertHistory):
    """A record of alerts that misses some."""

    async def history(self, window: TimeWindow) -> Sequence[Alert]:
        return Listing(tuple(self.alerts), (MissingSource(self.name, "a store did not answer"),))


async def test_records_of_alerts_that_miss_some_are_named_and_used() -> None:
    record = Partly("thanos", failing().fires("Errors").alerts)
    answer = await asked(replace(told_by(thanos=failing()), histories=[record]))
    assert missing(answer) == {"thanos": "a store did not answer"}
    assert "Firing: Errors" in words(answer)


async def test_spellings_of_one_environment_are_one() -> None:
    sources = replace(told_by(eu=failing(), us=shop()), environments={"eu": "prod", "us": "Production"})
    assert "looked at by itself" not in words(await asked(sources))


async def test_an_empty_prometheus_is_not_said_to_lack_an_environment() -> None:
    answer = await asked(Scene().sources(), environment="production")
    assert missing(answer) == {}
