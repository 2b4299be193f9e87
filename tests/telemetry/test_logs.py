"""Logs: a JSON object a line, or text for people; never with a secret in it."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from sre_bot.redaction import Redactor
from sre_bot.telemetry.logs import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = 'grüße"an\\alle/7'
LOG = logging.getLogger("sre_bot.somewhere")
redact = Redactor([SECRET]).redact


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put the program's loggers back."""
    root, ours = logging.getLogger(), logging.getLogger("sre_bot")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    said = capsys.readouterr()
    assert not said.out
    return [json.loads(line) for line in said.err.splitlines()]


def fail(why: str, message: str, *arguments: object) -> None:
    try:
        dict[str, str]()[why]
    except LookupError:
        LOG.exception(message, *arguments)


def test_a_line_tells_when_how_bad_who_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json", redact)
    LOG.info("accepted %s", "slack:T:C:1")
    (line,) = logged(capsys)
    assert (line["level"], line["logger"]) == ("info", "sre_bot.somewhere")
    assert line["message"] == "accepted slack:T:C:1"
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None
    assert line.keys() == {"time", "level", "logger", "message"}


def never(_: str) -> str:
    raise RuntimeError("the redactor has failed")


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_cannot_be_redacted_or_written_is_not_logged_and_that_is_said(
    capsys: pytest.CaptureFixture[str], form: Any
) -> None:
    log_to_stderr(form, never)
    LOG.warning("with %s", SECRET)
    log_to_stderr(form, redact)
    LOG.warning("%d", SECRET)
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("a line of log from sre_bot.somewhere (") for line in said] == [True, True]
    assert [line.rpartition(": ")[2] for line in said] == ["RuntimeError", "TypeError"]
    assert SECRET not in "".join(said)


def test_libraries_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json", redact)
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("trouble")
    LOG.debug("detail")
    assert [line["message"] for line in logged(capsys)] == ["trouble"]


def test_an_exception_brings_its_stack_on_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json", redact)
    fail("nothing there", "it broke")
    (line,) = logged(capsys)
    assert line["message"] == "it broke"
    assert line["stack"].startswith("Traceback")
    assert line["stack"].endswith("KeyError: 'nothing there'")


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_logged_in_a_message_an_argument_or_a_stack(capsys: pytest.CaptureFixture[str], form: Any) -> None:
    log_to_stderr(form, redact)
    fail(SECRET, "%s was refused: %r", SECRET, {"password": SECRET})
    said = capsys.readouterr().err
    assert "KeyError: '[redacted:configured]'" in said
    assert "alle/7" not in said
    if form == "json":
        assert json.loads(said)["message"].startswith("[redacted:configured] was refused")


def test_odd_characters_make_one_valid_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json", redact)
    LOG.warning("two\nlines, half a character \ud800, 🙂 and password=abc\"def'}")
    (line,) = logged(capsys)
    assert line["message"].startswith("two\nlines")


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("text", redact)
    LOG.warning("trouble")
    assert re.fullmatch(r"[\d:, -]+ WARNING sre_bot\.somewhere trouble\n", capsys.readouterr().err)


def test_said_once_however_often_it_is_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("text", redact)
    log_to_stderr("json", redact)
    LOG.warning("trouble")
    assert len(logged(capsys)) == 1
