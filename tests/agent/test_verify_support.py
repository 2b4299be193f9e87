"""What claims state, held against the evidence they cite: units, rounding, arithmetic, times, names, subjects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.agent.quantities import Dimension, quantities
from sre_bot.agent.verify import verify
from sre_bot.investigation import Chart, ChartLine, Claim, Evidence, Observation, Report
from sre_bot.signals.units import format_value
from tests.endings import ends

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 20, 12, 4, 30, tzinfo=UTC)


def look(content: str, number: int = 1, tool: str = "query_metrics") -> Evidence:
    return Evidence(f"E{number}", tool, {}, Observation("", content))


def why(text: str, *contents: str) -> str | None:
    """Why a claim that cites all of these does not hold."""
    evidence = tuple(look(content, number) for number, content in enumerate(contents, 1))
    return why_not(text, evidence)


def why_not(text: str, evidence: Sequence[Evidence]) -> str | None:
    claim = Claim(text, tuple(one.id for one in evidence))
    unverified = verify(Report(what=(claim,)), evidence, NOW).unverified
    return unverified[0].why if unverified else None


@pytest.mark.parametrize(
    ("text", "low", "high", "dimension"),
    [
        ("31 %", 0.305, 0.315, Dimension.RATIO),
        ("31 percent", 0.305, 0.315, Dimension.RATIO),
        ("1200 ms", 1.15, 1.25, Dimension.SECONDS),
        ("1.2 s", 1.15, 1.25, Dimension.SECONDS),
        ("1.5 GiB", 1.45 * 2**30, 1.55 * 2**30, Dimension.BYTES),
        ("12.3/s", 12.25, 12.35, Dimension.RATE),
        ("738 requests per minute", 737.5 / 60, 738.5 / 60, Dimension.RATE),
        ("11.4k", 11_350, 11_450, Dimension.PLAIN),
        ("1,234,567", 1_234_566.5, 1_234_567.5, Dimension.PLAIN),
        ("×3.1", 3.05, 3.15, Dimension.FACTOR),
        ("half of", 0.45, 0.55, Dimension.RATIO),
    ],
)
def test_a_number_stands_for_what_it_may_have_been_rounded_from(
    text: str, low: float, high: float, dimension: Dimension
) -> None:
    (found,) = quantities(text)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.dimension is dimension


@pytest.mark.parametrize("text", ["5xx", "3am", "p95", "status=~5..", "sha256", "v2", "a third party", "halfway"])
def test_digits_that_are_part_of_a_word_are_no_quantities(text: str) -> None:
    assert quantities(text) == []


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("ledger fails 13 % of requests.", "13 % is not in E1, which has 31 %"),
        ("ledger failed 31 % at 11:24.", "11:24 is not a time in E1"),
        ("ledger doubled its errors.", "doubled does not follow from E1"),
        ("LedgerDown fires.", "LedgerDown does not occur in E1"),
        ("api fails 31 % of requests.", "31 % is not in E1, which has 4 %"),
        ("errors of ledger fell from 31 % to 2 %.", "E1 has 31 % and 2 % the other way round"),
        ("The certificate has expired.", "E1 says nothing about it"),
        ("x" * 5_000, "it is too long to be checked"),
    ],
)
def test_the_reason_is_a_short_sentence(claim: str, reason: str) -> None:
    content = "errors, 11:04:30 to 12:04:30 UTC\nledger 2 % → 31 % at 11:42:30 (step), now 31 %\napi steady at 4 %"
    assert why(claim, content) == reason


def test_the_time_between_events_bears_no_time_shorter_than_clocks_tell() -> None:
    content = "p95 at 11:43:00 and 11:43:00 was 1.19 s"
    assert why("p95 is 1.19 s", content) is None
    assert why("p95 is 1.19 ms", content) is not None


@pytest.mark.parametrize("claim", ["It did.", "Something is off.", "Nobody knows.", "The errors came first."])
def test_a_claim_without_anything_to_check_stands_on_evidence_that_exists(claim: str) -> None:
    assert why(claim, "errors rose") is None


def test_what_only_a_chart_shows_is_evidence() -> None:
    chart = Chart("requests", "requests/s", (ChartLine("checkout", (1.0, 2.0), (5.75, 4.0)),))
    evidence = (Evidence("E1", "metrics", {}, Observation("", "checkout steady at 5.75/s", charts=(chart,))),)
    assert why_not("checkout gets 4/s now.", evidence) is None
    assert why_not("checkout gets 9/s now.", evidence) is not None


def test_times_are_compared_in_utc_and_a_minute_may_be_cut_or_rounded() -> None:
    content = "deploy of api 11:40:50"
    for stated in ("11:40", "11:41", "11:40:50", "2026-11-20T13:40:50+02:00", "24 min ago"):
        assert why(f"api was deployed {stated}.", content) is None
    for stated in ("11:39", "11:42", "11:40:47", "2026-11-20T11:40:50+02:00", "20 min ago"):
        assert why(f"api was deployed {stated}.", content) is not None


def test_a_step_may_propose_numbers_but_not_name_commits_nobody_saw() -> None:
    sha = "9188e74cf0ffed48f1a86f8f05bea55cea4f41a8"
    steps = (Claim("Set the pool to 64."), Claim("Roll back 9188e74cf0."), Claim("Roll back c0ffee1234."))
    report = verify(Report((), next_steps=steps), (look(f"deploy of api {sha}"),), NOW)
    assert report.next_steps == steps[:2]
    assert report.unverified[0].why == "c0ffee1234 is no commit that occurs in the evidence"


# --- properties ---

_UNITS = st.sampled_from(["seconds", "bytes", "ratio", "requests/s", "bytes/s", ""])
_VALUES = st.floats(0.01, 0.98) | st.floats(1.0, 90_000.0)


@given(value=_VALUES, unit=_UNITS, digits=st.integers(2, 3))
def test_rounding_never_makes_a_true_claim_false(value: float, unit: str, digits: int) -> None:
    shown = format_value(value, unit)
    (held,) = quantities(shown)
    number = shown[: len(shown) - len(shown.lstrip("0123456789."))]
    rounded = f"{float(f'{float(number):.{digits}g}'):f}".rstrip("0").rstrip(".")
    claim = f"it is about {rounded}{shown[len(number) :]}"
    assert why(claim, f"value: {shown}") is None, (held, claim)


@given(milliseconds=st.integers(100, 99_999))
def test_a_claim_holds_in_any_unit(milliseconds: int) -> None:
    content = f"value: {milliseconds} ms"
    assert why(f"it takes {milliseconds / 1000:.3f} s", content) is None
    assert why(f"it takes {milliseconds / 60_000:.6f} min", content) is None
    assert why(f"it takes {milliseconds / 1000:.3f} min", content) is not None


@given(old=st.integers(100, 9_999), percent=st.integers(20, 400))
def test_a_change_in_per_cent_follows_from_old_and_new(old: int, percent: int) -> None:
    content = f"value: step {old}/s → {old * (100 + percent) / 100:.2f}/s"
    assert why(f"it grew by {percent} %", content) is None
    assert why(f"it grew by {percent + 15} %", content) is not None


@given(order=st.permutations(range(4)))
def test_the_order_of_evidence_and_citations_does_not_matter(order: Sequence[int]) -> None:
    contents = ("api steady at 4 %", "deploy of api at 11:40:30", "errors at 11:42:30", "p99 240 ms → 1.2 s")
    evidence = tuple(look(contents[index], index + 1) for index in order)
    assert why_not("api fails 4 %, 2 min after the deploy at 11:40; p99 is 5 times higher.", evidence) is None
    assert why_not("api fails 9 %.", evidence) is not None


@given(text=st.text(max_size=300), content=st.text(max_size=300))
def test_no_text_upsets_it(text: str, content: str) -> None:
    why(text, content)


HOSTILE = ("1", "1,111", "a_", "a.", "a/", "Aa", "12:34:56 ", "31 % ", "a-", "a=1,", " ", "1:", "`", "-1", "→ 1 ")


@pytest.mark.parametrize("piece", HOSTILE)
def test_long_hostile_texts_come_to_an_end(piece: str) -> None:
    long = piece * (40_000 // len(piece))
    with ends():
        why("checkout fails 31 % since 12:34, doubled by 3 s, on db-2", long)
        why(long[:4_000], "31 % at 11:11:11")
