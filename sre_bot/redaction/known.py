"""Credentials that we hold ourselves, found however a text has them.

A text is looked at as it is and *in the clear*: escapes of JSON, programs, HTML and addresses undone, also where they
were put one over another, and long runs that were wrapped put together. Credentials are written in the same way, so
that whatever is undone on one side is undone on the other. Base64 and hexadecimal are looked for as such.
"""

from __future__ import annotations

import base64
import bisect
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import re2

from sre_bot.redaction.pattern import rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST = 6
"""Bytes; a shorter credential, or form of it, would be found in innocent text."""

_SHORTEST_BEGINNING = 10
"""Bytes of a credential that are enough to know it by when the text is cut off there."""

_PIECE = 512
"""Characters of a long credential that are looked out for at a time, without the rarer forms."""

_LONGEST = 150_000
"""Characters of a pattern: one that outgrows the memory of RE2 is slower by an order of magnitude."""

_CUT = rf"(?:{'…'.encode().decode('latin-1')}|\.\.\.|\z)"
_WRAPS = re.compile(
    rb"\\(?<=\S{16}\\)\\{0,7}[rn](?:\\{1,8}[rn])*|%(?<=\S{16}%)0[AaDd](?:%0[AaDd])*"
    rb"|\n(?<=\S{16}\n)[ \t]*|\r(?<=\S{16}\r)\n[ \t]*"
)
_BACKSLASHES = re.compile(rb"\\\\*(?![uUx0-3\\])")
_ESCAPES = re.compile(
    rb"%(?:25)*(?P<byte>[0-9A-Fa-f]{2})"
    rb"|\\\\*u(?P<high>[dD][89abAB][0-9A-Fa-f]{2})\\+u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})"
    rb"|\\\\*(?:u\{?|U0{0,4})(?P<code>[0-9A-Fa-f]{4,6})\}?"
    rb"|\\\\*x(?P<x>[0-9A-Fa-f]{2})|\\\\*(?P<octal>[0-3][0-7]{2})"
    rb"|&(?:amp;)*(?:#0{0,5}(?P<decimal>[0-9]{1,7})|#[xX]0{0,5}(?P<hex>[0-9A-Fa-f]{1,6})|(?P<name>amp|lt|gt|quot|apos));"
    rb"|\\\\*"
)
"""Every alternative begins with a character of its own, which lets the engine skip to the next, and takes a whole run
of backslashes, so that none is read again."""

_NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
_BYTES = {form.encode(): bytes([n]) for n in range(256) for form in (f"{n:02x}", f"{n:02X}", f"{n:02x}".title())}
_BYTES |= {form.swapcase(): byte for form, byte in tuple(_BYTES.items())}
_ROUNDS = 3
"""So often escapes are undone that come out from under others."""


