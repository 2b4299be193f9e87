"""What is wrong with nodes, pods, disks and certificates, as evidence and as a line of the report. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sre_bot.first_look.conditions import ConditionKind
from sre_bot.first_look.phrases import EXACT_S
from sre_bot.investigation import Claim, Link, Observation
from sre_bot.tools.text import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sre_bot.first_look.conditions import Condition
    from sre_bot.first_look.exhibits import Case
    from sre_bot.first_look.seen import Seen

MAX_TOLD, MAX_LINES, MAX_LINKS = 3, 16, 3


def of_footing(seen: Seen) -> Observation | None:
    """All conditions, what stops a service outright first, as evidence; None when there are none."""
    if not seen.conditions:
        return None
    ordered = sorted(seen.conditions, key=_gravity)
    lines = [f"{_told(one, seen.at)} ({one.metric})" for one in ordered[:MAX_LINES]]
    left = len(ordered) - MAX_LINES
    rest = [f"… and {left} more"] if left > 0 else []
    summary = "; ".join(_told(one, seen.at) for one in ordered[:MAX_TOLD])
    urls = {one.metric: url for one in ordered if (url := seen.graph_urls.get((one.place, one.promql)))}
    links = tuple(Link(metric, url) for metric, url in list(urls.items())[:MAX_LINKS])
    return Observation(summary, "\n".join([*lines, *rest]), links=links)


def footing(case: Case) -> Iterator[Claim]:
    """What began within the time looked at and holds; what was so all the while has not made it fail now."""
    new = [one for one in case.seen.conditions if one.since is not None]
    near = {*case.found.trail.services, *case.found.asked}
    new.sort(key=lambda one: (one.service not in near and one.service is not None, *_gravity(one)))
    if new:
        more = "; and others" if len(new) > MAX_TOLD else ""
        told = "; ".join(_told(one, case.seen.at) for one in new[:MAX_TOLD])
        yield Claim(f"Underneath: {told}{more}.", case.cite("ground"))


def _gravity(condition: Condition) -> tuple[bool, int, float]:
    """What holds comes first, then what stops a service outright, then what began last."""
    since = condition.since.timestamp() if condition.since else 0.0
    return condition.over, list(ConditionKind).index(condition.kind), -since


def _told(condition: Condition, at: datetime) -> str:
    if condition.since is None:
        return f"{condition.said} all the time"
    about = "about " if condition.uncertainty_s > EXACT_S else ""
    over = ", not any more" if condition.over else ""
    return f"{condition.said} since {about}{stamp(condition.since, at)}{over}"
