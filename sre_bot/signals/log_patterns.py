"""Many log lines as a few patterns: what is said how often, since when, and whether it was said before.

Lines are grouped by the Drain algorithm (He, Zhu, Zheng and Lyu: "Drain: an online log parsing approach with fixed
depth tree", ICWS 2017), after what varies by nature (numbers, ids, addresses) has been masked. What turns out not to
vary within a pattern is put back, so that a template shows the status code or the host that all its lines share.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sre_bot.incident import LogLevel

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from datetime import datetime

    from sre_bot.incident import LogLine

WILDCARD = "<*>"
MAX_TOKENS, MAX_CHARACTERS = 40, 2_000
"""So much of a message tells its pattern."""
MAX_PATTERNS = 100
"""So many patterns of messages of one length are told apart."""
MAX_VALUES = 20
"""So many different values of a place are kept, to show some and to say whether there are more."""
SIMILARITY = 0.5
"""Share of equal words from which two messages of equal length are one pattern; Drain's ``st``, 0.3 to 0.5 there."""
GROWN, GROWN_BY = 1.5, 3
"""A pattern has grown when there are so many times as many lines as before, and so many lines more."""

BAD = frozenset({LogLevel.FATAL, LogLevel.ERROR, LogLevel.WARNING})

# A leading timestamp tells nothing of the pattern. One alternative each, without nested repetition: linear in time.
_LEADING_TIME = re.compile(r"\s*\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?\]?\s*")
_VARYING = re.compile(
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # UUID
    r"|\b0x[0-9a-fA-F]+\b"
    r"|\b(?=[a-fA-F]{0,40}[0-9])[0-9a-fA-F]{8,64}\b"  # trace ids, hashes
    r"|(?<![\w.])[+-]?\d[\d.,:]*(?:[a-zA-Zµ%]{1,3}\b)?"  # numbers, addresses, times of day; with a unit
    r"|(?<=[a-zA-Z_-])\d{2,}"  # worker-17, pod_0042
)


