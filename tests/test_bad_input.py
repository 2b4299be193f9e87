"""Bad input, of people and of systems: a sentence that says what is wrong and what to do, and never a stack trace.

``pytest tests/test_bad_input.py -rP`` prints what a human sees in every row.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bad_input.configuration import ROWS as CONFIGURATION
from tests.bad_input.places import ROWS as PLACES
from tests.bad_input.questions import ROWS as QUESTIONS
from tests.bad_input.row import Servers, seen_as_process, seen_here, situation
from tests.bad_input.systems import ROWS as SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bad_input.row import Row

ROWS = (*CONFIGURATION, *SYSTEMS, *PLACES, *QUESTIONS)
OURS = ("SRE_BOT_", "SLACK_", "ANTHROPIC_", "PROMETHEUS_", "ALERTMANAGER_", "LOKI_", "TEMPO_")
TROUBLESHOOTING = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
RAW = re.compile(r"Traceback|Input should be|valid dictionary|<class|object at 0x|Errno|[A-Za-z]+Error\b|\btuple\b")
"""What only a programmer of Python understands."""


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as running:
        yield running


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of its own, an environment without ours, and the program's loggers put back."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    root, ours = logging.getLogger(), logging.getLogger("sre_bot")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.does, marks=[pytest.mark.real] if row.own_process else []) for row in ROWS],
)
def test_it_is_told_what_is_wrong_and_what_to_do(
    row: Row,
    tmp_path: Path,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with situation(row, tmp_path, servers) as (words, env):
        if row.own_process:
            screen = seen_as_process(words, env, tmp_path)
        else:
            screen = seen_here(words, env, monkeypatch, capsys)
    print(f"{row.does}\n{screen.out}{screen.err}exit status {screen.status}")  # noqa: T201 - for whoever reads the table
    assert screen.status == row.status
    assert screen.times(row.wrong) == 1, "said, and said once"
    assert screen.times(row.advice)
    assert not RAW.findall(screen.text)
    assert "hunter2" not in screen.text, "no secret is shown"
    assert row.status != 2 or not screen.out, "standard output is for answers"


def test_troubleshooting_tells_of_sentences_that_are_said() -> None:
    """A sentence of the guide is one of the table, so that it changes when the program does."""
    guide = [
        line.split("|")[1] for line in TROUBLESHOOTING.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"
    ]
    sentences = [sentence for cell in guide for sentence in re.findall("`([^`]+)`", cell)]
    said = [f"{row.wrong} {row.advice}"[:300] for row in ROWS]
    assert len(sentences) > 30
    assert not [one for one in sentences if not any(re.search(pattern(one), sentence) for sentence in said)]


def pattern(sentence: str) -> str:
    return ".*".join(map(re.escape, sentence.split("…")))
