"""Alerts: those of now and those before, with the urgent and the oldest first; the past is not asked of the present."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sre_bot.incident import Alert, AlertState
from sre_bot.tools.list_alerts import list_alerts
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import FakeAlertHistory, FakeCurrentAlerts, down

if TYPE_CHECKING:
    from sre_bot.investigation import JsonValue, Observation

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def alert(
    name: str,
    began: float,
    ended: float | None = None,
    *,
    state: AlertState = AlertState.FIRING,
    severity: str = "critical",
    summary: str = "",
    **labels: str,
) -> Alert:
    """An alert that began, and perhaps ended, so many minutes ago."""
    return Alert(
        name,
        {"alertname": name, "severity": severity, **labels},
        {"summary": summary} if summary else {},
        AT - timedelta(minutes=began),
        None if ended is None else AT - timedelta(minutes=ended),
        state,
    )


async def look(
    current: FakeCurrentAlerts | None = None,
    history: FakeAlertHistory | None = None,
    made_at: datetime = AT + timedelta(seconds=40),
    **arguments: JsonValue,
) -> Observation:
    tool = list_alerts([current] if current else [], [history] if history else [], made_at=made_at)
    return await Toolbox([tool], AT).look("list_alerts", arguments)


async def test_alerts_are_listed_by_state_the_urgent_and_the_oldest_first() -> None:
    current = FakeCurrentAlerts(
        alerts=[
            alert("Slow", 5, severity="warning", service="web"),
            alert("Down", 5, service="db", summary="db is down"),
            alert("Errors", 10, service="web"),
            alert("Disk", 600, state=AlertState.SILENCED, service="db"),
        ]
    )
    history = FakeAlertHistory(alerts=[alert("Down", 90, 80, service="db")])
    assert (await look(current, history)).content.splitlines() == [
        "2026-11-20 06:00:00 to 12:00:00Z: 3 firing, 1 silenced, 1 resolved.",
        "Firing:",
        "- critical Errors {service=web} since 11:50:00 (10 min)",
        "- critical Down {service=db} since 11:55:00 (5 min): db is down",
        "- warning Slow {service=web} since 11:55:00 (5 min)",
        "Silenced:",
        "- critical Disk {service=db} since 02:00:00 (10 h)",
        "Resolved:",
        "- critical Down {service=db} 10:30:00 to 10:40:00",
    ]


async def test_the_same_alert_in_both_sources_is_listed_once_with_what_alertmanager_knows_of_it() -> None:
    current = FakeCurrentAlerts(
        alerts=[alert("Errors", 10, state=AlertState.SILENCED, service="web", cluster="eu", summary="many")]
    )
    history = FakeAlertHistory(alerts=[alert("Errors", 10, service="web"), alert("Errors", 9, service="cart")])
    content = (await look(current, history)).content
    assert "1 firing, 1 silenced" in content
    assert "{service=cart}" in content


async def test_what_happened_again_and_again_is_one_line() -> None:
    history = FakeAlertHistory(alerts=[alert("Slow", m, m - 5, service="web") for m in (300, 200, 100, 60)])
    content = (await look(None, history)).content
    assert content.splitlines()[-1] == (
        "- critical Slow {service=web} 4 times, last 11:00:00 to 11:05:00, 10:20:00 to 10:25:00, 08:40:00 to 08:45:00"
    )


async def test_of_an_investigation_of_the_past_alertmanager_is_not_asked_and_the_answer_says_so() -> None:
    current = FakeCurrentAlerts(alerts=[alert("Later", 1)])
    history = FakeAlertHistory(alerts=[alert("Errors", 10, service="web")])
    seen = await look(current, history, made_at=AT + timedelta(days=3))
    assert current.asked == 0
    assert "alertmanager was not asked, as it knows only the present" in seen.content
    assert "Errors" in seen.content
    assert not seen.links


async def test_a_question_about_an_earlier_window_does_not_ask_alertmanager_either() -> None:
    current = FakeCurrentAlerts(alerts=[alert("Now", 1)])
    seen = await look(current, FakeAlertHistory(), end="10:00")
    assert current.asked == 0
    assert "no alerts" in seen.content


async def test_an_alert_that_began_after_the_present_of_the_investigation_is_not_shown() -> None:
    assert "Later" not in (await look(FakeCurrentAlerts(alerts=[alert("Later", -0.5)]))).content


async def test_one_service_is_shown_alone_and_the_others_are_counted() -> None:
    current = FakeCurrentAlerts(alerts=[alert("A", 5, service="checkout-service"), alert("B", 5, service="web")])
    content = (await look(current, service="checkout")).content
    assert "1 alerts of other services are not shown." in content
    assert "B {" not in content
    assert "A {service=checkout-service}" in content


async def test_one_source_down_leaves_the_others_answer_and_is_named_missing() -> None:
    seen = await look(FakeCurrentAlerts(failure=down("alertmanager")), FakeAlertHistory(alerts=[alert("Errors", 5)]))
    assert not seen.failed
    assert seen.missing is not None
    assert seen.missing.source == "alertmanager"
    assert "alertmanager could not be seen: connection refused" in seen.content
    assert "Errors" in seen.content


async def test_all_sources_down_is_a_failed_look() -> None:
    seen = await look(FakeCurrentAlerts(failure=down("alertmanager")), FakeAlertHistory(failure=down("prometheus")))
    assert seen.failed
    assert seen.missing is not None


async def test_nothing_is_an_answer() -> None:
    seen = await look(FakeCurrentAlerts(), FakeAlertHistory())
    assert seen.summary == "Alerts: no alerts"
    assert not seen.failed


async def test_a_storm_of_alerts_is_bounded_and_counted() -> None:
    storm = [alert(f"Pod{i % 10}Down", i, pod=f"pod-{i}", summary="x" * 300) for i in range(1, 500)]
    seen = await look(FakeCurrentAlerts(alerts=storm))
    assert "499 firing" in seen.summary
    assert "+47 more Pod1Down" in seen.content
    assert estimated_tokens(seen.content) <= 6_000


async def test_annotations_and_runbooks_are_quoted_on_one_line() -> None:
    told = Alert(
        "Errors",
        {"alertname": "Errors"},
        {"summary": "many\nerrors\u202e", "runbook_url": "https://wiki.example/errors"},
        AT - timedelta(minutes=5),
    )
    content = (await look(FakeCurrentAlerts(alerts=[told]))).content
    assert content.splitlines()[-1] == (
        "- Errors {} since 11:55:00 (5 min): many errors (runbook: https://wiki.example/errors)"
    )


async def test_replicas_are_told_as_one_and_one_that_is_down_is_named() -> None:
    a, b = FakeCurrentAlerts("am-a", [alert("Errors", 9)]), FakeCurrentAlerts("am-b", [alert("Errors", 9)])
    record, other = FakeAlertHistory("eu", [alert("Errors", 9)]), FakeAlertHistory("us", failure=down("us"))
    tool = list_alerts([a, b, FakeCurrentAlerts("am-c", failure=down("am-c"))], [record, other], made_at=AT)
    seen = await Toolbox([tool], AT).look("list_alerts", {})
    assert seen.content.splitlines() == [
        "2026-11-20 06:00:00 to 12:00:00Z: 1 firing.",
        "am-c: connection refused",
        "us: connection refused",
        "Firing:",
        "- critical Errors {} since 11:51:00 (9 min)",
    ]
    assert seen.missing is not None
    assert (seen.missing.source, seen.missing.why) == ("am-c, us", "connection refused")
    assert [link.title for link in seen.links] == ["alerts in am-a", "alerts in am-b", "alerts in am-c"]
