"""What the catalogue adds to a look: one name a service, calls that nobody measures, whom to ask; and stale clones."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.agent.verify import verify
from sre_bot.catalogue import Catalogue
from sre_bot.first_look import FirstLook, Sources
from sre_bot.first_look.discovery import Sign
from sre_bot.first_look.naming import Naming
from sre_bot.incident import Service
from sre_bot.investigation import Question
from sre_bot.sources.repository import GitRepository
from tests.fakes import FakeRepository
from tests.first_look.incidents import BAD, bad_deploy, texts
from tests.first_look.scenes import AT, Scene, ago, level, shop, words

if TYPE_CHECKING:
    from pathlib import Path

    from sre_bot.investigation import Answer
    from tests.conftest import GitFolder


async def asked(scene: Scene, *known: Service, text: str = "what is going on?") -> Answer:
    sources = replace(scene.sources(), catalogue=Catalogue.of(known))
    answer = await FirstLook(sources, now=lambda: AT, deadline=30)(Question(text, AT))
    assert verify(answer.report, answer.evidence, AT).unverified == ()
    return answer


PAYMENTS = Service("payments", owner="team-pay", on_call="@pay", aliases=("Payment-Gateway", "pgw"))


class TestNames:
    async def test_metrics_alerts_and_deploys_of_one_service_come_together(self) -> None:
        scene = Scene().service("payment-gateway", failing=level(0, 0.4, noise=0)).fires("PayErrors", "pgw")
        scene.commit(BAD, 60, "pay: quicker", "pay/a.py").deploy(BAD, 11, "PGW")
        answer = await asked(scene, PAYMENTS)
        assert "payments, since about 11:50:00 UTC" in words(answer)
        assert "PayErrors (critical, payments)" in words(answer)
        assert answer.report.hypotheses[0].service == "payments"
        assert answer.report.hypotheses[0].change == BAD
        assert "gateway" not in words(answer).replace("also called Payment-Gateway, pgw", "")

    async def test_a_question_may_use_any_of_the_names(self) -> None:
        answer = await asked(Scene().service("payments").service("web"), PAYMENTS, text="is pgw ok?")
        assert "payments does as before" in answer.report.what[0].text

    def test_addresses_lead_to_services(self) -> None:
        naming = Naming(Catalogue.of([PAYMENTS]).names())
        assert naming.peer("http://payment-gateway.shop.svc:8080/pay") == "payments"
        assert naming.peer("PGW:80") == "payments"
        assert naming.peer("api.pay.example") == "api.pay.example"

    def test_the_first_to_claim_an_alias_has_it_and_a_name_comes_before(self) -> None:
        names = Catalogue.of([Service("a", aliases=("x", "c")), Service("b", aliases=("x",)), Service("c")]).names()
        assert (names["x"], names["c"]) == ("a", "c")

    async def test_whom_to_ask_is_evidence_and_a_next_step(self) -> None:
        checkout = Service("checkout", owner="orders", runbooks=("https://runbooks.example/checkout",))
        answer = await asked(bad_deploy(), checkout, PAYMENTS)
        told = "checkout: owner orders; runbooks https://runbooks.example/checkout"
        assert told in texts(answer.report.next_steps)
        (facts,) = [one for one in answer.evidence if one.tool == "describe_services"]
        assert facts.observation.content == told, "payments is not in play"
        assert facts.summary == "the catalogue on checkout"


WEB = Service("web", dependencies=("shop-checkout",))
CHECKOUT = Service("checkout", aliases=("shop-checkout",))


def slow(minutes: float = 10) -> Scene:
    """Web and checkout got slow; checkout so many minutes ago."""
    scene = Scene().service("web", latency=level(0.1, 1, 9, noise=0))
    return scene.service("checkout", latency=level(0.1, 1, minutes, noise=0))


class TestDeclaredDependencies:
    async def test_where_no_calls_are_measured_they_lead_to_what_failed_first(self) -> None:
        answer = await asked(slow(), WEB, CHECKOUT, text="web is slow")
        assert (
            "What got worse leads web → checkout; no metrics tell of the calls web → checkout, which the catalogue "
            "declares."
        ) in texts(answer.report.what)
        assert answer.report.what[1].text.startswith("checkout, since about 11:50:00")

    async def test_without_them_it_stays_where_it_was_asked_about(self) -> None:
        assert "→ checkout" not in words(await asked(slow(), CHECKOUT, text="web is slow"))

    async def test_what_failed_later_is_not_why(self) -> None:
        answer = await asked(slow(minutes=3), WEB, CHECKOUT, text="web is slow")
        assert "→ checkout" not in words(answer)
        assert "Also worse: checkout" in words(answer)

    async def test_they_weigh_less_than_measured_calls(self) -> None:
        def deployed(scene: Scene) -> Scene:
            return (
                scene.commit(BAD, 60, "checkout: x", "checkout/a.py").deploy(BAD, 11, "checkout").fires("Slow", "web")
            )

        measured = slow().calls("web", "checkout", latency=level(0.1, 1, 9, noise=0))
        sure = await asked(deployed(measured), text="web is slow")
        less = await asked(deployed(slow()), WEB, CHECKOUT, text="web is slow")
        assert less.report.hypotheses[0].change == sure.report.hypotheses[0].change == BAD
        assert less.report.hypotheses[0].confidence < sure.report.hypotheses[0].confidence

    async def test_those_that_do_as_before_are_marked(self) -> None:
        scene = shop()
        scene.told["http_requests_total", Sign.ERRORS][1] = replace(
            scene.told["http_requests_total", Sign.ERRORS][1], values=level(0, 8, noise=0)
        )
        ledger = Service("checkout", dependencies=("ledger", "payments"))
        answer = await asked(scene.service("ledger"), ledger)
        assert "What checkout calls: inventory, ledger (declared), payments do as before." in texts(
            answer.report.ruled_out
        )

    async def test_services_that_declare_each_other_end_somewhere(self) -> None:
        back = replace(CHECKOUT, dependencies=("web",))
        answer = await asked(slow(minutes=9), WEB, back, text="web is slow")
        assert "leads web → checkout; no metrics" in words(answer)


def fetched(at: datetime) -> Sources:
    """The sources of a bad deploy, the repository fetched at that time."""
    scene = bad_deploy()
    repository = FakeRepository(line=scene.commits, diffs=scene.diffs, fetched=at)
    return replace(scene.sources(), repositories=[repository])


class TestStaleClones:
    async def test_a_clone_that_lags_is_named_with_what_is_missing(self) -> None:
        sources = fetched(ago(180))
        answer = await FirstLook(sources, now=lambda: AT)(Question("why?", AT))
        (missing,) = answer.report.missing
        assert (missing.source, missing.why) == ("shop", "last fetched 3 h ago: changes since then are not seen")

    async def test_one_that_was_fetched_lately_is_not(self) -> None:
        sources = fetched(ago(20))
        assert (await FirstLook(sources, now=lambda: AT)(Question("why?", AT))).report.missing == ()

    @pytest.mark.parametrize(("hours_ago", "lags"), [(0, True), (2, False), (10, False)])
    async def test_of_a_real_clone_it_is_relative_to_the_moment(
        self, git_folder: GitFolder, tmp_path: Path, hours_ago: float, *, lags: bool
    ) -> None:
        """Fetched three hours ago; asked as of so many hours ago."""
        now = datetime.now(UTC)
        git_folder.commit("one", {"a": "1"}, now - timedelta(days=3))
        git_folder.git("clone", "--quiet", f"file://{git_folder.path}", str(tmp_path / "clone"))
        mark = tmp_path / "clone" / ".git" / "sre-bot-fetched"
        mark.touch()
        fetched = (now - timedelta(hours=3)).timestamp()
        os.utime(mark, (fetched, fetched))
        sources = Sources(repositories=[GitRepository(tmp_path / "clone", name="shop")])
        question = Question("why?", now - timedelta(hours=hours_ago))
        answer = await FirstLook(sources, now=lambda: now)(question)
        told = {one.source: one.why for one in answer.report.missing}
        assert told.get("shop") == ("last fetched 3 h ago: changes since then are not seen" if lags else None)
