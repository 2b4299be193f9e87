"""The shop's repository is an ordinary Git repository with a past."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.drills import history
from sre_bot.drills.history import Commit
from sre_bot.drills.repository import ShopRepository
from sre_bot.errors import DrillError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
FASTER = Commit(
    "Lena Vogt",
    "web: wait less\n\nWhy not.",
    {"shop/web/config.yaml": "@@\n-    timeout_s: 6.0\n+    timeout_s: 5.0\n"},
)


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", path, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
async def built(tmp_path: Path) -> tuple[ShopRepository, list[str]]:
    repository = ShopRepository(tmp_path / "repository")
    return repository, await repository.build(history.past(), NOW)


async def test_the_past_is_built_with_a_clean_working_tree(built: tuple[ShopRepository, list[str]]) -> None:
    repository, _ = built
    assert git(repository.path, "status", "--porcelain") == ""
    git(repository.path, "fsck", "--strict")


async def test_commits_carry_their_authors_times_and_tags(built: tuple[ShopRepository, list[str]]) -> None:
    repository, shas = built
    log = git(repository.path, "log", "--reverse", "--format=%H|%an|%at|%ct|%s").splitlines()
    expected = [
        f"{sha}|{commit.author}|{int((NOW - commit.ago).timestamp())}|{int((NOW - commit.ago).timestamp())}"
        f"|{commit.message.splitlines()[0]}"
        for sha, commit in zip(shas, history.past(), strict=True)
    ]
    assert log == expected
    tags = git(repository.path, "tag", "--format=%(refname:short) %(*objectname)").splitlines()
    wanted = [f"{commit.tag} {sha}" for sha, commit in zip(shas, history.past(), strict=True) if commit.tag]
    assert tags == wanted


async def test_the_working_tree_is_what_is_checked_in(built: tuple[ShopRepository, list[str]]) -> None:
    repository, _ = built
    assert (repository.path / "shop/web/app.py").read_text() == history.storefront()["shop/web/app.py"]
    assert not (repository.path / "__init__.py").exists()


async def test_a_commit_is_made_now_by_its_author(built: tuple[ShopRepository, list[str]]) -> None:
    repository, shas = built
    sha = await repository.commit(FASTER, NOW + timedelta(minutes=1))
    assert git(repository.path, "log", "-1", "--format=%H|%P|%an <%ae>|%ct|%B") == (
        f"{sha}|{shas[-1]}|Lena Vogt <lena.vogt@larder.example>|{int(NOW.timestamp()) + 60}|web: wait less\n\nWhy not."
    )
    assert git(repository.path, "diff", "--stat", "HEAD~1").splitlines()[0].startswith("shop/web/config.yaml")


async def test_a_release_holds_the_files_of_its_commit(built: tuple[ShopRepository, list[str]], tmp_path: Path) -> None:
    repository, shas = built
    newer = await repository.commit(FASTER, NOW)
    for sha, timeout in ((shas[-1], "timeout_s: 6.0"), (newer, "timeout_s: 5.0")):
        await repository.extract(sha, tmp_path / sha)
        assert timeout in (tmp_path / sha / "shop/web/config.yaml").read_text()


async def test_an_unknown_commit_is_said_to_be_unknown(built: tuple[ShopRepository, list[str]], tmp_path: Path) -> None:
    repository, _ = built
    with pytest.raises(DrillError, match="git archive failed"):
        await repository.extract("0" * 40, tmp_path / "release")
