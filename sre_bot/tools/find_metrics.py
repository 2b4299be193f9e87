"""The tool ``find_metrics``: which metrics there are for a service or a name, with labels, types and units."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sre_bot.errors import BadInputError
from sre_bot.incident import SERVICE_LABELS, TimeWindow, service_of
from sre_bot.investigation import MissingSource, Observation, missing_of
from sre_bot.signals.units import unit_of
from sre_bot.tools.gathering import all_failed, as_missing, gathered, partial, together
from sre_bot.tools.selectors import selector
from sre_bot.tools.several import OneOfSeveral, chosen, source_in
from sre_bot.tools.text import quoted
from sre_bot.tools.tool import Arguments, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sre_bot.signals.series import MetricMetadata
    from sre_bot.tools.metrics import Metrics

SEEN_WITHIN = timedelta(hours=1)
MAX_LABEL_SETS = 5_000
MAX_DESCRIBED, MAX_NAMED = 25, 60
MAX_PLACES = 4
"""So many sources that have a metric are named."""
MAX_VALUES = 5
"""Labels with no more values than this show them."""
LIKE = 0.5
"""How similar (0..1) a service's name must be to be offered first."""
_PART = re.compile(r"_(?:bucket|sum|count)$")
_RUNTIME = re.compile(r"^(?:go|process|python|jvm|promhttp|scrape|nodejs|net_conntrack)_|_created$")
"""Metrics that any process has, or any scrape, and when a client library began to count."""
_IDENTITY = frozenset({"__name__", "le", "quantile"})

DESCRIPTION = (
    "Find metrics by service and/or by words in their names, as of the last hour: type, unit, labels with their "
    "values, number of series. Use it before query_metrics when you do not know the exact names or labels. It gives "
    "no values."
)


class FindArguments(Arguments):
    """Arguments of ``find_metrics``."""

    service: Annotated[str | None, Field(max_length=200)] = None
    name: Annotated[str | None, Field(max_length=200, description="words that the name contains")] = None


class FindArgumentsOfSeveral(FindArguments, OneOfSeveral):
    """The same with a choice; without one all are asked."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric (of a histogram or summary: all its parts), its distinct label sets and, of several sources, whose."""

    name: str
    kind: str
    unit: str
    help: str
    sets: tuple[Mapping[str, str], ...]
    where: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" in {_places(self.where)}" if self.where else ""
        told = ", ".join(part for part in (self.kind, self.unit, f"{len(self.sets)} series{where}") if part)
        about = f" {quoted(self.help, 80)}" if self.help else ""
        return f"{quoted(self.name, 120)} ({told}) {self._labels()}{about}"

    def _labels(self) -> str:
        values = defaultdict[str, set[str]](set)
        for labels in self.sets:
            for label, value in labels.items():
                values[label].add(value)
        return "{" + ", ".join(_label(label, values[label]) for label in sorted(values)) + "}"


@dataclass(frozen=True, slots=True)
class Found:
    """What one source has; ``cut`` is whether it may have more."""

    source: str
    families: tuple[Family, ...]
    cut: bool
    missing: tuple[MissingSource, ...]


def _places(names: Sequence[str]) -> str:
    rest = len(names) - MAX_PLACES
    return " and ".join([*names[:MAX_PLACES], *([f"{rest} more"] if rest > 0 else [])])


def find_metrics(sources: Sequence[Metrics]) -> Tool[FindArguments]:
    """The tool over one Prometheus or several."""

    async def ask(arguments: FindArguments, at: datetime) -> Observation:
        name = source_in(arguments)
        asked = sources if name is None else [chosen(sources, name)]
        words = re.findall(r"[A-Za-z0-9]+", arguments.name or "")
        if not arguments.service and not words:
            raise BadInputError("give a service, or words of a metric's name, or both")
        window = TimeWindow.before(at, SEEN_WITHIN)
        found, errors = await gathered(_find(source, arguments.service, words, window) for source in asked)
        if errors and not found:
            raise all_failed(errors)
        unseen = [as_missing(error) for error in errors]
        unseen += [one for part in found for one in part.missing]
        if any(part.families for part in found):
            content = _listing(_merged(found, several=len(asked) > 1), by_word=bool(words))
        else:
            content = await _nothing(asked, arguments, window)
        if any(part.cut for part in found):
            content += "\nThere are more series than could be read: narrow it by service and words of the name."
        head = content.partition("\n")[0] if any(part.families for part in found) else "no metrics"
        content = "\n".join([content, *partial(unseen)])
        return Observation(f"{_asked(arguments)}: {head}", content, missing=together(unseen))

    kind = FindArguments if len(sources) == 1 else FindArgumentsOfSeveral
    return Tool("find_metrics", DESCRIPTION, kind, ask, tuple(source.name for source in sources))


