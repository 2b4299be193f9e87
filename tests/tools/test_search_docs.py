"""Runbooks by words and by address: where a passage stands, how old it is, and only as much as is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot.sources.documents import Found, Passage
from sre_bot.tools.search_docs import search_docs
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import down

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.errors import SourceError
    from sre_bot.investigation import JsonValue, Observation

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
URL = "https://git.example/ops/blob/main/runbooks/checkout.md#pool"
POOL = Passage(
    "ops", "runbooks/checkout.md", ("Checkout", "Pool"), "Raise pool_size.", changed=AT - timedelta(days=400)
)
DISK = Passage("ops", "runbooks/disk.md", ("Disk",), "Delete logs.", url="https://git.example/ops/disk.md#disk")


@dataclass
class FakeDocuments:
    """Documents with prepared answers."""

    name: str = "documents"
    sections: Sequence[Passage] = ()
    runbooks: Sequence[Passage] = ()
    failures: tuple[SourceError, ...] = ()
    note: str | None = None

    async def search(self, text: str, at: datetime, limit: int) -> Found:
        return replace(self._found(self.sections[:limit]), note=self.note)

    async def resolve(self, url: str, at: datetime) -> Found:
        return self._found(self.runbooks if url == URL else ())

    def _found(self, passages: Sequence[Passage]) -> Found:
        if self.failures and not self.sections:
            raise self.failures[0]
        return Found(tuple(passages), self.failures)


async def look(documents: FakeDocuments, **arguments: JsonValue) -> Observation:
    return await Toolbox([search_docs(documents)], AT).look("search_docs", arguments)


def test_the_definition_costs_at_most_170_tokens() -> None:
    assert estimated_tokens(json.dumps(search_docs(FakeDocuments()).definition)) <= 170


async def test_sections_are_shown_with_their_place_and_age() -> None:
    seen = await look(FakeDocuments(sections=[POOL, DISK]), query="pool exhausted")
    assert seen.content.splitlines() == [
        "2 sections for pool exhausted, best first:",
        "## ops: runbooks/checkout.md › Checkout › Pool (changed 2025-10-16, 400 days ago)",
        "Raise pool_size.",
        "## ops: runbooks/disk.md › Disk",
        "Delete logs.",
    ]
    assert seen.summary == "Documents: ops: runbooks/checkout.md › Checkout › Pool and 1 more"
    assert [link.url for link in seen.links] == ["https://git.example/ops/disk.md#disk"]


async def test_a_runbook_is_read_straight_and_not_found_again_by_words() -> None:
    seen = await look(FakeDocuments(sections=[POOL, DISK], runbooks=[POOL]), runbook_url=URL, query="pool")
    assert seen.content.count("Raise pool_size.") == 1
    assert seen.content.index("Raise pool_size.") < seen.content.index("1 sections besides for pool")
    assert seen.content.endswith("Delete logs.")


async def test_an_address_that_leads_nowhere_says_so() -> None:
    seen = await look(FakeDocuments(sections=[POOL]), runbook_url="https://elsewhere.example/x")
    assert seen.content == (
        "No document is known for this runbook_url; search by words instead. Addresses are never opened."
    )
    assert not seen.failed


async def test_several_runbooks_that_may_be_meant_share_the_room() -> None:
    long = [Passage("ops", f"{name}/x.md", (), f"{name} " * 5_000) for name in ("one", "two")]
    seen = await look(FakeDocuments(runbooks=long), runbook_url=URL)
    assert seen.content.startswith("Several documents may be meant")
    assert len(seen.content) < 7_000
    assert seen.content.count("… cut here; the whole has") == 2


async def test_nothing_found_advises_other_words() -> None:
    seen = await look(FakeDocuments(), query="pool")
    assert seen.content == "0 sections for pool, best first:\nTry other words."
    assert seen.summary == "Documents: nothing found"


@pytest.mark.parametrize("sections", [[DISK], []])
async def test_what_could_not_be_compared_is_said(sections: list[Passage]) -> None:
    note = "By meaning, 2 of 9 passages could be compared so far; the rest by words only."
    seen = await look(FakeDocuments(sections=sections, note=note), query="pool")
    assert seen.content.endswith(note)


async def test_a_document_changed_after_the_moment_is_marked() -> None:
    later = Passage("ops", "a.md", (), "x", changed=AT + timedelta(hours=1))
    seen = await look(FakeDocuments(sections=[later]), query="x")
    assert "a.md (changed 2026-11-20 13:00Z, after the present of this investigation)" in seen.content


async def test_a_long_section_is_shown_where_it_fits_best() -> None:
    text = "filler\n" * 1_000 + "the quota line\n" + "filler\n" * 1_000
    seen = await look(FakeDocuments(sections=[Passage("ops", "a.md", (), text, best=6_900)]), query="quota")
    assert "…\nfiller" in seen.content
    assert "the quota line" in seen.content
    assert len(seen.content) < 2_000


async def test_five_long_sections_cost_little() -> None:
    sections = [Passage("ops", f"{n}.md", ("h" * 500,), "word " * 10_000) for n in range(9)]
    seen = await look(FakeDocuments(sections=sections), query="word")
    assert estimated_tokens(seen.content) <= 3_000


async def test_hidden_text_and_secrets_are_not_passed_on() -> None:
    password = "hunter2" + "hunter2"
    text = f"postgres://app:{password}@db/x\u202e\U000e0041\n" + "word\n" * 1_000
    seen = await look(FakeDocuments(sections=[Passage("ops", "a.md", (), text)]), query="x")
    assert password not in seen.content
    assert not {"\u202e", "\U000e0041"} & set(seen.content)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "give a query, a runbook_url, or both"),
        ({"query": " ", "runbook_url": ""}, "give a query, a runbook_url, or both"),
        ({"query": "x" * 501}, "a query has at most 500 characters"),
        ({"runbook_url": "x" * 2_001}, "a runbook_url 2000"),
        ({"question": "x"}, "It takes: query (optional), runbook_url (optional)."),
    ],
)
async def test_wrong_arguments_are_said(arguments: dict[str, JsonValue], said: str) -> None:
    seen = await look(FakeDocuments(), **arguments)
    assert seen.failed
    assert said in seen.content


async def test_a_collection_that_is_down_is_named_missing() -> None:
    seen = await look(FakeDocuments(sections=[POOL], runbooks=[POOL], failures=(down("wiki"),)), query="x")
    assert not seen.failed
    assert seen.content.count("wiki could not be seen: connection refused") == 1
    assert seen.missing is not None
    assert seen.missing.source == "wiki"


async def test_all_down_is_a_failed_look() -> None:
    seen = await look(FakeDocuments(failures=(down("wiki"),)), query="x")
    assert seen.failed
    assert seen.missing is not None
