"""Fixtures for real servers and git repositories."""

from __future__ import annotations

import gc
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from sre_bot.servers import ALERTMANAGER, PROMETHEUS, PROMTOOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path


settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


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


@pytest.hookimpl(trylast=True)  # after Hypothesis, which marks them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage of properties: every example costs twice as much then, and the first already tells all."""
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through thousands of tests again and again while they run."""
    gc.collect()
    gc.freeze()


class GitFolder:
    """A real git repository to write history into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, **environment: str) -> str:
        """Run git in it; its output."""
        who = {f"GIT_{role}_{part}": "test" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={"PATH": os.environ["PATH"], **who, **quiet, **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self, message: str, files: Mapping[str, str | bytes], at: datetime, *, author: str = "test") -> str:
        """Write files and commit them at a time; the full hash."""
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        date = at.isoformat()
        self.git(
            *("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--message", message),
            GIT_AUTHOR_NAME=author,
            GIT_AUTHOR_DATE=date,
            GIT_COMMITTER_DATE=date,
        )
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def git_folder(tmp_path: Path) -> GitFolder:
    """An empty repository on branch main."""
    return GitFolder(tmp_path / "repository")
