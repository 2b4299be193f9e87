"""The shop's past follows from today's files: every state holds together, and what runs is what is checked in."""

from __future__ import annotations

import ast
import itertools
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from sre_bot.drills import history
from sre_bot.drills.rollout import SERVICES

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
TEXT = "pool:\n  max: 8\nother:\n  max: 9\n"


def test_a_hunk_replaces_whole_lines_and_undoing_it_brings_them_back() -> None:
    hunks = "@@\n pool:\n-  max: 8\n+  max: 12\n+  wait: 1\n"
    changed = history.apply(hunks, TEXT)
    assert changed == "pool:\n  max: 12\n  wait: 1\nother:\n  max: 9\n"
    assert history.undo(hunks, changed) == TEXT


def test_an_empty_line_in_a_hunk_is_a_kept_blank_line() -> None:
    assert history.apply("@@\n a\n\n-b\n+c\n", "a\n\nb\n") == "a\n\nc\n"


@pytest.mark.parametrize("old", ["  max: 7", "max: 8", "  max: "])
def test_a_hunk_that_does_not_fit_whole_lines_is_refused(old: str) -> None:
    with pytest.raises(ValueError, match="not there exactly once"):
        history.apply(f"@@\n-{old}\n+  max: 1\n", TEXT)


def test_a_hunk_that_fits_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="not there exactly once"):
        history.apply("@@\n-a\n+b\n", "a\na\n")


def test_every_state_of_the_past_is_python_and_yaml_that_parses() -> None:
    for files in history.trees(history.storefront(), history.past()):
        for path, text in files.items():
            if path.endswith(".py"):
                ast.parse(text, path)
            elif path.endswith(".yaml"):
                assert yaml.safe_load(text), path


def test_the_past_leads_to_todays_files_by_commits_that_each_change_something() -> None:
    states = history.trees(history.storefront(), history.past())
    assert states[-1] == history.storefront()
    assert all(before != after for before, after in itertools.pairwise(states))


def test_the_past_is_in_order_and_by_several_people() -> None:
    ages = [commit.ago for commit in history.past()]
    assert ages == sorted(ages, reverse=True)
    assert timedelta(weeks=3) < ages[0]
    assert ages[-1] < timedelta(hours=1)
    assert len({commit.author for commit in history.past()}) >= 4


def test_nothing_is_rolled_out_in_the_future_and_every_service_has_been() -> None:
    deploys = history.deploys(history.past(), NOW)
    assert [deploy.time for deploy in deploys] == sorted(deploy.time for deploy in deploys)
    assert deploys[-1].time < NOW
    assert {deploy.service for deploy in deploys} == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_runs_today_is_the_code_that_is_checked_in(service: str) -> None:
    last = [deploy for deploy in history.deploys(history.past(), NOW) if deploy.service == service][-1]
    rolled_out = history.trees(history.storefront(), history.past())[last.commit]
    for path, text in history.storefront().items():
        if path.startswith((f"shop/{service}/", "shop/kit/")):
            assert rolled_out[path] == text


def test_every_alert_links_to_a_runbook_of_the_repository() -> None:
    files = history.storefront()
    alerts = [rule for group in yaml.safe_load(files["monitoring/alerts.yaml"])["groups"] for rule in group["rules"]]
    assert len(alerts) >= 4
    for alert in alerts:
        assert {"summary", "description", "runbook_url"} <= alert["annotations"].keys()
        runbook = alert["annotations"]["runbook_url"].partition("/blob/main/")[2]
        assert files[runbook].startswith(f"# {alert['alert']}\n")
