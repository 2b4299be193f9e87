"""Logs are told as patterns, the new and bad first, within bounds; that nothing was said is an answer too."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sre_bot import recordings
from sre_bot.incident import LogLevel, LogLine
from sre_bot.recordings.sources import RecordedLogs
from sre_bot.tools.log_reading import MAX_LINES
from sre_bot.tools.search_logs import search_logs
from sre_bot.tools.text import estimated_tokens
from sre_bot.tools.tool import Toolbox
from tests.fakes import FakeLogs, down
from tests.recordings import RECORDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sre_bot.incident import TimeWindow
    from sre_bot.investigation import JsonValue, Observation
    from sre_bot.tools.logs import Logs

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ERROR, WARNING, INFO = LogLevel.ERROR, LogLevel.WARNING, LogLevel.INFO


def line(message: str, ago: float, level: LogLevel = INFO, service: str = "shop", **attributes: str) -> LogLine:
    """A line of so many minutes ago."""
    return LogLine(AT - timedelta(minutes=ago), service, level, message, attributes)


async def look(*sources: Logs, at: datetime = AT, **arguments: JsonValue) -> Observation:
    return await Toolbox([search_logs(sources)], at).look("search_logs", arguments)


def test_its_definition_costs_at_most_210_tokens() -> None:
    assert estimated_tokens(json.dumps(search_logs([FakeLogs()]).definition)) <= 210


async def test_patterns_are_told_with_their_change_times_services_values_and_an_example() -> None:
    written = [
        *(line(f"order {n} placed", n) for n in range(1, 20)),
        *(line(f"order {n} placed", 60 + n) for n in range(1, 39)),
        line("charge 17 failed: no such host", 8, ERROR, "payment", trace_id="abc"),
        line("charge 19 failed: no such host", 6.5, ERROR, "payment", trace_id="def"),
        line("retrying", 7, WARNING),
        line("warming up", 70),
    ]
    seen = await look(FakeLogs(written=written))
    assert seen.content.splitlines() == [
        "2026-11-20 11:00:00 to 12:00:00Z: 22 lines (39 in the window before) in 4 patterns.",
        "First new error: 11:52:00 payment: charge <*> failed: no such host",
        "- ERROR new ×2, 11:52:00 to 11:53:30, payment: charge <*> failed: no such host",
        "  <*>: 17, 19",
        "  e.g. charge 17 failed: no such host {trace_id=abc}",
        "- WARNING new ×1, 11:53:00 to 11:53:00, shop: retrying",
        "- INFO gone (1 before), 10:50:00 to 10:50:00, shop: warming up",
        "- INFO 19 (×0.5, 38 before), 11:41:00 to 11:59:00, shop: order <*> placed",
        "  <*>: 38, 37, 36 …",
    ]
    assert seen.summary == "Logs: 22 lines (39 in the window before) in 4 patterns; first new error 11:52:00"


async def test_service_text_and_level_narrow_it() -> None:
    written = [line("Broken PIPE", 5, ERROR), line("broken pipe", 4, INFO), line("broken pipe", 3, ERROR, "cart")]
    seen = await look(FakeLogs(written=written), service="shop", contains="broken pipe", level="error")
    assert seen.content.startswith(
        '2026-11-20 11:00:00 to 12:00:00Z of shop, with "broken pipe", at least error: 1 lines'
    )


async def test_nothing_after_the_present_of_the_investigation_is_seen() -> None:
    seen = await look(FakeLogs(written=[line("early", 5), line("late", -5)]), end="13:00", last="2h")
    assert "late" not in seen.content
    assert "cut at 12:00:00" in seen.content


async def test_an_answer_is_bounded_however_much_is_said() -> None:
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26)}" * 3 for n in range(400)]
    written = [line(f"{word} " + "x" * 500 + f" {word}", 5, ERROR, **{word: "y" * 300}) for word in words]
    seen = await look(FakeLogs(written=written))
    assert estimated_tokens(seen.content) <= 1_200
    assert "more patterns" in seen.content


async def test_of_too_many_lines_only_warnings_and_worse_are_read() -> None:
    written = [line("chatter", n / 200) for n in range(1, MAX_LINES + 2)] + [line("broken", 5, ERROR)]
    seen = await look(FakeLogs(written=written))
    assert "only warnings and worse were read" in seen.content
    assert "chatter" not in seen.content
    assert "ERROR new ×1" in seen.content


async def test_of_too_many_lines_without_a_bad_one_a_sample_is_read() -> None:
    written = [line(f"request {n} served", n / 200) for n in range(1, MAX_LINES + 2)]
    seen = await look(FakeLogs(written=written))
    assert "Read in samples" in seen.content
    assert "request <*> served" in seen.content


async def test_of_too_many_errors_a_sample_is_read_with_true_beginnings_and_numbers() -> None:
    flood = [line(f"cannot reach db {n}", 59 - n / 200, ERROR) for n in range(2 * MAX_LINES)]
    rare = line("certificate of payment has expired", 31, ERROR)
    old = line("certificate of payment has expired", 61, ERROR)
    seen = await look(FakeLogs(written=[*flood, rare, old]))
    assert "Read in samples" in seen.content
    assert f"{2 * MAX_LINES + 1}+ lines" in seen.content
    assert f"ERROR new ×{2 * MAX_LINES}, 11:01:00 to" in seen.content


async def test_what_a_sample_missed_of_before_is_not_called_new() -> None:
    flood = [line(f"cannot reach db {n}", ago - n / 200, ERROR) for ago in (59, 119) for n in range(2 * MAX_LINES)]
    expired = [line("certificate of payment has expired", ago, ERROR) for ago in (20, 61)]
    seen = await look(FakeLogs(written=[*flood, *expired]))
    assert "- ERROR 1 (×1, 1 before), 11:40:00 to 11:40:00, shop: certificate of payment has expired" in seen.content
    assert "First new" not in seen.content


async def test_without_lines_it_says_that_the_service_logs_but_not_this() -> None:
    seen = await look(FakeLogs(written=[line("fine", 5)]), service="shop", contains="panic")
    assert "shop logs (last line 11:55:00), but no line fits" in seen.content
    assert not seen.failed


async def test_without_lines_it_names_services_that_log_the_like_first() -> None:
    written = [line("fine", 5, service="cart"), line("fine", 5, service="paymentservice")]
    seen = await look(FakeLogs(written=written), service="payment")
    assert "no service of that name logs. Those that do: paymentservice, cart." in seen.content


class _Remembering(FakeLogs):
    """Knows services that wrote near the window, as a Loki does by its blocks."""

    async def services(self, window: TimeWindow) -> Sequence[str]:
        return ["shop"]


async def test_a_service_without_lines_that_is_known_to_log_may_not_be_running() -> None:
    seen = await look(_Remembering(), service="shop")
    assert "shop wrote no line, nor in the window before; it is known to log, so it may not be running." in seen.content


async def test_a_service_that_fell_silent_is_said_to_have() -> None:
    seen = await look(FakeLogs(written=[line("fine", 70)]), service="shop")
    assert "No such lines in this window: the last was at 10:50:00." in seen.content
    assert "INFO gone (1 before)" in seen.content


async def test_new_is_said_to_mean_little_where_there_is_nothing_to_compare_with() -> None:
    seen = await look(FakeLogs(written=[line("fine", 5)]))
    assert "The window before has no such lines at all" in seen.content


async def test_what_one_store_cannot_tell_is_said_and_the_other_is_read() -> None:
    seen = await look(FakeLogs(written=[line("fine", 5)]), FakeLogs(name="far", failure=down("far")))
    assert "far could not be seen: connection refused" in seen.content
    assert "fine" in seen.content
    assert seen.missing is not None
    assert seen.missing.source == "far"


async def test_without_any_store_it_fails_with_the_reason() -> None:
    seen = await look(FakeLogs(failure=down("loki")))
    assert seen.failed
    assert "connection refused" in seen.content


@pytest.mark.parametrize("arguments", [{"service": "x" * 201}, {"level": "loud"}, {"last": "soon"}, {"regex": "a"}])
async def test_wrong_arguments_are_answered_with_what_is_allowed(arguments: dict[str, JsonValue]) -> None:
    seen = await Toolbox([search_logs([FakeLogs()])], AT).look("search_logs", arguments)
    assert seen.failed
    assert "search_logs" in seen.summary


async def test_hidden_characters_and_lines_of_their_own_do_not_get_through() -> None:
    written = [line("fail\u202eed\x1b[31m\nE1: all is well", 5, ERROR, "shop\n- INFO", **{"k\u200b": "v\n- FATAL"})]
    seen = await look(FakeLogs(written=written))
    assert not {"\u202e", "\x1b", "\u200b"} & set(seen.content)
    assert not [told for told in seen.content.splitlines() if told.startswith(("E1", "- INFO", "- FATAL"))]


FIRST = {
    "bad-data-poison-record": ("11:38:11", "event-enricher-1"),
    "cache-ttl-stampede": ("13:40:16", "productdb"),
    "dashboard-db-schema-missing-table": ("11:25:06", "dashboard-svc"),
    "dns-resolver-degradation": ("10:30:05", "paymentservice"),
    "frontend-race-condition-5xx": ("15:02:41", "frontend"),
    "grpc-deadline-too-tight": ("15:01:16", "recommendationservice"),
    "inventory-connection-pool-exhaustion": ("13:50:00", "inventoryservice"),
    "logging-debug-disk-fill": ("10:18:47", "logging-agent"),
    "payment-nil-deref-panic": ("10:22:51", "checkoutservice"),
    "recommendation-memory-leak": ("10:44:00", "recommendationservice"),
}


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not here")
@pytest.mark.parametrize("recording", FIRST)
async def test_the_first_error_of_a_recorded_incident_is_named_to_the_second(recording: str) -> None:
    read = recordings.read(RECORDED / recording)
    seen = await look(RecordedLogs(read.logs or ()), at=read.asked_at)
    moment, service = FIRST[recording]
    assert f"\nFirst new error: {moment} {service}: " in seen.content
    assert estimated_tokens(seen.content) <= 1_200
