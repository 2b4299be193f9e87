"""OpenTelemetry's JSON of a trace, in the forms in use, as spans.

The protocol's own JSON has ids in hex; protobuf's, which Tempo sends, in base64. Enums come by name or by number,
64-bit integers as text or number. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field

from sre_bot.incident import Span

MAX_SPANS = 10_000
MAX_ATTRIBUTES, MAX_TEXT = 32, 500
"""Attributes of a span, and characters of a text, that are kept."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX = re.compile("(?:[0-9a-fA-F]{2}){4,16}")
_FAILED = {2, "2", "STATUS_CODE_ERROR"}

Nanoseconds = Annotated[int, Field(ge=0, lt=2**63)]


class _Attribute(BaseModel):
    key: str
    value: dict[str, object] = {}

    def text(self) -> str:
        """The value as text: a string as it is, anything else as JSON."""
        kind, value = next(iter(self.value.items()), ("", ""))
        if isinstance(value, str):
            return value[:MAX_TEXT]
        return json.dumps(value if kind in {"boolValue", "doubleValue", "intValue"} else self.value)[:MAX_TEXT]


class _Status(BaseModel):
    code: int | str = 0
    message: str = ""


class _Event(BaseModel):
    attributes: list[_Attribute] = []


class _Span(BaseModel):
    span_id: str = Field(validation_alias=AliasChoices("spanId", "spanID"))
    parent_id: str = Field(default="", validation_alias="parentSpanId")
    name: str = ""
    start: Nanoseconds = Field(validation_alias="startTimeUnixNano")
    end: Nanoseconds = Field(default=0, validation_alias="endTimeUnixNano")
    attributes: list[_Attribute] = []
    events: list[_Event] = []
    status: _Status = _Status()

    def span(self, trace_id: str, service: str) -> Span:
        """It, in our words."""
        failed = self.status.code in _FAILED
        return Span(
            trace_id=trace_id,
            span_id=_hex(self.span_id),
            parent_id=_hex(self.parent_id) or None,
            service=service,
            name=self.name[:MAX_TEXT],
            start=_EPOCH + timedelta(microseconds=self.start // 1_000),
            duration=timedelta(microseconds=max(0, self.end - self.start) // 1_000),
            failed=failed,
            message=(self.status.message or self._exception())[:MAX_TEXT] if failed else "",
            attributes={one.key[:MAX_TEXT]: one.text() for one in self.attributes[:MAX_ATTRIBUTES]},
        )

    def _exception(self) -> str:
        """What the last recorded exception says."""
        for event in reversed(self.events):
            told = {one.key: one.text() for one in event.attributes}
            said = [told[key] for key in ("exception.type", "exception.message") if told.get(key)]
            if said:
                return ": ".join(said)
        return ""


class _Scope(BaseModel):
    spans: list[_Span] = []


class _Resource(BaseModel):
    attributes: list[_Attribute] = []


class _Batch(BaseModel):
    resource: _Resource = _Resource()
    scopes: list[_Scope] = Field(
        default=[], validation_alias=AliasChoices("scopeSpans", "instrumentationLibrarySpans", "scope_spans")
    )

    def spans(self, trace_id: str) -> list[Span]:
        """Its spans, in our words."""
        service = next((one.text() for one in self.resource.attributes if one.key == "service.name"), "unknown")
        return [span.span(trace_id, service) for scope in self.scopes for span in scope.spans]


class _Batches(BaseModel):
    batches: list[_Batch] = Field(default=[], validation_alias=AliasChoices("batches", "resourceSpans"))


class Trace(_Batches):
    """A trace, bare or inside ``trace`` (as version 2 of Tempo's API has it)."""

    trace: _Batches = _Batches()

    def spans(self, trace_id: str) -> list[Span]:
        """All its spans, in order of their start, at most MAX_SPANS."""
        batches = [*self.batches, *self.trace.batches]
        spans = sorted((span for batch in batches for span in batch.spans(trace_id)), key=lambda span: span.start)
        return spans[:MAX_SPANS]


def _hex(text: str) -> str:
    """An id in hex, whether it came in hex or in base64."""
    if not text or _HEX.fullmatch(text):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text[:64]
