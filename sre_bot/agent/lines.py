"""A line of evidence, read once: what it states, what it is about, what it says moved, what kind of event it tells.

Pure. The forms are those that our tools write (``service=api: … step 11:42:30 0.1 % → 31 %``, ``11:40:50 deploy api``,
``- critical ApiDown {service=api} since 11:43:30``, ``- ERROR new ×5, 11:42:31 to 11:50:00, api: …``).
"""

from __future__ import annotations

import enum
import itertools
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from sre_bot.agent.claims import read_line
from sre_bot.signals.series import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.quantities import Quantity

REMEMBERED_LINES = 4_096
"""Lines that are not read again: one report is held against the same evidence several times."""
SHORT_SHA = 7
"""The fewest characters of a sha that git shows."""
STATUS_DIGITS = 3
"""A label's value that is a number is a name (a status) when it has so many digits."""

_TOKEN = re.compile(r"[\w./:#-]*\w")
_LABEL = re.compile(r"\b([A-Za-z_]{1,60})=\"?([^,{}\"\s]{1,160})")
_LEADING = re.compile(r"([\w.-]+)(?: → ([\w.:-]+))?(?: \[\w+\])? (?:steady|nothing|as before|\d)")
_DEPLOYED = re.compile(r"(?:^|\d{2}:\d{2}:\d{2} )deploy (?:of )?([\w.-]{2,60})")
_ABOUT = re.compile(r"\((?:\w+, )?([\w.-]{2,60})\)")
_ALERTED = re.compile(r"\) (?:firing|pending|silenced|inhibited|resolved|since|from)\b")
_LOGGED = re.compile(
    r"\d{2}:\d{2}:\d{2}, ((?:[a-z][\w.-]{1,60}, ){0,8}[a-z][\w.-]{1,60}): |First new \w+: \S{8} ([\w.-]{2,60}): "
    r"|- [A-Z]{4,8} ([a-z][\w.-]{1,60}) \d{1,9} times from \d{2}:"
)
_NO_NAMES = frozenset({"__name__", "le", "quantile", "version"})
_NOT_SUBJECTS = frozenset(
    "read write all default true false get post put total main up none unknown commit deploy to steady index".split()  # noqa: SIM905 -- a row of words reads better
)
_WINDOW = re.compile(r"(?:No data, )?\d{4}-\d{2}-\d{2} \S{8} to |At \d|points of |.{0,80} to \S{8} UTC$")
_STEPS = re.compile(r"\bevery \w{1,8} \(\d{1,6} points\)")
_SINCE = re.compile(r"\b(?:now|last)\s$")
_BEFORE = re.compile(r"\bmedian before\s$")
_ARROW = re.compile(r"\s*(?:→|->)\s*(?:about )?")
_INSTEAD = re.compile(r"(?: calls?)? instead of ")
_BUCKET = re.compile(r"\(in the bucket [^)]{1,80}\)")

STATE = re.compile(rf"; ({'|'.join(Shape)})\b")

WHENEVER = frozenset(Shape)
"""The states of a line about a series."""

SERVICE, PEER = "service", "server_address"
"""The labels of what names a service without a label: a deploy, a log line, both ends of ``api → db``."""


class Event(enum.Enum):
    """What kind of event the moments of a line are."""

    DEPLOY = "deploy"
    ALERT = "alert"
    START = "start"
    OTHER = "other"


