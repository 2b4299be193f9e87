"""What a claim says happened before or after what, held against the times of both. Pure.

Only where both sides of ``before`` or ``after`` are found in the cited evidence is anything said of their order.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words, hyphened, read, unlike
from sre_bot.agent.lines import Event
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.scope import alert_of, named_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sre_bot.agent.claims import Moment, Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.quantities import Quantity

_ORDER = re.compile(r"\b(before|after)\b(?! that\b)", re.IGNORECASE)
_SENTENCE = re.compile(r"[.;] |[:(]")
_PIECE = re.compile(r"[.,;:()]\s|[.,;:()]$| and then | while | but ")
_KINDS = {
    Event.DEPLOY: re.compile(
        r"\b(?:re)?deploy\w*|\broll(?:ed|s)?[ -]?out|\brelease\w*|\bshipped|\bwent (?:out|live)", re.IGNORECASE
    ),
    Event.ALERT: re.compile(r"\bfir(?:ed|es|ing)\b|\balert\w*|\bpaged?\b", re.IGNORECASE),
    Event.START: re.compile(
        r"\bonset|\bbeg[aiu]n\w*|\bstart\w*|\bfirst\b|\bset in\b|"
        r"\b(?:dropped|fell|rose|jumped|climbed|appeared|stepped|grew)\b",
        re.IGNORECASE,
    ),
}
_STATE = re.compile(r"\b(silenced|inhibited|pending)\b", re.IGNORECASE)
_AMBIGUOUS = 3
_PATTERN = re.compile(r"- [A-Z]+ (?:new )?×")
_ENDED_ITSELF = re.compile(r"\b(?:over|end(?:ed|s)?|resolved|recovered|stopped|last)\b", re.IGNORECASE)
_ALERT_NAME = re.compile(r"\b[A-Z]\w{3,80}")
_PRONOUN = re.compile(r"\b(?:its|their)\b")
_IS_TIME = re.compile(r"\s*(?:(?:about|at) )?(?:\d|$|[,;.]|(?:it|that|this|them)\b[,;.]?$)")
_ENDED = re.compile(
    r"\b(?:over|end(?:ed|s)?|resolved|recovered|stopped|not|no|never|none|neither)\b|"
    r"\blast\b(?! (?:deploy|release|rollout))",
    re.IGNORECASE,
)


def wrong_order(
    text: str, reading: Reading, cited: Sequence[Exhibit], known: frozenset[tuple[str, str]], asked_at: datetime
) -> str | None:
    """Why the order in time that a claim states is not that of the evidence; None when it is, or none can be told."""
    for match in _ORDER.finditer(reading.rest):
        left = _piece_before(text, match.start())
        right = _PIECE.split(text[match.end() :], maxsplit=1)[0]
        if _IS_TIME.match(right):
            continue
        kind = _kind(left)
        if kind in {None, Event.START} and _names_alert(left, cited):
            kind = Event.ALERT
        earlier = logged(left, right, cited) if kind in {None, Event.START} else []
        if not earlier and kind is not None:
            earlier = _moments(left, kind, None, cited=cited, known=known, asked_at=asked_at)
        right = _PRONOUN.sub(" ".join(sorted(named_in(left, reading, known))), right, count=1)
        later = logged(right, left, cited) if _kind(right) in {None, Event.START} else []
        if not later and kind is not None:
            later = _moments(right, _kind(right), kind, cited=cited, known=known, asked_at=asked_at)
        if match[1].lower() == "after":
            earlier, later = later, earlier
        if not earlier or not later or earlier == later:
            continue
        apart = _amount(reading, match.start())
        if not any(_follows(one, other, apart) for one in earlier for other in later):
            ids = ", ".join(one.id for one in cited)
            return f"{apart.text} {match[1]} does not follow from {ids}" if apart else f"{ids} has another order"
    return None


def logged(piece: str, other: str, cited: Sequence[Exhibit]) -> list[Moment]:
    """When the lines of a log began whose words a piece of a sentence has, and the other piece has not."""
    words, alerts = content_words(piece) - content_words(other), _kind(piece) is None
    told = [
        (line, line.reading.moments)
        for one in cited
        for line in one.lines
        if _PATTERN.match(line.text) or (alerts and line.event is Event.ALERT)
    ]
    shared = [
        (len(words) - len(unlike(words, content_words(line.text.split("×", 1)[-1]))), moments)
        for line, moments in told
        if moments
    ]
    most = max((number for number, _ in shared), default=0)
    # The first time is when it began, the second when it ended; others stand in what is said.
    best = [one for number, moments in shared if number == most for one in (moments[0], *moments[2:])]
    return best if most and len(best) < _AMBIGUOUS and not _ENDED_ITSELF.search(piece) else []


def _piece_before(text: str, end: int) -> str:
    """What stands before in the same sentence, without what an earlier ``before`` or ``after`` opened."""
    start = max((match.end() for match in _SENTENCE.finditer(text, 0, end)), default=0)
    return text[start:end]


def _names_alert(text: str, cited: Sequence[Exhibit]) -> bool:
    words = {word.casefold() for word in _ALERT_NAME.findall(text)}
    return any(alert_of(line) in words for one in cited for line in one.lines if line.event is Event.ALERT)


def _unnamed(text: str) -> str:
    """Without names that have a hyphen: ``product-page`` pages nobody."""
    for name in hyphened(text):
        text = text.replace(name, " ")
    return text


def _tells(text: str) -> bool:
    """Whether a piece tells what kind of event it speaks of, or of an end."""
    return any(words.search(_unnamed(text)) for words in (_ENDED, *_KINDS.values()))


def _kind(text: str) -> Event | None:
    """What kind of event a piece of a sentence speaks of; None when of none or of several."""
    text = _unnamed(text)
    if _ENDED.search(text):
        return None
    kinds = [kind for kind, words in _KINDS.items() if words.search(text)]
    if len(kinds) > 1 and kinds[-1] is Event.START:  # the start of a deploy, of an alert
        kinds.pop()
    return kinds[0] if len(kinds) == 1 else None


def _moments(
    text: str,
    kind: Event | None,
    like: Event | None,
    *,
    cited: Sequence[Exhibit],
    known: frozenset[tuple[str, str]],
    asked_at: datetime,
) -> list[Moment]:
    """When what a piece of a sentence speaks of happened: the first times of the lines that tell it.

    A piece that does not tell its kind is ``like`` the other one where that has such an event of what it names
    (``was deployed before checkout``), else the start of something (``before the storm``).
    """
    reading = read(text, asked_at)
    names = {name.casefold() for name in reading.names} | named_in(text, reading, known)
    lines = [line for one in cited for line in one.lines if line.reading.moments]
    if kind is None and like is not None and not _tells(text):
        bare = not content_words(reading.rest) - {part for name in names for part in content_words(name)}
        alike = bare and any(line.event is like and any(line.names(name) for name in names) for line in lines)
        kind = like if alike else Event.START
    lines = [line for line in lines if line.event is kind]
    state = _STATE.search(text)
    if state and kind is Event.ALERT:
        lines = [line for line in lines if line.state == state[1].lower()]
    own = [line for line in lines if any(line.names(name) for name in names)]
    if not own and names and kind is not Event.START:
        return []
    stated = [line.reading.moments[0] for line in own or lines]
    return [one for one in stated if any(one.meets(other) for other in reading.moments)] or stated


def _amount(reading: Reading, end: int) -> Quantity | None:
    """The time that is stated right before ``before`` or ``after``."""
    near = (one for one in reading.quantities if one.dimension is Dimension.SECONDS and one.end <= end)
    last = max(near, key=lambda one: one.end, default=None)
    return last if last and not reading.rest[last.end : end].strip() else None


def _follows(one: Moment, other: Moment, apart: Quantity | None) -> bool:
    """Whether ``other`` came after ``one``, and by as much as stated."""
    seconds = (other.time - one.time).total_seconds()
    slack = max(one.before, other.before).total_seconds()
    if apart is None:
        return seconds >= (
            0 if one.before == other.before else -slack
        )  # of one clock: what is written later came later
    return apart.low - slack <= seconds <= apart.high + slack
