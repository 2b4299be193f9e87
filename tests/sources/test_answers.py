"""An answer is JSON, or a typed error that says what to check."""

from __future__ import annotations

import json

import pytest

from sre_bot.errors import QueryRefusedError, SourceUnavailableError
from sre_bot.sources.answers import read_json


def _read(body: bytes, status: int = 200, kind: str = "application/json") -> object:
    return read_json("prometheus", status, kind, body)


def test_json_is_read() -> None:
    assert _read(b'{"a": [1, "\xc3\xa9", "\\ud83d\\ude00"]}') == {"a": [1, "é", "😀"]}


def test_a_lone_surrogate_does_not_survive() -> None:
    value = _read(b'{"a": "x\\ud800y", "b": "\\uDFFF"}')
    assert value == {"a": "x?y", "b": "?"}
    json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (
            b"<!DOCTYPE html><title>Sign in</title>",
            "text/html",
            r"a web page \(HTML\): “Sign in”; .*not to a login page",
        ),
        (b"  <html>", "", r"a web page \(HTML\); check that its url"),
        (b"up 1\n", "text/plain", "something that is not JSON"),
        (b"", "application/json", "an empty answer; check that its url"),
        (b" \n", "application/json", "an empty answer"),
        (b'{"status":"succ', "application/json", "not JSON"),
        (b"[" * 200_000, "application/json", "not JSON"),
        (b"\xff\xfe\x00", "application/json", "not JSON"),
    ],
)
def test_what_is_not_json_says_what_to_check(body: bytes, kind: str, sentence: str) -> None:
    with pytest.raises(SourceUnavailableError, match=sentence):
        _read(body, kind=kind)


@pytest.mark.parametrize("fault", ["bad_data", "execution", "timeout"])
def test_a_fault_of_the_query_is_told_in_the_servers_words(fault: str) -> None:
    body = json.dumps({"status": "error", "errorType": fault, "error": "its own words"}).encode()
    with pytest.raises(QueryRefusedError, match="prometheus: its own words"):
        _read(body, status=422)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (
            500,
            b'{"status":"error","errorType":"internal","error":"disk on fire"}',
            r"HTTP 500 \(disk on fire\); its own log",
        ),
        (500, b"\x1b[31mpanic:\n  goroutine 1", r"HTTP 500 \(\[31mpanic: goroutine 1\); its own log"),
        (502, b"<html><h1>502 Bad Gateway</h1><hr>nginx</html>", r"HTTP 502 \(502 Bad Gateway nginx\); its own log"),
        (503, b"", "HTTP 503; its own log, or that of a proxy before it"),
        (401, b"Unauthorized", r"HTTP 401 \(Unauthorized\); check its token"),
        (403, b"{}", r"HTTP 403 \({}\); check what its token may read"),
        (404, b"404 page not found", r"HTTP 404 \(404 page not found\); check its url, and the path prefix"),
        (429, b"", "it limits how often it may be asked"),
        (500, b"[" * 200_000, "HTTP 500"),
    ],
)
def test_a_failing_server_is_unavailable(status: int, body: bytes, sentence: str) -> None:
    with pytest.raises(SourceUnavailableError, match=sentence):
        _read(body, status=status)


def test_a_long_page_is_quoted_in_part() -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        _read(b"x" * 1_000_000, status=500)
    assert len(str(caught.value)) < 500
