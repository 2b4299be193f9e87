"""The manifest that companies paste asks for what the tests grant: nothing works here that would fail there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sre_bot.drills.slack_simulator import SCOPES, SUBSCRIPTIONS
from sre_bot.slack.commands import COMMAND
from sre_bot.slack.desk import SHORTCUT
from sre_bot.slack.prompts import PROMPTS


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "docs" / "slack-manifest.yaml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def test_the_simulator_grants_the_scopes_of_the_manifest_and_no_others(manifest: dict[str, Any]) -> None:
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(SCOPES)


def test_the_simulator_delivers_the_events_of_the_manifest(manifest: dict[str, Any]) -> None:
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == SUBSCRIPTIONS


def test_the_agent_view_suggests_what_the_bot_suggests(manifest: dict[str, Any]) -> None:
    assert manifest["features"]["agent_view"]["suggested_prompts"] == [*PROMPTS]
    assert "assistant_view" not in manifest["features"]


def test_the_command_of_the_manifest_is_the_one_we_answer(manifest: dict[str, Any]) -> None:
    assert [one["command"] for one in manifest["features"]["slash_commands"]] == [COMMAND]


def test_the_shortcut_of_the_manifest_is_the_one_we_answer_and_clicks_are_delivered(manifest: dict[str, Any]) -> None:
    assert [(one["type"], one["callback_id"]) for one in manifest["features"]["shortcuts"]] == [("message", SHORTCUT)]
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
