"""The model's report: its schema and how it is read."""

from __future__ import annotations

import json

import pytest

from sre_bot.agent.draft import SCHEMA, BrokenReportError, parse
from sre_bot.investigation import CauseKind, Claim, Hypothesis, JsonObject, Remediation, RemediationAction, Report
from tests.messages_rules import check_schema

CAUSE: JsonObject = {
    "statement": "The deploy broke checkout. ",
    "kind": "Change",
    "service": "checkout",
    "change": "4f1c2d3",
    "likelihood": "Likely",
    "evidence": ["E1"],
}
WHOLE: JsonObject = {
    "what_is_going_on": [{"text": "Checkout fails.", "evidence": ["E1"]}],
    "impact": [],
    "hypotheses": [CAUSE],
    "ruled_out": [],
    "next_steps": [{"text": "Roll back.", "evidence": []}],
    "unknown": ["Who noticed."],
    "remediation": {"action": "ROLL_FORWARD", "target": "checkout"},
}


def test_a_whole_report_is_read() -> None:
    assert parse(json.dumps(WHOLE)) == Report(
        what=(Claim("Checkout fails.", ("E1",)),),
        hypotheses=(
            Hypothesis(Claim("The deploy broke checkout.", ("E1",)), CauseKind.CHANGE, 0.8, "checkout", "4f1c2d3"),
        ),
        next_steps=(Claim("Roll back."),),
        unknown=("Who noticed.",),
        remediation=Remediation(RemediationAction.ROLL_FORWARD, "checkout"),
    )


def test_json_in_prose_with_missing_lists_and_more_than_was_asked_for_is_read() -> None:
    report = parse('Here it is:\n```json\n{"what_is_going_on": [{"text": "x", "mood": 1}], "extra": {}}\n```')
    assert report == Report(what=(Claim("x"),))


def test_a_kind_we_have_no_word_for_is_unknown() -> None:
    report = parse(json.dumps({**WHOLE, "hypotheses": [{**CAUSE, "kind": "gremlins"}]}))
    assert report.hypotheses[0].kind is CauseKind.UNKNOWN


@pytest.mark.parametrize(("word", "prior"), [("LIKELY", 0.8), ("unlikely", 0.2), ("dunno", 0.5), (0.99, 0.5)])
def test_a_likelihood_is_a_word_and_a_word_we_do_not_know_means_possible(word: object, prior: float) -> None:
    report = parse(json.dumps({**WHOLE, "hypotheses": [{**CAUSE, "likelihood": word}]}))
    assert report.hypotheses[0].confidence == prior


@pytest.mark.parametrize("nothing", [None, "null", "None", "", "unknown"])
def test_a_name_that_says_nothing_is_no_name(nothing: str | None) -> None:
    report = parse(json.dumps({**WHOLE, "hypotheses": [{**CAUSE, "change": nothing, "service": nothing}]}))
    assert (report.hypotheses[0].change, report.hypotheses[0].service) == (None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no JSON object"),
        ("I cannot do that.", "there is no JSON object"),
        ('{"what_is_going_on": [', "there is no JSON object"),
        ('{"what_is_going_on": [}', "the JSON: "),
        ("{}", "what_is_going_on: Field required"),
        (json.dumps({**WHOLE, "remediation": {"action": "reboot the universe"}}), "remediation.action"),
        (json.dumps({**WHOLE, "hypotheses": [{**CAUSE, "statement": None}]}), "hypotheses.0.statement"),
    ],
)
def test_what_is_no_report_is_refused_with_a_reason_for_the_model(text: str, why: str) -> None:
    with pytest.raises(BrokenReportError, match=why):
        parse(text)


def test_the_schema_is_one_the_api_takes_and_everything_in_it_is_required() -> None:
    check_schema(SCHEMA)
    required = SCHEMA["required"]
    assert isinstance(required, list)
    assert set(required) == WHOLE.keys()
    assert "default" not in json.dumps(SCHEMA)


def test_the_schema_is_small() -> None:
    assert len(json.dumps(SCHEMA)) / 4 < 800
