"""The report as the model writes it: its JSON schema, and the way from its JSON to a ``Report``.

The schema keeps to what the Messages API takes: no bounds on numbers or lengths, no recursion, nothing optional,
``additionalProperties: false``. Reading is more lenient than the schema: casing of words is not guaranteed, and a
model behind a gateway may wrap its JSON in prose or leave out an empty list.
"""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from sre_bot.investigation import (
    CauseKind,
    Claim,
    Hypothesis,
    JsonObject,
    JsonValue,
    Remediation,
    RemediationAction,
    Report,
)


class BrokenReportError(ValueError):
    """What the model wrote is not a report; the text says what is wrong with it, fit to be sent back to the model."""


def _word(value: object) -> object:
    return value.strip().lower().replace("_", "-") if isinstance(value, str) else value


def _kind(value: object) -> object:
    word = _word(value)
    return word if word in set(CauseKind) else CauseKind.UNKNOWN


class Likelihood(enum.StrEnum):
    """What the model thinks of a hypothesis; the confidence people see is computed from evidence."""

    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


_PRIORS = {Likelihood.LIKELY: 0.8, Likelihood.POSSIBLE: 0.5, Likelihood.UNLIKELY: 0.2}


def _likelihood(value: object) -> object:
    word = _word(value)
    return word if word in set(Likelihood) else Likelihood.POSSIBLE


def _absent(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() in {"", "null", "none", "unknown", "n/a"} else value


_Name = Annotated[str | None, BeforeValidator(_absent)]
_Evidence = Annotated[list[str], Field(description="ids, e.g. E3")]


class ClaimDraft(BaseModel):
    """A sentence and the evidence that bears it."""

    text: str
    evidence: _Evidence = []

    def claim(self) -> Claim:
        """The same in our vocabulary."""
        return Claim(self.text.strip(), tuple(self.evidence))


class HypothesisDraft(BaseModel):
    """A possible cause."""

    statement: str
    kind: Annotated[CauseKind, BeforeValidator(_kind)]
    service: Annotated[_Name, Field(description="first failing service")] = None
    change: Annotated[_Name, Field(description="commit sha; null when no change caused it")] = None
    likelihood: Annotated[Likelihood, BeforeValidator(_likelihood)] = Likelihood.POSSIBLE
    evidence: _Evidence = []

    def hypothesis(self) -> Hypothesis:
        """The same in our vocabulary."""
        claim = Claim(self.statement.strip(), tuple(self.evidence))
        return Hypothesis(claim, self.kind, _PRIORS[self.likelihood], self.service, self.change)


class RemediationDraft(BaseModel):
    """What would mend it."""

    action: Annotated[RemediationAction, BeforeValidator(_word)]
    target: Annotated[_Name, Field(description="service")] = None


class Draft(BaseModel):
    """The model's report; every claim names its evidence."""

    what_is_going_on: list[ClaimDraft]
    impact: list[ClaimDraft] = []
    hypotheses: Annotated[list[HypothesisDraft], Field(description="best first; empty when you do not know")] = []
    ruled_out: list[ClaimDraft] = []
    next_steps: list[ClaimDraft] = []
    unknown: list[str] = []
    remediation: RemediationDraft | None = None

    def report(self) -> Report:
        """The same in our vocabulary, nothing checked yet."""
        mend = self.remediation
        return Report(
            what=tuple(item.claim() for item in self.what_is_going_on),
            impact=tuple(item.claim() for item in self.impact),
            hypotheses=tuple(item.hypothesis() for item in self.hypotheses),
            ruled_out=tuple(item.claim() for item in self.ruled_out),
            next_steps=tuple(item.claim() for item in self.next_steps),
            unknown=tuple(item.strip() for item in self.unknown),
            remediation=None if mend is None else Remediation(mend.action, mend.target),
        )


def parse(text: str) -> Report:
    """Read a report out of the model's text.

    Raises:
        BrokenReportError: it is no JSON object, or not of the schema.
    """
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end:
        raise BrokenReportError("there is no JSON object in it")
    try:
        return Draft.model_validate_json(text[start : end + 1]).report()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenReportError(f"{where or 'the JSON'}: {first['msg']}") from None


def _compact(schema: JsonObject) -> JsonObject:
    """Without titles and defaults, and with every property required and no other allowed."""
    kept = {key: _compact_value(value) for key, value in schema.items() if key not in {"title", "default"}}
    properties = kept.get("properties")
    return (
        kept | {"required": list(properties), "additionalProperties": False} if isinstance(properties, dict) else kept
    )


def _compact_value(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_compact_value(item) for item in value]
    return _compact(value) if isinstance(value, dict) else value


SCHEMA: JsonObject = _compact(Draft.model_json_schema())
"""What the model's report must look like, for ``output_config.format``."""