class Known:
    """What is configured to be secret."""

    def __init__(self, credentials: Iterable[str]) -> None:
        patterns = {pattern for credential in credentials for pattern in _patterns(credential)}
        self._rules = tuple(map(rule, _joined(sorted(patterns, key=lambda one: (-len(one), one)))))

    def find(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of each in the text; they may overlap."""
        if not self._rules:
            return
        yield from self._spans(data)
        for wrapped in (False, True) if _WRAPS.search(data) else (False,):
            if (clear := _in_the_clear(data, wrapped=wrapped)) == data:
                continue
            if found := list(self._spans(clear)):
                origins = _origins(data, wrapped=wrapped)
                yield from (_origin_of(start, end, origins) for start, end in found)

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        return (match.span() for one in self._rules for match in one.finditer(data))


def _joined(patterns: Iterable[str]) -> Iterator[str]:
    """Alternatives in patterns small enough to stay quick."""
    joined: list[str] = []
    for pattern in patterns:
        if joined and sum(map(len, joined)) + len(pattern) > _LONGEST:
            yield "|".join(joined)
            joined = []
        joined.append(pattern)
    if joined:
        yield "|".join(joined)


def _in_the_clear(data: bytes, *, wrapped: bool) -> bytes:
    """The text without its escapes, and perhaps with what was wrapped put together."""
    clear = _WRAPS.sub(b"", data) if wrapped else data
    for _ in range(_ROUNDS):
        before, clear = clear, _ESCAPES.sub(_unescaped, _BACKSLASHES.sub(b"", clear))
        if clear == before:
            break
    return clear


def _origins(data: bytes, *, wrapped: bool) -> list[_Origin]:
    """The same step by step, with where each stretch comes from: slower, and only wanted where something was found."""
    steps = [(_BACKSLASHES, _nothing), (_ESCAPES, _unescaped)] * _ROUNDS
    if wrapped:
        steps.insert(0, (_WRAPS, _nothing))
    origins = []
    for pattern, clear in steps:
        origin, shift = _Origin(), 0
        for match in pattern.finditer(data):
            length = len(clear(match))
            origin.add(match.start() + shift, *match.span(), length)
            shift += length - match.end() + match.start()
        origins.append(origin)
        data = pattern.sub(clear, data)
    return origins


def _origin_of(start: int, end: int, origins: list[_Origin]) -> tuple[int, int]:
    for origin in reversed(origins):
        start, end = origin.span_of(start, end)
    return start, end


class _Origin:
    """Of each replacement where it begins, and how many bytes it stands for from where on."""

    def __init__(self) -> None:
        self._at: list[int] = []
        self._replaced: list[tuple[int, int, int]] = []

    def add(self, at: int, start: int, end: int, length: int) -> None:
        """At ``at`` now stand ``length`` bytes for those from ``start`` to ``end``."""
        self._at.append(at)
        self._replaced.append((start, end, length))

    def span_of(self, start: int, end: int) -> tuple[int, int]:
        """Start and end before the replacements."""
        return self._before(start)[0], self._before(end - 1)[1]

    def _before(self, position: int) -> tuple[int, int]:
        """Start and end, in the text before, of what gave the byte at the position."""
        n = bisect.bisect_right(self._at, position) - 1
        if n < 0:
            return position, position + 1
        start, end, length = self._replaced[n]
        beyond = position - self._at[n] - length
        return (end + beyond, end + beyond + 1) if beyond >= 0 else (start, end)


def _nothing(_: re.Match[bytes]) -> bytes:
    return b""


def _unescaped(match: re.Match[bytes]) -> bytes:
    """What an escape stands for; backslashes stand for nothing, on both sides."""
    kind, text = match.lastgroup, match[match.lastindex or 0]
    if kind in {"byte", "x"}:
        return _BYTES[text]
    if kind in {"code", "hex"}:
        return _encoded(int(text, 16))
    if kind == "low":
        return bytes.fromhex((match["high"] + text).decode()).decode("utf-16-be").encode()
    if kind == "octal":
        return bytes([int(text, 8)])
    if kind == "decimal":
        return _encoded(int(text))
    return _NAMED[text] if kind == "name" else b""


def _encoded(code: int) -> bytes:
    return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else b""  # noqa: PLR2004 - the last there is


def _patterns(credential: str) -> Iterator[str]:
    if len(credential) <= _PIECE:
        yield from _forms(credential)
        yield from _rarer_forms(credential)
    else:
        for n in range(0, len(credential), _PIECE):
            yield from _forms(credential[n : n + _PIECE])


def _forms(credential: str) -> Iterator[str]:
    raw = credential.encode("utf-8", "surrogatepass")
    if len(raw) < _SHORTEST:
        return
    escaped = [json.dumps(credential)[1:-1].encode(), repr(credential)[1:-1].encode()]
    literal = {raw, raw.replace(b" ", b"+"), *escaped}
    literal |= {_in_the_clear(form, wrapped=False) for form in literal}
    yield from (_exactly(form) for form in literal if len(form) >= _SHORTEST)
    yield from _beginning(raw)
    yield "[: ]?".join(f"(?i:{byte:02x})" for byte in raw)
    for face in _faces(raw):
        yield from map(_exactly, {face, _url_safe(face)})


def _rarer_forms(credential: str) -> Iterator[str]:
    """As Go shows bytes, in base64 of UTF-16 or of what is escaped, and in base64 twice."""
    raw = credential.encode("utf-8", "surrogatepass")
    if len(raw) < _SHORTEST:
        return
    yield "[, ]+".join(map(str, raw))
    escaped = (json.dumps(credential)[1:-1].encode(), repr(credential)[1:-1].encode(), quote(raw, safe="").encode())
    for text in {*escaped, credential.encode("utf-16-le", "surrogatepass")}:
        for face in _faces(text):
            yield from map(_exactly, {face, _url_safe(face)})
    for face in _faces(raw):
        yield from map(_exactly, _faces(face))


def _exactly(form: bytes) -> str:
    escaped: bytes = re2.escape(form)
    return escaped.decode("latin-1")


def _beginning(raw: bytes) -> Iterator[str]:
    """The credential without its end, where the text was cut off."""
    longer = ""
    for byte in reversed(raw[_SHORTEST_BEGINNING:-1]):
        longer = f"(?:{_exactly(bytes([byte]))}{longer})?"
    if len(raw) > _SHORTEST_BEGINNING:
        yield _exactly(raw[:_SHORTEST_BEGINNING]) + longer + _CUT


def _faces(raw: bytes) -> set[bytes]:
    """What base64 shows of the bytes when they stand anywhere inside a longer text.

    Base64 packs three bytes into four characters, so there are three faces, by the offset modulo three. Characters at
    either end mix with the neighbours and are left out.
    """
    faces = set()
    for shift, mixed in ((0, 0), (1, 2), (2, 3)):
        padded = b"\0" * shift + raw
        faces.add(base64.b64encode(padded)[mixed : len(padded) * 8 // 6])
    return {face for face in faces if len(face) >= _SHORTEST}


def _url_safe(face: bytes) -> bytes:
    return face.replace(b"+", b"-").replace(b"/", b"_")
