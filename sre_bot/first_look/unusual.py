"""The most unusual service, as evidence and as a hint where nothing else says where it begins. Pure."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sre_bot.investigation import Claim, Observation
from sre_bot.signals.metric_kinds import may_be_cumulative
from sre_bot.signals.units import format_value, unit_of
from sre_bot.tools.text import quoted, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.first_look.conclusion import Conclusion
    from sre_bot.first_look.exhibits import Case
    from sre_bot.first_look.seen import Seen
    from sre_bot.signals.ranking import Movement, Suspect

LEAST_CONFIDENCE = 0.5
"""A service is named if it is more likely than not the one at fault."""
LEAST_SERVICES = 3
"""Of two services one is always the more unusual."""
CLEARLY = 0.5
"""A metric is told if it moved at least by this share of what the first one did."""
MAX_TOLD, MAX_METRICS, MAX_SERVICES, MAX_NAME = 3, 5, 3, 120


def most_unusual(seen: Seen, found: Conclusion) -> Suspect | None:
    """The one that stands out, where an alert fires and neither calls nor logs nor traces say where it begins."""
    ranking = seen.ranking
    if ranking is None or found.culprit is not None or not seen.firing or len(ranking.suspects) < LEAST_SERVICES:
        return None
    return ranking.suspects[0] if ranking.confidence >= LEAST_CONFIDENCE else None


def of_unusual(seen: Seen, found: Conclusion) -> Observation | None:
    """The most unusual services and what moved in each, as evidence; None when none stands out."""
    first = most_unusual(seen, found)
    if first is None or seen.ranking is None:
        return None
    lines = [
        f"{number}. {_told(suspect, seen.at, MAX_METRICS)}"
        for number, suspect in enumerate(seen.ranking.suspects[:MAX_SERVICES], 1)
    ]
    summary = f"most unusual of {len(seen.ranking.suspects)} services: {_told(first, seen.at, MAX_TOLD)}"
    return Observation(summary, "\n".join(lines))


def query_of_unusual(seen: Seen) -> str:
    """A query that shows what moved in the first of them, whichever label names the service."""
    moved = seen.ranking.suspects[0].movements[:MAX_METRICS] if seen.ranking else ()
    names = "|".join(re.escape(movement.metric) for movement in moved)
    return f"{{__name__=~{json.dumps(names, ensure_ascii=False)}}}"


def unusual(case: Case) -> Iterator[Claim]:
    """Which service stands out, worded as the hint that it is."""
    first = most_unusual(case.seen, case.found)
    if first is not None:
        text = f"Most unusual, though nothing says that it begins there: {_told(first, case.seen.at, MAX_TOLD)}."
        yield Claim(text, case.cite("unusual"))


def _told(suspect: Suspect, at: datetime, most: int) -> str:
    """A service and those of its metrics that moved about as much as the first, from what to what."""
    least = CLEARLY * suspect.movements[0].score
    moved = [_moved(movement, at) for movement in suspect.movements[:most] if movement.score >= least]
    return f"{quoted(suspect.service, MAX_NAME)} ({'; '.join(moved)})"


def _moved(movement: Movement, at: datetime) -> str:
    metric = quoted(movement.metric, MAX_NAME)
    unit = unit_of(metric, rated=may_be_cumulative(metric))
    before, after = (
        "none" if math.isnan(level) else format_value(level, unit) for level in (movement.before, movement.after)
    )
    since = "" if movement.onset is None else f" since {stamp(datetime.fromtimestamp(movement.onset, UTC), at)}"
    return f"{metric} {before} → {after}{since}"
