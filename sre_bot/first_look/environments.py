"""Which environment a question is about, as people, labels and endpoints spell it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sre_bot.first_look import conventions
from sre_bot.incident import ENVIRONMENT_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sre_bot.investigation import Question

_SPELLINGS = (
    ("production", "prod", "prd", "live"),
    ("staging", "stage", "stg"),
    ("development", "devel", "dev"),
    ("testing", "test", "tst"),
    ("preproduction", "pre-production", "preprod", "pre-prod"),
)
"""Different spellings of one environment."""
_ALIKE = {spelling: spellings[0] for spellings in _SPELLINGS for spelling in spellings}
_PLAIN = ("production", "prod", "staging", "stg", *_SPELLINGS[-1])
"""Words that mean an environment wherever they stand; others do after "in" or "on"."""
_WORD = re.compile(r"(?:\b(in|on)\s+(?:the\s+)?)?(?<![\w.-])(\w[\w-]*)(?![.-]?\w)", re.IGNORECASE)


def alike(one: str, other: str) -> bool:
    """Whether two words mean the same environment (``prod`` and ``Production``)."""
    return plain(one) == plain(other)


def plain(environment: str) -> str:
    """The usual word for it."""
    folded = environment.strip().casefold()
    return _ALIKE.get(folded, folded)


def said_in(question: str, known: Iterable[str]) -> tuple[str, ...]:
    """The environments that the words of a question name: those that are ``known``, and the usual ones."""
    ours = {plain(environment): environment for environment in known}
    found: dict[str, str] = {}
    for after_in, word in _WORD.findall(question):
        usual, folded = plain(word), word.casefold()
        if folded in _PLAIN or (after_in and (folded in _ALIKE or usual in ours)):
            found.setdefault(usual, ours.get(usual, word))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Focus:
    """What a look is about: a service, unless the question names another, and an environment; None = any.

    ``said`` is whether the question's own words name the environment, rather than the channel it was asked in.
    """

    service: str | None = None
    environment: str | None = None
    said: bool = False

    @classmethod
    def of(cls, question: Question, known: Iterable[str]) -> Focus:
        """The words win over the channel; words that name several environments are about all of them."""
        said = said_in(question.text, known)
        if said:
            return cls(question.scope.service, said[0] if len(said) == 1 else None, said=True)
        return cls(question.scope.service, question.scope.environment)

    def has(self, environment: str | None) -> bool:
        """Whether something in this environment is to be looked at; None = it does not tell."""
        return self.environment is None or not environment or alike(environment, self.environment)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The label sets of one environment, and the matchers that leave out the others.

    ``there`` are the environments that labels tell of: some, but without matchers, when the one wanted is not there.
    """

    label_sets: Sequence[Mapping[str, str]]
    matchers: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    found: bool = False


def narrowed(label_sets: Sequence[Mapping[str, str]], environment: str) -> Narrowed:
    """What belongs to an environment, by the first label that tells of it; what tells of none belongs to all."""
    there: tuple[str, ...] = ()
    for label in ENVIRONMENT_LABELS:
        values = {labels[label] for labels in label_sets if labels.get(label)}
        meant = {value for value in values if alike(value, environment)}
        if meant:
            kept = [labels for labels in label_sets if not labels.get(label) or labels[label] in meant]
            pattern = "|".join(["", *sorted(re.escape(value) for value in meant)])
            matchers = (conventions.matcher(label, pattern),) if meant < values else ()
            return Narrowed(kept, matchers, tuple(sorted(values)), found=True)
        there = there or tuple(sorted(values))
    return Narrowed(label_sets, there=there)
