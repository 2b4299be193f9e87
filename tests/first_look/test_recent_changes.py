"""Deploys come with the commits they carry, and these with their diffs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sre_bot.errors import SourceUnavailableError
from sre_bot.first_look.asking import Asking
from sre_bot.first_look.recent_changes import MAX_DIFF, MAX_DIFFS, RecentChanges, read_changes
from sre_bot.incident import Change, ChangeKind
from tests.fakes import FakeDeploys, FakeRepository, down
from tests.first_look.scenes import AT, ago

if TYPE_CHECKING:
    from collections.abc import Sequence


def commit(name: str, minutes: float, repository: str = "shop") -> Change:
    return Change(ChangeKind.COMMIT, ago(minutes), f"Work {name}", name * 40, repository=repository)


def deploy(name: str, minutes: float, service: str = "web") -> Change:
    return Change(ChangeKind.DEPLOY, ago(minutes), "deploy", name * 40, service)


LINE = (commit("a", 5000), commit("b", 90), commit("c", 60), commit("d", 30))
DEPLOYS = (deploy("a", 4900), deploy("d", 20))


def diffs(*commits: Change) -> dict[str, str]:
    return {c.revision or "": f"+ {c.title}" for c in commits}


async def read(
    repositories: Sequence[FakeRepository], deploys: Sequence[Change] | None = DEPLOYS
) -> tuple[RecentChanges, dict[str, str]]:
    """What changed, and what could not be seen."""
    asking = Asking(deadline=10)
    record = None if deploys is None else FakeDeploys(record=deploys)
    found = await read_changes(repositories, record, AT, asking)
    return found, {missing.source: missing.why for missing in asking.missing()}


@dataclass
class Counting(FakeRepository):
    """Notes whose diffs are asked for, and fails to tell what a deploy carries."""

    asked: list[str] = field(default_factory=list)
    unclear: bool = False

    async def diff(self, revision: str) -> str:
        self.asked.append(revision)
        return await FakeRepository.diff(self, revision)

    async def between(self, older: str, newer: str) -> Sequence[Change]:
        if self.unclear:
            raise SourceUnavailableError(self.name, "git took too long")
        return await FakeRepository.between(self, older, newer)


async def test_a_deploy_carries_the_commits_since_the_one_before_with_their_diffs() -> None:
    found, missing = await read([FakeRepository(line=LINE, diffs=diffs(*LINE))])
    assert missing == {}
    assert found.deploys[0].carries == ("d" * 40, "c" * 40, "b" * 40)
    assert set(found.diffs) == {"b" * 40, "c" * 40, "d" * 40}
    kinds = [(change.kind, (change.revision or "")[0]) for change in found.recent]
    assert sorted(kinds) == [("commit", "b"), ("commit", "c"), ("commit", "d"), ("deploy", "d")]


async def test_a_commit_that_went_out_late_is_a_suspect_however_old_it_is() -> None:
    line = (commit("a", 9000), commit("b", 8000))
    found, _ = await read([FakeRepository(line=line, diffs=diffs(*line))], [deploy("a", 8500), deploy("b", 20)])
    assert [change.revision for change in found.recent if change.kind is ChangeKind.COMMIT] == ["b" * 40]


async def test_what_nobody_deploys_is_not_read() -> None:
    repository = Counting(line=LINE, diffs=diffs(*LINE))
    await read([repository], [deploy("a", 4900), deploy("b", 20)])
    assert repository.asked == ["b" * 40]


async def test_old_deploys_are_known_but_neither_suspects_nor_looked_into() -> None:
    repository = Counting(line=LINE, diffs=diffs(*LINE))
    found, _ = await read([repository], [deploy("a", 4900), deploy("b", 60 * 26)])
    assert [change.kind for change in found.recent] == [ChangeKind.COMMIT] * 3
    assert [change.revision for change in found.deploys] == ["b" * 40, "a" * 40]
    assert repository.asked == []


async def test_each_repository_is_asked_for_its_own_commits_only() -> None:
    shop = Counting("shop", line=LINE, diffs=diffs(*LINE))
    other = Counting("other", line=[commit("e", 50, "other")], diffs=diffs(commit("e", 50)))
    found, missing = await read([other, shop], [*DEPLOYS, deploy("e", 10, "search")])
    assert missing == {}
    assert set(shop.asked) == {"b" * 40, "c" * 40, "d" * 40}
    assert other.asked == ["e" * 40]
    assert set(found.diffs) == {*shop.asked, *other.asked}


async def test_a_commit_of_a_repository_that_is_not_configured_has_no_diff() -> None:
    line = [replace(change, repository="gone") for change in LINE]
    found, missing = await read([FakeRepository(line=line, diffs=diffs(*LINE))])
    assert (found.diffs, missing) == ({}, {})


async def test_diffs_are_cut_and_not_too_many() -> None:
    line = [Change(ChangeKind.COMMIT, ago(100 - n / 10), "Work", f"{n:040}", repository="shop") for n in range(60)]
    repository = Counting(line=line, diffs={change.revision or "": "+" * 90_000 for change in line})
    first, last = (replace(deploy("x", minutes), revision=f"{n:040}") for n, minutes in ((0, 99), (59, 20)))
    found, _ = await read([repository], [first, last])
    assert len(repository.asked) == MAX_DIFFS
    assert repository.asked[0] == f"{59:040}", "what went out last comes first"
    assert {len(diff) for diff in found.diffs.values()} == {MAX_DIFF}


async def test_without_a_record_of_deploys_there_are_commits_without_diffs() -> None:
    found, missing = await read([FakeRepository(line=LINE, diffs=diffs(*LINE))], None)
    assert [change.kind for change in found.recent] == [ChangeKind.COMMIT] * 3
    assert (found.deploys, found.diffs, missing) == ((), {}, {})


async def test_without_a_repository_there_are_deploys_without_commits() -> None:
    found, missing = await read([])
    assert [change.kind for change in found.recent] == [ChangeKind.DEPLOY]
    assert missing == {}


async def test_without_both_that_is_said() -> None:
    _, missing = await read([], None)
    assert missing == {"changes": "no repository and no record of deploys is configured"}


async def test_a_repository_that_is_down_leaves_the_deploys() -> None:
    found, missing = await read([FakeRepository(failure=down("shop"))])
    assert [change.kind for change in found.recent] == [ChangeKind.DEPLOY]
    assert missing == {"shop": "connection refused"}


async def test_what_a_deploy_carries_may_stay_unknown() -> None:
    """Any commit since is looked at then, as it may have gone out, too."""
    found, missing = await read([Counting(line=LINE, diffs=diffs(*LINE), unclear=True)])
    assert found.deploys[0].carries == ()
    assert set(found.diffs) == {"b" * 40, "c" * 40, "d" * 40}
    assert missing == {"shop": "git took too long"}
