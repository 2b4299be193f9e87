"""The slash command: help, the alert summary, and what could not be understood or seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.first_look.naming import Naming
from sre_bot.incident import SERVICE_LABELS, Alert
from sre_bot.slack.commands import HELP, SHORT_USAGE, Commands
from sre_bot.slack.standing import Viewer
from sre_bot.tools.replicas import Alertmanagers
from tests.fakes import FakeAlertHistory, FakeCurrentAlerts, down

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def firing(name: str, summary: str = "it burns") -> Alert:
    labels = {"alertname": name, "service": "web", "severity": "critical"}
    return Alert(name, labels, {"summary": summary}, NOW - timedelta(minutes=40))


def commands(alerts: Sequence[Alert] = (), **replaced: object) -> Commands:
    parts: dict[str, object] = {"current": FakeCurrentAlerts(alerts=alerts), "history": FakeAlertHistory(alerts=alerts)}
    parts |= replaced
    return Commands(
        parts["current"],  # type: ignore[arg-type]  # a fake, or None
        parts["history"],  # type: ignore[arg-type]  # a fake, or None
        allowed_hosts=frozenset(),
        redact=lambda text: text.replace("hunter2", "[redacted]"),
        now=lambda: NOW,
        naming=parts.get("naming"),  # type: ignore[arg-type]  # a Naming, or None
        services=parts.get("services", ()),  # type: ignore[arg-type]  # names
    )


async def ask(asked: Commands, text: str) -> str:
    return (await asked.answer(text, Viewer("U1", "T1", "C1"))).text


@pytest.mark.parametrize("text", ["", "help", "  HELP  "])
async def test_help_says_what_can_be_asked(text: str) -> None:
    assert await ask(commands(), text) == HELP


async def test_an_unknown_verb_is_named_and_the_usage_given() -> None:
    answer = await ask(commands(), "reboot <!channel>")
    assert answer == f"I do not know “reboot”.\n{SHORT_USAGE}"


async def test_alerts_are_summed_up_from_both_sources() -> None:
    answer = await ask(commands([firing("Errors")]), "alerts web last=1h")
    began = int((NOW - timedelta(minutes=40)).timestamp())
    assert answer.splitlines() == [
        "critical (1)",
        f"• Errors (web) for 40 min, since <!date^{began}^{{time_secs}}|13:20:00 UTC>: it burns",
        "fired most in the last 60 min",
        "• Errors (web) 1 ×, 40 min in all",
    ]


async def test_a_service_is_found_under_all_its_names() -> None:
    alert = Alert("Errors", {"team_service": "shop-web", "severity": "critical"}, {}, NOW - timedelta(minutes=40))
    naming = Naming({"web": "web", "shop-web": "web", "www": "web"}, ("team_service", *SERVICE_LABELS))
    for name in ("web", "WWW", "shop-web"):
        answer = await ask(commands([alert], naming=naming), f"alert {name}")
        assert "• Errors (web) for 40 min" in answer


async def test_a_name_that_nobody_knows_is_no_all_clear() -> None:
    answer = await ask(commands(services=["web"]), "alerts wbe")
    assert "no catalogue names such a service. Did you mean web?" in answer
    assert await ask(commands(services=["web"]), "alerts WEB") == "Nothing fires for WEB."


async def test_a_mistake_is_explained_without_ringing_anyone() -> None:
    answer = await ask(commands(), "alerts severity=<!channel>")
    assert "is no severity" in answer
    assert "<!channel>" not in answer


async def test_what_alerts_say_is_redacted_and_cannot_mention_or_link() -> None:
    alert = firing("Errors", "password hunter2 <@U1> https://evil.example/x")
    answer = await ask(commands([alert]), "alerts")
    assert "hunter2" not in answer
    assert "<@U1>" not in answer
    assert "`https://evil.example/x`" in answer


async def test_a_source_that_is_down_or_absent_is_named() -> None:
    answer = await ask(commands(current=FakeCurrentAlerts(failure=down("alertmanager")), history=None), "alerts")
    assert answer.splitlines() == [
        "Nothing is known to fire.",
        "could not be seen: alertmanager (connection refused)",
        "could not be seen: prometheus (not configured)",
    ]


async def test_what_some_of_several_could_not_tell_is_said() -> None:
    both = Alertmanagers(
        [FakeCurrentAlerts("am-a", [firing("Errors")]), FakeCurrentAlerts("am-b", failure=down("am-b"))]
    )
    answer = await ask(commands(current=both), "alerts")
    assert "Errors (web)" in answer
    assert "am-b" in answer
    assert "connection refused" in answer
