"""What was seen is shown as evidence: what moved, what did not, and where to look at it."""

from __future__ import annotations

import re
from dataclasses import replace

from sre_bot.first_look.account import give_account
from sre_bot.first_look.discovery import Sign
from sre_bot.incident import AlertState
from sre_bot.investigation import Question
from sre_bot.render.summary import since
from sre_bot.tools.promql import Threshold
from tests.first_look.incidents import BAD, bad_deploy
from tests.first_look.scenes import ONSET, ago, level, shop, words


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


async def test_a_chart_tells_beyond_what_an_alert_on_it_fires() -> None:
    seen = await bad_deploy().seen()
    metric = next(one.signal.metric for one in seen.readings if one.signal.sign is Sign.ERRORS)
    told = (Threshold(frozenset({metric}), "requests/s", 9.0), Threshold(frozenset({metric}), "ratio", 0.05))
    account = give_account(Question("checkout is failing", seen.at), replace(seen, thresholds=told))
    charts = {chart.title: chart for one in account.evidence for chart in one.observation.charts}
    assert charts["share of requests that fail"].threshold == 0.05
    assert {chart.threshold for title, chart in charts.items() if "that fail" not in title} == {None}


async def test_links_lead_to_the_commit_that_is_blamed() -> None:
    scene = bad_deploy()
    scene.commits = [replace(commit, url=f"https://git.example/{commit.revision}") for commit in scene.commits]
    changes = (await scene.asked()).evidence[-1]
    assert changes.observation.links[0].url == f"https://git.example/{BAD}"
    assert changes.observation.links[0].title == "commit bbbbbbbbbb"


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


async def test_what_else_moved_at_the_culprit_is_evidence() -> None:
    scene = bad_deploy()
    scene.gauge("process_resident_memory_bytes", Sign.MEMORY, "checkout", level(2e8, 9e8))
    scene.gauge("process_resident_memory_bytes", Sign.MEMORY, "payments", level(2e8, 9e8))
    scene.gauge("db_query_duration_seconds_count", Sign.STEP, "checkout", level(0.01, 0.5, noise=0))
    summaries = [one.summary for one in (await scene.asked()).evidence]
    (memory,) = [summary for summary in summaries if summary.startswith("memory in use: ")]
    assert memory.startswith("memory in use: checkout 1")
    assert "payments" not in memory
    (step,) = [summary for summary in summaries if summary.startswith("time of steps on the way")]
    assert "checkout [db_query_duration_seconds_count] 10 ms → " in step


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
