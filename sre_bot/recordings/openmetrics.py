"""Recorded samples: checked line by line on their way to a Prometheus; what is later than the question stays behind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sre_bot.recordings.reading import fault, lines_of
from sre_bot.signals.series import MetricMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

_LABEL = rb'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"'
_SERIES = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?:%b(?:,%b)*)?\})?" % (_LABEL, _LABEL))
_EXEMPLAR = re.compile(rb"(.*?) # \{.*\} \S+(?: \S+)?")
_ABOUT = re.compile(rb"# (TYPE|HELP|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*)(?: (.*))?")
_PARTS = ("", "_total", "_bucket", "_sum", "_count", "_created", "_info", "_gsum", "_gcount")
"""What a sample's name has after that of its metric."""
_LAST_SECOND = 253_402_300_799.0
_EOF = b"# EOF"


@dataclass(frozen=True, slots=True)
class Copied:
    """The names of the series that are visible, and what the file says of its metrics."""

    names: frozenset[str]
    told: Mapping[str, MetricMetadata]

    def metadata(self, known: Mapping[str, MetricMetadata]) -> Mapping[str, MetricMetadata]:
        """What is known of the visible metrics; ``known`` wins over what the file says."""
        totals = {f"{name}_total": said for name, said in self.told.items() if said.kind == "counter"}
        both = {**self.told, **{name: said for name, said in totals.items() if name in self.names}, **known}
        return {name: said for name, said in both.items() if any(name + part in self.names for part in _PARTS)}


@dataclass
class _Copy:
    """A file on its way: the last time of each series, and what it says of its metrics."""

    path: Path
    until: float
    out: BinaryIO
    last: dict[bytes, float] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    about: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)

    def line(self, number: int, line: bytes) -> None:
        """Check a line, and copy it unless it is a sample of later."""
        if line.startswith(b"#"):
            self._remark(number, line)
            return
        try:  # the usual line, of a series that is known to be written as it should
            series, value, time = line.rsplit(b" ", 2)
            before, at, _ = self.last[series], float(time), float(value)
            if b"_" in line[len(series) :]:  # which numbers may have in Python only
                line, series, at = self._first(number, line)
        except (ValueError, KeyError):
            line, series, at = self._first(number, line)
            before = self.last.get(series, float("-inf"))
        if not before < at:
            how = "out of order" if at < before else "twice at one moment"
            raise fault(self.path, number, f"a sample of {series.decode(errors='replace')[:200]} is {how}")
        self.last[series] = at
        if at <= self.until:
            self.out.write(line + b"\n")
            self.seen.add(series)

    def _remark(self, number: int, line: bytes) -> None:
        """Keep what it says; blocks have no room for it."""
        told = _ABOUT.fullmatch(line)
        if told is None:
            raise fault(self.path, number, f"is no remark of OpenMetrics: {line[:200].decode(errors='replace')!r}")
        self.about.setdefault(told[2], {})[told[1]] = told[3] or b""

    def _first(self, number: int, line: bytes) -> tuple[bytes, bytes, float]:
        """A line of a series that was not seen yet, or of one with an exemplar, which is left out; series and time."""
        exemplar = _EXEMPLAR.fullmatch(line)
        bare = exemplar[1] if exemplar else line
        series = _SERIES.match(bare)
        blank, value, time, *more = [*bare[series.end() :].split(b" "), b"", b""] if series else [b"?"] * 3
        if series is None or blank or not time or any(more):
            sentence = f"is not `name{{labels}} value timestamp`: {line[:200].decode(errors='replace')!r}"
            raise fault(self.path, number, sentence)
        try:
            line.decode()
        except UnicodeDecodeError:
            raise fault(self.path, number, "is not UTF-8") from None
        self._number(number, "value", value)
        at = self._number(number, "timestamp", time)
        if not abs(at) <= _LAST_SECOND:
            raise fault(self.path, number, f"{time[:80].decode()} is no timestamp in seconds")
        return bare, series[0], at

    def _number(self, number: int, what: str, text: bytes) -> float:
        try:
            return _float(text)
        except ValueError:
            raise fault(self.path, number, f"{text[:80].decode(errors='replace')!r} is no {what}") from None


def _float(text: bytes) -> float:
    """A number as Prometheus reads it, too; in Python one may be written with underscores."""
    if b"_" in text:
        raise ValueError(text)
    return float(text)


def _metadata(said: Mapping[bytes, bytes]) -> MetricMetadata:
    kind, about, unit = (said.get(key, b"").decode(errors="replace") for key in (b"TYPE", b"HELP", b"UNIT"))
    return MetricMetadata(kind or "unknown", about, unit)


def copy_until(path: Path, moment: datetime, out: BinaryIO) -> Copied:
    """Write the samples of ``path`` that are no later than a moment.

    Raises:
        BadInputError: the file is no OpenMetrics with a timestamp on every sample, in order, ending in ``# EOF``.
    """
    copy = _Copy(path, moment.timestamp(), out)
    ended: int | None = None
    number = 0
    for number, line in lines_of(path):
        if ended is not None:
            raise fault(path, number, "there is something after # EOF")
        if line == _EOF:
            ended = number
        else:
            copy.line(number, line)
    if ended is None:
        raise fault(path, number, "the file ends here, without # EOF")
    out.write(_EOF + b"\n")
    names = frozenset(series.partition(b"{")[0].decode() for series in copy.seen)
    return Copied(names, {name.decode(): _metadata(said) for name, said in copy.about.items()})