_ALERT_LINE = re.compile(
    r"- (?:critical|error|warning|info|page|none|unknown|\w+) \w+ \{.*\} (?:since|from|\d)|\) firing"
)
_START_LINE = re.compile(r"(?:; (?:step|ramp|spike|appeared|gone since)\b|→ .* at \d{2}:|First new |^- [A-Z]+ new ×)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it states, the words in it and the ``labels`` (service, instance …) of what it is about.

    ``window`` marks the line that says what was looked at, whose times are no events. ``moves`` are old and new values.
    """

    text: str
    folded: str
    reading: Reading
    tokens: frozenset[str]
    labels: frozenset[tuple[str, str]]
    moves: tuple[tuple[Quantity, Quantity], ...]
    window: bool
    event: Event
    state: str = ""
    """``step``, ``flat``, ``gone`` … of a series; ``firing``, ``silenced`` … of an alert; empty where none is told."""
    unchanged: bool = False
    """Whether it only surrounds a change in a diff."""
    sections: frozenset[str] = frozenset()
    """The headings of a settings file that it stands under."""
    turned: bool = False
    """Whether its shares were turned to the rest to 1, as a claim tells them."""

    @property
    def subjects(self) -> frozenset[str]:
        """The services, instances … it is about."""
        return frozenset(value for _, value in self.labels)

    def names(self, name: str) -> bool:
        """Whether it holds a (case-folded) name, or belongs to it; a short sha is held by its full one."""
        if name in self.tokens or any(value == name for _, value in self.labels):
            return True
        return len(name) >= SHORT_SHA and name in self.folded and any(one.startswith(name) for one in self.tokens)

    def under(self, head: Line) -> Line:
        """The line as one that belongs to ``head``: it is about the same, and about what it names itself."""
        return replace(self, labels=self.labels | head.labels)


@lru_cache(REMEMBERED_LINES)
def line_of(text: str, asked_at: datetime) -> Line:
    """Read a line; bare times in it are of the day of ``asked_at``."""
    reading = read_line(_STEPS.sub(lambda found: " " * len(found[0]), text), asked_at)
    tokens = frozenset(token.casefold() for token in _TOKEN.findall(text))
    tokens |= {part for token in tokens for part in re.split(r"[:/]", token) if part}
    window = bool(_WINDOW.match(text))
    labels = frozenset[tuple[str, str]]() if window else _about(text)
    state = STATE.search(text)
    told = state[1] if state else ""
    return Line(text, text.casefold(), reading, tokens, labels, _moves(reading), window, _event(text), told)


def labels_in(text: str) -> frozenset[tuple[str, str]]:
    """Labels with their values, each of ``a|b``, as far as they name things."""
    found = (
        (label.casefold(), value)
        for label, values in _LABEL.findall(text)
        for value in values.rstrip(":;.)").split("|")
    )
    return frozenset((label, value.casefold()) for label, value in found if label not in _NO_NAMES and value)


def deployed_in(text: str) -> list[str]:
    """What a line says was deployed."""
    return _DEPLOYED.findall(text)


def _about(text: str) -> frozenset[tuple[str, str]]:
    leading = _LEADING.match(text)
    named = [(SERVICE, leading[1]), (PEER, leading[2] or "")] if leading else []
    named += [(SERVICE, name) for name in _DEPLOYED.findall(text)]
    named += [(SERVICE, match[1]) for match in _ABOUT.finditer(text) if _ALERTED.search(text)]
    logged = _LOGGED.search(text)
    if logged and not leading:
        named += [(SERVICE, name) for name in (logged[1] or logged[2] or logged[3]).split(", ")]
    return labels_in(text) | {(label, name.casefold()) for label, name in named if is_name(name.casefold())}


def is_name(value: str) -> bool:
    """Whether a (case-folded) value of a label names something, rather than a word or number like any other."""
    if value.replace(".", "").isdigit():
        return len(value) == STATUS_DIGITS
    return len(value) > 1 and value not in _NOT_SUBJECTS


def _event(text: str) -> Event:
    if _DEPLOYED.search(text):
        return Event.DEPLOY
    if _ALERT_LINE.search(text):
        return Event.ALERT
    return Event.START if _START_LINE.search(text) else Event.OTHER


def _moves(reading: Reading) -> tuple[tuple[Quantity, Quantity], ...]:
    """Old and new values that a line states: ``A → B``, ``B instead of A``, the median before and what it is now."""
    text = reading.rest
    buckets = [match.span() for match in _BUCKET.finditer(text)]
    found = [one for one in reading.quantities if not any(low <= one.start < high for low, high in buckets)]
    arrows = [(one, after) for one, after in itertools.pairwise(found) if _ARROW.fullmatch(text, one.end, after.start)]
    arrows += [
        (after, one) for one, after in itertools.pairwise(found) if _INSTEAD.fullmatch(text, one.end, after.start)
    ]
    old = [one for one, _ in arrows]
    old += [one for one in found if _BEFORE.search(text, max(0, one.start - 16), one.start)]
    new = [one for one in found if _SINCE.search(text, max(0, one.start - 8), one.start)]
    return (*arrows, *((before, after) for before in old for after in new))


def only(line: Line) -> Quantity | None:
    """The one value of a line that has one, numbers in its labels aside."""
    found = [one for one in line.reading.quantities if line.reading.rest[one.start - 1 : one.start] != "="]
    return found[0] if len(found) == 1 else None


def current(line: Line) -> Quantity | None:
    """The value a line ends with: the one it calls the last, or the only one."""
    text = line.reading.rest
    latest = (one for one in line.reading.quantities if _SINCE.search(text, max(0, one.start - 8), one.start))
    return next(latest, None) or only(line)


def named_together(lines: Iterable[Line]) -> frozenset[str]:
    """Everything that any of the lines is about."""
    return frozenset[str]().union(*(line.subjects for line in lines))
