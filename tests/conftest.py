"""Fixtures for real servers and git repositories."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from sre_bot.servers import ALERTMANAGER, PROMETHEUS, PROMTOOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path


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
