"""Evidence, read once: its lines with the quantities, moments and subjects each holds. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words, hyphened
from sre_bot.agent.lines import STATE, Event, deployed_in, labels_in, line_of, named_together
from sre_bot.agent.named_units import in_code, in_name, replaced
from sre_bot.agent.quantities import Dimension, quantities
from sre_bot.signals.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sre_bot.agent.claims import Moment
    from sre_bot.agent.lines import Line
    from sre_bot.agent.quantities import Quantity
    from sre_bot.investigation import Chart, Evidence, Observation

MAX_CHARACTERS = 24_000
"""So much of one piece of evidence is read; a toolbox keeps its answers shorter."""
_KEPT = 128
"""So many exhibits are kept: a report is held against the same evidence two or three times."""

_WHOLE = re.compile(r"(?:all with|query:) ")
_FURNITURE = re.compile(r"@@ |index [0-9a-f]+\.\.|diff --git |(?:---|\+\+\+) ?")
_IN_DIFF = re.compile(r"[ +-]")
_CODE = re.compile(r" {1,8}\d{1,6}[:-] ")
_HEADING = re.compile(r"(Firing|Pending|Silenced|Inhibited|Resolved):$")
_SETTING = re.compile(
    r" {0,8}(?:\d{1,6}:)? {0,8}([+-]?) {0,80}(?:[a-z]{1,12} ){0,4}[\"']?([A-Za-z_][\w.-]{0,60})[\"']?"
    r" {0,20}:?=?(?<=[:=]) {0,20}[\"']?(\d[\d_.,]{0,20} ?[a-zA-Z%µ/]{0,12})"
    r"(?:\* ?time\.(Millisecond|Second|Minute|Hour))?(?![-:\w])"
)
_DIRECTIVE = re.compile(r"([+-]) {0,80}([A-Za-z_][\w.-]{1,60}) {1,20}(\d[\d_.]{0,20}[a-zA-Z%]{0,5})();?$")
"""A setting in a diff as Redis and nginx write it: ``maxmemory 4gb``."""
_SECTION = re.compile(r"[ +-]? {0,80}[\"']?([A-Za-z_][\w.-]{0,60})[\"']?:(?: \{)?")
_SETTING_UNIT = re.compile(r"(?:_|(?<=[a-z])(?=[A-Z]))([A-Za-z]{1,12})$")
_SETTING_UNITS = {"ms": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "secs": "s", "seconds": "s"}
_SETTING_UNITS |= {
    "min": "min",
    "minutes": "min",
    "hours": "h",
    "days": "d",
    "bytes": "B",
    "kb": "kB",
    "mb": "MB",
    "percent": "%",
}
_COMMENT = re.compile(r"[ +-]? {0,80}(?:#|//)")
_SHA = re.compile(r"\b[0-9a-f]{7,40}\b")
_BLANK = re.compile(r"<\*> ?(ms|s|%|[kMG]i?B|bytes|seconds)\b")
_NUMBERED = re.compile(r" {0,8}\d{1,6}:(?= |$)")
_MILLICORES = re.compile(r"\bcpu[\"']?: ?[\"']?(\d{2,6})m\b")
_QUANTILE = re.compile(r"quantile\((0\.\d{1,4})\b")
_RANGE = re.compile(r"\[(\d{1,6}[smhdw])[\]:]")
_WAIT = re.compile(
    r"(?:timeout|ttl|interval|delay|deadline|backoff|wait|period|max_?age|expir\w+)(?:_(?!sec|mil|min|hour|day)[a-z]{4,20})?[\"']?\s?[:=]\s?(\d{1,9}(?:\.\d{1,6})?)(?![\w.%])",
    re.IGNORECASE,
)
_HOUR, _LONGEST_WAIT = 3_600.0, 30 * 86_400.0
_CRON = re.compile(r"[\"'](\*|\*/\d{1,2}|\d{1,2}) (\*|\*/\d{1,2}|\d{1,2}) \* \* \*[\"']")
"""When a job runs: minute and hour of each day."""
_LITERAL = re.compile(r"(?<=\d)[LlFfUu]{1,3}$")
_SETTING_RATES = re.compile(r"per_(second|minute|hour)$|(?:^|_)(rps|qps|rpm)$")
_QUERIED_UNITS = (
    (re.compile(r"\b100 ?\*|\* ?100\b|percent|_pct\b"), " %"),
    (re.compile(r"rate\(.*\* ?60\b|\b60 ?\* ?\w*\(?rate\("), " per minute"),
    (re.compile(r"rate\(.*\* ?3600\b|\b3600 ?\* ?\w*\(?rate\("), " per hour"),
    (re.compile(r"bytes_per_sec(?:ond)?\b"), " B/s"),
    (re.compile(r"_per_sec(?:ond)?\b"), "/s"),
    (re.compile(r"_duration\b|_seconds\b"), " s"),
)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence.

    ``shared`` are the labels of the whole (a query's matchers, labels that all series have), ``everything`` is all
    its text, case-folded, with arguments and links, ``counts`` are numbers of things it lists.
    """

    id: str
    lines: tuple[Line, ...]
    shared: frozenset[tuple[str, str]]
    everything: str
    words: frozenset[str]
    counts: frozenset[int]
    ranges: frozenset[float]
    """Over how long a query looks, in seconds: ``[30m]``."""
    quantiles: frozenset[float]
    """Which quantiles it asks for."""
    prose: bool
    """Whether it is a document."""

    labels: frozenset[tuple[str, str]]
    """All labels of its lines, and the shared ones."""
    names: frozenset[tuple[str, str]]
    """All labels, and without one what else in it looks like the name of something."""
    subjects: frozenset[str]
    """The values of all labels."""
    commits: frozenset[str]
    """What in it has the form of a sha."""

    @classmethod
    def of(cls, look: Evidence, asked_at: datetime) -> Exhibit:
        """Read a piece of evidence; bare times in it are of the day of ``asked_at``."""
        return _exhibit(look.id, look.tool, json.dumps(look.arguments, ensure_ascii=False), look.observation, asked_at)


