"""An answer as the JSON document of the published form."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.investigation import CauseKind, Claim, Evidence, Hypothesis, MissingSource, Observation, Suspect
from sre_bot.render.document import MAX_SUSPECTS, document
from tests.render import sample_answers

if TYPE_CHECKING:
    from sre_bot.investigation import Answer

KEYS = {
    "id": (str, None),
    "question": (str,),
    "asked_at": (str,),
    "model": (str,),
    "prompt": (str, None),
    "root_cause": (dict, None),
    "change_suspects": (list,),
    "remediation": (dict, None),
    "report": (dict,),
    "evidence": (list,),
    "unverified": (list,),
    "missing_sources": (list,),
    "usage": (dict,),
    "seconds": (dict,),
}
ANSWERS = pytest.mark.parametrize("answer", sample_answers.ALL.values(), ids=sample_answers.ALL)


def written(answer: Answer) -> dict[str, Any]:
    """The document as another program reads it; only what JSON knows may be in it."""
    read: dict[str, Any] = json.loads(json.dumps(document(answer), allow_nan=False))
    return read


def answer_with(*causes: Hypothesis, suspects: tuple[Suspect, ...] = ()) -> Answer:
    report = replace(sample_answers.BAD_DEPLOY.report, hypotheses=causes)
    return replace(sample_answers.BAD_DEPLOY, report=report, suspects=suspects)


def cause(change: str | None, confidence: float = 0.8, kind: CauseKind = CauseKind.CHANGE) -> Hypothesis:
    return Hypothesis(Claim("because", ("E1",)), kind, confidence, "checkout", change)


@ANSWERS
def test_the_document_has_exactly_the_published_keys(answer: Answer) -> None:
    read = written(answer)
    assert read.keys() == KEYS.keys()
    for key, kinds in KEYS.items():
        assert any(read[key] is None if kind is None else isinstance(read[key], kind) for kind in kinds), key
    for suspect in read["change_suspects"]:
        assert suspect.keys() == {"change", "score"}
    for evidence in read["evidence"]:
        assert evidence.keys() == {"id", "tool", "arguments", "summary"}
    for doubt in read["unverified"]:
        assert doubt.keys() == {"claim", "why"}
    tokens = {"input_tokens", "output_tokens", "cache_read_tokens"}
    assert read["usage"].keys() == {"turns", "usd"} | tokens
    assert read["seconds"].keys() == {"ready", "first_look", "total"}


def test_a_bad_deploy_reads_as_one() -> None:
    read = written(sample_answers.BAD_DEPLOY)
    assert read["asked_at"] == "2026-11-22T03:14:07Z"
    assert read["root_cause"] == {
        "kind": "change",
        "change": sample_answers.SHA,
        "service": "checkout",
        "confidence": 0.82,
    }
    assert read["change_suspects"] == [{"change": sample_answers.SHA, "score": 0.82}, {"change": None, "score": 0.12}]
    assert read["remediation"] == {"action": "rollback", "target": "checkout"}
    assert read["missing_sources"] == ["loki"]
    assert read["report"]["what"][0]["evidence"] == ["E2"]
    assert read["report"]["note"] is None
    assert read["id"] is None


def test_the_answer_to_a_recording_names_it() -> None:
    assert document(sample_answers.ALL_WELL, recording="2026-11-checkout")["id"] == "2026-11-checkout"


def test_not_knowing_is_no_root_cause() -> None:
    assert written(sample_answers.DONT_KNOW)["root_cause"] is None
    assert written(answer_with(cause(None, kind=CauseKind.UNKNOWN)))["root_cause"] is None


def test_an_unknown_cause_does_not_move_the_suspects() -> None:
    suspects = (Suspect("aaa", 0.9), Suspect(None, 0.1))
    read = written(answer_with(cause(None, kind=CauseKind.UNKNOWN), suspects=suspects))
    assert [one["change"] for one in read["change_suspects"]] == ["aaa", None]


def test_a_root_cause_that_nobody_suspected_leads_the_suspects() -> None:
    read = written(answer_with(cause("bbb", 0.3), suspects=(Suspect("aaa", 0.9),)))
    assert read["change_suspects"] == [{"change": "bbb", "score": 0.3}, {"change": "aaa", "score": 0.3}]


def test_no_change_to_blame_is_said_by_null() -> None:
    read = written(answer_with(cause(None, 0.7, CauseKind.CAPACITY), suspects=(Suspect("aaa", 0.9),)))
    assert read["root_cause"]["change"] is None
    assert read["change_suspects"][0] == {"change": None, "score": 0.7}


def test_a_source_is_missing_once() -> None:
    missing = (MissingSource("loki", "down"), MissingSource("loki", "slow"))
    answer = replace(sample_answers.ALL_WELL, report=replace(sample_answers.ALL_WELL.report, missing=missing))
    assert written(answer)["missing_sources"] == ["loki"]


def test_a_figure_that_json_does_not_know_is_null() -> None:
    look = Evidence("E1", "tool", {"at": [math.nan], "deep": {"x": math.inf}, "n": 1}, Observation("seen", "seen"))
    read = written(replace(sample_answers.ALL_WELL, evidence=(look,)))
    assert read["evidence"][0]["arguments"] == {"at": [None], "deep": {"x": None}, "n": 1}


changes = st.sampled_from(["aaa", "bbb", "ccc", "ddd", "eee", "fff", "ggg", None])
suspicions = st.lists(st.builds(Suspect, changes, st.floats(0, 5)), max_size=9).map(tuple)
causes = st.lists(st.builds(cause, changes, st.floats(0, 1), st.sampled_from(CauseKind)), max_size=2)


@given(causes, suspicions)
def test_suspects_are_few_unique_and_best_first_and_agree_with_the_cause(
    named: list[Hypothesis], suspects: tuple[Suspect, ...]
) -> None:
    read = written(answer_with(*named, suspects=suspects))
    listed = [one["change"] for one in read["change_suspects"]]
    scores = [one["score"] for one in read["change_suspects"]]
    assert len(listed) == len(set(listed)) <= MAX_SUSPECTS
    assert scores == sorted(scores, reverse=True)
    if read["root_cause"] is not None:
        assert listed[0] == read["root_cause"]["change"]
    elif suspects:
        assert scores[0] == max(one.score for one in suspects)
