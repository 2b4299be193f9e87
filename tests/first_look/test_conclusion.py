"""From everything that was seen to where it begins and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_bot.first_look.conclusion import Conclusion, conclude, healthy, named
from sre_bot.first_look.discovery import Sign
from sre_bot.incident import Change, ChangeKind
from sre_bot.investigation import CauseKind
from tests.first_look.readings import of, reading, seen
from tests.first_look.scenes import AT, ONSET, TIMES, Scene, ago, level, shop

if TYPE_CHECKING:
    from sre_bot.first_look.seen import Reading, Seen

BAD, OLD = "b" * 40, "a" * 40


async def concluded(scene: Scene, question: str = "checkout is failing?") -> Conclusion:
    return conclude(await scene.seen(), question)


def failing_checkout() -> Scene:
    """Checkout and, through it, web fail; everything else is well."""
    scene = Scene()
    scene.service("web", rate=level(20), failing=level(0, 0.1, noise=0), latency=level(0.1))
    scene.service("checkout", rate=level(20), failing=level(0, 0.4, noise=0), latency=level(0.1))
    scene.service("inventory", rate=level(20), latency=level(0.1))
    scene.calls("web", "checkout", failing=level(0, 0.4, noise=0))
    scene.calls("checkout", "inventory")
    return scene.fires("CheckoutErrorsHigh")


async def test_nothing_is_wrong_in_a_healthy_shop() -> None:
    found = await concluded(shop())
    assert (found.kind, found.culprit, found.symptoms, found.onset) == (CauseKind.NONE, None, (), None)
    assert found.blamed is None


async def test_a_deploy_of_the_failing_service_just_before_the_onset_is_blamed() -> None:
    scene = failing_checkout().commit(BAD, 60, "checkout: new retries", "checkout/app.py").deploy(BAD, 11, "checkout")
    found = await concluded(scene)
    assert found.culprit == "checkout"
    assert found.blamed is not None
    assert found.blamed.revision == BAD
    assert found.kind is CauseKind.CHANGE
    assert found.confidence(found.blamed.score) > 0.5
    assert found.onset is not None
    assert abs(found.onset - ONSET) <= timedelta(seconds=30)


async def test_a_change_of_configuration_only_is_one_of_configuration() -> None:
    scene = failing_checkout().commit(BAD, 60, "Shorter", "checkout/config.yaml").deploy(BAD, 11, "checkout")
    assert (await concluded(scene)).kind is CauseKind.CONFIG


async def test_a_change_of_a_dependency_is_blamed_when_the_calls_to_it_fail() -> None:
    scene = failing_checkout()
    failing = level(0, 0.5, noise=0)
    scene.service("payments", failing=failing).calls("checkout", "payments", failing=failing)
    scene.deploy(BAD, 12, "payments").deploy(OLD, 30, "checkout")
    found = await concluded(scene)
    assert found.trail.services == ("checkout", "payments")
    assert found.blamed is not None
    assert found.blamed.change.service == "payments"


async def test_a_deploy_after_the_onset_is_not_blamed() -> None:
    found = await concluded(failing_checkout().deploy(BAD, 5, "checkout"))
    assert found.blamed is None
    assert found.kind is CauseKind.UNKNOWN
    assert [verdict.score for verdict in found.verdicts] == [0]


async def test_a_delayed_onset_still_leads_to_the_deploy_before_it() -> None:
    """A leak or a cache that runs out shows half an hour after the deploy."""
    scene = failing_checkout().commit(BAD, 60, "Cache prices", "checkout/app.py").deploy(BAD, 40, "checkout")
    found = await concluded(scene.deploy(OLD, 8, "web"))
    assert found.blamed is not None
    assert found.blamed.revision == BAD


async def test_a_third_party_that_answers_with_errors_beats_a_deploy_just_before() -> None:
    scene = failing_checkout().calls("checkout", "api.cardpay.example", failing=level(0, 0.4, noise=0))
    found = await concluded(scene.deploy(BAD, 11, "checkout"))
    assert (found.trail.peer, found.kind, found.blamed) == ("api.cardpay.example", CauseKind.EXTERNAL_DEPENDENCY, None)
    assert found.confidence(found.no_change) > 0.6


async def test_a_third_party_given_up_on_does_not_beat_a_deploy_about_just_that() -> None:
    """A shorter time-out of ours looks like a third party that got slow."""
    scene = failing_checkout()
    scene.calls("checkout", "api.cardpay.example", failing=level(0, 0.4, noise=0), status="timeout")
    for n in range(3):
        scene.commit(str(n) * 40, 600 - n, f"Work {n}", f"checkout/{n}.py")
    scene.commit(BAD, 60, "checkout: shorter timeout for cardpay calls", "checkout/config.yaml")
    found = await concluded(scene.deploy(BAD, 10.5, "checkout"))
    assert found.blamed is not None
    assert found.blamed.revision == BAD
    unchanged = await concluded(replace(scene, deploys=[], commits=[]))
    assert (unchanged.kind, unchanged.blamed) == (CauseKind.EXTERNAL_DEPENDENCY, None)


async def test_a_peer_that_nobody_measures_is_trouble_of_the_infrastructure() -> None:
    found = await concluded(failing_checkout().calls("checkout", "orders-db:5432", failing=level(0, 0.4, noise=0)))
    assert (found.trail.peer, found.kind) == ("orders-db:5432", CauseKind.INFRASTRUCTURE)


async def test_more_demand_before_it_fails_is_a_surge() -> None:
    scene = Scene().service("web", rate=level(20, 100, 12), failing=level(0, 0.3, noise=0))
    found = await concluded(scene.fires("WebErrors", "web"), "web?")
    assert found.kind is CauseKind.TRAFFIC
    assert found.surge is not None
    assert found.surge.service == "web"


async def test_a_surge_is_told_where_it_comes_in_not_where_it_arrives() -> None:
    scene = Scene().service("web", rate=level(20, 100, 12)).calls("web", "checkout", rate=level(20, 100, 12))
    found = await concluded(scene.service("checkout", rate=level(20, 100, 12), failing=level(0, 0.3, noise=0)))
    assert found.kind is CauseKind.TRAFFIC
    assert found.surge is not None
    assert found.surge.service == "web"


async def test_more_requests_after_it_began_to_fail_are_only_people_who_try_again() -> None:
    scene = Scene().service("web", rate=level(20, 100, 5), failing=level(0, 0.3, 20, noise=0))
    found = await concluded(scene.fires("WebErrors", "web"), "web?")
    assert found.surge is None
    assert found.kind is CauseKind.UNKNOWN


async def test_a_service_that_calls_another_more_often_is_where_it_begins() -> None:
    slow = level(0.1, 1.0)
    scene = Scene().service("checkout", rate=level(20), latency=slow)
    scene.service("inventory", rate=level(20, 200), latency=slow)
    scene.calls("checkout", "inventory", rate=level(20, 200), latency=slow)
    found = await concluded(scene.deploy(BAD, 11, "checkout").deploy(OLD, 10.5, "inventory"))
    assert found.culprit == "checkout"
    assert found.surge is None
    assert found.blamed is not None
    assert found.blamed.revision == BAD


async def test_a_service_that_is_down() -> None:
    scene = failing_checkout().service("payments", rate=np.where(ONSET.timestamp() > TIMES, 20, np.nan))
    scene.gauge("up", Sign.UP, "payments", level(1, 0, noise=0))
    scene.calls("checkout", "payments", failing=level(0, 1, noise=0), status="connection_error")
    found = await concluded(scene)
    assert (found.culprit, found.kind) == ("payments", CauseKind.INFRASTRUCTURE)


async def test_a_pool_that_runs_full_without_a_change_is_a_matter_of_capacity() -> None:
    scene = failing_checkout()
    scene.gauge("db_pool_in_use", Sign.SATURATION, "checkout", level(0.3, 1.0, noise=0), "db_pool_max")
    assert (await concluded(scene)).kind is CauseKind.CAPACITY
    scene.gauge("db_pool_max", Sign.LIMIT, "checkout", level(12, 2, noise=0))
    lowered = await concluded(scene)
    assert lowered.kind is CauseKind.UNKNOWN, "somebody lowered it, so capacity explains nothing"
    scene.commit(OLD, 700, "Say hello", "checkout/app.py").commit(BAD, 60, "Fit the pool", "checkout/app.py")
    assert (await concluded(scene.deploy(OLD, 30, "checkout").deploy(BAD, 12, "checkout"))).verdicts[0].revision == BAD


async def test_without_an_alert_or_an_onset_it_is_less_sure() -> None:
    scene = failing_checkout().deploy(BAD, 11, "checkout")
    alerted = await concluded(scene)
    silent = conclude(replace(await scene.seen(), alerts=()), "checkout?")
    assert sureness(silent) < sureness(alerted)
    climb = Scene().service("checkout", failing=np.linspace(0, 0.4, len(TIMES))).deploy(BAD, 50, "checkout")
    vague = await concluded(climb.fires("CheckoutErrorsHigh"))
    assert vague.culprit == "checkout"
    assert vague.onset is None
    assert sureness(vague) < sureness(silent)


def sureness(found: Conclusion) -> float:
    """The confidence in the best change."""
    return found.confidence(found.verdicts[0].score)


async def test_a_guess_is_not_named() -> None:
    """Two hours before, another service, no alert: the best suspect there is, and still no reason to roll back."""
    scene = replace(failing_checkout(), alerts=[]).deploy(BAD, 130, "inventory").deploy(OLD, 20, "search")
    found = await concluded(scene)
    assert found.verdicts
    assert (found.blamed, found.kind) == (None, CauseKind.UNKNOWN)


@pytest.mark.parametrize(
    ("question", "services"),
    [
        ("checkout is failing, what's going on?", ("checkout",)),
        ("is the Checkout-Service slow or is it web?", ("checkout", "web")),
        ("hmm?", ()),
        ("", ()),
        ("why does inventory-service answer 500?", ("inventory-service",)),
        ("checkouts", ()),
        ("\N{SNOWMAN} \x00 web", ("web",)),
        ("worker-2 hangs", ("worker-2",)),
        ("ка?", ("ка",)),
        ("workers hang? a worker does", ("worker-1", "worker-2")),
    ],
)
def test_services_that_a_question_names(question: str, services: tuple[str, ...]) -> None:
    known = {"web", "checkout", "inventory-service", "worker-1", "worker-2", "\N{SNOWMAN}\N{SNOWMAN}", "ка"}
    assert named(question, known) == services


async def test_what_is_asked_about_comes_before_what_alerts() -> None:
    scene = failing_checkout().service("search", failing=level(0, 0.3, noise=0))
    assert (await concluded(scene, "search is failing?")).trail.services == ("search",)
    assert (await concluded(scene, "hmm?")).trail.services == ("checkout",)
    assert (await concluded(scene, "inventory?")).trail.services == ("checkout",), "inventory is well"


async def test_who_is_well() -> None:
    scene = failing_checkout()
    saw = await scene.seen()
    assert healthy(saw, conclude(saw, "").symptoms) == {"inventory"}


CHAIN: tuple[Reading, ...] = (
    reading(Sign.ERRORS, "web", 0, 0.1),
    reading(Sign.ERRORS, "web", 0, 0.4, peer="checkout"),
    reading(Sign.ERRORS, "checkout", 0, 0.4),
    reading(Sign.TRAFFIC, "web", 20),
    reading(Sign.TRAFFIC, "checkout", 20),
    reading(Sign.LATENCY, "inventory", 0.1),
    reading(Sign.SATURATION, "checkout", 0.3, 1.0, metric="db_pool_in_use"),
)
CHANGES = (
    Change(ChangeKind.COMMIT, ago(60), "Fit the pool", BAD, files=("checkout/app.py",)),
    Change(ChangeKind.COMMIT, ago(90), "Say hello", OLD, files=("web/app.py",)),
    Change(ChangeKind.DEPLOY, ago(11), "deploy", BAD, "checkout"),
    Change(ChangeKind.DEPLOY, ago(20), "deploy", OLD, "web"),
)


def told(saw: Seen) -> tuple[object, ...]:
    """What a conclusion says, without what merely was looked at."""
    found = conclude(saw, "web?")
    order = [verdict.revision for verdict in found.verdicts]
    return found.trail, found.onset, found.kind, found.symptoms, order, found.confidence(0.5)


@settings(max_examples=40)
@given(st.permutations(CHAIN), st.permutations(CHANGES))
def test_the_order_in_which_things_are_seen_makes_no_difference(readings: list[Reading], changes: list[Change]) -> None:
    saw = seen(*CHAIN)
    assert told(replace(saw, readings=tuple(readings), changes=tuple(changes))) == told(replace(saw, changes=CHANGES))


@settings(max_examples=40)
@given(
    st.sampled_from(list(Sign)),
    st.sampled_from(["web", "checkout", "search"]),
    st.sampled_from([None, "checkout", "api.cardpay.example"]),
    st.floats(0, 1e6),
)
def test_a_series_that_never_moves_changes_nothing(sign: Sign, service: str, peer: str | None, value: float) -> None:
    saw = replace(seen(*CHAIN, services="web checkout inventory search"), changes=CHANGES)
    constant = of(sign, service, np.full(len(TIMES), value), peer=peer, metric="another")
    assert told(replace(saw, readings=(*saw.readings, constant))) == told(saw)


def test_what_was_seen_of_nothing_concludes_nothing() -> None:
    found = conclude(seen(), "checkout is failing?")
    assert (found.kind, found.culprit, found.asked) == (CauseKind.NONE, None, ("checkout",))
    assert AT > ONSET
