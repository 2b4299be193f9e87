"""The redactor: several sorts of rules, one text.

All rules look at the *same* original text and their spans are united, so that no rule hides a secret from the next
one by rewriting half of it. There are no entropy rules: they change commit ids, trace ids and digests, on which an
investigation lives.
"""

from __future__ import annotations

import base64
import html
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from sre_bot.redaction.names import by_name
from sre_bot.redaction.pattern import rule
from sre_bot.redaction.places import by_place
from sre_bot.redaction.shapes import SHAPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HINT = rule(r"(?i)pass|pw|secret|token|cred|auth|jwt|otp|key|cookie|bearer|sig|code=|sid=|hmac|identified|@|\s-[a-z]")
"""Without one of these no place and no name can match: most log lines are done after this look."""

_SHORTEST_FORM = 6
"""Characters; a shorter credential of ours, or form of it, would be found in innocent text."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """A span of bytes that holds a secret; the smaller ``doubt``, the more its kind is worth showing."""

    doubt: int
    kind: str
    start: int
    end: int


class Redactor:
    """Replaces the secrets of a text by ``[redacted:kind]``.

    Args:
        known: credentials that we hold ourselves; they are found wherever they stand, also base64 or URL encoded.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = _exactly(known)

    def redact(self, text: str) -> str:
        """The text without its secrets."""
        data = text.encode("utf-8", "surrogatepass")
        pieces, position = [], 0
        for finding in self._united(data):
            pieces += [data[position : finding.start], b"[redacted:%b]" % finding.kind.encode()]
            position = finding.end
        if not pieces:
            return text
        return b"".join((*pieces, data[position:])).decode("utf-8", "surrogatepass")

    def kinds(self, text: str) -> Counter[str]:
        """How many secrets of each kind the text holds, for our own metrics."""
        return Counter(finding.kind for finding in self._united(text.encode("utf-8", "surrogatepass")))

    def _united(self, data: bytes) -> list[_Finding]:
        """All findings in order, those that overlap as one that is named by the surest of them."""
        united: list[_Finding] = []
        for finding in sorted(self._find(data), key=lambda finding: (finding.start, finding.end)):
            if united and finding.start < united[-1].end:
                before = united.pop()
                surest = min(before, finding, key=lambda one: one.doubt)
                united.append(_Finding(surest.doubt, surest.kind, before.start, max(before.end, finding.end)))
            else:
                united.append(finding)
        return united

    def _find(self, data: bytes) -> Iterator[_Finding]:
        if self._known:
            yield from (_Finding(0, "configured", *match.span()) for match in self._known.finditer(data))
        for match in SHAPE.finditer(data):
            yield _Finding(1, match.lastgroup.decode().replace("_", "-"), *match.span())
        if _HINT.search(data):
            yield from (_Finding(2, *found) for found in by_place(data))
            yield from (_Finding(3, *found) for found in by_name(data))


def _exactly(secrets: Iterable[str]) -> Any:
    """A pattern that matches any of the credentials in any form they travel in; None when there are none."""
    patterns: set[bytes] = {pattern for secret in secrets for pattern in _forms(secret)}
    ordered = sorted(patterns, key=lambda one: (-len(one), one))
    return rule(b"|".join(ordered).decode("latin-1")) if patterns else None


def _forms(secret: str) -> Iterator[bytes]:
    """A credential as it is or URL encoded, escaped for JSON, Python or HTML, in hex, and in base64, as patterns."""
    raw = secret.encode()
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    literal = {form.encode() for form in escaped | {html.escape(secret), raw.hex()}}
    if len(raw) >= _SHORTEST_FORM:
        yield b"".join(map(_byte_in_url, raw))
    yield from (re2.escape(form) for form in literal | _faces_in_base64(raw) if len(form) >= _SHORTEST_FORM)


def _byte_in_url(byte: int) -> bytes:
    """One byte, encoded or not: how much is encoded depends on the encoder."""
    plain: bytes = re2.escape(bytes([byte]))
    if plain.isalnum():
        return plain
    return b"(?:%b|(?i:%%%02x)%b)" % (plain, byte, rb"|\+" if byte == ord(" ") else b"")


def _faces_in_base64(raw: bytes) -> set[bytes]:
    """What base64 shows of the bytes when they stand anywhere inside a longer text.

    Base64 packs three bytes into four characters, so there are three faces, by the offset modulo three. Characters at
    either end mix with the neighbours and are left out.
    """
    faces = set()
    for shift, mixed in ((0, 0), (1, 2), (2, 3)):
        padded = b"\0" * shift + raw
        face = base64.b64encode(padded)[mixed : len(padded) * 8 // 6]
        faces |= {face, face.replace(b"+", b"-").replace(b"/", b"_")}
    return faces
