"""The redactor: several sorts of rules, one text.

All rules look at the *same* original text and their spans are united, so that no rule hides a secret from the next
one by rewriting half of it. There are no entropy rules: they change commit ids, trace ids and digests, on which an
investigation lives.
"""

from __future__ import annotations

import bisect
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sre_bot.redaction.known import Known
from sre_bot.redaction.names import FOREIGN, NAME_KINDS, by_name
from sre_bot.redaction.pattern import rule
from sre_bot.redaction.places import PLACE_KINDS, by_place
from sre_bot.redaction.shapes import SHAPE, SHAPE_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HINT = rule(
    r"(?i)pass|pw|secret|token|cred|auth|jwt|otp|key|psk|_pat|cookie|bearer|sig|code=|sid=|hmac|identified|@|%|\s-[a-z]"
    rf"|\b[0-9*]+:[\w*-]+:[\w*-]+:|setuser|securestring|login|/user:|{'|'.join(FOREIGN)}"
)
"""Without one of these no place and no name can match: most log lines are done after this look."""

_ESCAPE = rule(r"\\+(?:[nrtbfv]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})|\x1b\[[0-9;]*m")
_PERCENT = rule(r"(?:%25|%)[0-9A-Fa-f]{2}")
_MARK = rule(rf"\[redacted:(?:configured|{'|'.join(sorted({*SHAPE_KINDS, *PLACE_KINDS, *NAME_KINDS}))})\]")
_ROUNDS = 4
"""So often a text is looked at in which something is found each time."""


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
        known: credentials that we hold ourselves; they are found wherever they stand, however they are encoded.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = Known(known)

    def redact(self, text: str) -> str:
        """The text without its secrets; redacting it again changes nothing."""
        return self._redacted(text)[0]

    def kinds(self, text: str) -> Counter[str]:
        """How many secrets of each kind the text holds, for our own metrics."""
        return self._redacted(text)[1]

    def _redacted(self, text: str) -> tuple[str, Counter[str]]:
        """Look again where something was taken out: what stood against it may now begin a word."""
        data, kinds = text.encode("utf-8", "surrogatepass"), Counter[str]()
        for _ in range(_ROUNDS):
            findings = self._united(data)
            if (clean := _without(data, findings)) == data:
                break
            kinds.update(finding.kind for finding in findings)
            data = clean
        return (data.decode("utf-8", "surrogatepass") if kinds else text), kinds

    def _united(self, data: bytes) -> list[_Finding]:
        """All findings in order, those that overlap as one that is named by the surest of them."""
        united: list[_Finding] = []
        for finding in sorted(_around_marks(data, self._find(data)), key=lambda finding: (finding.start, finding.end)):
            if united and finding.start < united[-1].end:
                before = united.pop()
                surest = min(before, finding, key=lambda one: one.doubt)
                united.append(_Finding(surest.doubt, surest.kind, before.start, max(before.end, finding.end)))
            else:
                united.append(finding)
        return united

    def _find(self, data: bytes) -> Iterator[_Finding]:
        yield from (_Finding(0, "configured", *found) for found in self._known.find(data))
        plain = _blanked(data, _ESCAPE) if b"\\" in data or b"\x1b" in data else data
        parted = _blanked(plain, _PERCENT) if b"%" in data else plain
        for match in SHAPE.finditer(parted):
            yield _Finding(1, match.lastgroup.decode().replace("_", "-"), *match.span())
        if _HINT.search(plain):
            yield from (_Finding(2, *found) for found in by_place(plain))
            yield from (_Finding(3, *found) for found in by_name(plain, data))


def _around_marks(data: bytes, findings: Iterable[_Finding]) -> Iterator[_Finding]:
    """The findings but those inside of our own marks; one that overlaps a mark takes it in whole."""
    marks = [match.span() for match in _MARK.finditer(data)]
    for finding in findings:
        first = bisect.bisect_right(marks, finding.start, key=lambda mark: mark[1])
        last = bisect.bisect_left(marks, finding.end, key=lambda mark: mark[0]) - 1
        if not first <= last:
            yield finding
            continue
        start, end = marks[first][0], marks[last][1]
        if first < last or finding.start < start or finding.end > end:
            yield replace(finding, start=min(start, finding.start), end=max(end, finding.end))


def _without(data: bytes, findings: Iterable[_Finding]) -> bytes:
    pieces, position = [], 0
    for finding in findings:
        pieces += [data[position : finding.start], b"[redacted:%b]" % finding.kind.encode()]
        position = finding.end
    return b"".join((*pieces, data[position:]))


def _blanked(data: bytes, escape: Any) -> bytes:
    """The text with blanks in the place of escapes, so that what follows one begins a word; of the same length."""
    pieces, position = [], 0
    for found in escape.finditer(data):
        pieces += [data[position : found.start()], b" " * (found.end() - found.start())]
        position = found.end()
    return b"".join((*pieces, data[position:])) if pieces else data
