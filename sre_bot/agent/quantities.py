"""Quantities as people and tools write them: a number, how exactly it is stated, and what it measures. Pure.

A written number stands for an interval, half a unit of its last digit to either side: ``1.2 s`` is 1.15 to 1.25 s.
What people write with a unit may be rounded to its zeros (``1500 ms`` is 1450 to 1550 ms) up to `ROUNDED` of the value;
``about`` stands for `ABOUT` to either side. Everything is kept in base units: seconds, bytes, per second, shares of 1.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sre_bot.agent.spelled import SPELLED, TO_TEN, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable

ROUNDED = 0.05
"""Zeros at the end of a number with a unit widen it by no more than this share."""
ABOUT = 0.07
"""What ``about`` allows to either side, as a share."""
BEYOND = 2.0
"""``More than N`` is borne by N up to this many times N, ``less than N`` down to this part of it."""


class Dimension(enum.StrEnum):
    """What a number measures."""

    PLAIN = "plain"
    RATIO = "ratio"
    SECONDS = "seconds"
    BYTES = "bytes"
    RATE = "rate"
    BYTE_RATE = "byte rate"
    FACTOR = "factor"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text. ``low`` … ``high`` in base units is what it may stand for; ``start``, ``end`` its place.

    ``change`` marks an amount of change (``by 40 %``, ``880/s more``) as opposed to a level.
    """

    text: str
    low: float
    high: float
    dimension: Dimension
    start: int
    end: int
    change: bool = False

    @property
    def middle(self) -> float:
        """The value in base units, as near as it can be told."""
        return (self.low + self.high) / 2 if math.isfinite(self.high) else self.low


_PARTS = {"third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10}
_FRACTIONS = {"half": 1 / 2} | {
    f"{one} {word}": 1 / parts for word, parts in _PARTS.items() for one in ("a", "an", "one")
}
_FRACTIONS |= {
    f"{many} {word}s": number / parts
    for word, parts in _PARTS.items()
    for number, many in enumerate(TO_TEN, start=1)
    if 1 < number < parts
}
_FACTORS = {"doubled": 2.0, "doubles": 2.0, "double": 2.0, "twice": 2.0, "tripled": 3.0, "triples": 3.0, "triple": 3.0}
_FACTORS |= {"quadrupled": 4.0, "quadruples": 4.0, "halved": 0.5, "halves": 0.5}
_NEVER_COARSE = frozenset({Dimension.PLAIN, Dimension.RATIO, Dimension.FACTOR})
EXACT = 0.005
"""Tools show three digits or all there are: what they show with fewer is no farther off than this share."""
_PARTS_OF_ONE = {"half": 0.5, "quarter": 0.25, "three quarters": 0.75}
_ROUND = 20
"""A number in words that is no smaller is round."""
_LOOSE = 0.2
"""What a factor in a word (``doubled``) allows to either side, as a share."""

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
    "d": 86_400.0,
}
_SECONDS |= dict.fromkeys(("millisecond", "milliseconds"), 1e-3) | dict.fromkeys(("sec", "secs", "second"), 1.0)
_SECONDS |= {"seconds": 1.0} | dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0)
_SECONDS |= dict.fromkeys(("hr", "hrs", "hour", "hours"), 3_600.0) | dict.fromkeys(("day", "days"), 86_400.0)
_SECONDS |= dict.fromkeys(("week", "weeks"), 604_800.0) | dict.fromkeys(("month", "months"), 2_592_000.0)
_SECONDS |= dict.fromkeys(("year", "years"), 31_536_000.0)
_BYTES = {"b": 1.0, "byte": 1.0, "bytes": 1.0} | {f"{p}b": 1e3 ** (n + 1) for n, p in enumerate("kmgt")}
_BYTES |= {f"{p}ib": 1024.0 ** (n + 1) for n, p in enumerate("kmgt")}
_BYTES |= {f"{p}i": 1024.0 ** (n + 1) for n, p in enumerate("kmgt")}
_BITS = {"bit": 1.0} | {f"{p}bit": 1e3 ** (n + 1) for n, p in enumerate("kmgt")}
_BITS |= {f"{p}ibit": 1024.0 ** (n + 1) for n, p in enumerate("kmgt")}
_BYTES |= {f"{unit}{end}": size / 8 for unit, size in _BITS.items() for end in ("", "s")}
_BIT_RATES = frozenset(f"{p}bps" for p in "kmgt")
_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_PER = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "m": 60.0, "minute": 60.0, "h": 3_600.0, "hour": 3_600.0}
_SHORT_RATES = {"rps": 1.0, "qps": 1.0, "rpm": 60.0}