@lru_cache(maxsize=_KEPT)
def _exhibit(identifier: str, tool: str, asked: str, seen: Observation, asked_at: datetime) -> Exhibit:
    texts = (seen.content or seen.summary)[:MAX_CHARACTERS].expandtabs(4).splitlines()
    texts += [text for chart in seen.charts for text in _charted(chart)]
    wholes = [text for text in texts if _WHOLE.match(text)]
    lines = _with_units(_with_settings(_compared(_read(texts, asked_at))), f"{asked} {' '.join(wholes)}")
    links = " ".join(f"{link.title} {link.url}" for link in seen.links)
    told = f"{seen.summary}\n{seen.content}\n{links}"
    everything = f"{tool}\n{asked}\n{told}"
    shared = labels_in(" ".join((*wholes, asked.replace('\\"', '"'))))
    labels = shared.union(*(line.labels for line in lines))
    subjects = frozenset(value for _, value in labels)
    return Exhibit(
        id=identifier,
        lines=lines,
        shared=shared,
        everything=everything.casefold(),
        words=content_words(everything),
        counts=_counts(texts, lines),
        ranges=_ranges(asked),
        quantiles=_quantiles(asked),
        prose=any(text.startswith("## ") for text in texts),
        labels=labels,
        names=labels | {("", one) for one in hyphened(everything.casefold()) - subjects},
        subjects=subjects,
        commits=frozenset(_SHA.findall(told.lower())),
    )


def _quantiles(asked: str) -> frozenset[float]:
    return frozenset(float(one) for one in _QUANTILE.findall(asked))


def _ranges(asked: str) -> frozenset[float]:
    told = (quantities(match[1], exact=True) for match in _RANGE.finditer(asked))
    return frozenset(one.middle for found in told for one in found if one.dimension is Dimension.SECONDS)


