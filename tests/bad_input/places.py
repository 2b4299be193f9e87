"""Files, folders, repositories, ports and disks that are not what they should be."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.bad_input.row import ASK, SERVE, Row
from tests.bad_input.systems import plain
from tests.conftest import GitFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_NOW = datetime.now(UTC)
_GOOD = json.dumps({"time": _NOW.isoformat(), "service": "web", "version": "v1"})
_NAIVE = '{"time": "2026-11-22T10:00:00", "service": "web"}'
_SLACK = {"SLACK_API_URL": "{nowhere}", "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
_TOP = "set its path to the top folder of a clone"
_FSCK = "run git fsck in it, or clone it anew"
_STATE = "Check SRE_BOT_DATABASE_URL and SRE_BOT_STATE_DIR"
_CATALOGUE = "the catalogue catalog-info.yaml"


def _file(name: str, content: str | bytes = b"", mode: int = 0o600) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)

    return write


def _folder(name: str, mode: int = 0o700) -> Callable[[Path], None]:
    return lambda folder: (folder / name).mkdir(mode=mode, parents=True)


def _shop(folder: Path) -> GitFolder:
    repository = GitFolder(folder / "shop")
    for number in range(2):
        repository.commit(f"number {number}", {"main.py": f"print({number})\n"}, _NOW)
    return repository


def _shallow(folder: Path) -> None:
    _shop(folder).path.rename(folder / "origin")
    command = ["git", "clone", "--quiet", "--depth=1", f"file://{folder}/origin", "shop"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _orphaned(folder: Path) -> None:
    git = ["git", "-C", str(_shop(folder).path), "remote", "add", "origin", f"file://{folder}/gone"]
    subprocess.run(git, check=True, capture_output=True)


def _spoilt(folder: Path) -> None:
    for path in (_shop(folder).path / ".git" / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"garbage")


def _misconfigured(folder: Path) -> None:
    (_shop(folder).path / ".git" / "config").write_text("[core\nthis is no configuration")


@dataclass(frozen=True, slots=True)
class Disk:
    """A small disk of its own, mounted at a folder."""

    path: Path

    def fill(self) -> None:
        """Leave no room on it."""
        with (self.path / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)

    def empty(self) -> None:
        """Make room again."""
        (self.path / "filler").unlink()


@contextlib.contextmanager
def small_disk(path: Path, kibibytes: int) -> Iterator[Disk]:
    """Mount one; only root may do that."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a disk to fill cannot be mounted; only root may do that")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextlib.contextmanager
def _full_disk(folder: Path) -> Iterator[None]:
    with small_disk(folder / "state", 64) as disk:
        disk.fill()
        yield


def _clone(does: str, wrong: str, advice: str, prepare: Callable[[Path], object] | None) -> Row:
    return Row(does, wrong, advice, config="repositories: [{name: shop, path: shop}]", prepare=prepare)


def _docs(does: str, wrong: str, advice: str, prepare: Callable[[Path], object] | None, status: int = 1) -> Row:
    config = "documents: [{name: runbooks, path: docs}]"
    return Row(does, wrong, advice, config=config, prepare=prepare, status=status)


def _deploys(does: str, wrong: str, advice: str, prepare: Callable[[Path], object] | None, status: int = 1) -> Row:
    return Row(does, wrong, advice, config="deploys: {path: deploys.jsonl}", prepare=prepare, status=status)


def _catalogue(does: str, wrong: str, advice: str, content: str | None, *words: str) -> Row:
    config = "catalogue_files: [catalog-info.yaml]"
    prepare = _file("catalog-info.yaml", content) if content is not None else None
    return Row(does, wrong, advice, words=words or ("check",), config=config, prepare=prepare, status=2 if words else 1)


