"""Log lines become patterns: what varies is a wildcard, what is shared is shown, what is new and bad comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.incident import LogLevel, LogLine
from sre_bot.signals.log_patterns import MAX_PATTERNS, MAX_VALUES, find_patterns, first_bad

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def line(message: str, second: float = 0, *, level: LogLevel = LogLevel.INFO, service: str = "shop") -> LogLine:
    return LogLine(AT + timedelta(seconds=second), service, level, message)


def errors(message: str, *seconds: float, service: str = "shop") -> list[LogLine]:
    return [line(message, second, level=LogLevel.ERROR, service=service) for second in seconds]


def test_what_varies_becomes_a_wildcard_with_its_values() -> None:
    (pattern,) = find_patterns([line(f"enriched {n} records of user-{n}; committed", n) for n in (254, 243, 275)], [])
    assert pattern.template == "enriched <*> records of user-<*>; committed"
    assert pattern.values == (("243", "254", "275"), ("243", "254", "275"))


def test_what_all_lines_share_is_shown_though_it_is_a_number() -> None:
    (pattern,) = find_patterns([line(f"order {n} failed: upstream 503 after 5000ms", n) for n in range(9)], [])
    assert pattern.template == "order <*> failed: upstream 503 after 5000ms"


def test_a_word_that_varies_is_found_without_knowing_its_kind() -> None:
    (pattern,) = find_patterns([line(f"payment of {who} was declined by bank") for who in ("ann", "bob", "eve")], [])
    assert pattern.template == "payment of <*> was declined by bank"
    assert pattern.values == (("ann", "bob", "eve"),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("id 7f1c2c6e-9a51-4f6e-8f6e-2f5f3f0e9a11 gone", "id 00000000-9a51-4f6e-8f6e-2f5f3f0e9a12 gone"),
        ("from 10.96.0.10:53 reset", "from 10.96.3.7:5353 reset"),
        ("took 12.5ms", "took 3s"),
        ("at 0xdeadbeef", "at 0x10000"),
        ("trace=2f3e0cee77ae5dc9c17ade3689eb2e54", "trace=563d623c76514f8e"),
        ("2026-11-20T12:00:00.123Z started", "2026-11-20T12:00:01Z started"),
        ("[2026-11-20 12:00:00,123] started", "2026/11/20 12:00:09 started"),
        ("pod shop-7d9f8b6c5d-x2x4k", "pod shop-7d9f8b6c5d-x9z1p"),
    ],
)
def test_ids_addresses_numbers_and_times_do_not_part_lines(one: str, other: str) -> None:
    assert len(find_patterns([line(one), line(other)], [])) == 1


def test_different_things_said_stay_apart() -> None:
    assert (
        len(find_patterns([line("cache miss for item 1"), line("cache hit for item 2"), line("shutting down")], [])) > 1
    )


def test_counts_times_services_and_the_window_before_are_told() -> None:
    now = [*errors("db 1 is down", 30, 10), *errors("db 2 is down", 20, service="cart")]
    (pattern,) = find_patterns(now, errors("db 3 is down", -60))
    assert (pattern.count, pattern.before, pattern.is_new, pattern.has_grown) == (3, 1, False, False)
    assert (pattern.first, pattern.last) == (AT + timedelta(seconds=10), AT + timedelta(seconds=30))
    assert pattern.services == ("shop", "cart")


def test_new_and_grown_errors_come_first_and_what_is_gone_before_what_is_as_ever() -> None:
    now = [
        *errors("old trouble everywhere", 1),
        *errors("grown trouble somewhere", *range(10)),
        *errors("new trouble here", 5),
        *(line("all is well", n) for n in range(50)),
    ]
    before = [
        *errors("old trouble everywhere", -1),
        *errors("grown trouble somewhere", -1, -2),
        *(line("all is well", -n) for n in range(1, 50)),
        line("orders placed", -1),
    ]
    assert [pattern.template for pattern in find_patterns(now, before)] == [
        "grown trouble somewhere",
        "new trouble here",
        "old trouble everywhere",
        "orders placed",
        "all is well",
    ]


def test_the_first_new_error_is_the_earliest_not_the_most_frequent() -> None:
    warning = line("getting slow", -5, level=LogLevel.WARNING)
    patterns = find_patterns([*errors("many times", *range(10, 60)), *errors("root of it", 3), warning], [])
    first = first_bad(patterns)
    assert first is not None
    assert first.template == "root of it"


def test_without_new_errors_the_first_new_warning_counts_and_without_these_nothing() -> None:
    warned = find_patterns([line("getting slow", level=LogLevel.WARNING), line("fine")], [])
    first = first_bad(warned)
    assert first is not None
    assert first.template == "getting slow"
    assert first_bad(find_patterns(errors("as ever", 1), errors("as ever", -1))) is None


def test_a_traceback_is_known_by_what_was_raised() -> None:
    trace = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: no such item'
    (pattern,) = find_patterns([line(trace)], [])
    assert pattern.template == "ValueError: no such item"
    assert pattern.example.message == trace


def test_values_are_kept_only_so_many() -> None:
    (pattern,) = find_patterns([line(f"request {n}", n) for n in range(500)], [])
    assert len(pattern.values[0]) == MAX_VALUES


def test_no_lines_are_no_patterns() -> None:
    assert find_patterns([], []) == ()


_MESSAGES = st.text(st.sampled_from("ab1 =-<*>{}\n\tÄ😀.:"), max_size=30)


@given(st.lists(_MESSAGES, max_size=12), st.lists(_MESSAGES, max_size=12))
def test_every_line_is_counted_once_whatever_it_says(now: list[str], before: list[str]) -> None:
    patterns = find_patterns([line(m, n) for n, m in enumerate(now)], [line(m, -n - 1) for n, m in enumerate(before)])
    assert sum(pattern.count for pattern in patterns) == len(now)
    assert sum(pattern.before for pattern in patterns) == len(before)


def test_a_flood_of_messages_that_are_all_different_is_counted_in_bounded_time() -> None:
    letters = "abcdefghij"
    words = [f"w{letters[n % 10]}{letters[n // 10 % 10]}{letters[n // 100]}" for n in range(1000)]
    flood = [line(" ".join(words[(n * k) % 1000] for k in (1, 3, 7, 9)), n) for n in range(1000)]
    patterns = find_patterns([*flood, *errors("quite another thing altogether, of six words", 5)], [])
    assert len(patterns) <= MAX_PATTERNS + 2
    assert sum(pattern.count for pattern in patterns) == 1001
    assert patterns[0].template == "quite another thing altogether, of six words"
    assert max(patterns, key=lambda pattern: pattern.count).template == "<*> <*> <*> <*>"
