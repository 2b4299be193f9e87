"""What the first look says: few lines, every one true, with evidence, and none without information."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.agent.verify import verify
from sre_bot.first_look import FirstLook
from sre_bot.first_look.discovery import Sign
from sre_bot.incident import AlertState
from sre_bot.investigation import CauseKind, Question, RemediationAction
from sre_bot.render.summary import since
from tests.first_look.scenes import AT, ONSET, TIMES, Scene, ago, level, shop, words

if TYPE_CHECKING:
    from sre_bot.investigation import Claim

BAD, OLD, OTHER = "b" * 40, "a" * 40, "c" * 40


def texts(claims: tuple[Claim, ...]) -> list[str]:
    return [claim.text for claim in claims]


def bad_deploy() -> Scene:
    """Checkout gives up on payments too soon since a deploy; web feels it; payments and inventory are well."""
    failing = level(0, 0.4, noise=0)
    scene = Scene()
    scene.service("web", failing=level(0, 0.1, noise=0), rate=level(100, noise=0)).service("checkout", failing=failing)
    scene.service("inventory").service("payments")
    scene.calls("web", "checkout", failing=failing, status="502").calls("checkout", "inventory")
    scene.calls("checkout", "payments", failing=failing, status="timeout")
    scene.fires("CheckoutErrors", runbook_url="https://runbooks.example/checkout", summary="40 % of orders fail")
    scene.commit(OLD, 3000, "checkout: say hello", "checkout/app.py")
    scene.commit(OTHER, 40, "web: nicer", "web/page.py").commit(
        BAD, 30, "checkout: short timeouts", "checkout/conf.yaml"
    )
    scene.deploy(OLD, 2900, "checkout").deploy(OTHER, 25, "web").deploy(BAD, 11, "checkout").deploy(BAD, 4, "inventory")
    return scene


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
    assert (report.remediation.action, report.remediation.target) == (RemediationAction.ROLLBACK, "checkout")
    assert report.unknown == ()


async def test_innocent_deploys_after_the_onset_are_named_with_why() -> None:
    scene = bad_deploy().commit("d" * 40, 20, "inventory: prices").deploy("d" * 40, 7, "inventory")
    told = texts((await scene.asked()).report.ruled_out)
    assert told[0] == "Deploy of inventory dddddddddd “inventory: prices” by Ann: deployed 3 min after it began."


async def test_evidence_says_who_moved_who_did_not_and_where_to_see_it() -> None:
    answer = await bad_deploy().asked()
    alerts, errors = answer.evidence[:2]
    assert alerts.summary == "fires: CheckoutErrors “40 % of orders fail”"
    assert errors.summary == (
        "share of requests that fail: checkout 0 % → 40 % at 11:50:00 (step); "
        "web 0 % → 10 % at 11:50:00 (step); "
        "as before: inventory 0 %, payments 0 %"
    )
    assert errors.observation.links[0].title == "graph"
    lines = errors.observation.content.splitlines()
    assert lines[0] == "share of requests that fail, 11:01:15 to 12:00:00 UTC"
    assert re.fullmatch("checkout 0 % → 40 % at 11:50:00 \\(step\\), now ending in 500 [▁-█]+", lines[1])
    assert errors.arguments["query"] == lines[-1].removeprefix("query: ")
    (chart,) = errors.observation.charts
    assert [mark.label for mark in chart.marks] == ["onset", "deploy bbbbbbbb"]
    assert since(answer) == ONSET
    changes = answer.evidence[-1]
    assert changes.summary == "3 deploys and 2 commits in the last 25 h, each held against when and where it began"
    assert f"[{BAD}]" in changes.observation.content


async def test_links_lead_to_the_commit_that_is_blamed() -> None:
    scene = bad_deploy()
    scene.commits = [replace(commit, url=f"https://git.example/{commit.revision}") for commit in scene.commits]
    changes = (await scene.asked()).evidence[-1]
    assert changes.observation.links[0].url == f"https://git.example/{BAD}"
    assert changes.observation.links[0].title == "commit bbbbbbbbbb"


SCENES = {
    "healthy": shop(),
    "empty": Scene(),
    "bad deploy": bad_deploy(),
    "third party": bad_deploy().calls("checkout", "api.pay.example", failing=level(0, 0.9, noise=0), status="503"),
    "unseen peer": bad_deploy().calls("checkout", "db:5432", failing=level(0, 0.9, noise=0)),
    "surge": Scene().service("checkout", rate=level(20, 100, 12), failing=level(0, 0.3, noise=0)).fires("Errors"),
    "down": shop().gauge("up", Sign.UP, "checkout", level(1, 0, noise=0)).fires("Down"),
    "pool": shop().gauge("pool_in_use", Sign.SATURATION, "checkout", level(0.2, 1, noise=0), "pool_max"),
    "gone": Scene()
    .service("web", failing=level(0, 0.4, noise=0))
    .service("checkout", rate=np.where(ONSET.timestamp() > TIMES, 20, np.nan))
    .calls("web", "checkout", failing=level(0, 0.4, noise=0), status="connection_error"),
    "alert only": shop().fires("Mysterious").fires("Lonely", None),
    "commit only": replace(bad_deploy(), deploys=[]),
}


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


async def test_alerts_that_do_not_fire_are_evidence_only() -> None:
    scene = shop().fires("Known").fires("Before")
    scene.alerts[0] = replace(scene.alerts[0], state=AlertState.SILENCED)
    scene.alerts[1] = replace(scene.alerts[1], state=AlertState.RESOLVED, ended_at=ago(3))
    scene.past = [replace(scene.alerts[0], name="Wobble", state=AlertState.PENDING, ended_at=ago(30))]
    answer = await scene.asked("hmm?")
    assert answer.evidence[0].observation.content.splitlines() == [
        "Known (critical, checkout), silenced, since 11:52:00 (8 min)",
        "Before (critical, checkout), resolved, from 11:52:00 to 11:57:00",
    ]
    assert answer.evidence[0].summary.startswith("nothing fires; Known")
    assert "Nothing looks wrong" in words(answer)


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


async def test_a_caller_that_does_well_itself_may_still_be_where_it_begins() -> None:
    scene = Scene().service("checkout").service("inventory", rate=level(20, 100, noise=0), latency=level(0.1, 1.0))
    scene.calls("checkout", "inventory", rate=level(20, 100, noise=0)).deploy(BAD, 11, "checkout")
    report = (await scene.fires("Slow", "inventory").asked("inventory is slow?")).report
    assert report.what[0].text.startswith("inventory, since about 11:50")
    assert report.what[1].text.startswith("checkout calls inventory ×5.0 as often")
    assert report.hypotheses[0].change == BAD


@pytest.mark.parametrize(
    ("name", "hypothesis", "step", "action"),
    [
        ("unseen peer", "Trouble at db:5432, which nobody measures here", "Look at db:5432", None),
        ("surge", "More traffic: requests to checkout grew ×5.", "Find out who sends", RemediationAction.SCALE),
        (
            "gone",
            "An outage: checkout tells of no requests any more",
            "Find out why checkout",
            RemediationAction.RESTART,
        ),
        ("down", "An outage: checkout does not answer its scrapes", "Find out why checkout", RemediationAction.RESTART),
        ("pool", "A limit was reached: checkout uses 100 % of a limit", "Find out what fills", RemediationAction.SCALE),
    ],
)
async def test_causes_that_are_no_change(
    name: str, hypothesis: str, step: str, action: RemediationAction | None
) -> None:
    report = (await replace(SCENES[name], deploys=[], commits=[]).asked()).report
    assert report.hypotheses[0].claim.text.startswith(hypothesis)
    assert report.hypotheses[0].claim.text.endswith("; no change explains it.")
    assert report.hypotheses[0].change is None
    assert report.next_steps[0].text.startswith(step)
    assert (report.remediation.action if report.remediation else None) == action


async def test_an_unknown_cause_sends_to_the_logs() -> None:
    report = (await replace(bad_deploy(), deploys=[], commits=[]).asked()).report
    assert report.hypotheses == ()
    assert report.next_steps[0].text == "Read the logs of checkout from 11:50:00 UTC on."
    assert report.unknown == (
        "The cause: it begins at checkout, but no change and no other evidence explains it well enough.",
    )
    assert report.remediation is None


async def test_without_a_clear_onset_that_is_said() -> None:
    scene = Scene().service("checkout", failing=np.linspace(0, 0.4, len(TIMES))).fires("CheckoutErrors")
    report = (await scene.asked()).report
    assert re.fullmatch(r"checkout: fails [\d.]+ % of its requests \(500, was [\d.]+ %\)\.", report.what[0].text)
    assert "When it began: nothing shows a clear onset in this window." in report.unknown
    assert report.next_steps[0].text == "Read the logs of checkout."


async def test_a_commit_without_a_deploy_is_reverted_and_one_without_predecessor_rolled_back_all_the_same() -> None:
    alone = replace(bad_deploy(), deploys=[])
    alone.commits[-1] = replace(alone.commits[-1], time=ago(11))
    report = (await alone.asked()).report
    assert report.hypotheses[0].claim.text.startswith("Commit bbbbbbbbbb “checkout: short timeouts” by Ann: committed")
    assert report.next_steps[0].text == "Revert commit bbbbbbbbbb, then watch checkout."
    first = bad_deploy()
    first.deploys = [deploy for deploy in first.deploys if deploy.time == ago(11)]
    step = (await first.asked()).report.next_steps[0].text
    assert step == "Roll back checkout to what ran before bbbbbbbbbb, then watch its errors."


async def test_a_commit_that_rode_along_is_named_with_the_deploy_that_carried_it() -> None:
    scene = bad_deploy().commit("e" * 40, 20, "checkout: bump a library", "checkout/lock.txt")
    scene.deploys = [replace(d, revision="e" * 40) if d.time == ago(11) else d for d in scene.deploys]
    best = (await scene.asked()).report.hypotheses[0]
    assert best.change == BAD
    assert best.claim.text.startswith("Deploy of checkout, which carries bbbbbbbbbb “checkout: short timeouts”")


async def test_two_explanations_that_are_about_as_likely_are_both_named() -> None:
    scene = bad_deploy()
    scene.commits = []
    scene.deploys = [replace(d, service="checkout") for d in scene.deploys if d.time in {ago(11), ago(25)}]
    first, second = (await scene.asked()).report.hypotheses
    assert (first.change, second.change) == (BAD, OTHER)
    assert first.confidence >= second.confidence >= first.confidence / 2


async def test_what_else_moved_at_the_culprit_is_evidence() -> None:
    scene = bad_deploy()
    scene.gauge("process_resident_memory_bytes", Sign.MEMORY, "checkout", level(2e8, 9e8))
    scene.gauge("process_resident_memory_bytes", Sign.MEMORY, "payments", level(2e8, 9e8))
    scene.gauge("db_query_duration_seconds_count", Sign.STEP, "checkout", level(0.01, 0.5))
    summaries = [one.summary for one in (await scene.asked()).evidence]
    (memory,) = [summary for summary in summaries if summary.startswith("memory in use: ")]
    assert memory.startswith("memory in use: checkout 1")
    assert "payments" not in memory
    (step,) = [summary for summary in summaries if summary.startswith("time of steps on the way")]
    assert "checkout [db_query_duration_seconds_count] 10 ms → " in step


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


async def test_long_lists_are_cut_and_say_so() -> None:
    scene = shop()
    for n in range(12):
        scene.service(f"s{n:02}", failing=level(0, 0.3, noise=0)).fires(f"Errors{n:02}", f"s{n:02}")
        scene.commit(f"{n:040}", 600 - n, f"Work {n}").deploy(f"{n:040}", 500 - n, f"s{n:02}")
    answer = await scene.asked("hmm?")
    assert "and 8 more." in answer.report.what[-1].text
    assert answer.report.impact[0].text.endswith("and 8 more.")
    assert "… and 8 more" in answer.evidence[1].observation.content
    assert "… and 4 more" in answer.evidence[-1].observation.content
    assert len(answer.suspects) == 5


async def test_a_fresh_system_tells_how_short_the_look_was() -> None:
    scene = shop()
    answers = dict(scene.metrics().answers)
    answers["count(up)"] = [replace(answers["count(up)"][0], times=TIMES[-20:], values=np.ones(20))]
    sources = replace(scene.sources(), metrics=replace(scene.metrics(), answers=answers))
    answer = await FirstLook(sources, now=lambda: AT)(Question("web?", AT))
    assert "as before over the last 3.5 min" in words(answer)
