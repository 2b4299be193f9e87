"""The alert rules of the docs, as Prometheus itself reads and runs them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from sre_bot.servers import PROMTOOL
from sre_bot.telemetry.metrics import Metrics

RULES = Path(__file__).parents[2] / "docs/alerts.rules.yaml"
CASES = Path(__file__).with_name("alerts.test.yaml")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROMTOOL.find(), *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.real
@pytest.mark.usefixtures("prometheus_installed")
def test_they_are_valid_and_each_fires_when_it_should_and_only_then() -> None:
    checked = promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", CASES)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_each_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    named = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    cases = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == named
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == named


def test_they_ask_for_metrics_that_there_are() -> None:
    metrics = Metrics(version="1", prompt="abc", model="first-look")
    there = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in metrics.registry.collect()
    }
    asked = set(re.findall(r"\bsre_bot_\w+", RULES.read_text()))
    assert asked <= there
