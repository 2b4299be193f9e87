"""An answer as the JSON document that other programs read."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, cast

from sre_bot.investigation import CauseKind, Suspect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.investigation import Answer, Hypothesis, JsonObject, JsonValue

MAX_SUSPECTS = 5


def document(answer: Answer, *, recording: str | None = None) -> JsonObject:
    """The answer in the published form: one object, with the root cause (or null), suspects, report and evidence.

    With a root cause, its change is the first of ``change_suspects``, so a reader may take either. A figure that JSON
    has no word for (NaN, infinity) is null.
    """
    report = answer.report
    cause = next((one for one in report.hypotheses[:1] if one.kind is not CauseKind.UNKNOWN), None)
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
            {"id": one.id, "tool": one.tool, "arguments": _plain(one.arguments), "summary": one.summary}
            for one in answer.evidence
        ],
        "unverified": _plain(report.unverified),
        "missing_sources": list(dict.fromkeys(one.source for one in report.missing)),
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
    if cause is None:
        return None
    return {"kind": cause.kind, "change": cause.change, "service": cause.service, "confidence": cause.confidence}


def _suspects(cause: Hypothesis | None, suspects: Sequence[Suspect]) -> Sequence[Suspect]:
    """Best first, each once, the change of the root cause before all others; scores never rise on the way down."""
    best = {one.change: one for one in sorted(suspects, key=lambda one: one.score)}
    if cause is None:
        return sorted(best.values(), key=lambda one: -one.score)[:MAX_SUSPECTS]
    first = best.pop(cause.change, Suspect(cause.change, cause.confidence))
    rest = [dataclasses.replace(one, score=min(one.score, first.score)) for one in best.values()]
    return [first, *sorted(rest, key=lambda one: -one.score)][:MAX_SUSPECTS]


def _plain(value: object) -> JsonValue:
    """Records as objects, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return cast("JsonValue", value)
