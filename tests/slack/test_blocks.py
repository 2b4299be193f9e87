"""Posts: scannable on a phone, complete when opened, harmless whatever the texts, and never refused for their size."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sre_bot.drills.slack_simulator.block_kit import accept
from sre_bot.drills.slack_simulator.block_text import BlockText
from sre_bot.investigation import (
    Answer,
    CauseKind,
    Claim,
    Evidence,
    EvidenceStep,
    Hypothesis,
    Link,
    LookStep,
    MissingSource,
    ModelStep,
    Observation,
    Report,
    Unverified,
    rewritten,
)
from sre_bot.slack.blocks import SINCE_LAST, Post, answer_post, first_look_post, plain_post, status_text
from sre_bot.slack.feedback import with_feedback
from sre_bot.slack.limits import SECTION, problems
from sre_bot.sources.grafana import Explore
from tests.render import further_answers as further
from tests.render import sample_answers as samples
from tests.render.slack_client import dangers
from tests.render.strategies import FRAGMENTS, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sre_bot.investigation import Step

HARMLESS = frozenset(samples.HOSTS)


def lines(blocks: Any) -> list[str]:
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in BlockText(lambda name: name).lines(blocks) if line]


def texts_of(value: Any) -> Iterator[tuple[str, str]]:
    """Type and text of every text object of a tree of blocks."""
    if isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["type"], value["text"]
        for item in value.values():
            yield from texts_of(item)


def assert_posted(post: Post) -> None:
    """Slack takes all variants, by its rules and by ours, and no text of the post does harm."""
    variants = [post, *([post.details] if post.details else [])]
    for blocks in (blocks for variant in variants for blocks in (variant.blocks, variant.plain_blocks)):
        accept(blocks)
        assert problems(blocks) == ()
        for kind, text in texts_of(blocks):
            assert [found for found in dangers(text, HARMLESS) if kind == "mrkdwn" or not found.startswith("raw")] == []
    assert all(block["type"] != "container" for variant in variants for block in variant.plain_blocks)
    for variant in variants:
        assert variant.text
        assert dangers(variant.text, HARMLESS) == []


def test_the_first_screen_says_what_is_going_on_what_caused_it_and_what_next() -> None:
    post = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS)
    shown = lines([block for block in post.blocks if block["type"] != "container"])
    assert shown[0] == "checkout: very likely change 3f2a91c7d0 (82 %)"
    assert shown[2].startswith(
        "Since *03:02:15 UTC*, 12 minutes before the question · graph <http://prometheus.internal:9090/graph"
    )
    assert f"commit 3f2a91c7d0b5 <https://git.example.com/shop/commit/{samples.SHA}>" in shown[2]
    assert [line for line in shown if line.endswith("?*")] == [
        "*What is going on?*",
        "*What caused it?*",
        "*What next?*",
    ]
    assert shown[-1] == "· :warning: Could not be seen: loki"
    assert len(shown) == 14


def test_a_cause_says_why_it_is_held_for_so_likely() -> None:
    shown = "\n".join(lines(answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS).plain_blocks))
    assert "*Very likely (82 %):* Deploy of checkout 3f2a91c7d0" in shown
    assert "_Why:_ metrics and changes agree, but 1 claim did not hold and loki could not be seen." in shown


def test_a_close_rival_is_on_the_first_screen_and_a_distant_one_is_not() -> None:
    def shown(answer: Answer) -> str:
        return "\n".join(lines(answer_post(answer, allowed_hosts=samples.HOSTS).plain_blocks))

    assert "*Possibly (41 %):* The database itself" in shown(further.FULL_POOL)
    assert "payment provider" not in shown(samples.BAD_DEPLOY)


def test_all_else_is_folded_under_a_title_that_tells_what_it_is() -> None:
    blocks = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS).blocks
    (fold,) = [block for block in blocks if block["type"] == "container"]
    assert fold["is_collapsible"]
    assert fold["default_collapsed"]
    assert lines([fold])[0] == "▸ Details: evidence (5 of 6 looks) · ruled out · 1 unverified claim"
    inside = "\n".join(lines([fold])[1:])
    assert "*Ruled out*\n  • Deploy of inventory" in inside
    assert "• *Perhaps (12 %):* The payment provider is slow" in inside
    assert "*E2* share of requests that fail: checkout 0.2 % → 31 %" in inside
    assert "The payment provider returned 429. (E3 holds no such number)" in inside
    assert "Not known: Whether orders were charged twice" in inside
    assert "loki: connection refused" in inside


def test_where_nothing_can_be_folded_the_details_are_a_post_of_their_own() -> None:
    post = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS)
    assert post.details is not None
    assert post.plain_blocks[:-1] == post.blocks[:-1]
    assert lines(post.plain_blocks[-1:]) == ["· The details are in the next reply."]
    (fold,) = [block for block in post.blocks if block["type"] == "container"]
    assert lines(post.details.blocks)[2:] == [line.strip() for line in lines([fold])[1:]]
    assert post.details.text.startswith("*Details: evidence (5 of 6 looks)")


def test_the_details_of_a_first_look_come_with_the_answer() -> None:
    assert first_look_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS).details is None


def test_an_id_leads_to_its_evidence() -> None:
    text = json.dumps(answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS).plain_blocks)
    address = "http://prometheus.internal:9090/graph?g0.expr=errors%3Aratio&amp;g0.range_input=30m&amp;g0.tab=0"
    assert f"<{address}|E2>" in text


def test_the_first_fact_can_be_explored_in_grafana_at_once() -> None:
    address, end = "http://prometheus.internal:9090", "2026-11-22%2003%3A14%3A07"
    explored = Explore("https://git.example.com/grafana", {address: "uid1"})
    seen = replace(
        samples.BAD_DEPLOY.evidence[1],
        observation=explored.observation(
            replace(
                samples.BAD_DEPLOY.evidence[1].observation,
                links=(Link("graph", f"{address}/graph?g0.expr=up&g0.range_input=1800s&g0.end_input={end}"),),
            )
        ),
    )
    answer = replace(samples.BAD_DEPLOY, evidence=(seen,))
    top = lines(answer_post(answer, allowed_hosts=samples.HOSTS).blocks)[2]
    assert " · explore in Grafana <https://git.example.com/grafana/explore?schemaVersion=1" in top


def test_the_text_alone_tells_the_story_and_begins_with_the_finding() -> None:
    text = answer_post(samples.OUTAGE_ELSEWHERE, allowed_hosts=samples.HOSTS).text.replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("*checkout: likely an outage elsewhere (71 %)*\nSince *03:02:15 UTC*")
    assert "*What next?*\n• Check the status page of `cardgate.example`" in text
    assert ":information_source: No model is configured (set ANTHROPIC_API_KEY)" in text
    assert "<!date" not in text


def test_times_are_shown_by_the_readers_clock() -> None:
    post = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS)
    told = [text for kind, text in texts_of(post.blocks) if kind == "mrkdwn"]
    onset = f"<!date^{samples.ONSET.timestamp():.0f}^{{time_secs}}|03:02:15 UTC>"
    assert told[0].startswith(f"Since *{onset}*")
    assert f"31 % at {onset} (12 min ago)" in told[1]
    asked = f"<!date^{samples.ASKED.timestamp():.0f}^{{date_short}} {{time_secs}}|2026-11-22 03:14:07 UTC>"
    assert told[-1].startswith(f"as of {asked} · ")


def test_what_is_long_is_cut_where_a_sentence_ends_and_stands_in_full_in_the_details() -> None:
    post = answer_post(further.LONG_WINDED, allowed_hosts=samples.HOSTS)
    shown = lines(post.plain_blocks)
    assert "payments itself answers everything it is asked, but takes 1.9 s for it. … _(more in details)_" in shown[4]
    (fold,) = [block for block in post.blocks if block["type"] == "container"]
    inside = lines([fold])
    assert inside[1].strip() == "*In full*"
    assert "That is longer than the 1.5 s for which checkout waits since commit 3f2a91c7d0" in inside[2]


def test_the_first_look_is_marked_and_the_answer_is_not() -> None:
    first = first_look_post(samples.ALL_WELL, allowed_hosts=samples.HOSTS)
    assert any(line.startswith("· :zap: *First look (no model yet)*") for line in lines(first.blocks)[:4])
    assert first.text.startswith("*No trouble found*")
    assert "First look (no model yet)" not in answer_post(samples.ALL_WELL, allowed_hosts=samples.HOSTS).text


def test_links_to_other_hosts_are_left_out() -> None:
    assert "<http" not in "".join(lines(answer_post(samples.BAD_DEPLOY, allowed_hosts=frozenset()).blocks))


@pytest.mark.parametrize("name", further.TEN)
def test_every_sample_can_be_posted(name: str) -> None:
    assert_posted(answer_post(further.TEN[name], allowed_hosts=samples.HOSTS))
    assert_posted(first_look_post(further.TEN[name], allowed_hosts=samples.HOSTS))


def test_what_is_cut_is_counted() -> None:
    report = Report(what=(Claim("x" * 2_000, ("E1",)),), ruled_out=(Claim("innocent"),) * 300)
    post = answer_post(Answer(samples.QUESTION, "m", None, report, ()), allowed_hosts=frozenset())
    shown = "\n".join(lines(post.blocks))
    (kept_of_claim, cut) = re.findall(r"• (x+) …\(([0-9]+) more\)", shown)[0]
    assert len(kept_of_claim) + int(cut) == 2_000
    kept = shown.count("• innocent")
    assert f"…({300 - kept} more)" in shown


def test_the_largest_of_answers_fits() -> None:
    """Every part at its limit, with ids, addresses and titles longer than anyone's."""
    endless = "https://git.example.com/ & <!here> " * 300
    link = Link("&" * 200, "https://git.example.com/" + "a" * 800)
    seen = Evidence("E" * 400, "t", {}, Observation(endless, endless, links=(link,) * 5, charts=(samples.ERRORS,)))
    claims = (Claim(endless, (seen.id,) * 9),) * 50
    report = Report(
        what=claims,
        impact=claims,
        hypotheses=(Hypothesis(claims[0], CauseKind.CHANGE, 0.9, endless, "a" * 800),) * 9,
        ruled_out=claims,
        next_steps=claims,
        unknown=(endless,) * 9,
        unverified=(Unverified(endless, endless),) * 9,
        missing=(MissingSource(endless, endless),) * 9,
    )
    answer = Answer(samples.QUESTION, endless, endless, report, (seen,) * 9, note=endless)
    assert_posted(answer_post(answer, allowed_hosts=samples.HOSTS))
    assert_posted(first_look_post(answer, allowed_hosts=samples.HOSTS))
    causes = [Hypothesis(claims[0], CauseKind.CHANGE, 0.1, endless, f"{number}" * 40) for number in range(9)]
    earlier = replace(answer, report=replace(report, hypotheses=tuple(causes)))
    post = answer_post(answer, allowed_hosts=samples.HOSTS, earlier=earlier)
    assert SINCE_LAST in post.text
    assert_posted(with_feedback(post, answer, "slack:T1:C1:1234567890.123456"))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(answers, answers)