ROWS = (
    _clone("no repository", "shop does not exist or may not be entered", _TOP, None),
    _clone("a folder that is no repository", "shop is not a git repository", _TOP, _folder("shop")),
    Row(
        "a folder that is no repository, asked",
        "shop is not a git repository",
        _TOP,
        words=ASK,
        config="repositories: [{name: shop, path: shop}]",
        prepare=_folder("shop"),
        status=0,
    ),
    _clone("a file that is no repository", "shop does not exist or may not be entered", _TOP, _file("shop")),
    _clone("no commits", "shop has no commits yet", "push or fetch some", lambda folder: GitFolder(folder / "shop")),
    _clone("a shallow clone", "is a shallow clone, so its history is cut off", "git fetch --unshallow", _shallow),
    _clone("spoilt objects", "git failed in shop (error: inflate: data stream error", _FSCK, _spoilt),
    _clone("a spoilt .git/config", "git failed in shop (fatal: bad config line 1", _FSCK, _misconfigured),
    Row(
        "a repository that may not be read",
        "shop does not exist or may not be entered",
        _TOP,
        config="repositories: [{name: shop, path: shop}]",
        prepare=lambda folder: _shop(folder).path.chmod(0),
        own_process=True,
    ),
    Row(
        "a clone that cannot be fetched",
        "fetching failed: fatal: '…gone' does not appear to be a git repository",
        "see that the address of the remote is right",
        config="repositories: [{name: shop, path: shop, fetch_seconds: 60}]",
        prepare=_orphaned,
    ),
    Row(
        "a key for fetching that is none",
        "the key …nokey is not a file",
        "name the right one in key_file",
        config="repositories: [{name: shop, path: shop, fetch_seconds: 60, key_file: nokey}]",
        prepare=_orphaned,
    ),
    _docs("no documents", "runbooks: holds no Markdown documents", "put some there, or take it out", _folder("docs")),
    _docs("no folder", "cannot read the folder docs: it does not exist", "mend that or set another path", None),
    _docs("a file for a folder", "cannot read the folder docs: it is not a folder", "set another path", _file("docs")),
    _docs("a binary document", "1 documents (runbooks 1)", "binary, so not searched: 1", _file("docs/a.md", b"\0"), 0),
    _docs(
        "Latin-1", "1 documents (runbooks 1)", "not UTF-8, so odd characters are lost", _file("docs/a.md", b"\xe9"), 0
    ),
    _docs("a document of 4 MB", "1 documents (", "longer than 1 MiB: 1", _file("docs/a.md", b"# x\n" * (1 << 20)), 0),
    Row(
        "documents that may not be read",
        "cannot read the folder docs: it may not be read by this user",
        "mend that or set another path",
        config="documents: [{name: runbooks, path: docs}]",
        prepare=_folder("docs", 0),
        own_process=True,
    ),
    _deploys("no deploys", "deploys.jsonl does not exist", "let every rollout append a line to it", None),
    _deploys(
        "a folder for deploys", "cannot read deploys.jsonl: it is a folder", "set its path", _folder("deploys.jsonl")
    ),
    _deploys(
        "an empty file of deploys", "no deploys yet", "let every rollout append a line", _file("deploys.jsonl"), 0
    ),
    _deploys(
        "garbage among deploys",
        "1 deploy, the last: web v1",
        "cannot read line 1, 3, 4, 5: each needs a time with a zone, and a service",
        _file(
            "deploys.jsonl",
            "\n".join(["garbage", _GOOD, _NAIVE, "[" * 100_000, '"' + "x" * 100_000, ""]),
        ),
        0,
    ),
    _catalogue(
        "no catalogue", "cannot read the catalogue catalog-info.yaml: it does not exist", "take it out of", None
    ),
    _catalogue("no catalogue, asked", "cannot read the catalogue", "out of catalogue_files", None, *ASK),
    _catalogue("a catalogue that is no YAML", f"{_CATALOGUE} is not valid YAML in line 2", "is not closed", "a: [\n"),
    _catalogue("a catalogue of nothing", "knows no service", "let catalogue_files name files with a", "a: b"),
    _catalogue(
        "a catalogue without a name",
        f"{_CATALOGUE} has a Component whose metadata.name is missing",
        "set it",
        "kind: Component\nmetadata: {title: Shop}\n",
        *ASK,
    ),
    Row(
        "a file for the state",
        ".state/sre-bot.sqlite: a file is where a folder should be",
        _STATE,
        prepare=_file(".state"),
    ),
    Row(
        "a state that may not be written",
        "state/sre-bot.sqlite: unable to open database file",
        _STATE,
        config="state_dir: state",
        prepare=_folder("state", 0o500),
        own_process=True,
    ),
    Row(
        "a database that is none",
        "file is not a database, or a broken one",
        "restore it from a backup, or move it away to begin anew",
        prepare=_file(".state/sre-bot.sqlite", b"this is no database" * 1000),
    ),
    Row(
        "serve with work that is no database",
        "cannot keep work in .state: file is not a database",
        "Check SRE_BOT_STATE_DIR",
        words=SERVE,
        env={**_SLACK, "SRE_BOT_HTTP_PORT": "0"},
        prepare=_file(".state/workflows.sqlite", b"this is no database" * 1000),
        status=2,
    ),
    Row("a full disk", "database or disk is full: make room", _STATE, config="state_dir: state", prepare=_full_disk),
    Row(
        "serve on a full disk",
        "database or disk is full: make room",
        _STATE,
        words=SERVE,
        env=_SLACK,
        config="state_dir: state",
        prepare=_full_disk,
        status=2,
    ),
    Row(
        "a host that is none of ours",
        "cannot listen on 192.0.2.1:0: …",
        "Set SRE_BOT_HTTP_HOST",
        words=SERVE,
        env={**_SLACK, "SRE_BOT_HTTP_PORT": "0", "SRE_BOT_HTTP_HOST": "192.0.2.1"},
        status=2,
    ),
    Row(
        "a port that is taken",
        "cannot listen on 127.0.0.1:…: …address already in use",
        "Set SRE_BOT_HTTP_PORT",
        words=SERVE,
        env={**_SLACK, "SRE_BOT_HTTP_PORT": "{port}"},
        answers=plain,
        status=2,
    ),
)
