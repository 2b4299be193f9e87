"""What an investigation may cost."""

from __future__ import annotations

import pytest

from sre_bot.agent.budget import Budget, Limits, usd
from sre_bot.investigation import Usage

LIMITS = Limits(steps=3, tool_calls=4, tokens=1000, seconds=100, usd=1.0, reserve=0.2)


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("claude-opus-5-5", 24.0),
        ("claude-sonnet-5-5-20260901", 12.0),
        ("anthropic.claude-haiku-5-5-v1", 24.0),
        ("something-else", 24.0),
    ],
)
def test_a_million_tokens_in_and_out_cost_what_the_table_says_and_the_unknown_is_the_dearest(
    model: str, dollars: float
) -> None:
    assert usd(model, Usage(input_tokens=1_000_000, output_tokens=1_000_000)) == pytest.approx(dollars)


def test_the_small_model_is_cheap_for_prompts_of_its_published_price() -> None:
    assert usd("claude-haiku-5-5", Usage(input_tokens=100_000)) == pytest.approx(0.01)
    assert usd("claude-haiku-5-5", Usage(input_tokens=60_000, cache_read_tokens=50_000)) > 0.2


def test_cached_input_costs_a_tenth_to_read_and_more_to_write() -> None:
    read, written = Usage(cache_read_tokens=1_000_000), Usage(cache_write_tokens=1_000_000)
    assert usd("sonnet-5-5", read) == pytest.approx(0.2)
    assert usd("sonnet-5-5", written) == pytest.approx(2.5)
    assert usd("sonnet-5-5", written, written_for_1h=1_000_000) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (Budget(LIMITS, Usage(turns=2), tool_calls=3, seconds=79), None),
        (Budget(LIMITS, Usage(turns=3)), "3 steps"),
        (Budget(LIMITS, tool_calls=4), "4 tool calls"),
        (Budget(LIMITS, Usage(input_tokens=300, cache_write_tokens=300, output_tokens=200)), "1,000 tokens"),
        (Budget(LIMITS, Usage(cache_read_tokens=10_000)), None),
        (Budget(LIMITS, seconds=80), "100 seconds"),
        (Budget(LIMITS, Usage(usd=0.8)), "1.00 US dollars"),
    ],
)
def test_looking_around_ends_when_anything_but_the_reserve_is_spent(budget: Budget, spent: str | None) -> None:
    assert budget.spent() == spent
    assert budget.report_affordable()


@pytest.mark.parametrize(
    "budget", [Budget(LIMITS, seconds=99.5), Budget(LIMITS, Usage(usd=1.0)), Budget(LIMITS, Usage(output_tokens=1000))]
)
def test_a_report_needs_some_of_the_reserve(budget: Budget) -> None:
    assert not budget.report_affordable()


def test_each_turn_counts_as_one_whatever_it_says_of_itself() -> None:
    assert Budget(LIMITS).after_turn(Usage(turns=0)).after_turn(Usage(turns=7)).usage.turns == 2


def test_a_tally_is_never_changed() -> None:
    budget = Budget(LIMITS)
    budget.at(5).after_looks(2).after_turn(Usage(usd=1))
    assert budget == Budget(LIMITS)
    assert Budget(LIMITS, tool_calls=9).looks_left == 0