def test_any_answer_is_taken_by_slack_and_harmless(answer: Answer, earlier: Answer) -> None:
    assert_posted(answer_post(answer, allowed_hosts=samples.HOSTS))
    assert_posted(answer_post(answer, allowed_hosts=samples.HOSTS, earlier=earlier))
    assert_posted(first_look_post(answer, allowed_hosts=samples.HOSTS))


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(answers, st.integers(2, 9), st.sampled_from(FRAGMENTS))
def test_any_answer_blown_up_is_taken_by_slack_and_harmless(answer: Answer, times: int, fragment: str) -> None:
    """Every text many times over, and every list of the report too."""
    blown = rewritten(answer, lambda text: f"{text} {fragment} " * times)
    report = blown.report
    lists = {name: getattr(report, name) * times for name in ("what", "impact", "hypotheses", "ruled_out", "unknown")}
    lists |= {name: getattr(report, name) * times for name in ("next_steps", "unverified", "missing")}
    post = answer_post(replace(blown, report=replace(report, **lists)), allowed_hosts=samples.HOSTS)
    assert_posted(post)
    assert_posted(with_feedback(post, answer, "slack:T1:C1:1234567890.123456"))


def test_a_plain_post_is_neutralised_and_bounded() -> None:
    assert plain_post("see <!here> `slack:T1:C1:1.2`").text == "see &lt;!here&gt; `slack:T1:C1:1.2`"
    assert len(plain_post("&" * 9_000).text) <= SECTION
    assert_posted(plain_post(samples.ATTACK))


def test_the_status_shows_the_last_steps_and_what_is_being_done() -> None:
    steps: list[Step] = [
        ModelStep(1),
        LookStep("list_alerts", {}),
        EvidenceStep(samples.BAD_DEPLOY.evidence[0]),
        LookStep("query_metrics", {"query": "rate(<!channel>[5m])"}),
        ModelStep(2),
    ]
    assert status_text(steps).splitlines() == [
        "E1: CheckoutErrorRate (critical, checkout) firing since 03:04:00, 10 min",
        "looking at `rate(&lt;!channel&gt;[5m])`",
        "thinking about it (turn 2)",
    ]
    assert status_text(steps[:1]) == "thinking about it"