def _read(texts: Iterable[str], asked_at: datetime) -> list[Line]:
    """The lines that tell something; an indented one is about what the line is about under which it stands."""
    told: list[Line] = []
    head: Line | None = None
    diff, heading = False, ""
    for text in texts:
        diff = diff or text.startswith("diff --git ")
        if _WHOLE.match(text) or (diff and _FURNITURE.match(text)):
            continue
        line = line_of(text, asked_at)
        heading = text[:-1].lower() if _HEADING.match(text) else heading
        if line.event is Event.ALERT and heading:
            line = replace(line, state=heading)
        if (diff and _IN_DIFF.match(text)) or _CODE.match(text):
            line = replace(line, labels=frozenset(), unchanged=diff and text.startswith(" "))
        elif text[:1].isspace() and head:
            line = line.under(head)
            unit = _BLANK.search(head.text) if text.startswith("  <*>:") else None
            line = _told_in(line, f" {unit[1]}") if unit else line
        elif text.strip():
            head = None if line.window else line
        told.append(line)
    return told


def _compared(lines: list[Line]) -> list[Line]:
    """The time that failing traces take as a move from what healthy ones take, where both are told."""
    failing = next((line.reading.quantities[:1] for line in lines if line.text.startswith("  time: ")), ())
    return [
        replace(line, moves=tuple(zip(_first_time(line), failing, strict=False)))
        if line.text.startswith("  healthy (")
        else line
        for line in lines
    ]


def _first_time(line: Line) -> tuple[Quantity, ...]:
    return tuple(one for one in line.reading.quantities if one.dimension is Dimension.SECONDS)[:1]


def _charted(chart: Chart) -> Iterator[str]:
    """What a chart shows of each line, in the words of a reading."""
    for line in chart.lines:
        known = [value for value in line.values if value is not None]
        if known:
            first, last = (format_value(value, chart.unit) for value in (known[0], known[-1]))
            low, high = (format_value(value, chart.unit) for value in (min(known), max(known)))
            yield f"{line.name} {first}, {low} … {high}, now {last}"


def _with_units(lines: Iterable[Line], asked: str) -> tuple[Line, ...]:
    """Bare numbers with the unit that a query gives them (``100 * …``, ``rate(…) * 60``), beside themselves."""
    unit = next((unit for pattern, unit in _QUERIED_UNITS if pattern.search(asked)), None)
    if unit is None:
        return tuple(lines)
    return tuple(line if line.window else _told_in(line, unit) for line in lines)


def _told_in(line: Line, unit: str) -> Line:
    again = {id(one): _in_unit(one, unit) for one in line.reading.quantities if one.dimension is Dimension.PLAIN}
    more = tuple(one for one in again.values() if one)
    moves = ((again.get(id(old)), again.get(id(new))) for old, new in line.moves)
    moved = tuple((old, new) for old, new in moves if old and new)
    reading = replace(line.reading, quantities=(*line.reading.quantities, *more))
    return replace(line, reading=reading, moves=(*line.moves, *moved))


def _in_unit(one: Quantity, unit: str) -> Quantity | None:
    found = quantities(f"{one.text}{unit}", exact=True)
    return replace(found[0], start=one.start, end=one.end, change=one.change) if len(found) == 1 else None


