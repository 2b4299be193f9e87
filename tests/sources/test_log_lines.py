"""Raw lines of any format become records: message, level, service and fields."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_bot.incident import LogLevel
from sre_bot.sources.log_lines import MAX_FIELDS, MAX_MESSAGE, read_line

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_json_line_gives_its_message_level_and_other_fields() -> None:
    text = '{"ts": 1, "level": "warn", "msg": "slow", "order": {"id": 7}, "ok": true, "none": null}'
    line = read_line(AT, text, {"app": "shop"}, ["app"])
    assert (line.message, line.level, line.service) == ("slow", LogLevel.WARNING, "shop")
    assert line.attributes == {"order": '{"id": 7}', "ok": "true"}


def test_a_logfmt_line_does_likewise() -> None:
    line = read_line(AT, 'time=now level=error msg="db \\"a\\" down\\nbadly" host=db1', {}, [])
    assert (line.message, line.level, line.attributes) == ('db "a" down\nbadly', LogLevel.ERROR, {"host": "db1"})


def test_labels_tell_before_the_line_itself_does() -> None:
    line = read_line(
        AT, '{"message": "x", "level": "info", "service": "inner"}', {"level": "error", "service": "s"}, ["service"]
    )
    assert (line.level, line.service) == (LogLevel.ERROR, "s")


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2026-11-20 12:00:00,123 ERROR [main] no such host", LogLevel.ERROR),
        ("[WARN] low", LogLevel.WARNING),
        ("E1122 15:53:01.1 1 main.go:7] failed", LogLevel.ERROR),
        ("F1122 15:53:01.1 1 main.go:7] failed", LogLevel.FATAL),
        ("I1122 15:53:01.1 1 main.go:7] began", LogLevel.INFO),
        ("panic: runtime error", LogLevel.ERROR),
        ("Traceback (most recent call last):\n ValueError: x", LogLevel.ERROR),
        ("java.lang.NullPointerException: x", LogLevel.ERROR),
        ("there was no error at all", LogLevel.UNKNOWN),
        ("x" * 200 + " ERROR", LogLevel.UNKNOWN),
        ("", LogLevel.UNKNOWN),
    ],
)
def test_a_plain_line_tells_its_level_near_its_beginning(text: str, level: LogLevel) -> None:
    line = read_line(AT, text, {"detected_level": "unknown"}, [])
    assert (line.level, line.message, line.attributes) == (level, text, {})


@pytest.mark.parametrize("text", ['{"broken', "[1, 2]", "a=b c=d", "{" * 5000, "msg without=pairs"])
def test_what_only_looks_structured_stays_as_it_is(text: str) -> None:
    assert read_line(AT, text, {}, []).message == text


def test_what_is_kept_is_bounded() -> None:
    fields = ", ".join(f'"k{n}": "{"v" * 1000}"' for n in range(100))
    line = read_line(AT, f'{{"msg": "{"m" * 100_000}", {fields}}}', {}, [])
    assert len(line.message) == MAX_MESSAGE
    assert len(line.attributes) == MAX_FIELDS
    assert max(map(len, line.attributes.values())) == 500


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_no_line_is_too_odd_to_be_read(text: str, labels: dict[str, str]) -> None:
    assert read_line(AT, text, labels, ["service"]).time == AT