_NUMBER = re.compile(
    r"""(?<![\w.])(?P<times>[×x]\s?)?
    (?P<num>\d{1,3}(?:,\d{3})+(?:\.\d{1,9})?(?!\d) | \d{1,15}(?:\.\d{1,9})?)
    (?P<exp>e[+-]?\d{1,2})?(?P<scale>[kKMGT](?![A-Za-z])|[ ](?:thousand|million|billion)\b)?(?![A-Za-z]*\d)
    (?P<more>[ ]and[ ]a[ ](?:half|quarter)(?=[ ][a-z]))?
    (?P<unit>[ ]?(?:%|per[ ]?cent\b|percentage[ ]points\b|pct\b|pp\b|[×]|x\b|[ -]?fold\b
      | times\b
      | (?:rps|qps|rpm)\b
      | (?:[kKMGT]i?B|[kmgt]i?b|[Bb]ytes?|B|[KMGT]i)\b
      | (?:[kKMGT]i?bits?|bits?(?=/s|[ ](?:per|a)[ ]second)|[kKMGT]bps)\b
      | (?:ns|us|µs|μs|ms|[Mm]illiseconds?|secs?|[Ss]econds?|mins?|[Mm]inutes?|hrs?|[Hh]ours?
          |days?|weeks?|months?|years?|[smhd])\b)
    | -(?=(?:second|minute|hour|day)s?\b)(?:second|minute|hour|day)s?\b)?
    (?P<per>(?:[ ]?(?:req|requests|errors|ops))?/(?:s|sec|second|min|m|minute|h|hour)\b
      | (?:[ ](?!about|around|some|nearly|almost|roughly|over|only|just|half|in|within|more|fewer|less)
        (?:[a-z]{2,20}|[1-5]\d\ds)){0,2}?
      [ ](?:per|an?|each|every)[ ](?:second|minute|hour)\b)?
    (?![A-Za-z_\d]|\.[\d.])""",
    re.VERBOSE,
)
_WORDED = re.compile(
    rf"\b({SPELLED})[ -](of(?= (?:the |all )?(?:{SPELLED}|\d))|"
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|percent|times|"
    r"(?:[a-z]+ ){0,2}?(?!(?:was|this|has|does|its|less|times|years|thus|always|across)\b)[a-z]{2,20}s)\b"
    r"(?: (?:per|an?|each|every) (second|minute|hour)\b)?",
    re.IGNORECASE,
)
_FOLD = re.compile(rf"\b({SPELLED})[ -]?fold\b", re.IGNORECASE)
_BY_FACTOR = re.compile(
    rf"\bmultipl\w+ (?:\w+ ){{0,4}}by (?:about )?({SPELLED}|\d{{1,6}}(?:\.\d{{1,3}})?)\b", re.IGNORECASE
)
_ONE_UNIT = re.compile(
    r"\b(half an?|quarter of an?|three quarters of an?|an?|one) "
    r"(second|minute|hour|day|week|month|year)(?: and a half| and a quarter)?\b",
    re.IGNORECASE,
)
_IN = re.compile(
    rf"\b(one|{SPELLED}|\d{{1,3}}) (?:[a-z]{{2,20}} ){{0,2}}in (?:every )?({SPELLED}|\d{{1,3}})\b"
    rf"(?![.,:]\d| ?%| (?:{'|'.join(_SECONDS)})\b)",
    re.IGNORECASE,
)
_PARTED = "|".join(sorted(_FRACTIONS, key=len, reverse=True))
_PART = re.compile(
    rf"\b({_PARTED})\b(?= of\b| the\b)|"
    rf"(?:(?<=\bby )|(?<=\babout )|(?<=\bis )|(?<=\bto ))({_PARTED})\b(?! an? )",
    re.IGNORECASE,
)
_EVERY = re.compile(
    rf"\bevery (second|{'|'.join(_PARTS)}) (?:request|call|order|query|charge|login|page|attempt|message|lookup)",
    re.IGNORECASE,
)
_MULTIPLE = re.compile(rf"\b({'|'.join(_FACTORS)})\b", re.IGNORECASE)

