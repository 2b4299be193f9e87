"""The alert summary: what fires by severity and age, what fired most, and words that are understood."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sre_bot.alerts.summary import AlertQuestion, summarise
from sre_bot.alerts.wording import alert_summary
from sre_bot.errors import BadInputError
from sre_bot.incident import Alert, AlertState, Severity, TimeWindow
from sre_bot.investigation import MissingSource

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
DAY = TimeWindow.before(NOW, timedelta(hours=24))
ALL = AlertQuestion()


def alert(
    name: str, ago: float, *, until: float | None = None, service: str = "web", severity: str = "critical", **more: str
) -> Alert:
    """An alert that began ``ago`` minutes before now and ended ``until`` minutes before now."""
    ended = None if until is None else NOW - timedelta(minutes=until)
    return Alert(
        name,
        {"alertname": name, "service": service, "severity": severity},
        {"summary": more["summary"]} if "summary" in more else {},
        NOW - timedelta(minutes=ago),
        ended,
        AlertState(more.get("state", "firing" if until is None else "resolved")),
    )


def test_what_fires_is_listed_worst_first_then_oldest() -> None:
    current = [alert("Slow", 5, severity="warning"), alert("Down", 2), alert("Errors", 40)]
    summary = summarise(ALL, DAY, current, [])
    assert [one.name for one in summary.firing] == ["Errors", "Down", "Slow"]


def test_what_only_the_history_knows_to_fire_is_listed_once() -> None:
    summary = summarise(ALL, DAY, [alert("Errors", 40)], [alert("Errors", 41), alert("Lag", 30)])
    assert [one.name for one in summary.firing] == ["Errors", "Lag"]


def test_silenced_alerts_are_told_apart() -> None:
    summary = summarise(ALL, DAY, [alert("Disk", 60, state="silenced"), alert("Cpu", 60, state="inhibited")], [])
    assert not summary.firing
    assert [one.name for one in summary.quiet] == ["Disk", "Cpu"]


def test_what_fired_most_often_comes_first_then_longest_within_the_window_only() -> None:
    past = [
        alert("Flap", 100, until=90),
        alert("Flap", 80, until=70),
        alert("Long", 30 * 60, until=60),
        alert("Short", 20, until=10),
        alert("Never", 15, until=14, state="pending"),
    ]
    told = [(one.name, one.times, one.firing_for) for one in summarise(ALL, DAY, [], past).frequent]
    assert told == [
        ("Flap", 2, timedelta(minutes=20)),
        ("Long", 1, timedelta(hours=23)),
        ("Short", 1, timedelta(minutes=10)),
    ]


def test_filters_hold_for_all_parts() -> None:
    question = AlertQuestion.read(["severity=page", "Checkout", "last=2h"])
    assert question == AlertQuestion("Checkout", Severity.CRITICAL, timedelta(hours=2))
    current = [alert("A", 1, service="checkout"), alert("B", 1), alert("C", 1, service="checkout", severity="info")]
    summary = summarise(question, DAY, current, current)
    assert [one.name for one in summary.firing] == ["A"]
    assert [one.name for one in summary.frequent] == ["A"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["severity=awful"], "“awful” is no severity"),
        (["last=9y"], "“9y” is no window up to 7 days"),
        (["last=8d"], "“8d” is no window"),
        (["last=0m"], "“0m” is no window"),
        (["team=a"], "I do not understand “team=a”"),
        (["a", "b"], "I do not understand “b”"),
        (["critical", "severity=info"], "I do not understand “severity=info”"),
        (["service="], "I do not understand “service=”"),
    ],
)
def test_a_word_that_is_not_understood_is_named_with_what_can_be_written(words: list[str], sentence: str) -> None:
    with pytest.raises(BadInputError) as raised:
        AlertQuestion.read(words)
    assert sentence in str(raised.value)
    assert "Write: alerts [SERVICE]" in str(raised.value)


def test_the_summary_reads_well() -> None:
    current = [
        alert("Errors", 40, summary="31 % of requests fail"),
        alert("Slow", 26 * 60, severity="warning", service="db"),
        alert("Disk", 9, state="silenced"),
    ]
    text = alert_summary(summarise(ALL, DAY, current, [alert("Errors", 40), alert("Flap", 100, until=90)]))
    assert text.splitlines() == [
        "critical (1)",
        "• Errors (web) for 40 min, since 13:20:00 UTC: 31 % of requests fail",
        "warning (1)",
        "• Slow (db) for 26 h, since 21 Nov 12:00",
        "silenced or inhibited (1)",
        "• Disk (web) silenced",
        "fired most in the last 24 h",
        "• Errors (web) 1 ×, 40 min in all",
        "• Flap (web) 1 ×, 10 min in all",
    ]


def test_nothing_firing_is_said_only_as_far_as_it_is_known() -> None:
    assert alert_summary(summarise(AlertQuestion("web"), DAY, [], [], services=["web"])) == "Nothing fires for web."
    assert alert_summary(summarise(AlertQuestion(severity=Severity.INFO), DAY, [], [])) == "No info alert fires."
    missing = [MissingSource("alertmanager", "connection refused")]
    assert alert_summary(summarise(ALL, DAY, [], [], missing)).splitlines() == [
        "Nothing is known to fire.",
        "could not be seen: alertmanager (connection refused)",
    ]


def test_nothing_firing_for_a_name_that_nobody_knows_is_no_all_clear() -> None:
    past = [alert("Errors", 90, until=80, service="checkout")]
    for_none = alert_summary(summarise(AlertQuestion("chekout"), DAY, [], past, services=["web"]))
    assert for_none == (
        "Nothing fires for chekout, but no alert of the last 24 h and no catalogue names such a service. "
        "Did you mean checkout?"
    )
    assert alert_summary(summarise(AlertQuestion("zzz"), DAY, [], past)).endswith("Is it spelt right?")


def test_what_fires_besides_is_counted_when_it_was_not_asked_for() -> None:
    current = [alert("Errors", 40), alert("Slow", 9, severity="warning"), alert("Disk", 9, state="silenced")]
    text = alert_summary(summarise(AlertQuestion(severity=Severity.INFO), DAY, current, []))
    assert text.splitlines() == ["No info alert fires.", "not asked for, but firing: 1 critical, 1 warning"]


def test_one_alert_in_two_environments_is_two() -> None:
    there = [replace(alert("Errors", 40), labels={**alert("Errors", 40).labels, "env": env}) for env in ("prod", "stg")]
    text = alert_summary(summarise(ALL, DAY, there[:1], there))
    assert "• Errors (web, prod) for 40 min" in text
    assert "• Errors (web, stg) for 40 min" in text
    assert "• Errors (web, stg) 1 ×" in text


@pytest.mark.parametrize("word", ["critical", "CRIT", "severity=page"])
def test_a_severity_alone_is_no_service(word: str) -> None:
    assert AlertQuestion.read([word, "last=1w"]) == AlertQuestion(None, Severity.CRITICAL, timedelta(days=7))
    assert AlertQuestion.read(["service=critical"]) == AlertQuestion("critical")


def test_long_lists_are_cut_and_say_so() -> None:
    text = alert_summary(summarise(ALL, DAY, [alert(f"A{n:02}", n + 1) for n in range(30)], []))
    assert "critical (30)" in text
    assert "… and 18 more" in text
