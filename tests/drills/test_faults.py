"""Every fault is a playable scenario in which the fault hides among innocent rollouts."""

from __future__ import annotations

import ast
from datetime import UTC, datetime

import pytest
import yaml

from sre_bot.drills import history
from sre_bot.drills.card_processor import HOST
from sre_bot.drills.faults import Disturbance, Rollout, commits, fault_named, faults
from sre_bot.drills.rollout import SERVICES, Deploy
from sre_bot.errors import BadInputError

NAMES = [fault.name for fault in faults()]


def is_fault(step: Rollout | Disturbance) -> bool:
    return isinstance(step, Disturbance) or step.fault


def test_there_are_faults_by_a_change_of_the_alerting_service_by_another_and_by_none() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {fault.caused_by_change for fault in faults()} == {True, False}
    assert {fault.culprit for fault in faults()} >= {"checkout", "inventory", HOST}


@pytest.mark.parametrize("name", NAMES)
def test_innocent_rollouts_of_other_services_come_before_the_fault_and_after_it(name: str) -> None:
    fault = fault_named(name)
    assert [step.at for step in fault.steps] == sorted(step.at for step in fault.steps)
    place = [is_fault(step) for step in fault.steps].index(True)
    assert [is_fault(step) for step in fault.steps].count(True) == 1
    rolled_out = [commits()[step.roll_out].service for step in fault.steps if isinstance(step, Rollout)]
    assert len(set(rolled_out)) == len(rolled_out)
    assert place >= 1
    assert len(fault.steps) > place + 1


@pytest.mark.parametrize("name", NAMES)
def test_the_fault_is_what_the_scenario_says_of_it(name: str) -> None:
    fault = fault_named(name)
    (step,) = [step for step in fault.steps if is_fault(step)]
    assert isinstance(step, Rollout) == fault.caused_by_change
    assert fault.culprit == (commits()[step.roll_out].service if isinstance(step, Rollout) else HOST)
    assert f"alert: {fault.alert}\n" in history.storefront()["monitoring/alerts.yaml"]


@pytest.mark.parametrize("name", NAMES)
def test_the_commits_of_a_scenario_fit_each_other_and_touch_only_their_service(name: str) -> None:
    files = dict(history.storefront())
    for step in fault_named(name).steps:
        if isinstance(step, Disturbance):
            continue
        commit = commits()[step.roll_out]
        assert commit.service in SERVICES
        for path, hunks in commit.changes.items():
            assert path.startswith(f"shop/{commit.service}/")
            files[path] = history.apply(hunks, files[path])
            assert ast.parse(files[path]).body if path.endswith(".py") else yaml.safe_load(files[path])


def test_every_commit_is_used_by_a_fault() -> None:
    steps = [step for fault in faults() for step in fault.steps]
    assert {step.roll_out for step in steps if isinstance(step, Rollout)} == commits().keys()


def test_an_unknown_fault_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="there are: checkout-timeout, "):
        fault_named("meteor")


def test_a_deploy_is_one_line_of_json_in_utc() -> None:
    deploy = Deploy(datetime(2026, 3, 4, 12, 0, 0, 250_000, tzinfo=UTC), "web", "abcdef0" + "1" * 33)
    assert deploy.to_json() == (
        '{"time": "2026-03-04T12:00:00.250Z", "service": "web",'
        f' "sha": "{deploy.sha}", "version": "2026.03.04-abcdef0"}}'
    )
