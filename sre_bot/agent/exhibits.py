"""Evidence, read once: its lines with the quantities, moments and subjects each holds. Pure."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words, read_line
from sre_bot.agent.quantities import quantities
from sre_bot.signals.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.quantities import Quantity
    from sre_bot.investigation import Chart, Evidence

MAX_CHARACTERS = 24_000
"""So much of one piece of evidence is read; a toolbox keeps its answers shorter."""
REMEMBERED_LINES = 4_096
"""Lines that are not read again: one report is held against the same evidence several times."""
SHORT_SHA = 7
"""The fewest characters of a sha that git shows."""

_TOKEN = re.compile(r"[\w./:#-]*\w")
_LABEL = re.compile(r"\b([a-z_]{1,60})=\"?([^,{}|\"\s]{2,80})")
_LEADING = re.compile(r"([\w.-]+)(?: → ([\w.:-]+))?(?: \[\w+\])? (?:steady|nothing|as before|\d)")
_DEPLOYED = re.compile(r"\bdeploy (?:of )?([\w.-]{2,60})")
_ABOUT = re.compile(r"\((?:\w+, )?([\w.-]{2,60})\)")
_ALERTED = re.compile(r"\) (?:firing|pending|silenced|inhibited|resolved|since|from)\b")
_SETTING = re.compile(r"([+-]?)\s*[\"']?([\w.]{1,60})[\"']?\s*[:=]\s*[\"']?(\d[\d.,]*\s?[\w%µ/]*)")
_SETTING_UNITS = {"ms": "ms", "milliseconds": "ms", "seconds": "s", "secs": "s", "bytes": "B", "percent": "%"}
_NOT_SUBJECTS = frozenset(
    "read write all default true false get post put total main up none unknown commit deploy to steady".split()  # noqa: SIM905 -- a row of words reads better
)
_WHOLE = re.compile(r"(?:all with|query:) ")
_WINDOW = re.compile(r"(?:No data, )?\d{4}-\d{2}-\d{2} \S{8} to |At \d|points of |.{0,80} to \S{8} UTC$")
_SINCE = re.compile(r"\b(?:now|last)\s$")
_BEFORE = re.compile(r"\bmedian before\s$")
_ARROW = re.compile(r"\s*(?:→|->)\s*(?:about )?")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it states, the words in it and the ``subjects`` (services, instances …) it is about.

    ``window`` marks the line that says what was looked at, whose times are no events.
    """

    text: str
    folded: str
    reading: Reading
    tokens: frozenset[str]
    subjects: frozenset[str]
    moves: tuple[tuple[Quantity, Quantity], ...]
    window: bool

    def names(self, name: str) -> bool:
        """Whether it holds a (case-folded) name; a short sha is held by its full one."""
        if name not in self.folded:
            return False
        return name in self.tokens or (len(name) >= SHORT_SHA and any(one.startswith(name) for one in self.tokens))


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence.

    ``shared`` are the subjects of the whole (a query's matchers, labels that all series have), ``everything`` is all
    its text, case-folded, with arguments and links, ``counts`` are numbers of things it lists.
    """

    id: str
    lines: tuple[Line, ...]
    shared: frozenset[str]
    everything: str
    words: frozenset[str]
    counts: frozenset[int]

    @property
    def subjects(self) -> frozenset[str]:
        """All subjects of its lines, and the shared ones."""
        return self.shared.union(*(line.subjects for line in self.lines))

    @classmethod
    def of(cls, look: Evidence, asked_at: datetime) -> Exhibit:
        """Read a piece of evidence; bare times in it are of the day of ``asked_at``."""
        seen = look.observation
        texts = (seen.content or seen.summary)[:MAX_CHARACTERS].splitlines()
        texts += [text for chart in seen.charts for text in _charted(chart)]
        wholes = [text for text in texts if _WHOLE.match(text)]
        lines = _with_settings([_line(text, asked_at) for text in texts if text not in wholes])
        asked = json.dumps(look.arguments, ensure_ascii=False)
        links = " ".join(f"{link.title} {link.url}" for link in seen.links)
        everything = f"{look.tool}\n{asked}\n{seen.summary}\n{seen.content}\n{links}"
        shared = _labels(" ".join((*wholes, asked.replace('\\"', '"'))))
        return cls(look.id, lines, shared, everything.casefold(), content_words(everything), _counts(texts, lines))


def _charted(chart: Chart) -> Iterator[str]:
    """What a chart shows of each line, in the words of a reading."""
    for line in chart.lines:
        known = [value for value in line.values if value is not None]
        if known:
            first, last = (format_value(value, chart.unit) for value in (known[0], known[-1]))
            low, high = (format_value(value, chart.unit) for value in (min(known), max(known)))
            yield f"{line.name} {first}, {low} … {high}, now {last}"


@lru_cache(REMEMBERED_LINES)
def _line(text: str, asked_at: datetime) -> Line:
    reading = read_line(text, asked_at)
    tokens = frozenset(token.casefold() for token in _TOKEN.findall(text))
    tokens |= {part for token in tokens for part in re.split(r"[:/]", token) if part}
    return Line(
        text, text.casefold(), reading, tokens, _subjects(text), _moves(reading), window=bool(_WINDOW.match(text))
    )


def _subjects(text: str) -> frozenset[str]:
    leading = _LEADING.match(text)
    named = [name for name in leading.groups() if name] if leading else []
    named += _DEPLOYED.findall(text)
    named += [match[1] for match in _ABOUT.finditer(text) if _ALERTED.search(text)]
    return _labels(text) | _proper(named)


def _labels(text: str) -> frozenset[str]:
    return _proper(value for label, value in _LABEL.findall(text) if label not in {"__name__", "le", "quantile"})


def _proper(names: Iterable[str]) -> frozenset[str]:
    folded = (name.casefold() for name in names)
    return frozenset(name for name in folded if name not in _NOT_SUBJECTS and not name.replace(".", "").isdigit())


def _moves(reading: Reading) -> tuple[tuple[Quantity, Quantity], ...]:
    """Pairs of old and new value that a line states: ``A → B``, A and what it is now, the median before and now."""
    found, text = reading.quantities, reading.rest
    arrows = [(one, after) for one, after in itertools.pairwise(found) if _ARROW.fullmatch(text, one.end, after.start)]
    old = [one for one, _ in arrows]
    old += [one for one in found if _BEFORE.search(text, max(0, one.start - 16), one.start)]
    new = [one for one in found if _SINCE.search(text, max(0, one.start - 8), one.start)]
    return (*arrows, *((before, after) for before in old for after in new))


def _with_settings(lines: list[Line]) -> tuple[Line, ...]:
    """Settings read with the unit in their name (``timeout_ms: 800``); in a diff, old and new value as a move."""
    removed: dict[str, Quantity] = {}
    told: list[Line] = []
    for line in lines:
        match = _SETTING.match(line.text)
        value = _setting(match) if match else []
        moves: tuple[tuple[Quantity, Quantity], ...] = ()
        if match and value and match[1] == "-":
            removed[match[2]] = value[0]
        elif match and value and match[1] == "+" and match[2] in removed:
            moves = ((removed[match[2]], value[0]),)
            moves += tuple(zip(quantities(_bare(removed[match[2]])), quantities(match[3]), strict=False))
        more = replace(line.reading, quantities=(*line.reading.quantities, *value))
        told.append(replace(line, reading=more, moves=(*line.moves, *moves)))
    return tuple(told)


def _bare(quantity: Quantity) -> str:
    return re.sub(r"[^\d.]", "", quantity.text)


def _setting(match: re.Match[str]) -> list[Quantity]:
    unit = _SETTING_UNITS.get(match[2].rpartition("_")[2], "")
    value = match[3].strip()
    return quantities(f"{value} {unit}" if unit and value.replace(".", "").isdigit() else value, exact=True)


def _counts(texts: list[str], lines: Iterable[Line]) -> frozenset[int]:
    """How many items each list in it has, how many in all, and how many subjects of deploys or lines."""
    sizes, size = [0], 0
    for text in texts:
        size = size + 1 if text.startswith("- ") else 0
        sizes.append(size)
    items = sum(text.startswith("- ") for text in texts)
    deployed = {name for text in texts for name in _DEPLOYED.findall(text)}
    subjects = frozenset[str]().union(*(line.subjects for line in lines))
    return frozenset({*sizes, items, len(deployed), len(subjects)} - {0, 1})


def events(lines: Iterable[Line]) -> list[Moment]:
    """Moments of what happened, without the edges of windows."""
    return [moment for line in lines if not line.window for moment in line.reading.moments]
