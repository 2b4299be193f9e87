"""Fixtures for real servers and git repositories."""

from __future__ import annotations

import pytest

from sre_bot.drills.servers import ALERTMANAGER, PROMETHEUS, PROMTOOL


@pytest.fixture(scope="session")
def prometheus_installed() -> None:
    """Skip where Prometheus (with promtool) is not installed."""
    if not (PROMETHEUS.installed and PROMTOOL.installed):
        pytest.skip("prometheus or promtool is not installed")


@pytest.fixture(scope="session")
def alertmanager_installed() -> None:
    """Skip where Alertmanager is not installed."""
    if not ALERTMANAGER.installed:
        pytest.skip("prometheus-alertmanager is not installed")
