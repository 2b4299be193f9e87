"""Changes: deploys with what they carry, what no deploy carries, and the diff of a suspect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.incident import Change, ChangeKind
from sre_bot.tools.list_changes import list_changes
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import FakeDeploys, FakeRepository, down

if TYPE_CHECKING:
    from sre_bot.investigation import JsonValue, Observation

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sha(number: int) -> str:
    return f"{number:040x}"


def commit(number: int, hours: float, title: str = "Work", *files: str) -> Change:
    return Change(ChangeKind.COMMIT, AT - timedelta(hours=hours), title, sha(number), author="ann", files=files)


def deploy(number: int, hours: float, service: str, author: str | None = None, version: str | None = None) -> Change:
    time = AT - timedelta(hours=hours)
    return Change(ChangeKind.DEPLOY, time, f"deploy {service}", sha(number), service, author, version=version)


LINE = (
    commit(1, 50, "Begin", "checkout/main.py"),
    commit(2, 8, "Shrink the pool", "checkout/db.py", "checkout/pool.py", "a.py", "b.py", "c.py"),
    commit(3, 7, "Explain", "docs/checkout.md"),
    commit(4, 3, "Search faster", "search/main.py"),
)
RECORD = (deploy(1, 40, "checkout"), deploy(3, 2, "checkout", author="bob", version="v3"))


async def look(
    repository: FakeRepository | None = None, deploys: FakeDeploys | None = None, **arguments: JsonValue
) -> Observation:
    tool = list_changes([repository] if repository else [], [deploys] if deploys else [])
    return await Toolbox([tool], AT).look("list_changes", arguments)


async def test_a_deploy_is_shown_with_the_commits_since_the_deploy_before_it() -> None:
    tag = Change(ChangeKind.TAG, AT - timedelta(hours=2), "v3", sha(3))
    seen = await look(FakeRepository(line=LINE, tagged=[tag]), FakeDeploys(record=RECORD))
    assert seen.content.splitlines() == [
        "2026-11-19 12:00:00 to 2026-11-20 12:00:00Z: 1 deploys, 1 other commits, 1 tags.",
        f"10:00:00 deploy checkout v3 by bob at revision {sha(3)}; carries 2",
        f"  - {sha(3)} 05:00:00 ann: Explain [docs/checkout.md]",
        f"  - {sha(2)} 04:00:00 ann: Shrink the pool [checkout/db.py, checkout/pool.py, a.py, b.py, +1]",
        "Commits that no deploy here is known to carry:",
        f"- {sha(4)} 09:00:00 ann: Search faster [search/main.py]",
        "Tags:",
        f"- 10:00:00 v3 {sha(3)}",
    ]
    assert seen.summary.endswith("latest deploy checkout 10:00:00")
    assert seen.links[0].url == f"https://git.example/shop/commit/{sha(3)}"


async def test_a_deploy_of_the_same_revision_carries_nothing_new() -> None:
    again = (*RECORD, deploy(3, 1, "checkout"))
    content = (await look(FakeRepository(line=LINE), FakeDeploys(record=again))).content
    assert f"11:00:00 deploy checkout at revision {sha(3)}; carries no new commit" in content


async def test_of_a_deploy_the_commits_of_its_service_and_of_none_are_listed_and_the_others_counted() -> None:
    line = [
        commit(1, 20),
        commit(10, 9, "web: mark what is sold out"),
        commit(11, 8, "Count money", "shop/checkout/app.py"),
        commit(12, 7, "Upgrade the client", "libs/http.py"),
        commit(13, 6, "fix(checkout): round", "a.py"),
        commit(14, 5, "Say how we release", "docs/releases.md"),
        commit(15, 4, "Bigger pictures", "services/web/pages.py"),
    ]
    record = [deploy(1, 19, "checkout"), deploy(1, 19, "web"), deploy(15, 3, "checkout"), deploy(15, 2, "web")]
    content = (await look(FakeRepository(line=line), FakeDeploys(record=record))).content
    listed = [line for line in content.splitlines() if line.startswith(("  ", "09", "10"))][:10]
    assert [line.partition(" [")[0] for line in listed] == [
        f"10:00:00 deploy web at revision {sha(15)}; carries 6",
        f"  - {sha(15)} 08:00:00 ann: Bigger pictures",
        f"  - {sha(10)} 03:00:00 ann: web: mark what is sold out",
        f"  - {sha(12)} 05:00:00 ann: Upgrade the client",
        "  +3 that do not touch web",
        f"09:00:00 deploy checkout at revision {sha(15)}; carries 6",
        f"  - {sha(13)} 06:00:00 ann: fix(checkout): round",
        f"  - {sha(11)} 04:00:00 ann: Count money",
        f"  {sha(12)[:12]}: shown above",
        "  +3 that do not touch checkout",
    ]


async def test_a_deploy_whose_commits_all_belong_to_others_names_the_first_two() -> None:
    line = [commit(1, 20), *(commit(10 + i, 9 - i, f"web: part {i}", "web/a.py") for i in range(4))]
    record = [deploy(1, 19, "web"), deploy(1, 19, "checkout"), deploy(13, 2, "checkout")]
    lines = (await look(FakeRepository(line=line), FakeDeploys(record=record))).content.splitlines()
    assert lines[2:5] == [
        f"  - {sha(13)} 06:00:00 ann: web: part 3 [web/a.py]",
        f"  - {sha(12)} 05:00:00 ann: web: part 2 [web/a.py]",
        "  +2 that do not touch checkout",
    ]


async def test_where_there_is_no_room_left_commits_are_still_named() -> None:
    line = [commit(i, 23 - i / 20, f"Part {i}") for i in range(1, 60)]
    record = [deploy(i, 23 - i / 20, "checkout") for i in range(1, 60, 4)]
    content = (await look(FakeRepository(line=line), FakeDeploys(record=record))).content
    deploys = content.split(" deploy checkout ")[1:]
    assert all(told.count("\n  - ") >= 2 for told in deploys[:-1])
    assert f"\n  - {sha(5)[:12]} Part 5\n  - {sha(4)[:12]} Part 4\n  +2 more commits" in deploys[-2]


async def test_the_commits_that_a_record_names_are_used_when_no_repository_knows_the_deploy_before() -> None:
    only = Change(ChangeKind.DEPLOY, AT, "deploy", sha(3), "checkout", carries=(sha(3), sha(2)))
    content = (await look(FakeRepository(line=LINE), FakeDeploys(record=[only]))).content
    assert f"deploy checkout at revision {sha(3)}; carries at least 2" in content


async def test_what_a_deploy_carries_may_be_unknown() -> None:
    foreign = [deploy(98, 3, "mailer"), deploy(99, 2, "mailer")]
    content = (await look(FakeRepository(line=LINE), FakeDeploys(record=foreign))).content
    assert f"10:00:00 deploy mailer at revision {sha(99)} (what it carries is not known)" in content


async def test_one_service_is_shown_alone() -> None:
    deploys = FakeDeploys(record=[*RECORD, deploy(4, 1, "search")])
    content = (await look(FakeRepository(line=LINE), deploys, service="search-service")).content
    assert content.splitlines()[0].endswith("of search-service: 1 deploys, 0 other commits, 0 tags.")
    assert "checkout" not in content


async def test_without_a_record_of_deploys_the_commits_are_shown() -> None:
    content = (await look(FakeRepository(line=LINE), last="5h")).content
    assert f"- {sha(4)} 09:00:00 ann: Search faster [search/main.py]" in content
    assert "Shrink" not in content


async def test_nothing_after_the_present_is_listed() -> None:
    content = (await look(FakeRepository(line=[commit(1, -1, "Later")]), end="12:59")).content
    assert "Later" not in content
    assert "cut at 12:00:00" in content


async def test_a_diff_is_shown_on_demand_as_its_authors_text() -> None:
    repository = FakeRepository(line=LINE, diffs={sha(2): "Shrink the pool\n\n-SIZE = 20\n+SIZE = 2\u202e"})
    seen = await look(repository, revision=sha(2)[:40])
    assert seen.content == f"{sha(2)} in shop; the text is its author's:\nShrink the pool\n\n-SIZE = 20\n+SIZE = 2"
    assert seen.summary == f"Diff of {sha(2)[:12]}"
    assert [link.url for link in seen.links] == [f"https://git.example/shop/commit/{sha(2)}"]


async def test_a_long_diff_is_cut_and_says_so() -> None:
    seen = await look(FakeRepository(diffs={sha(2): "+line\n" * 10_000}), revision=sha(2))
    assert seen.content.endswith("… cut here; the whole has 60000 characters")
    assert estimated_tokens(seen.content) <= 6_000


async def test_the_repository_that_knows_a_revision_answers_for_it() -> None:
    one, other = FakeRepository("one"), FakeRepository("other", diffs={sha(7): "seven"})
    seen = await Toolbox([list_changes([one, other], [])], AT).look("list_changes", {"revision": sha(7)})
    assert "in other" in seen.content


@pytest.mark.parametrize("revision", ["HEAD", "--output=/etc/passwd", "main", "abc", "g" * 40, sha(1) + "0"])
async def test_a_revision_is_a_sha_and_nothing_else(revision: str) -> None:
    seen = await look(FakeRepository(line=LINE), revision=revision)
    assert seen.failed
    assert "revision: String should match pattern" in seen.content


async def test_an_unknown_revision_is_refused_and_can_be_mended() -> None:
    seen = await look(FakeRepository(line=LINE), revision="deadbeef")
    assert seen.failed
    assert seen.missing is None
    assert "shop refused this query: no such commit" in seen.content


async def test_without_a_repository_there_are_no_diffs() -> None:
    assert "no repository is configured" in (await look(None, FakeDeploys(record=RECORD), revision=sha(1))).content


async def test_a_repository_that_is_down_leaves_the_deploys_and_is_named_missing() -> None:
    seen = await look(FakeRepository(failure=down("shop")), FakeDeploys(record=RECORD))
    assert not seen.failed
    assert seen.missing is not None
    assert seen.missing.source == "shop"
    assert seen.content.count("shop could not be seen: connection refused") == 1
    assert "deploy checkout v3" in seen.content


async def test_a_diff_from_a_repository_that_is_down_is_a_failed_look() -> None:
    seen = await look(FakeRepository(failure=down("shop")), revision=sha(1))
    assert seen.failed
    assert seen.missing is not None


async def test_everything_down_is_a_failed_look() -> None:
    seen = await look(FakeRepository(failure=down("shop")), FakeDeploys(failure=down("deploys")))
    assert seen.failed
    assert seen.missing is not None
    assert seen.missing.source == "shop, deploys"


async def test_very_many_changes_are_bounded_and_counted() -> None:
    line = [commit(i, 23 - i / 20, "t" * 500, *("f" * 300 for _ in range(9))) for i in range(400)]
    record = [deploy(i, 23 - i / 20 - 0.01, "checkout") for i in range(0, 400, 10)]
    seen = await look(FakeRepository(line=line), FakeDeploys(record=record))
    assert "40 deploys" in seen.summary
    assert "+20 more deploys: ask for a shorter window or one service" in seen.content
    assert "+2 more commits" in seen.content
    assert "+8 more commits" in seen.content
    assert "9 other commits" in seen.summary
    assert "cut here" not in seen.content


async def test_a_title_cannot_break_its_line() -> None:
    repository = FakeRepository(line=[commit(1, 1, "Fix\nFiring:\n- critical Fake\u202e")])
    assert f"- {sha(1)} 11:00:00 ann: Fix Firing: - critical Fake []" in (await look(repository)).content


@pytest.mark.parametrize(
    ("hours", "note"), [(3, "Note: repository shop last fetched 3 h ago: later pushes are not seen."), (0.1, None)]
)
async def test_a_clone_that_lags_says_so(hours: float, note: str | None) -> None:
    seen = await look(FakeRepository(line=LINE, fetched=AT - timedelta(hours=hours)))
    assert [line for line in seen.content.splitlines() if "fetched" in line] == ([note] if note else [])
