"""An answer as the JSON document that other programs read."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from sre_bot.investigation import Answer, Hypothesis, JsonObject, JsonValue, Suspect

MAX_SUSPECTS = 5


def document(answer: Answer, *, recording: str | None = None) -> JsonObject:
    """The answer in the published form: one object, with the root cause (or null), suspects, report and evidence.

    ``root_cause.change`` is the first of ``change_suspects`` whenever both are given, so a reader may take either.
    """
    report = answer.report
    cause = report.hypotheses[0] if report.hypotheses else None
    return {
        "id": recording,
        "question": answer.question.text,
        "asked_at": answer.question.asked_at.isoformat().replace("+00:00", "Z"),
        "model": answer.model,
        "prompt": answer.prompt,
        "root_cause": _root_cause(cause),
        "change_suspects": [{"change": one.change, "score": one.score} for one in _suspects(cause, answer.suspects)],
        "remediation": _plain(report.remediation),
        "report": {**cast("JsonObject", _plain(report)), "note": answer.note},
        "evidence": [
            {"id": one.id, "tool": one.tool, "arguments": one.arguments, "summary": one.summary}
            for one in answer.evidence
        ],
        "unverified": _plain(report.unverified),
        "missing_sources": [one.source for one in report.missing],
        "usage": {
            "turns": answer.usage.turns,
            "input_tokens": answer.usage.input_tokens,
            "output_tokens": answer.usage.output_tokens,
            "cache_read_tokens": answer.usage.cache_read_tokens,
            "usd": answer.usage.usd,
        },
        "seconds": _plain(answer.seconds),
    }


def _root_cause(cause: Hypothesis | None) -> JsonObject | None:
    if cause is None or cause.kind == "unknown":
        return None
    return {"kind": cause.kind, "change": cause.change, "service": cause.service, "confidence": cause.confidence}


def _suspects(cause: Hypothesis | None, suspects: tuple[Suspect, ...]) -> tuple[Suspect, ...]:
    """Best first, each once, the change of the root cause before all others."""
    unique = {one.change: one for one in sorted(suspects, key=lambda one: one.score)}
    ranked = sorted(unique.values(), key=lambda one: (cause is None or one.change != cause.change, -one.score))
    return tuple(ranked[:MAX_SUSPECTS])


def _plain(value: object) -> JsonValue:
    """Records as objects, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return cast("JsonValue", value)
