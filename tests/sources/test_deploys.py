"""Deploys come from a file that programs append to, however broken."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.errors import SourceUnavailableError
from sre_bot.incident import ChangeKind, TimeWindow
from sre_bot.sources.deploys import DeployFile

if TYPE_CHECKING:
    from pathlib import Path

    from sre_bot.tools.changes import Deploys

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = TimeWindow.before(NOON, timedelta(days=1))
SHA = "4f1c2d3e4b5a69788796a5b4c3d2e1f001234567"


def _line(minutes: float, **more: object) -> str:
    time = (NOON - timedelta(minutes=minutes)).isoformat()
    return json.dumps({"time": time, "service": "checkout", "sha": SHA, "version": "v7", **more})


def _file(folder: Path, *lines: str, end: str = "\n") -> DeployFile:
    path = folder / "deploys.ndjson"
    path.write_bytes(("\n".join(lines) + end).encode("utf-8", "surrogatepass"))
    return DeployFile(path)


async def test_deploys_of_the_window_come_newest_first(tmp_path: Path) -> None:
    source: Deploys = _file(tmp_path, _line(0), _line(5), _line(1, service="cart"), _line(1440.1), _line(-0.1))
    found = await source.deploys(DAY)
    assert [(deploy.service, deploy.time) for deploy in found] == [
        ("checkout", NOON),
        ("cart", NOON - timedelta(minutes=1)),
        ("checkout", NOON - timedelta(minutes=5)),
    ]
    newest = found[0]
    assert (newest.kind, newest.revision, newest.version) == (ChangeKind.DEPLOY, SHA, "v7")
    assert newest.title == "checkout v7"


async def test_times_of_any_zone_are_utc(tmp_path: Path) -> None:
    (deploy,) = await _file(tmp_path, _line(0, time="2026-11-22T13:00:00+01:00")).deploys(DAY)
    assert deploy.time == NOON
    assert deploy.time.tzinfo is UTC


@pytest.mark.parametrize(
    ("more", "revision", "title"),
    [
        ({"version": None}, SHA, f"checkout {SHA[:12]}"),
        ({"sha": SHA.upper()}, SHA, "checkout v7"),
        ({"sha": "main; rm -rf /", "version": None}, None, "checkout main; rm -rf /"),
        ({"sha": None, "version": None}, None, "checkout an unnamed version"),
        ({"region": "eu", "by": {"who": 1}}, SHA, "checkout v7"),
    ],
)
async def test_only_a_hash_is_a_revision_and_unknown_keys_are_ignored(
    tmp_path: Path, more: dict[str, object], revision: str | None, title: str
) -> None:
    (deploy,) = await _file(tmp_path, _line(0, **more)).deploys(DAY)
    assert (deploy.revision, deploy.title) == (revision, title)


async def test_a_half_written_last_line_is_left_for_later(tmp_path: Path) -> None:
    source = _file(tmp_path, _line(1), _line(0)[:30], end="")
    assert len(await source.deploys(DAY)) == 1
    assert await source.check() == "1 deploy, the last: checkout v7 at 2026-11-22 11:59:00 UTC"


async def test_a_last_line_without_a_line_end_counts_when_it_is_whole(tmp_path: Path) -> None:
    assert len(await _file(tmp_path, _line(1), _line(0), end="").deploys(DAY)) == 2


async def test_broken_lines_are_skipped_and_named(tmp_path: Path) -> None:
    source = _file(
        tmp_path,
        _line(3),
        "not json",
        _line(2, time="2026-11-22T12:00:00"),  # no zone
        "",
        _line(1, service=""),
        '{"time": "2026-11-22T12:00:00Z", "service": "\ud800"}',
        "[" * 100_000,
        "7",
        "null",
        _line(0, service="x" * 500),
        _line(1),
    )
    assert len(await source.deploys(DAY)) == 2
    assert "; cannot read line 2, 3, 5, 6, 7 and 3 more: each needs a time with a zone" in await source.check()


async def test_only_the_end_of_a_huge_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deploys.ndjson"
    with path.open("w") as file:
        file.write(_line(9) + "\n" + ("x" * 99 + "\n") * 100_000 + _line(0) + "\n")
    source = DeployFile(path)
    assert [deploy.time for deploy in await source.deploys(DAY)] == [NOON]
    assert "line 1, 2, 3, 4, 5 and 8" in await source.check()
    assert "counted from where the last 8 MiB begin" in await source.check()


async def test_an_empty_file_is_no_deploys(tmp_path: Path) -> None:
    source = _file(tmp_path, end="")
    assert await source.deploys(DAY) == []
    assert await source.check() == "no deploys yet; let every rollout append a line"


async def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="does not exist; let every rollout append a line"):
        await DeployFile(tmp_path / "none").deploys(DAY)


async def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    _file(tmp_path, _line(0))
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "deploys.ndjson")
    (tmp_path / "folder").mkdir()
    for name, why in (("fifo", "not a regular file"), ("folder", "it is a folder"), ("link", "a symbolic link")):
        with pytest.raises(SourceUnavailableError, match=why):
            await DeployFile(tmp_path / name).deploys(DAY)
