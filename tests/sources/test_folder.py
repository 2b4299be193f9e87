"""Nothing outside of a folder is opened, whatever stands in it and whoever changes it meanwhile."""

from __future__ import annotations

import contextlib
import gzip
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sre_bot.errors import SourceUnavailableError
from sre_bot.sources.folder import Folder
from sre_bot.sources.tree import MAX_DOCUMENT
from tests.sources.opening import everything, listener, read_and_heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ProcessPoolExecutor

CORPORA = Path(__file__).parents[2] / "../shared/corpora"
CANARY = b"# not yours"


@pytest.fixture(scope="module")
def listening() -> Iterator[ProcessPoolExecutor]:
    with listener() as process:
        yield process


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """An empty folder beside a file that is not its own."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_bytes(CANARY)
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


def test_markdown_is_found_at_any_depth_and_hidden_folders_are_not(docs: Path) -> None:
    for path in ("a.md", "b/c.markdown", "b/d/E.MD", "b/code.py", ".git/x.md", "b/.hidden.md"):
        (docs / path).parent.mkdir(parents=True, exist_ok=True)
        (docs / path).write_text(path)
    assert everything(docs) == {"a.md": b"a.md", "b/c.markdown": b"b/c.markdown", "b/d/E.MD": b"b/d/E.MD"}


def test_the_folder_itself_may_be_a_link(docs: Path) -> None:
    (docs / "a.md").write_text("a")
    (docs.parent / "current").symlink_to(docs)
    assert everything(docs.parent / "current") == {"a.md": b"a"}


def test_links_pipes_sockets_and_devices_are_not_read(docs: Path) -> None:
    outside = docs.parent / "outside"
    (docs / "file.md").symlink_to(outside / "secret.md")
    (docs / "folder").symlink_to(outside)
    (docs / "loop").symlink_to(docs)
    os.mkfifo(docs / "pipe.md")
    (docs / "folder.md").mkdir()
    if os.geteuid() == 0:
        os.mknod(docs / "zero.md", 0o20666, os.makedev(1, 5))
    assert everything(docs) == {}
    assert Folder(docs, "docs").list().links == 3
    for path in ("file.md", "folder/secret.md", "pipe.md", "zero.md", "folder.md"):
        assert Folder(docs, "docs").read(path) is None


def volume(folder: Path, day: str, texts: dict[str, str]) -> None:
    """Fill a folder as the kubelet fills a volume: a dated folder, a link to it, a link to each entry through that."""
    for path, text in texts.items():
        (folder / day / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / day / path).write_text(text)
        if not (folder / path.split("/")[0]).is_symlink():
            (folder / path.split("/")[0]).symlink_to(f"..data/{path.split('/')[0]}")
    (folder / "..data_tmp").symlink_to(day)
    (folder / "..data_tmp").rename(folder / "..data")


def test_a_volume_of_kubernetes_is_read_and_seen_to_change(docs: Path) -> None:
    volume(docs, "..2026_11_22_12_00", {"a.md": "one", "more/b.md": "two"})
    assert everything(docs) == {"a.md": b"one", "more/b.md": b"two"}
    assert Folder(docs, "docs").list().links == 0
    before = {file.path: file.version for file in Folder(docs, "docs").list().files}
    volume(docs, "..2026_11_22_13_00", {"a.md": "ONE"})
    assert everything(docs) == {"a.md": b"ONE"}
    assert Folder(docs, "docs").list().files[0].version != before["a.md"]


def test_a_volume_may_be_mounted_below(docs: Path) -> None:
    (docs / "x.md").write_text("x")
    (docs / "team").mkdir()
    volume(docs / "team", "..2026_11_22_12_00", {"a.md": "one"})
    assert everything(docs) == {"team/a.md": b"one", "x.md": b"x"}


@pytest.mark.parametrize(
    "target", ["../outside", "..", ".", "/etc", "inner/../../outside", "none", "loop", "a.md", "..data"]
)
def test_a_volume_does_not_lead_out(docs: Path, target: str) -> None:
    (docs / "loop").symlink_to(docs.parent / "outside")
    (docs / "a.md").write_text("ours")
    (docs / "..data").symlink_to(target)
    assert everything(docs) == {"a.md": b"ours"}
    assert Folder(docs, "docs").read("secret.md") is None


def test_links_in_a_volume_do_not_lead_out(docs: Path) -> None:
    volume(docs, "..2026_11_22_12_00", {"a.md": "one"})
    (docs / "..data" / "secret.md").symlink_to(docs.parent / "outside" / "secret.md")
    (docs / "..data" / "folder").symlink_to(docs.parent / "outside")
    assert everything(docs) == {"a.md": b"one"}
    assert Folder(docs, "docs").read("secret.md") is None


@pytest.mark.parametrize("path", ["../outside/secret.md", "/etc/passwd", "", ".", "a/../../outside/secret.md", "a//b"])
def test_a_path_that_leads_out_is_not_read(docs: Path, path: str) -> None:
    (docs / "a").mkdir()
    assert Folder(docs, "docs").read(path) is None


def test_paths_from_a_corpus_lead_nowhere(docs: Path) -> None:
    corpus = CORPORA / "path_traversal.txt.gz"
    if not corpus.exists():
        pytest.skip("no path_traversal.txt.gz here")
    for attack in gzip.decompress(corpus.read_bytes()).decode().splitlines():
        assert Folder(docs, "docs").read(attack) is None


def test_a_file_that_is_too_long_is_not_read(docs: Path) -> None:
    (docs / "a.md").write_bytes(b"x" * MAX_DOCUMENT)
    (docs / "b.md").write_bytes(b"x" * (MAX_DOCUMENT + 1))
    read = everything(docs)
    assert (len(read["a.md"] or b""), read["b.md"]) == (MAX_DOCUMENT, None)


def test_a_change_changes_the_version(docs: Path) -> None:
    (docs / "a.md").write_text("one")
    (before,) = Folder(docs, "docs").list().files
    (docs / "a.md").write_text("two")
    os.utime(docs / "a.md", ns=(0, 1))
    (after,) = Folder(docs, "docs").list().files
    assert before.version != after.version
    assert after.changed == pytest.approx(1e-9)


def test_names_that_are_no_text_are_passed_over(docs: Path) -> None:
    Path(os.fsdecode(os.fsencode(docs) + b"/\xff.md")).write_text("x")
    assert everything(docs) == {}


@pytest.mark.parametrize(("name", "why"), [("none", "it does not exist"), ("file", "it is not a folder")])
def test_no_folder_is_said_with_what_to_do(docs: Path, name: str, why: str) -> None:
    (docs / "file").write_text("x")
    for ask in (Folder(docs / name, "docs").list, lambda: Folder(docs / name, "docs").read("a.md")):
        with pytest.raises(SourceUnavailableError, match=f"{why}; mend that or set another path"):
            ask()


def test_a_component_swapped_for_a_link_meanwhile_does_not_lead_out(docs: Path) -> None:
    (docs / "in").mkdir()
    (docs / "in" / "secret.md").write_text("ours")
    (docs / "link").symlink_to(docs.parent / "outside")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for one, other in (("in", "kept"), ("link", "in"), ("in", "link"), ("kept", "in")):
                (docs / one).rename(docs / other)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        seen = {Folder(docs, "docs").read("in/secret.md") for _ in range(5_000)}
    finally:
        done.set()
        swapping.join()
    assert seen == {None, b"ours"}


NAMES = st.sampled_from(["a.md", "b.md", "c", "d", "..md", ".x", "..data"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
KINDS = st.sampled_from(["file", "link out", "link up", "folder link", "pipe"])


def _make(docs: Path, path: str, kind: str) -> None:
    target = docs / path
    if not target.resolve().is_relative_to(docs) or target.exists():
        return
    with contextlib.suppress(OSError):  # two of the paths may not go together
        target.parent.mkdir(parents=True, exist_ok=True)
        match kind:
            case "file":
                target.write_text("inside")
            case "link out":
                target.symlink_to(docs.parent / "outside" / "secret.md")
            case "link up":
                target.symlink_to("..")
            case "folder link":
                target.symlink_to(docs.parent / "outside")
            case _:
                os.mkfifo(target)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.tuples(PATHS, KINDS), max_size=12), asked=st.lists(PATHS, max_size=5))
def test_whatever_stands_there_each_component_is_opened_alone_and_links_are_not_followed(
    tmp_path_factory: pytest.TempPathFactory,
    listening: ProcessPoolExecutor,
    made: list[tuple[str, str]],
    asked: list[str],
) -> None:
    docs = tmp_path_factory.mktemp("root") / "docs"
    (docs.parent / "outside").mkdir(parents=True)
    (docs.parent / "outside" / "secret.md").write_bytes(CANARY)
    docs.mkdir()
    for path, kind in made:
        _make(docs, path, kind)
    read, opened = listening.submit(read_and_heard, docs, (*asked, *(path for path, _ in made))).result()
    assert CANARY not in read.values()
    inner = [(path, flags) for path, flags in opened if path != str(docs)]
    assert all("/" not in path and path not in {"", ".", ".."} and flags & os.O_NOFOLLOW for path, flags in inner)
    assert len(opened) > len(inner), "the hook does not hear"
