"""What can be checked in a text: the quantities, the moments and the names it states. Pure.

Names are identifiers: commits, versions, metrics, alerts, hosts, files, addresses. Ordinary words are not names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from sre_bot.agent.quantities import Quantity, quantities
from sre_bot.signals.words import stem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in a text: ``time`` (aware, UTC; of the day of the investigation when no day is given), ``dated`` or not.

    It means ``before`` earlier to ``after`` later than that: a minute may have been cut or rounded, a second rounded;
    a stated ±15s is added.
    """

    text: str
    time: datetime
    dated: bool
    before: timedelta
    after: timedelta
    start: int

    def meets(self, other: Moment) -> bool:
        """Whether both may mean the same; without days, only the times of day are compared."""
        apart = other.time - self.time
        if not (self.dated and other.dated):
            apart = (apart + DAY / 2) % DAY - DAY / 2
        return -self.before - other.after <= apart <= self.after + other.before


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text states."""

    quantities: tuple[Quantity, ...]
    moments: tuple[Moment, ...]
    names: tuple[str, ...]
    rest: str
    """The text with names and moments blanked; every place in it is a place in the text."""


_HYPHENED = re.compile(r"(?<![\w./#@-])[a-z][a-z0-9]*(?:-[a-z0-9]+)+(?![\w/-]|\.\w)")
_IN_COMPOUNDS = re.compile(
    r"(?:^|-)(?:to|of|in|on|up|out|off|by|and|the|a|is|not|non|re|pre|per|as|day|fold|time)(?:-|$)"
)


def hyphened(text: str) -> frozenset[str]:
    """The (lower-case) words with hyphens that may be names: ``edge-gateway``, and not ``warm-up``."""
    return frozenset(one for one in _HYPHENED.findall(text) if not _IN_COMPOUNDS.search(one))


_SPACES = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "−": "-", "’": "'"})
_IDS = re.compile(r"\[\s*E\d{1,6}(?:\s*[,;]\s*E\d{1,6})*\s*\]|\bE\d{1,6}\b")
_MOMENT = re.compile(
    r"(?<![\w.:])(?:(?P<date>\d{4}-\d{2}-\d{2})[T ]|(?P<day>\d{2}-\d{2}) )?"
    r"(?P<h>[01]?\d|2[0-4]):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:\.\d{1,9})?)?"
    r"(?P<zone> ?Z\b|[+-]\d{2}:\d{2})?(?!\w|:\d|\.\d)(?: ±(?P<within>\d{1,6})s)?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]{{0,6}}"
_ON = re.compile(
    rf"(?: UTC)?,? on (?:the )?(?:(\d{{1,2}})(?:st|nd|rd|th)? {_MONTH}|{_MONTH} (\d{{1,2}}))\b", re.IGNORECASE
)
_ON_BEFORE = re.compile(rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)? {_MONTH}|{_MONTH} (\d{{1,2}})),? (?:at )?$", re.IGNORECASE)
_TODAY = re.compile(r"(?: UTC)? (today|yesterday)\b", re.IGNORECASE)
_TODAY_BEFORE = re.compile(r"\b(today|yesterday),? (?:at )?$", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:\d{4}-\d{2}-\d{2}|\d{1,2}\.? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}(?: \d{4})?|"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6} \d{1,2}(?:, \d{4})?)\b|(?<!\S)\d{2}-\d{2}(?= to )"
)
_NAME = re.compile(
    r"""https?://[^\s)\]>"']{1,300}
    | (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.])
    | (?<![\w/.-])/?[\w.-]{1,80}(?:/[\w.-]{1,80}){1,12}\.[A-Za-z]\w{0,9}\b       # a file's path
    | (?<![\w.])v?\d{1,6}(?:\.\d{1,6}){2,4}(?:-[\w.]{1,40})?\b | \bv\d{1,6}(?:\.\d{1,6})*\b        # a version
    | (?<![\w#])\#(?:\d{1,8}|[a-z][\w-]{2,60})\b
    | (?<![\w-])(?=[0-9a-f]{0,39}[a-f])(?=[a-f]{0,39}\d)[0-9a-f]{7,40}(?![\w-])       # a commit
    | (?<!\w)_{0,2}[A-Za-z][A-Za-z0-9]{0,60}(?:_+[A-Za-z0-9]{1,60}){1,12}\b               # a metric, a setting
    | (?<![\w/])(?:[A-Z]{1,8}[a-z][a-z0-9]{0,40}){2,8}[A-Z0-9]{0,8}\b                              # an alert
    | (?<![\w-])(?:X|[A-Z][a-z0-9]{1,30}-[A-Z][a-z0-9]{1,30})(?:-[A-Z][A-Za-z0-9]{0,30}){1,4}(?![\w-])  # a header
    | (?<![\w.-])[a-z0-9_-]{2,60}(?:\.[a-z0-9-]{2,60}){0,6}\.[a-z]{2,20}(?::\d{1,5})?(?![\w-])  # a host, a file
    | (?<![\w.-])[A-Za-z][A-Za-z0-9]{0,40}(?=[\w-]{0,60}-[a-z]{0,20}\d)(?:-[A-Za-z0-9]{1,40}){1,8}(?![\w-])  # a pod
    """,
    re.VERBOSE,
)
_CODED = re.compile(r"(?<![\w./:=×-])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z\d]{3,40}(?![\w/]|-\w|\.\d)")
"""A word of letters and digits (``sda1``, ``7ac9``); `_USUAL` ones are no names."""
_USUAL = re.compile(
    r"[pP]\d{2,3}|[1-5]xx|\d+(?:st|nd|rd|th|[a-z]{0,2}s|h|d|[kKMGTmun]i?|[kKMGT]i?)|k8s|i18n|[Uu]tf8|[Hh]ttp[12]|IPv[46]|Q\d",
    re.ASCII,
)
_QUOTED = re.compile(r"`([^`\s]{1,120})`")
_LETTER = re.compile(r"[A-Za-z]")
_PRODUCTS = frozenset({"github", "gitlab", "javascript", "typescript", "opentelemetry", "alertmanager", "youtube"})
_LONGEST_LINE = 4_000


def read(text: str, asked_at: datetime) -> Reading:
    """Everything checkable that one claim states; bare times are of the day of ``asked_at``."""
    plain = _IDS.sub(_blank, text.translate(_SPACES))
    quoted = (match[1] for match in _QUOTED.finditer(plain))
    names = [one for one in quoted if _LETTER.search(one) and not quantities(one)]
    plain = plain.replace("`", " ")
    masked = _masked(_NAME, plain, names)
    moments = tuple(moments_in(masked, asked_at))
    rest = _DATE.sub(_blank, _MOMENT.sub(_blank, masked))
    stated = tuple(quantities(rest))
    coded = (match for match in _CODED.finditer(rest) if not _USUAL.fullmatch(match[0]))
    names += [
        match[0] for match in coded if not any(one.start < match.end() and match.start() < one.end for one in stated)
    ]
    named = tuple(dict.fromkeys(name for name in names if name.casefold() not in _PRODUCTS))
    return Reading(stated, moments, named, rest)


def read_line(line: str, asked_at: datetime) -> Reading:
    """The same of one line of evidence, where names are only what is not to be taken for a number."""
    plain = line[:_LONGEST_LINE].translate(_SPACES)
    if plain.startswith("points of "):
        plain = plain.replace(",", " ")
    masked = _NAME.sub(_blank, plain)
    moments = tuple(moments_in(masked, asked_at))
    rest = _DATE.sub(_blank, _MOMENT.sub(_blank, masked))
    return Reading(tuple(quantities(rest, exact=True)), moments, (), rest)


def moments_in(text: str, asked_at: datetime) -> Iterator[Moment]:
    """The moments of a text, in order."""
    for match in _MOMENT.finditer(text):
        moment = _moment(match, asked_at)
        if moment is not None:
            yield moment


def _moment(match: re.Match[str], asked_at: datetime) -> Moment | None:
    told = None if match["date"] or match["day"] else _day(match, asked_at)
    written = match["date"] or (f"{asked_at.year}-{match['day']}" if match["day"] else f"{asked_at:%Y-%m-%d}")
    day = told or written
    zone = (match["zone"] or "").strip()
    clock = f"{int(match['h']) % 24:02d}:{match['m']}:{match['s'] or '00'}"
    try:
        time = datetime.fromisoformat(f"{day}T{clock}{zone if ':' in zone else '+00:00'}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    within = timedelta(seconds=int(match["within"] or 0))
    before, after = (SECOND, SECOND) if match["s"] else (MINUTE / 2, MINUTE)
    dated = bool(match["date"] or match["day"] or told)
    return Moment(match[0].strip(), time, dated, before + within, after + within, match.start())


def _day(match: re.Match[str], asked_at: datetime) -> str | None:
    """The day that is told in words right before or after a time of day."""
    told = _ON.match(match.string, match.end()) or _ON_BEFORE.search(match.string, 0, match.start())
    if told:
        month = _MONTHS.index((told[2] or told[3]).lower()) + 1
        return f"{asked_at.year}-{month:02d}-{int(told[1] or told[4]):02d}"
    relative = _TODAY.match(match.string, match.end()) or _TODAY_BEFORE.search(match.string, 0, match.start())
    if relative is None:
        return None
    return f"{asked_at - (DAY if relative[1].lower() == 'yesterday' else 0 * DAY):%Y-%m-%d}"


def _masked(pattern: re.Pattern[str], text: str, found: list[str]) -> str:
    """The text with what the pattern finds blanked, and added to ``found``."""
    found += (match[0].rstrip(".,;:") for match in pattern.finditer(text))
    return pattern.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_TIMED_OUT = re.compile(r"\b[Tt]im(?:ed|es|ing)?[ -]outs?\b")
REMEMBERED_WORDS = 8_192
_KIN = 5
"""Words that begin with so many letters alike are taken for kin."""
_SHORT = frozenset({"up", "db", "io", "ms"})
_COMMON = frozenset(
    """
    the and are was were has have had been being its that this these those with from into than then there here when
    while where what which who how why not now still just only also very more most less least much many few all any
    both each every either other another same such since until before after during within about around over under
    again almost already because but for nor yet may might can could should would will shall does did done doing
    began begin begins started start starts goes went gone come came get gets got make makes made take takes took
    say says said show shows shown see seen look looks seems thing things something nothing everything one two three
    our their his her your they them him she you out off too own per usual normal clearly suddenly began last first
    nobody somebody anybody know known knows rose fell fallen grew drop dropped falling rising
    """.split()  # noqa: SIM905 -- a paragraph of words reads better than a page of quotes
)


def is_common(word: str) -> bool:
    """Whether a word (in lower case) carries no content of its own."""
    return word in _COMMON or len(word) <= 2  # noqa: PLR2004 -- of, in, is …


def unlike(words: Iterable[str], held: Collection[str]) -> frozenset[str]:
    """The words (stemmed) that have none of their kin (``evict``, ``eviction``) among those held."""
    starts = {word[:_KIN] for word in held} | {word[: _KIN - 1] for word in held}
    return frozenset(
        word
        for word in words
        if word not in held
        and (len(word) < _KIN - 1 or word[:_KIN] not in starts)
        and not any(word[:end] in held for end in range(_KIN - 1, len(word)))
    )


def content_words(text: str) -> frozenset[str]:
    """The words of a text that carry its content, identifiers split into theirs, stemmed."""
    whole = _TIMED_OUT.sub("timeout", text)
    return frozenset(stemmed for word in _WORD.findall(whole) if (stemmed := _content(word)))


@lru_cache(REMEMBERED_WORDS)
def _content(word: str) -> str:
    """The word in its stemmed form; empty when it carries no content."""
    word = word.lower()
    return "" if word in _COMMON or (len(word) <= 2 and word not in _SHORT) else stem(word)  # noqa: PLR2004 -- of, in, is …
