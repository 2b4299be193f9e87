"""The names a claim gives: identifiers, people and words in quotes must occur, and belong to what it says. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words, is_common
from sre_bot.agent.lines import Event, is_name
from sre_bot.agent.scope import named_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.exhibits import Exhibit

_PERSON = re.compile(r"\b[A-ZÀ-Þ][a-zß-ÿ]{1,30}(?:[ -][A-ZÀ-Þ][a-zß-ÿ]{1,30}){1,3}\b")
_QUOTE = re.compile(r"[\"“]([^\"”]{3,300})[\"”]|`([^`]{3,300})`")
_SENTENCE_START = re.compile(r"(?:^|[.:] )[\"“(]?$")
_ROLLED_OUT = re.compile(
    r"\b(?:re)?deploy\w*|\broll(?:ed|s)?[ -]?out|\bshipped\b|\brelease[ds]?\b|\bwent (?:out|live)\b", re.IGNORECASE
)
_CONSEQUENCE = re.compile(
    r"\b(?:since|after|before|because|caus\w+|broke|made (?!by)|fail\w*|error\w*|began|onset|while)\b", re.IGNORECASE
)
_SHA = re.compile(r"[0-9a-f]{7,40}")
_FILES = re.compile(r"\[[^\]]*[/.][^\]]*\]$")
_FEWEST = 2
"""Words that a quotation has at least to be looked for."""
_UNLIKE = 0.25
"""The share of the words of a quotation that the evidence may lack; of a command in backticks, none."""


def wrong_name(text: str, reading: Reading, cited: Sequence[Exhibit], known: frozenset[tuple[str, str]]) -> str | None:
    """The first name that the cited evidence lacks, or has with something else; None when there is none."""
    ids = ", ".join(exhibit.id for exhibit in cited)
    people = list(_people(text))
    everything = "\n".join(exhibit.everything for exhibit in cited)
    for name in (*reading.names, *(words for words, _ in people)):
        if name.casefold() not in everything and not _is_spoken_of(name, dict(people).get(name), everything):
            return f"{name} does not occur in {ids}"
    unheard = next((match for match in _QUOTE.finditer(text) if not _is_quoted(match, cited)), None)
    if unheard is not None:
        return f"{unheard[0]} does not occur in {ids}"
    return _in_other_commit(reading, cited) or _in_other_company(
        text, reading, [words for words, _ in people], cited, known
    )


def _people(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of capitalised words, and whether one opens a sentence, where the first word may be any."""
    for match in _PERSON.finditer(text):
        words = match[0].split(" ")
        while words and is_common(words[0].lower()):
            words.pop(0)
        if len(words) > 1:
            yield " ".join(words), bool(_SENTENCE_START.search(text, 0, match.start()))


def _is_spoken_of(name: str, opens: bool | None, everything: str) -> bool:  # noqa: FBT001 -- None: no person's name
    """Whether a person's last name occurs; any of the words when they open a sentence."""
    words = name.casefold().split(" ")
    return opens is not None and any(word in everything for word in (words if opens else words[-1:]))


def _is_quoted(quote: re.Match[str], cited: Sequence[Exhibit]) -> bool:
    words = content_words(quote[1] or quote[2])
    held = frozenset[str]().union(*(exhibit.words for exhibit in cited))
    return len(words) < _FEWEST or len(words - held) <= (_UNLIKE * len(words) if quote[1] else 0)


def _in_other_commit(reading: Reading, cited: Sequence[Exhibit]) -> str | None:
    """A file that a commit does not touch, by the files that a list of commits tells of it."""
    shas = [name.casefold() for name in reading.names if _SHA.fullmatch(name)]
    files = [name.casefold() for name in reading.names if "/" in name and ":" not in name]
    listed = [
        line for one in cited for line in one.lines if (found := _FILES.search(line.folded)) and "more" not in found[0]
    ]
    for sha in shas:
        of_it = [line for line in listed if line.names(sha)]
        for file in files if of_it and len(shas) == 1 else ():
            elsewhere = any(file in line.folded for line in listed)
            if elsewhere and not any(file in line.folded for line in of_it):
                return f"{file} is not of {sha} in {', '.join(one.id for one in cited)}"
    return None


def _in_other_company(
    text: str, reading: Reading, people: list[str], cited: Sequence[Exhibit], known: frozenset[tuple[str, str]]
) -> str | None:
    """Who or what is told of the deploy of one thing, but stands only with that of another."""
    if not _ROLLED_OUT.search(text) or _CONSEQUENCE.search(text):
        return None
    lines = [line for one in cited for line in one.lines]
    deployed = {value for line in lines if line.event is Event.DEPLOY for _, value in line.labels}
    subjects = {name for name in named_in(text, reading, known) if is_name(name) and name in deployed}
    for name in (*(one.casefold() for one in reading.names), *(one.casefold() for one in people)):
        with_it = [line for line in lines if line.labels and name in line.folded]
        if subjects and with_it and not any(line.names(one) for line in with_it for one in subjects):
            return f"{name} does not stand with {', '.join(sorted(subjects))} in {', '.join(one.id for one in cited)}"
    return None
