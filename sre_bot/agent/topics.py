"""Whether evidence speaks of what a claim without numbers, times and names speaks of. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words
from sre_bot.agent.quantities import Dimension
from sre_bot.signals.words import stem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.scope import Scope

_ALIKE = 4
"""Words that share so many first letters are taken for the same."""

_TOPICS = {
    "memory": "memory rss heap oom leak byte mib gib resident",
    "errors": "error fail failure failing worse exception refused panic crash",
    "latency": "latency slow slower duration quantile percentile answer seconds ms delay",
    "traffic": "traffic request load surge demand rps",
    "changes": "deploy release commit change rollout rolled merge diff version",
    "certificates": "certificate cert tls ssl expiry expire expired",
    "disk": "disk filesystem volume space",
    "queue": "queue lag backlog kafka consumer",
    "pool": "pool connection exhausted saturation limit",
    "alerts": "alert firing fire page silenced",
    "cpu": "cpu throttled throttling core",
    "settings": "timeout retry setting config configuration threshold",
    "network": "dns network packet resolver",
    "up": "up down restart restarted scrape",
}
_FAILING = re.compile(r"=~?\\?\"?[45](?:\.\.|\d\d|xx)")
_TOPIC_OF = {stem(word): topic for topic, words in _TOPICS.items() for word in words.split()}


def unrelated(text: str, reading: Reading, scope: Scope, subjects: frozenset[str]) -> str | None:
    """A claim without anything to check must at least share a word or a topic with its evidence, subjects aside."""
    if reading.quantities or reading.moments or reading.names:
        return None
    words = content_words(text) - {part for subject in subjects for part in content_words(subject)}
    held = frozenset[str]().union(*(exhibit.words for exhibit in scope.exhibits))
    topics, there = _topics(words), _topics(held) | _measured(scope)
    starts = {word[:_ALIKE] for word in held if len(word) >= _ALIKE}
    shared = words & held or {word for word in words if len(word) >= _ALIKE and word[:_ALIKE] in starts}
    if shared or topics & there or (not topics and len(words) < 3):  # noqa: PLR2004 -- so few words may be any topic's
        return None
    return f"{scope.ids} says nothing about it"


def _topics(words: Iterable[str]) -> set[str]:
    return {_TOPIC_OF[word] for word in words if word in _TOPIC_OF}


def _measured(scope: Scope) -> set[str]:
    """Topics that units tell, and the matchers of a query: answers of status 4xx and 5xx are errors."""
    dimensions = {one.dimension for line in scope.lines for one in line.reading.quantities}
    told = {"latency"} if dimensions == {Dimension.SECONDS} else set()
    return told | ({"errors"} if any(_FAILING.search(one.everything) for one in scope.exhibits) else set())