@dataclass(frozen=True, slots=True)
class LogPattern:
    """Lines that say the same.

    ``count`` lines are in the window and ``before`` in the one before it. ``first`` and ``last`` are the times of its
    lines in the window (of those before it, when ``count`` is 0). ``values`` are, for each ``<*>`` of the template in
    order, some of what stood there. ``services`` are those that said it, most often first. ``lines`` are all its lines,
    those of before too, in order of time.
    """

    template: str
    values: tuple[tuple[str, ...], ...]
    level: LogLevel
    count: int
    before: int
    first: datetime
    last: datetime
    services: tuple[str, ...]
    example: LogLine
    lines: tuple[LogLine, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_bad(self) -> bool:
        """Whether its lines are warnings or worse."""
        return self.level in BAD

    @property
    def is_new(self) -> bool:
        """Whether it was not said before."""
        return self.before == 0

    @property
    def has_grown(self) -> bool:
        """Whether it is new or said clearly more often than before."""
        return self.is_new or (self.count >= GROWN * self.before and self.count - self.before >= GROWN_BY)


@dataclass(slots=True)
class _Group:
    """The lines of a pattern while they are gathered."""

    now: list[LogLine] = field(default_factory=list)
    before: list[LogLine] = field(default_factory=list)
    seen: list[dict[str, None]] = field(default_factory=list)
    """For each place of the template, the different words that stood there, at most MAX_VALUES."""

    def note(self, words: Sequence[str]) -> None:
        """Remember the words of a line."""
        if not self.seen:
            self.seen = [{} for _ in words]
        for place, word in zip(self.seen, words, strict=True):
            if len(place) < MAX_VALUES:
                place[word] = None


def find_patterns(lines: Iterable[LogLine], before: Iterable[LogLine]) -> tuple[LogPattern, ...]:
    """The patterns of a window's lines and of those of the window before it, most alarming first.

    New and grown bad ones (warnings and worse) come first, then other bad ones, then what else is new, has grown, or
    was said before only. The order of lines does not matter.
    """
    patterns = [_pattern(template, group) for template, group in _groups(lines, before)]
    return tuple(sorted(patterns, key=_alarm))


def first_bad(patterns: Iterable[LogPattern]) -> LogPattern | None:
    """The new pattern of errors that appeared first; of warnings when there are no new errors; or None."""
    new = [pattern for pattern in patterns if pattern.is_new and pattern.is_bad]
    errors = [pattern for pattern in new if pattern.level is not LogLevel.WARNING]
    return min(errors or new, key=lambda pattern: pattern.first, default=None)


def _alarm(pattern: LogPattern) -> tuple[int, int, int, str]:
    """The most alarming is the smallest."""
    if pattern.is_bad and pattern.count:
        stage = 0 if pattern.has_grown else 1
    else:
        stage = 2 if pattern.has_grown or not pattern.count else 3
    return stage, pattern.level.rank, -max(pattern.count, pattern.before), pattern.template


def _groups(lines: Iterable[LogLine], before: Iterable[LogLine]) -> Iterator[tuple[Sequence[str], _Group]]:
    """Each pattern's template, as words, and its lines."""
    miner = _Miner()
    groups: dict[Hashable, _Group] = defaultdict(_Group)
    earlier = ((line, False) for line in sorted(before, key=_time))
    for line, is_now in (*earlier, *((line, True) for line in sorted(lines, key=_time))):
        words = _words(line.message)
        group = groups[miner.add([_masked(word) for word in words], line.level)]
        group.note(words)
        (group.now if is_now else group.before).append(line)
    for key, group in groups.items():
        yield miner.template(key) or [WILDCARD] * len(group.seen), group


class _Miner:
    """Drain, bounded: its time grows with the square of the patterns of one length, which a flood can make many.

    Once a length has MAX_PATTERNS of them, what fits none is put together by its level, as "other".
    """

    def __init__(self) -> None:
        from drain3.drain import Drain  # noqa: PLC0415 - takes 0.1 s, which only searching logs shall cost

        self._drain = Drain(sim_th=SIMILARITY, param_str=WILDCARD, parametrize_numeric_tokens=False)
        self._known: dict[tuple[str, ...], Hashable] = {}
        self._patterns: Counter[int] = Counter()

    def add(self, words: list[str], level: LogLevel) -> Hashable:
        """The pattern's key."""
        key = self._known.get(text := tuple(words))
        if key is None:
            key = self._known[text] = self._place(words, level)
        return key

    def _place(self, words: list[str], level: LogLevel) -> Hashable:
        length, drain = len(words), self._drain
        full = self._patterns[length] >= MAX_PATTERNS
        if full and drain.tree_search(drain.root_node, words, SIMILARITY, include_params=False) is None:
            return length, level
        cluster, what_happened = drain.add_log_message(" ".join(words))
        self._patterns[length] += what_happened == "cluster_created"
        return cluster.cluster_id

    def template(self, key: Hashable) -> Sequence[str] | None:
        """The words of a pattern, or None for "other"."""
        cluster = self._drain.id_to_cluster.get(key) if isinstance(key, int) else None
        return cluster.log_template_tokens if cluster else None


def _time(line: LogLine) -> datetime:
    return line.time


def _words(message: str) -> list[str]:
    return telling(message[:MAX_CHARACTERS]).split()[:MAX_TOKENS]


def telling(message: str) -> str:
    """The line of a message that tells what it is about: the first, or the last of a Python traceback."""
    lines = [line for line in message.splitlines() if line.strip()] or [""]
    line = lines[-1] if lines[0].startswith("Traceback ") else lines[0]
    return _LEADING_TIME.sub("", line, count=1) if _LEADING_TIME.match(line) else line


def _masked(word: str) -> str:
    return _VARYING.sub(WILDCARD, word) if any(map(str.isdigit, word)) else word


def _pattern(template: Sequence[str], group: _Group) -> LogPattern:
    words, values = [], []
    for word, seen in zip(template, group.seen, strict=True):
        varies = len(seen) > 1
        words.append(word if varies else next(iter(seen)))
        if varies and WILDCARD in word:
            values.append(tuple(_value(one, word) for one in seen))
    lines = group.now or group.before
    times = [line.time for line in lines]
    worst = min(lines, key=lambda line: line.level.rank)
    return LogPattern(
        template=" ".join(words),
        values=tuple(values),
        level=worst.level,
        count=len(group.now),
        before=len(group.before),
        first=min(times),
        last=max(times),
        services=tuple(name for name, _ in Counter(line.service for line in lines).most_common() if name),
        example=worst,
        lines=(*group.before, *group.now),
    )


def _value(word: str, template: str) -> str:
    """What stood in the place of the wildcard: ``3`` of ``partition=3`` for ``partition=<*>``."""
    start, _, end = template.partition(WILDCARD)
    return word[len(start) : len(word) - len(end)] if WILDCARD not in end else word
