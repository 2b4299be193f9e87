"""Code as of a moment, from real repositories: what is found, what is read, and what is refused."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.sources.repository import GitRepository
from sre_bot.tools.search_code import search_code
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.conftest import GitFolder

if TYPE_CHECKING:
    from pathlib import Path

    from sre_bot.investigation import JsonValue, Observation

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DB = "import x\n\nPOOL_SIZE = 2\n\ndef connect():\n    return x.pool(POOL_SIZE)\n"


@pytest.fixture
def shop(tmp_path: Path) -> GitFolder:
    """A repository that had a pool of 10 until an hour ago, and has one of 99 an hour from now."""
    folder = GitFolder(tmp_path / "shop")
    folder.commit("begin", {"checkout/db.py": DB.replace("2", "10"), "logo": b"pool_size\0"}, AT - timedelta(days=2))
    folder.commit("shrink", {"checkout/db.py": DB, "search/main.py": "POOL_SIZE = 5\n"}, AT - timedelta(hours=1))
    folder.commit("later", {"checkout/db.py": DB.replace("2", "99")}, AT + timedelta(hours=1))
    return folder


def opened(folder: GitFolder, name: str = "shop") -> GitRepository:
    return GitRepository(folder.path, name=name, web_url=f"https://github.com/acme/{name}")


async def look(*repositories: GitRepository, **arguments: JsonValue) -> Observation:
    return await Toolbox([search_code(repositories)], AT).look("search_code", arguments)


def test_the_definition_costs_at_most_220_tokens(tmp_path: Path) -> None:
    tool = search_code([GitRepository(tmp_path, name="shop")])
    assert estimated_tokens(json.dumps(tool.definition)) <= 220


class TestSearch:
    async def test_lines_are_shown_by_file_as_of_the_moment(self, shop: GitFolder) -> None:
        sha = shop.git("rev-parse", "HEAD~1")
        seen = await look(opened(shop), pattern="pool_size = [0-9]+")
        assert seen.content.splitlines() == [
            f"shop at {sha} of 2026-11-20 11:00:00Z: 2 lines in 2 files for pool_size = [0-9]+",
            "checkout/db.py",
            "  3: POOL_SIZE = 2",
            "search/main.py",
            "  1: POOL_SIZE = 5",
        ]
        assert seen.summary == "Code with pool_size = [0-9]+: shop: 2 lines in 2 files"
        assert seen.links[0].url == f"https://github.com/acme/shop/blob/{sha}/checkout/db.py#L3"

    async def test_a_revision_and_a_path_narrow_it(self, shop: GitFolder) -> None:
        first = shop.git("rev-parse", "HEAD~2")
        seen = await look(opened(shop), pattern="POOL_SIZE =", path="checkout", revision=first[:10])
        assert seen.content.splitlines()[1:] == ["checkout/db.py", "  3: POOL_SIZE = 10"]

    async def test_binary_files_are_named_only(self, shop: GitFolder) -> None:
        content = (await look(opened(shop), pattern="pool_size")).content
        assert "and 1 binary files for" in content
        assert content.endswith("Binary: logo")

    async def test_nothing_found_is_an_answer(self, shop: GitFolder) -> None:
        seen = await look(opened(shop), pattern="no such thing")
        assert seen.content.endswith("nothing found for no such thing")
        assert not seen.failed

    async def test_several_repositories_are_searched_or_one_by_name(self, shop: GitFolder, tmp_path: Path) -> None:
        infra = GitFolder(tmp_path / "infra")
        infra.commit("x", {"values.yaml": "pool_size: 7\n"}, AT - timedelta(days=1))
        both = (opened(shop), opened(infra, "infra"))
        assert "  1: pool_size: 7" in (await look(*both, pattern="pool_size")).content
        alone = (await look(*both, pattern="pool_size", repository="infra")).content
        assert "shop" not in alone
        wrong = await look(*both, pattern="x", repository="web")
        assert "there is no repository web; there are: shop, infra" in wrong.content
        sha = infra.git("rev-parse", "HEAD")
        known = await look(*both, pattern="pool_size", revision=sha)
        assert not known.failed
        assert known.missing is None
        assert "shop" not in known.content

    async def test_very_much_is_bounded_and_counted(self, tmp_path: Path) -> None:
        folder = GitFolder(tmp_path / "big")
        folder.commit("x", {f"f{n:03}.txt": "pool " * 500 + "\npool\n" * 50 for n in range(40)}, AT)
        seen = await look(opened(folder), pattern="pool")
        assert "+2000 more lines: give a path or a narrower pattern" in seen.content
        assert estimated_tokens(seen.content) <= 4_500

    async def test_a_line_of_a_longer_secret_is_not_shown(self, tmp_path: Path) -> None:
        line = "Qk1" * 21 + "=="
        folder = GitFolder(tmp_path / "keys")
        digest = "0123456789abcdef" * 4
        folder.commit("x", {"key.pem": f"BEGIN\n{line}\nEND\n", "lock": digest}, AT)
        content = (await look(opened(folder), pattern="Qk1|0123")).content
        assert line not in content
        assert "  2: (an encoded line, not shown)" in content
        assert digest in content

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"pattern": "(a"}, "Unmatched ( or"),
            ({"pattern": "((a{1,255}){1,255}){1,255}"}, "it repeats too much"),
            ({"pattern": "x", "path": "../etc"}, "a path is that of a file or folder from the top"),
            ({"pattern": "x", "revision": "--output=x"}, "a revision is a commit hash, a tag or a branch"),
            ({"pattern": "x", "revision": "deadbeef"}, "has no commit, tag or branch deadbeef"),
            ({"pattern": "\ud800"}, "a pattern has 1 to 300 characters"),
        ],
    )
    async def test_what_is_refused_can_be_mended(
        self, shop: GitFolder, arguments: dict[str, JsonValue], said: str
    ) -> None:
        seen = await look(opened(shop), **arguments)
        assert seen.failed
        assert seen.missing is None
        assert said in seen.content

    async def test_a_commit_after_the_moment_is_not_seen(self, shop: GitFolder) -> None:
        seen = await look(opened(shop), pattern="x", revision=shop.git("rev-parse", "HEAD"))
        assert "later than the present of this investigation" in seen.content


class TestRead:
    async def test_a_range_of_lines_is_shown_with_numbers(self, shop: GitFolder) -> None:
        sha = shop.git("rev-parse", "HEAD~1")
        seen = await look(opened(shop), path="checkout/db.py", lines="3-5")
        assert seen.content.splitlines() == [
            f"shop at {sha} of 2026-11-20 11:00:00Z, checkout/db.py, lines 3 to 5 of 6; the text is its authors':",
            *("3: POOL_SIZE = 2", "4: ", "5: def connect():"),
        ]
        assert [link.url for link in seen.links] == [f"https://github.com/acme/shop/blob/{sha}/checkout/db.py#L3"]

    async def test_folders_are_listed_and_binaries_are_not_shown(self, shop: GitFolder) -> None:
        assert (await look(opened(shop))).content.endswith("top folder holds:\ncheckout/, logo, search/")
        assert (await look(opened(shop), path="logo")).content.endswith("logo is a binary file and not shown.")

    async def test_a_long_file_is_shown_in_parts(self, tmp_path: Path) -> None:
        folder = GitFolder(tmp_path / "big")
        folder.commit("x", {"a": "".join(f"line {n}\n" for n in range(1, 5_001)), "b": "x" * 500_000}, AT)
        first = (await look(opened(folder), path="a")).content
        assert "lines 1 to 300 of 5000" in first
        assert first.endswith("300: line 300")
        assert (await look(opened(folder), path="a", lines="4990-9999")).content.endswith("5000: line 5000")
        assert (await look(opened(folder), path="a", lines="6000")).content.endswith("a has only 5000 lines.")
        assert estimated_tokens((await look(opened(folder), path="b")).content) <= 4_000

    @pytest.mark.parametrize("lines", ["0", "5-3", "a-b", "1-", "-5", "99999999", "1,2"])
    async def test_what_are_no_lines_is_said(self, shop: GitFolder, lines: str) -> None:
        seen = await look(opened(shop), path="checkout/db.py", lines=lines)
        assert seen.failed
        assert "write them like 120-180" in seen.content

    async def test_a_secret_of_several_lines_is_taken_out_whichever_lines_are_asked_for(self, tmp_path: Path) -> None:
        body = "\n".join(["MIIEpAIBAAKCAQEA" * 4] * 10)
        mark = "PRIVATE KEY-----"
        folder = GitFolder(tmp_path / "keys")
        folder.commit("x", {"k": f"a\n-----BEGIN RSA {mark}\n{body}\n-----END RSA {mark}\nz\n"}, AT)
        for lines in ("1-100", "2-6", "5-7"):
            assert "MIIEpAIB" not in (await look(opened(folder), path="k", lines=lines)).content

    async def test_one_repository_answers_and_others_that_have_the_path_are_named(
        self, shop: GitFolder, tmp_path: Path
    ) -> None:
        infra = GitFolder(tmp_path / "infra")
        infra.commit("x", {"checkout/db.py": "other\n", "only": "here\n"}, AT)
        both = (opened(shop), opened(infra, "infra"))
        content = (await look(*both, path="checkout/db.py")).content
        assert "Also in infra: give repository to read that." in content
        assert "other" not in content
        assert (await look(*both, path="only")).content.endswith("1: here")
        assert "there is no such file or folder" in (await look(*both, path="none")).content


class TestLag:
    async def test_a_clone_that_lags_says_so(self, shop: GitFolder, tmp_path: Path) -> None:
        shop.git("clone", "--quiet", f"file://{shop.path}", str(tmp_path / "clone"))
        clone = GitFolder(tmp_path / "clone")
        then = (AT - timedelta(hours=3)).timestamp()
        mark = clone.path / ".git" / "sre-bot-fetched"
        mark.touch()
        os.utime(mark, (then, then))
        note = "Note: repository shop last fetched 3 h ago: later pushes are not seen."
        assert note in (await look(opened(clone), pattern="POOL")).content
        assert note in (await look(opened(clone), path="logo")).content
        assert "fetched" not in (await look(opened(shop), pattern="POOL")).content

    async def test_a_repository_that_is_down_is_named_missing(self, shop: GitFolder, tmp_path: Path) -> None:
        gone = GitRepository(tmp_path / "gone", name="gone")
        seen = await look(opened(shop), gone, pattern="POOL")
        assert not seen.failed
        assert seen.missing is not None
        assert seen.missing.source == "gone"
        assert seen.content.startswith("gone could not be seen:")
        alone = await look(gone, pattern="POOL")
        assert alone.failed
        assert alone.missing is not None
