"""Where nothing else says where it begins, the service that stands out is told, as a hint."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sre_bot.agent.verify import verify
from sre_bot.first_look.account import give_account
from sre_bot.investigation import Answer, Question
from sre_bot.signals.metric_table import MetricTable
from sre_bot.signals.ranking import Movement, Ranking, Situation, Suspect, rank
from tests.first_look.scenes import AT, ONSET, TIMES, Scene, level, shop, words

if TYPE_CHECKING:
    from sre_bot.first_look.seen import Seen

SERVICES = ("cart", "search", "stock", "mail")


def ranked(moved: float = 900.0) -> Ranking:
    """Four services, of which the memory and the calls of the stock move."""
    keys = tuple((service, metric) for service in SERVICES for metric in ("heap_bytes", "calls_per_second", "colour"))
    rows = [
        level(100, moved if key in {("stock", "heap_bytes"), ("stock", "calls_per_second")} else 100) for key in keys
    ]
    return rank(Situation(MetricTable(TIMES, keys, np.array(rows)), ONSET.timestamp()))


async def alerted(ranking: Ranking | None) -> Seen:
    """An alert of no service, and nothing else."""
    return replace(await Scene().fires("TooManyComplaints", None).seen(), ranking=ranking)


def account(seen: Seen) -> Answer:
    return give_account(Question("what is going on?", AT), seen)


def hints(answer: Answer) -> list[str]:
    return [claim.text for claim in answer.report.what if "Most unusual" in claim.text]


async def test_it_is_told_with_what_moved_from_what_to_what_and_the_verifier_leaves_it() -> None:
    answer = account(await alerted(ranked()))
    (hint,) = hints(answer)
    assert hint.startswith("Most unusual, though nothing says that it begins there: stock (")
    assert re.search(r"heap_bytes [\d.]+ B → [89]\d\d B since 11:50", hint)
    assert "colour" not in hint
    assert verify(answer.report, answer.evidence, AT) == answer.report
    (claim,) = [claim for claim in answer.report.what if claim.text == hint]
    (shown,) = [one for one in answer.evidence if one.id in claim.evidence]
    assert "heap_bytes" in str(shown.arguments["query"])
    assert shown.observation.summary.startswith("most unusual of 4 services: stock (")


async def test_a_hint_blames_nobody() -> None:
    answer = account(await alerted(ranked()))
    assert not answer.report.hypotheses
    assert answer.report.remediation is None


@pytest.mark.parametrize("ranking", [None, ranked(100.0)])
async def test_nobody_is_told_where_nobody_stands_out(ranking: Ranking | None) -> None:
    assert not hints(account(await alerted(ranking)))


async def test_of_two_services_neither_stands_out() -> None:
    two = ranked()
    assert not hints(account(await alerted(replace(two, suspects=two.suspects[:2]))))


async def test_without_an_alert_nobody_is_told() -> None:
    assert not hints(account(replace(await Scene().seen(), ranking=ranked())))


async def test_where_it_is_known_where_it_begins_nothing_changes() -> None:
    seen = await shop().service("search", failing=level(0, 0.3)).fires("Failing", "search").seen()
    assert words(account(replace(seen, ranking=ranked()))) == words(account(seen))


async def test_what_is_gone_and_what_was_never_seen_is_told_so() -> None:
    stopped = Movement("stock", "heap_bytes", 2.0, ONSET.timestamp(), 1024.0, math.nan)
    new = Movement("stock", "errors_total", 1.0, None, math.nan, 3.0)
    ranking = Ranking((Suspect("stock", 3.0, (stopped, new)), *ranked().suspects[1:]), (stopped, new), 0.9)
    (hint,) = hints(account(await alerted(ranking)))
    assert "heap_bytes 1 KiB → none since 11:50" in hint
    assert "errors_total none → 3/s" in hint
