"""Investigations: begun once, and then answered or failed; an answer comes back as it went in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from sre_bot.investigation import Question
from sre_bot.store.investigations import Investigations
from sre_bot.store.schema import investigations
from tests.render import sample_answers

if TYPE_CHECKING:
    from sqlalchemy import Engine, RowMapping

    from sre_bot.investigation import Answer

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def row(engine: Engine) -> RowMapping:
    with engine.connect() as connection:
        return connection.execute(select(investigations)).mappings().one()


def test_what_is_begun_is_running_and_has_no_answer(engine: Engine) -> None:
    kept = Investigations(engine)
    kept.begin("k", Question("what is wrong?", NOW, "U1"))
    begun = row(engine)
    assert (begun["id"], begun["question"], begun["asked_by"]) == ("k", "what is wrong?", "U1")
    assert (begun["status"], begun["finished_at"]) == ("running", None)
    assert kept.answer("k") is None


def test_beginning_again_changes_nothing(engine: Engine) -> None:
    kept = Investigations(engine)
    kept.begin("k", Question("what is wrong?", NOW))
    kept.finish("k", sample_answers.ALL_WELL, NOW)
    kept.begin("k", Question("something else", NOW))
    assert row(engine)["question"] == "what is wrong?"
    assert row(engine)["status"] == "answered"


@pytest.mark.parametrize("answer", sample_answers.ALL.values(), ids=sample_answers.ALL)
def test_an_answer_comes_back_as_it_went_in(engine: Engine, answer: Answer) -> None:
    kept = Investigations(engine)
    kept.begin("k", answer.question)
    kept.finish("k", answer, NOW)
    assert kept.answer("k") == answer
    finished = row(engine)
    assert (finished["status"], finished["model"], finished["prompt"]) == ("answered", answer.model, answer.prompt)
    assert finished["usd"] == answer.usage.usd
    assert finished["finished_at"] is not None


def test_what_failed_is_failed_and_has_no_answer(engine: Engine) -> None:
    kept = Investigations(engine)
    kept.begin("k", Question("what is wrong?", NOW))
    kept.fail("k", NOW)
    assert (row(engine)["status"], kept.answer("k")) == ("failed", None)


def test_how_one_stands_is_told(engine: Engine) -> None:
    kept = Investigations(engine)
    told = [kept.status("k")]
    kept.begin("k", Question("what is wrong?", NOW))
    told.append(kept.status("k"))
    kept.finish("k", sample_answers.ALL_WELL, NOW)
    told.append(kept.status("k"))
    kept.fail("k", NOW)
    assert [*told, kept.status("k")] == [None, "running", "answered", "failed"]


def test_of_an_unknown_investigation_there_is_no_answer(engine: Engine) -> None:
    assert Investigations(engine).answer("nothing") is None
