"""Why it happened, what is innocent, and what to do first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sre_bot.investigation import RemediationAction
from tests.first_look.incidents import BAD, OTHER, SCENES, bad_deploy, texts
from tests.first_look.scenes import Scene, ago, level


async def test_innocent_deploys_after_the_onset_are_named_with_why() -> None:
    scene = bad_deploy().commit("d" * 40, 20, "inventory: prices").deploy("d" * 40, 7, "inventory")
    told = texts((await scene.asked()).report.ruled_out)
    assert told[0] == "Deploy of inventory dddddddddd “inventory: prices” by Ann: deployed 3 min after it began."


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
            "An outage: checkout tells of no requests any more (was 20/s)",
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
