"""Which series are drawn: those that the likeliest cause rests on, few enough for a small picture."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from sre_bot.investigation import Answer, Chart, Claim
from sre_bot.render.finding import MAX_ALT, MAX_PANELS, MAX_SERIES, finding_of
from tests.render import sample_answers as samples
from tests.render.strategies import answers


def citing(*ids: str, answer: Answer = samples.BAD_DEPLOY) -> Answer:
    best = replace(answer.report.hypotheses[0], claim=Claim("checkout and storefront fail", ids))
    return replace(answer, report=replace(answer.report, hypotheses=(best,)))


def drawn(answer: Answer) -> list[tuple[str, list[str]]]:
    found = finding_of(answer)
    return [(panel.title, [line.name for line in panel.lines]) for panel in found.panels] if found else []


def test_the_series_of_the_likeliest_cause_come_first_then_those_of_the_first_claims() -> None:
    assert drawn(citing("E3", "E2")) == [
        ("time to answer, p95", ["checkout"]),
        ("share of requests that fail", ["checkout", "storefront"]),
    ]


def test_there_are_at_most_three_series_those_spoken_of_before_those_that_move_most() -> None:
    assert drawn(citing("E2")) == [
        ("share of requests that fail", ["checkout", "storefront"]),
        ("time to answer, p95", ["checkout"]),
    ]
    lines = (*samples.ERRORS.lines[2:], *samples.ERRORS.lines[:2], *samples.LATENCY.lines)
    crowded = replace(samples.ERRORS, lines=tuple(replace(line, name=f"s{n}") for n, line in enumerate(lines)))
    evidence = (replace(samples.look(1, "metrics", "", charts=(crowded,)), id="E1"),)
    alone = replace(citing("E1"), evidence=evidence)
    assert drawn(alone) == [("share of requests that fail", ["s1", "s2", "s3"])]


def test_nothing_is_drawn_where_nothing_cited_has_points() -> None:
    assert finding_of(samples.DONT_KNOW) is None
    empty = Chart("nothing", "", (replace(samples.LATENCY.lines[0], values=(None, float("nan"), 1e300)),))
    hollow = (samples.look(1, "metrics", "", charts=(empty,)),)
    assert finding_of(replace(samples.OUTAGE_ELSEWHERE, evidence=hollow)) is None


def test_a_flat_line_is_drawn_only_against_the_threshold_of_an_alert() -> None:
    line = samples.LATENCY.lines[0]
    flat = Chart("requests", "requests/s", (replace(line, values=(0.0,) * len(line.times)),))
    nothing = replace(citing("E1"), evidence=(samples.look(1, "metrics", "", charts=(flat,)),))
    assert finding_of(nothing) is None
    held = replace(flat, threshold=1.0)
    assert finding_of(replace(nothing, evidence=(samples.look(1, "metrics", "", charts=(held,)),))) is not None


def test_the_words_for_it_tell_courses_onset_and_marks() -> None:
    found = finding_of(samples.BAD_DEPLOY)
    assert found is not None
    assert found.title == "checkout: very likely change 3f2a91c7d0 (82\N{NO-BREAK SPACE}%)"
    assert found.alt == (
        "Chart of share of requests that fail: checkout from 0.2 % to 33 %, storefront from 0.1 % to 23.4 %; and of "
        "time to answer, p95: checkout from 120 ms to 2.02 s. It began at 03:02:15 UTC. "
        "Marked: deploy 3f2a91c7, onset."
    )


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(answers)
def test_of_any_answer_there_is_little_to_draw_and_words_for_it(answer: Answer) -> None:
    found = finding_of(answer)
    if found is not None:
        assert 1 <= len(found.panels) <= MAX_PANELS
        assert 1 <= sum(len(panel.lines) for panel in found.panels) <= MAX_SERIES
        assert 1 <= len(found.alt) <= MAX_ALT