_ABOUT = re.compile(
    r"(?:about|around|roughly|approximately|approx\.?|some|nearly|almost|close to|circa|~|≈)\s?$", re.IGNORECASE
)
_MORE = re.compile(r"(?:more than|over|above|at least|exceeds|exceeding|greater than|beyond|>=?|≥)\s?$", re.IGNORECASE)
_LESS = re.compile(r"(?:less than|under|below|at most|fewer than|up to|within|<=?|≤)\s?$", re.IGNORECASE)
_BY = re.compile(
    r"\b(?:by|(?:takes?|took|cuts?|sheds?) (?:away|off)) "
    r"(?:about |around |roughly |nearly |almost |some |over |more than )?~?$",
    re.IGNORECASE,
)
_MORE_THAN_BEFORE = re.compile(
    r"\s?(?:\w+ )?(?:more|less|fewer|higher|lower|longer|shorter|slower|faster|increase|decrease|drop|rise|growth)\b"
    r"(?! (?:than|or less|and)? ?\d)",
    re.IGNORECASE,
)
_ONWARD = re.compile(r"\s?(?:to|→|->|–|-|and|or|of|…)\s?(?:about |around |roughly |almost |nearly |over |only )?~?")
_QUALIFIES = re.compile(r"[A-Za-z.~≈<>=≥≤]\s?\Z")
_LOOKBACK = 24
_STATUSES = re.compile(r"[2-5]\d\ds")
"""``503s`` in a sentence are answers of that status, unless it goes on as a time does; `agree` takes it for either."""
_BARE = re.compile(r"[×x]?\s?[\d.,]+")
_SCALED = re.compile(r"[×x]?\s?[\d.,]+[kKMGT]?")
MINUTE = 60.0
_TWO_DIGITS = re.compile(r"[1-5]\d")
_PER_UNIT = re.compile(r"(?:/| per | an? | each | every )[a-z]+$")
_INSTEAD = re.compile(
    r"(?: (?:since|at|now) {1,32}(?:UTC)?)?,? (?:instead of|rather than|up from|down from|from) "
    r"(?:about |around |roughly |almost |nearly |over |only )?"
)
_OF_SO_MUCH = re.compile(r" of (?=[\d.,]{1,12}(?:[.,;:)]|$| \()) ?")
_UNIT = re.compile(r"[^A-Za-zµμ]+")
_COMPOUND = re.compile(
    r"(?<![\w.])(?=\d+[hm]\d)(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,4}(?:\.\d{1,9})?)s)?(?<=[hms])(?![\w.]*\w)"
)
_TIMED = re.compile(r"\s(?:before|after|ago|later|earlier|long)\b")


def quantities(text: str, *, exact: bool = False) -> list[Quantity]:
    """The quantities of a text in which names, moments and dates are masked, in order of their places.

    ``exact`` numbers are as tools write them: to the last digit, zeros too.
    """
    found = (
        [] if exact else [_share(text, match) for match in _IN.finditer(text) if _number(match[1]) < _number(match[2])]
    )
    found += [_compound(text, match) for match in _COMPOUND.finditer(text)]
    taken = tuple(found)
    found += [_numeric(text, match, exact=exact) for match in _NUMBER.finditer(text) if not _overlaps(match, taken)]
    for pattern, reading in (
        (_PART, _part),
        (_WORDED, _worded),
        (_FOLD, _fold),
        (_BY_FACTOR, _fold),
        (_ONE_UNIT, _one),
        (_EVERY, _every),
        (_MULTIPLE, _multiple),
    ):
        for match in pattern.finditer(text):
            if not _overlaps(match, found):
                one = reading(text, match)
                slack = EXACT * one.middle
                found.append(replace(one, low=one.middle - slack, high=one.middle + slack) if exact else one)
    found.sort(key=lambda one: one.start)
    return _with_shared_units(text, _joined(text, found), exact=exact)


def _overlaps(match: re.Match[str], found: Iterable[Quantity]) -> bool:
    return any(other.start < match.end() and match.start() < other.end for other in found)


def _joined(text: str, found: list[Quantity]) -> list[Quantity]:
    """``3 min 40 s`` is one quantity."""
    joined: list[Quantity] = []
    for one in found:
        last = joined[-1] if joined else None
        if (
            last
            and last.dimension is Dimension.SECONDS
            and one.dimension in {Dimension.SECONDS, Dimension.PLAIN}
            and one.middle < (size := _SECONDS.get(_UNIT.split(last.text)[-1].lower(), 0))
            and text[last.end : one.start] in {" ", " and "}
            and (one.dimension is Dimension.SECONDS or (size == MINUTE and _TWO_DIGITS.fullmatch(one.text)))
        ):
            whole = (last.middle + one.low, last.middle + one.high)
            if one.dimension is Dimension.PLAIN:
                whole = (whole[0] - 0.5, whole[1] + 0.5)
            joined[-1] = replace(last, end=one.end, text=text[last.start : one.end], low=whole[0], high=whole[1])
        else:
            joined.append(one)
    return joined


