"""What would explain it if it was no change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.first_look.causes import remediation, suspects
from sre_bot.first_look.conclusion import Conclusion, conclude
from sre_bot.first_look.conditions import Condition, ConditionKind
from sre_bot.first_look.movers import Mover
from sre_bot.incident import Change, ChangeKind
from sre_bot.investigation import CauseKind, RemediationAction
from sre_bot.signals.series import Series, facts
from tests.first_look.readings import seen
from tests.first_look.scenes import AT, ago
from tests.first_look.test_place import alert, complaint, contrast

if TYPE_CHECKING:
    from sre_bot.first_look.seen import Seen

DEPLOY = Change(ChangeKind.DEPLOY, ago(25), "deploy", "d" * 40, "checkout")


def concluded(told: Seen) -> Conclusion:
    return conclude(replace(told, changes=(DEPLOY,), deploys=(DEPLOY,)), "checkout is failing?")


def condition(kind: ConditionKind, minutes: float, service: str | None = "checkout") -> Condition:
    return Condition(
        kind, "it", service, ago(minutes), 15, over=False, worst=1.0, unit="", said=f"{kind} it", metric="m", promql="q"
    )


def grown(service: str, minutes: float, metric: str = "requests_per_sec") -> Mover:
    times = np.arange(AT.timestamp() - 3600, AT.timestamp() + 1, 15)
    series = Series({}, times, np.where(times < ago(minutes).timestamp(), 100.0, 500.0))
    return Mover(service, metric, facts(series), ago(minutes), ago(minutes - 1), series)


def test_a_certificate_that_has_run_out_explains_it_better_than_a_deploy() -> None:
    found = concluded(replace(seen(), complaints=(complaint("checkout", 9, "x509: certificate has expired"),)))
    assert (found.kind, found.blamed) == (CauseKind.CERTIFICATE, None)
    assert [suspect.change for suspect in suspects(found)] == [None, DEPLOY.revision]
    told = remediation(found)
    assert told is not None
    assert (told.action, told.target) == (RemediationAction.ROTATE_CERT, "checkout")


def test_a_fault_that_nobody_else_explains_is_blamed_on_the_deploy() -> None:
    found = concluded(replace(seen(), complaints=(complaint("checkout", 24, "panic: nil pointer"),)))
    assert found.blamed is not None
    assert (found.other_cause, suspects(found)[0].change) == (CauseKind.UNKNOWN, DEPLOY.revision)


def test_what_an_alert_or_a_failed_request_says_counts_as_well() -> None:
    by_alert = concluded(replace(seen(), alerts=(alert("checkout", summary="no such host: mail.internal"),)))
    assert by_alert.other_cause is CauseKind.EXTERNAL_DEPENDENCY
    failed = contrast("checkout", error="api.carrier.com: 503")
    by_trace = concluded(replace(seen(), alerts=(alert("checkout"),), contrast=failed))
    assert by_trace.other_cause is CauseKind.EXTERNAL_DEPENDENCY
    well = concluded(replace(seen(), alerts=(alert("checkout"),), contrast=replace(failed, failed=False)))
    assert well.other_cause is CauseKind.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (ConditionKind.CERTIFICATE, RemediationAction.ROTATE_CERT),
        (ConditionKind.NODE, RemediationAction.RESCHEDULE),
        (ConditionKind.CLOCK, RemediationAction.RESTART),
    ],
)
def test_ground_that_gave_way_as_it_began_explains_it(kind: ConditionKind, action: RemediationAction) -> None:
    failing = replace(seen(), complaints=(complaint("checkout", 9),))
    found = concluded(replace(failing, conditions=(condition(kind, 10),)))
    assert (found.other_cause, found.outside.action) == (kind.cause, action)
    for other in (condition(kind, 50), condition(kind, 10, "search")):
        assert concluded(replace(failing, conditions=(other,))).other_cause is CauseKind.UNKNOWN


def test_ground_of_nobody_in_particular_is_everybodys() -> None:
    failing = replace(seen(), complaints=(complaint("checkout", 9),))
    found = concluded(replace(failing, conditions=(condition(ConditionKind.NODE, 10, None),)))
    assert found.other_cause is CauseKind.INFRASTRUCTURE


def test_what_changes_bring_about_as_often_is_no_evidence_against_them() -> None:
    failing = replace(seen(), complaints=(complaint("checkout", 9),))
    found = concluded(replace(failing, conditions=(condition(ConditionKind.OOM_KILLED, 10),)))
    assert found.other_cause is CauseKind.UNKNOWN


def test_demand_that_grew_before_it_failed_explains_it() -> None:
    failing = replace(seen(), complaints=(complaint("checkout", 9, "queue is full"),))
    found = concluded(replace(failing, movers=(grown("checkout", 14),)))
    assert (found.other_cause, found.outside.action) == (CauseKind.TRAFFIC, RemediationAction.SCALE)
    assert found.outside.why == "more is asked: requests_per_sec of checkout grew ×5.0"
    for other in (grown("checkout", 5), grown("search", 14), grown("checkout", 14, "queue_length")):
        assert concluded(replace(failing, movers=(other,))).other_cause is CauseKind.UNKNOWN


def test_ground_that_a_gauge_tells_of_explains_it_when_it_moved_as_it_began() -> None:
    failing = replace(seen(), complaints=(complaint("checkout", 9),))
    found = concluded(replace(failing, movers=(grown("node-3", 12, "cpu_steal_ratio"),)))
    assert (found.other_cause, found.outside.action) == (CauseKind.CAPACITY, RemediationAction.RESCHEDULE)
    for minutes in (5, 50):
        other = replace(failing, movers=(grown("node-3", minutes, "cpu_steal_ratio"),))
        assert concluded(other).other_cause is CauseKind.UNKNOWN


def test_demand_that_grew_at_several_services_is_better_evidence() -> None:
    failing = replace(seen(), complaints=(complaint("checkout", 9, "queue is full"),))
    one = concluded(replace(failing, movers=(grown("checkout", 14),)))
    two = concluded(replace(failing, movers=(grown("checkout", 14), grown("web", 14))))
    assert two.no_change > one.no_change


def test_where_nothing_fails_there_is_no_cause() -> None:
    found = concluded(seen())
    assert (found.kind, found.other_cause, suspects(found)) == (CauseKind.NONE, CauseKind.NONE, ())
