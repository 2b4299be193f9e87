"""Posts: scannable on a phone, complete when opened, harmless whatever the texts, and never refused for their size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

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
)
from sre_bot.slack.blocks import MAX_SECTION, Post, answer_post, first_look_post, plain_post, status_text
from tests.render import sample_answers as samples
from tests.render.slack_client import dangers
from tests.render.strategies import answers

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
    """Slack takes both variants, and no text of the post does harm."""
    accept(post.blocks)
    accept(post.plain_blocks)
    assert post.text
    assert all(block["type"] != "container" for block in post.plain_blocks)
    assert dangers(post.text, HARMLESS) == []
    for kind, text in texts_of(post.blocks):
        assert [found for found in dangers(text, HARMLESS) if kind == "mrkdwn" or not found.startswith("raw")] == []


def test_the_top_lines_say_cause_likelihood_service_since_when_and_next_step() -> None:
    top = lines(answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS).blocks)[:4]
    assert top[0] == "checkout: very likely change 3f2a91c7d0 (82 %)"
    assert top[2].startswith("Since *03:02:15 UTC* · graph <http://prometheus.internal:9090/graph")
    assert f"commit 3f2a91c7d0b5 <https://git.example.com/shop/commit/{samples.SHA}>" in top[2]
    assert top[3] == "*Next:* Roll back checkout to 91be44a0, then watch its error ratio for 5 min."


def test_three_headings_then_what_is_ruled_out_and_what_is_missing() -> None:
    blocks = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS).blocks
    headings = [text for kind, text in texts_of([b for b in blocks if b["type"] == "header"]) if kind == "plain_text"]
    assert headings[1:] == ["What is going on?", "What caused it?", "What next?"]
    shown = "\n".join(lines([block for block in blocks if block["type"] != "container"]))
    assert "• *Very likely (82 %):* Deploy of checkout 3f2a91c7d0" in shown
    assert "• *Perhaps (12 %):* The payment provider is slow" in shown
    assert "*Ruled out*\n• Deploy of inventory" in shown
    assert ":warning: Could not be seen: loki: connection refused" in shown
    assert "Not known: Whether orders were charged twice" in shown


def test_evidence_and_unverified_claims_are_folded_under_a_title_that_counts_them() -> None:
    blocks = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS).blocks
    (fold,) = [block for block in blocks if block["type"] == "container"]
    assert fold["is_collapsible"]
    assert fold["default_collapsed"]
    assert lines([fold])[0] == "▸ Evidence: 5 of 6 looks · 1 unverified claim"
    inside = "\n".join(lines([fold])[1:])
    assert "*E2* share of requests that fail: checkout 0.2 % → 31 %" in inside
    assert "The payment provider returned 429. (E3 holds no such number)" in inside


def test_the_plain_variant_shows_the_same_without_the_fold() -> None:
    post = answer_post(samples.BAD_DEPLOY, allowed_hosts=samples.HOSTS)
    folded = {line.strip() for line in lines(post.blocks)}
    assert folded - {line.strip() for line in lines(post.plain_blocks)} == {
        "▸ Evidence: 5 of 6 looks · 1 unverified claim"
    }


def test_the_text_alone_tells_the_story() -> None:
    text = answer_post(samples.OUTAGE_ELSEWHERE, allowed_hosts=samples.HOSTS).text.replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith(":information_source: No model is configured (set ANTHROPIC_API_KEY)")
    assert "*checkout: likely an outage elsewhere (71 %)*" in text
    assert "*What next?*\n• Check the status page of `cardgate.example`" in text
    assert "Evidence: 3 of 3 looks" in text


def test_the_first_look_is_marked_and_the_answer_is_not() -> None:
    first = first_look_post(samples.ALL_WELL, allowed_hosts=samples.HOSTS)
    assert lines(first.blocks)[0].startswith("· :zap: *First look (no model yet)*")
    assert "First look (no model yet)" not in answer_post(samples.ALL_WELL, allowed_hosts=samples.HOSTS).text


def test_links_to_other_hosts_are_left_out() -> None:
    assert "<http" not in "".join(lines(answer_post(samples.BAD_DEPLOY, allowed_hosts=frozenset()).blocks))


@pytest.mark.parametrize("name", samples.ALL)
def test_every_sample_can_be_posted(name: str) -> None:
    assert_posted(answer_post(samples.ALL[name], allowed_hosts=samples.HOSTS))
    assert_posted(first_look_post(samples.ALL[name], allowed_hosts=samples.HOSTS))


def test_what_is_cut_is_counted() -> None:
    claim = Claim("x" * 2_000, ("E1",))
    report = Report(what=(claim,) * 30, ruled_out=(Claim("innocent"),) * 300)
    post = answer_post(Answer(samples.QUESTION, "m", None, report, ()), allowed_hosts=frozenset())
    shown = "\n".join(lines(post.blocks))
    (kept_of_claim, cut) = re.findall(r"• (x+) …\(([0-9]+) more\)", shown)[0]
    assert len(kept_of_claim) + int(cut) == 2_000
    assert f"…({30 - shown.count('• x')} more)" in shown
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
    assert_posted(first_look_post(answer, allowed_hosts=samples.HOSTS))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(answers)
def test_any_answer_is_taken_by_slack_and_harmless(answer: Answer) -> None:
    assert_posted(answer_post(answer, allowed_hosts=samples.HOSTS))
    assert_posted(first_look_post(answer, allowed_hosts=samples.HOSTS))


def test_a_plain_post_is_neutralised_and_bounded() -> None:
    assert plain_post("see <!here> `slack:T1:C1:1.2`").text == "see &lt;!here&gt; `slack:T1:C1:1.2`"
    assert len(plain_post("&" * 9_000).text) <= MAX_SECTION
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