def _with_settings(lines: list[Line]) -> tuple[Line, ...]:
    """Settings read with the unit in their name (``timeout_ms: 800``); in a diff, old and new value as a move."""
    removed: dict[tuple[tuple[tuple[int, str], ...], str], Quantity] = {}
    told: list[Line] = []
    headings: list[tuple[int, str]] = []
    gone: list[str] = []
    for line in lines:
        text = _NUMBERED.sub("", line.text)
        heading = _SECTION.fullmatch(text)
        depth = len(text) - len(text[1:].lstrip())
        kept = not text.strip() or _COMMENT.match(text)
        headings = headings if kept else [one for one in headings if one[0] < depth]
        if heading:
            headings.append((depth, heading[1].casefold()))
        match = None if line.window else _SETTING.match(line.text) or _DIRECTIVE.match(line.text)
        value = _setting(match) if match else []
        moves: tuple[tuple[Quantity, Quantity], ...] = ()
        key = (tuple(headings), match[2]) if match else None
        if match and key and value and match[1] == "-":
            removed[key] = value[0]
        elif match and value and match[1] == "+" and key in removed:
            moves = ((removed[key], value[0]),)
            if not match[4]:
                moves += tuple(zip(_exact(_bare(removed[key])), _exact(match[3]), strict=False))
        coded = [] if line.window else list(in_code(line.text))
        if coded and line.text.startswith("-"):
            gone.append(line.text)
        elif coded and line.text.startswith("+"):
            moves += tuple(one for old in gone for one in replaced(old, line.text))
        waits = [] if line.window else [*coded, *in_name(line.text)]
        if not (
            heading
            or match
            or headings
            or waits
            or _WAIT.search(line.text)
            or _MILLICORES.search(line.text)
            or _CRON.search(line.text)
        ):
            told.append(line)
            continue
        waits += [] if line.window else [one for match in _WAIT.finditer(line.text) for one in _waiting(match)]
        waits += [
            one
            for match in _MILLICORES.finditer(line.text)
            for one in quantities(f"{int(match[1]) / 1000:g}", exact=True)
        ]
        waits += [one for match in _CRON.finditer(line.text) for one in _interval(match)]
        more = replace(line.reading, quantities=(*line.reading.quantities, *value, *waits))
        under = frozenset(name for _, name in headings) if match else frozenset[str]()
        told.append(replace(line, reading=more, moves=(*line.moves, *moves), sections=under))
    return tuple(told)


def _waiting(match: re.Match[str]) -> Iterator[Quantity]:
    """A time to wait without a unit, as either of the two that are usual; whole hours are seconds."""
    hours = float(match[1]) % _HOUR == 0 and float(match[1]) <= _LONGEST_WAIT
    for unit in ("s",) if hours else ("s", "ms"):
        yield from (
            replace(one, start=match.start(1), end=match.end(1)) for one in quantities(match[1] + unit, exact=True)
        )


def _interval(match: re.Match[str]) -> list[Quantity]:
    """How long it is from one run of a job to the next, as its schedule says."""
    minute, hour = match.groups()
    step, unit = (minute, "min") if "*" in minute else (hour, "h") if "*" in hour else ("*", "d")
    found = quantities(f"{step.removeprefix('*/') if '/' in step else 1} {unit}", exact=True)
    return [replace(one, start=match.start(1), end=match.end(2)) for one in found]


def _exact(text: str) -> list[Quantity]:
    return quantities(text, exact=True)


def _bare(quantity: Quantity) -> str:
    return re.sub(r"[^\d.]", "", quantity.text)


def _setting(match: re.Match[str]) -> list[Quantity]:
    """The value of a setting, in the unit that its name tells."""
    rate = _SETTING_RATES.search(match[2])
    unit = f"per {rate[1]}" if rate and rate[1] else rate[2] if rate else ""
    told = _SETTING_UNIT.search(match[2])
    unit = unit or (match[4] or "").lower() or _SETTING_UNITS.get(told[1].lower() if told else "", "")
    value = _LITERAL.sub("", match[3].strip().replace("_", ""))
    return quantities(f"{value} {unit}" if unit and value.replace(".", "").isdigit() else value, exact=True)


def _counts(texts: list[str], lines: Iterable[Line]) -> frozenset[int]:
    """How many items each list in it has, how many in all, of how many subjects, how many lines went which way."""
    sizes, size = [0], 0
    for text in texts:
        size = size + 1 if text.startswith("- ") else 0
        sizes.append(size)
    items = sum(text.startswith("- ") for text in texts)
    deployed = {name for text in texts for name in deployed_in(text)}
    states = Counter(state for text in texts for state in STATE.findall(text) if state != "flat")
    subjects = named_together(lines)
    return frozenset({*sizes, items, len(deployed), len(subjects), *states.values(), states.total()} - {0, 1})


def events(lines: Iterable[Line]) -> list[Moment]:
    """Moments of what happened, without the edges of windows."""
    return [moment for line in lines if not line.window for moment in line.reading.moments]
