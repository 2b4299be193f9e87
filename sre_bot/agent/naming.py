"""The names and words of a claim: names must occur and belong to what it says, words be of what it cites. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sre_bot.agent.claims import content_words, hyphened, is_common, unlike
from sre_bot.agent.lines import Event, is_name
from sre_bot.agent.quantities import Dimension
from sre_bot.agent.scope import named_in
from sre_bot.signals.words import stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sre_bot.agent.claims import Reading
    from sre_bot.agent.exhibits import Exhibit
    from sre_bot.agent.lines import Line
    from sre_bot.agent.scope import Scope

_PERSON = re.compile(r"\b[A-ZÀ-Þ][a-zß-ÿ]{1,30}(?:[ -][A-ZÀ-Þ][a-zß-ÿ]{1,30}){1,3}\b")
_TEAMS = re.compile(r"\bteam[ =:\"]{1,3}([\w-]+)")
_TEAM = re.compile(r"\b[Tt]eam ([A-Z][\w-]+)")
_QUOTE = re.compile(r"[\"“]([^\"”]{3,300})[\"”]|`([^`]{3,300})`")
_SENTENCE_START = re.compile(r"(?:^|[.:] )[\"“(]?$")
_ROLLED_OUT = re.compile(
    r"\b(?:re)?deploy\w*|\broll(?:ed|s)?[ -]?out|\bshipped\b|\brelease[ds]?\b|\bwent (?:out|live)\b", re.IGNORECASE
)
_CONSEQUENCE = re.compile(
    r"\b(?:since|after|before|because|caus\w+|broke|made (?!by)|fail\w*|error\w*|began|onset|while)\b", re.IGNORECASE
)
_NONE = re.compile(r"\b(?:no|not|none|never|nothing|neither|nor|without)\b|n't\b", re.IGNORECASE)
_COMMIT_LINE = re.compile(r"\s{0,8}- [0-9a-f]{7,40} ")
_FEWEST = 2
"""Words that a quotation has at least to be looked for."""
_UNLIKE = 0.25
"""The share of the words of a quotation that the evidence may lack; of a command in backticks, none."""


_COMPOUND = 2
"""So many parts may a word of English have."""
STRANGE = 0.6
"""The share of the words of a claim that its evidence may lack."""

_TOPICS = {
    "memory": "memory rss heap oom leak byte mib gib resident",
    "errors": "error fail failure failing worse exception refused panic crash",
    "latency": "latency slow slower duration quantile percentile answer seconds ms delay",
    "traffic": "traffic request load surge demand rps",
    "changes": "deploy release commit change rollout rolled merge diff version",
    "certificates": "certificate cert tls ssl expiry expire expired",
    "disk": "disk filesystem volume space",
    "queue": "queue lag backlog kafka consumer topic offset partition message producer",
    "pool": "pool connection exhausted saturation limit",
    "alerts": "alert firing fire page silenced",
    "cpu": "cpu throttled throttling core",
    "settings": "timeout retry setting config configuration threshold",
    "network": "dns network packet resolver",
    "cache": "cache hit miss",
    "shares": "share ratio percentage",
    "up": "up down restart restarted scrape",
}
_FAILING = re.compile(r"=~?\\?\"?[45](?:\.\.|\d\d|xx)")
_TOPIC_OF = {stem(word): topic for topic, words in _TOPICS.items() for word in words.split()}


def wrong_name(text: str, reading: Reading, cited: Sequence[Exhibit], known: frozenset[tuple[str, str]]) -> str | None:
    """The first name that the cited evidence lacks, or has with something else; None when there is none."""
    ids = ", ".join(exhibit.id for exhibit in cited)
    people = list(_people(text))
    everything = "\n".join(exhibit.everything for exhibit in cited)
    for name in (*reading.names, *(words for words, _ in people)):
        folded = name.casefold().removeprefix("not") if name.startswith("Not") else name.casefold()
        if folded not in everything and not _is_spoken_of(name, dict(people).get(name), everything):
            return f"{name} does not occur in {ids}"
    subjects = named_in(text, reading, known) | _invented(text, everything, cited)
    absent = next((one for one in sorted(subjects) if _is_absent(one, everything)), None)
    if absent and not _NONE.search(text) and not any(one.everything.startswith("search_code") for one in cited):
        return f"{absent} does not occur in {ids}"
    teams = _TEAMS.findall(everything) or [everything]
    team = next((one for one in _TEAM.findall(text) if not any(one.casefold() in told for told in teams)), None)
    if team:
        return f"team {team} does not occur in {ids}"
    unheard = next((match for match in _QUOTE.finditer(text) if not _is_quoted(match, cited)), None)
    if unheard is not None:
        return f"{unheard[0]} does not occur in {ids}"
    return _in_other_company(text, reading, [words for words, _ in people], cited, known)


def _invented(text: str, everything: str, cited: Sequence[Exhibit]) -> frozenset[str]:
    """Words with hyphens that are like names in the evidence, or longer or with a digit, as no word of English is."""
    held = {part for name in hyphened(everything) for part in name.split("-")}
    held |= {subject for exhibit in cited for subject in exhibit.subjects}
    return frozenset(
        one
        for one in hyphened(text.replace("`", " "))
        if len(parts := one.split("-")) > _COMPOUND or any(part in held or part.isdigit() for part in parts)
    )


def _is_absent(subject: str, everything: str) -> bool:
    if subject in everything or subject.replace("-", "_") in everything:  # a metric's name has no hyphens
        return False
    return is_name(subject) and not subject.isdigit() and subject[0] != "/"


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


def _in_other_company(
    text: str, reading: Reading, people: list[str], cited: Sequence[Exhibit], known: frozenset[tuple[str, str]]
) -> str | None:
    """Who or what is told of the deploy of one thing, but stands only with that of another."""
    if _CONSEQUENCE.search(text):
        return None
    lines = [line for one in cited for line in one.lines]
    for person in people:
        if _did_other(text, person, lines):
            return f"{person} does not stand with it in {', '.join(one.id for one in cited)}"
    if not _ROLLED_OUT.search(text):
        return None
    deployed = {value for line in lines if line.event is Event.DEPLOY for _, value in line.labels}
    subjects = {name for name in named_in(text, reading, known) if is_name(name) and name in deployed}
    for name in (*(one.casefold() for one in reading.names), *(one.casefold() for one in people)):
        with_it = [line for line in lines if line.labels and name in line.folded]
        if subjects and with_it and not any(line.names(one) for line in with_it for one in subjects):
            return f"{name} does not stand with {', '.join(sorted(subjects))} in {', '.join(one.id for one in cited)}"
    if len(subjects) == 1 and _did_other(text, next(iter(subjects)), lines, least=2):
        return f"{next(iter(subjects))} does not stand with it in {', '.join(one.id for one in cited)}"
    return None


def _did_other(text: str, name: str, lines: Sequence[Line], least: int = 1) -> bool:
    """Whether the words of a claim are those of changes, but of none that stands with the name."""
    folded = name.casefold()
    changes = [line for line in lines if line.event is Event.DEPLOY or _COMMIT_LINE.match(line.text)]
    own = [line for line in changes if folded in line.folded or folded in line.subjects]
    words = content_words(text) - content_words(name)
    held = frozenset[str]().union(*(content_words(line.text) for line in own))
    others = frozenset[str]().union(*(content_words(line.text) for line in changes if line not in own))
    strange = unlike(words, held)
    return bool(own) and len(strange - unlike(strange, others)) >= least


def unrelated(text: str, reading: Reading, scope: Scope) -> str | None:
    """Most words of a claim must have their kin, or their topic, in its evidence; any, where it states a value."""
    held = frozenset[str]().union(*(exhibit.words for exhibit in scope.exhibits))
    words = content_words(_without(text, reading))
    there = _topics(held) | _measured(scope)
    strange = {word for word in unlike(words, held) if _TOPIC_OF.get(word) not in there}
    checked = len(reading.quantities) + len(reading.moments) + len(reading.names)
    if (checked == 1 and len(strange) > 2 and strange == words) or (  # noqa: PLR2004 -- fewer may be a turn of phrase
        not checked and len(strange) > max(1, STRANGE * len(words))
    ):
        return f"{scope.ids} says nothing about it"
    return None


def _without(text: str, reading: Reading) -> str:
    """The text without its quantities."""
    for one in reversed([one for one in reading.quantities if one.dimension is not Dimension.PLAIN]):
        text = f"{text[: one.start]} {text[one.end :]}"
    return text


def _topics(words: Iterable[str]) -> set[str]:
    return {_TOPIC_OF[word] for word in words if word in _TOPIC_OF}


def _measured(scope: Scope) -> set[str]:
    """Topics that units tell, and the matchers of a query: answers of status 4xx and 5xx are errors."""
    dimensions = {one.dimension for line in scope.lines for one in line.reading.quantities}
    told = {"latency"} if dimensions == {Dimension.SECONDS} else set()
    return told | ({"errors"} if any(_FAILING.search(one.everything) for one in scope.exhibits) else set())