def _numeric(text: str, match: re.Match[str], *, exact: bool) -> Quantity:
    """A number in digits with its unit."""
    written = match["num"].replace(",", "")
    unit, per = (match["unit"] or "").strip(" -"), match["per"] or ""
    if _STATUSES.fullmatch(match[0]) and not (exact or _TIMED.match(text, match.end())):
        unit = ""
    dimension, factor = _measure(unit.lower(), per, times=bool(match["times"]))
    scale = 10.0 ** int((match["exp"] or "e0")[1:]) * _SCALES.get((match["scale"] or "").strip(), 1.0)
    value = float(written)
    if match["more"]:
        value += 0.5 if match["more"].endswith("half") else 0.25
    half = _half_unit(written, value, dimension, exact=exact)
    half *= 0.5 if match["more"] else 1.0
    if dimension is Dimension.FACTOR:
        half = min(half, _LOOSE * value)
    whole = (value * scale * factor, half * scale * factor)
    return _qualified(text, match.span(), dimension, *whole)


def _half_unit(written: str, value: float, dimension: Dimension, *, exact: bool) -> float:
    """Half a unit of the last digit, or, of a rounded whole number, of the last that is not zero; tools' 0 is 0."""
    coarse = not exact and dimension not in _NEVER_COARSE
    _, _, decimals = written.partition(".")
    half = 0.0 if exact and not value else 0.5 * 10.0 ** -len(decimals)
    if exact:
        half = min(half, EXACT * value)
    if coarse and not decimals and value:
        zeros = len(written) - len(written.rstrip("0"))
        half = max(half, min(0.5 * 10.0**zeros, ROUNDED * value))
    return half


def _measure(unit: str, per: str, *, times: bool) -> tuple[Dimension, float]:
    """What a unit measures, and the factor to the base unit."""
    seconds = _PER[re.split(r"[/ ]", per)[-1]] if per else 1.0
    if unit in _SHORT_RATES:
        return Dimension.RATE, 1 / _SHORT_RATES[unit]
    if unit in _BIT_RATES:
        per, unit, seconds = "/s", unit.replace("bps", "bit"), 1.0
    if unit in _BYTES:
        return (Dimension.BYTE_RATE if per else Dimension.BYTES), _BYTES[unit] / seconds
    if per:
        return Dimension.RATE, _SECONDS.get(unit, 1.0) / seconds
    if unit in {"%", "percent", "per cent", "pct", "pp", "percentage points"}:
        return Dimension.RATIO, 0.01
    if times or unit in {"×", "x", "times", "fold"}:
        return Dimension.FACTOR, 1.0
    return (Dimension.SECONDS, _SECONDS[unit]) if unit in _SECONDS else (Dimension.PLAIN, 1.0)


def _worded(text: str, match: re.Match[str]) -> Quantity:
    """``three minutes``, ``two times``, ``six deploys``."""
    number, unit = spelled(match[1]), match[2].lower()
    dimension, factor = _measure(unit, "", times=False)
    half = min(0.5, _LOOSE * number) if dimension is Dimension.FACTOR else 0.0 if dimension is Dimension.PLAIN else 0.5
    if match[3] and dimension is Dimension.PLAIN:
        dimension, factor, half = Dimension.RATE, 1 / _PER[match[3].lower()], 0.5 if number < _ROUND else ABOUT * number
    return _qualified(text, match.span(), dimension, number * factor, half * factor)


def _number(text: str) -> float:
    return float(text) if text[0].isdigit() else spelled(text)


def _share(text: str, match: re.Match[str]) -> Quantity:
    """``one in ten``."""
    value = _number(match[1]) / _number(match[2])
    half = min(_LOOSE * value, 0.5 / _number(match[2]))
    return _qualified(text, match.span(), Dimension.RATIO, value, half)


def _compound(text: str, match: re.Match[str]) -> Quantity:
    """``1h30m``."""
    parts = [(one, unit) for one, unit in zip(match.groups(), (3_600.0, 60.0, 1.0), strict=True) if one]
    value = sum(float(one) * unit for one, unit in parts)
    return _qualified(text, match.span(), Dimension.SECONDS, value, 0.5 * parts[-1][1])


