"""What the first look says: few lines, every one true, with evidence, and none without information."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from sre_bot.agent.verify import verify
from sre_bot.first_look import FirstLook
from sre_bot.first_look.discovery import Sign
from sre_bot.investigation import CauseKind, Question, RemediationAction
from tests.first_look.incidents import BAD, SCENES, bad_deploy, texts
from tests.first_look.scenes import AT, TIMES, Scene, level, shop, words


async def test_an_incident_is_told_in_a_few_lines() -> None:
    report = (await bad_deploy().asked()).report
    assert texts(report.what) == [
        "checkout, since about 11:50:00 UTC (10 min ago): fails 40 % of its requests (500, was 0 %).",
        "Firing: CheckoutErrors (critical, checkout) since 11:52:00 (8 min).",
    ]
    assert texts(report.impact) == [
        "Also worse: web fails 10 % of its requests (500).",
        "Requests: checkout as before, 20/s; web as before, 100/s.",
    ]
    (best,) = report.hypotheses
    assert best.claim.text == (
        "Deploy of checkout bbbbbbbbbb “checkout: short timeouts” by Ann: deployed 11:49:00, 60 s before the onset; "
        "checkout is what fails; it is about what fails (timeout)."
    )
    assert (best.kind, best.service, best.change) == (CauseKind.CONFIG, "checkout", BAD)
    assert texts(report.next_steps) == [
        "Roll back checkout to aaaaaaaaaa, which ran until 11:49:00 UTC; then watch its errors.",
        "Runbook of CheckoutErrors: https://runbooks.example/checkout",
    ]
    web = "Deploy of web cccccccccc “web: nicer” by Ann"
    assert texts(report.ruled_out) == [
        f"{web}: fits less: deployed 11:35:00, 15 min before the onset; web calls what fails.",
        "What checkout calls: inventory, payments do as before.",
        "More traffic: no service is asked much more often than before.",
    ]
    assert report.remediation is not None
    assert (report.remediation.action, report.remediation.target) == (RemediationAction.CONFIG_REVERT, "checkout")
    assert report.unknown == ()


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
@pytest.mark.parametrize("question", ["checkout is failing?", "web is slow?", "hmm?", "what of \N{SNOWMAN}?"])
async def test_every_claim_stands_on_evidence(scene: Scene, question: str) -> None:
    """Held to what a model is held to: cited evidence exists, and a blamed commit occurs in it."""
    answer = await scene.asked(question)
    held = verify(answer.report, answer.evidence, AT)
    assert held.unverified == ()
    assert held.hypotheses == answer.report.hypotheses
    assert 1 <= len(answer.report.what) <= 5
    assert all(claim.text.endswith((".", "checkout")) for claim in (*answer.report.what, *answer.report.impact))
    assert "nan" not in words(answer).lower().split()
    best = answer.report.hypotheses[:1]
    assert [h.confidence for h in answer.report.hypotheses] == sorted(
        (h.confidence for h in answer.report.hypotheses), reverse=True
    )
    if best and best[0].change is not None:
        assert best[0].change == answer.suspects[0].change


async def test_a_healthy_shop_accuses_nobody() -> None:
    answer = await shop().deploy(BAD, 10, "checkout").asked("web is slow?")
    report = answer.report
    (only,) = texts(report.what)
    assert re.fullmatch(
        "Nothing looks wrong: no alert fires, and web does as before over the last 59 min: "
        r"web [\d.]+ requests/s, 0 % of them fail, [\d.]+ ms to answer \(p95\)\.",
        only,
    )
    assert (report.hypotheses, report.ruled_out, report.next_steps, report.unknown, report.remediation) == (
        (), (), (), (), None,
    )  # fmt: skip
    assert answer.suspects == ()


async def test_without_a_service_in_the_question_the_busiest_entrance_speaks_for_all() -> None:
    (only,) = texts((await shop().asked("hmm?")).report.what)
    assert only.startswith(
        "Nothing looks wrong: no alert fires, and checkout, inventory, payments, web do as before over"
    )
    assert ": web " in only


async def test_what_fails_all_along_is_not_well() -> None:
    """It began before there are data, or before the window: no change, and no all-clear either."""
    answer = await Scene().service("web").service("payments", failing=0.5).asked("is payments ok?")
    assert texts(answer.report.what) == ["Many requests fail, as they did all of the last 59 min: payments 50 %."]
    assert answer.report.unknown == (
        "Since when and why requests of payments fail: this window shows no clear beginning.",
    )


async def test_what_fails_all_along_is_no_part_of_what_is_well() -> None:
    answer = await Scene().service("web").service("payments", failing=0.5).asked("hmm?")
    failing, steady = texts(answer.report.what)
    assert failing.endswith(": payments 50 %.")
    assert steady.startswith("web does as before over the last 59 min: web 20 requests/s, 0 % of them fail")


async def test_what_was_asked_about_is_told_to_be_well_while_something_else_is_not() -> None:
    report = (await bad_deploy().asked("inventory is slow?")).report
    assert report.what[0].text.startswith("checkout, since")
    assert report.what[-1].text.startswith("inventory does as before over the last 59 min: inventory 20 requests/s")


async def test_an_alert_that_shows_in_no_signal_is_said_to_be_unexplained() -> None:
    report = (await shop().fires("Mysterious", "payments").asked("hmm?")).report
    assert texts(report.what)[0] == "Firing: Mysterious (critical, payments) since 11:52:00 (8 min)."
    assert report.unknown == ("The cause: what fires shows in none of the signals that were looked at.",)
    assert report.hypotheses == ()


async def test_alerts_are_told_once_each_the_worst_first() -> None:
    scene = shop().fires("Info", "web").fires("Page").fires("Page").fires("Alone", None)
    scene.alerts[0] = replace(scene.alerts[0], labels={"alertname": "Info", "service": "web", "severity": "info"})
    told = texts((await scene.asked("hmm?")).report.what)[0]
    assert re.findall(r"[A-Z]\w+ \([\w, ]+\) since", told) == [
        "Alone (critical) since", "Page (critical, checkout) since", "Info (info, web) since",
    ]  # fmt: skip


async def test_trouble_that_is_over_is_told_as_such() -> None:
    scene = Scene().service("checkout", failing=level(0, 0.4, 30, until=15, noise=0))
    told = (await scene.asked()).report.what[0].text
    assert told.startswith("checkout, since about 11:30:00 UTC (30 min ago): fails 40 % of its requests")
    assert told.endswith("; that is over by now.")


async def test_the_way_of_failing_calls_is_told() -> None:
    failing = level(0, 0.4, noise=0)
    scene = Scene().service("web", failing=failing).service("checkout", failing=failing)
    scene.calls("web", "checkout", failing=failing).calls("checkout", "api.pay.example", failing=failing, status="503")
    report = (await scene.asked("web?")).report
    assert "The calls that fail or take long lead web → checkout → api.pay.example." in texts(report.what)
    assert report.hypotheses[0].claim.text == (
        "Trouble at api.pay.example, a third party: checkout sees 40 % of its calls to api.pay.example fail (503); "
        "no change explains it."
    )
    assert (
        report.next_steps[0].text
        == "Look at the status page of api.pay.example and tell them; a rollback would not help."
    )
    assert report.remediation is not None
    assert (report.remediation.action, report.remediation.target) == ("escalate-upstream", "api.pay.example")


async def test_calls_made_more_often_are_told_with_their_numbers() -> None:
    slow = level(0.1, 1.0)
    scene = Scene().service("checkout", latency=slow).calls("checkout", "inventory", rate=level(20, 100, noise=0))
    told = texts((await scene.service("inventory").deploy(BAD, 11, "checkout").asked()).report.what)
    assert "checkout calls inventory ×5.0 as often (20/s → 100/s), but is not asked more often." in told


async def test_without_a_clear_onset_that_is_said() -> None:
    scene = Scene().service("checkout", failing=np.linspace(0, 0.4, len(TIMES))).fires("CheckoutErrors")
    report = (await scene.asked()).report
    assert re.fullmatch(r"checkout: fails [\d.]+ % of its requests \(500, was [\d.]+ %\)\.", report.what[0].text)
    assert "When it began: nothing shows a clear onset in this window." in report.unknown
    assert report.next_steps[0].text == "Read the logs of checkout."


async def test_a_change_of_demand_is_told_with_its_factor() -> None:
    scene = bad_deploy()
    scene.told["http_requests_total", Sign.TRAFFIC][0] = replace(
        scene.told["http_requests_total", Sign.TRAFFIC][0], values=level(100, 50, noise=0)
    )
    report = (await scene.asked("web?")).report
    assert "Requests: web ×0.5 since 11:50:00 UTC, 100/s → 50/s." in texts(report.impact)


async def test_demand_that_stops_is_told() -> None:
    report = (await SCENES["gone"].asked()).report
    assert "Requests: checkout none since 11:50:00 UTC, 20/s before; web as before, 20/s." in texts(report.impact)


async def test_a_fresh_system_tells_how_short_the_look_was() -> None:
    scene = shop()
    answers = dict(scene.metrics().answers)
    answers["count(up)"] = [replace(answers["count(up)"][0], times=TIMES[-20:], values=np.ones(20))]
    sources = replace(scene.sources(), metrics=[replace(scene.metrics(), answers=answers)])
    answer = await FirstLook(sources, now=lambda: AT)(Question("web?", AT))
    assert "as before over the last 3.5 min" in words(answer)
