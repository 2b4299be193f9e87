"""The runbook of what fires is read where it is a known document, and cited beside its address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sre_bot.errors import SourceUnavailableError
from sre_bot.first_look import FirstLook
from sre_bot.first_look.runbooks import MAX_TEXT
from sre_bot.investigation import Answer, Question
from tests.first_look.scenes import AT, shop
from tests.tools.test_search_docs import POOL, URL, FakeDocuments


async def asked(documents: FakeDocuments | None, url: str = URL) -> Answer:
    sources = replace(shop().fires("Pool", runbook_url=url).fires("NoBook").sources(), documents=documents)
    return await FirstLook(sources, now=lambda: AT, deadline=30)(Question("", AT))


async def test_a_known_document_is_evidence_of_the_next_step() -> None:
    answer = await asked(FakeDocuments(runbooks=[POOL]))
    (evidence,) = [one for one in answer.evidence if one.tool == "search_docs"]
    assert "Raise pool_size." in evidence.observation.content
    assert evidence.arguments == {"runbook_url": URL}
    (step,) = [step for step in answer.report.next_steps if "Runbook" in step.text]
    assert evidence.id in step.evidence


async def test_a_long_one_is_cut() -> None:
    answer = await asked(FakeDocuments(runbooks=[replace(POOL, text="word " * 5_000)]))
    (evidence,) = [one for one in answer.evidence if one.tool == "search_docs"]
    assert len(evidence.observation.content) < MAX_TEXT + 100


@pytest.mark.parametrize("url", ["https://elsewhere.example/x", "", "x" * 3_000])
async def test_an_address_of_no_known_document_stays_an_address(url: str) -> None:
    answer = await asked(FakeDocuments(runbooks=[POOL]), url)
    assert not [one for one in answer.evidence if one.tool == "search_docs"]


async def test_without_documents_it_stays_an_address() -> None:
    assert not [one for one in (await asked(None)).evidence if one.tool == "search_docs"]


async def test_documents_that_cannot_be_read_are_missing() -> None:
    broken = FakeDocuments(failures=(SourceUnavailableError("documents", "is broken"),))
    answer = await asked(broken)
    assert ("documents", "is broken") in {(one.source, one.why) for one in answer.report.missing}