def _fold(text: str, match: re.Match[str]) -> Quantity:
    """``tenfold``, ``multiplied by ten``."""
    value = _number(match[1])
    return _qualified(text, match.span(), Dimension.FACTOR, value, _LOOSE * value)


def _one(text: str, match: re.Match[str]) -> Quantity:
    """``an hour``, ``half an hour``, ``an hour and a half``."""
    many = next((many for word, many in _PARTS_OF_ONE.items() if match[1].lower().startswith(word)), 1.0)
    many += 0.5 if match[0].lower().endswith("half") else 0.25 if match[0].lower().endswith("quarter") else 0.0
    value = many * _SECONDS[match[2].lower()]
    return _qualified(text, match.span(), Dimension.SECONDS, value, 0.25 * value)


def _part(text: str, match: re.Match[str]) -> Quantity:
    """``half``, ``a third``."""
    value = _FRACTIONS[match[0].lower()]
    return _qualified(text, match.span(), Dimension.RATIO, value, _LOOSE / 2 * value)


def _every(text: str, match: re.Match[str]) -> Quantity:
    """``every third request``."""
    value = 1 / (2 if match[1].lower() == "second" else _PARTS[match[1].lower()])
    return _qualified(text, match.span(), Dimension.RATIO, value, _LOOSE * value)


def _multiple(text: str, match: re.Match[str]) -> Quantity:
    """``doubled``, ``halved``."""
    value = _FACTORS[match[1].lower()]
    return _qualified(text, match.span(), Dimension.FACTOR, value, _LOOSE * value)


def _qualified(text: str, place: tuple[int, int], dimension: Dimension, value: float, half: float) -> Quantity:
    """With what stands before and after it: ``about``, ``more than``, ``by``, ``fewer``."""
    start, end = place
    lead = text[max(0, start - _LOOKBACK) : start]
    low, high = value - half, value + half
    if not _QUALIFIES.search(lead):
        return Quantity(text[start:end].strip(), low, high, dimension, start, end, _is_change(text, end))
    if _ABOUT.search(lead):
        low, high = min(low, value * (1 - ABOUT)), max(high, value * (1 + ABOUT))
    elif _MORE.search(lead):
        high = max(high, value * BEYOND)
    elif _LESS.search(lead):
        low = min(low, value / BEYOND)
    change = bool(_BY.search(lead)) or _is_change(text, end)
    return Quantity(text[start:end].strip(), low, high, dimension, start, end, change)


def _is_change(text: str, end: int) -> bool:
    return _MORE_THAN_BEFORE.match(text, end) is not None


def _with_shared_units(text: str, found: list[Quantity], *, exact: bool) -> list[Quantity]:
    """In ``from 241 to 1190 ms`` the first number has the unit of the second."""
    shared = list(found)
    for index in range(len(found) - 2, -1, -1):
        one, after = shared[index], shared[index + 1]
        joined = _ONWARD.fullmatch(text, one.end, after.start)
        told = _PER_UNIT.search(after.text)
        if one.dimension is Dimension.BYTES and after.dimension is Dimension.BYTE_RATE and joined and told:
            (whole,) = quantities(f"{one.text}{told[0]}", exact=exact)
            shared[index] = replace(whole, text=one.text, start=one.start, end=one.end, change=one.change)
        if one.dimension is Dimension.PLAIN and joined and after.dimension not in {Dimension.PLAIN, Dimension.FACTOR}:
            bare = (_SCALED if one.text[-1:] in _SCALES else _BARE).match(after.text)
            unit = after.text[bare.end() :] if bare else ""
            shared[index] = _in_unit(one, unit, exact=exact)
        elif after.dimension is Dimension.PLAIN and (
            _INSTEAD.fullmatch(text, one.end, after.start)
            or (one.dimension is Dimension.BYTE_RATE and _OF_SO_MUCH.match(text, one.end, len(text)))
        ):
            unit = _BARE.sub("", one.text, count=1)
            if one.dimension not in {Dimension.PLAIN, Dimension.FACTOR}:
                shared[index + 1] = _in_unit(after, unit, exact=exact)
    return shared


def _in_unit(one: Quantity, unit: str, *, exact: bool) -> Quantity:
    whole = quantities(f"{one.text}{unit}", exact=exact) if unit else []
    if len(whole) != 1:
        return one
    return replace(whole[0], text=one.text + unit, start=one.start, end=one.end, change=one.change)