async def _find(source: Metrics, service: str | None, words: Sequence[str], window: TimeWindow) -> Found:
    """The metrics of a source that are meant. Raises SourceError."""
    sets = await source.label_sets(_selectors(service, max(words, key=len, default=None)), window, MAX_LABEL_SETS)
    wanted = [labels for labels in sets if all(w.lower() in labels.get("__name__", "").lower() for w in words)]
    found = tuple(families(wanted, await source.metadata())) if wanted else ()
    return Found(source.name, found, cut=len(sets) >= MAX_LABEL_SETS, missing=missing_of(sets))


def _merged(found: Sequence[Found], *, several: bool) -> list[Family]:
    """The metrics of all; of several sources, each with those that have it."""
    if not several:
        return [family for part in found for family in part.families]
    by_name: dict[str, list[tuple[str, Family]]] = {}
    for part in found:
        for family in part.families:
            by_name.setdefault(family.name, []).append((part.source, family))
    merged = []
    for having in by_name.values():
        sets = {frozenset(labels.items()) for _, family in having for labels in family.sets}
        distinct = tuple(dict(one) for one in sets)
        merged.append(replace(having[0][1], sets=distinct, where=tuple(source for source, _ in having)))
    return sorted(merged, key=_order)


def families(sets: Iterable[Mapping[str, str]], metadata: Mapping[str, MetricMetadata]) -> list[Family]:
    """Label sets by metric, the parts of a histogram or summary under one; runtime metrics last."""
    grouped = defaultdict[str, set[frozenset[tuple[str, str]]]](set)
    for labels in sets:
        name = labels.get("__name__", "")
        whole = _PART.sub("", name)
        told = metadata.get(whole)
        family = whole if told is not None and told.kind in {"histogram", "summary"} else name
        grouped[family].add(frozenset(item for item in labels.items() if item[0] not in _IDENTITY))
    found = (_family(name, metadata.get(name), tuple(dict(one) for one in sets)) for name, sets in grouped.items())
    return sorted(found, key=_order)


def _order(family: Family) -> tuple[bool, str]:
    return bool(_RUNTIME.search(family.name)), family.name


def _family(name: str, told: MetricMetadata | None, sets: tuple[Mapping[str, str], ...]) -> Family:
    kind = told.kind if told is not None else "type unknown"
    return Family(name, kind, (told.unit if told else "") or unit_of(name), told.help if told else "", sets)


def _selectors(service: str | None, word: str | None) -> list[str]:
    if service is None:
        return [selector({}, word)]
    return [selector({label: service}, word) for label in SERVICE_LABELS]


def _listing(found: Sequence[Family], *, by_word: bool) -> str:
    telling = [family for family in found if by_word or not _RUNTIME.search(family.name)]
    aside = found[len(telling) :]
    lines = [f"{len(found)} found", *(str(family) for family in telling[:MAX_DESCRIBED])]
    if telling[MAX_DESCRIBED:]:
        lines.append(f"and {_named(telling[MAX_DESCRIBED:])}")
    if aside:
        lines.append(f"of the runtime and the scrape, told when you ask for words of the name: {_named(aside)}")
    return "\n".join(lines)


def _named(found: Sequence[Family]) -> str:
    rest = len(found) - MAX_NAMED
    names = ", ".join(quoted(family.name, 120) for family in found[:MAX_NAMED])
    return f"{names} and {rest} more" if rest > 0 else names


def _label(label: str, values: set[str]) -> str:
    """A label and its values when they are few, else how many there are and examples."""
    listed = [quoted(value, 40) for value in sorted(values)]
    if len(listed) <= MAX_VALUES:
        return f"{label}={'|'.join(listed)}"
    return f"{label}={'|'.join(listed[:2])}|… {len(listed)} values"


async def _nothing(sources: Sequence[Metrics], arguments: FindArguments, window: TimeWindow) -> str:
    """What there is instead of the service that was asked for."""
    lines = [f"No metrics for {_asked(arguments)} within the last hour."]
    if arguments.service:
        up = selector({"__name__": "up"})
        found, _ = await gathered(source.label_sets([up], window, MAX_LABEL_SETS) for source in sources)
        services = sorted({service for sets in found for labels in sets if (service := service_of(labels))})
        close = difflib.get_close_matches(arguments.service, services, cutoff=LIKE)
        listed = [quoted(service, 60) for service in dict.fromkeys([*close, *services])]
        lines.append(f"Services that are scraped: {', '.join(listed[:MAX_NAMED]) or 'none'}.")
    return " ".join(lines)


def _asked(arguments: FindArguments) -> str:
    service = [f"service {quoted(arguments.service, 60)}"] if arguments.service else []
    name = [f"names with {quoted(arguments.name, 60)}"] if arguments.name else []
    return ", ".join(service + name)
